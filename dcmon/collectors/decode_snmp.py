"""SNMP variable bindings to readings, by a plan made beforehand. Pure; `collect` asks the device.

Scalars are one dictionary look-up and one closure each. Fallback entries are looked at after all others, and only
where those gave nothing usable.
"""

from __future__ import annotations

from collections.abc import Sequence

from dcmon.collectors.decode import BAD
from dcmon.collectors.decode_answer import (
    NEW,
    UNUSUAL,
    Answer,
    Column,
    Output,
    Row,
    Scalar,
    SnmpGroup,
    other_of,
    raw_of,
)
from dcmon.collectors.decode_rates import RateMemory
from dcmon.collectors.decode_tables import decode_column, decode_late_column, decode_rates, rows_of
from dcmon.collectors.transforms import as_text
from dcmon.model import Reading


def decode_answer(group: SnmpGroup, answer: Answer, asset: str, ts: int, memory: RateMemory | None) -> list[Reading]:
    """Readings of one poll from what the device said. Never raises, whatever that is."""
    out = Output(ts, asset)
    late_scalars = _scalars(group.scalars, answer, out)
    late_columns: list[tuple[Column, Sequence[Row]]] = []
    for table in group.tables:
        rows = rows_of(table, answer)
        for slot in table.slots:
            if slot.fallback is not None:
                late_columns.append((slot, rows))
            else:
                decode_column(slot, rows, answer, out)
    for scalar in late_scalars:
        _late_scalar(scalar, answer, out)
    for slot, late_rows in late_columns:
        decode_late_column(slot, late_rows, answer, out)
    if out.pending:
        decode_rates(out, memory)
    return out.readings


def _scalars(slots: Sequence[Scalar], answer: Answer, out: Output) -> list[Scalar]:
    """The hot loop. What it leaves are the fallbacks."""
    late: list[Scalar] = []
    add = out.readings.append
    found = answer.scalars.get
    ts, asset = out.ts, out.asset
    for slot in slots:
        oid, point, index, source, decode, dynamic, required, fallback, named_by = slot
        if fallback is not None:
            late.append(slot)
            continue
        varbind = found(oid)
        if varbind is None or varbind[1] in UNUSUAL:
            raw = raw_of(varbind)
            if raw is None:
                if required:
                    add(Reading(ts, asset, point, index, None, BAD, "absent", source))
                continue
        else:
            raw = varbind[2]
        if dynamic is not None:
            result = dynamic.decode(raw, other_of(answer, None))
            if result is None:
                continue
            value, quality, reason = result
        else:
            value, quality, reason = decode(raw)
        if named_by is not None and index is not None:
            index = out.unique(point, as_text(answer.raw(named_by)) or index, index)
        add(NEW(Reading, (ts, asset, point, index, value, quality, reason, source)))
    return late


def _late_scalar(slot: Scalar, answer: Answer, out: Output) -> None:
    if not out.wanted(slot.point, slot.index, slot.fallback or ""):
        return
    raw = answer.raw(slot.oid)
    if raw is None:
        return
    result = slot.decode(raw) if slot.dynamic is None else slot.dynamic.decode(raw, other_of(answer, None))
    if result is None:
        return
    out.add_late(Reading(out.ts, out.asset, slot.point, slot.index, *result, slot.source), slot.fallback or "")
