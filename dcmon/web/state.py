"""What the web room needs from the running dcmon. `app.py` hands over one object that fits `SiteState`.

Everything but `History` is answered from memory and must be cheap: the page asks up to twice a second. `History` reads
the disk and is therefore awaited. Times are int ms UTC.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol, TypedDict

from dcmon.clock import Clock
from dcmon.config.config import Config
from dcmon.config.entries import Entry
from dcmon.model import (
    Alarm,
    Availability,
    FaultClock,
    Incident,
    Quality,
    Reading,
    Record,
    SeriesKey,
    Task,
    Transition,
    Value,
)


class DeviceStatus(Protocol):
    """How the polling of one device goes."""

    @property
    def asset(self) -> str: ...
    @property
    def reachable(self) -> bool | None:
        """None until the first poll has ended."""

    @property
    def last_success(self) -> int | None: ...
    @property
    def failures(self) -> int:
        """Polls failed since the last success."""

    @property
    def back_off_until(self) -> int | None: ...
    @property
    def last_error(self) -> str | None: ...


class Indicator(Protocol):
    """What is known of one availability indicator now.

    `title_de`, `title_en` and `subject` (the asset or group that it is about) are used where an indicator has them.
    """

    @property
    def id(self) -> str: ...
    @property
    def title(self) -> str: ...
    @property
    def state(self) -> Availability: ...
    @property
    def since(self) -> int | None: ...
    @property
    def contract(self) -> bool:
        """The agreement counts this figure: DOWN is an outage of the site, not only a loss of redundancy."""


class SloRow(TypedDict, total=False):
    """One figure of the agreement over one period. Further keys pass through to /api/v1/slo untouched."""

    id: str
    tom: str
    title: str
    title_de: str
    subject: str
    """The asset or group that the figure is about; empty for the site as a whole."""
    window: str
    target: float
    """Per cent, like `measured`, `worst` and `coverage`."""
    measured: float | None
    worst: float | None
    coverage: float | None
    verdict: str
    """met, breached or unproven."""


class Duty(TypedDict, total=False):
    """Who is on duty of one roster. Names only: addresses never reach the page or the API."""

    roster: str
    name: str
    people: Sequence[Mapping[str, str]]
    """`id` and `name` of each."""
    until: int | None


class Delivery(NamedTuple):
    """One attempt to tell one person."""

    ts: int
    person: str
    channel: str
    kind: str
    result: str
    """sent, failed or unknown."""
    detail: str = ""


class Sample(NamedTuple):
    """One stored value of a series."""

    ts: int
    value: Value
    quality: Quality = Quality.GOOD


class History(Protocol):
    """The journal and the sample store, read only."""

    async def transitions(
        self, *, incident: str | None = None, kind: str | None = None, since: int | None = None, limit: int = 500
    ) -> Sequence[Transition]:
        """The newest `limit` that fit, in any order. `kind`: Transition.type."""

    async def incidents(self, *, state: str | None = None, limit: int = 100) -> Sequence[Incident]:
        """The newest `limit`."""

    async def incident(self, incident_id: str) -> Incident | None: ...

    async def records(self, *, kind: str | None, subject: str | None, limit: int) -> Sequence[Record]:
        """The newest `limit` that fit, newest first."""

    async def deliveries(self, incident_id: str) -> Sequence[Delivery]: ...

    async def samples(self, key: SeriesKey, start: int, end: int) -> Sequence[Sample]:
        """In time order."""


class Promises(Protocol):
    """What the agreement is measured by, and who answers for it now."""

    def indicators(self) -> Sequence[Indicator]: ...

    def slo(self) -> Sequence[SloRow]: ...

    def fixed(self) -> Sequence[Mapping[str, Any]]:
        """How fast faults were fixed (T22), per control, this month and this year."""

    def on_duty(self) -> Sequence[Duty]: ...


class SiteState(Promises, Protocol):
    """All that the page, the API, /healthz and /metrics show.

    `counters` and `gauges` are keyed by the names in `dcmon.web.metrics.COUNTERS` and `GAUGES`; a figure with a label
    is keyed `name:label`, for example `poll_errors:timeout`, and `name:label:label` one with several. Other keys are
    left out.
    """

    @property
    def config(self) -> Config: ...
    @property
    def clock(self) -> Clock: ...
    @property
    def latest(self) -> Mapping[SeriesKey, Reading]: ...
    @property
    def alarms(self) -> Mapping[str, Alarm]: ...
    @property
    def incidents(self) -> Mapping[str, Incident]: ...
    @property
    def tasks(self) -> Mapping[str, Task]: ...
    @property
    def clocks(self) -> Mapping[str, FaultClock]: ...
    @property
    def records(self) -> Mapping[str, Record]: ...
    @property
    def counters(self) -> Mapping[str, float]: ...
    @property
    def gauges(self) -> Mapping[str, float]: ...
    @property
    def history(self) -> History: ...
    @property
    def started(self) -> int:
        """When this process began to watch."""

    @property
    def last_poll(self) -> int | None:
        """When any poll last ended, answered or not."""

    @property
    def journal_error(self) -> str | None:
        """Why the last commit failed; None while the journal takes rows."""

    def unit_of(self, key: SeriesKey) -> str | None:
        """The unit of a series: the vocabulary's, or the profile's for a point of its own."""

    def devices(self) -> Sequence[DeviceStatus]: ...

    async def acknowledge(self, incident_id: str, by: str) -> None:
        """Commits the acknowledgement. KeyError when no such incident is known."""

    async def enter(self, entry: Entry) -> Record:
        """Commits what somebody says was done. EntryError when it does not fit the site or the time."""

    @property
    def push_backup(self) -> Callable[[str, str, Mapping[str, Any]], Awaitable[bool]]:
        """Keeps the report that a backup job pushes with its token; False when job or token are not known.

        DcmonError when the report cannot be used.
        """

    def subscribe(self) -> AsyncIterator[int]:
        """A new number whenever something changed; bursts may be folded into one."""


def describe(row: Mapping[str, Any], key: str, default: str = "") -> str:
    """A text of a row that another room made, whatever its type."""
    value = row.get(key)
    return default if value is None else str(value)
