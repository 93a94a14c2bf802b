"""`dcmon poll` against the simulated generator controller: the command, a real socket, registers of the public map."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

import pytest
from modbus_maps import PROFILE_OF, UNIT, numbers, served

from dcmon.clock import SystemClock
from dcmon.config.loader import load
from dcmon.sim import SCENARIOS, SimulatedSite


async def poll(address: tuple[str, int], *options: str) -> tuple[int, Any, str]:
    host, port = address
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "dcmon", "poll", "--modbus", f"{host}:{port}", "--json", *options),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await asyncio.wait_for(process.communicate(), 30)
    return process.returncode or 0, json.loads(out) if out else None, err.decode()


def value(result: Any, point: str, index: str | None = None) -> Any:
    return next(r["value"] for r in result["readings"] if r["point"] == point and index in (None, r["index"]))


async def test_the_generator_is_read_at_rest_and_under_load(example_site: Path) -> None:
    site = SimulatedSite(load(example_site), SystemClock(), SCENARIOS["normal"])
    address = (await site.start())["genset-a"]
    try:
        code, resting, _ = await poll(address, "--unit", "10", "--profile", "dse_gencomm")
        assert code == 0
        assert (resting["profile"], resting["kind"]) == ("dse_gencomm", "genset")
        assert value(resting, "mains.available") is True
        assert value(resting, "engine.running") is False
        assert value(resting, "genset.mode") == "auto"
        tank = site.plant.sides["a"].genset.tank
        assert abs(value(resting, "fuel.level") - 100 * tank.volume_l / tank.capacity_l) <= 1
        fuel = next(r for r in resting["readings"] if r["point"] == "fuel.level")
        assert (fuel["unit"], fuel["quality"], fuel["source"]) == ("%", "good", "holding 1027")

        site.plant.apply("mains", {"side": "a", "available": False})
        async with asyncio.timeout(40):
            while not site.plant.sides["a"].on_generator:  # noqa: ASYNC110  # the plant has no event
                await asyncio.sleep(0.2)
        await asyncio.sleep(2)
        code, carrying, _ = await poll(address, "--unit", "10", "--profile", "dse_gencomm")
        assert value(carrying, "mains.available") is False
        assert value(carrying, "engine.running") is True
        assert value(carrying, "breaker.generator_closed") is True
        assert 1450 <= value(carrying, "engine.speed") <= 1550
        assert 215 <= value(carrying, "generator.voltage", "1") <= 245
    finally:
        await site.stop()


async def test_a_unit_is_asked_what_it_is_and_told_from_one_that_does_not_say(example_site: Path) -> None:
    site = SimulatedSite(load(example_site), SystemClock(), SCENARIOS["normal"])
    addresses = await site.start()
    try:
        code, result, _ = await poll(addresses["genset-a"], "--unit", "10")
        assert (code, result["profile"]) == (0, "dse_gencomm")
        code, result, err = await poll(addresses["cooling-9"], "--unit", "9")
        assert (code, result) == (1, None)
        assert "no register of this Modbus device says what it is. Name a profile with --profile." in err
    finally:
        await site.stop()


async def test_a_unit_that_is_not_there_is_told(example_site: Path) -> None:
    site = SimulatedSite(load(example_site), SystemClock(), SCENARIOS["normal"])
    address = (await site.start())["genset-a"]
    try:
        code, result, err = await poll(address, "--unit", "99", "--profile", "dse_gencomm", "--timeout", "0.5")
        assert (code, result) == (1, None)
        assert "unit 99" in err
        assert "Traceback" not in err
    finally:
        await site.stop()


@pytest.mark.parametrize("name", ["apc_smartups_modbus", "liebert_dcd", "schneider_iem3000", "smartgen_hgm4000"])
@pytest.mark.usefixtures("modbus_maps")
async def test_the_command_gives_every_number_of_a_map(name: str) -> None:
    image, expected = numbers(name)
    async with served(image) as endpoint:
        options = ("--unit", str(UNIT), "--profile", PROFILE_OF[name])
        code, result, err = await poll((endpoint.host or "", endpoint.port or 0), *options)
    assert (code, result["profile"]) == (0, PROFILE_OF[name]), err
    for point, value in expected:
        told = [r["value"] for r in result["readings"] if r["source"] == point.source]
        assert float(value) in [pytest.approx(one, rel=1e-6) for one in told if not isinstance(one, bool | str)], (
            point.key
        )
