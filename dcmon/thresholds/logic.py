"""Three-valued truth (Kleene) and the tests of rules, made ready once at start."""

from __future__ import annotations

from collections.abc import Iterable

from dcmon.config.conditions import Condition, Test
from dcmon.config.vocabulary import unit_of
from dcmon.model import Quality, Value
from dcmon.thresholds.board import NEVER, Board, Judged, Slot, attach

Truth = bool | None


def all_of(truths: Iterable[Truth]) -> Truth:
    """False if any is false, else unknown if any is unknown."""
    unknown = False
    for truth in truths:
        if truth is False:
            return False
        unknown = unknown or truth is None
    return None if unknown else True


def fewer_than(limit: int, able: int, unknown: int) -> Truth:
    """Whether fewer than `limit` are able, when `unknown` more may or may not be."""
    if able >= limit:
        return False
    return True if able + unknown < limit else None


def wanted_words(test: Test) -> str:
    """What a test asks for, as messages write it: `above 40`, `low or failed`."""
    if test.above is not None:
        return f"above {test.above:g}"
    if test.below is not None:
        return f"below {test.below:g}"
    if test.is_ is not None:
        return show_value(test.is_)
    return _either(test.in_) if test.in_ is not None else f"not {_either(test.not_in or ())}"


def _either(words: tuple[bool | int | float | str, ...]) -> str:
    return " or ".join(show_value(word) for word in words)


_GROWING = frozenset({"bit/s", "W", "Wh", "B"})
"""Units that people read in millions and milliards."""


def show_value(value: Value, unit: str | None = None) -> str:
    """A value as messages write it: `true`, `battery`, `74.2 %`."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        if unit in _GROWING and abs(value) >= 1e6:
            value, prefix = (value / 1e9, "G") if abs(value) >= 1e9 else (value / 1e6, "M")
            return f"{round(value, 3):g} {prefix}{unit}"
        text = f"{value:.10g}" if abs(value) >= 1e6 else f"{round(value, 3):g}"
    else:
        text = "unknown" if value is None else str(value)
    return f"{text} {unit}" if unit and unit != "1" and value is not None else text


def show_slot(slot: Slot) -> str:
    """`ups.on_battery is true`, with a remark where the value is not fully believed."""
    text = f"{slot.name} is {show_value(slot.value, unit_of(slot.key.point))}"
    if slot.quality == Quality.UNCERTAIN:
        text += f" (uncertain: {slot.note})" if slot.note else " (uncertain)"
    elif slot.note:
        text += f": {slot.note}"
    return text


class Term:
    """One condition of a rule on one asset, over all series it fits."""

    __slots__ = ("asset", "point", "slots", "test", "wanted")

    def __init__(self, condition: Condition, asset: str) -> None:
        self.asset = condition.asset or asset
        self.point = condition.point
        self.test, self.wanted = condition.compile(), wanted_words(condition)
        self.slots: list[Slot] = []

    def watch(self, board: Board, index: str | None, watcher: Judged) -> None:
        """Finds its slots, now and later, and has `watcher` look again when they change."""

        def found(slot: Slot) -> None:
            self.slots.append(slot)
            attach(slot, watcher)

        board.want(self.asset, self.point, index, found)

    def truth(self) -> Truth:
        """Whether every series passes; unknown while there is none."""
        if len(self.slots) == 1:
            return self.test(self.slots[0].value)
        return all_of(self.test(slot.value) for slot in self.slots) if self.slots else None

    def since(self, truth: Truth) -> int:
        """Since when the truth has been what it is, by the readings that make it so."""
        return max((slot.since for slot in self.slots if self.test(slot.value) is truth), default=NEVER)

    def describe(self) -> str:
        """What its series say, for a reason."""
        if not self.slots:
            return f"{self.point} of {self.asset} is unknown"
        telling = [slot for slot in self.slots if self.test(slot.value) is not True] or self.slots
        slot, unit = telling[0], unit_of(self.point)
        was = f" (was {show_value(slot.last, unit)})" if slot.value is None and slot.last is not None else ""
        return f"{slot.name} of {self.asset} is {show_value(slot.value, unit)}{was}"


def compile_terms(conditions: Iterable[Condition], asset: str, board: Board, watcher: Judged) -> tuple[Term, ...]:
    """The conditions of a rule for one asset."""
    terms = []
    for condition in conditions:
        term = Term(condition, asset)
        term.watch(board, condition.index, watcher)
        terms.append(term)
    return tuple(terms)
