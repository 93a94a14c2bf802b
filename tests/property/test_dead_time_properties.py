"""What holds of every figure when dcmon was dead for some time and goes on from its journal on disk."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

from engine_timelines import CONFIG, Event, timelines
from engine_world import T0, World, at, read
from hypothesis import given, settings
from hypothesis import strategies as st

from dcmon.config.entries import parse_entry
from dcmon.instants import iso_utc
from dcmon.model import Availability, Interval, Reading
from dcmon.promises import Figure, figures
from dcmon.storage.journal import Journal
from dcmon.thresholds import Judge

LATER = 90_000
"""Seconds after the last reading until which a timeline is followed."""
SHARES = ("up", "down", "unknown", "excluded")


def survived(folder: Path, events: list[Event], place: int, dead: int) -> tuple[Journal, World, int]:
    """A journal over a timeline in whose midst dcmon died for `dead` seconds; when it ends, ms UTC."""
    journal, world = Journal(folder), World(CONFIG, live=True)
    batches: dict[int, list[Reading]] = {
        0: [read(0, f"{device}/device.reachable", True) for device in CONFIG.collectors.devices]
    }
    place = min(place, len(events) - 1)
    died = events[place][0] + 1
    for number, (second, series, value) in enumerate(events):
        heard = second + 1 + (dead if number > place else 0)
        batches.setdefault(heard, []).append(read(heard, series, value))
    for second, batch in batches.items():
        journal.commit(world.step(batch, at(second)))
        if second == died:
            journal.alive(at(died))
            journal.save_readings(world.latest.values())
            journal.close()
            journal = Journal(folder)
            world.judge = Judge(CONFIG, journal.load_snapshot(at(died + dead)), at(died + dead), live=True)
            journal.commit(world.wait(died + dead))
    end = events[-1][0] + dead + LATER
    journal.commit(world.wait(end))
    journal.alive(at(end))
    return journal, world, at(end)


def correct(journal: Journal, world: World, row: Interval, end: int) -> None:
    """Somebody corrects what was recorded of an interval."""
    now = "down" if row.state is Availability.UP else "up"
    words = {"kind": "correction", "by": "Anna", "indicator": row.indicator, "was": row.state.value, "now": now,
             "start": iso_utc(row.start), "end": iso_utc(row.end or end), "reason": "x", "evidence": "y"}  # fmt: skip
    journal.commit(world.judge.enter(parse_entry(words), end)[1])


def shares(figure: Figure) -> list[int]:
    return [getattr(figure.measure, name) for name in SHARES]


BORDERS = st.tuples(*[st.integers(0, 120_000)] * 3)


@given(timelines(), st.integers(0, 24), st.integers(1, 20_000), BORDERS, st.integers(0, 50))
@settings(max_examples=12, deadline=None)
def test_figures_of_a_time_in_which_dcmon_was_dead_are_whole_and_add_up_and_nothing_is_known_of_it(
    events: list[Event], place: int, dead: int, borders: tuple[int, ...], which: int
) -> None:
    with TemporaryDirectory() as folder:
        journal, world, end = survived(Path(folder), events, place, dead)
        died = at(events[min(place, len(events) - 1)][0] + 1)
        rows = journal.intervals(None, T0, end)
        for row in rows:
            touched = row.start < died + dead * 1000 and (row.end or end) > died
            assert row.state is Availability.UNKNOWN or not touched, row
        correctable = [row for row in rows if (row.end or end) - row.start >= 1000]
        if correctable:
            correct(journal, world, correctable[which % len(correctable)], end)
        a, b, c = (min(at(border), end) for border in sorted(borders))
        views = world.judge.availability(end)
        first, second, both = (figures(CONFIG, journal, views, end, span) for span in ((a, b), (b, c), (a, c)))
        journal.close()
    for one, other, whole in zip(first, second, both, strict=True):
        for figure in (one, other, whole):
            assert sum(shares(figure)) == figure.measure.end - figure.measure.start
            assert min(shares(figure)) >= 0
        rounded = 2 if whole.view.control in ("T21.weighted", "T27") else 0
        added = [left + right for left, right in zip(shares(one), shares(other), strict=True)]
        near = [abs(made - share) <= rounded for made, share in zip(added, shares(whole), strict=True)]
        assert all(near), (whole.view.id, added, shares(whole))
