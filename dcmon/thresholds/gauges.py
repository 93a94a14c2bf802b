"""What is measured during a test: lowest, mean and highest value of a point, and whether its limits were kept."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dcmon.config.vocabulary import unit_of
from dcmon.model import SeriesKey, number
from dcmon.thresholds.board import NEVER, Board, Judged, Slot, attach, detach
from dcmon.thresholds.logic import show_value

_RECOVERY_MS = 10_000
"""How long a governor of the lowest class (ISO 8528-5, G1) may take after a step of the load."""


class Gauge:
    """One point of one asset with all of its series; the mean is one over time.

    A value beyond a limit for no longer than one sample holds, or than a governor may take, is no violation: that is a
    step of the load.
    """

    def __init__(
        self, board: Board, asset: str, point: str, *, above: float | None = None, below: float | None = None
    ) -> None:
        self.point = point
        self._above, self._below = above, below
        self._hold = board.hold(asset, point)
        self._slots: list[Slot] = []
        self._attached: list[Slot] = []
        """Those that the owner does not look at anyway."""
        self._owner: Judged | None = None
        self._state: dict[str, Any] = {}
        self._since = NEVER
        board.keep(point)
        board.want(asset, point, None, self._found)

    @property
    def known(self) -> bool:
        """Whether the device gives it at all."""
        return bool(self._slots)

    @property
    def series(self) -> list[SeriesKey]:
        """Its series, for the curves."""
        return sorted((slot.key for slot in self._slots), key=str)

    def start(self, owner: Judged, since: int, state: Mapping[str, Any] | None = None) -> None:
        """From now on `owner` looks whenever a value changes. `state` is what an earlier process has measured.

        What was last said long before `since` is not of this test: in a replay it would hold for ever.
        """
        self._owner = owner
        self._since = since - self._hold
        self._state = dict(state) if state is not None else {
            "low": None, "high": None, "sum": 0.0, "known": 0, "now": None, "beyond": None, "violated": None,
        }  # fmt: skip
        for slot in self._slots:
            self._attach(slot, owner)

    def stop(self) -> None:
        """Nobody looks any more."""
        for slot in self._attached:
            if self._owner is not None:
                detach(slot, self._owner)
        self._attached.clear()
        self._owner = None

    def look(self, since: int, now: int) -> None:
        """What was said at `since` held until `now`; takes note of what is said now."""
        self.look_away(since, now)
        state = self._state
        said = (number(slot.value) for slot in self._slots if slot.seen >= self._since)
        values = [size for size in said if size is not None]
        state["now"] = sum(values) / len(values) if values else None
        for value in values:
            state["low"] = value if state["low"] is None else min(state["low"], value)
            state["high"] = value if state["high"] is None else max(state["high"], value)
        beyond = next((value for value in values if self._is_beyond(value)), None)
        if beyond is None:
            self._judge(now)
            state["beyond"] = None
        elif state["beyond"] is None:
            state["beyond"] = [now, beyond]

    def look_away(self, since: int, now: int) -> None:
        """What was said at `since` held until `now`; what is said from then on does not count."""
        state = self._state
        if state["now"] is not None:
            state["sum"] += state["now"] * (now - since)
            state["known"] += now - since
        state["now"] = None

    def finish(self, now: int) -> str | None:
        """What was wrong with it, in words; None when its limits were kept or it has none."""
        self._judge(now)
        if self._state["violated"] is None:
            return None
        unit = unit_of(self.point)
        value = show_value(float(self._state["violated"][1]), unit)
        wanted = [
            f"{word} {show_value(limit, unit)}"
            for word, limit in (("above", self._above), ("below", self._below))
            if limit is not None
        ]
        return f"{self.point} was {value}, wanted is {' and '.join(wanted)}"

    def state(self) -> dict[str, Any]:
        """What has to be kept over a restart."""
        return dict(self._state)

    def figures(self) -> dict[str, float | None]:
        """For the record, in the unit of the point."""
        state = self._state
        mean = round(state["sum"] / state["known"], 3) if state["known"] else state["now"]
        return {"lowest": state["low"], "mean": mean, "highest": state["high"]}

    def shift(self, delta: int) -> None:
        """The machine's clock was set."""
        self._since += delta
        if self._state.get("beyond") is not None:
            self._state["beyond"] = [self._state["beyond"][0] + delta, self._state["beyond"][1]]

    def _found(self, slot: Slot) -> None:
        self._slots.append(slot)
        if self._owner is not None:
            self._attach(slot, self._owner)

    def _attach(self, slot: Slot, owner: Judged) -> None:
        if owner not in slot.watchers:
            attach(slot, owner)
            self._attached.append(slot)

    def _is_beyond(self, value: float) -> bool:
        return (self._above is not None and value < self._above) or (self._below is not None and value > self._below)

    def _judge(self, now: int) -> None:
        beyond = self._state["beyond"]
        if beyond is not None and self._state["violated"] is None and now - beyond[0] > max(self._hold, _RECOVERY_MS):
            self._state["violated"] = beyond
