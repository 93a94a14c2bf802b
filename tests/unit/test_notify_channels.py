"""The registry of channels, and the line on the terminal."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path
from typing import get_args

import pytest
from notify_world import T0, happened, holes, incident, notification
from rich.console import Console

from dcmon.config.agent import Agent
from dcmon.config.loader import load
from dcmon.config.people import Channel, Person
from dcmon.model import DcmonError, Notification, Severity
from dcmon.notify.channels import CHANNELS, build_notifiers
from dcmon.notify.console import ConsoleNotifier
from dcmon.notify.escalation import Pager

ANNA = Person(id="anna", name="Anna [bold]Weber", email="anna@example.org", language="en")


async def printed(message: Notification, person: Person = ANNA) -> str:
    file = io.StringIO()
    await ConsoleNotifier(Console(file=file, width=400)).send(message, person)
    return file.getvalue()


def test_every_channel_that_people_may_name_exists() -> None:
    assert set(CHANNELS) == set(get_args(Channel))


def test_the_password_is_resolved_once_and_a_missing_one_stops_the_start() -> None:
    asked: list[str] = []

    def secret(reference: str) -> str:
        asked.append(reference)
        return "s3cret"

    smtp = {"user": "dcmon", "password": "env:SMTP_PASSWORD", "security": "tls"}
    assert set(build_notifiers(Agent.model_validate({"smtp": smtp}), secret)) == set(CHANNELS)
    assert asked == ["env:SMTP_PASSWORD"]
    with pytest.raises(DcmonError, match="not set"):
        build_notifiers(Agent.model_validate({"smtp": smtp}), refuse)


def refuse(reference: str) -> str:
    raise DcmonError(f"{reference}: the environment variable is not set")


async def test_the_terminal_shows_when_who_what_and_why_in_one_line() -> None:
    line = await printed(notification(severity=Severity.CRITICAL))
    assert line == "10:00:00  CRITICAL  UPS A: on battery -> Anna [bold]Weber (email): the fault is new\n"


async def test_texts_of_devices_are_neither_markup_nor_control_characters() -> None:
    line = await printed(replace(notification(), subject="[red]UPS\x1b[2J\r\nnext"))
    assert "[red]UPS [2J next" in line
    assert line.count("\n") == 1


async def test_a_message_without_a_known_reason_shows_the_recorded_one() -> None:
    assert "storm: 3 messages in one" in await printed(
        notification(kind="bundle", reason="storm: 3 messages in one", facts={"code": "storm"})
    )


def test_the_shipped_people_are_paged_by_the_shipped_routes(example_site: Path) -> None:
    config = load(example_site)
    for cls in ("power", "cooling", "fire", "network", "monitoring", "fuel", "water", "security", "environment"):
        for severity in Severity:
            row = incident(cls=cls, severity=severity)
            decided = Pager(config).step(happened(T0, "opened", row), T0)
            assert decided.notifications
            assert {message.reason for message in decided.notifications} == {"first"}
    year = 365 * 86_400_000
    for roster in config.people.rosters:
        assert holes(roster, T0, T0 + year, config.site.timezone) == []
