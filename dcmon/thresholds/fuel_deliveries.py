"""The delivery log (T06): what people enter and what the levels show become one record of each delivery."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from dcmon.config.rules import Fuel
from dcmon.model import Record
from dcmon.thresholds.fuel_book import Book
from dcmon.thresholds.ledger import Ledger, record_transition
from dcmon.thresholds.logic import show_value
from dcmon.thresholds.stamps import stamp
from dcmon.thresholds.topology import Topology


class Deliveries:
    """Records of kind `delivery`. `litres` is what counts: what was entered, else what was measured."""

    def __init__(self, settings: Fuel, ledger: Ledger, topology: Topology) -> None:
        self._settings = settings
        self._ledger = ledger
        self._topology = topology

    def measured(self, book: Book, start: int, end: int, litres: float, base: float, now: int) -> None:
        """The level of a tank has risen by `litres` from `start` to `end`."""
        tank = book.asset.id
        found = {"measured_l": litres, "from_l": round(base, 1), "measured_from": start, "measured_to": end}
        entered = self._near(tank, start, end, measured=False)
        if entered is not None:
            self._join(entered, found, now, "measured")
            return
        reason = f"{show_value(litres, 'l')} measured in {self._topology.name(tank)}; nobody has entered a delivery"
        data = {"litres": litres, "fuel": None, "additives": "", "note": "", **found}
        row = Record(
            f"delivery-{tank}@{stamp(start)}", "delivery", tank, None, "done", None, start, end, reason, ("T06",), None,
            data,
        )  # fmt: skip
        self._put(row, now, "measured")

    def entered(self, row: Record, now: int) -> Record | None:
        """The record of what was entered, if the same delivery was measured before; None if it was not."""
        found = self._near(row.subject, row.started, row.started, measured=True)
        if found is None:
            return None
        measured = {name: found.data[name] for name in ("measured_l", "from_l", "measured_from", "measured_to")}
        return self._join(replace(found, reason=row.reason, by=row.by, data=dict(row.data)), measured, now, "entered")

    def _join(self, row: Record, measured: dict[str, Any], now: int, state: str) -> Record:
        """Both figures in one record, and how far they are apart."""
        litres, shown = float(row.data["litres"]), float(measured["measured_l"])
        apart = round((litres - shown) / shown * 100, 1)
        differs = abs(apart) > self._settings.differs
        more = f"; {show_value(shown, 'l')} measured"
        if differs:
            more += f": {abs(apart):g} % {'less' if apart > 0 else 'more'} than entered differs too much"
        data = {**row.data, **measured, "difference_percent": apart, "differs": differs}
        joined = replace(row, reason=row.reason + more, data=data)
        self._put(joined, now, "differs" if differs else state)
        return joined

    def _near(self, tank: str, start: int, end: int, *, measured: bool) -> Record | None:
        """The delivery nearest to a time, measured and not entered or the other way round."""
        reach = self._settings.same_delivery
        rows = [
            row
            for row in self._ledger.records.values()
            if (row.kind, row.subject, row.state) == ("delivery", tank, "done")
            and ("measured_l" in row.data) is measured
            and (row.by is None) is measured
            and start - reach <= row.started
            and (row.ended or row.started) <= end + reach
        ]
        return min(rows, key=lambda row: (abs(row.started - start), row.id), default=None)

    def _put(self, row: Record, now: int, state: str) -> None:
        self._ledger.put_record(row)
        self._ledger.tell(record_transition(row, now, state))
