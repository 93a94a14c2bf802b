"""What all files of the configuration share: strictness, durations, references to secrets."""

from __future__ import annotations

import datetime as dt
import ipaddress
import re
from email.errors import MessageError
from email.headerregistry import Address
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    StringConstraints,
    WithJsonSchema,
)

_UNITS_MS = {"ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
_LONGEST_MS = 36_525 * 86_400_000
_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)")


class Strict(BaseModel):
    """A model that refuses words it does not know."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Title(Strict):
    """A promise, a sequence or a duty in the words of both languages."""

    de: str
    en: str


def parse_duration(text: Any) -> int:
    """Milliseconds from `500ms`, `2s`, `5m`, `4h`, `30d` or a sum such as `1h30m`."""
    if isinstance(text, bool) or not isinstance(text, str):
        raise ValueError("a duration is written with its unit, for example 2s, 5m, 4h or 30d")
    parts = _DURATION.findall(text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        raise ValueError(f"{text!r} is no duration; write for example 500ms, 2s, 5m, 4h or 30d")
    length = round(sum(float(number) * _UNITS_MS[unit] for number, unit in parts))
    if length > _LONGEST_MS:
        raise ValueError("longer than 100 years; write a shorter one")
    return length


def format_duration(ms: int) -> str:
    """The shortest of the forms that `parse_duration` reads, for messages: 90000 is `1m30s`.

    From a minute on it is given in whole seconds: nobody reads more.
    """
    if ms >= _UNITS_MS["m"]:
        ms = round(ms, -3)
    if ms == 0:
        return "0s"
    parts = []
    for unit in ("d", "h", "m", "s", "ms"):
        count, ms = divmod(ms, _UNITS_MS[unit])
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts)


Duration = Annotated[
    int,
    BeforeValidator(parse_duration),
    PlainSerializer(format_duration, return_type=str),
    WithJsonSchema({"type": "string", "pattern": r"^(\d+(\.\d+)?(ms|s|m|h|d))+$", "examples": ["2s", "5m", "4h"]}),
]
"""Milliseconds; written as `2s`, `5m`, `4h`, `30d`."""


def at_least(least: str) -> AfterValidator:
    """Refuses a Duration below `least`."""
    bound = parse_duration(least)

    def check(length: int) -> int:
        if length < bound:
            raise ValueError(f"{format_duration(length)} is too short; at least {least}")
        return length

    return AfterValidator(check)


Port = Annotated[int, Field(ge=1, le=65535)]

IDENTIFIER = r"^[a-z0-9][a-z0-9_.-]*$"
Identifier = Annotated[str, StringConstraints(pattern=IDENTIFIER, max_length=64)]
"""Ids of assets, rules, people ...: lower case, digits, `-`, `_` and `.`."""


def _check_host(host: str) -> str:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        # No name ends with a number (RFC 1123, 2.1): it is an address with a slip in it.
        numeric = host.rstrip(".").rpartition(".")[2].isdigit() and "." in host
        if numeric or not re.fullmatch(r"[A-Za-z0-9_]([A-Za-z0-9_.-]*[A-Za-z0-9_.])?", host):
            raise ValueError(
                f"{host!r} is no host; write a name or an address, without port, brackets or http://"
            ) from None
    return host


Host = Annotated[str, AfterValidator(_check_host)]
"""A name, an IPv4 or an IPv6 address."""


def _check_email(address: str) -> str:
    try:
        Address(addr_spec=address)
        plain = address.isascii() and address.isprintable()
    except (MessageError, ValueError, IndexError):
        plain = False
    if not plain:
        raise ValueError(f"{address!r} is no e-mail address; write NAME@DOMAIN in ASCII")
    return address


EmailAddress = Annotated[str, AfterValidator(_check_email)]

_CREDENTIALS_IN_URL = re.compile(r"//[^/]*@|[?&;][^=&]*(token|key|secret|passw|auth|sig)[^=&]*=", re.IGNORECASE)


def check_url(url: str) -> str:
    """`url` when it can be asked over HTTP. Raises ValueError, which does not repeat it: it may hold a token."""
    try:
        parts = urlsplit(url)
        fits = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0 and url.isprintable()
    except ValueError:
        fits = False
    if not fits or " " in url:
        raise ValueError("no URL; write http:// or https://, a host and a path")
    return url


def _check_open_url(url: str) -> str:
    if _CREDENTIALS_IN_URL.search(url):
        raise ValueError("a secret in clear text; a URL that holds one cannot stand here")
    return check_url(url)


Url = Annotated[str, AfterValidator(_check_open_url)]
"""http or https, without a password or token in it."""


def _written(moment: Any) -> Any:
    if isinstance(moment, int | float):
        raise ValueError("a time is written like 08:00, a moment like 2026-01-05T08:00:00")
    return moment


LocalTime = Annotated[dt.time, BeforeValidator(_written)]
Moment = Annotated[dt.datetime, BeforeValidator(_written)]
"""Numbers, which pydantic would take for seconds, are refused."""

_SECRET_REF = re.compile(r"env:[A-Za-z_][A-Za-z0-9_]*|file:.+")


def _check_secret_ref(text: Any) -> str:
    if not isinstance(text, str) or not _SECRET_REF.fullmatch(text):
        # The value is not repeated: what stands here may be the secret itself.
        raise ValueError("a secret in clear text; put it into a variable or a file and write env:NAME or file:PATH")
    return text


SecretRef = Annotated[
    str,
    BeforeValidator(_check_secret_ref),
    WithJsonSchema({"type": "string", "pattern": r"^(env:[A-Za-z_][A-Za-z0-9_]*|file:.+)$"}),
]
"""Where a secret is to be found: `env:NAME` or `file:PATH` (relative to the configuration). Never the secret itself."""


def _check_secret_url(text: str) -> str:
    if _SECRET_REF.fullmatch(text):
        return text
    if _CREDENTIALS_IN_URL.search(text):
        raise ValueError(
            "a secret in clear text; put the URL into a variable or a file and write env:NAME or file:PATH"
        )
    return check_url(text)


SecretUrl = Annotated[str, AfterValidator(_check_secret_url)]
"""A URL, or `env:NAME` or `file:PATH` of one that holds a token."""
