"""The worker's process killed at any moment: nothing lost, at most one message twice per kill."""

from __future__ import annotations

import asyncio
import random
import sys
from collections import Counter
from pathlib import Path

from notify_outbox import until
from notify_smtp import Sink, smtp_sink
from notify_world import T0, notification

from dcmon.model import Changes
from dcmon.storage.journal import Journal

PROGRAM = """
import asyncio, sys
from pathlib import Path
from notify_world import config
from dcmon.clock import SystemClock
from dcmon.config.agent import Outbox, Smtp
from dcmon.notify.email import EmailNotifier
from dcmon.notify.outbox import OutboxWorker
from dcmon.storage.journal import Journal

async def main() -> None:
    journal = Journal(Path(sys.argv[1]))
    journal.release_leases()
    mail = EmailNotifier(Smtp(port=int(sys.argv[2])))
    settings = Outbox.model_validate({"caps": {}, "give_up": "36000d"})
    worker = OutboxWorker(journal, {"email": mail}, config().people, SystemClock(), settings, commit=journal.save)
    print("ready", flush=True)
    await worker.run()

asyncio.run(main())
"""
KILLS, MESSAGES = 4, 100


async def test_killed_again_and_again_it_loses_no_message_and_repeats_at_most_one_per_kill(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    keys = [f"i{number}/task/0/anna/email/opened" for number in range(MESSAGES)]
    rows = [notification(key=key, incident=key, kind="task", created=T0, due=0) for key in keys]
    journal.commit(Changes(notifications=rows))
    sink = Sink(pause=0.004)
    chance = random.Random(4711)
    async with smtp_sink(sink):
        for kill in range(KILLS + 1):
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-c", PROGRAM, str(tmp_path), str(sink.port),
                cwd=Path(__file__).parent.parent, stdout=asyncio.subprocess.PIPE,
            )  # fmt: skip
            assert process.stdout is not None
            await process.stdout.readline()
            if kill < KILLS:
                await asyncio.sleep(chance.uniform(0.01, 0.15))
            else:
                await until(lambda: journal.waiting().messages == 0, 30)
            process.kill()
            await process.wait()
    journal.close()
    arrived = Counter(message["X-Dcmon-Incident"] for message in sink.messages)
    assert set(arrived) == set(keys)
    assert sum(arrived.values()) - MESSAGES <= KILLS
    by_id = Counter(message["Message-ID"] for message in sink.messages)
    assert len(by_id) == MESSAGES, "a repetition carries the id of the first"
