"""What devices call themselves and their parts is shown as it is, and nothing of it is a command."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from dcmon.cli import app
from dcmon.cli.common import table_row

RECORDING = """\
1.3.6.1.2.1.1.1.0|4|Acme
1.3.6.1.2.1.1.2.0|6|1.3.6.1.4.1.99999.5.1
1.3.6.1.2.1.1.3.0|67|51840000
1.3.6.1.2.1.2.2.1.7.1|2|1
1.3.6.1.2.1.2.2.1.8.1|2|1
1.3.6.1.2.1.31.1.1.1.1.1|4x|%s
"""


@pytest.mark.parametrize("name", ["[/x]", "[red]eth[/red]", "\x1b[31meth0\x07", "eth\u202e0"])
def test_no_name_breaks_the_table_or_reaches_the_terminal(tmp_path: Path, name: str) -> None:
    path = tmp_path / "device.snmprec"
    path.write_text(RECORDING % name.encode().hex())
    result = CliRunner().invoke(app, ["poll", "--recording", str(path)], env={"COLUMNS": "200"})
    assert result.exit_code == 0, result.output
    assert "if.oper" in result.output
    assert not {"\x1b", "\x07", "\u202e"} & set(result.output)
    if name.isprintable():
        assert name in result.output


def test_cells_are_text_and_none_is_empty() -> None:
    assert [cell.plain for cell in table_row(None, 5, "[b]", "a\nb", True)] == ["", "5", "[b]", "a\ufffdb", "True"]


def test_narrow_terminal_breaks_words_and_cuts_nothing_off(tmp_path: Path) -> None:
    path = tmp_path / "device.snmprec"
    path.write_text("1.3.6.1.2.1.1.2.0|6|1.3.6.1.2.1.33\n1.3.6.1.2.1.33.1.2.2.0|2|42\n1.3.6.1.2.1.33.1.4.1.0|2|5\n")
    result = CliRunner().invoke(app, ["poll", "--recording", str(path)], env={"COLUMNS": "60"})
    assert result.exit_code == 0, result.output
    assert "battery.time_on_battery" in result.output
    assert "\u2026" not in result.output


def test_device_that_has_nothing_of_the_profile_is_told_so(tmp_path: Path) -> None:
    path = tmp_path / "device.yaml"
    path.write_text("protocol: modbus\nregisters:\n  - {function: 3, address: 0, values: [1, 2]}\n")
    result = CliRunner().invoke(app, ["poll", "--recording", str(path), "--profile", "eastron_sdm630"])
    assert result.exit_code == 0, result.output
    assert "Check profile, address and unit" in result.output
