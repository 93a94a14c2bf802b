"""Probes of collectors.yaml: services that are tried as their users would, and backup jobs that tell how they went."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import Field, model_validator

from dcmon.config.base import Duration, Host, Port, SecretRef, Strict, Url, at_least

_Timeout = Annotated[Duration, at_least("10ms")]
_TIMEOUT = Field(
    default=5_000, description="for the whole attempt; real time, and never more than most of polling.deadline"
)
_MOST_BYTES = 1_000_000_000


class PingProbe(Strict):
    """ICMP echo: the host answers at least one of some requests."""

    kind: Literal["ping"]
    host: Host
    count: Annotated[int, Field(ge=1, le=20)] = Field(default=3, description="requests; one answer is enough")
    timeout: _Timeout = _TIMEOUT


class TcpProbe(Strict):
    """A TCP connection is accepted."""

    kind: Literal["tcp"]
    host: Host
    port: Port
    timeout: _Timeout = _TIMEOUT


class WebProbe(Strict):
    """What all probes over HTTP have."""

    url: Url
    user: str | None = Field(default=None, description="for basic authentication")
    password: SecretRef | None = None
    ca_file: Path | None = Field(
        default=None, description="certificates to trust instead of the system's; relative to this file"
    )
    timeout: _Timeout = _TIMEOUT

    @model_validator(mode="after")
    def _whole_login(self) -> WebProbe:
        if (self.user is None) != (self.password is None):
            raise ValueError("user and password belong together")
        parts = urlsplit(self.url)
        if self.user is not None and parts.scheme == "http" and parts.hostname not in ("localhost", "127.0.0.1", "::1"):
            raise ValueError("the password would cross the network in clear text; use https")
        return self


class HttpProbe(WebProbe):
    """An HTTP(S) address answers as it should. A redirect is followed only on the same host and never to plain HTTP."""

    kind: Literal["http"]
    status: Annotated[tuple[Annotated[int, Field(ge=100, le=599)], ...], Field(min_length=1)] = (200,)
    text: str | None = Field(default=None, min_length=1, description="must stand in the first megabyte of the body")


class DnsProbe(Strict):
    """A name server answers a question, and as expected."""

    kind: Literal["dns"]
    resolver: Host
    port: Port = 53
    name: str = Field(min_length=1)
    type: Literal["A", "AAAA", "CAA", "CNAME", "MX", "NS", "PTR", "SOA", "SRV", "TXT"] = "A"
    expect: tuple[str, ...] = Field(
        default=(), description="the answer as `dig +short` prints it, in any order; any answer when empty"
    )
    timeout: _Timeout = _TIMEOUT


class ThroughputProbe(WebProbe):
    """How fast an HTTP object comes in. It moves data, so the device says with `slow` how often."""

    kind: Literal["throughput"]
    bytes: Annotated[int, Field(ge=1_000, le=_MOST_BYTES)] = Field(
        default=10_000_000, description="enough of the object; the rest is not read"
    )


class IperfProbe(Strict):
    """Throughput to or from an iperf3 server, measured by Debian's iperf3."""

    kind: Literal["iperf3"]
    host: Host
    port: Port = 5201
    seconds: Annotated[int, Field(ge=1, le=30)] = 3
    reverse: bool = Field(default=False, description="true: the server sends")
    timeout: _Timeout = Field(default=8_000, description="as above; longer than `seconds`")

    @model_validator(mode="after")
    def _time_enough(self) -> IperfProbe:
        if self.timeout <= self.seconds * 1000:
            raise ValueError("timeout is no longer than seconds; raise it")
        return self


class BackupProbe(Strict):
    """A backup job that reports: it pushes with `token`, or its report is read from `file` or `url`."""

    kind: Literal["backup"]
    token: SecretRef | None = Field(default=None, description="what the job shows when it pushes")
    file: Path | None = Field(default=None, description="JSON; relative to this file")
    url: Url | None = None
    timeout: _Timeout = _TIMEOUT

    @model_validator(mode="after")
    def _one_way(self) -> BackupProbe:
        if sum(way is not None for way in (self.token, self.file, self.url)) != 1:
            raise ValueError("a backup job reports in one way: token (it pushes), file or url")
        return self


Probe = Annotated[
    PingProbe | TcpProbe | HttpProbe | DnsProbe | ThroughputProbe | IperfProbe | BackupProbe,
    Field(discriminator="kind"),
]

LOADS_THE_LINE = frozenset({"throughput", "iperf3"})
"""Kinds for which how often is not to be left to the default."""


def points_of(probe: Probe) -> frozenset[str]:
    """The points that it may give, without `device.reachable`."""
    if isinstance(probe, BackupProbe):
        return frozenset({"backup.ok", "backup.generations", "backup.age", "backup.span", "backup.size"})
    points = {"service.ok", "service.latency"}
    if isinstance(probe, ThroughputProbe | IperfProbe):
        points.add("service.throughput")
    if isinstance(probe, WebProbe) and probe.url.startswith("https://"):
        points.add("certificate.remaining")
    return frozenset(points)
