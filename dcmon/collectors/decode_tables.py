"""Tables: which rows are in use, what they are called, and what their cells say.

Columns are decoded one after the other over rows that are named and sorted out once.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from ipaddress import ip_address
from typing import TypeAlias

from dcmon.collectors.decode import GOOD, Raw, Result
from dcmon.collectors.decode_aggregate import aggregate, believe
from dcmon.collectors.decode_answer import (
    NEW,
    UNUSUAL,
    Answer,
    Column,
    GroupNames,
    Output,
    Row,
    Table,
    other_of,
    raw_of,
)
from dcmon.collectors.decode_rates import RateMemory, Sample
from dcmon.collectors.snmp import COUNTER64, VarBind, suffix_parts
from dcmon.collectors.transforms import as_text
from dcmon.model import Reading, Value


def rows_of(table: Table, answer: Answer) -> list[Row]:
    """The rows that are in use, named: every suffix that any of the columns has, in the order of the walk."""
    suffixes: dict[bytes, None] = {}
    for slot in table.slots:
        suffixes.update(dict.fromkeys(answer.columns.get(slot.column, ())))
    in_use = answer.raw(table.rows) if table.rows is not None else None
    groups = _groups(table, answer, suffixes)
    rows: list[Row] = []
    taken: set[str] = set()
    units: dict[str, tuple[int, ...]] = {}
    for suffix in suffixes:
        numbers = suffix_parts(suffix)
        first = numbers[0] if numbers else 0
        if isinstance(in_use, int) and 0 < in_use < first:
            continue
        if table.skip and _skipped(table, answer, suffix, first):
            continue
        text = ".".join(map(str, numbers))
        name = _grouped(table, answer, suffix, groups) or _label(table, answer, suffix, numbers, text)
        unit = numbers[: _position(table.index, numbers)]
        if units.setdefault(name, unit) != unit:
            name = _of_unit(table, unit, name)
        label = f"{name}#{text}" if name in taken else name  # ports that share a name, sensors that never got one
        taken.add(label)
        rows.append(Row(suffix, text, label, first, name))
    return rows


def _skipped(table: Table, answer: Answer, suffix: bytes, first: int) -> bool:
    def cell(column: bytes) -> Raw:
        return answer.cell(column, suffix)

    return any(test(suffix, cell, first) for test in table.skip)


_Group: TypeAlias = tuple[tuple[int, ...], str]
"""A group of variables: the row index but its last number, and its name."""


def _groups(table: Table, answer: Answer, suffixes: Iterable[bytes]) -> Mapping[_Group, str]:
    """What the groups of a table of variables are called; two of one device that share a text by their name, too."""
    found: dict[_Group, str] = {}
    if table.group is None:
        return found
    for suffix in suffixes:
        group, member = _member(table.group, answer, suffix)
        text = as_text(answer.cell(table.group.text, suffix))
        if member == table.group.member and text:
            found[group] = text
    shared = Counter((device, text) for (device, _), text in found.items())
    return {
        (device, name): text if shared[device, text] == 1 else f"{text} ({name})"
        for (device, name), text in found.items()
    }


def _member(group: GroupNames, answer: Answer, suffix: bytes) -> tuple[_Group, str]:
    variable = as_text(answer.cell(group.column, suffix)) or ""
    name, _, member = variable.rpartition(".")
    return (suffix_parts(suffix)[:-1], name), member


def _grouped(table: Table, answer: Answer, suffix: bytes, groups: Mapping[_Group, str]) -> str | None:
    if table.group is None:
        return None
    group, member = _member(table.group, answer, suffix)
    name = groups.get(group)
    if name is None:
        return None
    return table.prefix + (name if member in table.group.unsaid else f"{name} {member}")


def _label(table: Table, answer: Answer, suffix: bytes, numbers: tuple[int, ...], text: str) -> str:
    for column in table.names:
        name = as_text(answer.cell(column, suffix))
        if name:
            return table.prefix + name
    if table.index == "address":
        return table.prefix + (_address(numbers) or text)
    number = _number(table.index, numbers)
    if number in table.labels:
        return table.prefix + table.labels[number]
    return table.prefix + (text if table.index == "suffix" else str(number))


def _of_unit(table: Table, unit: tuple[int, ...], name: str) -> str:
    """What the row of a further unit of a daisy chain is called: the unit, then the row, as in `2/1`. The first unit,
    which is the one that answers, keeps the plain names that it has alone."""
    return f"{table.prefix}{'.'.join(map(str, unit))}/{name.removeprefix(table.prefix)}"


def _number(index: str, numbers: tuple[int, ...]) -> int:
    position = _position(index, numbers)
    return numbers[position] if position < len(numbers) else 0


def _position(index: str, numbers: tuple[int, ...]) -> int:
    """Which number of a row's index names it; those before it are the unit's."""
    return {"second": 1, "third": 2, "last": max(len(numbers) - 1, 0)}.get(index, 0)


def _address(numbers: Sequence[int]) -> str | None:
    """The IP address with which an index ends: InetAddressType and InetAddress of RFC 4001; some leave out the length
    between them, BGP4-V2-MIB-JUNIPER among them. None when there is none."""
    for kind, octets, zone in ((2, 16, 0), (4, 16, 4), (1, 4, 0)):
        at = len(numbers) - octets - zone
        if numbers[max(at - 2, 0) : at] != (kind, octets + zone) and numbers[max(at - 1, 0) : at] != (kind,):
            continue
        if max(numbers[at:]) < 256:
            said = ip_address(bytes(numbers[at : at + octets]))
            return f"{said}%{int.from_bytes(numbers[at + octets :])}" if zone else str(said)
    return None


def decode_column(slot: Column, rows: Sequence[Row], answer: Answer, out: Output) -> None:
    """One column of a table: a reading for each row that has a value, into `out`."""
    cells = answer.columns.get(slot.column)
    if not cells:
        return
    if slot.aggregate is not None:
        reading = _aggregated(slot, rows, answer, out)
        if reading is not None:
            out.readings.append(reading)
        return
    add = out.readings.append
    ts, asset, point, base, decode = out.ts, out.asset, slot.point, slot.text, slot.decode
    plain = not slot.where and slot.dynamic is None and slot.rate is None
    for row in rows:
        varbind = cells.get(row[0])
        if varbind is None:
            continue
        if plain and varbind[1] not in UNUSUAL:
            value, quality, reason = decode(varbind[2])
            add(NEW(Reading, (ts, asset, point, row[2], value, quality, reason, base + row[1])))
            continue
        reading = _cell(slot, row, varbind, answer, out)
        if reading is not None:
            add(reading if not slot.where else reading._replace(index=out.name_of(slot.point, row)))
            _remember_rate(slot, row, varbind, reading, answer, out)


def _cell(slot: Column, row: Row, varbind: VarBind, answer: Answer, out: Output) -> Reading | None:
    """The reading of one cell; None where the row is not meant or says nothing."""
    raw = raw_of(varbind)
    if raw is None:
        return None
    if slot.where:

        def cell(column: bytes) -> Raw:
            return answer.cell(column, row.suffix)

        if not all(test(row.suffix, cell, row.first) for test in slot.where):
            return None
    result = slot.decode(raw) if slot.dynamic is None else slot.dynamic.decode(raw, other_of(answer, row.suffix))
    if result is None:
        return None
    return Reading(out.ts, out.asset, slot.point, row.label, *result, slot.text + row.text)


def _aggregated(slot: Column, rows: Sequence[Row], answer: Answer, out: Output) -> Reading | None:
    cells = answer.columns.get(slot.column, {})
    results: list[Result] = []
    raws: list[Raw] = []
    for row in rows:
        varbind = cells.get(row.suffix)
        reading = None if varbind is None else _cell(slot, row, varbind, answer, out)
        if reading is not None:
            raws.append(raw_of(varbind))
            results.append((reading.value, reading.quality, reading.reason))
    if not results:
        return None
    value, quality, reason = aggregate(slot.aggregate or "", results, raws, slot.count, slot.believed)
    return Reading(out.ts, out.asset, slot.point, slot.index, value, quality, reason, slot.text.rstrip("."))


def decode_late_column(slot: Column, rows: Sequence[Row], answer: Answer, out: Output) -> None:
    """A column that needs what other columns gave: a fallback, a scale or a unit from another value."""
    cells = answer.columns.get(slot.column)
    fallback = slot.fallback or ""
    if not cells:
        return
    if slot.aggregate is not None:
        reading = _aggregated(slot, rows, answer, out)
        if reading is not None and out.wanted(slot.point, slot.index, fallback):
            out.add_late(reading, fallback)
        return
    if fallback != "index" and not out.wanted(slot.point, None, fallback):
        return
    out.names.pop(slot.point, None)  # named in the same order, a row has the name of the one that it stands in for
    replaced = False
    for row in rows:
        varbind = cells.get(row.suffix)
        reading = None if varbind is None else _cell(slot, row, varbind, answer, out)
        if varbind is None or reading is None:
            continue
        if slot.where:
            reading = reading._replace(index=out.name_of(slot.point, row))
        if replaced:
            out.readings.append(reading)
        elif not out.wanted(slot.point, reading[3], fallback) or not out.add_late(reading, fallback):
            continue
        elif fallback == "point":
            replaced = True  # the rest of this column belongs to it
        _remember_rate(slot, row, varbind, reading, answer, out)


def _remember_rate(slot: Column, row: Row, varbind: VarBind, reading: Reading, answer: Answer, out: Output) -> None:
    rate = slot.rate
    if rate is None or reading.quality is not GOOD or not isinstance(reading.value, int):
        return
    uptime = answer.raw(rate.uptime)
    restart = answer.cell(rate.discontinuity, row.suffix) if rate.discontinuity is not None else None
    sample = Sample(
        out.ts,
        reading.value,
        64 if varbind.tag == COUNTER64 else 32,
        uptime if isinstance(uptime, int) else None,
        restart if isinstance(restart, int) else None,
        reading.source or "",
    )
    out.pending.append((rate, row.label, sample, reading.source or ""))


def decode_rates(out: Output, memory: RateMemory | None) -> None:
    """Rates from the counters in `out` and those of the poll before; none without a memory."""
    if memory is None:
        return
    limits: dict[tuple[str, str | None], Value] = {
        (reading.point, reading[3]): reading.value for reading in out.readings if reading.quality is GOOD
    }
    for rate, label, sample, source in out.pending:
        limit = limits.get((rate.limit, label)) if rate.limit is not None else None
        speed = int(limit) if isinstance(limit, int | float) else None
        result = memory.rate(rate.point, label, sample, rate.factor, speed)
        if result is not None and isinstance(result[0], int) and result[1] is GOOD:
            result = believe(result[0], rate.believed)
        if result is not None:
            out.readings.append(Reading(out.ts, out.asset, rate.point, label, *result, source))
