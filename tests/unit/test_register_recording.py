"""Recordings of Modbus units: written, read and asked as the unit itself."""

from __future__ import annotations

from pathlib import Path

import pytest

from dcmon.ask import ask_recorded
from dcmon.collectors.profile import load_profiles
from dcmon.collectors.register_recording import RecordedRegisters, format_registers, read_registers
from dcmon.model import CollectError, ConfigError

VALUES = {(3, address): address * 7 % 65536 for address in (*range(100, 140), 200, 65535)} | {(1, 5): 1}
REFUSED = {(3, address): "illegal_address" for address in range(140, 150)} | {(4, 0): "illegal_function"}


def write(folder: Path, text: str) -> Path:
    path = folder / "unit.yaml"
    path.write_text(text, encoding="utf-8")
    return path


async def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    recording = read_registers(write(tmp_path, format_registers(VALUES, REFUSED, "dse_gencomm")))
    unit = RecordedRegisters.of(recording)
    assert (recording.profile, unit.values, unit.refused) == ("dse_gencomm", VALUES, REFUSED)
    assert await unit.read(3, 100, 40) == [VALUES[3, address] for address in range(100, 140)]
    assert await unit.read(3, 65535, 1) == [VALUES[3, 65535]]


@pytest.mark.parametrize(
    ("read", "word"),
    [((3, 138, 4), "illegal_address"), ((4, 0, 1), "illegal_function"), ((3, 300, 1), "illegal_address")],
)
async def test_a_read_of_what_the_unit_lacks_is_refused_as_the_unit_did(
    tmp_path: Path, read: tuple[int, int, int], word: str
) -> None:
    unit = RecordedRegisters.of(read_registers(write(tmp_path, format_registers(VALUES, REFUSED, None))))
    with pytest.raises(CollectError) as caught:
        await unit.read(*read)
    assert caught.value.reason == "exception"
    assert caught.value.detail.startswith(word)


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("  - {function: 5, address: 1, values: [1]}", "less than or equal to 4"),
        ("  - {function: 3, address: 1, values: [65536]}", "less than or equal to 65535"),
        ("  - {function: 3, address: 1, values: []}", "nothing stands in it"),
        ("  - {function: 3, adress: 1, values: [1]}", "address' is missing"),
    ],
)
def test_a_line_that_is_none_is_named(tmp_path: Path, line: str, says: str) -> None:
    with pytest.raises(ConfigError) as caught:
        read_registers(write(tmp_path, f"protocol: modbus\nregisters:\n{line}\n"))
    message = str(caught.value.problems[0])
    assert "unit.yaml:" in message
    assert says in message


async def test_a_recording_is_polled_as_the_unit_it_was_made_of(tmp_path: Path) -> None:
    text = format_registers({(3, 1027): 73, (3, 1031): 501}, {(3, 1024): "illegal_address"}, "dse_gencomm")
    result = await ask_recorded(write(tmp_path, text), load_profiles(), None)
    assert (result["profile"], result["kind"]) == ("dse_gencomm", "genset")
    said = {(one["point"], one["value"], one["quality"]) for one in result["readings"]}
    assert {("fuel.level", 73, "good"), ("generator.frequency", 50.1, "good")} <= said
    assert "engine.oil_pressure" not in {one["point"] for one in result["readings"]}


async def test_a_recording_that_says_no_profile_wants_one(tmp_path: Path) -> None:
    path = write(tmp_path, format_registers({(3, 1027): 73}, {}, None))
    with pytest.raises(CollectError, match="says what it is"):
        await ask_recorded(path, load_profiles(), None)
    assert (await ask_recorded(path, load_profiles(), "dse_gencomm"))["kind"] == "genset"
