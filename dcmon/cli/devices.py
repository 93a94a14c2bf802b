"""Commands that talk to single devices."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from pydantic import ValidationError
from rich.table import Table

from dcmon.cli.common import JsonOption, out, print_json, telling_errors
from dcmon.collectors.build import v3_user
from dcmon.collectors.snmp.usm import V3User
from dcmon.config.collectors import ModbusAddress, UserCredentials
from dcmon.config.secrets import resolve
from dcmon.model import DcmonError

Auth = Literal["none", "md5", "sha1", "sha224", "sha256", "sha384", "sha512"]
Priv = Literal["none", "aes128", "aes192", "aes256"]


def poll(
    snmp: Annotated[str | None, typer.Option(help="HOST:PORT of an SNMP agent")] = None,
    modbus: Annotated[str | None, typer.Option(help="HOST:PORT of a Modbus server")] = None,
    profile: Annotated[str | None, typer.Option(help="profile; for SNMP found by itself when absent")] = None,
    community: Annotated[str, typer.Option(help="SNMP community, or env:NAME or file:PATH")] = "public",
    version: Annotated[Literal["1", "2c"], typer.Option(help="SNMP version; --user means 3")] = "2c",
    user: Annotated[str | None, typer.Option(help="SNMP v3 user")] = None,
    auth: Annotated[Auth, typer.Option(help="SNMP v3 authentication")] = "sha256",
    auth_key: Annotated[str | None, typer.Option(help="env:NAME or file:PATH of its key")] = None,
    priv: Annotated[Priv, typer.Option(help="SNMP v3 privacy")] = "aes128",
    priv_key: Annotated[str | None, typer.Option(help="env:NAME or file:PATH of its key")] = None,
    context: Annotated[str, typer.Option(help="SNMP v3 context")] = "",
    transport: Annotated[Literal["native", "pysnmp"], typer.Option(help="for SNMP v1 and v2c")] = "native",
    unit: Annotated[int, typer.Option(min=0, max=247, help="Modbus unit")] = 1,
    framing: Annotated[Literal["tcp", "rtu-over-tcp"], typer.Option(help="Modbus framing")] = "tcp",
    timeout: Annotated[float, typer.Option(min=0.05, max=60, help="seconds that one request may take")] = 1.0,
    retries: Annotated[int, typer.Option(min=0, max=5, help="repetitions of one SNMP request")] = 2,
    profiles: Annotated[Path | None, typer.Option(help="folder with profiles of your own")] = None,
    as_json: JsonOption = False,
) -> None:
    """Asks one device once: what it is, and everything it says. Only reads."""
    from dcmon.ask import SnmpQuestion, ask_modbus, ask_snmp
    from dcmon.collectors.profile import load_profiles
    from dcmon.service import run_once

    with telling_errors():
        if profiles is not None and not profiles.is_dir():
            raise DcmonError(f"{profiles} is no folder with profiles")
        known = load_profiles(profiles)
        if modbus is not None and snmp is None:
            host, port = split_target(modbus, 502)
            name = named(profile)
            address = ModbusAddress(host=host, port=port, unit=unit, framing=framing)
            result = run_once(lambda: ask_modbus(address, known, name, timeout))
        elif snmp is not None and modbus is None:
            host, port = split_target(snmp, 161)
            keys = None if user is None else user_of(user, auth, auth_key, priv, priv_key, context)
            secret = resolve(community, Path()) if community.startswith(("env:", "file:")) else community
            question = SnmpQuestion(host, port, version, secret, keys, transport, timeout, retries)
            result = run_once(lambda: ask_snmp(question, known, profile))
        else:
            raise DcmonError("name the device with either --snmp HOST:PORT or --modbus HOST:PORT")
        show(result, as_json)


def named(profile: str | None) -> str:
    """The profile of a Modbus device. Raises DcmonError when none is named."""
    if profile is None:
        raise DcmonError("a Modbus device cannot say what it is: name its profile with --profile")
    return profile


def user_of(user: str, auth: Auth, auth_key: str | None, priv: Priv, priv_key: str | None, context: str) -> V3User:
    """A v3 user from options. Without keys it is noAuthNoPriv. Raises DcmonError; keys are references, never inline."""
    try:
        credentials = UserCredentials(
            version="3",
            user=user,
            auth=auth if auth_key is not None else "none",
            auth_key=auth_key,
            priv=priv if priv_key is not None else "none",
            priv_key=priv_key,
            context=context,
        )
        return v3_user(credentials, lambda reference: resolve(reference, Path()))
    except ValidationError as error:
        raise DcmonError(
            "; ".join(str(fault["msg"]).removeprefix("Value error, ") for fault in error.errors(include_input=False))
        ) from None
    except ValueError as error:
        raise DcmonError(str(error)) from None


def split_target(text: str, default_port: int) -> tuple[str, int]:
    """Host and port of `HOST`, `HOST:PORT`, `[IPV6]:PORT` or a bare IPv6 address. Raises DcmonError."""
    host, separator, port = text.rpartition(":")
    if not separator or (":" in host and not host.endswith("]")):
        host, port = text, str(default_port)
    host = host.removeprefix("[").removesuffix("]")
    if not host or not (port.isascii() and port.isdigit()) or not 0 < int(port) < 65536:
        raise DcmonError(f"{text!r} is no HOST:PORT, for example 192.0.2.21:{default_port} or [2001:db8::1]:161")
    return host, int(port)


def show(result: dict[str, Any], as_json: bool) -> None:
    """The readings as JSON, or as a table for people."""
    if as_json:
        print_json(result)
        return
    table = Table(
        "point", "index", "value", "unit", "quality", "source", title=f"{result['profile']} ({result['kind']})"
    )
    for row in result["readings"]:
        quality = row["quality"] if row["reason"] is None else f"{row['quality']}: {row['reason']}"
        cells = [row["point"], row["index"], row["value"], row["unit"], quality, row["source"]]
        table.add_row(*("" if cell is None else str(cell) for cell in cells))
    out.print(table)
