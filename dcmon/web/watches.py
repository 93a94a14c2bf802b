"""The panels that watch: fire sections, fault clocks, tasks, planned work, silent devices. Pure, in one language."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from dcmon.config.site import AssetKind
from dcmon.model import FaultClock, Record, Severity, Task
from dcmon.web.look import Look
from dcmon.web.state import DeviceStatus
from dcmon.web.text import span


@dataclass(frozen=True, slots=True)
class Watch:
    """One thing that is watched in a fire section. `known` is false when its contacts are silent or unusable."""

    title: str
    state: str
    bad: bool
    known: bool


@dataclass(frozen=True, slots=True)
class Section:
    """A fire section: fire, water, shell and the air at the racks."""

    id: str
    name: str
    watches: tuple[Watch, ...]
    inlet: str
    """Lowest and highest air temperature at the racks; empty where nothing measures it."""
    calm: str
    """What is quiet and how warm it is, in one line."""
    severity: Severity | None


@dataclass(frozen=True, slots=True)
class ClockRow:
    """A fault clock that runs or has run out."""

    id: str
    asset: str
    name: str
    incident: str | None
    state: str
    word: str
    started: int
    elapsed_ms: int
    limit_ms: int
    per_cent: int
    breached: bool
    text: str
    severity: Severity


@dataclass(frozen=True, slots=True)
class TaskRow:
    """Work that is due."""

    id: str
    asset: str
    name: str
    title: str
    state: str
    word: str
    opened: int
    due: int
    overdue: bool


@dataclass(frozen=True, slots=True)
class DeviceRow:
    """A device that does not answer."""

    asset: str
    name: str
    place: str
    last_success: int | None
    failures: int
    back_off_until: int | None
    error: str


@dataclass(frozen=True, slots=True)
class PlannedRow:
    """Maintenance or a drill that runs or is near."""

    id: str
    kind: str
    word: str
    title: str
    about: str
    running: bool
    started: int
    ended: int
    muted: bool
    """Alarms of its scope, or those that are expected, tell nobody."""
    late: bool


NEAR_MS = 7 * 86_400_000
"""What is planned further ahead is not shown on the wall."""

_FIRE = (
    ("suppression.released", "fire.released"),
    ("fire.alarm", "fire.alarm"),
    ("smoke.detected", "fire.smoke"),
    ("fire.pre_alarm", "fire.pre_alarm"),
    ("smoke_extraction.on", "fire.extraction"),
    ("fire.fault", "fire.fault"),
    ("fire.disabled", "fire.disabled"),
)
_WATER = (("water.detected", "water.wet"),)
_SHELL = (("glass.broken", "shell.glass"), ("intrusion.alarm", "shell.intrusion"))
"""Points and their words, the gravest first."""
_WATCHED = (
    ("section.fire", _FIRE, AssetKind.FIRE_PANEL),
    ("section.water", _WATER, AssetKind.LEAK_UNIT),
    ("section.shell", _SHELL, AssetKind.SHELL),
)
"""What is watched, its points, and the kind of asset that is there for nothing else."""


def read_sections(look: Look) -> tuple[Section, ...]:
    """One row for each fire section (T13, T14, T16, T17, T31)."""
    rows = []
    for section in look.plan.site.sections:
        assets = [asset.id for asset in look.plan.site.assets if asset.section == section.id]
        watches = [
            watch
            for title, points, kind in _WATCHED
            if (watch := _watch(look, assets, look.words(title), points, kind))
        ]
        inlet = _inlet(look, [value for asset in assets if _measures_air(look, asset) for value in _air(look, asset)])
        quiet = ", ".join(watch.title for watch in watches if watch.known and not watch.bad)
        calm = [look.words("section.all_quiet", what=quiet)] if quiet else []
        if inlet:
            calm.append(f"{look.words('section.inlet')} {inlet}")
        found = [look.severities[asset] for asset in assets if asset in look.severities and _guards(look, asset)]
        worst = max(found, key=lambda severity: severity.rank, default=None)
        rows.append(Section(section.id, section.name, tuple(watches), inlet, " · ".join(calm), worst))
    return tuple(rows)


def _inlet(look: Look, values: list[float]) -> str:
    if not values:
        return ""
    low, high = look.quantity(min(values), "degC"), look.quantity(max(values), "degC")
    return high if low == high else f"{low.removesuffix(' °C')} – {high}"


def _measures_air(look: Look, asset: str) -> bool:
    return look.plan.kind_of(asset) is AssetKind.ENVIRONMENT_UNIT


def _guards(look: Look, asset: str) -> bool:
    return look.plan.kind_of(asset) in (
        AssetKind.ENVIRONMENT_UNIT,
        AssetKind.LEAK_UNIT,
        AssetKind.FIRE_PANEL,
        AssetKind.SHELL,
    )


def _air(look: Look, asset: str) -> list[float]:
    return look.latest.numbers(asset, "temperature") or look.latest.numbers(asset, "server_in.temperature")


def _watch(
    look: Look, assets: list[str], title: str, points: tuple[tuple[str, str], ...], kind: AssetKind
) -> Watch | None:
    """The gravest thing that is true; unknown as soon as one contact cannot be believed; None when nothing watches.

    An asset of `kind` that was never heard is unknown, too.
    """
    known = False
    unusable = any(look.plan.kind_of(asset) is kind and not _heard(look, asset, points) for asset in assets)
    for point, word in points:
        for asset in assets:
            unusable = unusable or look.latest.unusable(asset, point)
            for reading in look.latest.readings(asset, point):
                known = True
                if reading.value is True:
                    return Watch(title, look.words(word), True, True)
    if unusable:
        return Watch(title, look.words("node.unknown"), False, False)
    return Watch(title, look.words("section.quiet"), False, True) if known else None


def _heard(look: Look, asset: str, points: tuple[tuple[str, str], ...]) -> bool:
    return any(look.latest.readings(asset, point) for point, _ in points)


def read_clocks(look: Look, clocks: Mapping[str, FaultClock]) -> tuple[ClockRow, ...]:
    """Clocks that run or have run out while the fault lasts, the one nearest to its limit first."""
    rows = []
    for clock in clocks.values():
        if clock.state == "stopped" or clock.stopped is not None:
            continue
        elapsed = max(0, look.now - clock.started)
        share = min(999, round(100 * elapsed / clock.limit_ms)) if clock.limit_ms else 100
        breached = clock.state == "breached" or elapsed >= clock.limit_ms
        severity = Severity.CRITICAL if breached or share >= 90 else Severity.WARNING
        text = look.words("clock.of", elapsed=span(elapsed), limit=span(clock.limit_ms))
        rows.append(
            ClockRow(
                clock.id,
                clock.asset,
                look.plan.name_of(clock.asset),
                clock.incident,
                clock.state,
                look.words("clock.breached" if breached else "clock.running"),
                clock.started,
                elapsed,
                clock.limit_ms,
                share,
                breached,
                text,
                severity,
            )
        )
    return tuple(sorted(rows, key=lambda row: (-row.per_cent, row.id)))


def read_tasks(look: Look, tasks: Mapping[str, Task]) -> tuple[TaskRow, ...]:
    """Work that is not done, the most urgent first."""
    rows = [
        TaskRow(
            task.id,
            task.asset,
            look.plan.name_of(task.asset),
            task.title,
            task.state,
            look.words.known(f"task.{task.state}", task.state),
            task.opened,
            task.due,
            task.state == "overdue" or task.due <= look.now,
        )
        for task in tasks.values()
        if task.state != "done"
    ]
    return tuple(sorted(rows, key=lambda row: (row.due, row.id)))


def read_planned(look: Look, records: Mapping[str, Record]) -> tuple[PlannedRow, ...]:
    """Planned work (T18, T25): what runs, then what comes next."""
    rows = [
        PlannedRow(
            row.id,
            row.kind,
            look.words(f"planned.{row.kind}"),
            str(row.data["title"]),
            ", ".join(look.plan.name_of(name) for name in row.data["scope"]),
            row.started <= look.now,
            row.started,
            row.ended if row.ended is not None else row.started,
            row.kind == "drill" or bool(row.data["mute"]),
            bool(row.data.get("late")),
        )
        for row in records.values()
        if row.kind in ("maintenance", "drill") and row.state == "running" and row.started <= look.now + NEAR_MS
    ]
    return tuple(sorted(rows, key=lambda row: (not row.running, row.started, row.id)))


def read_silent(look: Look, devices: Iterable[DeviceStatus]) -> tuple[DeviceRow, ...]:
    """Devices whose last poll failed, the longest silence first."""
    rows = [
        DeviceRow(
            device.asset,
            look.plan.name_of(device.asset),
            look.plan.place_of(device.asset),
            device.last_success,
            device.failures,
            device.back_off_until,
            device.last_error or "",
        )
        for device in devices
        if device.reachable is False
    ]
    return tuple(sorted(rows, key=lambda row: (row.last_success or 0, row.asset)))
