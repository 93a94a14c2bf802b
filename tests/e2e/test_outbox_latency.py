"""From the decision to the mail accepted by the relay."""

from __future__ import annotations

import asyncio
from pathlib import Path
from statistics import median

from notify_outbox import post, until
from notify_smtp import smtp_sink
from notify_world import alarm, happened, incident

from dcmon.config.agent import Smtp
from dcmon.notify.email import EmailNotifier


async def test_a_page_is_with_the_relay_a_fraction_of_a_second_after_the_decision(tmp_path: Path) -> None:
    took = []
    async with smtp_sink() as sink:
        mail = EmailNotifier(Smtp(port=sink.port))
        async with post(tmp_path, {"email": mail}, caps={}) as office:
            for number in range(15):
                now = office.clock.now()
                row = incident(id=f"i{number}", opened=now, started=now)
                began = asyncio.get_running_loop().time()
                await office.commit(happened(now, "opened", row, alarm(incident=row.id)))
                await until(lambda wanted=number + 1: len(sink.arrived) == wanted)  # type: ignore[misc]
                took.append(sink.arrived[-1] - began)
    assert median(took) < 0.15, f"{sorted(took)}"
