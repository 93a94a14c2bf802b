"""The SNMP gateway of generator controllers: every object of its public map, from an agent on a real socket."""

from __future__ import annotations

import asyncio
import json
import sys
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
import yaml
from snmp_agents import responder, serve

from dcmon.collectors.snmp import Oid, VarBind, parse_oid
from dcmon.collectors.snmp.ber import INTEGER

MEANING = {
    "oil_pressure": "engine.oil_pressure",
    "coolant_temperature_c": "engine.coolant_temperature",
    "fuel_level_percent": "fuel.level",
    "battery_voltage_v": "starter_battery.voltage",
    "engine_speed_rpm": "engine.speed",
    "gen_l1_v": "generator.voltage/1",
    "gen_l2_v": "generator.voltage/2",
    "gen_l3_v": "generator.voltage/3",
    "gen_frequency_hz": "generator.frequency",
    "mains_frequency_hz": "mains.frequency",
    "mains_l1_v": "mains.voltage/1",
    "mains_l2_v": "mains.voltage/2",
    "mains_l3_v": "mains.voltage/3",
    "run_seconds": "engine.run_time",
    "starts": "engine.starts",
}
"""Every object of the map, and the point (and index) that it is."""


async def poll(raws: dict[str, int]) -> dict[str, Any]:
    """What `dcmon poll` says of an agent with these integers, by OID."""
    values: dict[Oid, VarBind] = {parse_oid(oid): VarBind(parse_oid(oid), INTEGER, raw) for oid, raw in raws.items()}
    async with responder(lambda data, _: [serve(data, values)]) as agent:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "dcmon", "poll", "--snmp", f"127.0.0.1:{agent.port}", "--json"),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        out, err = await asyncio.wait_for(process.communicate(), 30)
    assert process.returncode == 0, err.decode()
    result: dict[str, Any] = json.loads(out)
    return result


def told(result: dict[str, Any]) -> dict[str, Any]:
    return {f"{r['point']}/{r['index']}" if r["index"] else r["point"]: r["value"] for r in result["readings"]}


def objects(folder: Path) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = yaml.safe_load((folder / "snmp_dse892_gateway.yaml").read_text())["points"]
    assert {row["key"] for row in rows} == set(MEANING)
    return rows


@pytest.mark.parametrize("instance", ["", ".0"])
async def test_every_object_of_the_gateway_is_read_right(instance: str, modbus_maps: Path) -> None:
    rows = objects(modbus_maps)
    raws = {row["oid"] + instance: 1901 + 13 * number for number, row in enumerate(rows)}
    result = await poll(raws)
    assert (result["profile"], result["kind"]) == ("dse_892", "genset")
    values = told(result)
    for number, row in enumerate(rows):
        wanted = Fraction(str(row["scale"])) * (1901 + 13 * number) / (3600 if row["key"] == "run_seconds" else 1)
        assert values[MEANING[row["key"]]] == pytest.approx(float(wanted)), row["key"]
    assert values["engine.running"] is True
    assert values["mains.available"] is True
    assert len(values) == len(MEANING) + 2


async def test_an_instrument_that_the_gateway_does_not_have_is_no_number(modbus_maps: Path) -> None:
    for sentinel in (0xFFFF, 0xFFF8, 0x7FFFFFFF):
        result = await poll({row["oid"] + ".0": sentinel for row in objects(modbus_maps)})
        assert {(r["value"], r["quality"], r["reason"]) for r in result["readings"]} == {(None, "bad", "sentinel")}
