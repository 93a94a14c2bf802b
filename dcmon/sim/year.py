"""A year of the simulated site, as data: two outages, monthly load-bank tests, deliveries, planned work, a drill.

Times are the site's own, so that summer time shows where it should. What must come of it stands in docs/simulator.md.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from dcmon.sim.building import CONTACTS, LEAK_ZONES
from dcmon.sim.scenarios import Event, Scenario

YEAR = 2025
_TEST_MINUTES = 40
_FAILED_TEST = (6, "b")
"""Month and side of the load-bank test in which the bank could not be loaded fully."""


class Deed(NamedTuple):
    """At `at` (ms UTC) a person acknowledges the incident of `asset`, or enters `words`."""

    at: int
    by: str
    asset: str | None = None
    words: dict[str, Any] | None = None


def instant(text: str, zone: ZoneInfo) -> int:
    """ms UTC of a local time such as `2025-03-18T02:41`."""
    return round(dt.datetime.fromisoformat(text).replace(tzinfo=zone).timestamp() * 1000)


def bounds(zone: ZoneInfo) -> tuple[int, int]:
    """[start, end) of the year, ms UTC."""
    return instant(f"{YEAR}-01-01T00:00", zone), instant(f"{YEAR + 1}-01-01T00:00", zone)


def scenario(zone: ZoneInfo) -> Scenario:
    """What happens to the plant."""
    start, end = bounds(zone)
    events = [
        Event(max((instant(at, zone) - start) / 1000, 0), action, args)
        for at, action, args in (*_power(), *_tests(), *_faults(), *_detectors())
    ]
    return Scenario(
        "year",
        "A whole year",
        "Two outages of both mains, in the second of which generator B is late; load-bank tests of both generators"
        " every month, one of which fails; four deliveries of fuel; a late notice of maintenance; a black-building"
        " drill in which an expected alarm does not come. It is computed as fast as the machine can and left in"
        " --data-dir for dcmon slo, promises, register, report and replay.",
        tuple(sorted(events, key=lambda event: event.at_s)),
        duration_s=(end - start) // 1000,
    )


def deeds(zone: ZoneInfo) -> list[Deed]:
    """What people do, in order of time."""
    found = [Deed(instant(at, zone), by, asset) for at, by, asset in _ACKNOWLEDGED]
    found += [
        Deed(instant(at, zone), by, words={"by": by, **_zoned(words, zone)})
        for at, by, words in (*_duties(), *_windows(), _DRILL)
    ]
    return sorted(found, key=lambda deed: deed.at)


Said = tuple[str, str, dict[str, Any]]
"""Local time, action or person, arguments or words."""

_OUTAGES = (("2025-03-18T02:41", "2025-03-18T05:53"), ("2025-09-09T15:27", "2025-09-09T20:05"))
_DRILL_CUT = ("2025-11-08T09:30", "2025-11-08T10:15")


def _power() -> Iterator[Said]:
    yield f"{YEAR}-01-01T00:00", "tank-level", {"side": "a", "percent": 80}
    yield f"{YEAR}-01-01T00:00", "tank-level", {"side": "b", "percent": 82}
    for lost, back in (*_OUTAGES, _DRILL_CUT):
        for at, available in ((lost, False), (back, True)):
            for side in "ab":
                yield at, "mains", {"side": side, "available": available}
    yield _OUTAGES[1][0], "bad-starts", {"side": "b", "attempts": 3}
    yield _OUTAGES[1][1], "reset-genset", {"side": "b"}


def _test_days() -> Iterator[tuple[int, dt.date]]:
    """The second Tuesday of each month."""
    for month in range(1, 13):
        first = dt.date(YEAR, month, 1)
        yield month, first + dt.timedelta((1 - first.weekday()) % 7 + 7)


def _tests() -> Iterator[Said]:
    for month, day in _test_days():
        for side, hour in (("a", 9), ("b", 11)):
            share = 0.6 if (month, side) == _FAILED_TEST else 1.0
            yield f"{day}T{hour:02}:00", "load-bank", {"side": side, "on": True, "share": share}
            yield f"{day}T{hour:02}:{_TEST_MINUTES}", "load-bank", {"side": side, "on": False}


def _faults() -> Iterator[Said]:
    """What a year brings besides: three uplinks, one of them for too long, a cooling unit, water, a mute card."""
    for link, cut, spliced in (
        ("uplink-3", "2025-05-12T04:10", "2025-05-12T06:22"),
        ("uplink-5", "2025-08-03T13:30", "2025-08-03T18:11"),
        ("uplink-1", "2025-10-20T22:05", "2025-10-20T22:31"),
    ):
        yield cut, "uplink", {"link": link, "cut": True}
        yield spliced, "uplink", {"link": link, "cut": False}
    for at, failed in (("2025-06-25T16:20", True), ("2025-06-26T07:15", False)):
        yield at, "cooling-unit", {"unit": "cooling-3", "failed": failed}
    for at, wet in (("2025-04-22T03:12", True), ("2025-04-22T04:40", False)):
        yield at, "water", {"unit": "leak-1", "wet": wet}
    for asset, mute, back in (
        ("ups-a", "2025-02-19T09:00", "2025-02-19T09:40"),
        ("router-1", "2025-07-14T22:15", "2025-07-14T22:40"),
        ("pdu-b1", "2025-12-12T11:02", "2025-12-12T11:50"),
    ):
        yield mute, "silence", {"asset": asset, "silent": True}
        yield back, "silence", {"asset": asset, "silent": False}


def _detectors() -> Iterator[Said]:
    """The yearly test: each contact and each leak sensor for a minute, one after the other."""
    meanings = [contact.meaning for contacts in CONTACTS.values() for contact in contacts]
    moment = dt.datetime(YEAR, 10, 14, 8, 5)  # noqa: DTZ001  # local; `instant` knows the zone
    for meaning in meanings:
        yield f"{moment:%Y-%m-%dT%H:%M}", "contact", {"meaning": meaning, "active": True}
        moment += dt.timedelta(minutes=1)
        yield f"{moment:%Y-%m-%dT%H:%M}", "contact", {"meaning": meaning, "active": False}
        moment += dt.timedelta(minutes=1)
    for unit in LEAK_ZONES:
        yield f"{moment:%Y-%m-%dT%H:%M}", "water", {"unit": unit, "wet": True}
        moment += dt.timedelta(minutes=1)
        yield f"{moment:%Y-%m-%dT%H:%M}", "water", {"unit": unit, "wet": False}
        moment += dt.timedelta(minutes=1)


_ACKNOWLEDGED = (
    ("2025-03-18T02:45", "weber", "mains"),
    ("2025-04-22T03:16", "yilmaz", "leak-1"),
    ("2025-05-12T04:14", "novak", "uplink-3"),
    ("2025-06-25T16:31", "yilmaz", "cooling-3"),
    ("2025-07-01T08:30", "weber", "genset-b"),
    ("2025-07-04T16:50", "novak", "router-1"),
    ("2025-08-03T13:52", "huber", "uplink-5"),
    ("2025-09-09T15:30", "lang", "mains"),
    ("2025-10-20T22:09", "novak", "uplink-1"),
    ("2025-11-08T09:52", "lead", "cooling-9"),
    ("2025-12-12T11:08", "control", "pdu-b1"),
)


_UNANSWERED_PAGE = 4
"""In this month nobody answers the test page; the next one is."""


def _duties() -> Iterator[Said]:
    """What the register wants entered; the emergency test of storage is forgotten."""
    for quarter in (2, 5, 8, 11):
        day = f"{YEAR}-{quarter:02}-20T15:00"
        yield day, "weber", _duty("ups-battery-test", "discharged to 60 % at present load, protocol in the archive")
        yield day, "yilmaz", _duty("cooling-function-test", "each unit switched over and back by the guideline")
        yield day, "lead", _duty("update-evaluation", "what the makers published was looked through")
    for month in range(1, 13):
        yield f"{YEAR}-{month:02}-25T10:00", "lead", _duty("security-updates", "installed after a day on the test host")
        person = ("weber", "lang", "yilmaz", "novak", "huber", "lead")[month % 6]
        yield f"{YEAR}-{month:02}-25T10:05", "control", {"kind": "page-test", "person": person, "channel": "email"}
        if month != _UNANSWERED_PAGE:
            yield f"{YEAR}-{month:02}-25T10:09", person, {"kind": "page-answer"}
    for month in (4, 10):
        yield f"{YEAR}-{month:02}-08T14:00", "lang", _duty("switchgear-test", "both switches by hand and automatic")
    yield f"{YEAR}-05-06T14:00", "weber", _duty("electrical-inspection", "protocol of the inspector, without defects")
    yield f"{YEAR}-06-11T14:00", "novak", _duty("emergency-test-internet", "router 1 off, traffic by router 2")
    yield f"{YEAR}-09-23T14:00", "lead", _duty("emergency-test-servers", "restart of the core by the emergency plan")


def _duty(duty: str, note: str) -> dict[str, Any]:
    return {"kind": "duty", "duty": duty, "note": note}


def _windows() -> Iterator[Said]:
    """Maintenance: of the tests, of UPS A in good time, of router 1 ten days before."""
    for _, day in _test_days():
        announced = day - dt.timedelta(14)
        yield f"{max(announced, dt.date(YEAR, 1, 2))}T10:00", "weber", {
            "kind": "maintenance", "title": "Load-bank tests", "class": "no", "scope": "genset-a,genset-b",
            "start": f"{day}T08:45", "end": f"{day}T12:15", "mute": True,
        }  # fmt: skip
    yield f"{YEAR}-01-15T11:00", "weber", {
        "kind": "maintenance", "title": "UPS A: new network card", "class": "low", "scope": "ups-a",
        "start": f"{YEAR}-02-19T08:00", "end": f"{YEAR}-02-19T12:00", "mute": True, "exclude": True,
    }  # fmt: skip
    yield f"{YEAR}-07-04T16:30", "novak", {
        "kind": "maintenance", "title": "Router 1: new software", "class": "low", "scope": "router-1",
        "start": f"{YEAR}-07-14T22:00", "end": f"{YEAR}-07-14T23:30", "mute": True, "exclude": True, "with_fed": True,
    }  # fmt: skip
    panels = dict.fromkeys(contact.asset for contacts in CONTACTS.values() for contact in contacts)
    yield f"{YEAR}-09-10T09:00", "control", {
        "kind": "maintenance", "title": "Yearly test of all detectors", "class": "no",
        "scope": ",".join([*panels, *CONTACTS, *LEAK_ZONES]),
        "start": f"{YEAR}-10-14T08:00", "end": f"{YEAR}-10-14T10:00", "mute": True,
    }  # fmt: skip


_DRILL: Said = (
    f"{YEAR}-10-01T10:00",
    "lead",
    {
        "kind": "drill",
        "title": "Black building",
        "start": f"{YEAR}-11-08T09:00",
        "end": f"{YEAR}-11-08T12:00",
        "expected": [
            *("mains-lost/mains-a", "mains-lost/mains-b", "mains-outage/mains"),
            *(f"ups-on-battery/ups-{side}" for side in "ab"),
            {"alarm": "device-silent/cooling-9", "within": "10m", "after": "takeover-a"},
        ],
    },
)
"""The break is too short for the unit's card to fall silent: this alarm is missing, and says so."""


def _zoned(words: dict[str, Any], zone: ZoneInfo) -> dict[str, Any]:
    local = {name: dt.datetime.fromisoformat(words[name]) for name in ("start", "end") if name in words}
    return words | {name: moment.replace(tzinfo=zone).isoformat() for name, moment in local.items()}
