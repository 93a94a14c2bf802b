"""What was asked is kept: sessions for recordings."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from dcmon.collectors.decode_modbus import Block
from dcmon.collectors.keeping import KeepingReader, KeepingSession
from dcmon.collectors.recording import RecordedSession
from dcmon.collectors.register_recording import RecordedRegisters
from dcmon.collectors.snmp import INTEGER, NULL, OBJECT_IDENTIFIER, VarBind, format_oid, parse_oid
from dcmon.model import CollectError
from dcmon.recorder import read_range, walk_everything

ROWS = [VarBind(parse_oid(f"1.3.6.1.4.1.99999.{number}"), INTEGER, number) for number in range(1, 6)]
FAILED = VarBind(parse_oid("1.3.6.1.4.1.99999.6"), NULL, None)


async def test_what_the_agent_answered_is_kept_and_what_it_lacks_is_not() -> None:
    counts: list[int] = []
    session = KeepingSession(RecordedSession([*ROWS, FAILED]), counts.append)
    await session.get([ROWS[0].oid, FAILED.oid, parse_oid("1.3.6.1.4.1.99999.77")])
    assert list(session.kept.values()) == ROWS[:1]
    assert await session.walk(parse_oid("1.3.6.1.4.1.99999")) == [*ROWS, FAILED]
    assert {format_oid(oid) for oid in session.kept} == {format_oid(row.oid) for row in ROWS}
    assert counts == [1, 5]


async def test_a_branch_that_is_too_much_is_left_for_that_of_the_maker() -> None:
    class Large(RecordedSession):
        async def walk_columns(self, columns: Sequence[bytes], **words: bool) -> dict[bytes, list[VarBind]]:
            if columns[0] == parse_oid("1.3.6.1.4.1"):
                raise CollectError("loop", "more than 100000 values")
            return await super().walk_columns(columns, **words)

    name = VarBind(parse_oid("1.3.6.1.2.1.1.2.0"), OBJECT_IDENTIFIER, "1.3.6.1.4.1.99999.7.1")
    other = VarBind(parse_oid("1.3.6.1.4.1.4711.1"), INTEGER, 1)
    session = KeepingSession(Large([*ROWS, other, name]))
    await session.get([name.oid])
    (note,) = await walk_everything(session)
    assert note.startswith("1.3.6.1.4.1 is not in it: ")
    assert list(session.kept.values()) == [name, *ROWS]


class Counting(RecordedRegisters):
    """Refuses long reads, too, and counts."""

    longest = 100
    reads = 0

    async def read(self, function: int, address: int, count: int) -> list[int]:
        self.reads += 1
        if count > self.longest:
            raise CollectError("exception", "illegal_value")
        return await super().read(function, address, count)


@pytest.mark.parametrize("longest", [100, 7, 1])
async def test_a_range_is_read_to_its_last_register_whatever_the_unit_lacks(longest: int) -> None:
    values = {(3, number): number for number in range(300) if number % 50 not in (13, 14, 49)}
    unit = Counting(values, {(3, 13): "device_failure"})
    unit.longest = longest
    reader = KeepingReader(unit)
    assert await read_range(reader, Block(3, 0, 300)) == []
    assert reader.values == values
    assert reader.refused.keys() >= {(3, number) for number in range(300)} - values.keys()
    assert reader.refused[3, 13] == "device_failure"
    assert unit.reads < 2 * 300


async def test_a_unit_that_falls_silent_ends_its_range_with_a_note() -> None:
    class Silent(RecordedRegisters):
        async def read(self, function: int, address: int, count: int) -> list[int]:
            if address >= 100:
                raise CollectError("timeout", "no answer within 1 s")
            return [0] * count

    reader = KeepingReader(Silent({}, {}))
    (note,) = await read_range(reader, Block(4, 0, 300))
    assert "function 4 from" in note and "timeout" in note
    assert 0 < len(reader.values) <= 100
