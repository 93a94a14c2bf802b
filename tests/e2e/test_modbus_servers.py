"""Reads against pymodbus's server over TCP, RTU over TCP and a serial line (a pair of pseudo-terminals)."""

from __future__ import annotations

import asyncio
import os
import pty
import tty
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from pymodbus.framer import FramerType
from pymodbus.server import ModbusSerialServer, ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice

from dcmon.clock import SystemClock
from dcmon.collectors.decode_modbus import Block
from dcmon.collectors.modbus import Buses, Endpoint, ModbusBus, UnitSession
from dcmon.collectors.profile import load_profiles
from dcmon.collectors.register_recording import RecordedRegisters, read_registers
from dcmon.collectors.targets import Target
from dcmon.config.collectors import ModbusAddress
from dcmon.discovery import Bounds, Search, UnitScan
from dcmon.model import CollectError
from dcmon.recorder import record_unit

TIMEOUT_S = 1.0


def plant(unit: int) -> SimDevice:
    """Holding register N of unit U holds 1000 * U + N, input registers 1 more; each third coil, each second contact."""
    bits = DataType.BITS
    return SimDevice(
        id=unit,
        simdata=(
            [SimData(0, values=[n % 3 == 0 for n in range(64)], datatype=bits)],
            [SimData(0, values=[n % 2 == 0 for n in range(64)], datatype=bits)],
            [SimData(0, values=[1000 * unit + n for n in range(200)], datatype=DataType.REGISTERS)],
            [SimData(0, values=[1000 * unit + n + 1 for n in range(200)], datatype=DataType.REGISTERS)],
        ),
    )


UNITS = [plant(1), plant(2)]


@asynccontextmanager
async def tcp_server(framing: str) -> AsyncIterator[Endpoint]:
    framer = FramerType.SOCKET if framing == "tcp" else FramerType.RTU
    server = ModbusTcpServer(UNITS, framer=framer, address=("127.0.0.1", 0))
    await server.listen()
    try:
        port = server.transport.sockets[0].getsockname()[1]  # type: ignore[attr-defined]
        yield Endpoint(host="127.0.0.1", port=port, framing=framing)
    finally:
        await server.shutdown()


class Cable:
    """Two pseudo-terminals, wired to each other.

    What `noise` holds goes to the client before the next answer; requests to the unit `missing` reach nobody.
    """

    def __init__(self) -> None:
        self.ends = [pty.openpty() for _ in range(2)]
        self.noise = b""
        self.cut = False
        self.missing: int | None = None
        for master, slave in self.ends:
            tty.setraw(slave)
            os.set_blocking(master, False)
        loop = asyncio.get_running_loop()
        (self.client_side, _), (self.server_side, _) = self.ends
        loop.add_reader(self.client_side, self._carry, self.client_side, self.server_side)
        loop.add_reader(self.server_side, self._carry, self.server_side, self.client_side)

    def _carry(self, source: int, target: int) -> None:
        data = os.read(source, 1024)
        if self.cut or (target == self.server_side and data[0] == self.missing):
            return
        if target == self.client_side and self.noise:
            data, self.noise = self.noise + data, b""
        os.write(target, data)

    def path(self, end: int) -> str:
        return os.ttyname(self.ends[end][1])

    def close(self) -> None:
        for master, slave in self.ends:
            asyncio.get_running_loop().remove_reader(master)
            os.close(master)
            os.close(slave)


@asynccontextmanager
async def serial_line() -> AsyncIterator[tuple[Cable, Endpoint]]:
    cable = Cable()
    server = ModbusSerialServer(UNITS, framer=FramerType.RTU, port=cable.path(1), baudrate=115200)
    await server.listen()
    try:
        yield cable, Endpoint(serial=cable.path(0), baudrate=115200, framing="rtu")
    finally:
        await server.shutdown()
        cable.close()


async def read_everything(bus: ModbusBus) -> None:
    for unit in (1, 2):
        session = UnitSession(bus, unit)
        assert await session.read(3, 0, 125) == [1000 * unit + n for n in range(125)]
        assert await session.read(4, 10, 3) == [1000 * unit + n for n in (11, 12, 13)]
        assert await session.read(1, 1, 11) == [int(n % 3 == 0) for n in range(1, 12)]
        assert await session.read(2, 0, 8) == [1, 0] * 4
    with pytest.raises(CollectError) as caught:
        await UnitSession(bus, 1).read(3, 500, 1)
    assert caught.value.reason == "exception"
    assert "illegal_address" in caught.value.detail
    assert await UnitSession(bus, 1).read(3, 5, 1) == [1005]


@pytest.mark.parametrize("framing", ["tcp", "rtu-over-tcp"])
async def test_all_four_tables_are_read_over_tcp(framing: str) -> None:
    async with tcp_server(framing) as endpoint:
        bus = ModbusBus(endpoint, SystemClock(), timeout_s=TIMEOUT_S)
        await read_everything(bus)
        assert (bus.stats.connects, bus.stats.exceptions) == (1, 1)
        await bus.close()


async def test_all_four_tables_are_read_over_a_serial_line() -> None:
    async with serial_line() as (_, endpoint):
        bus = ModbusBus(endpoint, SystemClock(), timeout_s=TIMEOUT_S)
        await read_everything(bus)
        assert (bus.stats.connects, bus.stats.exceptions) == (1, 1)
        await bus.close()


async def test_a_missing_unit_of_a_line_is_a_timeout_and_the_others_are_read_on() -> None:
    async with serial_line() as (cable, endpoint):
        cable.missing = 77
        bus = ModbusBus(endpoint, SystemClock(), timeout_s=0.2)
        with pytest.raises(CollectError) as caught:
            await UnitSession(bus, 77).read(3, 0, 1)
        assert caught.value.reason == "timeout"
        assert await UnitSession(bus, 2).read(3, 1, 1) == [2001]
        await bus.close()


async def test_noise_before_an_answer_on_a_line_is_never_data_and_is_read_again() -> None:
    async with serial_line() as (cable, endpoint):
        bus = ModbusBus(endpoint, SystemClock(), timeout_s=0.2)
        session = UnitSession(bus, 1)
        assert await session.read(3, 1, 2) == [1001, 1002]
        cable.noise = b"\x00\xff\x13"
        assert await session.read(3, 3, 2) == [1003, 1004]
        assert (bus.stats.garbled, bus.stats.repeated) == (1, 1)
        await bus.close()


async def test_a_line_that_was_cut_is_read_again_when_it_is_whole() -> None:
    async with serial_line() as (cable, endpoint):
        bus = ModbusBus(endpoint, SystemClock(), timeout_s=0.2)
        cable.cut = True
        for _ in range(2):
            with pytest.raises(CollectError) as caught:
                await UnitSession(bus, 1).read(3, 1, 2)
            assert caught.value.reason == "timeout"
        cable.cut = False
        assert await UnitSession(bus, 1).read(3, 1, 2) == [1001, 1002]
        await bus.close()


async def test_devices_of_one_gateway_share_a_bus_and_contradictions_are_refused() -> None:
    buses = Buses(SystemClock(), timeout_s=TIMEOUT_S)
    first = buses.bus(Endpoint.of(ModbusAddress(host="127.0.0.1", port=1502, unit=1)))
    assert buses.bus(Endpoint.of(ModbusAddress(host="127.0.0.1", port=1502, unit=2))) is first
    assert buses.bus(Endpoint.of(ModbusAddress(host="127.0.0.1", port=1503))) is not first
    with pytest.raises(ValueError, match=r"127\.0\.0\.1:1502 is configured both as tcp and as rtu-over-tcp"):
        buses.bus(Endpoint.of(ModbusAddress(host="127.0.0.1", port=1502, framing="rtu-over-tcp")))
    await buses.close()


@pytest.mark.parametrize("framing", ["tcp", "rtu-over-tcp"])
async def test_units_are_found_and_recorded_over_both_framings(framing: str, tmp_path: Path) -> None:
    profiles = load_profiles()
    async with tcp_server(framing) as endpoint:
        target = Target("127.0.0.1", endpoint.port)
        scan = UnitScan(units=(1, 2, 3), framing=framing)
        search = Search([target], profiles, logins=[], units=scan, bounds=Bounds(timeout_s=0.5))
        assert await search.run(asyncio.Event())
        assert [(one.unit, one.version, one.description) for one in search.found] == [
            (1, framing, "answers on functions 1, 2, 3, 4"),
            (2, framing, "answers on functions 1, 2, 3, 4"),
        ]
        address = ModbusAddress(host="127.0.0.1", port=endpoint.port, unit=2, framing=framing)
        ranges = [Block(3, 0, 260), Block(4, 10, 5), Block(1, 0, 64)]
        recorded = await record_unit(
            address, profiles, None, ranges=ranges, hidden=[Block(3, 7, 2)], timeout_s=1.0, told=lambda count: None
        )
    (tmp_path / "unit.yaml").write_text(recorded.text)
    unit = RecordedRegisters.of(read_registers(tmp_path / "unit.yaml"))
    assert await unit.read(3, 0, 200) == [0 if n in (7, 8) else 2000 + n for n in range(200)]
    assert await unit.read(4, 10, 5) == [2011 + n for n in range(5)]
    assert await unit.read(1, 0, 64) == [int(n % 3 == 0) for n in range(64)]
    assert unit.refused == {(3, n): "illegal_address" for n in range(200, 260)}
