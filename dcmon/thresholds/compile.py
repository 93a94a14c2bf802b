"""Rules -> watches: which series and groups each rule judges, found once, at start or when a series first shows."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from dcmon.config.config import Config
from dcmon.config.duties import DutyRule
from dcmon.config.rule_kinds import (
    BlindRule,
    CapacityRule,
    CountRule,
    FollowsRule,
    FuelBurnRule,
    FuelLossRule,
    FuelRule,
    FuelStuckRule,
    LimitRule,
    LostOnBatteryRule,
    RiseRule,
    RosterGapRule,
    SilentRule,
    StaleRule,
    StateRule,
    UnusualRule,
)
from dcmon.config.rules import Rule
from dcmon.config.sequences import SequenceSpec
from dcmon.config.site import AssetKind
from dcmon.model import Alarm, AlarmState, Record
from dcmon.thresholds.absence import BlindWatch, StaleWatch
from dcmon.thresholds.alarms import Alarms
from dcmon.thresholds.batterytests import BatterySelfTest
from dcmon.thresholds.board import Board, Slot, attach
from dcmon.thresholds.cells import Cell
from dcmon.thresholds.coverage import RosterGapWatch
from dcmon.thresholds.duties import calendar_of, lines_of
from dcmon.thresholds.fuel import COMPUTED, Fuel
from dcmon.thresholds.fuel_book import Book
from dcmon.thresholds.fuel_watches import BurnWatch, LossWatch, StuckWatch, TankWatch
from dcmon.thresholds.group_watches import CapacityWatch, CountWatch, FollowsWatch
from dcmon.thresholds.ledger import Ledger
from dcmon.thresholds.loadtests import LoadBankTest
from dcmon.thresholds.register import DutyLine
from dcmon.thresholds.sequence_parts import Step
from dcmon.thresholds.sequences import Run
from dcmon.thresholds.silence import LostOnBatteryWatch, ReachableWatch, SilentWatch
from dcmon.thresholds.timers import Order, Phase, Timers
from dcmon.thresholds.topology import Topology
from dcmon.thresholds.trials import Trial
from dcmon.thresholds.unusual import Habits, UnusualWatch
from dcmon.thresholds.watches import ON_BATTERY, LimitWatch, RiseWatch, SlotWatch, StateWatch

SeriesRule = StateRule | LimitRule | RiseRule | UnusualRule


class Compiler:
    """Makes the watches of all rules."""

    def __init__(
        self,
        config: Config,
        topology: Topology,
        board: Board,
        timers: Timers,
        alarms: Alarms,
        ledger: Ledger,
        live: bool,
        incident_of: Callable[[str], str | None],
        fuel: Fuel,
    ) -> None:
        self._config = config
        self._topology = topology
        self._board = board
        self._timers = timers
        self._alarms = alarms
        self._ledger = ledger
        self._live = live
        self._incident_of = incident_of
        self._fuel = fuel
        self._stuck: dict[str, list[StuckWatch]] = {}
        self.runs: list[Run] = []
        """Every sequence."""
        self.roster_watches: list[RosterGapWatch] = []
        self.trials: list[Trial] = []
        """Every asset whose tests are looked for in the readings."""
        self.duties: list[DutyLine] = []
        """Every line of the register."""
        self._position = {rule.id: place for place, rule in enumerate(config.judged)}
        self._lost: dict[str, LostOnBatteryWatch] = {}
        self.silent_watches: list[SilentWatch] = []
        """Every watch that notices a device from which nothing is heard."""
        self.rise_watches: list[RiseWatch] = []
        self.rise_points = {rule.select.point for rule in config.judged if isinstance(rule, RiseRule)}
        self._habits = Habits(config.site.timezone, config.rules.unusual_most, ledger, timers, alarms)
        alarms.ration = self._habits.ration
        self.stale_watches: list[StaleWatch] = []
        self.follows_watches: list[FollowsWatch] = []

    def compile(self) -> None:
        """All rules: those on devices and groups at once, those on series as the series show."""
        rules = sorted(self._config.judged, key=lambda rule: rule.kind == "silent")
        for rule in rules:
            if rule.kind in _KINDS:
                _KINDS[rule.kind](self, rule)
        for sequence in self._config.rules.sequences:
            self.sequence(sequence)
        self._find_trials()

    def series(self, rule: SeriesRule, make: Callable[[Cell, Slot], SlotWatch]) -> None:
        """A rule with `select`: one watch per series that fits."""
        select = rule.select

        def fits(slot: Slot) -> bool:
            asset, _, index = slot.key
            if select.assets and asset not in select.assets:
                return False
            if select.kinds and self._topology.kind(asset) not in select.kinds:
                return False
            return select.index is None or select.index == index

        def found(slot: Slot) -> None:
            if fits(slot):
                cell = self._cell(rule, slot.key.asset, slot.key.index, rule.on_delay)
                watch = make(cell, slot)
                self._alarms.add(cell, watch)
                attach(slot, watch)

        self._board.want_point(select.point, found)

    def state(self, rule: StateRule) -> None:
        if rule.select.point in ON_BATTERY:
            self._board.keep("battery.time_on_battery")
        for condition in rule.unless:
            self._board.keep(condition.point)

        def make(cell: Cell, slot: Slot) -> SlotWatch:
            watch = StateWatch(cell, self._alarms, slot, rule, self._board)
            if slot.key.point in ON_BATTERY:
                self._date_by_device(watch, slot)
            return watch

        self.series(rule, make)

    def limit(self, rule: LimitRule) -> None:
        self.series(rule, lambda cell, slot: LimitWatch(cell, self._alarms, slot, rule))

    def rise(self, rule: RiseRule) -> None:
        def make(cell: Cell, slot: Slot) -> SlotWatch:
            watch = RiseWatch(cell, self._alarms, slot, rule, self._timers)
            self.rise_watches.append(watch)
            return watch

        self.series(rule, make)

    def unusual(self, rule: UnusualRule) -> None:
        def make(cell: Cell, slot: Slot) -> SlotWatch:
            watch = UnusualWatch(cell, self._alarms, slot, rule, self._habits)
            self._habits.follow(watch)
            return watch

        self.series(rule, make)

    def silent(self, rule: SilentRule) -> None:
        patience = self._patience()
        for device in self._devices(rule.kinds):
            cell = self._cell(rule, device, None, rule.after + rule.on_delay)
            watch = SilentWatch(cell, self._alarms, self._lost.get(device), self._live, patience, self._timers)
            self._alarms.add(cell, watch)
            self._reachable(device, watch)
            if watch.battery is not None:
                for ups in self._upses(device):
                    self._on_battery(ups, watch, [])
            self.silent_watches.append(watch)

    def _patience(self) -> int:
        """The longest pause that a poller makes between two reports, ms."""
        polling = self._config.agent.polling
        return polling.deadline + polling.max_back_off

    def lost_on_battery(self, rule: LostOnBatteryRule) -> None:
        for device in self._devices(rule.kinds):
            cell = self._cell(rule, device, None, rule.after + rule.on_delay)
            watch = LostOnBatteryWatch(cell, self._alarms)
            self._alarms.add(cell, watch)
            self._reachable(device, watch)
            for ups in self._upses(device):
                self._on_battery(ups, watch, watch.upses)
            self._lost[device] = watch

    def blind(self, rule: BlindRule) -> None:
        cell = self._cell(rule, rule.asset, None, rule.after + rule.on_delay)
        # A probe whose service does not answer has done its work: it tells nothing of what dcmon sees.
        asked = self._config.collectors.devices
        devices = [name for name in self._topology.devices if name not in asked or asked[name].probe is None]
        watch = BlindWatch(cell, self._alarms, len(devices), rule.share)
        self._alarms.add(cell, watch)

        def found(slot: Slot) -> None:
            watch.slots.append(slot)
            attach(slot, watch)

        for device in devices:
            self._board.want(device, "device.reachable", None, found)

    def stale(self, rule: StaleRule) -> None:
        patience = self._patience()
        for asset in self._topology.assets:
            device = self._topology.supplier(asset)
            if device is None or (rule.kinds and self._topology.kind(asset) not in rule.kinds):
                continue
            cell = self._cell(rule, asset, None, rule.after + rule.on_delay)
            watch = StaleWatch(cell, self._alarms, self._live, patience, self._timers)
            self._alarms.add(cell, watch)
            self._board.want_judged(asset, partial(_miss, watch))
            self._board.want(device, "device.reachable", None, partial(_hear, watch))
            self.stale_watches.append(watch)

    def count(self, rule: CountRule) -> None:
        group = self._topology.groups.get(rule.group)
        if group is not None:
            cell = self._cell(rule, group.id, None, rule.on_delay)
            self._alarms.add(cell, CountWatch(cell, self._alarms, rule, group, self._board))

    def capacity(self, rule: CapacityRule) -> None:
        group = self._topology.groups.get(rule.group)
        if group is not None:
            cell = self._cell(rule, group.id, None, rule.on_delay)
            self._alarms.add(cell, CapacityWatch(cell, self._alarms, rule, group, self._topology.assets, self._board))

    def follows(self, rule: FollowsRule) -> None:
        cell = self._cell(rule, rule.asset, None, rule.within + rule.on_delay, Phase.DEADLINE)
        watch = FollowsWatch(cell, self._alarms, rule, self._board)
        self._alarms.add(cell, watch)
        self.follows_watches.append(watch)

    def tanks(self, rule: FuelRule, make: Callable[[Cell, Book], TankWatch]) -> None:
        """A rule about tanks: one watch per tank."""
        for tank, book in self._fuel.books.items():
            if not rule.tanks or tank in rule.tanks:
                cell = self._cell(rule, tank, None, rule.on_delay)  # type: ignore[arg-type]
                self._alarms.add(cell, make(cell, book))

    def fuel_loss(self, rule: FuelLossRule) -> None:
        settings = self._config.rules.fuel
        self.tanks(rule, lambda cell, book: LossWatch(cell, self._alarms, book, rule, settings, self._timers))

    def fuel_burn(self, rule: FuelBurnRule) -> None:
        self.tanks(rule, lambda cell, book: BurnWatch(cell, self._alarms, book, rule))

    def fuel_stuck(self, rule: FuelStuckRule) -> None:
        def make(cell: Cell, book: Book) -> TankWatch:
            watch = StuckWatch(cell, self._alarms, book, rule, self._timers, self._fuel.look_again)
            self._stuck.setdefault(book.asset.id, []).append(watch)
            return watch

        self.tanks(rule, make)
        self._fuel.doubted = lambda tank: any(watch.stuck for watch in self._stuck.get(tank, ()))

    def sequence(self, spec: SequenceSpec) -> None:
        """A run with an alarm for each of its steps; a run that the journal knows goes on."""
        order: Order = (-10, spec.id)
        run = Run(spec, order, self._board, self._timers, self._ledger, self._topology, self._incident_of)
        for rule in spec.steps:
            cell = self._cell(rule, rule.asset, None, rule.within + rule.on_delay, Phase.DEADLINE)
            step = Step(cell, self._alarms, rule, self._board, run)
            self._alarms.add(cell, step)
            run.steps.append(step)
        known = (row for row in self._ledger.records.values() if row.rule == spec.id and row.state == "running")
        if (row := next(known, None)) is not None:
            run.resume(row)
        self.runs.append(run)

    def roster_gap(self, rule: RosterGapRule) -> None:
        cell = self._cell(rule, rule.asset, None, rule.on_delay)
        people, timezone = self._config.people, self._topology.site.timezone
        watch = RosterGapWatch(cell, self._alarms, rule, people.rosters, timezone, self._timers)
        self._alarms.add(cell, watch)
        self.roster_watches.append(watch)

    def duty(self, rule: DutyRule) -> None:
        """A line of the register for each asset at which the duty is to be done."""
        for asset in lines_of(rule, self._topology.site):
            cell = self._cell(rule, asset, None, 0)
            calendar = calendar_of(rule, asset, self._topology.site)
            line = DutyLine(cell, self._alarms, rule, calendar, self._board, self._timers, self._ledger, self._topology)
            self._alarms.add(cell, line)
            line.want()
            self.duties.append(line)

    def _find_trials(self) -> None:
        """Tests of the generators and of the UPS, where the register says how they are judged."""
        wanted = self._config.duties
        common = (self._board, self._timers, self._ledger, self._topology)
        for asset in self._topology.site.assets:
            if asset.kind is AssetKind.GENSET and wanted.load_bank is not None:
                self.trials.append(LoadBankTest(asset.id, wanted.load_bank, *common))
            elif asset.kind is AssetKind.UPS and wanted.battery_test is not None:
                self.trials.append(BatterySelfTest(asset.id, wanted.battery_test, *common))
        running = {(row.kind, row.subject): row for row in self._ledger.records.values() if row.state == "running"}
        for trial in self.trials:
            trial.outages = frozenset(
                spec.id
                for spec in self._config.rules.sequences
                if any((one.asset or spec.asset) in trial.mains for one in spec.when)
            )
            if (row := running.get((trial.kind, trial.asset))) is not None:
                trial.resume(row)

    def hear(self, record: Record) -> None:
        """Tells the register of a record."""
        for line in self.duties:
            line.hear(record)

    def _devices(self, kinds: tuple[AssetKind, ...]) -> list[str]:
        """The assets of these kinds that are asked; all that are asked when there are none."""
        asked = self._topology.devices
        return [device for device in asked if not kinds or self._topology.kind(device) in kinds]

    def _upses(self, asset: str) -> list[str]:
        own = [asset] if self._topology.kind(asset) is AssetKind.UPS else []
        return [*own, *self._topology.upstream_of_kind(asset, AssetKind.UPS)]

    def _reachable(self, asset: str, watch: ReachableWatch) -> None:
        def found(slot: Slot) -> None:
            watch.slot = slot
            attach(slot, watch)

        self._board.want(asset, "device.reachable", None, found)

    def _on_battery(self, ups: str, watch: ReachableWatch, slots: list[Slot]) -> None:
        def found(slot: Slot) -> None:
            slots.append(slot)
            attach(slot, watch)

        for point in ON_BATTERY:
            self._board.want(ups, point, None, found)

    def _date_by_device(self, watch: StateWatch, slot: Slot) -> None:
        def found(count: Slot) -> None:
            watch.time_on_battery = count
            attach(count, watch)

        self._board.want(slot.key.asset, "battery.time_on_battery", None, found)

    def _cell(self, rule: Rule, asset: str, index: str | None, on_delay: int, phase: Phase = Phase.DELAY) -> Cell:
        """The alarm of a rule on a series or group: restored, if there is a row of it."""
        key = alarm_key(rule, asset, index)
        row = self._ledger.alarms.get(key)
        if row is None:
            row = Alarm(key, rule.id, asset, index, AlarmState.NORMAL, rule.severity, 0)
        order: Order = (self._topology.depth(asset), asset, self._position[rule.id], index or "")
        return Cell(rule, row, order, on_delay, phase)


_MAY_BE_MISSING = frozenset({
    "device.reachable", "battery.time_on_battery", "service.latency", "service.throughput", "certificate.remaining",
    *COMPUTED - {"fuel.filled"},
})  # fmt: skip
"""Points with rules of their own, that a device gives only at times, or that no device gives; but what is in a tank is
missing when what its sender says is no level.
"""


def _miss(watch: StaleWatch, slot: Slot) -> None:
    if slot.key.point not in _MAY_BE_MISSING:
        watch.slots.append(slot)
        slot.absences = (*slot.absences, watch)


def _hear(watch: StaleWatch, slot: Slot) -> None:
    watch.reachable = slot
    attach(slot, watch)


def alarm_key(rule: Rule, asset: str, index: str | None) -> str:
    """`rule/asset` or `rule/asset[index]`."""
    return f"{rule.id}/{asset}" + (f"[{index}]" if index is not None else "")


_KINDS: dict[str, Callable[[Compiler, Any], None]] = {
    "state": Compiler.state,
    "limit": Compiler.limit,
    "rise": Compiler.rise,
    "unusual": Compiler.unusual,
    "silent": Compiler.silent,
    "lost_on_battery": Compiler.lost_on_battery,
    "blind": Compiler.blind,
    "stale": Compiler.stale,
    "count": Compiler.count,
    "capacity": Compiler.capacity,
    "follows": Compiler.follows,
    "roster_gap": Compiler.roster_gap,
    "duty": Compiler.duty,
    "fuel_loss": Compiler.fuel_loss,
    "fuel_burn": Compiler.fuel_burn,
    "fuel_stuck": Compiler.fuel_stuck,
}
"""Kind of rule -> what makes its watches. Steps belong to sequences, alarms of planned work to their windows."""
