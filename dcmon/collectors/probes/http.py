"""HTTP(S): status, text, certificate, latency."""

from __future__ import annotations

from typing import Final

from dcmon.clock import perf_counter
from dcmon.collectors.probes.attempt import Means, Points, ServiceError
from dcmon.collectors.probes.web import WebAsker, body, host_named, text_of
from dcmon.config.probes import HttpProbe

_MOST: Final = 1_000_000


class Http:
    """See HttpProbe."""

    def __init__(self, probe: HttpProbe, means: Means) -> None:
        self._probe = probe
        self._asker = WebAsker(probe.url, probe, means)

    async def __call__(self, now: int) -> Points:
        """See Attempt."""
        points = dict(await self._asker.certificate(now))
        try:
            return {**points, **await self._ask()}
        except ServiceError as error:
            raise ServiceError(error.reason, {**points, **error.points}) from error

    async def _ask(self) -> Points:
        asked = perf_counter()
        async with self._asker.ask() as response:
            if response.status not in self._probe.status:
                elsewhere = host_named(response.headers.get("Location", ""))
                to = f", redirected to {elsewhere}, which is not followed" if elsewhere else ""
                raise ServiceError(f"status {response.status}{to}")
            said = await body(response, _MOST)
            latency = perf_counter() - asked
            text = self._probe.text
            if text is not None and text not in text_of(response, said):
                raise ServiceError(f"the text {text[:40]!r} is missing", {"service.latency": latency})
        return {"service.latency": latency}
