"""What a device is, from what it says and what it answers."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from dcmon.collectors.identify import identify, identify_as, identify_unit
from dcmon.collectors.plan import compile_plan
from dcmon.collectors.profile import load_profiles
from dcmon.collectors.recording import RecordedSession, parse_recording
from dcmon.collectors.register_recording import RecordedRegisters
from dcmon.collectors.snmp import Oid, VarBind
from dcmon.model import CollectError

PROFILES = load_profiles()
UPS = "1.3.6.1.2.1.33.1.4.1.0|2|3\n1.3.6.1.2.1.33.1.2.1.0|2|2\n"
SENSOR = "1.3.6.1.2.1.99.1.1.1.4.1|2|21\n"
IFS = "1.3.6.1.2.1.2.2.1.8.1|2|1\n"


def device(text: str, object_id: str = "", descr: str = "") -> RecordedSession:
    system = f"1.3.6.1.2.1.1.1.0|4|{descr}\n" if descr else ""
    system += f"1.3.6.1.2.1.1.2.0|6|{object_id}\n" if object_id else ""
    return RecordedSession(parse_recording(system + text))


@pytest.mark.parametrize(
    ("session", "profile", "least", "most"),
    [
        (device(IFS, "1.3.6.1.4.1.2636.1.1"), "network", 0.9, 1.0),
        (device(IFS, "1.3.6.1.4.1.318.1.3.27"), "apc_powernet_ups", 0.9, 1.0),
        (device(IFS, "1.3.6.1.4.1.318.1.3.4.6"), "apc_rpdu", 0.9, 1.0),
        (device(IFS, "1.3.6.1.4.1.318.1.3.4.9"), "apc_epdu", 0.9, 1.0),
        (device("1.3.6.1.4.1.318.1.1.1.4.1.1.0|2|2\n", "1.3.6.1.4.1.318.1.3.999"), "apc_powernet_ups", 0.9, 1.0),
        (device(UPS + IFS, "1.3.6.1.4.1.424242"), "rfc1628", 0.3, 0.5),
        (device(IFS, "1.3.6.1.4.1.424242"), "standard", 0.2, 0.5),
        (device(IFS + SENSOR, "1.3.6.1.4.1.424242"), "standard", 0.2, 0.5),
        (device("1.3.6.1.2.1.1.3.0|67|4200\n", "1.3.6.1.4.1.424242"), "standard", 0.2, 0.5),
        (device(UPS, ".1.3.6.1.4.1.705.1"), "eaton_mge", 0.9, 1.0),
        (device(UPS), "rfc1628", 0.3, 0.5),
    ],
    ids=[
        "router",
        "ups",
        "pdu",
        "newer pdu",
        "unknown card with a ups behind it",
        "unknown ups",
        "unknown box",
        "unknown box with sensors",
        "unknown box that says nothing but its uptime",
        "vendor before standard",
        "says nothing of itself",
    ],
)
async def test_device_is_found_to_be(session: RecordedSession, profile: str, least: float, most: float) -> None:
    match = await identify(session, PROFILES)
    assert match.profile == profile
    assert least <= match.confidence <= most


LIEBERT = "1.3.6.1.4.1.476.1.42"
TRIPP_LITE = "1.3.6.1.4.1.850.1.1.1"
NET_SNMP = "1.3.6.1.4.1.8072.3.2.10"


@pytest.mark.parametrize(
    ("session", "profile"),
    [
        (device("", "1.3.6.1.4.1.318.1.1.32.1"), "apc_cpdu"),
        (device("1.3.6.1.4.1.318.1.1.12.1.1.0|4|rack\n", "1.3.6.1.4.1.318.1.3.999"), "apc_rpdu"),
        (device("", LIEBERT, "300kVA FPC"), "liebert_pdu"),
        (device("1.3.6.1.4.1.476.1.42.3.4.3.1.0|2|1\n", LIEBERT, "Liebert DS"), "liebert_gp_cooling"),
        (device("1.3.6.1.4.1.476.1.42.3.8.30.20.1.65.1.1|66|12\n", LIEBERT, "Liebert MPH"), "liebert_mph"),
        (device("1.3.6.1.4.1.850.1.1.3.2.2.1.1.1.1|2|1\n", TRIPP_LITE), "tripplite_pdu"),
        (device("1.3.6.1.4.1.850.1.1.3.4.3.2.1.1.4.1.1|2|1200\n", TRIPP_LITE), "tripplite_ats"),
        (device(UPS, TRIPP_LITE), "rfc1628"),
        (device("", "1.3.6.1.4.1.3808.1.1.6"), "cyberpower_pdu"),
        (device("1.3.6.1.4.1.3808.1.1.1.4.1.1.0|2|2\n", "1.3.6.1.4.1.3808.1.1.1"), "cyberpower_ups"),
        (device("1.3.6.1.4.1.1418.6.1.4.0|4|iBoot-PDU8\n", NET_SNMP), "dataprobe_iboot"),
        (device("", ".1.3.6.1.4.1.232.165.11"), "hpe_mapdu3"),
        (device("", "1.3.6.1.4.1.232.165.7"), "hpe_mapdu"),
        (device("1.3.6.1.4.1.21239.2.25.1.10.1|66|300\n", "1.3.6.1.4.1.21239.2"), "geist_pdu_v3"),
        (device("1.3.6.1.4.1.21239.2.2.1.3.1|4|GEIST\n", "1.3.6.1.4.1.21239.2"), "geist_watchdog_v3"),
        (device("", "1.3.6.1.4.1.21239.5.1"), "geist_watchdog"),
        (device("", "1.3.6.1.4.1.21239.5.2"), "geist_pdu"),
        (device("", "1.3.6.1.4.1.534.6.6.6"), "eaton_epdu_managed"),
        (device("", "1.3.6.1.4.1.534.6.6.7"), "eaton_epdu"),
        (device("", "1.3.6.1.4.1.534.7.1"), "eaton_pdu_nlogic"),
    ],
)
async def test_devices_that_share_a_vendors_number_are_told_apart(session: RecordedSession, profile: str) -> None:
    assert (await identify(session, PROFILES)).profile == profile


async def test_smart_ups_number_is_not_mistaken_for_one_that_begins_alike() -> None:
    """318.1.3.27 does not stand below 318.1.3.2."""
    match = await identify(device("", "1.3.6.1.4.1.318.1.3.32"), PROFILES)
    assert match.profile == "apc_ats"


async def test_device_that_nothing_fits_says_what_to_do() -> None:
    with pytest.raises(CollectError, match="no profile fits a device that says 'Toaster 3000'; name one"):
        await identify(device("", "1.3.6.1.4.1.424242", "Toaster 3000"), PROFILES)


class Weak(RecordedSession):
    """Silent where it is asked for more than it can; the session asks for less after each silence."""

    at_once, most = 64, 10

    async def get(self, oids: Sequence[Oid]) -> list[VarBind]:
        if min(len(oids), self.at_once) > self.most:
            self.at_once //= 2
            raise CollectError("timeout", "no answer")
        return await super().get(oids)


async def test_agent_for_which_all_probes_are_too_much_at_once_is_found_nevertheless() -> None:
    agent = Weak(parse_recording("1.3.6.1.2.1.1.2.0|6|1.3.6.1.4.1.318.1.3.27\n" + UPS))
    assert (await identify(agent, PROFILES)).profile == "apc_powernet_ups"


async def test_agent_that_is_silent_altogether_is_asked_twice_and_no_more() -> None:
    agent = Weak([])
    agent.most = 0
    with pytest.raises(CollectError, match="no answer"):
        await identify(agent, PROFILES)
    assert agent.at_once == 16


async def test_identity_holds_what_quirks_are_decided_by() -> None:
    session = device(UPS + "1.3.6.1.2.1.33.1.1.1.0|4|HUAWEI\n1.3.6.1.2.1.33.1.4.2.0|66|5000\n", "1.3.6.1.4.1.424242")
    match = await identify(session, PROFILES)
    assert match.identity.probes["1.3.6.1.2.1.33.1.1.1.0"] == "HUAWEI"
    assert await identify_as(session, PROFILES["rfc1628"]) is not None
    assert "output.power" not in compile_plan(PROFILES[match.profile], match.identity).points


def text(value: str, first: int, count: int) -> dict[tuple[int, int], int]:
    octets = value.encode().ljust(2 * count, b"\0")
    return {(3, first + at): int.from_bytes(octets[2 * at : 2 * at + 2], "big") for at in range(count)}


@pytest.mark.parametrize(
    ("registers", "profile"),
    [
        ({(3, 768): 1, (3, 769): 32841}, "dse_gencomm"),
        ({(3, 768): 1, (3, 769): 0xFFFF}, None),
        ({(3, 768): 1}, None),
        ({(3, 768): 2, (3, 769): 32841}, None),
        ({(4, 768): 1, (4, 769): 32841}, None),
        (text("Smart-UPS SRT 5000", 532, 16), "apc_smartups_modbus"),
        (text("iEM3155", 49, 20), "schneider_iem3000"),
        (text("PM5560", 49, 20), None),
        (text("Smart-UPS SRT 5000", 532, 12), None),
        ({}, None),
    ],
)
async def test_unit_is_known_by_all_of_its_registers(
    registers: dict[tuple[int, int], int], profile: str | None
) -> None:
    match = await identify_unit(RecordedRegisters(registers, {}), PROFILES)
    assert (match.profile if match is not None else None) == profile
    if match is not None:
        assert match.confidence >= 0.9
