"""What people read, in both languages. The file name is the occasion; `--update-golden` writes what the code says."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from notify_world import (
    MINUTE,
    PEOPLE,
    T0,
    alarm,
    clock_happened,
    config,
    fault_clock,
    happened,
    incident,
    task,
    task_happened,
)

from dcmon.config.entries import parse_entry
from dcmon.instants import iso_utc
from dcmon.model import AlarmState, Changes, Incident, Notification, Reading, Severity, Transition
from dcmon.notify.escalation import Pager
from dcmon.notify.parcels import bundle, fold
from dcmon.notify.text import render
from dcmon.thresholds import Judge

DAY = 1440 * MINUTE
FOLDER = Path(__file__).parent / "notify"
ROOT = alarm(incident="i1")
OTHERS = (
    alarm("mains-a", "mains-lost", incident="i1", severity=Severity.CRITICAL, started=T0 - 10_000),
    alarm("ups-b", incident="i1", index="2", state=AlarmState.RETURNED),
)
OUTAGE = incident(severity=Severity.CRITICAL, alarms=(ROOT.key, *(row.key for row in OTHERS), "one", "two"))
UPLINK = incident(cls="network", root="uplink-1", rule="uplink-down", title="Uplink 1: link down", alarms=())


def opened(row: Incident = OUTAGE, people: dict[str, object] | None = None) -> tuple[Pager, list[Notification]]:
    pager = Pager(config(people, {"web": {"url": "https://noc.example.org"}}))
    return pager, pager.step(happened(T0, "opened", row, ROOT, *OTHERS), T0).notifications


def resolved(pager: Pager) -> list[Notification]:
    row = replace(OUTAGE, state="resolved", resolved=T0 + 95 * MINUTE, acked_by="Anna Weber")
    told = pager.step(happened(T0 + 96 * MINUTE, "resolved", row), T0 + 96 * MINUTE).notifications
    return [message for message in told if message.kind == "resolved"]


def page_first() -> Notification:
    return opened()[1][0]


def page_escalated() -> Notification:
    return opened()[0].step(Changes(), T0 + 5 * MINUTE).notifications[0]


def page_severity_raised() -> Notification:
    pager, _ = opened(incident(alarms=(ROOT.key,)))
    changes = happened(T0 + MINUTE, "raised", OUTAGE)
    changes.transitions[0] = changes.transitions[0]._replace(reason="now critical: Mains route A: mains lost for 5s")
    return pager.step(changes, T0 + MINUTE).notifications[0]


def page_roster_empty() -> Notification:
    return opened(people={"rosters": [{"id": "energy", "name": "Energy"}]})[1][0]


def page_last_resort() -> Notification:
    people = {
        "rosters": [{"id": "energy", "name": "Energy", "shifts": [{"person": "anna", "days": ["sun"]}]}],
        "routes": [{"id": "all", "to": [{"roster": "energy"}]}],
    }
    return opened(people=people)[1][0]


def page_unreached() -> Notification:
    pager, (page,) = opened()
    data = {"person": "anna", "channel": "email", "kind": "page", "fallback": None}
    failed = Transition(T0 + 1, "page", page.key, "failed", "550", incident="i1", data=data)
    return pager.step(Changes(transitions=[failed]), T0 + 1).notifications[0]


def over() -> Notification:
    return resolved(opened()[0])[0]


def over_with_the_page_that_never_went() -> Notification:
    pager, pages = opened()
    return fold([*pages, *(row for row in resolved(pager) if row.person == "anna")])[0].notification


def task_opened() -> Notification:
    return Pager(config()).step(task_happened(T0, "opened", task()), T0).notifications[0]


def task_overdue() -> Notification:
    at = T0 + 48 * 60 * MINUTE
    return Pager(config()).step(task_happened(at, "overdue", task(state="overdue")), at).notifications[0]


def task_done() -> Notification:
    pager = Pager(config())
    pager.step(task_happened(T0, "opened", task()), T0)
    at = T0 + 300 * MINUTE
    done = task(state="done", closed=at, reason="fuel.level rose from 71 to 98 %")
    return pager.step(task_happened(at, "done", done), at).notifications[0]


SUPPLIER = {"id": "oil", "name": "Oil Ltd", "email": "orders@example.org", "role": "supplier"}


def ordered(happens: str, **changes: object) -> Notification:
    pager = Pager(config({"people": [*PEOPLE["people"], SUPPLIER]}))
    told = pager.step(task_happened(T0, happens, task(**changes)), T0).notifications
    return next(message for message in told if message.kind == "order")


def order() -> Notification:
    return ordered("opened", memory={"room_l": 4680.0})


def order_overdue() -> Notification:
    return ordered("overdue", state="overdue", memory={"room_l": None})


def clock_warning() -> Notification:
    at = T0 + 180 * MINUTE
    return Pager(config()).step(clock_happened(at, "warned", fault_clock(incident=None), 75), at).notifications[0]


def clock_breach() -> Notification:
    pager = Pager(config())
    pager.step(happened(T0, "opened", UPLINK), T0)
    at = T0 + 240 * MINUTE
    changes = clock_happened(at, "breached", fault_clock(state="breached"), 100)
    changes.incidents["i1"] = replace(UPLINK, acked_by="Petra Novak")
    return next(message for message in pager.step(changes, at).notifications if message.kind == "clock")


def storm() -> Notification:
    return bundle(fold([page_first(), task_opened(), replace(over(), incident="i2")])).notification


def planned(kind: str, now: int = T0, **words: object) -> tuple[Judge, list[Notification]]:
    """What somebody enters two days before it begins; the engine makes the record, the Pager tells of it."""
    site = config()
    judge = Judge(site, now=now)
    times = {"start": iso_utc(T0 + 2 * DAY), "end": iso_utc(T0 + 2 * DAY + 8 * 60 * MINUTE)}
    entry = parse_entry({"kind": kind, "by": "Anna", **times, **words})
    return judge, Pager(site).step(judge.enter(entry, now)[1], now).notifications


def later(judge: Judge, at: int, *readings: Reading) -> list[Notification]:
    return Pager(config()).step(judge.step(readings, at), at).notifications


WORK: dict[str, object] = {
    "title": "UPS A: batteries", "class": "low", "scope": "ups-a", "mute": True, "exclude": True, "with_fed": True,
    "contact": "Huber, +49 89 555", "text": "All battery blocks of UPS A are replaced.\nThe load stays on UPS B.",
}  # fmt: skip
TEST: dict[str, object] = {"title": "Black building", "expected": ["mains-lost/mains-a", "ups-on-battery"]}


def maintenance_announced() -> Notification:
    return planned("maintenance", T0 - 30 * DAY, **WORK)[1][0]


def maintenance_late() -> Notification:
    return planned("maintenance", **WORK)[1][0]


def maintenance_ahead() -> Notification:
    judge, _ = planned("maintenance", **WORK)
    return later(judge, T0 + DAY)[0]


def maintenance_cancelled() -> Notification:
    judge, _ = planned("maintenance", **WORK)
    (window,) = judge.records.values()
    entry = parse_entry({"kind": "cancel", "by": "Anna", "record": window.id, "reason": "the parts did not come"})
    return Pager(config()).step(judge.enter(entry, T0 + MINUTE)[1], T0 + MINUTE).notifications[0]


def maintenance_overrun() -> Notification:
    judge, _ = planned("maintenance", **WORK)
    at = T0 + 2 * DAY + 60 * MINUTE
    later(judge, at, Reading(at, "ups-a", "ups.on_battery", None, True))
    later(judge, at + MINUTE, Reading(at + MINUTE, "ups-a", "ups.on_battery", None, True))
    told = later(judge, T0 + 2 * DAY + 8 * 60 * MINUTE)
    return next(message for message in told if message.kind == "maintenance")


def drill_announced() -> Notification:
    return planned("drill", **TEST)[1][0]


def drill_failed() -> Notification:
    judge, _ = planned("drill", **TEST)
    at = T0 + 2 * DAY + 60 * MINUTE
    later(judge, at, Reading(at, "ups-a", "ups.on_battery", None, True))
    told = later(judge, T0 + 2 * DAY + 8 * 60 * MINUTE)
    return next(message for message in told if message.kind == "maintenance")


OCCASIONS: dict[str, Callable[[], Notification]] = {
    make.__name__.replace("_", "-"): make
    for make in (
        page_first, page_escalated, page_severity_raised, page_roster_empty, page_last_resort, page_unreached, over,
        over_with_the_page_that_never_went, task_opened, task_overdue, task_done, order, order_overdue,
        clock_warning, clock_breach, storm,
        maintenance_announced, maintenance_late, maintenance_ahead, maintenance_cancelled, maintenance_overrun,
        drill_announced, drill_failed,
    )
}  # fmt: skip


@pytest.mark.parametrize("language", ["de", "en"])
@pytest.mark.parametrize("occasion", OCCASIONS)
def test_the_message_reads_as_it_did(occasion: str, language: str, update_golden: bool) -> None:
    text = render(OCCASIONS[occasion](), language)
    said = f"{text.subject}\n\n{text.body}"
    file = FOLDER / f"{occasion}.{language}.txt"
    if update_golden:
        file.write_text(said, encoding="utf-8")
    assert said == file.read_text(encoding="utf-8")


def test_every_golden_text_belongs_to_an_occasion(update_golden: bool) -> None:
    if update_golden:
        pytest.skip("they are being written")
    wanted = {f"{occasion}.{language}.txt" for occasion in OCCASIONS for language in ("de", "en")}
    assert {file.name for file in FOLDER.iterdir()} == wanted
