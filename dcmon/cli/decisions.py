"""Commands that show what dcmon decided."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich import box
from rich.table import Column, Table

from dcmon.cli.common import (
    ConfigOption,
    JsonOption,
    check_begun,
    checked,
    find_config,
    opened_journal,
    out,
    parse_time,
    print_json,
    table_row,
    telling_errors,
)
from dcmon.clock import SystemClock
from dcmon.instants import iso_utc
from dcmon.model import DcmonError

if TYPE_CHECKING:
    from dcmon.promises import Figure, FixTimes

_WIDE = 140
"""Columns of a terminal that has room for the figures beside titles; a figure that is cut off is worse than none."""


def slo(
    config: ConfigOption = None,
    since: Annotated[str | None, typer.Option("--from", help="start of the period, ISO 8601; else each window")] = None,
    until: Annotated[str | None, typer.Option("--to", help="end of the period, ISO 8601; else now")] = None,
    every: Annotated[
        bool, typer.Option("--windows", help="month, year, the last 365 days and since commissioning, for each")
    ] = False,
    show_outages: Annotated[bool, typer.Option("--outages", help="every outage with its reason")] = False,
    as_json: JsonOption = False,
) -> None:
    """The availability figures of the agreement, from the journal: measured, worst case, coverage, verdict."""
    from dcmon.promises import WINDOWS, figures, fixed, fixed_lately
    from dcmon.thresholds import Judge

    with telling_errors():
        loaded, _ = checked(find_config(config))
        now = SystemClock().now()
        span = _span(since, until, now)
        with opened_journal(loaded.config) as journal:
            views = Judge(loaded.config).availability(now)
            found = figures(loaded.config, journal, views, now, span, WINDOWS if every else None)
            clocks = journal.clocks(limit=-1)
            spanned = span and list(fixed(loaded.config, clocks, span, now).values())
            times = spanned or fixed_lately(loaded.config, clocks, now)
    if as_json:
        rows = [{**figure.as_dict(), "outage_list": _outages(figure)} for figure in found]
        print_json(rows + [{"id": one.control, "fixed": one.as_dict()} for one in times])
        return
    if out.width >= _WIDE:
        out.print(_figure_table(found))
    else:
        for figure in found:
            out.print(_figure_lines(figure), markup=False)
    for one in times:
        out.print(_fixed_line(one), markup=False)
    for figure in found if show_outages else ():
        for outage in _outages(figure):
            text = f"{figure.view.id}  {outage['from']}  {_minutes(outage['ms'])}  {outage['reason']}"
            out.print(text, markup=False)


def _span(since: str | None, until: str | None, now: int) -> tuple[int, int] | None:
    """The period that is named, ms UTC; None when none is."""
    if since is None:
        if until is not None:
            raise DcmonError("--to wants --from")
        return None
    span = (parse_time(since), parse_time(until) if until is not None else now)
    if span[0] >= span[1]:
        raise DcmonError("the period ends before it starts")
    check_begun(span[0], now)
    return span


def _figure_table(found: Iterable[Figure]) -> Table:
    """A line for each figure."""
    headers = ("window", "target %", "measured %", "worst %", "coverage %", "budget left", "verdict")
    table = Table("promise", "of", *(Column(header, no_wrap=True) for header in headers), box=box.SIMPLE_HEAD)
    for figure in found:
        row = figure.as_dict()
        shares = [_share(row[name]) for name in ("measured", "worst", "coverage")]
        cells = (row["title"], row["subject"], row["window"], f"{row['target']:g}", *shares, _left(row), _verdict(row))
        table.add_row(*table_row(*cells))
    return table


def _figure_lines(figure: Figure) -> str:
    """The same where there is no room for a table."""
    row = figure.as_dict()
    measured, worst, coverage = (_share(row[name]) for name in ("measured", "worst", "coverage"))
    subject = f" ({row['subject']})" if row["subject"] else ""
    return (
        f"{row['id']}  {row['title']}{subject}, {row['window']}\n"
        f"    {_verdict(row)}: {measured} % of {row['target']:g} %, at worst {worst} %, coverage {coverage} %\n"
        f"    budget left: {_left(row)}"
    )


def _left(row: dict[str, Any]) -> str:
    return _minutes(row["budget_left_ms"]) + (f", gone on {row['used_up'][:10]}" if row["used_up"] else "")


def _verdict(row: dict[str, Any]) -> str:
    return str(row["verdict"]) + ("" if row["recorded"] is None else " (corrected)")


def _fixed_line(one: FixTimes) -> str:
    text = f"{one.control}  {iso_utc(one.start)[:10]} to {iso_utc(one.end)[:10]}: {one.count} faults"
    if one.share is None:
        return text
    median = "" if one.median is None else f", median {_minutes(one.median)}"
    return f"{text}, {one.share:.1f} % fixed in time, longest {_minutes(one.longest)}{median}"


def _outages(figure: Figure) -> list[dict[str, Any]]:
    return [
        {"from": iso_utc(one.start), "to": iso_utc(one.end), "ms": one.length, "open": one.open, "reason": one.reason}
        for one in figure.outages
    ]


def _minutes(ms: int) -> str:
    return f"{ms / 60_000:.1f} min"


def _share(percent: float | None) -> str:
    from dcmon.thresholds.availability import cut_share

    return "-" if percent is None else f"{cut_share(percent):.4f}"


def oncall(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Who is on duty now, and until when."""
    from dcmon.live import duties
    from dcmon.report import iso

    with telling_errors():
        loaded, _ = checked(find_config(config))
        found = duties(loaded.config, SystemClock().now())
    if as_json:
        rows = [{**duty, "until": iso(duty.get("until"))} for duty in found]
        print_json(rows)
        return
    table = Table("roster", "on duty", "until")
    for duty in found:
        people = ", ".join(person["name"] for person in duty["people"]) or "NOBODY"
        table.add_row(*table_row(duty["name"], people, iso(duty.get("until")) or "always"))
    out.print(table)
