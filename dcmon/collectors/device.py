"""A device: an address, a profile and the site's maps, put together into what the poller asks."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import cached_property
from hashlib import sha256
from typing import Any, Final, Protocol

from dcmon.collectors.collect import DeviceMemory, ask_snmp, collect_modbus, collect_snmp, decode_asked
from dcmon.collectors.decode_rates import went_on
from dcmon.collectors.identify import SYS_OBJECT_ID, Match, identify, identify_as, printable
from dcmon.collectors.maps import Maps
from dcmon.collectors.modbus import UnitSession
from dcmon.collectors.plan import Plan, compile_plan
from dcmon.collectors.profile import Profile
from dcmon.collectors.profile_resolve import Identity, matches
from dcmon.collectors.schedule import EVERYTHING, FAST, SLOW
from dcmon.collectors.snmp import SnmpSession, VarBind, parse_oid
from dcmon.config.collectors import PointMap
from dcmon.model import CollectError, DcmonError, Reading

_SYS_UPTIME: Final = "1.3.6.1.2.1.1.3.0"
_WHO: Final = (parse_oid(SYS_OBJECT_ID), parse_oid(_SYS_UPTIME))
_FORGET_AFTER: Final = 2
"""Failed polls in a row after which counters may not be compared with what they were."""


class IdentityCache(Protocol):
    """What devices said they are, kept over a restart: plain JSON by asset."""

    def get(self, asset: str) -> Mapping[str, Any] | None:
        """What was put last; None when nothing was."""
        ...

    def put(self, asset: str, identity: Mapping[str, Any]) -> None:
        """Keeps it. Called only when it has changed."""
        ...


class Identities:
    """An IdentityCache in memory."""

    def __init__(self) -> None:
        self._kept: dict[str, Mapping[str, Any]] = {}

    def get(self, asset: str) -> Mapping[str, Any] | None:
        return self._kept.get(asset)

    def put(self, asset: str, identity: Mapping[str, Any]) -> None:
        self._kept[asset] = identity


class Plans:
    """Compiled plans, one for all devices that a profile and its quirks treat alike."""

    def __init__(self, profiles: Mapping[str, Profile]) -> None:
        self.profiles = profiles
        self._plans: dict[tuple[str, tuple[bool, ...]], Plan] = {}

    @cached_property
    def rules(self) -> str:
        """What devices are told apart by, as a digest: a profile that is new may know better what a device is."""
        said = {name: [rule.model_dump_json() for rule in profile.match] for name, profile in self.profiles.items()}
        return sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()[:16]

    def plan(self, name: str, protocol: str, identity: Identity | None = None) -> Plan:
        """The plan of a device of this profile. CollectError(profile): unknown, faulty or of another protocol."""
        profile = self.profiles.get(name)
        if profile is None:
            raise CollectError("profile", f"there is no profile {name!r}; `dcmon check` lists what is wrong")
        said = identity or Identity()
        try:
            key = (name, _quirks(profile, said))
            plan = self._plans.get(key)
            if plan is None:
                plan = self._plans[key] = compile_plan(profile, said)
        except (DcmonError, ValueError) as error:
            raise CollectError("profile", f"{name}: {error}") from error
        if plan.protocol != protocol:
            raise CollectError("profile", f"{name} is for {plan.protocol}, but the device is asked over {protocol}")
        return plan


def _quirks(profile: Profile, identity: Identity) -> tuple[bool, ...]:
    chain = [profile] if profile.parent is None else [profile, profile.parent]
    return tuple(
        any(matches(rule, identity) for rule in quirk.when) for each in chain for quirk in each.definition.quirks
    )


def _group(groups: frozenset[str]) -> str:
    return "all" if groups >= EVERYTHING else next(iter(groups), "all")


def _groups(plan: Plan) -> frozenset[str]:
    return frozenset(group for group in (FAST, SLOW) if plan.requests(group)) or frozenset({SLOW})


class SnmpDevice:
    """An SNMP agent. Which profile it has, and which of the profile's quirks, it is asked itself.

    At every slow poll its sysObjectID and sysUpTime are compared with what they were: an address behind which another
    device answers, or the same one after a restart (perhaps with other firmware), is identified anew.
    """

    bus: None = None

    def __init__(
        self,
        asset: str,
        session: SnmpSession,
        plans: Plans,
        *,
        profile: str | None = None,
        identities: IdentityCache | None = None,
        maps: Sequence[PointMap] = (),
    ) -> None:
        self.asset = asset
        self.groups = EVERYTHING
        self.match: Match | None = None
        """What the device was found to be; None until it has answered."""
        self._session = session
        self._plans = plans
        self._profile = profile
        self._identities = identities if identities is not None else Identities()
        self._maps = Maps(maps)
        self._plan: Plan | None = None
        self._memory = DeviceMemory()
        self._uptime: tuple[int, int] | None = None
        """(when, sysUpTime) as last heard."""
        self._failures = 0

    async def poll(self, groups: frozenset[str], now: int) -> list[Reading]:
        """See Device. CollectError also as `unknown` (no profile fits) and `profile` (it is faulty)."""
        try:
            readings = await self._read(groups, now)
        except CollectError:
            self._failures += 1
            raise
        self._failures = 0
        return self._maps.apply(readings)

    async def _read(self, groups: frozenset[str], now: int) -> list[Reading]:
        plan, group = self._plan, _group(groups)
        if plan is None or self._failures >= _FORGET_AFTER:
            plan = await self._recognise(await self._session.get(_WHO), now)
        elif SLOW in groups:
            # Who it is goes along with the poll: usually it is the same one, and then this was all.
            asked = await ask_snmp(self._session, plan, group, _WHO)
            who = [asked.scalars[oid] for oid in _WHO if oid in asked.scalars]
            found = await self._recognise(who, now) if len(who) == len(_WHO) else plan
            if found is plan:
                return decode_asked(plan, group, asked, self.asset, now, self._memory)
            plan = found
        return await collect_snmp(self._session, plan, group, self.asset, now, self._memory)

    async def close(self) -> None:
        """Lets go of the session's requests."""
        await self._session.close()

    async def _recognise(self, who: Sequence[VarBind], now: int) -> Plan:
        """The plan of whoever answers at `now`; `who` is what it says to `_WHO`."""
        object_id, uptime = who
        said = printable(object_id).removeprefix(".")
        ticks = uptime.value if isinstance(uptime.value, int) else None
        before, self._uptime = self._uptime, None if ticks is None else (now, ticks)
        restarted = ticks is not None and before is not None and not went_on(before[1], ticks, now - before[0])
        if self._failures >= _FORGET_AFTER:
            self._memory = DeviceMemory()
        plan = self._plan
        if plan is None or self.match is None or restarted or self.match.identity.sys_object_id != said:
            match = await self._identify(said)
            plan = self._plans.plan(match.profile, "snmp", match.identity)
            self._memory = DeviceMemory()
            self._keep(match)
            self.match, self._plan, self.groups = match, plan, _groups(plan)
        return plan

    async def _identify(self, object_id: str) -> Match:
        if self._profile is not None:
            profile = self._plans.profiles.get(self._profile)
            if profile is None:
                message = f"there is no profile {self._profile!r}; `dcmon check` lists what is wrong"
                raise CollectError("profile", message)
            return Match(profile.name, 1.0, await identify_as(self._session, profile))
        kept = self._identities.get(self.asset) or {}
        known = self._plans.profiles.get(str(kept.get("profile")))
        if known is not None and kept.get("sys_object_id") == object_id and kept.get("rules") == self._plans.rules:
            identity = await identify_as(self._session, known)
            if identity.sys_descr == kept.get("sys_descr"):
                return Match(known.name, 1.0, identity)
        return await identify(self._session, self._plans.profiles)

    def _keep(self, match: Match) -> None:
        identity = {
            "profile": match.profile,
            "sys_object_id": match.identity.sys_object_id,
            "sys_descr": match.identity.sys_descr,
            "rules": self._plans.rules,
        }
        if self._identities.get(self.asset) != identity:
            self._identities.put(self.asset, identity)


class ModbusDevice:
    """One unit of a Modbus bus. It cannot say what it is, so its profile is configured."""

    def __init__(
        self, asset: str, session: UnitSession, plans: Plans, *, profile: str, maps: Sequence[PointMap] = ()
    ) -> None:
        self.asset = asset
        self.bus: str | None = session.bus.endpoint.key
        self._session = session
        self._maps = Maps(maps)
        self._plan = plans.plan(profile, "modbus")
        self._memory = DeviceMemory()
        self._failures = 0
        self.groups = _groups(self._plan)

    async def poll(self, groups: frozenset[str], now: int) -> list[Reading]:
        """See Device."""
        self._session.begin_poll()
        try:
            readings = await collect_modbus(self._session, self._plan, _group(groups), self.asset, now, self._memory)
        except CollectError:
            self._failures += 1
            if self._failures == _FORGET_AFTER:
                # Another controller may be put in its place: what this one lacked, that one may have.
                self._memory = DeviceMemory()
            raise
        self._failures = 0
        return self._maps.apply(readings)

    async def close(self) -> None:
        """Closes the bus; other units of it open it again when they are asked."""
        await self._session.close()
