"""The composition root: builds everything from a configuration, runs it in one TaskGroup, ends it in order."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, ExitStack
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from aiohttp import web

from dcmon.clock import Clock, SystemClock
from dcmon.collectors.build import build_devices, device_intervals, v3_user
from dcmon.collectors.modbus import Buses
from dcmon.collectors.names import Names
from dcmon.collectors.poller import Poller
from dcmon.collectors.probes import BackupDesk
from dcmon.collectors.profile import Profile, load_profiles
from dcmon.collectors.snmp import NativeClient
from dcmon.collectors.snmp.second import PysnmpClient
from dcmon.collectors.trapping import TrapDesk
from dcmon.collectors.traps import TrapReceiver, first_boots
from dcmon.config.checks.agent import split_listen
from dcmon.config.collectors import CommunityCredentials, UserCredentials
from dcmon.config.config import Config
from dcmon.config.probes import BackupProbe
from dcmon.config.secrets import resolve
from dcmon.identities import Identities
from dcmon.live import Live
from dcmon.model import Changes, CollectError, DcmonError, StoreError, Transition
from dcmon.notify.channels import build_notifiers
from dcmon.notify.escalation import Pager
from dcmon.notify.outbox import Notifier, OutboxWorker
from dcmon.notify.text import load_templates
from dcmon.pipeline import Pipeline, Recorder, recall
from dcmon.storage.db import DataDirLock, open_or_renew
from dcmon.storage.influx import InfluxSink
from dcmon.storage.journal import Journal
from dcmon.storage.lines import asset_tags
from dcmon.storage.samples import FILE_NAME as SAMPLES_FILE
from dcmon.storage.samples import Samples
from dcmon.storage.spool import FILE_NAME as SPOOL_FILE
from dcmon.storage.spool import Spool
from dcmon.thresholds import Judge
from dcmon.upkeep import Upkeep
from dcmon.urgency import Urgency
from dcmon.web import check_listen, create_app

log = logging.getLogger("dcmon")

_RESTART_S = 1.0
_WELL_S = 60.0
"""A service that ran for so long was well: what it fails of after that is news."""


@dataclass(slots=True)
class Options:
    """What a caller may put in place of what the configuration says: the demo and tests."""

    clock: Clock = field(default_factory=SystemClock)
    notifiers: Mapping[str, Notifier] = field(default_factory=dict)
    """Channels that replace those of the same name."""
    on_decided: Callable[[Changes], None] = lambda changes: None
    """Hears of every decision when it is made, for the demo's terminal."""
    on_ready: Callable[[Running], None] = lambda running: None
    on_end: Callable[[Running], None] = lambda running: None
    """After the last commit, while journal and samples are still open."""


@dataclass(slots=True)
class Running:
    """A dcmon that is up: for the demo's report and for tests."""

    config: Config
    pipeline: Pipeline
    poller: Poller
    journal: Journal
    samples: Samples
    outbox: OutboxWorker
    live: Live
    web_address: tuple[str, int] | None = None
    trap_address: tuple[str, int] | None = None


async def run(config: Config, stop: asyncio.Event, options: Options | None = None) -> None:
    """Runs dcmon on `config` until `stop` is set. Raises DcmonError for what keeps it from starting."""
    options = options or Options()
    async with AsyncExitStack() as stack:
        stack.enter_context(DataDirLock(config.agent.data_dir))
        app = App(config, options)
        stack.push_async_callback(app.close)
        await app.start()
        await app.serve(stop)


class App:
    """Everything that belongs to one configuration. Built, started, served, closed; a reload makes a new one."""

    def __init__(self, config: Config, options: Options) -> None:
        self.config = config
        self.options = options
        self.clock = options.clock
        self._secrets = partial(resolve, directory=config.directory)
        self._profiles: Mapping[str, Profile] = load_profiles(config.directory / "profiles")
        self._served = False
        self._services: list[tuple[str, Callable[[], Awaitable[None]]]] = []
        self._stores = ExitStack()
        with ExitStack() as failing:
            # What cannot be built must not keep the files open: the old configuration goes on with them.
            failing.push(self._stores)
            self._open_stores()
            self._build_core()
            self._build_collectors()
            self._build_outside()
            failing.pop_all()

    def _open_stores(self) -> None:
        agent = self.config.agent
        self.journal = Journal(agent.data_dir)
        self._stores.callback(self.journal.close)
        self.journal.release_leases()
        self.samples = open_or_renew(
            agent.data_dir / SAMPLES_FILE, lambda: Samples(agent.data_dir, agent.samples, self.clock)
        )
        self._stores.callback(self.samples.close)
        self.influx: InfluxSink | None = None
        if agent.influx.enabled:
            token = self._secrets(agent.influx.token) if agent.influx.token else None
            spool = open_or_renew(agent.data_dir / SPOOL_FILE, lambda: Spool(agent.data_dir, agent.influx.spool_mb))
            tags = asset_tags(self.config.site)
            self.influx = InfluxSink(agent.influx, spool, tags=tags, token=token, clock=self.clock)
            self._stores.callback(self.influx.close)

    def _build_core(self) -> None:
        now = self.clock.now()
        snapshot = self.journal.load_snapshot(now)
        judge = Judge(self.config, snapshot, now)
        recall(judge, self.samples, now)
        pager = Pager(self.config, snapshot)
        recorders: list[Recorder] = [self.samples, *([self.influx] if self.influx else [])]
        self.pipeline = Pipeline(
            judge,
            pager,
            self.journal,
            recorders,
            self.clock,
            on_decided=self._decided,
            on_committed=self._committed,
        )
        self.pipeline.latest.update(snapshot.readings)

    def _build_collectors(self) -> None:
        agent, collectors, names = self.config.agent, self.config.collectors, Names()
        self._clients = {
            "native": NativeClient(max_in_flight=agent.polling.max_in_flight, names=names),
            "pysnmp": PysnmpClient(max_in_flight=agent.polling.max_in_flight, names=names),
        }
        self._buses = Buses(self.clock, timeout_s=agent.polling.timeout / 1000, names=names)
        self._identities = Identities(self.journal, self.clock)
        tokens = {
            name: self._secrets(device.probe.token)
            for name, device in collectors.devices.items()
            if isinstance(device.probe, BackupProbe) and device.probe.token is not None
        }
        self._backups = BackupDesk(tokens)
        devices = build_devices(
            collectors,
            agent.polling,
            self._profiles,
            self._secrets,
            clients=self._clients,
            buses=self._buses,
            names=names,
            identities=self._identities,
        )
        intervals = device_intervals(collectors, agent.polling)
        self.poller = Poller(devices, agent.polling, self.clock, self.pipeline.submit, intervals=intervals)
        self._urgency = Urgency(self.config, self.poller.set_fast)
        self._urgency.look(self.pipeline.judge.alarms.values())
        self.traps: TrapReceiver | None = None
        self._desk: TrapDesk | None = None
        if agent.traps.enabled:
            desk = self._desk = TrapDesk(collectors, self.poller.poll_now, self.pipeline.note, names)
            self.traps = self._trap_receiver(desk)
            self._services += [("traps", self.traps.run), ("trap desk", partial(desk.run, self.clock))]

    def _trap_receiver(self, desk: TrapDesk) -> TrapReceiver:
        collectors, named = self.config.collectors, self.config.agent.traps.credentials
        used = {device.snmp.credentials for device in collectors.devices.values() if device.snmp}
        # Of two users of one name the last counts: those that are named for traps come after those of devices.
        accepted = [collectors.credentials[name] for name in (*sorted(used - set(named)), *named)]
        communities = [self._secrets(each.community) for each in accepted if isinstance(each, CommunityCredentials)]
        users = [v3_user(each, self._secrets) for each in accepted if isinstance(each, UserCredentials)]
        host, port = split_listen(self.config.agent.traps.listen)
        return TrapReceiver(
            self.clock,
            desk.take,
            kept=self.pipeline.remembered,
            # As systems have it by default, the IPv6 address of everything takes in the one of IPv4.
            listen=[(host, port), ("0.0.0.0", port)] if host == "::" else [(host, port)],
            communities=communities,
            users=users,
            boots=self.journal.count_boot(first_boots(self.clock.now())),
        )

    def _build_outside(self) -> None:
        agent = self.config.agent
        check_listen(agent.web.listen)
        load_templates()
        notifiers = {**build_notifiers(agent, self._secrets), **self.options.notifiers}
        self._notifiers = notifiers
        self.outbox = OutboxWorker(
            self.journal, notifiers, self.config.people, self.clock, agent.outbox, commit=self._commit
        )
        units: dict[str, str | None] = {}
        for profile in {device.profile for device in self.config.collectors.devices.values()} & set(self._profiles):
            units |= self._profiles[profile or ""].units
        self.upkeep = Upkeep(
            self.config,
            self.clock,
            self.pipeline,
            self.poller,
            self.journal,
            self.samples,
            self.outbox,
            self.influx,
            self.traps,
            clients=self._clients.values(),
            buses=self._buses,
        )
        self.live = Live(
            self.config,
            self.clock,
            self.pipeline,
            self.poller,
            self.journal,
            self.samples,
            units,
            self.upkeep.counters,
            self.upkeep.gauges,
            self._push_backup,
        )
        self._services += [
            ("poller", self.poller.run),
            ("samples", self.samples.run),
            ("outbox", self.outbox.run),
            ("upkeep", self.upkeep.run),
            ("figures", self.live.run),
        ]
        if self.influx is not None:
            self._services.append(("time series", self.influx.run))
        # A compressed body is of no use to anybody here, and a broken one is an error in aiohttp's log.
        self._web = web.AppRunner(create_app(self.live), access_log=None, shutdown_timeout=1.0, auto_decompress=False)

    async def start(self) -> None:
        """Opens the sockets that others reach. Raises DcmonError when one cannot be had."""
        if self.traps is not None:
            try:
                self.traps.open()
            except CollectError as error:
                raise DcmonError(f"{error}. Or set traps.listen in agent.yaml to a free one") from error
        await self._web.setup()
        host, port = split_listen(self.config.agent.web.listen)
        try:
            await web.TCPSite(self._web, host, port).start()
        except OSError as error:
            hint = "Take a free one: web.listen in agent.yaml, or --port of the demo."
            raise DcmonError(
                f"the page cannot listen on {host}:{port}: {os.strerror(error.errno or 0)}. {hint}"
            ) from error
        devices = len(self.config.collectors.devices)
        log.info("%s: devices watched: %d; page http://%s:%d/", self.config.site.name, devices, *self._page())
        self.pipeline.note([self._event("started", f"dcmon watches {self.config.site.name}")])

    async def serve(self, stop: asyncio.Event) -> None:
        """Runs every service until `stop` is set. The core ends last: the others still hand it what they learnt."""
        self._served = True
        self.options.on_ready(self._running())
        async with asyncio.TaskGroup() as tasks:
            core = tasks.create_task(_supervise("core", self.pipeline.run), name="core")
            others = [tasks.create_task(_supervise(name, service), name=name) for name, service in self._services]
            await stop.wait()
            for task in others:
                task.cancel()
            await asyncio.wait(others)
            core.cancel()

    async def close(self) -> None:
        """Ends in the order in which things depend on each other; what is decided is committed."""
        with self._stores:
            await self._web.cleanup()
            for notifier in self._notifiers.values():
                closing = getattr(notifier, "close", None)
                if closing is not None:
                    await closing()
            if self.traps is not None:
                self.traps.close()
            await self._buses.close()
            for client in self._clients.values():
                await client.close()
            if self._served:
                await self._commit_last()
                self.options.on_end(self._running())

    async def _commit_last(self) -> None:
        """A disk that takes no more rows does not keep the process from ending: it is said, and that is all."""
        if self._desk is not None:
            self._desk.tell_folded(self.clock.now())
        self.pipeline.note([self._event("stopped", "dcmon was told to stop")])
        try:
            await self.pipeline.finish()
            self.upkeep.last_words()
        except StoreError as error:
            log.error("what was decided last is not in the journal, the next start judges it anew: %s", error)

    def _page(self) -> tuple[str, int]:
        host, port = self._web.addresses[0][:2]
        return f"[{host}]" if ":" in host else host, port

    def _running(self) -> Running:
        addresses = [address[:2] for address in self._web.addresses]
        traps = [address[:2] for address in self.traps.addresses] if self.traps is not None else []
        return Running(
            self.config,
            self.pipeline,
            self.poller,
            self.journal,
            self.samples,
            self.outbox,
            self.live,
            addresses[0] if addresses else None,
            traps[0] if traps else None,
        )

    def _event(self, state: str, reason: str) -> Transition:
        return Transition(self.clock.now(), "agent", "dcmon", state, reason, data={"config": self.config.digest})

    def _decided(self, changes: Changes) -> None:
        if changes.alarms:
            self._urgency.look(self.pipeline.judge.alarms.values())
        self.live.change()
        self.options.on_decided(changes)

    def _committed(self, changes: Changes) -> None:
        if changes.notifications:
            self.outbox.wake()

    async def _push_backup(self, job: str, token: str, said: Mapping[str, Any]) -> bool:
        report = self._backups.check(job, token, said)
        if report is None:
            return False
        await self._identities.keep(job, report)
        self.poller.poll_now(job)
        return True

    async def _commit(self, changes: Changes) -> None:
        self.pipeline.learn(changes)
        await self.pipeline.committed()


async def _supervise(name: str, service: Callable[[], Awaitable[None]]) -> None:
    """Keeps one service running: a fault in it is logged and ends neither it nor the others.

    The same fault again and again is said once, until the service has run for a while in between.
    """
    clock = SystemClock()
    said = None
    task = asyncio.current_task()
    while True:
        started = clock.monotonic()
        try:
            await service()
            return
        except Exception as error:  # noqa: BLE001
            if clock.monotonic() - started > _WELL_S:
                said = None
            if said != repr(error):
                said = repr(error)
                _complain(name, error)
        if task is not None and task.cancelling():
            return  # it failed while it ended
        await clock.sleep(_RESTART_S)


def _complain(name: str, error: Exception) -> None:
    if isinstance(error, DcmonError):
        log.error("%s: %s", name, error)
    else:
        log.error("%s failed by a fault of dcmon; it is started again", name, exc_info=error)
