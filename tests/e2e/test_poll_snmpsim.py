"""`dcmon poll` against recordings of real devices, replayed by snmpsim on a real socket."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from profile_expectations import judge, rows
from snmp_simulator import snmpsim

from dcmon.ask import SnmpQuestion, ask_snmp
from dcmon.collectors.profile import load_profiles
from dcmon.model import CollectError, Quality, Reading

_FOLDER = Path(os.environ.get("DCMON_RECORDINGS", "/nonexistent")).resolve()
_ROWS = rows(_FOLDER) if _FOLDER.is_dir() else []
PROFILES = load_profiles()
OWN = frozenset(
    (  # noqa: SIM905  # a list of words is what it is
        "rfc1628 apc_powernet_ups network stulz_wib8000 hwg_poseidon hwg_ste2 hwg_wld apc_rpdu apc_ats rittal_cmc3 "
        "akcp_sensorprobe apc_environment avtech_roomalert nti_enviromux_5d teracom_tcw241 asentria_siteboss"
    ).split()
)

pytestmark = pytest.mark.timeout(180)


@pytest.fixture(scope="module")
def simulated(recordings: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    with snmpsim(recordings, tmp_path_factory.mktemp("snmpsim"), "env/hwg-wld_600415") as port:
        yield port


def readings_of(result: dict[str, Any]) -> list[Reading]:
    return [
        Reading(0, "device", r["point"], r["index"], r["value"], Quality(r["quality"]), r["reason"], r["source"])
        for r in result["readings"]
    ]


@pytest.mark.parametrize("row", _ROWS, ids=lambda row: Path(row["file"]).stem)
async def test_poll_finds_the_profile_and_reads_what_is_known(simulated: int, row: dict[str, Any]) -> None:
    community = row["file"].removesuffix(".snmprec")
    question = SnmpQuestion("127.0.0.1", simulated, community=community, timeout_s=5.0, retries=1)
    try:
        result = await ask_snmp(question, PROFILES, None)
    except CollectError as error:
        assert error.reason == "unknown"  # no profile yet: nothing false was said
        return
    verdict = judge(row, readings_of(result))
    assert verdict.wrong == []
    if result["profile"] in OWN and (result["profile"] != "network" or row["class"] == "network"):
        assert verdict.missing == []


def test_the_command_prints_the_interface_as_json(simulated: int) -> None:
    command = [sys.executable, "-m", "dcmon", "poll", "--snmp", f"127.0.0.1:{simulated}", "--json"]
    found = subprocess.run(
        [*command, "--community", "ups/apc_smx750"], capture_output=True, text=True, timeout=60, check=True
    )
    result = json.loads(found.stdout)
    assert (result["profile"], result["kind"]) == ("apc_powernet_ups", "ups")
    charge = next(reading for reading in result["readings"] if reading["point"] == "battery.charge")
    assert set(charge) == {"point", "index", "value", "unit", "quality", "reason", "source"}
    assert (charge["value"], charge["unit"], charge["quality"]) == (100, "%", "good")
    assert charge["source"].startswith("1.3.6.1.4.1.318.")


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--snmp", "127.0.0.1:1", "--retries", "0", "--timeout", "0.3"], "nothing listens there"),
        (["--snmp", "127.0.0.1:99999"], "is no HOST:PORT"),
        (["--snmp", "127.0.0.1", "--modbus", "127.0.0.1"], "--modbus HOST:PORT and --recording FILE"),
        (["--modbus", "127.0.0.1:1"], "nothing listens there"),
        (["--modbus", "127.0.0.1:1", "--profile", "rfc1628"], "profile rfc1628 is for snmp"),
        (["--modbus", "127.0.0.1:1", "--profile", "nosuch"], "there is no profile 'nosuch'"),
        (["--recording", "/nonexistent/x.snmprec"], "No such file"),
        (["--recording", "/nonexistent/x.yaml"], "No such file"),
        (["--snmp", "127.0.0.1:1", "--user", "u", "--auth-key", "secret12"], "a secret in clear text"),
    ],
)
def test_a_question_that_cannot_be_asked_says_what_to_do(options: list[str], says: str) -> None:
    found = subprocess.run(
        [sys.executable, "-m", "dcmon", "poll", *options], capture_output=True, text=True, timeout=60, check=False
    )
    assert found.returncode == 1
    assert says in found.stderr
    assert "secret12" not in found.stderr
    assert "Traceback" not in found.stderr
