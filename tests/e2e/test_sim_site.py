"""The simulated site as strangers see it: net-snmp's tools, pymodbus's client and a plain trap socket."""

from __future__ import annotations

import asyncio
import os
import socket
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from pymodbus.client import AsyncModbusTcpClient

from dcmon.clock import ScaledClock, SimulatedClock
from dcmon.collectors.snmp.ber import format_oid
from dcmon.collectors.snmp.message import Message, decode_message
from dcmon.config.config import Config
from dcmon.config.loader import load
from dcmon.model import DcmonError
from dcmon.sim import SCENARIOS, SimulatedSite
from dcmon.sim.site import MODBUS_DEVICES, SNMP_DEVICES

START_MS = 1_767_225_600_000
ROOT = "1.3.6.1"


@pytest.fixture(scope="module")
def config() -> Config:
    return load(Path(__file__).resolve().parents[2] / "config")


class Playing:
    """A site whose clock is moved by hand, and the tools to look at it."""

    def __init__(self, config: Config, scenario: str, folder: Path, trap_target: tuple[str, int] | None = None) -> None:
        self.clock = SimulatedClock(START_MS)
        self.site = SimulatedSite(config, self.clock, scenario, community="look", trap_target=trap_target)
        self.addresses: dict[str, tuple[str, int]] = {}
        (folder / "cert_indexes").mkdir(exist_ok=True)  # else the tools say that they made it
        self._environment = {**os.environ, "SNMP_PERSISTENT_DIR": str(folder), "MIBS": ""}

    async def __aenter__(self) -> Playing:
        self.addresses = await self.site.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.site.stop()

    async def snmp(
        self,
        tool: str,
        asset: str,
        *oids: str,
        options: tuple[str, ...] = (),
        version: str = "2c",
        community: str = "look",
    ) -> list[str]:
        """The tool's lines, OIDs and values as numbers."""
        host, port = self.addresses[asset]
        process = await asyncio.create_subprocess_exec(
            *(tool, f"-v{version}", "-c", community, "-Onqe", "-t", "1", "-r", "0", *options, f"{host}:{port}", *oids),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            env=self._environment,
        )
        out, _ = await process.communicate()
        return out.decode().splitlines()

    async def modbus(self, asset: str) -> AsyncModbusTcpClient:
        host, port = self.addresses[asset]
        client = AsyncModbusTcpClient(host, port=port, timeout=1, retries=0)
        assert await client.connect()
        return client


@pytest.fixture
async def outage(config: Config, tmp_path: Path) -> AsyncIterator[Playing]:
    async with Playing(config, "mains-outage", tmp_path) as playing:
        yield playing


async def test_every_device_of_the_configuration_gets_an_address_of_its_own(outage: Playing, config: Config) -> None:
    devices = config.collectors.devices
    assert outage.addresses.keys() == {name for name in devices if devices[name].probe is None}
    assert outage.site.devices().keys() == devices.keys()
    assert all(host.startswith("127.") and port > 0 for host, port in outage.addresses.values())
    agents = [outage.addresses[asset][0] for asset in outage.site.agents]
    assert len(set(agents)) == len(agents), "a trap tells by its source whose it is"
    gateway = {outage.addresses[f"cooling-{n}"] for n in range(9, 13)}
    assert len(gateway) == 1
    assert len(set(outage.addresses.values())) == len(outage.addresses) - 3


async def test_a_site_can_be_stopped_twice_and_started_again(config: Config) -> None:
    site = SimulatedSite(config, SimulatedClock(START_MS))
    await site.start()
    await site.stop()
    await site.stop()
    assert await site.start()
    await site.stop()


async def test_an_unknown_scenario_or_device_is_refused_with_what_to_do(config: Config) -> None:
    with pytest.raises(DcmonError, match="choose one of: normal, mains-outage"):
        SimulatedSite(config, SimulatedClock(START_MS), "earthquake")
    devices = {**config.collectors.devices, "toaster": config.collectors.devices["ups-a"]}
    other = config.model_copy(update={"collectors": config.collectors.model_copy(update={"devices": devices})})
    with pytest.raises(DcmonError, match="no device named toaster"):
        await SimulatedSite(other, SimulatedClock(START_MS)).start()


@pytest.mark.needs("snmpwalk", "snmpbulkwalk")
@pytest.mark.parametrize("asset", ["ups-a", "ups-b", "pdu-a1", "cooling-gw", "env-1", "leak-1", "router-1"])
async def test_walks_by_getnext_and_by_getbulk_give_the_same_rows(outage: Playing, asset: str) -> None:
    # net-snmp itself refuses a walk whose OIDs do not increase
    one = await outage.snmp("snmpwalk", asset, ROOT)
    many = await outage.snmp("snmpbulkwalk", asset, ROOT, options=("-Cr25",))
    end = "No more variables left in this MIB View (It is past the end of the MIB tree)"
    rows = [line for line in one if end not in line]
    assert rows == [line for line in many if end not in line]
    assert len(rows) > 10
    assert rows[0].startswith(".1.3.6.1.2.1.1.1.0 ")
    old = await outage.snmp("snmpwalk", asset, ROOT, version="1")
    without_64_bits = [line for line in old if "End of MIB" not in line]
    assert set(without_64_bits) <= set(rows)


@pytest.mark.needs("snmpget")
async def test_snmpget_sees_the_ups_go_on_battery_and_come_back(outage: Playing) -> None:
    async def source() -> list[str]:
        return await outage.snmp("snmpget", "ups-a", "1.3.6.1.2.1.33.1.4.1.0", "1.3.6.1.2.1.33.1.2.2.0")

    expected = {10: ("3", "0"), 30: ("5", "10"), 60: ("3", "0")}
    now = 0
    for second, values in expected.items():
        await outage.clock.advance(second - now)
        now = second
        assert tuple(line.split()[1] for line in await source()) == values


@pytest.mark.needs("snmpget")
async def test_a_wrong_community_gets_no_answer(outage: Playing) -> None:
    lines = await outage.snmp("snmpget", "ups-a", "1.3.6.1.2.1.1.1.0", community="public")
    assert lines == [f"Timeout: No Response from {':'.join(map(str, outage.addresses['ups-a']))}."]


@pytest.mark.needs("snmpbulkget")
async def test_snmpbulkget_keeps_non_repeaters_apart(outage: Playing) -> None:
    lines = await outage.snmp(
        "snmpbulkget",
        "router-1",
        *("1.3.6.1.2.1.1.2", "1.3.6.1.2.1.2.2.1.8", "1.3.6.1.2.1.31.1.1.1.15"),
        options=("-Cn1", "-Cr2"),
    )
    names = [line.split()[0] for line in lines]
    rows = [f".1.3.6.1.2.1.{column}.{row}" for row in (1, 2) for column in ("2.2.1.8", "31.1.1.1.15")]
    assert names == [".1.3.6.1.2.1.1.2.0", *rows]


async def test_pymodbus_reads_the_generator_and_gets_its_exceptions(outage: Playing) -> None:
    await outage.clock.advance(60)
    client = await outage.modbus("genset-b")
    block = await client.read_holding_registers(1024, count=66, device_id=10)
    assert block.registers[6] == pytest.approx(1500, abs=15)
    assert block.registers[2] == 0x7FFF
    genset = outage.site.plant.sides["b"].genset
    total = await client.read_holding_registers(1536, count=2, device_id=10)
    assert client.convert_from_registers(total.registers, client.DATATYPE.INT32) == round(genset.load_w)
    for answer, code in (
        (await client.read_holding_registers(2560, count=1, device_id=10), 2),
        (await client.read_input_registers(1024, count=1, device_id=10), 1),
        (await client.read_coils(1, count=1, device_id=10), 1),
        (await client.write_register(4104, 1, device_id=10), 1),
        (await client.read_holding_registers(1024, count=1, device_id=77), 11),
    ):
        assert answer.isError()
        assert answer.exception_code == code
    client.close()


async def test_pymodbus_reads_four_units_behind_one_gateway_and_misses_those_without_power(outage: Playing) -> None:
    client = await outage.modbus("cooling-9")
    for unit in range(9, 13):
        answer = await client.read_input_registers(563, count=2, device_id=unit)
        machine = outage.site.plant.cooling[f"cooling-{unit}"]
        assert answer.registers == [round(machine.output_share * 100), round(machine.return_c * 10)]
    await outage.clock.advance(25)
    assert (await client.read_input_registers(99, count=1, device_id=9)).exception_code == 11
    client.close()


async def test_a_silent_device_answers_nobody_until_it_wakes(config: Config, tmp_path: Path) -> None:
    async with Playing(config, "device-silent", tmp_path) as playing:
        await playing.clock.advance(30)
        playing.site.plant.silent.add("genset-a")
        client = await playing.modbus("genset-a")
        with pytest.raises(Exception, match=r"(?i)no response"):
            await client.read_holding_registers(768, count=1, device_id=10)
        client.close()
        playing.site.plant.silent.discard("genset-a")
        again = await playing.modbus("genset-a")
        assert (await again.read_holding_registers(768, count=1, device_id=10)).registers == [1]
        again.close()


async def test_broken_frames_end_the_connection_and_nothing_else(outage: Playing) -> None:
    host, port = outage.addresses["genset-a"]
    reader, writer = await asyncio.open_connection(host, port)
    writer.write(b"GET / HTTP/1.1\r\n\r\n")
    assert await asyncio.wait_for(reader.read(), 2) == b""
    writer.close()
    reader, writer = await asyncio.open_connection(host, port)
    frame = bytes.fromhex("000100000006" + "0a" + "03" + "0300" + "0001")
    for octet in frame + frame:
        writer.write(bytes((octet,)))
        await writer.drain()
    assert await asyncio.wait_for(reader.readexactly(22), 2) == 2 * bytes.fromhex("0001000000050a03020001")
    writer.close()


async def _received(receiver: socket.socket, count: int, deadline_s: float = 5) -> list[Message]:
    loop = asyncio.get_running_loop()
    messages = []
    async with asyncio.timeout(deadline_s):
        while len(messages) < count:
            message = decode_message(await loop.sock_recv(receiver, 65_535))
            assert isinstance(message, Message)
            messages.append(message)
    return messages


@pytest.fixture
def receiver() -> Iterator[socket.socket]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as opened:
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8 << 20)
        opened.bind(("127.0.0.1", 0))
        opened.setblocking(False)
        yield opened


async def test_both_ups_tell_by_trap_that_they_are_on_battery(
    config: Config, tmp_path: Path, receiver: socket.socket
) -> None:
    async with Playing(config, "mains-outage", tmp_path, receiver.getsockname()) as playing:
        await playing.clock.advance(22)
        traps = await _received(receiver, 2)
    assert {str(trap.varbinds[1].value) for trap in traps} == {"1.3.6.1.2.1.33.2.1", "1.3.6.1.4.1.318.0.5"}
    assert all(trap.community == b"look" for trap in traps)


async def test_a_trap_storm_arrives_whole_and_in_order(config: Config, tmp_path: Path, receiver: socket.socket) -> None:
    async with Playing(config, "trap-storm", tmp_path, receiver.getsockname()) as playing:
        received: list[Message] = []
        for _ in range(60):
            await playing.clock.advance(1)
            if (ready := playing.site.traps_sent - len(received)) > 0:
                received += await _received(receiver, ready)
    assert len(received) == 3_000
    assert [trap.request_id for trap in received] == list(range(1, 3_001))
    assert {format_oid(trap.varbinds[2].oid) for trap in received} == {"1.3.6.1.2.1.2.2.1.1.540"}


async def test_a_site_at_ten_times_the_pace_leaves_the_core_to_others(config: Config) -> None:
    clock = ScaledClock(10)
    site = SimulatedSite(config, clock, "mains-outage")
    await site.start()
    began, spent = time.monotonic(), time.process_time()
    await asyncio.sleep(2.5)
    share = (time.process_time() - spent) / (time.monotonic() - began)
    await site.stop()
    assert site.plant.time_s == pytest.approx(25, abs=3)
    assert share < 0.25


def test_the_registry_of_devices_covers_both_protocols() -> None:
    assert not SNMP_DEVICES.keys() & MODBUS_DEVICES.keys()
    assert len(SCENARIOS) == 15
