"""What `dcmon slo` and `dcmon register` print: no figure and no name is cut off, however narrow the terminal."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from report_world import fill
from typer.testing import CliRunner

from dcmon import year
from dcmon.cli import app
from dcmon.config.loader import load
from dcmon.storage.journal import Journal

SHIPPED = Path(__file__).resolve().parent.parent.parent / "config"


@pytest.fixture
def site(tmp_path: Path) -> Path:
    folder = year.prepare(SHIPPED, tmp_path / "data")
    journal = Journal(load(folder).agent.data_dir)
    fill(journal)
    journal.close()
    return folder


def printed(site: Path, command: str, *words: str, columns: int = 80) -> str:
    run = CliRunner().invoke(app, [command, "--config", str(site), *words], env={"COLUMNS": str(columns)})
    assert run.exit_code == 0, run.output
    return run.stdout


@pytest.mark.parametrize("columns", [80, 150])
def test_every_figure_is_told_whole(site: Path, columns: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dcmon.cli.common.out._width", columns)
    period = ("--from", "2026-10-01T00:00:00+02:00", "--to", "2026-11-01T00:00:00+01:00")
    text = printed(site, "slo", *period)
    figures = [one for one in json.loads(printed(site, "slo", "--json", *period)) if one.get("measured") is not None]
    assert figures
    for one in figures:
        assert f"{one['measured']:.4f}"[:6] in text
        assert one["verdict"] in text
    assert "\N{HORIZONTAL ELLIPSIS}" not in text


def test_every_line_of_the_register_is_told_whole(site: Path) -> None:
    text = printed(site, "register")
    for line in json.loads(printed(site, "register", "--json")):
        assert f"{line['title']['en']}, {line['asset']}, every {line['every']}: " in text
    assert "\N{HORIZONTAL ELLIPSIS}" not in text
