"""The simulated site on real sockets: a UDP port for each SNMP agent, a TCP port for each Modbus endpoint."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Callable
from functools import partial
from typing import Any

from dcmon.clock import Clock
from dcmon.config.collectors import Device
from dcmon.config.config import Config
from dcmon.model import DcmonError
from dcmon.sim.agent import MibView, SnmpAgent
from dcmon.sim.devices.gencomm import dse_gencomm
from dcmon.sim.devices.hwg import poseidon, water_leak_detector
from dcmon.sim.devices.liebert import liebert_pex
from dcmon.sim.devices.mib import SnmpDevice
from dcmon.sim.devices.powernet import powernet_ups
from dcmon.sim.devices.registers import ModbusDevice
from dcmon.sim.devices.rfc1628 import rfc1628_ups
from dcmon.sim.devices.router import router
from dcmon.sim.devices.rpdu import apc_rpdu
from dcmon.sim.devices.stulz import stulz_wib8000
from dcmon.sim.modbus_server import ModbusConnection, Unit
from dcmon.sim.plant import STEP_MS, Plant
from dcmon.sim.scenarios import SCENARIOS, Scenario
from dcmon.sim.services import Services
from dcmon.sim.traps import encode_trap

LOOPBACK = "127.0.0.1"
_TICK_S = 0.25
_QUIET_TICK_S = 5.0
_TRAP_BATCH = 200

SNMP_DEVICES: dict[str, SnmpDevice] = {
    "ups-a": rfc1628_ups,
    "ups-b": powernet_ups,
    **dict.fromkeys(("pdu-a1", "pdu-a2", "pdu-b1", "pdu-b2"), apc_rpdu),
    "cooling-gw": stulz_wib8000,
    **dict.fromkeys(("env-1", "env-2"), poseidon),
    **dict.fromkeys(("leak-1", "leak-2"), water_leak_detector),
    **dict.fromkeys(("router-1", "router-2"), router),
}
"""What each SNMP asset of config/ is."""

MODBUS_DEVICES: dict[str, ModbusDevice] = {
    **dict.fromkeys(("genset-a", "genset-b"), dse_gencomm),
    **dict.fromkeys(("cooling-9", "cooling-10", "cooling-11", "cooling-12"), liebert_pex),
}
"""What each Modbus asset of config/ is."""


class SimulatedSite:
    """All devices of a configuration, alive. The plant follows `clock`; a ScaledClock makes it run faster.

    With `waits` the plant runs well until `begin`, and the script comes after that.
    `trap_target` is where traps go; `community` is what agents and traps use, None takes any and sends `public`.
    """

    def __init__(
        self,
        config: Config,
        clock: Clock,
        scenario: Scenario | str = "normal",
        seed: int = 1,
        *,
        waits: bool = False,
        community: str | None = None,
        trap_target: tuple[str, int] | None = None,
    ) -> None:
        self._config = config
        self._clock = clock
        self.plant = Plant(config.site, _scenario(scenario), seed, clock.now())
        if waits:
            self.plant.script_ms = None
        self._community = community.encode() if community is not None else None
        self.trap_target = trap_target
        self.agents: dict[str, SnmpAgent] = {}
        self._transports: dict[str, asyncio.DatagramTransport] = {}
        self._servers: list[asyncio.Server] = []
        self._connections: set[asyncio.Transport] = set()
        self._ticker: asyncio.Task[None] | None = None
        self._services = Services(config.collectors.devices, clock)
        self._addresses: dict[str, tuple[str, int]] = {}
        self._probes: dict[str, dict[str, Any]] = {}
        self.traps_sent = 0

    async def start(self) -> dict[str, tuple[str, int]]:
        """Opens all sockets on free ports of loopback; gives each device's address. DcmonError for an unknown one."""
        devices = self._config.collectors.devices
        asked = {name for name, device in devices.items() if device.probe is None}
        unknown = asked - SNMP_DEVICES.keys() - MODBUS_DEVICES.keys()
        if unknown:
            raise DcmonError(
                f"the simulator has no device named {', '.join(sorted(unknown))}; it plays the devices of config/ only"
            )
        try:
            addresses = await self._start_agents() | await self._start_modbus()
            self._probes = await self._services.start()
        except BaseException:
            await self.stop()
            raise
        self._ticker = asyncio.create_task(self._tick(), name="simulated plant")
        self._addresses = addresses
        return addresses

    def devices(self) -> dict[str, Device]:
        """The devices of the configuration, with the addresses at which they are simulated."""
        return {name: self._here(name, device) for name, device in self._config.collectors.devices.items()}

    def _here(self, name: str, device: Device) -> Device:
        key = "snmp" if device.snmp is not None else "modbus" if device.modbus is not None else "probe"
        here = self._probes.get(name) or dict(zip(("host", "port"), self._addresses[name], strict=True))
        return device.model_copy(update={key: getattr(device, key).model_copy(update=here)})

    def begin(self) -> None:
        """From now on the seconds of a script count that has waited."""
        self.advance()
        self.plant.script_ms = self.plant.now_ms

    async def stop(self) -> None:
        """Closes everything; may be called twice."""
        if self._ticker is not None:
            self._ticker.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._ticker
            self._ticker = None
        for transport in self._transports.values():
            transport.close()
        for server in self._servers:
            server.close()
        for connection in list(self._connections):
            connection.abort()
        for server in self._servers:
            await server.wait_closed()
        self._transports, self._servers = {}, []
        await self._services.stop()

    def advance(self) -> None:
        """Brings the plant to the clock's time, on a grid of its step, so that many requests share one state."""
        now = self._clock.now()
        self.plant.advance(now - (now - self.plant.start_ms) % STEP_MS)

    async def _start_agents(self) -> dict[str, tuple[str, int]]:
        loop = asyncio.get_running_loop()
        addresses: dict[str, tuple[str, int]] = {}
        for asset, device in SNMP_DEVICES.items():
            if asset not in self._config.collectors.devices:
                continue
            view = MibView(device(self.plant, asset), lambda: self.plant.now_ms)
            agent = SnmpAgent(view, self._answers(asset), self._community)
            host = _own_address(len(addresses) + 1)
            transport, _ = await loop.create_datagram_endpoint(partial(_same, agent), local_addr=(host, 0))
            self._transports[asset] = transport
            self.agents[asset] = agent
            addresses[asset] = _address(transport.get_extra_info("sockname"))
        return addresses

    async def _start_modbus(self) -> dict[str, tuple[str, int]]:
        """Devices that share an address in the configuration share one endpoint, as units of a gateway do."""
        gateways: dict[tuple[str | None, int], dict[int, tuple[str, Unit]]] = {}
        for asset, device in MODBUS_DEVICES.items():
            configured = self._config.collectors.devices.get(asset)
            if configured is None or configured.modbus is None:
                continue
            where = configured.modbus
            unit = Unit(device(self.plant, asset), self._answers(asset))
            gateways.setdefault((where.host, where.port), {})[where.unit] = (asset, unit)
        loop = asyncio.get_running_loop()
        addresses: dict[str, tuple[str, int]] = {}
        for gateway in gateways.values():
            units = {number: unit for number, (_, unit) in gateway.items()}
            server = await loop.create_server(partial(ModbusConnection, units, self._connections), LOOPBACK, 0)
            self._servers.append(server)
            for asset, _ in gateway.values():
                addresses[asset] = _address(server.sockets[0].getsockname())
        return addresses

    def _answers(self, asset: str) -> Callable[[], bool]:
        def answers() -> bool:
            self.advance()
            return self.plant.answers(asset)

        return answers

    async def _tick(self) -> None:
        """Keeps the plant moving when nobody asks, and sends the traps of what has happened."""
        while True:
            self.advance()
            self._send_traps()
            await self._clock.sleep(max(_TICK_S, self.plant.rest_s(_QUIET_TICK_S)))

    def _send_traps(self) -> None:
        """At most a batch at a time, so that a storm does not stall the devices that are being polled."""
        notices = self.plant.notices
        for _ in range(min(len(notices), _TRAP_BATCH)):
            notice = notices.popleft()
            transport = self._transports.get(notice.asset)
            if self.trap_target is None or transport is None or not self.plant.answers(notice.asset):
                continue
            data = encode_trap(self.plant, notice, self.traps_sent + 1, self._community or b"public")
            transport.sendto(data, self.trap_target)
            self.traps_sent += 1


def _same(agent: SnmpAgent) -> SnmpAgent:
    return agent


def _scenario(scenario: Scenario | str) -> Scenario:
    if isinstance(scenario, Scenario):
        return scenario
    found = SCENARIOS.get(scenario)
    if found is None:
        raise DcmonError(f"there is no scenario {scenario!r}; choose one of: {', '.join(SCENARIOS)}")
    return found


def _address(name: tuple[str, int]) -> tuple[str, int]:
    return name[0], name[1]


def _own_address(number: int) -> str:
    """A loopback address of its own for each agent, so that a trap tells by its source whose it is.

    Where the system has only 127.0.0.1 (not so Linux), they share that one.
    """
    host = f"127.0.1.{number}"
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind((host, 0))
        except OSError:
            return LOOPBACK
    return host
