"""What the running process knows of its site: the state behind the page, the API, /healthz and /metrics."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from typing import Any, NamedTuple, cast

from dcmon.clock import Clock
from dcmon.collectors.poller import DeviceStats, Poller
from dcmon.config.config import Config
from dcmon.config.entries import CorrectionEntry, Entry, Lesson
from dcmon.config.roster import on_duty, schedule
from dcmon.config.vocabulary import unit_of
from dcmon.model import Alarm, Availability, FaultClock, Incident, Reading, Record, SeriesKey, Task, Transition
from dcmon.pipeline import Pipeline
from dcmon.promises import check_correction, check_lesson, figures, fixed_lately
from dcmon.storage.journal import Journal
from dcmon.storage.samples import Samples
from dcmon.thresholds import IndicatorView
from dcmon.web.state import Delivery, DeviceStatus, Duty, Indicator, Sample, SloRow

_DAY_MS = 86_400_000
_SLO_EVERY_S = 30.0

Figures = Callable[[], Mapping[str, float]]
"""Counters or gauges by the names of dcmon.web.metrics."""

PushBackup = Callable[[str, str, Mapping[str, Any]], Awaitable[bool]]
"""As web.state.SiteState.push_backup."""


class DeviceView(NamedTuple):
    """How the polling of one device goes; fits web.state.DeviceStatus."""

    asset: str
    reachable: bool | None
    last_success: int | None
    failures: int
    back_off_until: int | None
    last_error: str | None

    @staticmethod
    def of(stats: DeviceStats) -> DeviceView:
        ended = stats.last_success is not None or stats.failures > 0
        return DeviceView(
            stats.asset,
            stats.failures == 0 if ended else None,
            stats.last_success,
            stats.failures,
            stats.back_off_until,
            stats.last_error if stats.failures else None,
        )


class IndicatorNow(NamedTuple):
    """What an availability indicator says now; fits web.state.Indicator."""

    id: str
    title: str
    title_de: str
    title_en: str
    subject: str
    state: Availability
    since: int | None
    contract: bool

    @staticmethod
    def of(view: IndicatorView) -> IndicatorNow:
        """As the engine sees it."""
        title = f"{view.title_en} ({view.subject})" if view.subject else view.title_en
        return IndicatorNow(
            view.id, title, view.title_de, view.title_en, view.subject, view.state, view.since, view.contract
        )


class History:
    """Reads of the journal and the samples, beside the event loop because they wait for the disk."""

    def __init__(self, journal: Journal, samples: Samples) -> None:
        self._journal = journal
        self._samples = samples

    async def transitions(
        self,
        *,
        incident: str | None = None,
        kind: str | None = None,
        since: int | None = None,
        limit: int = 500,
    ) -> Sequence[Transition]:
        """The newest `limit` that fit."""
        read = self._journal.transitions
        return await asyncio.to_thread(read, incident=incident, type=kind, since=since, limit=limit)

    async def incidents(self, *, state: str | None = None, limit: int = 100) -> Sequence[Incident]:
        """The newest `limit`."""
        return await asyncio.to_thread(self._journal.incidents, limit, state)

    async def incident(self, incident_id: str) -> Incident | None:
        """One, however old."""
        return await asyncio.to_thread(self._journal.incident, incident_id)

    async def records(self, *, kind: str | None, subject: str | None, limit: int) -> Sequence[Record]:
        """The newest `limit` that fit."""
        return await asyncio.to_thread(self._journal.records, kind, subject, limit=limit)

    async def deliveries(self, incident_id: str) -> Sequence[Delivery]:
        """Every attempt to tell somebody of it."""
        rows = await asyncio.to_thread(self._journal.deliveries, incident_id)
        return [Delivery(row.ts, row.person, row.channel, row.kind, row.result, row.detail) for row in rows]

    async def samples(self, key: SeriesKey, start: int, end: int) -> Sequence[Sample]:
        """In time order; one-minute means where the samples themselves are past their retention."""
        return await asyncio.to_thread(read_samples, self._samples, key, start, end)


def read_samples(samples: Samples, key: SeriesKey, start: int, end: int) -> list[Sample]:
    """See `History.samples`."""
    ts, values, status = samples.range(key, start, end)
    if not ts:
        minutes = samples.minutes(key, start, end)
        return [Sample(*pair) for pair in zip(minutes.ts, minutes.mean, strict=True)]
    if status is None:
        return [Sample(*pair) for pair in zip(ts, values, strict=True)]
    return [Sample(at, value, quality) for at, value, (quality, _) in zip(ts, values, status, strict=True)]


class Live:
    """Fits web.state.SiteState. Everything but `history` is answered from memory."""

    def __init__(
        self,
        config: Config,
        clock: Clock,
        pipeline: Pipeline,
        poller: Poller,
        journal: Journal,
        samples: Samples,
        units: Mapping[str, str | None],
        counters: Figures,
        gauges: Figures,
        push_backup: PushBackup,
    ) -> None:
        self.config = config
        self.clock = clock
        self.history = History(journal, samples)
        self.started = clock.now()
        self._pipeline = pipeline
        self._poller = poller
        self._journal = journal
        self._units = units
        self._counters = counters
        self._gauges = gauges
        self.push_backup = push_backup
        self._slo: list[SloRow] = []
        self._fixed: list[dict[str, Any]] = []
        self._version = 0
        self._changed = asyncio.Event()

    @property
    def latest(self) -> Mapping[SeriesKey, Reading]:
        return self._pipeline.latest

    @property
    def alarms(self) -> Mapping[str, Alarm]:
        return self._pipeline.judge.alarms

    @property
    def incidents(self) -> Mapping[str, Incident]:
        return self._pipeline.judge.incidents

    @property
    def tasks(self) -> Mapping[str, Task]:
        return self._pipeline.judge.tasks

    @property
    def clocks(self) -> Mapping[str, FaultClock]:
        return self._pipeline.judge.clocks

    @property
    def records(self) -> Mapping[str, Record]:
        return self._pipeline.judge.records

    @property
    def counters(self) -> Mapping[str, float]:
        return self._counters()

    @property
    def gauges(self) -> Mapping[str, float]:
        return self._gauges()

    @property
    def last_poll(self) -> int | None:
        """When any poll last ended, answered or not."""
        return self._poller.last_ended

    @property
    def journal_error(self) -> str | None:
        return self._pipeline.commit_error

    def unit_of(self, key: SeriesKey) -> str | None:
        """The unit of a series: the vocabulary's, or a profile's for a point of its own."""
        return unit_of(key.point) or self._units.get(key.point)

    def devices(self) -> Sequence[DeviceStatus]:
        return [DeviceView.of(stats) for stats in self._poller.stats.values()]

    def indicators(self) -> Sequence[Indicator]:
        return [IndicatorNow.of(view) for view in self._available()]

    def _available(self) -> list[IndicatorView]:
        """What is available or not; whether rules are content, the page shows as alarms."""
        return [view for view in self._pipeline.judge.availability(self.clock.now()) if not view.of_rules]

    def slo(self) -> Sequence[SloRow]:
        """The figures of the last half minute: they are read from the journal beside the loop."""
        return self._slo

    def fixed(self) -> Sequence[dict[str, Any]]:
        """How fast faults were fixed, this month and this year; as old as `slo`."""
        return self._fixed

    def on_duty(self) -> Sequence[Duty]:
        return duties(self.config, self.clock.now())

    async def acknowledge(self, incident_id: str, by: str) -> None:
        """Commits the acknowledgement. KeyError when no such incident is known."""
        await self._pipeline.acknowledge(incident_id, by)

    async def enter(self, entry: Entry) -> Record:
        """Commits what somebody says was done. EntryError when it does not fit the site or the time."""
        if isinstance(entry, CorrectionEntry):
            views = self._pipeline.judge.availability(self.clock.now())
            await asyncio.to_thread(check_correction, self._journal, entry, views)
        elif isinstance(entry, Lesson):
            await asyncio.to_thread(check_lesson, self._journal, entry)
        return await self._pipeline.enter(entry)

    def change(self) -> None:
        """Something changed: pages want to be drawn anew."""
        self._version += 1
        self._changed.set()

    async def subscribe(self) -> AsyncIterator[int]:
        """A new number whenever something changed; bursts are folded into one."""
        seen = self._version
        while True:
            while seen == self._version:
                self._changed.clear()
                await self._changed.wait()
            seen = self._version
            yield seen

    async def run(self) -> None:
        """Keeps the figures of the agreement fresh until cancelled."""
        while True:
            now = self.clock.now()
            views = self._available()
            found = await asyncio.to_thread(figures, self.config, self._journal, views, now)
            self._slo = [cast(SloRow, figure.as_dict()) for figure in found]
            clocks = await asyncio.to_thread(self._journal.clocks, limit=-1)
            self._fixed = [times.as_dict() for times in fixed_lately(self.config, clocks, now)]
            await self.clock.sleep(_SLO_EVERY_S)


def duties(config: Config, now: int) -> list[Duty]:
    """Who is on duty of each roster, and until when. Names only."""
    names = {person.id: person.name for person in config.people.people}
    rows: list[Duty] = []
    for roster in config.people.rosters:
        people = on_duty(roster, now, config.site.timezone)
        watches = schedule(roster, now, now + 14 * _DAY_MS, config.site.timezone)
        rows.append(
            {
                "roster": roster.id,
                "name": roster.name,
                "people": [{"id": person, "name": names[person]} for person in people],
                "until": watches[0].end if len(watches) > 1 else None,
            }
        )
    return rows
