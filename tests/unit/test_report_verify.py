"""A report is verified: made again from the journal, and compared with what the file says and shows."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from report_world import END, HOUR, MADE, MINUTE, SPAN, START, UP, at, facts_of, fill

from dcmon.audit.render import write_html
from dcmon.audit.verify import Verdict, verify
from dcmon.config.config import Config
from dcmon.config.loader import load
from dcmon.model import Changes, DcmonError, FaultClock, Interval, Record, Task
from dcmon.storage.journal import Journal
from dcmon.storage.journal_reads import FILE_NAME


@pytest.fixture(scope="module")
def config(example_site: Path) -> Config:
    return load(example_site).model_copy(update={"digest": "0" * 64})


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    journal = Journal(tmp_path)
    fill(journal)
    journal.close()
    return tmp_path


def written(config: Config, folder: Path, made: int = MADE, span: tuple[int, int] = SPAN) -> Path:
    file = folder / "report.html"
    file.write_text(write_html(facts_of(config, folder, made, span), "de", None)[0], encoding="utf-8")
    return file


def verified(config: Config, folder: Path) -> Verdict:
    return verify(config, folder / FILE_NAME, folder / "report.html")


def commit(folder: Path, changes: Changes) -> None:
    journal = Journal(folder)
    journal.commit(changes)
    journal.close()


def differing(verdict: Verdict) -> dict[str, str]:
    return {one.figure: one.state for one in verdict.findings if not one.same}


def edit(file: Path, change: Callable[[str], str]) -> None:
    text = file.read_text(encoding="utf-8")
    assert change(text) != text
    file.write_text(change(text), encoding="utf-8")


def test_a_report_of_the_same_journal_is_the_same(config: Config, folder: Path) -> None:
    written(config, folder)
    verdict = verified(config, folder)
    assert (verdict.good, verdict.faults, verdict.notes, differing(verdict)) == (True, (), (), {})
    assert {one.figure for one in verdict.findings} >= {"period/T01", "year/T01", "period/T20", "period/T22"}


def test_a_figure_that_was_changed_in_the_manifest_is_noticed(config: Config, folder: Path) -> None:
    edit(
        written(config, folder),
        lambda text: re.sub(r'("id":"period/T25",[^{}]*"outcome":)"missed"', r'\1"met"', text),
    )
    verdict = verified(config, folder)
    assert not verdict.good
    assert differing(verdict)["period/T25"] == "figure"


def test_a_figure_that_was_changed_on_the_page_only_is_noticed(config: Config, folder: Path) -> None:
    edit(
        written(config, folder),
        lambda text: re.sub(r'(data-figure="promise/T25" data-part="outcome">)verfehlt', r"\1erfüllt", text),
    )
    verdict = verified(config, folder)
    assert not verdict.good and differing(verdict) == {}
    assert "promise/T25: the document shows 'erfüllt' as outcome, it is 'verfehlt'" in verdict.faults


def test_any_other_change_of_the_document_is_noticed(config: Config, folder: Path) -> None:
    edit(written(config, folder), lambda text: text.replace("no voltage on both feeds", "a test of the meter"))
    assert verified(config, folder).faults == ("the document was changed after it was made",)


def test_rows_that_came_later_about_the_period_are_named(config: Config, folder: Path) -> None:
    written(config, folder)
    row = Record("correction-T01@2", "correction", "T01", None, "done", None, at("07 10:04:00"), at("07 10:10:00"), "r",
                 ("T01",), "lang", {"was": "down", "now": "up", "evidence": "e", "entered": MADE + HOUR})  # fmt: skip
    commit(folder, Changes(records={row.id: row}))
    verdict = verified(config, folder)
    assert set(differing(verdict)) >= {"period/T01", "year/T01"}
    (text,) = [one.text for one in verdict.findings if one.figure == "period/T01"]
    assert "record (1 rows then, 2 now)" in text


def test_what_goes_on_after_the_report_changes_nothing(config: Config, folder: Path) -> None:
    clock = FaultClock("c-9", "link-down", "uplink-2", None, at("31 23:00:00"), 4 * HOUR, "running")
    task = Task("t-9", "refuel", "tank-b", "fuel-below-75", "open", "refuel", at("31 20:00:00"), END + 40 * HOUR)
    commit(folder, Changes(clocks={clock.id: clock}, tasks={task.id: task}))
    made = END + HOUR
    written(config, folder, made)
    commit(
        folder,
        Changes(
            clocks={clock.id: FaultClock(*_but(clock, state="stopped", stopped=made + HOUR))},
            tasks={task.id: Task(*_but(task, state="done", closed=made + HOUR))},
            intervals=[Interval("T01", at("07 10:10:00"), made + HOUR, UP, "a feed has voltage")],
        ),
    )
    assert verified(config, folder).good


def _but(row: object, **words: object) -> list[object]:
    names = row.__dataclass_fields__  # type: ignore[attr-defined]
    return [words.get(name, getattr(row, name)) for name in names]


def test_another_target_is_told_as_a_changed_control(config: Config, folder: Path) -> None:
    written(config, folder)
    softer = config.model_copy(update={"rules": config.rules.model_copy(update={"targets": {"T01": 90.0}})})
    verdict = verified(softer, folder)
    assert differing(verdict)["period/T01"] == "control"
    assert "period/T25" not in differing(verdict)


def test_another_configuration_is_a_note_and_no_fault(config: Config, folder: Path) -> None:
    written(config, folder)
    verdict = verified(config.model_copy(update={"digest": "1" * 64}), folder)
    assert verdict.good and len(verdict.notes) == 1


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("<p>hello</p>", "no manifest"),
        ('<script type="application/json" id="manifest">\n{]\n</script>', "no manifest"),
        ('<script type="application/json" id="manifest">\n{"manifest":99}\n</script>', "no manifest that this dcmon"),
        ('<script type="application/json" id="manifest">\n{"manifest":1}\n</script>', "damaged"),
    ],
)
def test_what_is_no_report_is_told_so(config: Config, folder: Path, content: str, says: str) -> None:
    (folder / "report.html").write_text(content, encoding="utf-8")
    with pytest.raises(DcmonError, match=says):
        verified(config, folder)


def test_a_file_that_is_not_there_is_told_so(config: Config, folder: Path) -> None:
    with pytest.raises(DcmonError, match="No such file"):
        verified(config, folder)


@pytest.mark.parametrize(
    ("made", "span"),
    [
        (MADE, (END + 40 * 24 * HOUR, END + 70 * 24 * HOUR)),
        (MADE, (START - 400 * 24 * HOUR, START - 370 * 24 * HOUR)),
        (START + MINUTE, SPAN),
        (START, SPAN),
    ],
    ids=["a month ahead", "before anything was measured", "a minute of it", "its first instant"],
)
def test_whatever_month_is_a_document_that_verifies(
    config: Config, folder: Path, made: int, span: tuple[int, int]
) -> None:
    written(config, folder, made, span)
    assert verified(config, folder).good


def test_an_empty_journal_is_a_document_that_proves_nothing(config: Config, tmp_path: Path) -> None:
    Journal(tmp_path).close()
    text = written(config, tmp_path).read_text(encoding="utf-8")
    assert "In diesem Zeitraum wurde nichts gemessen" in text
    met = {name for name, outcome in facts_of(config, tmp_path).outcomes.items() if outcome != "unknown"}
    assert met == {"T17"}, "said by the configuration"
    assert verified(config, tmp_path).good


def test_the_manifest_holds_whatever_a_name_holds(config: Config, folder: Path) -> None:
    hostile = config.model_copy(update={"site": config.site.model_copy(update={"name": "</script><!-- & <b>"})})
    text = written(hostile, folder).read_text(encoding="utf-8")
    found = re.search(r'id="manifest">\n(.*)\n</script>', text)
    assert found and json.loads(found[1])["site"] == "</script><!-- & <b>"
    assert text.count("<b>") == text.count("</b>")
    assert verified(hostile, folder).good
