"""Maintenance from the command line to people's mail, through the real process."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest
from process_world import command, edit, no_fault, until, world

pytestmark = pytest.mark.timeout(90)


async def test_an_announced_window_is_mailed_and_mutes_and_its_end_pages_what_lasts(
    tmp_path: Path, example_site: Path
) -> None:
    async with world(example_site, tmp_path) as made:
        edit(made.config / "people.yaml", lambda people: people.update(planned={"to": [{"person": "weber"}]}))
        await made.start()
        now = dt.datetime.now(dt.UTC)
        start, end = now - dt.timedelta(seconds=1), now + dt.timedelta(seconds=12)
        words = ["title=Leak unit", "class=no", "scope=leak-1", "mute=true", f"start={start.isoformat()}",
                 f"end={end.isoformat()}"]  # fmt: skip
        code, out, err = await command("enter", "maintenance", "--by", "weber", *words, "--config", str(made.config))
        assert code == 0, err
        assert out.startswith("maintenance-leak-unit@")
        made.site.plant.apply("water", {"unit": "leak-1", "wet": True})
        await until(lambda: made.rows("SELECT 1 FROM alarm WHERE asset = 'leak-1' AND suppressed LIKE 'maintenance%'"))
        assert made.mailed("leak-1") == []
        await until(lambda: made.mailed("leak-1"))
        assert dt.datetime.now(dt.UTC) >= end
        subjects = [str(mail["Subject"]) for mail in made.mail.messages]
        assert any("Leak unit" in subject for subject in subjects)
        await until(lambda: made.rows("SELECT 1 FROM record WHERE kind = 'maintenance' AND state = 'done'"))
        no_fault(made.log)
