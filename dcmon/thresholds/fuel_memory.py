"""What the book of a tank remembers: plain figures, a row of the journal."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

STANDING, RUNNING, UNKNOWN = "standing", "running", "unknown"


@dataclass(frozen=True, slots=True)
class Memory:
    """What the record of a book holds. Litres; ms UTC."""

    litres: float | None = None
    """What is believed to be in the tank."""
    at: int = 0
    """When it began to be so, by the best evidence."""
    away: float | None = None
    """The content that was nearest to the believed one since `away_since`, if all was on one side of it since then."""
    away_since: int = 0
    engine: str = UNKNOWN
    engine_since: int = 0
    base: float | None = None
    """Content at the beginning of the stretch."""
    low: float = 0.0
    high: float | None = 0.0
    """What must have burnt in this stretch, at least and at most; None for nobody knows how much."""
    low_rate: float = 0.0
    high_rate: float | None = 0.0
    """The same in litres an hour, from `counted` on."""
    counted: int = 0
    calm: float | None = 0.0
    """What may have burnt, at most, until the content was last seen to be the believed one."""
    delivered: float = 0.0
    """In this stretch."""
    past: tuple[tuple[int, float, float], ...] = ()
    """While the engines stand: until when it held more than now, how much, and what may have burnt by then."""
    rise: tuple[int, int, float, float] | None = None
    """A rise that may be a delivery: from when, until when, from which content, and what had burnt by then."""
    ended: tuple[int, float, float, float] | None = None
    """A run that is over while the level is not at rest: when, hours, content at its start, litres by nameplate."""
    runs: tuple[tuple[float, float, float], ...] = ()
    """The last runs: hours, litres that are gone, litres by nameplate."""
    smallest: float | None = None
    """The smallest step that what is read was seen to make."""

    @classmethod
    def of(cls, data: Mapping[str, Any]) -> Memory:
        """As `plain` gave it."""
        pairs = {name: data[name] for name in cls.__slots__ if name in data}
        for name in ("past", "runs"):
            pairs[name] = tuple(tuple(one) for one in pairs.get(name, ()))
        for name in ("rise", "ended"):
            pairs[name] = None if pairs.get(name) is None else tuple(pairs[name])
        return cls(**pairs)

    def plain(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.__slots__}

    def shifted(self, delta: int) -> Memory:
        """The machine's clock was set."""
        return replace(
            self, at=self.at + delta, away_since=self.away_since + delta, engine_since=self.engine_since + delta,
            counted=self.counted + delta, past=tuple((end + delta, litres, burnt) for end, litres, burnt in self.past),
            rise=None if self.rise is None else (self.rise[0] + delta, self.rise[1] + delta, *self.rise[2:]),
            ended=None if self.ended is None else (self.ended[0] + delta, *self.ended[1:]),
        )  # fmt: skip
