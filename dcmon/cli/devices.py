"""`dcmon poll`: one device, or what was recorded of one. `dcmon devices`: which ones it can read."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from dcmon.cli.common import JsonOption, err, out, print_json, table_row, telling_errors, told_whole
from dcmon.cli.options import (
    AuthKeyOption,
    AuthOption,
    CommunityOption,
    ContextOption,
    FramingOption,
    PrivKeyOption,
    PrivOption,
    ProfileOption,
    ProfilesOption,
    RetriesOption,
    TimeoutOption,
    UnitOption,
    UserOption,
    VersionOption,
    known_profiles,
    snmp_question,
    split_target,
    user_of,
)
from dcmon.model import DcmonError

_HINTS = {
    "timeout": "Ask again with a longer --timeout or more --retries.",
    "auth": "Let the user or community see these tables: the agent's view leaves them out.",
    "too-big": "The agent cannot send them in one datagram; see whether its firmware has an update.",
}


def poll(
    snmp: Annotated[str | None, typer.Option(help="HOST:PORT of an SNMP agent")] = None,
    modbus: Annotated[str | None, typer.Option(help="HOST:PORT of a Modbus server")] = None,
    recording: Annotated[
        Path | None, typer.Option(help="file of `dcmon record` or snmpsim; no device is asked")
    ] = None,
    profile: ProfileOption = None,
    community: CommunityOption = "public",
    version: VersionOption = "2c",
    user: UserOption = None,
    auth: AuthOption = "sha256",
    auth_key: AuthKeyOption = None,
    priv: PrivOption = "aes128",
    priv_key: PrivKeyOption = None,
    context: ContextOption = "",
    transport: Annotated[Literal["native", "pysnmp"], typer.Option(help="for SNMP v1 and v2c")] = "native",
    unit: UnitOption = 1,
    framing: FramingOption = "tcp",
    timeout: TimeoutOption = 1.0,
    retries: RetriesOption = 2,
    profiles: ProfilesOption = None,
    as_json: JsonOption = False,
) -> None:
    """Asks one device once: what it is, and everything it says. Only reads."""
    from dcmon.ask import ask_modbus, ask_recorded, ask_snmp
    from dcmon.config.collectors import ModbusAddress
    from dcmon.loop import run_once

    with telling_errors():
        if (snmp, modbus, recording).count(None) != 2:
            raise DcmonError("name the device with one of --snmp HOST:PORT, --modbus HOST:PORT and --recording FILE")
        known = known_profiles(profiles)
        if recording is not None:
            result = run_once(lambda: ask_recorded(recording, known, profile))
        elif modbus is not None:
            host, port = split_target(modbus, 502)
            address = ModbusAddress(host=host, port=port, unit=unit, framing=framing)
            result = run_once(lambda: ask_modbus(address, known, profile, timeout))
        elif snmp is not None:
            keys = user_of(user, auth, auth_key, priv, priv_key, context)
            question = snmp_question(
                snmp, version, community, keys, transport=transport, timeout=timeout, retries=retries
            )
            result = run_once(lambda: ask_snmp(question, known, profile))
        show(result, as_json)
        _tell_unanswered(result)


def _tell_unanswered(result: dict[str, Any]) -> None:
    from dcmon.ask import unanswered

    for reason, points in unanswered(result).items():
        hint = _HINTS.get(reason, "Record it with `dcmon record` and tell the maker of the profile.")
        err.print(f"not answered ({reason}): {', '.join(points)}. {hint}", markup=False)


def show(result: dict[str, Any], as_json: bool) -> None:
    """The readings as JSON, or as a table for people."""
    if as_json:
        print_json(result)
        return
    from rich.table import Table

    table = Table(
        *told_whole("point", "index", "value", "unit", "quality", "source"),
        title=f"{result['profile']} ({result['kind']})",
    )
    for row in result["readings"]:
        quality = row["quality"] if row["reason"] is None else f"{row['quality']}: {row['reason']}"
        table.add_row(*table_row(row["point"], row["index"], row["value"], row["unit"], quality, row["source"]))
    out.print(table)
    if not result["readings"]:
        err.print("It answers, but has nothing of what this profile asks. Check profile, address and unit.")


def devices(profiles: ProfilesOption = None, as_json: JsonOption = False) -> None:
    """Which devices dcmon can read: vendor, family, points, how far it was tried, how they are recognised."""
    from dcmon.collectors.supported import supported

    with telling_errors():
        families = supported(known_profiles(profiles))
    if as_json:
        print_json([family.as_dict() for family in families])
        return
    from rich.table import Table

    table = Table(*told_whole("kind", "vendor", "family", "over", "points", "status", "profile"))
    for one in families:
        row = table_row(one.kind, one.vendor, one.family, one.protocol, one.points, one.status, one.profile)
        table.add_row(*row)
    out.print(table)
