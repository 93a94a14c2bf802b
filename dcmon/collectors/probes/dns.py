"""DNS: whether a name server answers a question, as expected, and how fast."""

from __future__ import annotations

import dns.asyncquery
import dns.exception
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype

from dcmon.clock import perf_counter
from dcmon.collectors.probes.attempt import Means, Points, ServiceError, addresses, refused
from dcmon.config.probes import DnsProbe
from dcmon.model import CollectError


class Dns:
    """See DnsProbe. Asked over UDP, and over TCP when the answer is cut off."""

    def __init__(self, probe: DnsProbe, means: Means) -> None:
        try:
            dns.name.from_text(probe.name)
        except dns.exception.DNSException as error:
            raise CollectError("name", f"{probe.name!r} is no name that can be asked for: {error}") from error
        self._probe = probe
        self._means = means

    async def __call__(self, now: int) -> Points:
        """See Attempt."""
        probe = self._probe
        _, address = (await addresses(probe.resolver, probe.port, self._means))[0]
        question = dns.message.make_query(probe.name, probe.type)
        asked = perf_counter()
        try:
            answer, _ = await dns.asyncquery.udp_with_fallback(question, address[0], port=probe.port)
        except dns.exception.DNSException as error:
            raise ServiceError(f"{probe.resolver} gives no usable answer: {error or type(error).__name__}") from error
        except EOFError as error:
            raise ServiceError(f"{probe.resolver} ended the connection") from error
        except OSError as error:
            raise refused(error, f"{probe.resolver} port {probe.port}") from error
        points = {"service.latency": perf_counter() - asked}
        fault = misfit(answer, probe)
        if fault is not None:
            raise ServiceError(fault, points)
        return points


def misfit(answer: dns.message.Message, probe: DnsProbe) -> str | None:
    """What is wrong with an answer, or None."""
    if answer.rcode() != dns.rcode.NOERROR:
        return f"{probe.name} {probe.type}: {dns.rcode.to_text(answer.rcode())}"
    wanted = dns.rdatatype.from_text(probe.type)
    found = {item.to_text() for rows in answer.answer if rows.rdtype == wanted for item in rows}
    if not found:
        return f"{probe.name} has no {probe.type}"
    if probe.expect and found != set(probe.expect):
        return f"{probe.name} {probe.type} is {', '.join(sorted(found))[:200]}, not {', '.join(probe.expect)[:200]}"
    return None
