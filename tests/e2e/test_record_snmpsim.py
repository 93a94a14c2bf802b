"""`dcmon record` against recordings of real devices on a real socket: what it writes is polled as the device."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from snmp_simulator import snmpsim

from dcmon.ask import SnmpQuestion, ask_recorded, ask_snmp
from dcmon.collectors.profile import load_profiles
from dcmon.recorder import Recorded, record_agent

PROFILES = load_profiles()
V3_KEY = "agent-key-1"

pytestmark = pytest.mark.timeout(180)


@pytest.fixture(scope="module")
def simulated(recordings: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    options = ("--v3-user", "reader", "--v3-auth-key", V3_KEY, "--v3-auth-proto", "SHA")
    with snmpsim(recordings, tmp_path_factory.mktemp("snmpsim"), "env/hwg-wld_600415", *options) as port:
        yield port


def said(result: dict[str, Any]) -> Counter[tuple[str, str, str]]:
    return Counter((one["point"], str(one["value"]), one["quality"]) for one in result["readings"])


async def record(port: int, community: str, version: str = "2c", *, everything: bool = False) -> Recorded:
    question = SnmpQuestion("127.0.0.1", port, version, community, timeout_s=5.0, retries=1)
    return await record_agent(question, PROFILES, None, everything=everything, told=lambda count: None)


@pytest.mark.parametrize("version", ["1", "2c"])
@pytest.mark.parametrize(
    "device",
    [
        "ups/apc_smx750",
        "ups/eaton-mgeups_5px",
        "pdu/raritan-pdu_px2",
        "pdu/sentry4",
        "cooling/stulz_wib8000",
        "ats/apc_ats",
    ],
)
async def test_the_recording_of_a_device_is_polled_as_the_device(
    simulated: int, tmp_path: Path, device: str, version: str
) -> None:
    recorded = await record(simulated, device, version)
    assert recorded.notes == ()
    path = tmp_path / "device.snmprec"
    path.write_text(recorded.text)
    live = await ask_snmp(
        SnmpQuestion("127.0.0.1", simulated, version, device, timeout_s=5.0, retries=1), PROFILES, None
    )
    again = await ask_recorded(path, PROFILES, None)
    assert again["profile"] == live["profile"] == recorded.profile
    assert said(again) == said(live)
    assert len(again["readings"]) == recorded.readings > 3


async def test_rows_named_by_a_peers_address_are_there_under_another_name(simulated: int, tmp_path: Path) -> None:
    device = "network/dnos_bgp"
    recorded = await record(simulated, device)
    (tmp_path / "router.snmprec").write_text(recorded.text)
    live = await ask_snmp(SnmpQuestion("127.0.0.1", simulated, "2c", device, timeout_s=5.0, retries=1), PROFILES, None)
    again = await ask_recorded(tmp_path / "router.snmprec", PROFILES, None)
    peers, redacted = (
        {one["index"] for one in result["readings"] if one["point"] == "bgp.state"} for result in (live, again)
    )
    assert said(again) == said(live)
    assert len(peers) == len(redacted) > 0
    assert not peers & redacted
    assert not [peer for peer in peers if peer in recorded.text]


async def test_all_of_it_is_recorded_on_request(simulated: int, recordings: Path) -> None:
    device = "pdu/apc_ap8853"
    small, whole = await record(simulated, device), await record(simulated, device, everything=True)
    assert whole.values > small.values
    assert whole.readings == small.readings
    assert "1.3.6.1.2.1.4." not in whole.text


async def test_a_device_that_only_a_standard_fits_is_recorded_wholly(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    lines = [
        *("1.3.6.1.2.1.1.1.0|4|Acme Drip", "1.3.6.1.2.1.1.2.0|6|1.3.6.1.4.1.99999.5", "1.3.6.1.2.1.1.3.0|67|4711"),
        *("1.3.6.1.2.1.1.5.0|4|drip-7-munich", "1.3.6.1.4.1.99999.5.1.2.1|4|Cable of drip-7-munich"),
        "1.3.6.1.4.1.99999.5.1.3.1|2|1",
    ]
    (tmp_path / "drip.snmprec").write_text("\n".join(lines) + "\n")
    with snmpsim(tmp_path, tmp_path_factory.mktemp("snmpsim"), "drip") as port:
        question = SnmpQuestion("127.0.0.1", port, "2c", "drip", timeout_s=5.0, retries=1)
        recorded = await record_agent(question, PROFILES, None, everything=False, told=lambda count: None)
    assert recorded.profile == "standard"
    assert recorded.values == len(lines)
    assert "munich" not in recorded.text
    assert any("no profile of its maker" in note for note in recorded.notes)


def test_the_command_writes_a_file_once_and_says_what_is_in_it(simulated: int, tmp_path: Path) -> None:
    path = tmp_path / "ups.snmprec"
    command = [sys.executable, "-m", "dcmon", "record", f"127.0.0.1:{simulated}", "--out", str(path), "--timeout", "5"]
    command += ["--community", "ups/apc_smx750i"]
    found = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    assert found.stdout == ""
    assert "readings of apc_powernet_ups" in found.stderr
    lines = path.read_text().splitlines()
    assert len(lines) > 20
    assert "private" not in path.read_text()
    again = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert again.returncode == 1
    assert "is there already" in again.stderr
    assert path.read_text().splitlines() == lines


def test_an_agent_is_recorded_as_a_v3_user(simulated: int) -> None:
    command = [sys.executable, "-m", "dcmon", "record", f"127.0.0.1:{simulated}", "--timeout", "5", "--user", "reader"]
    command += ["--auth", "sha1", "--auth-key", "env:DCMON_KEY", "--context", "ups/apc_smx750"]
    found = subprocess.run(
        command, capture_output=True, text=True, timeout=60, check=False, env={"DCMON_KEY": V3_KEY, "PATH": "/usr/bin"}
    )
    assert found.returncode == 0, found.stderr
    assert "readings of apc_powernet_ups" in found.stderr
    assert "1.3.6.1.4.1.318.1.1.1.4.3.3.0|66|762" in found.stdout
