"""What `dcmon discover` is told to look at: addresses, names, networks, ranges, with or without a port."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple, TypeAlias

from dcmon.model import DcmonError

MOST: Final = 65_536
"""Addresses in one search: a /16 in IPv4."""
_NAME: Final = re.compile(r"(?=.*[A-Za-z])[A-Za-z0-9_]([A-Za-z0-9_.-]*[A-Za-z0-9_.])?")

_Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address


class Target(NamedTuple):
    """One host; `port` when the user named one."""

    host: str
    port: int | None


def parse_targets(texts: Iterable[str]) -> list[Target]:
    """Every host that the texts name, each once, in their order: `192.0.2.7`, `ups.example.net`, `192.0.2.0/24`,
    `192.0.2.10-40`, `192.0.2.10-192.0.2.40`, `2001:db8::/120`, `2001:db8::10-2f`, each with `:PORT` behind it (IPv6
    in brackets then). Network and broadcast address of an IPv4 network are left out, as no device has them.

    DcmonError for what is none of these, and for more than `MOST` addresses.
    """
    found: dict[Target, None] = {}
    for text in texts:
        body, port = _split_port(text)
        count, hosts = _hosts(body, text)
        if count + len(found) > MOST:
            raise DcmonError(
                f"{text} makes {count:,} addresses, and one search looks at {MOST:,} at most: name smaller networks, "
                "such as those of the devices"
            )
        found.update(dict.fromkeys(Target(host, port) for host in hosts))
    return list(found)


def _split_port(text: str) -> tuple[str, int | None]:
    """What stands before `:PORT`, and the port. A bare IPv6 address has no port."""
    if text.startswith("["):
        body, bracket, rest = text[1:].partition("]")
        if not bracket or (rest and not rest.startswith(":")):
            raise DcmonError(f"{text!r} is no target: behind the bracket comes :PORT or nothing")
        return body, _port(rest[1:], text) if rest else None
    body, separator, port = text.rpartition(":")
    if not separator or ":" in body:
        return text, None
    return body, _port(port, text)


def _port(digits: str, text: str) -> int:
    if not (digits.isascii() and digits.isdigit()) or not 0 < int(digits) < 65536:
        raise DcmonError(f"{text!r} is no target: a port is 1 to 65535")
    return int(digits)


def _hosts(body: str, text: str) -> tuple[int, Iterator[str]]:
    """How many, and which; nothing is made before it is known that they are not too many."""
    if "/" in body:
        return _network(body, text)
    if _NAME.fullmatch(body) and not body.replace("-", "").replace(".", "").isdigit() and ":" not in body:
        return 1, iter((body,))
    first, dash, last = body.partition("-")
    start = _address(first, text)
    end = _last(start, last, text) if dash else start
    if int(end) < int(start):
        raise DcmonError(f"{text!r} is no target: {end} comes before {start}")
    count = int(end) - int(start) + 1
    return count, (str(start + number) for number in range(count))


def _network(body: str, text: str) -> tuple[int, Iterator[str]]:
    try:
        network = ipaddress.ip_network(body, strict=False)
    except ValueError:
        raise DcmonError(f"{text!r} is no target: write a network like 192.0.2.0/24") from None
    spared = network.version == 4 and network.prefixlen < 31
    return network.num_addresses - 2 * spared, (str(host) for host in (network.hosts() if spared else network))


def _last(start: _Address, last: str, text: str) -> _Address:
    """The end of a range: an address, or the last number of the first one."""
    if start.version == 6 and last and ":" not in last:
        return _address(str(start).rpartition(":")[0] + ":" + last, text)
    if start.version == 4 and "." not in last:
        return _address(str(start).rpartition(".")[0] + "." + last, text)
    end = _address(last, text)
    if end.version != start.version:
        raise DcmonError(f"{text!r} is no target: both ends of a range are IPv4, or both are IPv6")
    return end


def _address(text: str, whole: str) -> _Address:
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        raise DcmonError(
            f"{whole!r} is no target: write an address, a name, a network (192.0.2.0/24) or a range (192.0.2.10-40)"
        ) from None
