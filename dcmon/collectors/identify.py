"""What a device is: sysObjectID and sysDescr first, then what it answers, then the standards that many speak.

An unknown device still gets a profile: `rfc1628` when it speaks UPS-MIB, else `standard`, which is whatever of the
general standards it answers. Something true instead of nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from dcmon.collectors.collect import ModbusReader
from dcmon.collectors.profile import Profile
from dcmon.collectors.profile_model import Match as Rule
from dcmon.collectors.profile_resolve import Identity, matches
from dcmon.collectors.snmp import NULL, Oid, SnmpSession, VarBind, format_oid, parse_oid
from dcmon.collectors.transforms import as_text
from dcmon.model import CollectError

SYS_DESCR: Final = "1.3.6.1.2.1.1.1.0"
SYS_OBJECT_ID: Final = "1.3.6.1.2.1.1.2.0"
_LONGEST: Final = 255
_SYSTEM: Final = 2
"""sysObjectID and sysDescr, the first of what is asked."""
_HALVINGS: Final = 4


@dataclass(frozen=True, slots=True)
class Match:
    """The profile of a device and how sure that is: 1 is a vendor's own number, below 0.5 a standard or a guess."""

    profile: str
    confidence: float
    identity: Identity


async def identify(session: SnmpSession, profiles: Mapping[str, Profile]) -> Match:
    """Asks the device what it is. Raises CollectError: `unknown` when no profile fits, else as the session does."""
    identity = await read_identity(session, profiles.values())
    best = choose(identity, profiles)
    if best is None or best[1] < _PROBED:
        walked = await _walk_columns(session, identity, profiles)
        best = choose(walked, profiles) or best
        identity = walked
    if best is None:
        said = identity.sys_descr or identity.sys_object_id or "nothing"
        raise CollectError("unknown", f"no profile fits a device that says {said!r}; name one, or write one")
    quirks = await identify_as(session, profiles[best[0]])
    probes = {**identity.probes, **quirks.probes}
    return Match(best[0], best[1], Identity(identity.sys_object_id, identity.sys_descr, probes))


async def identify_as(session: SnmpSession, profile: Profile) -> Identity:
    """The identity of a device whose profile is known, for its quirks."""
    chain = [profile] if profile.parent is None else [profile, profile.parent]
    return await _ask(session, (rule for each in chain for quirk in each.definition.quirks for rule in quirk.when))


async def read_identity(session: SnmpSession, profiles: Iterable[Profile]) -> Identity:
    """sysObjectID, sysDescr and the answers to every probe that these profiles are told from each other by."""
    return await _ask(session, (rule for profile in profiles for rule in profile.match))


async def _ask(session: SnmpSession, rules: Iterable[Rule]) -> Identity:
    probes: dict[Oid, None] = dict.fromkeys(parse_oid(rule.probe) for rule in rules if rule.probe is not None)
    answers = await _get_patiently(session, [parse_oid(SYS_OBJECT_ID), parse_oid(SYS_DESCR), *probes])
    return Identity(
        sys_object_id=printable(answers[0]).removeprefix("."),
        sys_descr=printable(answers[1]),
        probes={format_oid(answer.oid): printable(answer) for answer in answers[2:] if _answered(answer)},
    )


async def _get_patiently(session: SnmpSession, oids: Sequence[Oid]) -> list[VarBind]:
    """An agent may be silent because so many probes are too much for it; after each silence the session asks for less.
    Raises CollectError when it does not even say what it is."""
    for _ in range(_HALVINGS):
        try:
            return await session.get(oids)
        except CollectError as error:
            if error.reason != "timeout" or len(oids) <= _SYSTEM:
                raise
        await session.get(oids[:_SYSTEM])
    return await session.get(oids)


def _answered(varbind: VarBind) -> bool:
    return varbind.tag != NULL and varbind.value is not None


def printable(varbind: VarBind) -> str:
    """A value as text, for globs and for people."""
    if isinstance(varbind.value, bytes):
        return (as_text(varbind.value) or "")[:_LONGEST]
    return "" if varbind.value is None else str(varbind.value)[:_LONGEST]


_OWN: Final = 0.9
_DESCRIBED: Final = 0.7
_PROBED: Final = 0.6
_STANDARD: Final = 0.4


def choose(identity: Identity, profiles: Mapping[str, Profile]) -> tuple[str, float] | None:
    """The profile that fits best and how sure that is; of equals the one whose number is longest, then the one
    that extends another and so knows more."""
    found = [
        (*_weight(rule), profile.extends is not None, profile.name)
        for profile in profiles.values()
        for rule in profile.match
        if matches(rule, identity)
    ]
    if not found:
        return None
    confidence, _, _, name = max(found)
    return name, round(confidence, 2)


async def identify_unit(reader: ModbusReader, profiles: Mapping[str, Profile]) -> Match | None:
    """What a Modbus unit is by the registers that profiles are told by; None when none of them fits, as few devices
    have such registers. CollectError as the reader does, but for what the unit refuses."""
    rules = [rule for profile in profiles.values() for rule in profile.match if rule.registers]
    found: dict[tuple[int, int], int] = {}
    for function, address, count in sorted({test.place for rule in rules for test in rule.registers}):
        try:
            values = await reader.read(function, address, count)
        except CollectError as error:
            if error.reason != "exception":
                raise
            continue
        found |= {(function, address + offset): value for offset, value in enumerate(values)}
    identity = Identity(registers=found)
    best = choose(identity, profiles)
    return Match(best[0], best[1], identity) if best is not None else None


def _weight(rule: Rule) -> tuple[float, int]:
    """(confidence, how specific). A standard never beats what a vendor says for itself."""
    if rule.registers:
        alone = len(rule.registers) == 1 and rule.registers[0].text is None
        return (_PROBED if alone else _OWN), len(rule.registers)
    specific = len(rule.sys_object_id or "") + len(rule.sys_descr or "") + len(rule.value or "")
    if rule.standard:
        return _STANDARD, specific + len(rule.probe or rule.column or "")
    if rule.sys_object_id is not None:
        sure = _OWN + 0.05 * ((rule.sys_descr is not None) + (rule.probe is not None))
        return sure, specific
    if rule.sys_descr is not None:
        return _DESCRIBED, specific
    return (_PROBED if rule.probe is not None else _STANDARD + 0.1), specific


async def _walk_columns(session: SnmpSession, identity: Identity, profiles: Mapping[str, Profile]) -> Identity:
    """Asks for the table columns that rules name; only when nothing better is known, because a walk is long."""
    rules = [rule for profile in profiles.values() for rule in profile.match if rule.column is not None]
    columns = list(dict.fromkeys(rule.column for rule in rules if rule.column is not None))
    found = dict(identity.probes)
    for column in columns:
        if await session.walk_columns([parse_oid(column)]) != {parse_oid(column): []}:
            found[column] = ""
    return Identity(identity.sys_object_id, identity.sys_descr, found)
