"""`dcmon discover`: who answers at many addresses, over SNMP and Modbus, at a bounded rate. Only reads."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from dcmon.clock import Clock, SystemClock
from dcmon.collectors.collect import DeviceMemory, collect_modbus, collect_snmp
from dcmon.collectors.identify import SYS_DESCR, identify, identify_unit, printable
from dcmon.collectors.modbus import Buses, Endpoint, UnitSession
from dcmon.collectors.plan import compile_plan
from dcmon.collectors.profile import Profile
from dcmon.collectors.snmp import NativeClient, SnmpSession, V3User, VarBind, parse_oid
from dcmon.collectors.targets import Target
from dcmon.model import CollectError, DcmonError, Quality, Reading

log = logging.getLogger(__name__)

_SYS_DESCR: Final = parse_oid(SYS_DESCR)
_SYS_NAME: Final = parse_oid("1.3.6.1.2.1.1.5.0")
_ENGINE_ID: Final = parse_oid("1.3.6.1.6.3.10.2.1.1.0")
_MACS: Final = tuple(parse_oid(f"1.3.6.1.2.1.2.2.1.6.{number}") for number in (1, 2))
_ENGINE_OCTETS: Final = 5
_DEVICE_S: Final = 60.0
"""That one device may take once it has answered."""
_DESCRIBED: Final = 120
_FUNCTIONS: Final = (3, 4, 1, 2)
_SNMP_PORT: Final = 161
_NO_UNIT: Final = "device_failure"
"""What some servers and gateways answer for a unit that they do not have."""
_SUSPICIOUS: Final = 3
"""When so many units are looked for and each of them answers, one device answers whatever the unit is."""


@dataclass(frozen=True, slots=True)
class Login:
    """One way to ask an agent. `name` as in collectors.yaml, or as it could stand there."""

    version: str
    community: str = field(default="public", repr=False)
    user: V3User | None = None
    name: str | None = None
    configured: bool = False
    """Whether collectors.yaml has it already."""
    reference: str | None = None
    """Where the community came from, `env:NAME` or `file:PATH`."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """How hard the search asks: addresses begun per second, addresses at once, seconds and repetitions of a request."""

    rate: float = 100.0
    at_once: int = 64
    timeout_s: float = 1.0
    retries: int = 1


@dataclass(frozen=True, slots=True)
class UnitScan:
    """Which Modbus units are looked for."""

    ports: tuple[int, ...] = (502,)
    units: tuple[int, ...] = tuple(range(1, 11))
    framing: str = "tcp"


@dataclass(frozen=True, slots=True)
class Found:
    """One device that answered. version: 1, 2c, 3, or the Modbus framing. confidence as in `identify.Match`."""

    host: str
    port: int
    protocol: str
    version: str
    credentials: str | None = None
    unit: int | None = None
    profile: str | None = None
    kind: str | None = None
    confidence: float | None = None
    vendor: str | None = None
    description: str = ""
    name: str = ""
    points: int = 0
    """Readings that are not bad."""
    note: str | None = None
    same: str | None = None
    """The address of a device that this one seems to be, too."""
    mark: tuple[str, ...] | None = None
    """What tells whether two addresses are one device."""

    @property
    def address(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}" + (f" unit {self.unit}" if self.unit is not None else "")

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        names = "host port protocol version credentials unit profile kind confidence vendor description name points"
        return {
            "address": self.address,
            **{name: getattr(self, name) for name in names.split()},
            "note": self.note,
            "same_as": self.same,
        }


class Search:
    """One search. `found` grows while it runs, so that an end before its time loses nothing."""

    def __init__(
        self,
        targets: Sequence[Target],
        profiles: Mapping[str, Profile],
        *,
        logins: Sequence[Login],
        units: UnitScan | None,
        bounds: Bounds,
        clock: Clock | None = None,
    ) -> None:
        self.found: list[Found] = []
        self.done = 0
        """Addresses and protocols that are through."""
        self.failed = 0
        """Those of them that dcmon itself failed at."""
        self._targets = targets
        self._profiles = profiles
        self._logins = logins
        self._units = units
        self._bounds = bounds
        self._clock = clock or SystemClock()
        self._next_turn = 0.0

    @property
    def total(self) -> int:
        """How many there are to ask."""
        return len(self._targets) * bool(self._logins) + sum(len(self._ports(target)) for target in self._targets)

    async def run(self, stop: asyncio.Event, told: Callable[[], None] = lambda: None) -> bool:
        """Asks all of them; whether it came to the end before `stop`. `told` is called after each."""
        searching = asyncio.create_task(self._search(told))
        stopping = asyncio.create_task(stop.wait())
        await asyncio.wait((searching, stopping), return_when=asyncio.FIRST_COMPLETED)
        finished = searching.done()
        for task in (searching, stopping):
            task.cancel()
        await asyncio.wait((searching, stopping))
        if finished:
            searching.result()
        self.found = _marked(sorted(self.found, key=_order(self._targets)))
        return finished

    async def _search(self, told: Callable[[], None]) -> None:
        client = NativeClient()
        try:
            jobs = self._jobs(client)
            async with asyncio.TaskGroup() as group:
                for _ in range(self._bounds.at_once):
                    group.create_task(self._work(jobs, told))
        finally:
            await client.close()

    def _jobs(self, client: NativeClient) -> Iterator[Callable[[], Awaitable[None]]]:
        for target in self._targets:
            if self._logins:
                yield lambda target=target: self._ask_agent(client, target)  # type: ignore[misc]
            for port in self._ports(target):
                yield lambda target=target, port=port: self._ask_server(target.host, port)  # type: ignore[misc]

    def _ports(self, target: Target) -> tuple[int, ...]:
        if self._units is None:
            return ()
        return self._units.ports if target.port is None else (target.port,)

    async def _work(self, jobs: Iterator[Callable[[], Awaitable[None]]], told: Callable[[], None]) -> None:
        for job in jobs:
            await self._turn()
            try:
                await job()
            except Exception:
                # One device that dcmon stumbles over must not end the search for the others.
                log.exception("an address is left out, dcmon failed at it")
                self.failed += 1
            self.done += 1
            told()

    async def _turn(self) -> None:
        """Waits until the rate allows another address."""
        now = self._clock.monotonic()
        turn = max(now, self._next_turn)
        self._next_turn = turn + 1 / self._bounds.rate
        if turn > now:
            await self._clock.sleep(turn - now)

    # --- SNMP ---

    async def _ask_agent(self, client: NativeClient, target: Target) -> None:
        """Every login at once, because one that is wrong has no answer; the first of them that has one counts."""
        port = target.port or _SNMP_PORT
        sessions = [self._session(client, target.host, port, login) for login in self._logins]
        said = await asyncio.gather(*(_first(session) for session in sessions))
        for login, session, answer in zip(self._logins, sessions, said, strict=True):
            if isinstance(answer, VarBind):
                bare = Found(
                    target.host, port, "snmp", login.version, login.name, description=printable(answer)[:_DESCRIBED]
                )
                self.found.append(await self._look_closer(session, bare))
                return
        for login, answer in zip(self._logins, said, strict=True):
            if isinstance(answer, CollectError) and answer.reason in ("auth", "decode"):
                note = (
                    f"answers, but not to {'the user ' + login.user.user if login.user else 'this community'}: {answer}"
                )
                self.found.append(Found(target.host, port, "snmp", login.version, login.name, note=note))
                return

    def _session(self, client: NativeClient, host: str, port: int, login: Login) -> SnmpSession:
        timeout_s, retries = self._bounds.timeout_s, self._bounds.retries
        if login.user is not None:
            return client.session_v3(host, port, login.user, timeout_s=timeout_s, retries=retries)
        return client.session(host, port, login.version, login.community, timeout_s=timeout_s, retries=retries)

    async def _look_closer(self, session: SnmpSession, found: Found) -> Found:
        try:
            async with asyncio.timeout(_DEVICE_S):
                found = await _with_mark(session, found)
                match = await identify(session, self._profiles)
                profile = self._profiles[match.profile]
                found = replace(
                    found,
                    profile=profile.name,
                    kind=profile.kind,
                    confidence=match.confidence,
                    vendor=profile.vendor,
                    description=match.identity.sys_descr[:_DESCRIBED],
                )
                plan = compile_plan(profile, match.identity)
                readings = await collect_snmp(session, plan, "all", "device", self._clock.now(), DeviceMemory())
                return replace(found, points=_usable(readings))
        except TimeoutError:
            return replace(found, note=f"it takes longer than {_DEVICE_S:.0f} s")
        except DcmonError as error:
            unknown = isinstance(error, CollectError) and error.reason == "unknown"
            return replace(found, note="no profile fits it" if unknown else str(error))

    # --- Modbus ---

    async def _ask_server(self, host: str, port: int) -> None:
        assert self._units is not None
        endpoint = Endpoint(host=host, port=port, framing=self._units.framing)
        buses = Buses(self._clock, timeout_s=self._bounds.timeout_s)
        found: list[Found] = []
        try:
            bus = buses.bus(endpoint)
            for unit in self._units.units:
                session = UnitSession(bus, unit)
                functions = await _functions(session)
                if not bus.stats.connects:
                    return
                if functions is not None:
                    found.append(await self._look_at_unit(session, host, port, functions))
                    self.found.append(found[-1])
        finally:
            await buses.close()
        if len(found) == len(self._units.units) >= _SUSPICIOUS:
            for one in found[1:]:
                self.found[self.found.index(one)] = replace(one, same=found[0].address)

    async def _look_at_unit(self, session: UnitSession, host: str, port: int, functions: tuple[int, ...]) -> Found:
        assert self._units is not None
        listed = ", ".join(map(str, functions)) or "none"
        found = Found(host, port, "modbus", self._units.framing, unit=session.unit)
        found = replace(found, description=f"answers on functions {listed}")
        try:
            match = await identify_unit(session, self._profiles)
            if match is None:
                return replace(found, note="it does not say what it is")
            profile = self._profiles[match.profile]
            found = replace(found, profile=profile.name, kind=profile.kind, confidence=match.confidence)
            found = replace(found, vendor=profile.vendor)
            plan = compile_plan(profile)
            readings = await collect_modbus(session, plan, "all", "device", self._clock.now(), DeviceMemory())
            return replace(found, points=_usable(readings))
        except DcmonError as error:
            return replace(found, note=str(error))


def _usable(readings: Sequence[Reading]) -> int:
    return sum(reading.quality is not Quality.BAD for reading in readings)


async def _first(session: SnmpSession) -> VarBind | CollectError:
    """The first question: sysDescr, which every agent has."""
    try:
        return (await session.get((_SYS_DESCR,)))[0]
    except CollectError as error:
        return error


async def _with_mark(session: SnmpSession, found: Found) -> Found:
    """Name and mark: the same engine id or MAC address under the same name is the same device."""
    name, engine, *macs = await session.get((_SYS_NAME, _ENGINE_ID, *_MACS))
    said = printable(name)
    mac = next((one.value for one in macs if isinstance(one.value, bytes) and any(one.value)), b"")
    own = engine.value if isinstance(engine.value, bytes) and len(engine.value) >= _ENGINE_OCTETS else mac
    return replace(found, name=said, mark=(said, own.hex()) if own else None)


async def _functions(session: UnitSession) -> tuple[int, ...] | None:
    """The reads that the unit knows, whether it has an address 0 or not; None when nobody answers."""
    known, answered = [], False
    for function in _FUNCTIONS:
        session.begin_poll()
        try:
            await session.read(function, 0, 1)
        except CollectError as error:
            if error.reason == "exception":
                if error.detail.startswith(_NO_UNIT):
                    continue
                answered = True
                if error.detail.startswith("illegal_function"):
                    continue
            elif answered:
                continue
            elif function == _FUNCTIONS[0] and error.reason == "timeout" and "gateway" not in error.detail:
                continue  # one that has input registers only may be silent here
            else:
                return None
        known.append(function)
        answered = True
    return tuple(sorted(known)) if answered else None


def _order(targets: Sequence[Target]) -> Callable[[Found], tuple[int, int, int]]:
    """As the targets were named, then by port and unit."""
    place: dict[tuple[str, int | None], int] = {}
    for number, target in enumerate(targets):
        place.setdefault((target.host, target.port), number)

    def order(found: Found) -> tuple[int, int, int]:
        named = place.get((found.host, found.port), place.get((found.host, None), len(place)))
        return named, found.port, found.unit or 0

    return order


def _marked(found: Sequence[Found]) -> list[Found]:
    """With a word on those that seem to be another one, too."""
    first: dict[tuple[str, ...], str] = {}
    marked = []
    for one in found:
        if one.mark is None:
            marked.append(one)
            continue
        other = first.setdefault(one.mark, one.address)
        marked.append(one if other == one.address else replace(one, same=other))
    return marked
