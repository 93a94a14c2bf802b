"""Recordings in the format of snmpsim, as real ones are written."""

from __future__ import annotations

from pathlib import Path

import pytest

from dcmon.collectors.recording import RecordedSession, RecordingError, parse_recording, read_recording
from dcmon.collectors.snmp import NO_SUCH_INSTANCE, format_oid, parse_oid
from dcmon.model import CollectError

TEXT = """\
# a comment
.1.3.6.1.2.1.1.1.0|4|A device | with a bar\r
1.3.6.1.2.1.1.2.0|6|.1.3.6.1.4.1.9
1.3.6.1.2.1.1.3.0|67|12345

1.3.6.1.2.1.2.2.1.10.10|65|4294967295
1.3.6.1.2.1.2.2.1.10.9|65|7
1.3.6.1.2.1.2.2.1.10.200|70|18446744073709551615
1.3.6.1.2.1.4.20.1.1.10.0.0.1|64|10.0.0.1
1.3.6.1.2.1.4.20.1.2|64x|0a000001
1.3.6.1.4.1.9.1|4x|00FFab
1.3.6.1.4.1.9.2|5|
1.3.6.1.4.1.9.3|2|-1
1.3.6.1.4.1.9.4|66|42
1.3.6.1.4.1.9.5|68|raw
"""


async def test_every_type_is_read() -> None:
    session = RecordedSession(parse_recording(TEXT))
    values = {format_oid(varbind.oid): varbind.value for varbind in session.varbinds}
    assert values["1.3.6.1.2.1.1.1.0"] == b"A device | with a bar"
    assert values["1.3.6.1.2.1.1.2.0"] == "1.3.6.1.4.1.9"
    assert values["1.3.6.1.2.1.1.3.0"] == 12345
    assert values["1.3.6.1.2.1.2.2.1.10.200"] == 2**64 - 1
    assert values["1.3.6.1.2.1.4.20.1.1.10.0.0.1"] == values["1.3.6.1.2.1.4.20.1.2"] == b"\x0a\0\0\1"
    assert values["1.3.6.1.4.1.9.1"] == b"\x00\xff\xab"
    assert values["1.3.6.1.4.1.9.2"] is None
    assert values["1.3.6.1.4.1.9.3"] == -1
    assert values["1.3.6.1.4.1.9.5"] == b"raw"


async def test_walk_goes_in_the_order_of_numbers_and_stays_below_its_root() -> None:
    session = RecordedSession(parse_recording(TEXT))
    column = parse_oid("1.3.6.1.2.1.2.2.1.10")
    walked = [format_oid(varbind.oid).rpartition(".")[2] for varbind in await session.walk(column)]
    assert walked == ["9", "10", "200"]
    assert await session.walk(parse_oid("1.3.6.1.2.1.2.2.1.1")) == []
    columns = await session.walk_columns([column, parse_oid("1.3.6.1.9")])
    assert [len(found) for found in columns.values()] == [3, 0]
    assert len(await session.walk(parse_oid("1.3"))) == len(session)


async def test_get_answers_in_the_order_asked_and_says_what_it_lacks() -> None:
    session = RecordedSession(parse_recording(TEXT))
    oids = [parse_oid("1.3.6.1.4.1.9.4"), parse_oid("1.3.6.1.4.1.9.99"), parse_oid("1.3.6.1.2.1.1.3.0")]
    assert [(one.tag, one.value) for one in await session.get(oids)] == [
        (66, 42),
        (NO_SUCH_INSTANCE, None),
        (67, 12345),
    ]


@pytest.mark.parametrize(
    "line",
    [
        "1.3.6.1",
        "1.3.6.1|2",
        "1.3.x|2|1",
        "1.3.6.1|2:numeric|1",
        "1.3.6.1|2|one",
        "1.3.6.1|9|1",
        "1.3.6.1|4x|0g",
        "1.3.6.1|64|300.1.1.1",
    ],
)
def test_line_that_is_none_is_named(line: str) -> None:
    with pytest.raises(RecordingError, match=r"device\.snmprec:2: "):
        parse_recording(f"1.3.6.1.1|2|1\n{line}\n", "device.snmprec")


def test_text_of_any_encoding_survives(tmp_path: Path) -> None:
    path = tmp_path / "x.snmprec"
    path.write_bytes(b"1.3.6.1.1|4|20 \xb0C\n1.3.6.1.2|4|20 \xc2\xb0C\n")
    assert [one.value for one in read_recording(path).varbinds] == [b"20 \xb0C", b"20 \xc2\xb0C"]


def test_missing_file_is_a_device_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(CollectError, match="unreadable"):
        read_recording(tmp_path / "none.snmprec")
