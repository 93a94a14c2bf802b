"""What people enter becomes a record: checked against the site, kept for good, told like everything else."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from dcmon.config.duties import DutyRule
from dcmon.config.entries import (
    Cancel,
    CorrectionEntry,
    Delivery,
    Drill,
    DutyEntry,
    Entry,
    EntryError,
    Lesson,
    Maintenance,
    PageAnswer,
    PageTest,
)
from dcmon.config.site import AssetKind
from dcmon.model import Record
from dcmon.thresholds.duties import lines_of
from dcmon.thresholds.fuel_deliveries import Deliveries
from dcmon.thresholds.fuel_tank import capacity
from dcmon.thresholds.ledger import Ledger, record_transition
from dcmon.thresholds.logic import show_value
from dcmon.thresholds.page_tests import PageTests
from dcmon.thresholds.planning import Planning
from dcmon.thresholds.stamps import stamp
from dcmon.thresholds.topology import Topology

FUTURE_MS = 300_000
"""Clocks differ: what happened at most so far ahead of now is taken to have happened now."""


class Entries:
    """Takes entries of every kind."""

    def __init__(
        self,
        ledger: Ledger,
        topology: Topology,
        indicators: Callable[[], Iterable[str]],
        planning: Planning,
        deliveries: Deliveries,
        page_tests: PageTests,
        duties: Sequence[DutyRule] = (),
    ) -> None:
        self._ledger = ledger
        self._topology = topology
        self._deliveries = deliveries
        self._indicators = indicators
        self._planning = planning
        self._page_tests = page_tests
        self._duties = {duty.id: duty for duty in duties}

    def take(self, entry: Entry, now: int) -> Record:
        """Makes the record of an entry. EntryError when it does not fit the site or the time."""
        at = now if entry.at is None else entry.at
        if at > now + FUTURE_MS:
            raise EntryError("at: this lies in the future; enter what has happened")
        return _KINDS[entry.kind](self, entry, min(at, now), now)

    def delivery(self, entry: Delivery, at: int, now: int) -> Record:
        if self._topology.kind(entry.asset) is not AssetKind.TANK:
            tanks = ", ".join(asset.id for asset in self._topology.site.assets if asset.kind is AssetKind.TANK)
            raise EntryError(f"asset: {entry.asset} is no tank; the site has {tanks or 'none'}")
        litres = show_value(entry.litres, "l")
        holds = capacity(self._topology.assets[entry.asset].rating)
        if holds is not None and entry.litres > holds:
            raise EntryError(f"litres: {litres} are more than {entry.asset} holds, {show_value(holds, 'l')}; "
                             "enter what went into each tank, each delivery by itself")  # fmt: skip
        extra = f", with {entry.additives}" if entry.additives else ""
        reason = f"{litres} of {entry.fuel}{extra} delivered to {self._topology.name(entry.asset)}"
        words = {"litres": entry.litres, "fuel": entry.fuel, "additives": entry.additives, "note": entry.note}
        data = {**words, "entered": at}
        if (known := self._known_delivery(entry, data)) is not None:
            return known
        row = Record(
            f"delivery-{entry.asset}@{stamp(at)}", "delivery", entry.asset, None, "done", None, at, at, reason,
            ("T06",), entry.by, data,
        )  # fmt: skip
        return self._deliveries.entered(row, now) or self._put(row, now)

    def _known_delivery(self, entry: Delivery, data: dict[str, Any]) -> Record | None:
        """The record of which the same words are part already: with what was measured it has another id."""
        mine = (row for row in self._ledger.records.values() if (row.kind, row.subject) == ("delivery", entry.asset))
        known = next((row for row in mine if row.data.get("entered") == data["entered"]), None)
        if known is not None and (known.by != entry.by or any(known.data.get(word) != data[word] for word in data)):
            raise _another(known)
        return known

    def correction(self, entry: CorrectionEntry, at: int, now: int) -> Record:
        known = sorted(self._indicators())
        if entry.indicator not in known:
            raise EntryError(f"indicator: there is no {entry.indicator}; there are {', '.join(known)}")
        if entry.end > now:
            raise EntryError("end: this lies in the future; correct what was measured")
        promise = entry.indicator.partition(".")[0].partition(":")[0]
        data = {"was": entry.was, "now": entry.now, "evidence": entry.evidence, "note": entry.note, "entered": at}
        reason = f"{entry.indicator} was {entry.now}, not {entry.was}: {entry.reason}"
        row = Record(
            f"correction-{entry.indicator}@{stamp(at)}", "correction", entry.indicator, None, "done", None,
            entry.start, entry.end, reason, (promise,), entry.by, data,
        )  # fmt: skip
        return self._put(row, now)

    def maintenance(self, entry: Maintenance, at: int, now: int) -> Record:
        return self._planning.maintenance(entry, at, now)

    def drill(self, entry: Drill, at: int, now: int) -> Record:
        return self._planning.drill(entry, at, now)

    def cancel(self, entry: Cancel, at: int, now: int) -> Record:
        return self._planning.cancel(entry, at, now)

    def duty(self, entry: DutyEntry, at: int, now: int) -> Record:
        duty = self._duties.get(entry.duty)
        if duty is None:
            known = ", ".join(self._duties) or "none"
            raise EntryError(f"duty: the register has no {entry.duty}; it has {known}")
        assets = lines_of(duty, self._topology.site)
        if entry.asset is not None and entry.asset not in assets:
            raise EntryError(f"asset: {entry.duty} is not to be done at {entry.asset} but at {', '.join(assets)}")
        where = f" at {self._topology.name(entry.asset)}" if entry.asset is not None else ""
        proof = entry.note.strip() or entry.file.strip()
        data = {"asset": entry.asset, "note": entry.note, "file": entry.file.strip(), "sha256": entry.sha256}
        row_id = f"duty-{duty.id}" + (f"-{entry.asset}" if entry.asset is not None else "") + f"@{stamp(at)}"
        reason = f"{duty.name.en}{where} {entry.result}: {proof}"
        row = Record(row_id, "duty", duty.id, duty.id, "done", entry.result, at, at, reason, duty.tom, entry.by, data)
        return self._put(row, now)

    def lesson(self, entry: Lesson, at: int, now: int) -> Record:
        """Whether there was such an incident, whoever asks the journal knows: here only young ones are remembered."""
        latest = max(entry.contained_at or 0, entry.restored_at or 0)
        if latest > now:
            raise EntryError("contained_at, restored_at: this lies in the future; enter what has happened")
        data = {
            "cause": entry.cause, "lessons": entry.lessons, "measures": entry.measures, "note": entry.note,
            "contained_at": entry.contained_at, "restored_at": entry.restored_at,
        }  # fmt: skip
        reason = f"lesson of {entry.incident}: {entry.cause}"
        return self._keep("lesson", entry.incident, ("T30",), reason, entry.by, data, at, now)

    def page_test(self, entry: PageTest, at: int, now: int) -> Record:
        return self._page_tests.begin(entry, now)

    def page_answer(self, entry: PageAnswer, at: int, now: int) -> Record:
        return self._page_tests.answer(entry, at, now)

    def _keep(
        self,
        kind: str,
        subject: str,
        tom: tuple[str, ...],
        reason: str,
        by: str,
        data: dict[str, Any],
        at: int,
        now: int,
    ) -> Record:
        row = Record(f"{kind}-{subject}@{stamp(at)}", kind, subject, None, "done", None, at, at, reason, tom, by, data)
        return self._put(row, now)

    def _put(self, row: Record, now: int) -> Record:
        """Keeps and tells what is new; the same again is what it was."""
        known = self._ledger.records.get(row.id)
        if known is not None:
            if known != row:
                raise _another(known)
            return known
        self._ledger.put_record(row)
        self._ledger.tell(record_transition(row, now, "entered"))
        return row


def _another(known: Record) -> EntryError:
    return EntryError(f"at: there is another {known.kind} of {known.subject} at that very time; give its own time")


_KINDS: dict[str, Callable[[Entries, Any, int, int], Record]] = {
    "delivery": Entries.delivery,
    "correction": Entries.correction,
    "maintenance": Entries.maintenance,
    "drill": Entries.drill,
    "cancel": Entries.cancel,
    "duty": Entries.duty,
    "lesson": Entries.lesson,
    "page-test": Entries.page_test,
    "page-answer": Entries.page_answer,
}
"""Kind of entry -> what makes its record."""
