"""dcmon looks after itself: its heartbeat, its own points, retention, and the figures for /metrics."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict

from dcmon.clock import Clock
from dcmon.collectors.modbus import Buses, BusStats
from dcmon.collectors.poller import Poller
from dcmon.collectors.snmp import NativeClient, SnmpStats
from dcmon.collectors.traps import TrapReceiver
from dcmon.config.config import Config
from dcmon.config.site import POWER_CHAIN, AssetKind
from dcmon.config.vocabulary import vocabulary
from dcmon.model import Reading, StoreError
from dcmon.notify.outbox import OutboxWorker
from dcmon.pipeline import Pipeline
from dcmon.promises import coverage
from dcmon.storage.influx import InfluxSink
from dcmon.storage.journal import Journal
from dcmon.storage.outbox import Waiting
from dcmon.storage.samples import Samples

log = logging.getLogger("dcmon")

_BEAT_S = 5.0
_PRUNE_EVERY_S = 3600.0
_COVER_EVERY_S = 600.0
_LAG_EVERY_S = 0.5


class Upkeep:
    """`run` beats; `counters` and `gauges` answer from memory, by the names of dcmon.web.metrics."""

    def __init__(
        self,
        config: Config,
        clock: Clock,
        pipeline: Pipeline,
        poller: Poller,
        journal: Journal,
        samples: Samples,
        outbox: OutboxWorker,
        influx: InfluxSink | None,
        traps: TrapReceiver | None,
        *,
        clients: Iterable[NativeClient] = (),
        buses: Buses | None = None,
    ) -> None:
        self._config = config
        self._clock = clock
        self._pipeline = pipeline
        self._poller = poller
        self._journal = journal
        self._samples = samples
        self._outbox = outbox
        self._influx = influx
        self._traps = traps
        self._clients = tuple(clients)
        self._buses = buses
        self._own = next((asset.id for asset in config.site.assets if asset.kind is AssetKind.AGENT), None)
        self._vital_assets = frozenset(asset.id for asset in config.site.assets if asset.kind in POWER_CHAIN)
        self._vital_points = frozenset(name for name, point in vocabulary().items() if point.fast)
        self._sizes: dict[str, float] = {}
        self._lag_s = 0.0
        self._waiting = Waiting(0, None)
        self._coverage: float | None = None

    async def run(self) -> None:
        """Beats until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._beat(), name="heartbeat")
            tasks.create_task(self._prune(), name="retention")
            tasks.create_task(self._measure_lag(), name="loop lag")
            tasks.create_task(self._cover(), name="coverage")

    def last_words(self) -> None:
        """At the end of the process: what the next start must know."""
        self._persist(self._clock.now())

    def counters(self) -> Mapping[str, float]:
        """Figures that only grow."""
        stats = self._poller.stats.values()
        figures: dict[str, float] = {
            "polls": sum(each.polls for each in stats),
            "polls_skipped": sum(each.overruns for each in stats),
            "polls_undelivered": sum(each.undelivered for each in stats),
            "readings": self._pipeline.readings,
            "transitions": self._pipeline.transitions,
            "samples_dropped": self._dropped(),
            "samples_refused": self._refused(),
            "blocks_damaged": self._samples.damaged,
            "journal_errors": self._pipeline.failed_commits,
            **{f"poll_errors:{reason}": count for reason, count in self._poller.errors.items()},
            **{f"readings_bad:{':'.join(labels)}": count for labels, count in self._poller.bad.items()},
            **{f"notifications_{result}:{channel}": n for (result, channel), n in self._outbox.results.items()},
            **_events("snmp_events", (client.stats for client in self._clients)),
            **_events("modbus_events", (bus.stats for bus in self._buses.by_key.values()) if self._buses else ()),
        }
        if self._traps is not None:
            traps = self._traps.stats
            figures |= {
                "traps": traps.received,
                "traps_dropped:full": traps.dropped,
                "traps_dropped:malformed": traps.malformed,
                "traps_dropped:foreign": traps.foreign,
                "traps_dropped:folded": traps.folded,
                "traps_dropped:failed": traps.failed,
            }
        if self._influx is not None:
            figures["influx_errors"] = self._influx.stats.failures
        return figures

    def gauges(self) -> Mapping[str, float]:
        """Figures of now."""
        figures = {
            "loop_lag": self._lag_s,
            "poll_lag": self._poller.lag_s,
            "in_flight": self._poller.in_flight,
            "outbox_pending": self._waiting.messages,
            "outbox_oldest": self._oldest_s(),
            "buffer_samples": self._samples.buffered,
            **self._sizes,
        }
        if self._influx is not None:
            figures["spool_bytes"] = self._influx.spool.size
        return figures

    def _dropped(self) -> int:
        dropped = self._samples.stats.dropped
        if self._influx is not None:
            dropped += self._influx.stats.dropped + self._influx.spool.dropped
        return dropped

    def _refused(self) -> int:
        return self._samples.stats.refused + (self._influx.stats.refused if self._influx is not None else 0)

    def _oldest_s(self) -> float:
        oldest = self._waiting.oldest
        return 0.0 if oldest is None else max(0, self._clock.now() - oldest) / 1000

    async def _beat(self) -> None:
        failing = False
        while True:
            now = self._clock.now()
            try:
                await asyncio.to_thread(self._persist, now)
                failing = False
            except StoreError as error:
                if not failing:
                    log.error("the heartbeat cannot be written: %s", error)
                failing = True
            self._report(now)
            await self._clock.sleep(_BEAT_S)

    def _persist(self, now: int) -> None:
        """In a thread: says that dcmon is alive and keeps what `lost while on battery` needs after a restart."""
        self._journal.alive(now)
        self._waiting = self._journal.waiting()
        self._sizes = {"journal_bytes": self._journal.size(), "samples_bytes": self._samples.size()}
        self._journal.save_readings(
            reading
            for key, reading in list(self._pipeline.latest.items())
            if key.asset in self._vital_assets and key.point in self._vital_points
        )

    def _report(self, now: int) -> None:
        """dcmon's own points are judged like everybody's."""
        if self._own is None:
            return
        traps = self._traps.stats if self._traps is not None else None
        values = {
            "dcmon.poll_lag": self._poller.lag_s,
            "dcmon.polls_skipped": sum(each.overruns for each in self._poller.stats.values()),
            "dcmon.samples_dropped": self._dropped(),
            "dcmon.outbox_pending": self._waiting.messages,
            "dcmon.spool_bytes": self._influx.spool.size if self._influx is not None else 0,
            "dcmon.traps_dropped": traps.dropped + traps.failed if traps is not None else 0,
        }
        if self._coverage is not None:
            values["dcmon.coverage"] = self._coverage
        self._pipeline.submit([Reading(now, self._own, point, None, value) for point, value in values.items()])

    async def _cover(self) -> None:
        """How much of what was promised is known at all; read beside the loop, for it waits for the disk."""
        while True:
            now = self._clock.now()
            views = self._pipeline.judge.availability(now)
            self._coverage = await asyncio.to_thread(coverage, self._config, self._journal, views, now)
            await self._clock.sleep(_COVER_EVERY_S)

    async def _prune(self) -> None:
        while True:
            await self._clock.sleep(_PRUNE_EVERY_S)
            try:
                await asyncio.to_thread(self._journal.prune, self._clock.now(), self._config.agent.samples.journal)
            except StoreError as error:
                log.error("old rows cannot be deleted: %s", error)

    async def _measure_lag(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            woken: asyncio.Future[float] = loop.create_future()
            due = loop.time() + _LAG_EVERY_S
            loop.call_at(due, _tell_time, woken, loop)
            self._lag_s = max(await woken - due, self._lag_s * 0.5)


def _tell_time(woken: asyncio.Future[float], loop: asyncio.AbstractEventLoop) -> None:
    if not woken.done():
        woken.set_result(loop.time())


def _events(key: str, stats: Iterable[SnmpStats | BusStats]) -> dict[str, float]:
    """The counters of several of a kind, added up."""
    total: Counter[str] = Counter()
    for each in stats:
        total.update(asdict(each))
    return {f"{key}:{event}": count for event, count in total.items()}
