"""What a site has stored of its past, as `dcmon replay` takes it: samples, acknowledgements, entries, in order."""

from __future__ import annotations

from collections.abc import Iterator
from heapq import merge
from itertools import groupby
from operator import itemgetter

from dcmon.config.config import Config
from dcmon.config.entries import Drill, EntryError, Maintenance, parse_entry
from dcmon.storage.journal_reads import JournalReader
from dcmon.storage.past import PastSamples
from dcmon.thresholds import Judge
from dcmon.timeline import Ack, Entered, Event

_by_time = itemgetter(0)


def stored_past(
    config: Config, samples: PastSamples, journal: JournalReader, since: int, until: int
) -> Iterator[tuple[int, list[Event]]]:
    """Instants of [since, until) (ms UTC) in order: the samples that `config` judges, and what people did.

    Names are those under which the samples were stored. StoreError when the store cannot be read.
    """
    deeds = sorted([*_acknowledgements(journal, since, until), *_entries(journal, since, until)], key=_by_time)
    events = merge(_readings(config, samples, since, until), deeds, key=_by_time)
    for ts, batch in groupby(events, key=_by_time):
        yield ts, list(batch)


def _readings(config: Config, samples: PastSamples, since: int, until: int) -> Iterator[Event]:
    judge = Judge(config, live=False)
    for window in samples.read(since, until, judge.judges):
        yield from window


def _acknowledgements(journal: JournalReader, since: int, until: int) -> Iterator[Event]:
    for row in journal.transitions(type="incident", since=since, until=until, limit=-1):
        if row.state == "acknowledged" and row.asset is not None:
            yield Ack(row.ts, row.asset, str(row.data.get("by", "")), 0)


def _entries(journal: JournalReader, since: int, until: int) -> Iterator[Event]:
    """What people entered; planned work that was entered earlier and was still ahead, at the beginning."""
    ahead: set[str] = set()
    for row in journal.transitions(type="entry", until=until, limit=-1):
        try:
            entry = parse_entry(row.data["entry"])
        except EntryError:
            continue  # of an earlier version, whose words are not known any more
        if row.ts >= since:
            yield Entered(row.ts, entry, 0)
        elif row.subject in ahead or (isinstance(entry, Maintenance | Drill) and entry.end > since):
            ahead.add(row.subject)
            yield Entered(since, entry.model_copy(update={"at": row.ts if entry.at is None else entry.at}), 0)
