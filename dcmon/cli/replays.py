"""`dcmon replay`: what dcmon would decide, or would have decided."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table

from dcmon.cli.common import (
    ConfigOption,
    JsonOption,
    checked,
    counted,
    err,
    find_config,
    opened_journal,
    out,
    parse_time,
    print_json,
    table_row,
    telling_errors,
)
from dcmon.clock import SystemClock
from dcmon.config.base import parse_duration
from dcmon.instants import iso_utc
from dcmon.model import DcmonError

if TYPE_CHECKING:
    from dcmon.comparison import Comparison
    from dcmon.config.config import Config
    from dcmon.timeline import Problem

Decisions = Callable[["Config"], Iterator[dict[str, Any]]]
"""What a configuration makes of one and the same past."""


def replay(
    samples: Annotated[
        str | None, typer.Argument(help="file of samples, one JSON object a line; - reads standard input")
    ] = None,
    config: ConfigOption = None,
    since: Annotated[
        str | None, typer.Option("--since", help="instead of a file: the site's own past, since a time or 30d ago")
    ] = None,
    until: Annotated[str | None, typer.Option("--until", help="end of that past, ISO 8601; else now")] = None,
    against: Annotated[
        Path | None, typer.Option("--against", help="a second configuration: whose pages differ, and how")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Judges stored or given samples: which alarms, incidents, tasks and pages follow from them, in time order."""
    with telling_errors():
        if (samples is None) == (since is None):
            raise DcmonError("name a file of samples, or the site's own past with --since 30d")
        loaded = checked(find_config(config))[0].config
        other = None if against is None else checked(against)[0].config
        bad = _Faults()
        with ExitStack() as stack:
            if since is not None:
                decide = stack.enter_context(_own_past(loaded, *_span(since, until)))
            else:
                decide = stack.enter_context(_given(str(samples), bad, twice=other is not None))
            if other is not None:
                _show_comparison(_compared(decide, loaded, other), as_json)
            else:
                for decision in decide(loaded):
                    _print_decision(decision, as_json)
        for problem in bad.shown.values():
            err.print(f"{samples}: {problem}", markup=False)
        if bad.count:
            raise DcmonError(f"{bad.count} lines of {samples} were left out; the first are above")


def _span(since: str, until: str | None) -> tuple[int, int]:
    now = SystemClock().now()
    end = now if until is None else min(now, parse_time(until))
    try:
        start = end - parse_duration(since)
    except ValueError:
        start = parse_time(since)
    if start >= end:
        raise DcmonError("the past ends before it starts")
    return start, end


@contextmanager
def _own_past(config: Config, since: int, until: int) -> Iterator[Decisions]:
    from dcmon.notify.escalation import Pager
    from dcmon.past import stored_past
    from dcmon.replay import replay_past
    from dcmon.storage.past import PastSamples

    with closing(PastSamples(config.agent.data_dir)) as samples, opened_journal(config) as journal:
        yield lambda judged: replay_past(
            judged, stored_past(judged, samples, journal, since, until), Pager(judged)
        )  # fmt: skip


@contextmanager
def _given(name: str, bad: _Faults, *, twice: bool) -> Iterator[Decisions]:
    from dcmon.notify.escalation import Pager
    from dcmon.replay import replay as judge_samples

    with _lines(name) as lines:
        again = list(lines) if twice else lines
        yield lambda judged: judge_samples(judged, again, Pager(judged), bad.add)


def _compared(decide: Decisions, old: Config, new: Config) -> Comparison:
    from dcmon.comparison import Pages, compare

    sides = []
    for config in (old, new):
        pages = Pages()
        for decision in decide(config):
            pages.add(decision)
        sides.append(pages.threads.values())
    return compare(*sides)


def _show_comparison(found: Comparison, as_json: bool) -> None:
    if as_json:
        print_json(found.as_dict())
        return
    table = Table("first told", "of", "change", "difference")
    for one in found.differences:
        thread = one.thread
        of = f"{thread.rule} {thread.asset}"
        table.add_row(*table_row(iso_utc(thread.at)[:19] + "Z", of, one.change, "; ".join(one.what)))
    if found.differences:
        out.print(table)
    out.print(f"told otherwise: {counted(len(found.differences), 'incident')}; alike: {found.alike}")


_MOST_SHOWN = 20


class _Faults:
    """Lines that were left out: all counted, the first of each kind shown."""

    def __init__(self) -> None:
        self.count = 0
        self.shown: dict[str, Problem] = {}

    def add(self, problem: Problem) -> None:
        self.count += problem.left_out
        if len(self.shown) < _MOST_SHOWN:
            self.shown.setdefault(problem.message, problem)


@contextmanager
def _lines(name: str) -> Iterator[Iterable[str]]:
    if name == "-":
        if isinstance(sys.stdin, io.TextIOWrapper):
            sys.stdin.reconfigure(encoding="utf-8", errors="replace")
        yield sys.stdin
        return
    with ExitStack() as stack:
        try:
            file = stack.enter_context(Path(name).open(encoding="utf-8", errors="replace"))
        except OSError as error:
            raise DcmonError(f"{name}: {error.strerror}") from None
        yield file


def _print_decision(decision: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print_json(decision)
        return
    who = f" -> {decision['person']} ({decision['channel']})" if "person" in decision else ""
    head = f"{decision['ts']}  {decision['type']} {decision.get('state') or ''}"
    out.print(f"{head:<46} {decision.get('asset') or ''}{who}: {decision.get('reason') or ''}", markup=False)
