"""Commands for whoever has to prove what was promised."""

from __future__ import annotations

import datetime as dt
import re
from typing import TYPE_CHECKING, Annotated, Any
from zoneinfo import ZoneInfo

import typer

from dcmon.cli.common import (
    ConfigOption,
    JsonOption,
    checked,
    find_config,
    opened_journal,
    out,
    print_json,
    telling_errors,
)
from dcmon.clock import SystemClock
from dcmon.model import DcmonError

if TYPE_CHECKING:
    from dcmon.cases import Result

_MONTH = re.compile(r"(\d{4})-(\d{2})")

MonthOption = Annotated[
    str | None, typer.Option("--month", help="calendar month in the site's time, for example 2026-10; else this month")
]


def month_span(month: str | None, now: int, timezone: str) -> tuple[int, int]:
    """[start, end) of a calendar month in ms UTC; the one of `now` when none is named. DcmonError for what is none."""
    zone = ZoneInfo(timezone)
    if month is None:
        local = dt.datetime.fromtimestamp(now / 1000, zone)
        year, number = local.year, local.month
    else:
        found = _MONTH.fullmatch(month)
        if found is None or not 1 <= int(found[2]) <= 12 or not 1970 <= int(found[1]) <= 9998:
            raise DcmonError(f"{month!r} is no month; write for example 2026-10")
        year, number = int(found[1]), int(found[2])
    first = dt.datetime(year, number, 1, tzinfo=zone)
    after = dt.datetime(year + number // 12, number % 12 + 1, 1, tzinfo=zone)
    return round(first.timestamp() * 1000), round(after.timestamp() * 1000)


def promises(month: MonthOption = None, config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """What a month says of each promise of the agreement, T01 to T32: met, missed or unknown, and by which evidence."""
    from dcmon.cases import as_dict, by_promise, results
    from dcmon.thresholds import Judge
    from dcmon.thresholds.controls import promises as catalogue

    with telling_errors():
        loaded, _ = checked(find_config(config))
        now = SystemClock().now()
        span = month_span(month, now, loaded.config.site.timezone)
        with opened_journal(loaded.config) as journal:
            found = results(loaded.config, journal, Judge(loaded.config).availability(now), now, span)
    together = by_promise(found)
    if as_json:
        rows: dict[str, dict[str, Any]] = {
            name: {"outcome": outcome.value, "controls": []} for name, outcome in together.items()
        }
        for result in found:
            rows[result.control.tom]["controls"].append(as_dict(result))
        print_json(rows)
        return
    for name, promise in catalogue().items():
        out.print(f"{name}  {together[name].value:<8} {promise.title.en}", style="bold", markup=False)
        mine = [result for result in found if result.control.tom == name]
        if not mine:
            out.print(f"     {promise.absent.en if promise.absent else 'no evidence yet'}", markup=False)
        for result in mine:
            of = f" ({result.subject})" if result.subject else ""
            what = f"{result.control.title.en}{of}: {_figure(result)}, {result.control.objective.target:g} % promised"
            out.print(f"     {result.outcome.value:<8} {what}", markup=False)


def _figure(result: Result) -> str:
    if result.value is None:
        return "nothing yet"
    if result.of_time:
        return f"{result.value:.4f} % of the time"
    return f"{result.good} of {result.good + result.bad}"
