"""The types the rooms hand each other. Standard library only, no behaviour beyond their own shape.

Times are integer milliseconds since the Unix epoch, UTC. Intervals are half-open. Values are in the unit that
the vocabulary (`dcmon/config/vocabulary.yaml`) gives the point: SI, never tenths.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, NamedTuple, TypeAlias

Value: TypeAlias = bool | int | float | str | None
"""What a point can say: a truth, a number, or a word of an enumeration; None when nothing usable was said."""


def number(value: Value) -> float | None:
    """The value as a number; None for words and truths, which have no size."""
    return value if isinstance(value, (int, float)) and not isinstance(value, bool) else None


class DcmonError(Exception):
    """Everything dcmon raises on purpose. The message says what is wrong and what to do."""


class ConfigError(DcmonError):
    """The configuration cannot be used. `problems` holds one printable `FILE:LINE: [id] what. Hint.` per fault."""

    def __init__(self, problems: Iterable[object]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


class CollectError(DcmonError):
    """A device could not be read. `reason` is a short stable word (timeout, refused, decode, auth ...)."""

    def __init__(self, reason: str, detail: str = "") -> None:
        self.reason = reason
        self.detail = detail
        super().__init__(f"{reason}: {detail}" if detail else reason)


class StoreError(DcmonError):
    """The journal or the sample store cannot be used."""


class SendError(DcmonError):
    """A notification was not delivered. `permanent`: the same again cannot help. `unknown`: it may have arrived."""

    def __init__(self, message: str, *, permanent: bool = False, unknown: bool = False) -> None:
        self.permanent = permanent
        self.unknown = unknown
        super().__init__(message)


class Quality(StrEnum):
    """How far a reading can be believed."""

    GOOD = "good"
    UNCERTAIN = "uncertain"
    BAD = "bad"


class Severity(StrEnum):
    """How much harm waits if nobody acts; the order of the members is the order of urgency."""

    INFO = "info"
    WARNING = "warning"
    CRITICAL = "critical"

    @property
    def rank(self) -> int:
        return _SEVERITY_RANK[self]


_SEVERITY_RANK = {severity: rank for rank, severity in enumerate(Severity)}


class AlarmState(StrEnum):
    """ISA-18.2: pending while the on-delay runs; returned when the condition has gone and nobody has acknowledged."""

    NORMAL = "normal"
    PENDING = "pending"
    ACTIVE = "active"
    RETURNED = "returned"


class Availability(StrEnum):
    """What is known of an indicator at an instant."""

    UP = "up"
    DOWN = "down"
    UNKNOWN = "unknown"


class SeriesKey(NamedTuple):
    """One time series: the asset, the canonical point and what tells several of one name apart."""

    asset: str
    point: str
    index: str | None = None  # type: ignore[assignment]  # shadows tuple.index, which nobody needs here

    def __str__(self) -> str:
        return f"{self.asset}/{self.point}" + (f"[{self.index}]" if self.index is not None else "")


class Reading(NamedTuple):
    """One thing one asset said at one time. `reason` tells why the quality is not good."""

    ts: int
    asset: str
    point: str
    index: str | None  # type: ignore[assignment]  # shadows tuple.index, which nobody needs here
    value: Value
    quality: Quality = Quality.GOOD
    reason: str | None = None
    source: str | None = None

    @property
    def key(self) -> SeriesKey:
        return SeriesKey(self.asset, self.point, self.index)


class Transition(NamedTuple):
    """Something changed its state, and why. The journal keeps every one; `dcmon replay` prints them.

    type: alarm, incident, page, task, clock, sequence, record (evidence), indicator (an availability interval),
    control, device, trap, agent, entry (what somebody entered, in his words).
    state: the new state in the words of that type (alarm: AlarmState; incident: opened, joined, raised,
    worsened, remains, rerooted, acknowledged, resolved, reopened, merged; task: opened, overdue, done;
    clock: started, warned, breached, stopped, reopened; agent: started, stopped; trap: received).
    subject: the id of the thing (alarm key, incident id, task id ...).
    """

    ts: int
    type: str
    subject: str
    state: str
    reason: str
    asset: str | None = None
    rule: str | None = None
    severity: Severity | None = None
    incident: str | None = None
    data: Mapping[str, Any] = {}


@dataclass(frozen=True, slots=True)
class Alarm:
    """The present state of one rule on one series or group; a row of the journal, replaced at every change."""

    key: str
    rule: str
    asset: str
    index: str | None
    state: AlarmState
    severity: Severity
    since: int
    """When the present state was entered."""
    started: int | None = None
    """When the condition began, by the best evidence (the device's own time, else the first bad sample)."""
    due: int | None = None
    """When the running on- or off-delay ends."""
    value: Value = None
    reason: str = ""
    incident: str | None = None
    suppressed: str | None = None
    """Why it does not page on its own, e.g. `caused by mains-a`."""
    acked_by: str | None = None
    acked_at: int | None = None
    shelved_until: int | None = None
    shelved_reason: str | None = None
    memory: Mapping[str, Any] = field(default_factory=dict)
    """What the rule kind must remember across a restart (plain JSON)."""


@dataclass(frozen=True, slots=True)
class Incident:
    """Alarms of one cause. state: open, resolved or merged (then `merged_into` names the incident that goes on)."""

    id: str
    state: str
    root: str
    """The asset or group that is believed to be the cause."""
    title: str
    severity: Severity
    cls: str
    started: int
    """When the fault began, by the best evidence."""
    opened: int
    """When dcmon opened the incident."""
    alarms: tuple[str, ...]
    """Keys of all alarms that ever joined, the root's first."""
    rule: str
    """The rule of the root alarm: it holds cause, consequence and response."""
    paging: bool = True
    acked_by: str | None = None
    acked_at: int | None = None
    resolved: int | None = None
    reopened: int = 0
    merged_into: str | None = None


@dataclass(frozen=True, slots=True)
class Task:
    """Work that somebody must do by a time. state: open, overdue or done."""

    id: str
    kind: str
    asset: str
    rule: str
    state: str
    title: str
    opened: int
    due: int
    closed: int | None = None
    reason: str = ""
    memory: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class FaultClock:
    """The time a fault may last (T22). Runs from the fault's start; state: running, stopped or breached."""

    id: str
    rule: str
    asset: str
    incident: str | None
    started: int
    limit_ms: int
    state: str
    warned: tuple[int, ...] = ()
    """Per cent of the limit that were announced."""
    stopped: int | None = None
    """When the fault ended (the instant of return, not the end of the stable time)."""
    stable_since: int | None = None
    reopened: int = 0


@dataclass(frozen=True, slots=True)
class Interval:
    """A stretch of time over which an indicator was UP, DOWN or UNKNOWN; `end` is None while it lasts."""

    indicator: str
    start: int
    end: int | None
    state: Availability
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Record:
    """Evidence for a promise: something that went through its steps or was done, when, and how it came out.

    Sequences, load-bank and battery tests are found in the readings; deliveries, duties, drills, windows of maintenance
    and corrections are entered by people. A running record is replaced until it is done; what is done stays.
    """

    id: str
    kind: str
    """sequence, delivery, ... : who made it, and what `data` holds."""
    subject: str
    """The asset, group, sequence or duty that it is about."""
    rule: str | None
    state: str
    """running, done or void (taken back, with the reason)."""
    verdict: str | None
    """passed, failed or incomplete; None for what cannot fail."""
    started: int
    ended: int | None
    reason: str
    tom: tuple[str, ...] = ()
    by: str | None = None
    """Who entered it; None for what was measured."""
    data: Mapping[str, Any] = field(default_factory=dict)


class UsualHour(NamedTuple):
    """What a series was like at one hour of the week (0 is Monday from 0 to 1 o'clock) in the last weeks.

    Medians and robust spreads in the point's unit, the youngest week first.
    """

    asset: str
    point: str
    index: str | None  # type: ignore[assignment]  # shadows tuple.index, which nobody needs here
    hour: int
    medians: tuple[float, ...]
    spreads: tuple[float, ...]

    @property
    def series(self) -> SeriesKey:
        return SeriesKey(self.asset, self.point, self.index)


@dataclass(frozen=True, slots=True)
class Notification:
    """One message to one person over one channel. `key` makes it idempotent: the same key is never queued twice."""

    key: str
    created: int
    incident: str | None
    """The incident (or, for a task that has none, the task's id) whose messages are one thread."""
    person: str
    channel: str
    kind: str
    """page, update, resolved, task, clock."""
    reason: str
    """The named reason that the pure decision gave: first, severity-raised, escalated, reopened, resolved ..."""
    severity: Severity
    subject: str
    facts: Mapping[str, Any] = field(default_factory=dict)
    """What templates need; plain JSON, no address and no secret."""
    due: int = 0


@dataclass(frozen=True, slots=True)
class Escalation:
    """How far the paging of one incident has come; a row of the journal, removed (state done) when it is over."""

    incident: str
    step: int
    state: str
    """waiting or done."""
    due: int | None
    paged: tuple[str, ...] = ()
    """`person/channel` pairs that were told, so that updates and the resolve message go to the same people."""
    severity: Severity = Severity.INFO


@dataclass(slots=True)
class Changes:
    """What one step of the core decided. Rows replace the rows of the same key, the rest is added.

    One Changes is one transaction of the journal: nothing of it is acted upon before all of it is kept.
    """

    transitions: list[Transition] = field(default_factory=list)
    alarms: dict[str, Alarm] = field(default_factory=dict)
    incidents: dict[str, Incident] = field(default_factory=dict)
    tasks: dict[str, Task] = field(default_factory=dict)
    clocks: dict[str, FaultClock] = field(default_factory=dict)
    intervals: list[Interval] = field(default_factory=list)
    """Opened and closed intervals; (indicator, start) is the key, so closing one replaces it."""
    notifications: list[Notification] = field(default_factory=list)
    escalations: dict[str, Escalation] = field(default_factory=dict)
    records: dict[str, Record] = field(default_factory=dict)
    usual: dict[tuple[SeriesKey, int], UsualHour] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(
            self.transitions
            or self.alarms
            or self.incidents
            or self.tasks
            or self.clocks
            or self.intervals
            or self.notifications
            or self.escalations
            or self.records
            or self.usual
        )

    def extend(self, other: Changes) -> None:
        """Adds what came later; later rows win."""
        self.transitions += other.transitions
        self.alarms |= other.alarms
        self.incidents |= other.incidents
        self.tasks |= other.tasks
        self.clocks |= other.clocks
        self.intervals += other.intervals
        self.notifications += other.notifications
        self.escalations |= other.escalations
        self.records |= other.records
        self.usual |= other.usual


@dataclass(slots=True)
class Snapshot:
    """All rows that the core needs to go on where it was: read from the journal at start."""

    alarms: dict[str, Alarm] = field(default_factory=dict)
    incidents: dict[str, Incident] = field(default_factory=dict)
    """Open ones, and resolved ones young enough to reopen."""
    tasks: dict[str, Task] = field(default_factory=dict)
    clocks: dict[str, FaultClock] = field(default_factory=dict)
    intervals: dict[str, Interval] = field(default_factory=dict)
    """The open interval of each indicator."""
    escalations: dict[str, Escalation] = field(default_factory=dict)
    readings: dict[SeriesKey, Reading] = field(default_factory=dict)
    """The last reading of each series, so that `last seen on battery` survives a restart."""
    alive: int | None = None
    """When the previous process last said that it was running; the time since is UNKNOWN."""
    records: dict[str, Record] = field(default_factory=dict)
    """Those that run, and the newest of each kind and subject."""
    usual: dict[tuple[SeriesKey, int], UsualHour] = field(default_factory=dict)
