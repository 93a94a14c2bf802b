"""A small journal of October 2026 at the shipped site, for tests of the report."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from pathlib import Path

from dcmon.audit.asof import JournalAt
from dcmon.audit.facts import Facts, gather
from dcmon.config.config import Config
from dcmon.model import (
    Availability,
    Changes,
    FaultClock,
    Incident,
    Interval,
    Notification,
    Record,
    Severity,
    Task,
    Transition,
)
from dcmon.storage.journal import Journal
from dcmon.storage.journal_reads import FILE_NAME
from dcmon.thresholds import Judge

UP, DOWN, UNKNOWN = Availability.UP, Availability.DOWN, Availability.UNKNOWN
MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000


def at(text: str) -> int:
    """ms UTC of a time in Munich's October 2026: `05 14:00:00`."""
    day, _, clock = text.partition(" ")
    return int(dt.datetime.fromisoformat(f"2026-10-{day}T{clock or '00:00:00'}+02:00").timestamp() * 1000)


START = at("01")
END = int(dt.datetime.fromisoformat("2026-11-01T00:00:00+01:00").timestamp() * 1000)
SPAN = (START, END)
MADE = END + 6 * HOUR


def fill(journal: Journal) -> None:
    """A loss of the mains, a fault of an uplink, a delivery, a correction, maintenance, and what nobody described."""
    lost = at("05 14:00:00")
    step = {"id": "genset-a-late",
            "name": {"de": "Generator hat die Last übernommen", "en": "generator has taken the load"}, "after": "start",
            "within_ms": 60_000, "state": "reached", "active": True, "base": lost,
            "at": lost + 12_345, "took_ms": 12_345, "undone": None}  # fmt: skip
    late = {"id": "x", "name": {"de": "Motor steht", "en": "engine has stopped"}, "after": "return",
            "within_ms": 2_700_000, "state": "late", "active": True, "base": lost + 5 * MINUTE,
            "at": lost + 55 * MINUTE, "took_ms": 3_000_000, "undone": None}  # fmt: skip
    run = {"returned": lost + 5 * MINUTE, "steps": [step, late], "extremes": {"ups-a/battery.charge": [91.0, 100.0]},
           "never": [{"id": "gap", "title": "the output of UPS A was dead", "at": None}]}  # fmt: skip
    records = [
        Record("takeover-a@1", "sequence", "genset-a", "takeover-a", "done", "failed", lost, lost + 55 * MINUTE,
               "failed", ("T03", "T04", "T18"), None, run),
        Record("delivery-tank-a@1", "delivery", "tank-a", None, "done", None, at("06 09:30:00"), at("06 09:30:00"),
               "8,000 l", ("T06",), "weber", {"litres": 8000.0, "fuel": "Diesel EN 590", "additives": "", "note": ""}),
        Record("correction-T01@1", "correction", "T01", None, "done", None, at("07 10:00:00"), at("07 10:04:00"),
               "T01 was up, not down: a meter's fault", ("T01",), "weber",
               {"was": "down", "now": "up", "evidence": "ticket 4711", "note": "", "entered": at("08 08:00:00")}),
        Record("maintenance-a@1", "maintenance", "maintenance-a", None, "done", "failed", at("20 22:00:00"),
               at("20 23:00:00"), "late", ("T25",), "weber",
               {"title": "USV A <Lüfter>", "class": "low", "announced": at("10 08:00:00"), "scope": ["ups-a"],
                "mute": True, "exclude": True, "phase": "over"}),
        Record("lesson-i-1@1", "lesson", "i-1", None, "done", None, at("09 10:00:00"), at("09 10:00:00"), "", ("T30",),
               "weber", {"cause": "Sicherung im Umspannwerk", "lessons": "Der Netzbetreiber prüft sie jährlich.",
                         "measures": "", "note": "", "contained_at": lost + MINUTE, "restored_at": lost + HOUR}),
        Record("load-bank-genset-a@1", "load-bank", "genset-a", None, "done", "passed", at("13 08:00:00"),
               at("13 09:10:00"), "full load for 1h", ("T10",), None,
               {"full_load": {"start": at("13 08:05:00"), "end": at("13 09:05:00")}, "highest_percent": 99.0,
                "duration_ms": 70 * MINUTE, "missing_ms": 0, "series": ["genset-a/generator.power"],
                "figures": {"generator.power": {"lowest": 0.0, "mean": 410_000.0, "highest": 498_000.0}}}),
        Record("duty-update-evaluation@1", "duty", "update-evaluation", "update-evaluation", "done", "passed",
               at("14 08:00:00"), at("14 08:00:00"), "", ("T12",), "lang",
               {"asset": None, "note": "Protokoll 14", "file": "", "sha256": ""}),
        Record("chimney@1", "chimney", "genset-a", None, "done", "passed", at("12 08:00:00"), at("12 08:10:00"),
               "the chimney was swept", ("T09",), "lang", {"soot_kg": 3.5, "next_at": at("30 08:00:00")}),
    ]  # fmt: skip
    intervals = [
        Interval("T01", START - DAY, at("07 10:00:00"), UP, "a feed has voltage"),
        Interval("T01", at("07 10:00:00"), at("07 10:10:00"), DOWN, "no voltage on both feeds"),
        Interval("T01", at("07 10:10:00"), None, UP, "a feed has voltage"),
        Interval("T01.mains-route:mains-a", START, lost, UP),
        Interval("T01.mains-route:mains-a", lost, lost + 5 * MINUTE, DOWN, "mains.available is false on mains-a"),
        Interval("T01.mains-route:mains-a", lost + 5 * MINUTE, None, UP),
        Interval("T21.link:uplink-1", START, at("15 12:00:00"), UP),
        Interval("T21.link:uplink-1", at("15 12:00:00"), at("16 12:00:00"), UNKNOWN, "dcmon was not running"),
        Interval("T21.link:uplink-1", at("16 12:00:00"), None, UP),
    ]
    incident = Incident(
        "i-1", "resolved", "mains-a", "Mains route A: mains lost, redundancy lost", Severity.CRITICAL, "power", lost,
        lost + 5_000, ("mains-lost/mains-a",), "mains-lost", True, "weber", lost + 90_000, lost + 6 * MINUTE,
    )  # fmt: skip
    page = Notification("k-1", lost + 5_000, "i-1", "weber", "email", "page", "first", Severity.CRITICAL, "mains lost")
    clock = FaultClock("c-1", "link-down", "uplink-3", "i-2", at("18 01:00:00"), 4 * HOUR, "stopped", (50,),
                       at("18 03:00:00"))  # fmt: skip
    task = Task("t-1", "refuel", "tank-a", "fuel-below-75", "done", "refuel", at("05 15:00:00"), at("07 15:00:00"),
                at("06 09:40:00"), "the level has risen")  # fmt: skip
    told = [
        Transition(
            lost + 5_000, "incident", "i-1", "opened", "mains lost for 5s", "mains-a", "mains-lost", incident="i-1"
        ),
        Transition(lost + 90_000, "incident", "i-1", "acknowledged", "by weber", "mains-a", incident="i-1"),
    ]
    journal.commit(
        Changes(
            told, {}, {incident.id: incident}, {task.id: task}, {clock.id: clock}, intervals, [page], {},
            {row.id: row for row in records},
        )
    )  # fmt: skip
    (claimed,) = journal.claim(lost + 6_000, "test", 60_000, 1)
    journal.mark_sent(claimed.notification.key, lost + 7_000, "250 accepted")


def facts_of(config: Config, folder: Path, made: int = MADE, span: tuple[int, int] = SPAN) -> Facts:
    """What a report of the journal in `folder` says."""
    journal = JournalAt(folder / FILE_NAME, made)
    try:
        facts = gather(config, journal, Judge(config).availability(made), span, made)
    finally:
        journal.close()
    # The digest of the shipped configuration changes with every line of it.
    return replace(facts, config=facts.config.model_copy(update={"digest": "0" * 64}))
