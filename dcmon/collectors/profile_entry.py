"""One entry of a profile: what quantity it gives, which other values it needs, and what is wrong with it.

Faults that need more than the entry itself are in profile_check.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final, TypeAlias

from dcmon.collectors.decode import Quantity
from dcmon.collectors.profile_model import Entry, Reference
from dcmon.collectors.transforms import UNITS, conversion
from dcmon.config.vocabulary import Point, vocabulary
from dcmon.config.yamlfile import Loc

Fault: TypeAlias = tuple[Loc, str, str, str]
"""Where (in the entry, or in the file), id of the check, what is wrong, what to do."""

MODBUS: Final = ("holding", "input", "coil", "discrete")


def quantity_of(entry: Entry) -> Quantity:
    """Name, type and unit of the entry's point: the vocabulary's, else its own."""
    known = vocabulary().get(entry.point)
    if known is not None:
        return Quantity(entry.point, known.type, known.unit, frozenset(known.values))
    kind = entry.type or _guess(entry)
    words = frozenset(word for word in entry.states.values() if isinstance(word, str))
    return Quantity(entry.point, kind, entry.unit, words)


def _guess(entry: Entry) -> str:
    """An own point with states is an enumeration, or a truth; anything else is a number."""
    said = [word for word in entry.states.values() if word is not None]
    if said:
        return "bool" if all(isinstance(word, bool) for word in said) else "enum"
    return "bool" if entry.true_above is not None or entry.true_below is not None else "number"


def references(entry: Entry) -> list[Reference]:
    """The other values that the entry needs."""
    found: list[Reference] = [*entry.absent_when, *entry.only_when, *entry.scale_from]
    if entry.unit_from is not None:
        found.append(entry.unit_from)
    return found


def is_modbus(entry: Entry) -> bool:
    """Whether the entry comes from registers rather than from objects."""
    return any(getattr(entry, source) is not None for source in MODBUS)


def faults_of(entry: Entry) -> Iterator[Fault]:
    """Everything that is wrong with the entry whatever stands around it; places are within the entry."""
    known = vocabulary().get(entry.point)
    yield from _own_point(entry) if known is None else _known_point(entry, known)
    yield from _unit(entry)
    yield from _value(entry)
    yield from _clashes(entry)
    yield from _aggregate(entry)
    yield from _references(entry)
    yield from _rate(entry)


def _own_point(entry: Entry) -> Iterator[Fault]:
    kind = quantity_of(entry).type
    if entry.description is None:
        hint = "Use a canonical name (dcmon/config/vocabulary.yaml), or give this one a unit and a description."
        yield ("point",), "P003", f"{entry.point!r} is not in the vocabulary", hint
    elif entry.unit is None and kind == "number":
        yield (), "P003", f"{entry.point}: a number of one's own needs a unit", 'Add unit, "1" for a plain count.'
    if entry.unit is not None and kind in ("bool", "enum"):
        yield ("unit",), "P006", f"{entry.point}: words and truths have no unit", "Remove it."
    elif entry.unit is not None and entry.unit not in UNITS:
        yield ("unit",), "P005", f"{entry.point}: {entry.unit!r} is no unit", f"Use one of {_listed(UNITS)}."


def _known_point(entry: Entry, known: Point) -> Iterator[Fault]:
    for word in ("unit", "type", "description", "fast"):
        if getattr(entry, word) is not None:
            hint = "Remove it here; note may say more."
            yield (word,), "P006", f"{entry.point}: the vocabulary says its {word}", hint


def _references(entry: Entry) -> Iterator[Fault]:
    for word in ("absent_when", "only_when", "scale_from", "unit_from"):
        said = getattr(entry, word)
        for other in said if isinstance(said, tuple) else () if said is None else (said,):
            register = other.holding is not None or other.input is not None
            if register != is_modbus(entry):
                message = f"{entry.point} depends on a value of another protocol"
                yield (word,), "P008", message, "Name one of the same device."
            elif other.column is not None and entry.column is None:
                yield (word,), "P004", f"{entry.point} is a scalar and has no row", "Depend on an oid."


def _unit(entry: Entry) -> Iterator[Fault]:
    if entry.states:
        return
    target = quantity_of(entry).unit
    sources: list[tuple[Loc, str]] = [] if entry.given_in is None else [(("given_in",), entry.given_in)]
    if entry.unit_from is not None:
        sources += [(("unit_from", "map", said), unit) for said, unit in entry.unit_from.map.items()]
        if entry.unit_from.otherwise is not None:
            sources.append((("unit_from", "otherwise"), entry.unit_from.otherwise))
    for place, source in sources:
        if conversion(source, target) is None:
            message = f"{entry.point}: {source} does not become {target or 'a value without unit'}"
            yield place, "P005", message, "Name a unit of the same kind of quantity."


def _value(entry: Entry) -> Iterator[Fault]:
    quantity = quantity_of(entry)
    said = [word for word in entry.states.values() if word is not None]
    threshold = entry.true_above is not None or entry.true_below is not None
    if quantity.type == "enum":
        if not entry.states:
            yield (), "P007", f"{entry.point} is an enumeration", "Give states: {raw: word}."
        for raw, word in entry.states.items():
            if word is not None and (not isinstance(word, str) or (quantity.values and word not in quantity.values)):
                hint = f"Use one of {_listed(quantity.values)}; quote off, on, yes and no."
                yield ("states", raw), "P007", f"{entry.point}: {word!r} is none of its words", hint
    elif quantity.type == "bool":
        if any(not isinstance(word, bool) for word in said):
            yield ("states",), "P007", f"{entry.point} is true or false", "Map raw values to true and false."
        raw_truth = entry.bit is not None or entry.coil is not None or entry.discrete is not None
        if not entry.states and not threshold and not raw_truth and entry.aggregate not in ("any", "all"):
            yield (), "P007", f"{entry.point} is true or false", "Give states, true_above, true_below or bit."
    elif entry.states or threshold:
        yield (), "P007", f"{entry.point} is a {quantity.type}", "states and thresholds do not belong to it."
    yield from _states(entry)
    hard, soft = entry.invalid_outside, entry.range
    if hard is not None and soft is not None and (soft[0] < hard[0] or soft[1] > hard[1]):
        yield ("range",), "P007", f"{entry.point}: range is wider than invalid_outside", "Correct one of them."


def _states(entry: Entry) -> Iterator[Fault]:
    """Raw values that cannot come, or that mean two things."""
    seen: dict[object, object] = {}
    for raw in entry.states:
        key = raw.casefold() if isinstance(raw, str) else raw
        if key in seen:
            message = f"{entry.point}: {seen[key]!r} and {raw!r} are the same word to a device"
            yield ("states", raw), "P007", message, "Remove one; upper and lower case do not matter."
        seen.setdefault(key, raw)
        if key in {value.casefold() if isinstance(value, str) else value for value in entry.absent}:
            yield ("states", raw), "P007", f"{entry.point}: {raw!r} is a state and absent", "Remove one of them."
        if entry.text == "word" and not isinstance(raw, str):
            yield ("states", raw), "P007", f"{entry.point}: text holds no number {raw!r}", "Put it in quotes."
        elif entry.bit is not None and entry.text is None and raw not in (0, 1):
            yield ("states", raw), "P007", f"{entry.point}: a bit is never {raw!r}", "Use 0 and 1."


_LINEAR: Final = ("scale", "offset", "given_in", "unit_from", "scale_from", "range", "invalid_outside")
_PARTS: Final = ("mask", "shift", "bit")

_CLASHES: Final[Mapping[str, tuple[str, ...]]] = {
    "true_above": ("true_below",),
    "given_in": ("unit_from",),
    "bit": ("mask", "shift"),
    "fallback": ("required",),
    "column": ("required",),
    "coil": (*_LINEAR, *_PARTS, "text", "word_order"),
    "discrete": (*_LINEAR, *_PARTS, "text", "word_order"),
    "holding": ("text",),
    "input": ("text",),
    "oid": ("word_order",),
}
"""Word -> words that mean nothing beside it."""


def _clashes(entry: Entry) -> Iterator[Fault]:
    given = {word for word in entry.model_fields_set if getattr(entry, word) is not None}
    for word, others in _CLASHES.items():
        if word in given:
            yield from _unfit(entry, word, given.intersection(others))
    if entry.states:
        yield from _unfit(entry, "states", given.intersection((*_LINEAR, "true_above", "true_below")))
    if quantity_of(entry).type == "counter":
        yield from _unfit(entry, "a counter", given.intersection(_LINEAR))
    if entry.text is not None:
        unfit = {"mask", "shift"} | ({"bit"} if entry.text != "digits" else set())
        if entry.text == "quantity":
            unfit |= {"given_in", "unit_from"}
        yield from _unfit(entry, f"text: {entry.text}", given & unfit)
    if entry.text == "digits" and entry.bit is None:
        yield ("text",), "P011", f"{entry.point}: text: digits picks one digit", "Say which one: bit, 0 is the first."
    if entry.text == "word" and not entry.states:
        yield ("text",), "P011", f"{entry.point}: text: word needs states", "Say what each word means."


def _unfit(entry: Entry, what: str, words: set[str]) -> Iterator[Fault]:
    for word in sorted(words):
        yield (word,), "P011", f"{entry.point}: {word} means nothing beside {what}", "Remove one of the two."


_NUMBERS_OF: Final = ("number", "counter")


def _aggregate(entry: Entry) -> Iterator[Fault]:
    kind = quantity_of(entry).type
    if entry.aggregate in ("any", "all"):
        wanted: tuple[str, ...] = ("bool",)
    elif entry.aggregate in ("sum", "min", "max", "mean", "rows", "count"):
        wanted = _NUMBERS_OF
    else:
        return
    if kind not in wanted:
        message = f"{entry.point}: {entry.aggregate} of a column is no {kind}"
        yield ("aggregate",), "P007", message, "Truths take any, all; numbers take sum, min, max, mean, rows, count."


def _rate(entry: Entry) -> Iterator[Fault]:
    rate = entry.rate
    if rate is None:
        return
    known = vocabulary().get(rate.point)
    if known is None:
        yield ("rate", "point"), "P003", f"{rate.point} is no point of the vocabulary", "Use one that is."
    elif known.type != "number":
        yield ("rate", "point"), "P007", f"{rate.point} is a {known.type}, a rate is a number", "Use another point."
    if quantity_of(entry).type != "counter":
        yield ("rate",), "P007", f"{entry.point} is no counter", "Only counters have rates."


def _listed(words: frozenset[str]) -> str:
    return ", ".join(sorted(words))
