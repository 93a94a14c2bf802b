"""Options that several commands share, and what is made of them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from dcmon.model import DcmonError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dcmon.ask import SnmpQuestion
    from dcmon.collectors.profile import Profile
    from dcmon.collectors.snmp.usm import V3User

Auth = Literal["none", "md5", "sha1", "sha224", "sha256", "sha384", "sha512"]
Priv = Literal["none", "aes128", "aes192", "aes256", "aes192c", "aes256c"]

CommunityOption = Annotated[str, typer.Option("--community", help="SNMP community, or env:NAME or file:PATH")]
VersionOption = Annotated[Literal["1", "2c"], typer.Option("--version", help="SNMP version; --user means 3")]
UserOption = Annotated[str | None, typer.Option("--user", help="SNMP v3 user")]
AuthOption = Annotated[Auth, typer.Option("--auth", help="SNMP v3 authentication")]
AuthKeyOption = Annotated[str | None, typer.Option("--auth-key", help="env:NAME or file:PATH of its key")]
PrivOption = Annotated[Priv, typer.Option("--priv", help="SNMP v3 privacy")]
PrivKeyOption = Annotated[str | None, typer.Option("--priv-key", help="env:NAME or file:PATH of its key")]
ContextOption = Annotated[str, typer.Option("--context", help="SNMP v3 context")]
UnitOption = Annotated[int, typer.Option("--unit", min=0, max=247, help="Modbus unit")]
FramingOption = Annotated[Literal["tcp", "rtu-over-tcp"], typer.Option("--framing", help="Modbus framing")]
TimeoutOption = Annotated[float, typer.Option("--timeout", min=0.05, max=60, help="seconds that one request may take")]
RetriesOption = Annotated[int, typer.Option("--retries", min=0, max=5, help="repetitions of one SNMP request")]
ProfileOption = Annotated[
    str | None, typer.Option("--profile", help="profile; found by itself when absent, if the device says what it is")
]
ProfilesOption = Annotated[Path | None, typer.Option("--profiles", help="folder with profiles of your own")]


def known_profiles(folder: Path | None) -> Mapping[str, Profile]:
    """The shipped profiles and those in a folder of the user. Raises DcmonError."""
    from dcmon.collectors.profile import load_profiles

    if folder is not None and not folder.is_dir():
        raise DcmonError(f"{folder} is no folder with profiles")
    return load_profiles(folder)


def secret_of(text: str) -> str:
    """A secret that is given as it is, or as env:NAME or file:PATH. Raises ConfigError."""
    from dcmon.config.secrets import resolve

    return resolve(text, Path()) if text.startswith(("env:", "file:")) else text


def user_of(
    user: str | None, auth: Auth, auth_key: str | None, priv: Priv, priv_key: str | None, context: str
) -> V3User | None:
    """A v3 user from options. Without keys it is noAuthNoPriv. Raises DcmonError; keys are references, never inline."""
    if user is None:
        return None
    from pydantic import ValidationError

    from dcmon.collectors.build import v3_user
    from dcmon.config.collectors import UserCredentials
    from dcmon.config.secrets import resolve

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


def snmp_question(
    target: str,
    version: str,
    community: str,
    user: V3User | None,
    *,
    transport: str = "native",
    timeout: float,
    retries: int,
) -> SnmpQuestion:
    """Who is asked, and how."""
    from dcmon.ask import SnmpQuestion

    host, port = split_target(target, 161)
    return SnmpQuestion(host, port, version, secret_of(community), user, transport, timeout, retries)
