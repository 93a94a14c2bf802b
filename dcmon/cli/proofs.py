"""Commands for whoever has to prove what was promised."""

from __future__ import annotations

import datetime as dt
import json
import re
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from zoneinfo import ZoneInfo

import typer

from dcmon.cli.common import (
    ConfigOption,
    JsonOption,
    check_begun,
    checked,
    find_config,
    journal_file,
    opened_journal,
    out,
    parse_time,
    print_json,
    telling_errors,
)
from dcmon.clock import SystemClock
from dcmon.model import DcmonError

if TYPE_CHECKING:
    from dcmon.cases import Result
    from dcmon.config.config import Config

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
    start, end = (round(moment.timestamp() * 1000) for moment in (first, after))
    check_begun(start, now)
    return start, end


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
    from dcmon.thresholds.availability import cut_share

    if result.value is None:
        return "nothing yet"
    if result.of_time:
        return f"{cut_share(result.value):.4f} % of the time"
    return f"{result.good} of {result.good + result.bad}"


def report(
    month: MonthOption = None,
    since: Annotated[str | None, typer.Option("--from", help="start of another period, ISO 8601")] = None,
    until: Annotated[str | None, typer.Option("--to", help="end of that period, ISO 8601; else now")] = None,
    lang: Annotated[str, typer.Option("--lang", help="de or en")] = "de",
    file: Annotated[
        Path | None, typer.Option("--output", "-o", help="FILE.html, or FILE.pdf (its manifest is FILE.pdf.json)")
    ] = None,
    check: Annotated[
        Path | None, typer.Option("--verify", help="make the figures of this report again; status 1 if any differs")
    ] = None,
    config: ConfigOption = None,
    data_dir: Annotated[
        Path | None, typer.Option("--data-dir", help="journal and samples of this folder, for example a copy")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Writes the report of a month for the auditor and the data-protection officer, or verifies one."""
    with telling_errors():
        if check is not None:
            _verify(check, _loaded(config, data_dir), as_json)
            return
        if file is None or file.suffix.lower() not in (".html", ".htm", ".pdf"):
            raise DcmonError("name the file with -o: FILE.html or FILE.pdf")
        if lang not in ("de", "en"):
            raise DcmonError(f"{lang!r} is no language of the report; there are de and en")
        site = _loaded(config, data_dir)
        with opened_journal(site) as journal:
            # The journal of a simulated site may be ahead of this machine's clock: what it knows has happened.
            now = max(SystemClock().now(), journal.last_alive() or 0)
        span = _span(month, since, until, now, site.site.timezone)
        for path, content in _written(site, span, now, lang, file).items():
            path.write_bytes(content)
            out.print(str(path), markup=False)


def _loaded(directory: Path | None, data_dir: Path | None) -> Config:
    config = checked(find_config(directory))[0].config
    if data_dir is None:
        return config
    return config.model_copy(update={"agent": config.agent.model_copy(update={"data_dir": data_dir})})


def _span(month: str | None, since: str | None, until: str | None, now: int, timezone: str) -> tuple[int, int]:
    if since is None and until is None:
        return month_span(month, now, timezone)
    if since is None or month is not None:
        raise DcmonError("a period is either --month, or --from with or without --to")
    start, end = parse_time(since), now if until is None else parse_time(until)
    if start >= end:
        raise DcmonError("the period ends before it starts")
    check_begun(start, now)
    return start, end


def _written(config: Config, span: tuple[int, int], now: int, lang: str, file: Path) -> dict[Path, bytes]:
    """The content of each file of a report."""
    from dcmon.audit.asof import JournalAt
    from dcmon.audit.facts import gather
    from dcmon.audit.render import write_html
    from dcmon.audit.verify import SIDECAR
    from dcmon.storage.samples import FILE_NAME, Samples
    from dcmon.thresholds import Judge

    data_dir = config.agent.data_dir
    journal = JournalAt(journal_file(config), now)
    samples = Samples(data_dir) if (data_dir / FILE_NAME).exists() else None
    try:
        facts = gather(config, journal, Judge(config).availability(now), span, now)
        html, manifest = write_html(facts, lang, samples)
    finally:
        journal.close()
        if samples is not None:
            samples.close()
    if file.suffix.lower() != ".pdf":
        return {file: html.encode()}
    from dcmon.audit.manifest import digest
    from dcmon.audit.pdf import write_pdf

    pdf = write_pdf(html, json.dumps(manifest))
    beside = json.dumps({**manifest, "file_sha256": digest(pdf)}, indent=1)
    return {file: pdf, file.with_name(file.name + SIDECAR): beside.encode()}


def _verify(file: Path, config: Config, as_json: bool) -> None:
    from dcmon.audit.verify import verify

    verdict = verify(config, journal_file(config), file)
    if as_json:
        print_json(asdict(verdict) | {"good": verdict.good})
    else:
        for line in (*verdict.notes, *verdict.faults):
            out.print(line, markup=False)
        for finding in verdict.findings:
            if not finding.same:
                out.print(f"{finding.figure}: {finding.text}", markup=False)
        same = sum(finding.same for finding in verdict.findings)
        out.print(f"{file}: {same} of {len(verdict.findings)} figures are the same", markup=False)
    if not verdict.good:
        raise typer.Exit(1)
