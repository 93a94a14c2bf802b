"""Checks of collectors.yaml and of everything that refers to a secret."""

from __future__ import annotations

import stat
from collections.abc import Iterator

from dcmon.config.base import check_url
from dcmon.config.checks.knowledge import Knowledge
from dcmon.config.collectors import Device, UserCredentials
from dcmon.config.loader import Loaded
from dcmon.config.secrets import resolve
from dcmon.config.site import AssetKind
from dcmon.config.vocabulary import vocabulary
from dcmon.config.yamlfile import Loc, Problem
from dcmon.model import ConfigError

_MIN_KEY = 8


def devices_are_assets(loaded: Loaded, _: Knowledge) -> Iterator[Problem]:
    """D201: a device is no asset."""
    known = {asset.id for asset in loaded.config.site.assets}
    for name in loaded.config.collectors.devices:
        if name not in known:
            message = f"the device {name!r} is no asset of site.yaml"
            yield loaded.problem("D201", "collectors", ("devices", name), message, "Name the device like its asset.")


def credentials_known(loaded: Loaded, _: Knowledge) -> Iterator[Problem]:
    """D202: a device uses unknown credentials."""
    known = loaded.config.collectors.credentials
    for name, device in loaded.config.collectors.devices.items():
        if device.snmp is not None and device.snmp.credentials not in known:
            message = f"{name} uses the unknown credentials {device.snmp.credentials!r}"
            loc = ("devices", name, "snmp", "credentials")
            yield loaded.problem("D202", "collectors", loc, message, "Add them under credentials.")


def profiles_known(loaded: Loaded, knowledge: Knowledge) -> Iterator[Problem]:
    """D203: a profile is unknown."""
    for name, device in loaded.config.collectors.devices.items():
        if device.profile is not None and device.profile not in knowledge.points:
            message = f"{name} has the unknown profile {device.profile!r}"
            hint = "`dcmon poll` without --profile finds one; your own go into the folder profiles."
            yield loaded.problem("D203", "collectors", ("devices", name, "profile"), message, hint)


def addresses_differ(loaded: Loaded, _: Knowledge) -> Iterator[Problem]:
    """D204: two devices have the same address."""
    seen: dict[tuple[object, ...], str] = {}
    for name, device in loaded.config.collectors.devices.items():
        address = _address(device)
        if address in seen:
            message = f"{name} has the same address as {seen[address]}"
            yield loaded.problem("D204", "collectors", ("devices", name), message, "Correct one of them.")
        seen.setdefault(address, name)


def _address(device: Device) -> tuple[object, ...]:
    if device.snmp is not None:
        return ("snmp", device.snmp.host, device.snmp.port, device.snmp.credentials)
    if device.probe is not None:
        return ("probe", device.probe)
    modbus = device.modbus
    return ("modbus", modbus.serial or modbus.host, modbus.port, modbus.unit) if modbus else (id(device),)


def maps(loaded: Loaded, knowledge: Knowledge) -> Iterator[Problem]:
    """D205: a map names an unknown asset or point."""
    assets = {asset.id for asset in loaded.config.site.assets}
    points = set(vocabulary()).union(*knowledge.points.values())
    for name, device in loaded.config.collectors.devices.items():
        for position, entry in enumerate(device.maps):
            loc: Loc = ("devices", name, "maps", position)
            if entry.asset is not None and entry.asset not in assets:
                message = f"{name} maps to the unknown asset {entry.asset!r}"
                hint = "Add the asset to site.yaml or correct its id."
                yield loaded.problem("D205", "collectors", (*loc, "asset"), message, hint)
            if entry.as_point is not None and entry.as_point not in points:
                message = f"{name} maps to the unknown point {entry.as_point!r}"
                hint = "Use a name of the vocabulary: docs/points.md."
                yield loaded.problem("D205", "collectors", (*loc, "as_point"), message, hint)


def _references(loaded: Loaded) -> Iterator[tuple[str, Loc, str]]:
    """(file, loc, reference) of every secret that this configuration really uses."""
    config = loaded.config
    used = {device.snmp.credentials for device in config.collectors.devices.values() if device.snmp}
    used |= set(config.agent.traps.credentials)
    for name, credentials in config.collectors.credentials.items():
        if name not in used:
            continue
        keys = ("auth_key", "priv_key") if isinstance(credentials, UserCredentials) else ("community",)
        for key in keys:
            reference = getattr(credentials, key)
            if reference is not None:
                yield "collectors", ("credentials", name, key), reference
    for name, device in config.collectors.devices.items():
        for key in ("password", "token"):
            if (reference := getattr(device.probe, key, None)) is not None:
                yield "collectors", ("devices", name, "probe", key), reference
    if config.agent.smtp.password is not None:
        yield "agent", ("smtp", "password"), config.agent.smtp.password
    if config.agent.influx.enabled and config.agent.influx.token is not None:
        yield "agent", ("influx", "token"), config.agent.influx.token
    for position, person in enumerate(config.people.people):
        if person.webhook is not None and person.webhook.startswith(("env:", "file:")):
            yield "people", ("people", position, "webhook"), person.webhook


def secrets_readable(loaded: Loaded, _: Knowledge) -> Iterator[Problem]:
    """D206: a secret cannot be read."""
    for file, loc, reference in _references(loaded):
        try:
            secret = resolve(reference, loaded.config.directory)
        except ConfigError as error:
            message, _sep, hint = str(error).partition(". ")
            yield loaded.problem("D206", file, loc, message, hint)
            continue
        unfit = _unfit(str(loc[-1]), secret)
        if unfit is not None:
            yield loaded.problem("D206", file, loc, f"{reference}: {unfit}", "Write another one.")


def _unfit(use: str, secret: str) -> str | None:
    """What keeps a secret that can be read from being used."""
    if use == "webhook":
        try:
            check_url(secret)
        except ValueError as error:
            return str(error)
    if use in ("auth_key", "priv_key") and len(secret.encode()) < _MIN_KEY:
        return f"shorter than the {_MIN_KEY} characters that SNMP v3 wants (RFC 3414)"
    return None


def secrets_private(loaded: Loaded, _: Knowledge) -> Iterator[Problem]:
    """D207: others can read the file of a secret (warning)."""
    for file, loc, reference in _references(loaded):
        kind, _sep, name = reference.partition(":")
        path = loaded.config.directory / name
        if kind == "file" and path.is_file() and path.stat().st_mode & (stat.S_IROTH | stat.S_IWOTH):
            message = f"everybody on this machine can read {path.name}"
            yield loaded.problem("D207", file, loc, message, f"chmod 640 {path}", warning=True)


def silent_assets(loaded: Loaded, knowledge: Knowledge) -> Iterator[Problem]:
    """D208: nothing is read for an asset (warning)."""
    given = knowledge.points_by_asset(loaded.config)
    for position, asset in enumerate(loaded.config.site.assets):
        if not given[asset.id] and asset.kind is not AssetKind.AGENT:
            message = f"nothing is read for {asset.id}"
            hint = "Add a device of that name or a map that gives it points."
            yield loaded.problem("D208", "site", ("assets", position), message, hint, warning=True)
