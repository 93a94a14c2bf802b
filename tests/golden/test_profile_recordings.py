"""Recordings of real devices: identified, decoded, compared with what is known of them.

A new recording is a new test without code; the files themselves are under other licences and not in this repository.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from profile_expectations import judge, poll_recording, rows

from dcmon.collectors.profile import load_profiles

_FOLDER = Path(os.environ.get("DCMON_RECORDINGS", "/nonexistent"))
_ROWS = rows(_FOLDER) if _FOLDER.is_dir() else []
PROFILES = load_profiles()

EXPECTED_PROFILE = {
    "apc_smart1500": "apc_powernet_ups",
    "apc_powerchute": "apc_powernet_ups",
    "centreon_ups-apc-battery-low": "apc_powernet_ups",
    "deltaups_mini-snmp": "rfc1628",
    "generex-ups_cs141": "rfc1628",
    "huaweiups_ups2000": "rfc1628",
    "netvision-rfc": "rfc1628",
    "marathonups": "rfc1628",
    "eaton-mgeups_5px": "eaton_mge",
    "eatonups": "eaton_xups",
    "apc_ap8853": "apc_rpdu",
    "apc_ap7900b": "apc_rpdu",
    "apc_isx-pdu": "apc_isx_pdu",
    "apc-epdu_epdu1116s": "apc_epdu",
    "apc-cpdu": "apc_cpdu",
    "dell-rpdu": "dell_rpdu",
    "eatonpdu_2": "eaton_epdu",
    "enlogic-pdu_v2": "enlogic_pdu",
    "raritan-pdu": "raritan_px1",
    "raritan-pdu_px2": "raritan_px2",
    "raritan-pdu_px2-temp": "raritan_px2",
    "sentry3_3phase": "sentry3",
    "schleifenbauer": "schleifenbauer",
    "schleifenbauer_dpm27e": "schleifenbauer",
    "hpe-pdumm": "hpe_pdumm",
    "hpe-mapdu_pdu2": "hpe_mapdu",
    "hpe-mapdu_pdu3": "hpe_mapdu3",
    "vertiv-pdu_mg02e4w1": "geist_pdu",
    "gude-epc_1202": "gude_epc",
    "cyberpower_pdu81005": "cyberpower_pdu",
    "centreon_CyberPower": "cyberpower_pdu",
    "panduit_2": "panduit_g5",
    "iboot_pdu8-2n15": "dataprobe_iboot",
    "atenpdu": "aten_pe",
    "poweralert_pdu": "tripplite_pdu",
    "liebert_web485": "liebert_pdu",
    "apc_ats": "apc_ats",
    "stulz_wib8000": "stulz_wib8000",
    "hwg-poseidon": "hwg_poseidon",
    "hwg-ste2": "hwg_ste2",
    "hwg-wld_600415": "hwg_wld",
    "akcp_serverprobe8": "akcp_sensorprobe",
    "aos-emu2_ap9320": "apc_environment",
    "apc_emu": "apc_environment",
    "apc-netbotz_netbotz750": "apc_netbotz",
    "avtech_roomalert12s": "avtech_roomalert",
    "nti_e5d": "nti_enviromux_5d",
    "nti_e1w": "nti_enviromux_micro",
    "rittal-cmc-iii-pu": "rittal_cmc3",
    "rittal-lcp_cmciii-pu-lcp": "rittal_lcp",
    "siteboss550": "asentria_siteboss",
    "gude-esb_7213-12": "gude_esb",
    "raritan-pdu_px3": "raritan_px2",
    "sentry4": "sentry4",
    "junos_qfx5100": "network",
    "iosxr_asr9001": "network",
}
"""What must be found for some of them; the others only have to decode right."""

UNCOVERED = "standard"
"""The profile that devices get for which there is none of their own; what they alone can say is missing then."""


def test_there_are_recordings_to_compare_with(recordings: Path) -> None:
    assert len(list(recordings.rglob("*.snmprec"))) >= 100


@pytest.mark.parametrize("row", _ROWS, ids=lambda row: Path(row["file"]).stem)
async def test_recording_decodes_to_what_is_known_of_the_device(row: dict) -> None:
    match, readings = await poll_recording(_FOLDER / row["file"], PROFILES)
    keys = [(reading.point, reading.index) for reading in readings]
    assert len(keys) == len(set(keys)), sorted({key for key in keys if keys.count(key) > 1})
    verdict = judge(row, readings)
    assert verdict.wrong == [], f"as {match}"
    if match is None or (match.profile == UNCOVERED and row["class"] != "network"):
        return  # nothing false was said of it; `make devices` lists what has no profile yet
    assert verdict.missing == [], f"as {match}"
    expected = EXPECTED_PROFILE.get(Path(row["file"]).stem)
    assert expected in (None, match.profile)
