"""Start, reload and end of the real process."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import socket
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from process_world import World, dcmon, lines_with, no_fault, until, world

pytestmark = pytest.mark.timeout(60)


async def refusal(made: World) -> str:
    """What `dcmon run` says when it does not start."""
    process = await made.start(ready=False)
    assert await asyncio.wait_for(process.wait(), 15) == 1, made.log
    no_fault(made.log)
    return made.log


async def test_sigterm_ends_at_once_with_exit_code_0_and_every_warning_an_error(
    tmp_path: Path, example_site: Path
) -> None:
    async with world(example_site, tmp_path, traps={"listen": "127.0.0.1:0"}) as made:
        await made.start(dev=True)
        made.site.plant.apply("water", {"unit": "leak-1", "wet": True})
        await until(lambda: made.mailed("leak-1"))
        assert await made.end(5) == 0
        no_fault(made.log)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_during_the_start_leaves_no_traceback(
    tmp_path: Path, example_site: Path, number: signal.Signals
) -> None:
    async with world(example_site, tmp_path) as made:
        for delay in (0.15, 0.3, 0.5, 0.9, 1.2):
            process = await made.start(ready=False)
            await asyncio.sleep(delay)
            if process.returncode is None:
                process.send_signal(number)
            # 130 is what a shell makes of SIGINT, too.
            assert await asyncio.wait_for(process.wait(), 8) in (0, -number, 130), made.log
        no_fault(made.log)


async def test_a_second_dcmon_on_one_data_dir_refuses_and_the_first_goes_on(tmp_path: Path, example_site: Path) -> None:
    async with world(example_site, tmp_path) as made:
        first = await made.start()
        second = await dcmon("run", "--config", str(made.config), log=tmp_path / "second")
        assert await asyncio.wait_for(second.wait(), 15) == 1
        said = (tmp_path / "second").read_text()
        assert f"in use by another dcmon (process {first.pid})" in said
        assert "data_dir" in said
        no_fault(said)
        made.site.plant.apply("water", {"unit": "leak-1", "wet": True})
        await until(lambda: made.mailed("leak-1"))
        assert await made.end() == 0


def break_secret(made: World) -> None:
    (made.config / "secrets" / "snmp-read").unlink()


def break_data_dir(made: World) -> None:
    (made.folder / "file").write_text("")
    made.agent(lambda agent: agent.update(data_dir=str(made.folder / "file" / "data")))


def put_garbage(made: World) -> None:
    (made.folder / "data").mkdir()
    (made.folder / "data" / "journal.db").write_bytes(os.urandom(8192))


def put_newer_journal(made: World) -> None:
    (made.folder / "data").mkdir()
    with sqlite3.connect(made.folder / "data" / "journal.db") as db:
        from dcmon.storage.journal_schema import JOURNAL

        db.execute("CREATE TABLE future (x)")
        db.execute(f"PRAGMA application_id={JOURNAL.application_id}")
        db.execute("PRAGMA user_version=4711")
    db.close()


def put_foreign_ca(made: World) -> None:
    made.agent(lambda agent: agent["smtp"].update(security="tls", ca_file=str(made.folder / "nowhere.pem")))


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (break_secret, ["collectors.yaml:", "snmp-read", "No such file"]),
        (break_data_dir, ["data_dir"]),
        (put_garbage, ["journal.db", "Restore it from a backup, or move it away"]),
        (put_newer_journal, ["journal.db", "newer dcmon", "4711"]),
        (put_foreign_ca, ["smtp.ca_file", "nowhere.pem"]),
    ],
)
async def test_what_keeps_it_from_starting_is_one_clear_message(
    tmp_path: Path, example_site: Path, spoil: Callable[[World], None], words: list[str]
) -> None:
    async with world(example_site, tmp_path) as made:
        spoil(made)
        said = await refusal(made)
        assert lines_with(said, words), said
        faults = [line for line in said.splitlines() if ": warning: " not in line]
        assert len(faults) == 1, said


async def test_a_port_in_use_is_named_with_the_setting_that_changes_it(tmp_path: Path, example_site: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as web, socket.socket(type=socket.SOCK_DGRAM) as traps:
        traps.bind(("127.0.0.1", 0))
        taken = {"web": web.getsockname()[1], "traps": traps.getsockname()[1]}
        async with world(example_site, tmp_path) as made:
            made.agent(lambda agent: agent.update(web={"listen": f"127.0.0.1:{taken['web']}"}))
            said = await refusal(made)
            assert lines_with(said, [f"127.0.0.1:{taken['web']}", "in use", "web.listen"]), said
            listen = {"listen": f"127.0.0.1:{taken['traps']}"}
            made.agent(lambda agent: agent.update(web={"listen": f"127.0.0.1:{made.port}"}, traps=listen))
            said = (await refusal(made)).removeprefix(said)
            assert lines_with(said, [str(taken["traps"]), "in use", "traps.listen"]), said


async def test_sighup_takes_a_good_configuration_and_refuses_a_faulty_one(tmp_path: Path, example_site: Path) -> None:
    async with world(example_site, tmp_path, log_level="error") as made:
        process = await made.start()
        made.agent(lambda agent: agent.update(log_level="info", polling={"fast": "1s", "slow": "soon"}))
        process.send_signal(signal.SIGHUP)
        await until(lambda: lines_with(made.log, ["agent.yaml:", "polling.slow", "soon"]))
        assert "goes on with the old one" in made.log
        assert process.returncode is None
        made.agent(lambda agent: agent.update(polling={"fast": "200ms", "slow": "400ms", "timeout": "300ms"}))
        process.send_signal(signal.SIGHUP)
        await until(lambda: "devices watched: 24" in made.log)
        await made.ready()
        made.site.plant.apply("water", {"unit": "leak-1", "wet": True})
        await until(lambda: made.mailed("leak-1"))
        assert await made.end() == 0
        no_fault(made.log)


@pytest.mark.parametrize("what", ["port", "data_dir", "ca_file", "profile"])
async def test_a_configuration_that_cannot_start_leaves_the_old_one_at_work(
    tmp_path: Path, example_site: Path, what: str
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        changes: dict[str, Callable[[Any], None]] = {
            "port": lambda agent: agent.update(web={"listen": f"127.0.0.1:{taken.getsockname()[1]}"}),
            "data_dir": lambda agent: agent.update(data_dir=f"{tmp_path}/log/data"),
            "ca_file": lambda agent: agent["smtp"].update(security="tls", ca_file="/nowhere/ca.pem"),
        }
        async with world(example_site, tmp_path) as made:
            process = await made.start()
            if what == "profile":
                (made.config / "profiles").mkdir(exist_ok=True)
                (made.config / "profiles" / "own.yaml").write_text("- no profile")
            else:
                made.agent(changes[what])
            process.send_signal(signal.SIGHUP)
            await until(lambda: "goes on with the old one" in made.log)
            await made.ready()
            made.site.plant.apply("water", {"unit": "leak-1", "wet": True})
            await until(lambda: made.mailed("leak-1"))
            assert await made.end() == 0
            no_fault(made.log)


def resident_kb(pid: int) -> int:
    found = re.search(r"VmRSS:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    assert found is not None
    return int(found[1])


def descriptors(pid: int) -> int:
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))


async def test_twenty_reloads_cost_neither_memory_nor_descriptors(tmp_path: Path, example_site: Path) -> None:
    async with world(example_site, tmp_path, traps={"listen": "127.0.0.1:0"}) as made:
        process = await made.start()
        figures = []
        for count in range(1, 25):
            process.send_signal(signal.SIGHUP)
            await until(lambda count=count: made.log.count("is taken over") == count)
            await made.ready()
            figures.append((resident_kb(process.pid), descriptors(process.pid)))
        assert await made.end() == 0
        no_fault(made.log)
        assert figures[-1][1] <= figures[3][1] + 2, figures
        assert figures[-1][0] <= figures[3][0] + 8_000, figures


async def test_damaged_samples_and_spool_are_kept_aside_and_keep_nobody_from_being_paged(
    tmp_path: Path, example_site: Path
) -> None:
    async with world(example_site, tmp_path, influx={"enabled": True, "url": "http://127.0.0.1:1"}) as made:
        await made.start()
        await until(lambda: (tmp_path / "data" / "samples.db-wal").stat().st_size > 20_000)
        assert await made.end(5) == 0
        broken = bytearray((tmp_path / "data" / "samples.db").read_bytes())
        broken[4096:] = b"\xff" * len(broken[4096:])
        (tmp_path / "data" / "samples.db").write_bytes(broken)
        (tmp_path / "data" / "spool.db").write_bytes(b"no database at all")
        await made.start()
        made.site.plant.apply("water", {"unit": "leak-1", "wet": True})
        await until(lambda: made.mailed("leak-1"))
        assert await made.end(5) == 0
        no_fault(made.log)
        assert made.log.count("and dcmon has begun a new one") == 2
        assert (tmp_path / "data" / "samples.db.damaged").read_bytes() == broken
        assert (tmp_path / "data" / "spool.db.damaged").read_bytes() == b"no database at all"
