"""The register in the real process: a test of the simulated plant, entries of people, the command, a restart."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from process_world import command, edit, no_fault, until, world

pytestmark = pytest.mark.timeout(150)


async def _register(config: Path) -> dict[tuple[str, str], dict[str, Any]]:
    code, out, err = await command("register", "--json", "--config", str(config))
    assert code == 0, err
    return {(line["duty"], line["asset"]): line for line in json.loads(out)}


async def test_the_register_shows_what_was_found_and_what_was_entered_and_keeps_it_over_a_restart(
    tmp_path: Path, example_site: Path
) -> None:
    async with world(example_site, tmp_path) as made:
        edit(
            made.config / "register.yaml",
            lambda register: register.update(load_bank={"duration": "1s"}),
        )
        await made.start()
        await until(lambda: made.rows("SELECT 1 FROM alarm WHERE rule = 'load-bank-test'"))
        before = await _register(made.config)
        assert before["load-bank-test", "genset-a"]["state"] == "due"
        assert before["load-bank-test", "genset-a"]["last"] is None

        made.site.plant.apply("load-bank", {"side": "a", "on": True})
        await until(lambda: made.rows("SELECT 1 FROM record WHERE kind = 'load-bank' AND state = 'running'"), 40)
        code, _, err = await command(
            "enter", "duty", "--by", "lead", "duty=security-updates", "--config", str(made.config)
        )
        assert code == 1 and "nothing proves it" in err
        words = ["duty=security-updates", "note=x", "note=y"]
        code, _, err = await command("enter", "duty", "--by", "lead", *words, "--config", str(made.config))
        assert code == 1 and "note is given twice" in err
        words = ["duty=security-updates", "note=all installed, ticket 4711"]
        code, out, err = await command("enter", "duty", "--by", "lead", *words, "--config", str(made.config))
        assert code == 0, err
        made.site.plant.apply("load-bank", {"side": "a", "on": False})
        await until(lambda: made.rows("SELECT 1 FROM record WHERE kind = 'load-bank' AND state = 'done'"), 40)

        assert made.process is not None
        made.process.kill()
        await made.process.wait()
        await made.start()
        after = await _register(made.config)
        test = after["load-bank-test", "genset-a"]
        assert (test["state"], test["last"]["verdict"], test["last"]["kind"]) == ("done", "passed", "load-bank"), test[
            "last"
        ]
        updates = after["security-updates", "dcmon"]
        assert (updates["state"], updates["last"]["by"], updates["last"]["note"]) == (
            "done", "lead", "all installed, ticket 4711",
        )  # fmt: skip
        code, out, err = await command("register", "--config", str(made.config), env={"COLUMNS": "250"})
        assert code == 0, err
        assert "load-bank test at full load" in out and "overdue" not in out
        no_fault(made.log)
