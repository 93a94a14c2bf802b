"""The poller, devices and buses together against a hand-made Modbus gateway, in real time."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from dcmon.clock import SystemClock
from dcmon.collectors.build import build_devices
from dcmon.collectors.modbus import Buses
from dcmon.collectors.poller import Poller
from dcmon.collectors.profile import load_profiles
from dcmon.config.agent import Polling
from dcmon.config.collectors import Collectors
from dcmon.model import Quality, Reading

METER = """\
name: meter-x
vendor: test
family: test
kind: meter
source: made for this test
points:
  - {point: mains.voltage, index: l1, holding: 10, as: u16}
  - {point: mains.voltage, index: l2, holding: 40, as: u16}
  - {point: mains.voltage, index: l3, holding: 80, as: u16}
"""
POLLING = Polling.model_validate(
    {"fast": "100ms", "slow": "1s", "timeout": "200ms", "deadline": "2s", "max_back_off": "2s"}
)


class Gateway:
    """Modbus TCP. Units in `dead` do not answer, `lacking` addresses are illegal; register N of unit U holds U + N."""

    def __init__(self) -> None:
        self.dead: set[int] = set()
        self.lacking: set[int] = set()
        self.asked: dict[int, int] = {}
        self.open: set[asyncio.StreamWriter] = set()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.open.add(writer)
        try:
            while True:
                number, _, _, unit, function, address, count = struct.unpack(">HHHBBHH", await reader.readexactly(12))
                self.asked[unit] = self.asked.get(unit, 0) + 1
                if unit in self.dead:
                    continue
                if self.lacking & set(range(address, address + count)):
                    body = bytes((unit, function | 0x80, 2))
                else:
                    values = range(220 + unit + address, 220 + unit + address + count)
                    body = struct.pack(f">BBB{count}H", unit, function, 2 * count, *values)
                writer.write(struct.pack(">HHH", number, 0, len(body)) + body)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            self.open.discard(writer)
            writer.close()


@asynccontextmanager
async def watched(tmp_path: Path, units: int) -> AsyncIterator[tuple[Gateway, Poller, list[Reading]]]:
    (tmp_path / "meter-x.yaml").write_text(METER, encoding="utf-8")
    gateway = Gateway()
    server = await asyncio.start_server(gateway.serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    devices = {
        f"m{unit}": {"modbus": {"host": "127.0.0.1", "port": port, "unit": unit}, "profile": "meter-x"}
        for unit in range(1, units + 1)
    }
    collectors = Collectors.model_validate({"devices": devices})
    clock = SystemClock()
    buses = Buses(clock, timeout_s=POLLING.timeout / 1000)
    got: list[Reading] = []
    built = build_devices(collectors, POLLING, load_profiles(tmp_path), lambda name: name, clients={}, buses=buses)
    poller = Poller(built, POLLING, clock, got.extend)
    task = asyncio.create_task(poller.run())
    try:
        yield gateway, poller, got
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        server.close()
        await server.wait_closed()


async def test_one_dead_unit_of_a_gateway_does_not_take_the_pace_of_the_others(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with watched(tmp_path, units=5) as (gateway, poller, got):
        gateway.dead = {3}
        await asyncio.sleep(5)
        alive = {asset: stats.polls for asset, stats in poller.stats.items() if asset != "m3"}
        # Without the dead unit 50 polls fit; it may take 0.2 s per attempt and makes at most 7.
        assert min(alive.values()) >= 25
        assert gateway.asked[3] <= 7
        assert all(stats.failures == 0 for asset, stats in poller.stats.items() if asset != "m3")
        assert {r.value for r in got if (r.asset, r.point) == ("m3", "device.reachable")} == {False}
        assert [record.getMessage()[:3] for record in caplog.records] == ["m3:"]
        gateway.dead = set()
        await asyncio.sleep(2.3)
        assert poller.stats["m3"].failures == 0
        voltages = {r.index: r.value for r in got if r.asset == "m3" and r.point == "mains.voltage"}
        assert voltages == {"l1": 233, "l2": 263, "l3": 303}


async def test_registers_that_a_unit_lacks_cost_their_points_only(tmp_path: Path) -> None:
    async with watched(tmp_path, units=1) as (gateway, poller, got):
        gateway.lacking = {40}
        await asyncio.sleep(0.5)
        good = {r.index for r in got if r.point == "mains.voltage" and r.quality is Quality.GOOD}
        assert good == {"l1", "l3"}
        assert poller.stats["m1"].failures == 0


async def test_a_gateway_that_is_switched_off_and_on_again_is_found_by_all_its_units(tmp_path: Path) -> None:
    async with watched(tmp_path, units=4) as (gateway, poller, got):
        await asyncio.sleep(0.4)
        assert all(stats.last_success for stats in poller.stats.values())
        gateway.dead = {1, 2, 3, 4}
        for writer in list(gateway.open):
            writer.transport.abort()
        await asyncio.sleep(2)
        assert all(stats.failures for stats in poller.stats.values())
        gateway.dead = set()
        await asyncio.sleep(2.6)
        assert all(stats.failures == 0 for stats in poller.stats.values())
        assert len(gateway.open) == 1
        assert [r.value for r in got if r.point == "device.reachable"][-4:] == [True] * 4
