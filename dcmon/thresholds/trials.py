"""Tests that are found in the readings: what all kinds share. Each is a record from its beginning on.

A running record is kept with all that was measured at every reading that changes it, so that a restart goes on in its
midst. What nobody saw (the device was silent, or dcmon did not run) counts as missing, not as bad.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from dcmon.model import Record
from dcmon.thresholds.board import Board
from dcmon.thresholds.gauges import Gauge
from dcmon.thresholds.ledger import Ledger, record_transition
from dcmon.thresholds.stamps import stamp
from dcmon.thresholds.timers import Order, Phase, Timer, Timers
from dcmon.thresholds.topology import Topology


class Trial:
    """Looks for tests of one asset, and measures the one that runs."""

    kind: str
    label: str
    tom: tuple[str, ...]

    def __init__(self, asset: str, board: Board, timers: Timers, ledger: Ledger, topology: Topology) -> None:
        self.asset = asset
        self.order: Order = (1500, self.kind, asset)
        self.record: Record | None = None
        self.board = board
        self.timers = timers
        self.ledger = ledger
        self.topology = topology
        self.at = 0
        """When it was looked at last."""
        self.missing = 0
        """How much of the running test nobody saw, ms."""
        self.timer = Timer("delay", self.evaluate, self.order, Phase.DEADLINE)
        self.gauges: list[Gauge] = []
        self.mains: frozenset[str] = frozenset()
        """Routes whose loss makes the asset run in earnest."""
        self.outages: frozenset[str] = frozenset()
        """Sequences that run when one of them is lost."""
        self._in_earnest = False
        """What runs since before this process began is the rest of an outage, although the mains are back."""

    # What the kinds say

    def idle(self) -> bool:
        """Whether it is known that nothing runs which could be a test."""
        raise NotImplementedError

    def begins(self, now: int) -> int | None:
        """Since when there is a test, ms UTC; None while there is none. Sets the timer where it is too early to say."""
        raise NotImplementedError

    def said_since(self, started: int) -> int:
        """From when on what was said last is of the test that began at `started`, though it was not said again."""
        return started

    def counts(self) -> bool:
        """Whether what is read now belongs to the test, which may be over."""
        return True

    def look(self, now: int) -> None:
        """Takes note of what the readings say during the test."""

    def ends(self, now: int) -> tuple[int, str] | None:
        """When the test has ended and by what, in words (empty: by itself). Sets the timer where it is too early."""
        raise NotImplementedError

    def judge(self, ended: int, why: str) -> tuple[str, str]:
        """Verdict and reason of the test that has ended."""
        raise NotImplementedError

    def facts(self) -> dict[str, Any]:
        """What the kind has to keep over a restart."""
        return {}

    def result(self) -> dict[str, Any]:
        """What the record says besides the figures."""
        return {}

    def restore(self, facts: Mapping[str, Any]) -> None:
        """The opposite of `facts`; {} when a test begins."""

    def miss(self, length: int) -> None:
        """For so long, ms, nobody saw how the test went on."""
        self.missing += length

    # The life of a test

    def evaluate(self, now: int) -> None:
        """Looks whether a test begins, how it goes on, whether it has ended."""
        if self.record is None:
            self._in_earnest = self._in_earnest and not self.idle()
            if self._in_earnest:
                return
            since = self.begins(now)
            if since is None:
                return
            self._begin(min(since, now), now)
        self._measure(now)
        found = self.ends(now)
        if found is not None:
            self._end(*found, now)
        else:
            self._keep()

    def resume(self, row: Record) -> None:
        """Goes on with the test of a record after a restart."""
        self.record = row
        measured = row.data["measured"]
        self.at, self.missing = measured["at"], measured["missing"]
        for gauge in self.gauges:
            gauge.start(self, self.said_since(row.started), measured["gauges"].get(gauge.point))
        self.restore(measured["facts"])

    def go_on(self, start: int, gap: int) -> None:
        """The first step of a process: for `gap` ms before `start` nobody was there."""
        if self.record is not None and gap > 0:
            alive = max(start - gap, self.at)
            for gauge in self.gauges:
                gauge.look_away(self.at, alive)
            self.miss(max(start - alive, 0))
            self.at = start
        # Readings of before say what was, not since when: whether the mains went before or after, the journal knows.
        self._in_earnest = self.record is None and any(
            row.kind == "sequence" and row.state == "running" and row.rule in self.outages
            for row in self.ledger.records.values()
        )
        self.evaluate(start)

    def shift(self, delta: int) -> None:
        """The machine's clock was set: what has elapsed stays elapsed."""
        if self.record is None:
            return
        self.record = replace(self.record, started=self.record.started + delta)
        self.at += delta
        for gauge in self.gauges:
            gauge.shift(delta)
        self._keep()

    def _begin(self, started: int, now: int) -> None:
        row_id = f"{self.kind}-{self.asset}@{stamp(started)}"
        reason = f"{self.topology.name(self.asset)}: {self.label} began"
        self.record = Record(row_id, self.kind, self.asset, None, "running", None, started, None, reason, self.tom)
        self.at, self.missing = started, 0
        for gauge in self.gauges:
            gauge.start(self, self.said_since(started))
        self.restore({})
        self._keep()
        self.ledger.tell(record_transition(replace(self.record, data={}), now, "started"))

    def _measure(self, now: int) -> None:
        for gauge in self.gauges:
            (gauge.look if self.counts() else gauge.look_away)(self.at, now)
        self.look(now)
        self.at = now

    def _end(self, ended: int, why: str, now: int) -> None:
        assert self.record is not None
        verdict, reason = self.judge(ended, why)
        reason = f"{self.topology.name(self.asset)}: {reason}"
        figures = {gauge.point: gauge.figures() for gauge in self.gauges if gauge.known}
        data = {
            **self.result(), "duration_ms": ended - self.record.started, "missing_ms": self.missing,
            "figures": figures, "series": [str(key) for gauge in self.gauges for key in gauge.series],
        }  # fmt: skip
        row = replace(self.record, state="done", verdict=verdict, ended=ended, reason=reason, data=data)
        for gauge in self.gauges:
            gauge.stop()
        self.record = None
        self.timers.set(self.timer, None)
        self.ledger.put_record(row)
        self.ledger.tell(record_transition(row, now, verdict))

    def _keep(self) -> None:
        assert self.record is not None
        measured = {
            "at": self.at, "missing": self.missing, "facts": self.facts(),
            "gauges": {gauge.point: gauge.state() for gauge in self.gauges},
        }  # fmt: skip
        self.record = replace(self.record, data={"measured": measured})
        self.ledger.put_record(self.record)
