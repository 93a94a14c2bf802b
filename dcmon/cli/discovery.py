"""`dcmon discover`."""

from __future__ import annotations

import asyncio
import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dcmon.cli.common import (
    ConfigOption,
    JsonOption,
    counted,
    err,
    find_config,
    out,
    print_json,
    table_row,
    telling_errors,
    told_whole,
)
from dcmon.cli.options import (
    AuthKeyOption,
    AuthOption,
    ContextOption,
    FramingOption,
    PrivKeyOption,
    PrivOption,
    ProfilesOption,
    known_profiles,
    secret_of,
    user_of,
)
from dcmon.model import ConfigError, DcmonError

if TYPE_CHECKING:
    from dcmon.collectors.profile import Profile
    from dcmon.config.config import Config
    from dcmon.discovery import Found, Login, Search

_UNITS = re.compile(r"(\d{1,3})(?:-(\d{1,3}))?")
_STOPPED = 130
"""As a shell says that Ctrl+C ended a command."""


def discover(
    targets: Annotated[
        list[str], typer.Argument(help="192.0.2.7, a name, 192.0.2.0/24, 192.0.2.10-40, IPv6 too; with :PORT if needed")
    ],
    config: ConfigOption = None,
    community: Annotated[
        list[str] | None, typer.Option("--community", help="as it is, env:NAME or file:PATH; may be repeated")
    ] = None,
    user: Annotated[str | None, typer.Option("--user", help="SNMP v3 user")] = None,
    auth: AuthOption = "sha256",
    auth_key: AuthKeyOption = None,
    priv: PrivOption = "aes128",
    priv_key: PrivKeyOption = None,
    context: ContextOption = "",
    snmp: Annotated[bool, typer.Option("--snmp/--no-snmp", help="ask SNMP agents")] = True,
    modbus: Annotated[bool, typer.Option("--modbus", help="look for Modbus units, too")] = False,
    modbus_port: Annotated[
        list[int] | None, typer.Option("--modbus-port", min=1, max=65535, help="502; repeatable")
    ] = None,
    units: Annotated[str, typer.Option("--units", help="Modbus units: 1-10, or 1,5,40-47")] = "1-10",
    framing: FramingOption = "tcp",
    rate: Annotated[float, typer.Option(min=0.1, max=10_000, help="addresses begun per second")] = 100.0,
    at_once: Annotated[int, typer.Option(min=1, max=500, help="addresses asked at once")] = 64,
    timeout: Annotated[float, typer.Option(min=0.05, max=60, help="seconds that one request may take")] = 1.0,
    retries: Annotated[int, typer.Option(min=0, max=5, help="repetitions of one SNMP request")] = 1,
    profiles: ProfilesOption = None,
    site: Annotated[bool, typer.Option("--site", help="print lines for collectors.yaml and site.yaml")] = False,
    as_json: JsonOption = False,
) -> None:
    """Looks for devices: who answers, as what, with how many points. Only reads. Ctrl+C shows what was found so far."""
    from dcmon.collectors.targets import parse_targets
    from dcmon.discovery import Bounds, Search, UnitScan

    with telling_errors():
        wanted = parse_targets(targets)
        if not snmp and not modbus:
            raise DcmonError("--no-snmp leaves nothing to ask: add --modbus")
        keys = user_of(user, auth, auth_key, priv, priv_key, context)
        given = _configuration(config, named=bool(community or keys))
        logins = _logins(community or [], keys, given) if snmp else []
        folder = profiles if profiles is not None or given is None else _if_there(given.directory / "profiles")
        scan = UnitScan(tuple(modbus_port or (502,)), parse_units(units), framing) if modbus else None
        bounds = Bounds(rate, at_once, timeout, retries)
        known = known_profiles(folder)
        search = Search(wanted, known, logins=logins, units=scan, bounds=bounds)
        finished = _run(search)
        if site:
            _propose(search.found, logins, known, given)
        elif as_json:
            print_json([{**found.as_dict(), "asset": _asset(found, given)} for found in search.found])
        else:
            _show(search.found, given)
        _tell(search, finished, len(wanted))
    if not finished:
        raise typer.Exit(_STOPPED)


def _run(search: Search) -> bool:
    """Whether it came to its end, and was not stopped."""
    from dcmon.loop import until_stopped

    with _progress(search) as told:

        async def run(stop: asyncio.Event) -> bool:
            return await search.run(stop, told)

        return until_stopped(run)


def _propose(
    devices: Sequence[Found], logins: Sequence[Login], known: Mapping[str, Profile], config: Config | None
) -> None:
    from dcmon.proposal import propose

    sys.stdout.write(propose(devices, logins, known, config))


def _configuration(folder: Path | None, *, named: bool) -> Config | None:
    """The configuration, for its credentials: the one named, or the one that there is when no credentials are given."""
    from dcmon.config.loader import load

    if folder is None and named:
        return None
    directory = find_config(folder)
    return load(directory) if folder is not None or directory.is_dir() else None


def _logins(communities: Sequence[str], keys: object, config: Config | None) -> list[Login]:
    """What is given and what is configured; where that is nothing, what devices come with."""
    return [*_given_logins(communities, keys), *_configured_logins(config)] or _given_logins(["public"], None)


def _if_there(folder: Path) -> Path | None:
    return folder if folder.is_dir() else None


def _given_logins(communities: Sequence[str], keys: object) -> list[Login]:
    from dcmon.collectors.snmp import V3User
    from dcmon.discovery import Login

    found = []
    for number, text in enumerate(communities, start=1):
        suffix = f"-{number}" if number > 1 else ""
        reference = text if text.startswith(("env:", "file:")) else None
        found += [
            Login(version, secret_of(text), name=f"found-v{version}{suffix}", reference=reference)
            for version in ("2c", "1")
        ]
    return found + ([Login("3", user=keys, name="found-v3")] if isinstance(keys, V3User) else [])


def _configured_logins(config: Config | None) -> list[Login]:
    """What can be used of the configuration's credentials; of the rest it is told why not."""
    from dcmon.collectors.build import v3_user
    from dcmon.config.collectors import CommunityCredentials
    from dcmon.config.secrets import resolve
    from dcmon.discovery import Login

    logins = []
    for name, known in config.collectors.credentials.items() if config is not None else ():
        directory = config.directory if config is not None else Path()
        try:
            if isinstance(known, CommunityCredentials):
                logins.append(Login(known.version, resolve(known.community, directory), name=name, configured=True))
            else:
                keys = v3_user(known, lambda reference: resolve(reference, directory))  # noqa: B023  # used at once
                logins.append(Login("3", user=keys, name=name, configured=True))
        except (ConfigError, ValueError) as error:
            err.print(f"credentials {name} are not used: {error}", markup=False)
    return logins


def parse_units(text: str) -> tuple[int, ...]:
    """Modbus units such as `1-10` or `1,5,40-47`. Raises DcmonError."""
    found: dict[int, None] = {}
    for part in text.split(","):
        match = _UNITS.fullmatch(part.strip())
        first, last = (int(match[1]), int(match[2] or match[1])) if match else (1, 0)
        if not first <= last <= 247:
            raise DcmonError(f"{text!r} are no Modbus units: numbers from 0 to 247, for example 1-10 or 1,5,40-47")
        found.update(dict.fromkeys(range(first, last + 1)))
    return tuple(found)


@contextmanager
def _progress(search: Search) -> Iterator[Callable[[], None]]:
    """A bar on standard error, where somebody looks."""
    if not err.is_terminal:
        yield lambda: None
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(), TextColumn("{task.description}"))
    with Progress(*columns, console=err, transient=True) as progress:
        task = progress.add_task("", total=search.total)
        yield lambda: progress.update(task, completed=search.done, description=f"{len(search.found)} found")


def _asset(found: Found, config: Config | None) -> str | None:
    from dcmon.proposal import asset_at

    return asset_at(found, config)


def _show(devices: Sequence[Found], config: Config | None) -> None:
    from rich.table import Table

    if not devices:
        return
    table = Table(*told_whole("address", "over", "profile", "sure", "vendor", "says of itself", "points", "note"))
    for found in devices:
        over = f"{found.protocol} {found.version}" + (f" ({found.credentials})" if found.credentials else "")
        asset = _asset(found, config)
        notes = [f"is {asset}" if asset else None, found.note]
        notes.append(f"the same device as {found.same}?" if found.same else None)
        sure = "" if found.confidence is None else f"{found.confidence:.0%}"
        said = " · ".join(text for text in (found.name, found.description) if text)
        note = "; ".join(text for text in notes if text)
        profile = found.profile or "unknown"
        table.add_row(*table_row(found.address, over, profile, sure, found.vendor, said, found.points, note))
    out.print(table)


def _tell(search: Search, finished: bool, addresses: int) -> None:
    count = len(search.found)
    if search.failed:
        left_out = counted(search.failed, "address")
        err.print(f"left out, because dcmon failed there: {left_out}. Please report what is above")
    if not finished:
        err.print(f"stopped: {search.done} of {search.total} asked, {count} found so far")
    elif count == 0:
        hint = "Check community or user, and whether devices let this host ask."
        err.print(f"nobody answers at {counted(addresses, 'address')}. {hint}")
    else:
        err.print(f"{count} found at {counted(addresses, 'address')}")
