"""Checks of agent.yaml."""

from __future__ import annotations

import ipaddress
import ssl
from collections.abc import Iterator

from dcmon.config.checks.knowledge import Knowledge
from dcmon.config.loader import Loaded
from dcmon.config.yamlfile import Problem
from dcmon.model import DcmonError


def split_listen(listen: str) -> tuple[str, int]:
    """Host and port of `HOST:PORT` or `[IPV6]:PORT`. Raises DcmonError."""
    host, separator, port = listen.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not separator or not host or not port.isascii() or not port.isdigit() or int(port) > 65535:
        raise DcmonError(f"{listen!r} is no HOST:PORT, for example 127.0.0.1:8080 or [::1]:8080")
    return host, int(port)


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach `host`."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def listeners(loaded: Loaded, _: Knowledge) -> Iterator[Problem]:
    """D501: an address to listen on is wrong or open to others."""
    agent = loaded.config.agent
    for key, listen in (("web", agent.web.listen), ("traps", agent.traps.listen)):
        try:
            host, _port = split_listen(listen)
        except DcmonError as error:
            yield loaded.problem("D501", "agent", (key, "listen"), str(error), "Correct it.")
            continue
        if key == "web" and not is_loopback(host):
            message = f"the page would be open to everybody who reaches {host}, and it has no sign-in"
            hint = "Listen on 127.0.0.1 and reach it through an SSH tunnel or an authenticating proxy on this host."
            yield loaded.problem("D501", "agent", (key, "listen"), message, hint)


def trap_credentials(loaded: Loaded, _: Knowledge) -> Iterator[Problem]:
    """D502: a trap credential is unknown."""
    known = loaded.config.collectors.credentials
    for position, name in enumerate(loaded.config.agent.traps.credentials):
        if name not in known:
            message = f"traps.credentials names {name!r}, which collectors.yaml has not under credentials"
            yield loaded.problem("D502", "agent", ("traps", "credentials", position), message, "Correct the name.")


def usable_paths(loaded: Loaded, _: Knowledge) -> Iterator[Problem]:
    """D503: data_dir is no folder, or smtp.ca_file no file of certificates."""
    agent = loaded.config.agent
    if agent.data_dir.exists() and not agent.data_dir.is_dir():
        message = f"data_dir {agent.data_dir} is no folder"
        yield loaded.problem("D503", "agent", ("data_dir",), message, "Name another one.")
    if agent.smtp.ca_file is not None and agent.smtp.security != "none":
        try:
            ssl.create_default_context(cafile=agent.smtp.ca_file)
        except OSError as error:
            message = f"smtp.ca_file {agent.smtp.ca_file} holds no certificates: {error.strerror or error}"
            yield loaded.problem("D503", "agent", ("smtp", "ca_file"), message, "Give a readable PEM file.")
