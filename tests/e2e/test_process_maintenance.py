"""Maintenance from the command line to people's mail, through the real process."""

from __future__ import annotations

import datetime as dt
import json
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


CALENDAR = """BEGIN:VCALENDAR
VERSION:2.0
PRODID:-//x//y//EN
BEGIN:VEVENT
UID:1@example.org
SUMMARY:UPS A batteries
DTSTART;TZID=Europe/Berlin:20370120T080000
DTEND;TZID=Europe/Berlin:20370120T160000
CATEGORIES:PSA-LOW
RESOURCES:ups-a
END:VEVENT
BEGIN:VEVENT
UID:2@example.org
SUMMARY:Unknown asset
DTSTART:20370120T080000Z
DTEND:20370120T160000Z
CATEGORIES:PSA-NO
RESOURCES:ups-x
END:VEVENT
BEGIN:VEVENT
UID:3@example.org
SUMMARY:Elsewhere
DTSTART;TZID=Nowhere/Land:20370120T080000
DTEND:20370120T160000Z
CATEGORIES:PSA-NO
RESOURCES:ups-a
END:VEVENT
END:VCALENDAR
"""


async def test_a_calendar_goes_in_twice_and_comes_out_once(tmp_path: Path, example_site: Path) -> None:
    async with world(example_site, tmp_path) as made:
        await made.start()
        file, config = tmp_path / "work.ics", ("--config", str(made.config))
        file.write_text(CALENDAR)
        for _ in range(2):
            code, out, err = await command("maintenance", "import", str(file), "--by", "weber", *config)
            assert (code, out.count("maintenance-ups-a-batteries@20370120T070000Z")) == (1, 1)
            assert "line 12: Unknown asset: scope: there is no ups-x; did you mean ups-" in err.replace("\n", " ")
            assert "line 20: Elsewhere: DTSTART: the time zone Nowhere/Land is not known" in err.replace("\n", " ")
        code, out, _ = await command("maintenance", "list", "--json", *config)
        assert [row["subject"] for row in json.loads(out)] == ["1@example.org"]
        code, out, _ = await command("maintenance", "list", *config)
        assert "maintenance planned passed: UPS A batteries (class low)" in out.replace("\n", " ")
        code, out, _ = await command("maintenance", "export", *config)
        assert out.count("BEGIN:VEVENT") == 1
        assert "UID:1@example.org" in out
        assert await made.text("/api/v1/maintenance.ics") == out
        code, _, err = await command("maintenance", "import", str(tmp_path / "none.ics"), "--by", "weber", *config)
        assert (code, "cannot be read" in err) == (1, True)
        no_fault(made.log)
