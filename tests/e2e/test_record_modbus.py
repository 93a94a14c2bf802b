"""`dcmon record` against the simulated generator controller: registers of a profile, registers of a range."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from dcmon.ask import ask_modbus, ask_recorded
from dcmon.clock import SystemClock
from dcmon.collectors.profile import load_profiles
from dcmon.collectors.register_recording import read_registers
from dcmon.config.collectors import ModbusAddress
from dcmon.config.loader import load
from dcmon.sim import SCENARIOS, SimulatedSite

PROFILES = load_profiles()


@pytest.fixture
async def genset(example_site: Path) -> AsyncIterator[tuple[str, int]]:
    site = SimulatedSite(load(example_site), SystemClock(), SCENARIOS["normal"])
    yield (await site.start())["genset-a"]
    await site.stop()


async def record(address: tuple[str, int], *options: str) -> tuple[int, str, str]:
    host, port = address
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "dcmon", "record", f"{host}:{port}", "--modbus", "--unit", "10", *options),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await asyncio.wait_for(process.communicate(), 30)
    return process.returncode or 0, out.decode(), err.decode()


async def test_the_recording_of_a_unit_is_polled_as_the_unit(genset: tuple[str, int], tmp_path: Path) -> None:
    path = tmp_path / "genset.yaml"
    code, _, err = await record(genset, "--profile", "dse_gencomm", "--out", str(path))
    assert code == 0, err
    live = await ask_modbus(ModbusAddress(host=genset[0], port=genset[1], unit=10), PROFILES, "dse_gencomm", 1.0)
    again = await ask_recorded(path, PROFILES, None)
    assert again["profile"] == "dse_gencomm"
    assert [(one["point"], one["index"], one["quality"], one["source"]) for one in again["readings"]] == [
        (one["point"], one["index"], one["quality"], one["source"]) for one in live["readings"]
    ]
    steady = {"fuel.level", "engine.running", "mains.available", "genset.mode"}
    values = [
        {one["point"]: one["value"] for one in each["readings"] if one["point"] in steady} for each in (again, live)
    ]
    assert values[0] == values[1]
    serials = [
        [one["value"] for one in each["readings"] if one["point"] == "controller.serial"] for each in (again, live)
    ]
    assert serials[0] != serials[1]
    assert serials[0][0] > 0
    assert "note" not in err
    assert f"{len(live['readings'])} readings of dse_gencomm" in err


async def test_a_unit_that_says_what_it_is_needs_no_profile_and_another_does(example_site: Path) -> None:
    site = SimulatedSite(load(example_site), SystemClock(), SCENARIOS["normal"])
    addresses = await site.start()
    try:
        code, text, err = await record(addresses["genset-a"])
        assert (code, "\nprofile: dse_gencomm\n" in text) == (0, True), err
        code, text, err = await record(addresses["cooling-10"])
        assert (code, text) == (1, "")
        assert "--profile NAME or --range FUNCTION:FIRST-LAST" in err
    finally:
        await site.stop()


async def test_ranges_are_read_and_gaps_found_and_what_is_hidden_is_nought(
    genset: tuple[str, int], tmp_path: Path
) -> None:
    code, text, err = await record(genset, "--range", "3:700-1100", "--range", "4:0-9", "--hide", "3:770-771")
    assert code == 0, err
    path = tmp_path / "unit.yaml"
    path.write_text(text)
    recording = read_registers(path)
    assert recording.profile is None
    values = {span.address + at: value for span in recording.registers for at, value in enumerate(span.values)}
    assert values[1027] > 0
    assert {values.get(770), values.get(771)} <= {0, None}
    assert {refusal.exception for refusal in recording.refused} >= {"illegal_address"}
    assert (await ask_recorded(path, PROFILES, "dse_gencomm"))["readings"]


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--range", "6:0-1"], "is no range of registers"),
        (["--range", "3:9-1"], "is no range of registers"),
        (["--range", "3:0-30000"], "more than 20000 registers"),
        (["--profile", "rfc1628"], "profile rfc1628 is for snmp"),
    ],
)
async def test_a_recording_that_cannot_be_made_says_what_to_do(
    genset: tuple[str, int], options: list[str], says: str
) -> None:
    code, out, err = await record(genset, *options)
    assert (code, out) == (1, "")
    assert says in err
    assert "Traceback" not in err
