"""What `dcmon discover --site` prints: the lines of collectors.yaml and site.yaml for what was found."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from dcmon.collectors.profile import Profile
from dcmon.config.config import Config
from dcmon.config.site import AssetKind
from dcmon.discovery import Found, Login

_ASSET_KINDS: Final[Mapping[str, AssetKind]] = {
    "ups": AssetKind.UPS,
    "pdu": AssetKind.PDU,
    "ats": AssetKind.TRANSFER_SWITCH,
    "genset": AssetKind.GENSET,
    "cooling": AssetKind.COOLING_UNIT,
    "environment": AssetKind.ENVIRONMENT_UNIT,
    "network": AssetKind.ROUTER,
    "meter": AssetKind.PDU,
    "dc_power": AssetKind.UPS,
}
"""Kind of a profile -> of the asset: a meter measures what is distributed, rectifiers with batteries are a UPS. What
is known by standards only is of kind `other`, which says nothing of what it is."""
_NO_ID: Final = re.compile(r"[^a-z0-9_.]+")
_LONGEST: Final = 64
_WATER, _CLIMATE = "water.detected", "temperature"
_PORTS: Final = {"snmp": 161, "modbus": 502}


def asset_at(found: Found, config: Config | None) -> str | None:
    """The asset that collectors.yaml has at this address already."""
    for asset, device in config.collectors.devices.items() if config is not None else ():
        if device.snmp is not None and found.protocol == "snmp":
            if (device.snmp.host, device.snmp.port) == (found.host, found.port):
                return asset
        elif device.modbus is not None and found.protocol == "modbus":
            address = device.modbus
            if (address.host, address.port, address.unit) == (found.host, found.port, found.unit):
                return asset
    return None


def propose(
    found: Sequence[Found], logins: Sequence[Login], profiles: Mapping[str, Profile], config: Config | None
) -> str:
    """The lines to put below `credentials:`, `devices:` and `assets:`. What nobody can decide stands as a comment."""
    taken = {asset.id for asset in config.site.assets} if config is not None else set()
    devices, assets = [], []
    for one in found:
        known = asset_at(one, config)
        if known is not None:
            devices.append(f"  # {one.address} is {known} already")
            continue
        asset = _id_of(one, taken)
        device = f"{asset}: {_device(one)}"
        if one.same is not None:
            devices.append(f"  # the same device as {one.same}?\n  # {device}")
        elif one.profile is not None and profiles[one.profile].kind not in _ASSET_KINDS:
            why = "is known by the standards that it speaks; give it an asset of its kind"
            devices.append(f"  # {one.address} {why}\n  # {device}")
        elif one.profile is None:
            devices.append(f"  # {one.address}: {one.note or 'no profile'}; name its profile\n  # {device}")
        else:
            taken.add(asset)
            devices.append(f"  {device}")
            assets.append(f"  - {_asset(one, asset, profiles[one.profile])}")
    parts = [("collectors.yaml, below `credentials:`", _credentials(found, logins))]
    parts += [("collectors.yaml, below `devices:`", devices), ("site.yaml, below `assets:`", assets)]
    return "\n\n".join("\n".join((f"# {title}", *lines)) for title, lines in parts if lines) + "\n"


def _credentials(found: Iterable[Found], logins: Sequence[Login]) -> list[str]:
    """Only those that were given on the command line and found something."""
    used = {one.credentials for one in found}
    lines = []
    for login in logins:
        if login.configured or login.name is None or login.name not in used:
            continue
        if login.user is not None:
            words: dict[str, Any] = {"version": "3", "user": login.user.user, "auth": login.user.auth}
            words |= {"auth_key": "env:SNMP_AUTH_KEY"} if login.user.auth != "none" else {}
            words |= {"priv": login.user.priv}
            words |= {"priv_key": "env:SNMP_PRIV_KEY"} if login.user.priv != "none" else {}
        else:
            words = {"version": login.version, "community": login.reference or "env:SNMP_COMMUNITY"}
        lines.append(f"  {login.name}: {_flow(words)}")
    return lines


def _device(found: Found) -> str:
    port = {"port": found.port} if found.port != _PORTS[found.protocol] else {}
    if found.protocol == "snmp":
        address: dict[str, Any] = {"host": found.host, **port, "credentials": found.credentials}
    else:
        framing = {"framing": found.version} if found.version != "tcp" else {}
        address = {"host": found.host, **port, "unit": found.unit, **framing}
    return _flow({"profile": found.profile or "...", found.protocol: address})


def _asset(found: Found, asset: str, profile: Profile) -> str:
    kind = _ASSET_KINDS[profile.kind]
    if kind is AssetKind.ENVIRONMENT_UNIT and _WATER in profile.points and _CLIMATE not in profile.points:
        kind = AssetKind.LEAK_UNIT
    name = found.name or f"{kind.value.replace('_', ' ')} at {found.host}"
    return _flow({"id": asset, "kind": kind.value, "name": name, "location": f"found at {found.address}"})


def _id_of(found: Found, taken: set[str]) -> str:
    """What the device calls itself, if that can be an id; else its kind and address."""
    named = _NO_ID.sub("-", found.name.casefold()).strip("-_.")
    place = _NO_ID.sub("-", f"{found.kind or 'device'}-{found.host}".casefold()).strip("-_.")
    place += f"-{found.unit}" if found.unit is not None else ""
    wished = (named if any(letter.isalpha() for letter in named) else place)[: _LONGEST - 4]
    number, asset = 1, wished
    while asset in taken:
        number += 1
        asset = f"{wished}-{number}"
    return asset


def _flow(words: Mapping[str, Any]) -> str:
    """YAML in one line: JSON is YAML, and bare words are easier to read."""
    return "{" + ", ".join(f"{key}: {_word(value)}" for key, value in words.items()) + "}"


def _word(value: Any) -> str:
    if isinstance(value, Mapping):
        return _flow(value)
    bare = isinstance(value, str) and re.fullmatch(r"[a-z][a-z0-9_-]*|\d+\.\d+\.\d+\.\d+", value)
    return value if bare and value not in ("null", "true", "false", "yes", "no", "on", "off") else json.dumps(value)
