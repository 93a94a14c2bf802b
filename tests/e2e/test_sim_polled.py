"""What dcmon's collectors and profiles read from the simulated devices is what the plant really does."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from dcmon.clock import SimulatedClock, SystemClock
from dcmon.collectors.build import build_devices
from dcmon.collectors.modbus import Buses
from dcmon.collectors.profile import load_profiles
from dcmon.collectors.schedule import EVERYTHING
from dcmon.collectors.snmp import NativeClient
from dcmon.config.config import Config
from dcmon.config.loader import load
from dcmon.model import CollectError, Quality, Reading, SeriesKey
from dcmon.sim import SimulatedSite, canonical_readings

START_MS = 1_767_225_600_000

RULED = {
    *((f"mains-{side}", "mains.available") for side in "ab"),
    *((f"genset-{side}", "engine.running") for side in "ab"),
    *((f"genset-{side}", "genset.alarm") for side in "ab"),
    *((f"tsw-{side}", "breaker.generator_closed") for side in "ab"),
    *((f"tank-{side}", "fuel.level") for side in "ab"),
    *((f"ups-{side}", point) for side in "ab" for point in ("ups.on_battery", "output.source", "output.load")),
    *((f"ups-{side}", point) for side in "ab" for point in ("battery.status", "battery.time_on_battery")),
    *((f"pdu-{side}{row}", "input.voltage") for side in "ab" for row in "12"),
    *((f"cooling-{number}", "cooling.ok") for number in range(1, 13)),
    *((f"leak-{number}", "water.detected") for number in (1, 2)),
    *((f"env-{number}", point) for number in (1, 2) for point in ("temperature", "humidity", "smoke.detected")),
    *((f"fire-fs{section}", "fire.alarm") for section in range(1, 5)),
    *((f"fire-fs{section}", "fire.fault") for section in range(1, 5)),
    ("shell-1", "glass.broken"),
    ("shell-1", "intrusion.alarm"),
    *((f"uplink-{number}", point) for number in range(1, 8) for point in ("if.oper", "bgp.state", "if.out_rate")),
}
"""What the rules of config/ judge and so must be read while all is well."""

DERIVED = {("fuel-low-refuel", "tsw-a/breaker.generator_closed")}
"""The breaker is derived from the generator's power, which a load bank draws with the breaker open."""


@pytest.fixture(scope="module")
def config() -> Config:
    return load(Path(__file__).resolve().parents[2] / "config")


def own_unit(reading: Reading) -> SeriesKey:
    """Units behind the Stulz gateway under their own names, whether the site's maps have moved them yet or not."""
    row = re.fullmatch(r"1\.(\d+)\.1", reading.index or "")
    if reading.asset == "cooling-gw" and row:
        return SeriesKey(f"cooling-{row[1]}", reading.point, None)
    return SeriesKey(reading.asset, reading.point, reading.index or None)


async def poll(config: Config, scenario: str, after_s: float) -> tuple[dict[SeriesKey, Reading], list[Reading]]:
    """Everything that two polls of all devices read (rates need two), and what the plant says at the second."""
    clock = SimulatedClock(START_MS)
    site = SimulatedSite(config, clock, scenario, community="look")
    client, buses = NativeClient(), Buses(SystemClock(), timeout_s=1)
    read: dict[SeriesKey, Reading] = {}
    try:
        await site.start()
        devices = build_devices(
            config.collectors.model_copy(update={"devices": site.devices()}),
            config.agent.polling,
            load_profiles(),
            lambda _: "look",
            clients={"native": client, "pysnmp": client},
            buses=buses,
        )
        for second in (after_s - 5, 5):
            await clock.advance(second)
            for device in devices:
                try:
                    readings = await device.poll(EVERYTHING, clock.now())
                except CollectError as error:
                    readings = [Reading(clock.now(), device.asset, "device.reachable", None, False, reason=str(error))]
                read |= {own_unit(reading): reading for reading in readings}
        return read, canonical_readings(site.plant)
    finally:
        await client.close()
        await buses.close()
        await site.stop()


def agrees(said: Reading, read: Reading) -> bool:
    if read.quality is Quality.BAD or isinstance(said.value, (bool, str)):
        return bool(read.value == said.value)
    if said.point in ("if.in_rate", "if.out_rate"):  # a mean over the seconds between the polls
        return read.value == pytest.approx(said.value, rel=0.2)
    if said.point == "water.flow":  # the gateway tells whole m3/h, 16.7 l/min
        return read.value == pytest.approx(said.value, abs=10)
    if said.point == "battery.runtime":  # whole minutes on one card
        return read.value == pytest.approx(said.value, abs=61)
    return read.value == pytest.approx(said.value, rel=0.01, abs=1.01)


@pytest.mark.parametrize(
    ("scenario", "after_s"),
    [
        ("normal", 10),
        ("mains-outage", 30),
        ("mains-outage", 60),
        ("genset-fails", 130),
        ("ups-overload", 100),
        ("two-cooling-units-fail", 200),
        ("water-leak", 60),
        ("fire-alarm", 100),
        ("uplink-down", 60),
        ("fuel-low-refuel", 200),
    ],
)
async def test_what_is_read_is_what_the_plant_does(config: Config, scenario: str, after_s: float) -> None:
    read, said = await poll(config, scenario, after_s)
    compared = [(reading, read[reading.key]) for reading in said if reading.key in read]
    assert len(compared) > 250
    wrong = [
        f"{reading.key}: plant {reading.value}, read {found.value} ({found.source})"
        for reading, found in compared
        if not agrees(reading, found) and (scenario, str(reading.key)) not in DERIVED
    ]
    assert not wrong


async def test_every_point_that_a_rule_judges_is_read_while_all_is_well(config: Config) -> None:
    read, _ = await poll(config, "normal", 10)
    good = {(key.asset, key.point) for key, reading in read.items() if reading.quality is Quality.GOOD}
    assert good >= RULED, sorted(RULED - good)
