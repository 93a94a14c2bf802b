"""The commands as their user meets them: bad input, odd terminals, output that nobody reads. Never a traceback."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from process_world import command, no_fault, write_site

pytestmark = [pytest.mark.xdist_group("process"), pytest.mark.timeout(60)]

NOON = "2026-11-23T12:00:0"


def sample(second: int, **fields: object) -> str:
    line = {"ts": f"{NOON}{second}Z", "asset": "ups-a", "point": "ups.on_battery", "value": True, **fields}
    return json.dumps(line)


BAD_LINES = (
    sample(1, quality=["good"]),
    sample(1, quality={}),
    sample(1, reason={"a": 1}),
    sample(1, value=float("nan")),
    sample(1, value=[1]),
    sample(1, index=1.5),
    sample(1, ts="9999-12-31T23:59:59Z"),
    sample(1, ts="2026-11-23"),
    sample(1, ts=1e300),
    sample(1, asset=None),
    sample(1, asset="nobody"),
    json.dumps({"ts": f"{NOON}1Z", "ack": {"asset": "ups-a"}}),
    "[" * 100_000,
    "null",
    '{"ts": ',
    "\x00\x01",
)


async def test_replay_leaves_out_every_malformed_line_by_number_and_judges_the_others(
    tmp_path: Path, example_site: Path
) -> None:
    good = [sample(1), sample(1), sample(0), sample(2, point="no.such"), sample(9)]
    (tmp_path / "samples").write_text("\n".join([*BAD_LINES, *good]))
    code, out, err = await command("replay", "--config", str(example_site), str(tmp_path / "samples"), "--json")
    assert code == 1
    for number in range(1, len(BAD_LINES) + 1):
        assert f"line {number}: " in err, number
    assert f"{len(BAD_LINES)} lines" in err
    decided = [json.loads(line) for line in out.splitlines()]
    assert {row["rule"] for row in decided if row["type"] == "page"} == {"ups-on-battery"}
    no_fault(err)


@pytest.mark.parametrize("content", [b"", b"\n\n", bytes(range(256)) * 40, b"\xff\xfe{\n" + os.urandom(5000)])
async def test_replay_of_no_samples_at_all_decides_nothing(example_site: Path, content: bytes) -> None:
    code, out, err = await command("replay", "--config", str(example_site), "-", stdin=content)
    assert (code, out) == (1 if content.strip() else 0, "")
    no_fault(err)


async def test_replay_prints_valid_json_whatever_the_samples_say_and_the_terminal_shows(
    tmp_path: Path, example_site: Path
) -> None:
    lines = [
        sample(0),
        sample(9),
        json.dumps({"ts": "2026-11-23T12:01:00Z", "ack": {"asset": "ups-a", "by": "Jörg \ud800"}}),
    ]
    (tmp_path / "samples").write_text("\n".join(lines))
    for encoding in ("utf-8", "ascii", "latin-1"):
        code, out, err = await command(
            "replay", "--config", str(example_site), str(tmp_path / "samples"), "--json",
            env={"PYTHONIOENCODING": encoding},
        )  # fmt: skip
        assert code == 0, err
        assert any(row["state"] == "acknowledged" for row in map(json.loads, out.splitlines()))


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["check", "--config", "{folder}/empty"], "agent.yaml:1: [C001] cannot be read"),
        (["check", "--config", "{folder}/nowhere"], "is no directory"),
        (["check", "--config", "{folder}/control"], "agent.yaml:2: [C002] a character that no text holds (U+0000)"),
        (["check", "--config", "{folder}/folder"], "agent.yaml:1: [C001] is no ordinary file"),
        (["replay", "--config", "{folder}/nowhere", "x"], "is no directory"),
        (["replay", "--config", "{site}", "{folder}"], "Is a directory"),
        (["run", "--config", "{folder}/empty"], "agent.yaml:1: [C001] cannot be read"),
        (["demo", "--scenario", "nothing"], "there is no scenario 'nothing'"),
        (["demo", "--data-dir", "{folder}/file/data"], "data_dir"),
        (["demo", "--port", "{taken}"], "--port"),
        (["demo", "--port", "0", "--report", "{folder}/nowhere/r.json"], "nowhere/r.json"),
        (["demo", "--port", "0", "--report", "{folder}"], "could not be written at the end"),
        (["schema", "{folder}/file/x"], "Not a directory"),
        (["poll", "--snmp", "127.0.0.1:{silent}", "--timeout", "0.1", "--retries", "1"], "let"),
        (["poll", "--snmp", "nowhere.invalid"], "no address"),
        (["poll", "--snmp", "127.0.0.1:9", "--profile", "x"], "there is no profile 'x'"),
        (["poll", "--snmp", "127.0.0.1:9", "--profiles", "{folder}/nowhere"], "no folder"),
        (["poll", "--snmp", "127.0.0.1:9", "--community", "env:NOWHERE"], "is not set"),
        (["poll", "--snmp", "127.0.0.1:9", "--user", "u", "--auth-key", "clear"], "a secret in clear text"),
        (["poll", "--modbus", "127.0.0.1:9", "--profile", "dse_gencomm"], "nothing listens there"),
        (["poll"], "one of --snmp HOST:PORT, --modbus"),
        (["slo", "--config", "{folder}/site"], "has not watched this site yet"),
    ],
)
async def test_what_cannot_be_done_is_one_message_and_exit_code_1(
    tmp_path: Path, example_site: Path, arguments: list[str], says: str
) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").write_text("")
    for name in ("control", "folder"):
        shutil.copytree(example_site, tmp_path / name)
    (tmp_path / "control" / "agent.yaml").write_text("log_level: info\ndata_dir: /x\0\n")
    (tmp_path / "folder" / "agent.yaml").unlink()
    (tmp_path / "folder" / "agent.yaml").mkdir()
    shutil.move(write_site(example_site, tmp_path, {}, 9), tmp_path / "site")
    with socket.socket(type=socket.SOCK_DGRAM) as silent, socket.create_server(("127.0.0.1", 0)) as taken:
        silent.bind(("127.0.0.1", 0))
        places = {
            "folder": tmp_path,
            "site": example_site,
            "silent": silent.getsockname()[1],
            "taken": taken.getsockname()[1],
        }
        code, out, err = await command(*(word.format(**places) for word in arguments))
    assert code == 1, out + err
    assert says in err
    no_fault(out + err)


async def test_a_fault_of_one_file_says_that_the_checks_between_files_come_later(
    tmp_path: Path, example_site: Path
) -> None:
    shutil.copytree(example_site, tmp_path / "site")
    (tmp_path / "site" / "agent.yaml").write_text("log_level: loud\n")
    code, out, err = await command("check", "--config", str(tmp_path / "site"))
    first, last = err.splitlines()
    assert (code, out) == (1, "")
    assert "agent.yaml:1: [C004]" in first
    assert "docs/checks.md" in last
    code, _, err = await command("check", "--config", str(tmp_path / "nowhere"))
    assert (code, len(err.splitlines())) == (1, 1)


async def test_garbage_for_an_answer_is_no_answer(example_site: Path) -> None:
    class Babbler(asyncio.DatagramProtocol):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            assert isinstance(transport, asyncio.DatagramTransport)
            self.transport = transport

        def datagram_received(self, data: bytes, client: tuple[str, int]) -> None:
            for answer in (
                b"",
                data[: len(data) // 2],
                data,
                os.urandom(1400),
                b"\x30\x84\xff\xff\xff\xff",
                b"\x30" * 60_000,
            ):
                self.transport.sendto(answer, client)

    transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(Babbler, local_addr=("127.0.0.1", 0))
    port = transport.get_extra_info("sockname")[1]
    code, out, err = await command("poll", "--snmp", f"127.0.0.1:{port}", "--timeout", "0.2", "--retries", "1")
    transport.close()
    assert (code, out) == (1, "")
    assert "dcmon: timeout" in err
    no_fault(err)


ODD_TERMINALS = (
    {"PYTHONIOENCODING": "ascii"},
    {"LANG": "C", "LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"},
    {"COLUMNS": "1"},
    {"TERM": "dumb", "COLUMNS": "20"},
)


@pytest.mark.parametrize("terminal", ODD_TERMINALS)
async def test_any_terminal_will_do(example_site: Path, terminal: dict[str, str]) -> None:
    for arguments in (
        ["oncall", "--config", str(example_site)],
        ["demo", "--port", "0", "--speed", "20", "--scenario", "water-leak", "--exit-after", "2.5"],
    ):
        code, out, err = await command(*arguments, env=terminal)
        assert code == 0, err
        assert out
        no_fault(out + err)


def shell(line: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["bash", "-o", "pipefail", "-c", line.replace("dcmon ", f"{sys.executable} -m dcmon ")],
        capture_output=True,
        text=True,
        timeout=40,
        check=False,
    )  # fmt: skip


async def test_output_that_nobody_reads_is_no_traceback(tmp_path: Path, example_site: Path) -> None:
    lines = [sample(number, asset=asset) for number in (0, 9) for asset in ("ups-a", "ups-b")]
    (tmp_path / "samples").write_text("\n".join(lines))
    replay = f"dcmon replay --config {example_site} {tmp_path / 'samples'}"
    for line in (
        f"{replay} --json | head -1",
        f"{replay} | head -1",
        f"{replay} --json >&-",
        f"{replay} --json > /dev/full",
        f"dcmon oncall --config {example_site} > /dev/full",
        f"dcmon oncall --config {example_site} --json > /dev/full",
        "dcmon demo --list | head -1",
    ):
        done = await asyncio.to_thread(shell, line)
        no_fault(done.stderr)
        assert "Exception ignored" not in done.stderr, line
        if "/dev/full" in line:
            assert done.returncode == 1, line
            assert "No space left" in done.stderr, line


async def test_a_demo_whose_terminal_is_gone_ends_in_order_and_writes_its_report(tmp_path: Path) -> None:
    report = tmp_path / "report.json"
    line = f"dcmon demo --port 0 --speed 20 --scenario water-leak --report {report} | head -1"
    done = await asyncio.to_thread(shell, line)
    no_fault(done.stderr)
    assert json.loads(report.read_text())["scenario"] == "water-leak"


@pytest.mark.parametrize("delay", [1.5, 3.0])
async def test_ctrl_c_ends_the_demo_without_a_traceback(tmp_path: Path, delay: float) -> None:
    with (tmp_path / "log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-X", "dev", "-m", "dcmon", "demo", "--port", "0", stdout=log, stderr=log
        )  # fmt: skip
        await asyncio.sleep(delay)
        process.send_signal(signal.SIGINT)
        code = await asyncio.wait_for(process.wait(), 10)
    said = (tmp_path / "log").read_text()
    assert code in (0, 130, -signal.SIGINT), said
    no_fault(said)


def test_an_editor_gets_a_schema_for_every_file_and_for_profiles(tmp_path: Path) -> None:
    subprocess.run(
        [sys.executable, "-m", "dcmon", "schema", str(tmp_path)], check=True, timeout=60, capture_output=True
    )
    found = {path.name.removesuffix(".schema.json"): json.loads(path.read_text()) for path in tmp_path.iterdir()}
    assert set(found) == {"agent", "site", "collectors", "rules", "people", "register", "profile"}
    assert all(schema["additionalProperties"] is False for schema in found.values())
