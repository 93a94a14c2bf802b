"""What a device does with its session: identification, quirks, replacement, restart, loss and return. No network."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

import pytest

from dcmon.clock import SystemClock
from dcmon.collectors.build import build_devices, device_intervals
from dcmon.collectors.device import Identities, Plans, SnmpDevice
from dcmon.collectors.modbus import Buses
from dcmon.collectors.profile import load_profiles
from dcmon.collectors.recording import RecordedSession, parse_recording
from dcmon.collectors.schedule import EVERYTHING, FAST, SLOW, Intervals
from dcmon.collectors.snmp import NativeClient, Oid, VarBind, parse_oid
from dcmon.config.agent import Polling
from dcmon.config.collectors import Collectors, PointMap
from dcmon.identities import Identities as KeptIdentities
from dcmon.model import CollectError, ConfigError, Reading
from dcmon.storage.journal import Journal

HEADER = "vendor: test\nfamily: test\nkind: {kind}\nsource: made for this test\n"
ALPHA = (
    "name: alpha\n"
    + HEADER.format(kind="ups")
    + """
match: [{sys_object_id: 1.3.6.1.4.1.99001}]
points:
  - {point: ups.on_battery, oid: 1.3.6.1.4.1.99001.1.0, states: {0: false, 1: true}}
  - {point: battery.charge, oid: 1.3.6.1.4.1.99001.2.0}
quirks:
  - name: old firmware counts in tenths
    when: [{sys_descr: "*firmware 1.*"}]
    change: {battery.charge: {scale: 0.1}}
"""
)
BETA = (
    "name: beta\n"
    + HEADER.format(kind="environment")
    + """
match: [{sys_object_id: 1.3.6.1.4.1.99002}]
points:
  - {point: ambient.temperature, index: "1", oid: 1.3.6.1.4.1.99002.1.0}
"""
)
METER = (
    "name: meter-x\n"
    + HEADER.format(kind="meter")
    + """
points:
  - {point: mains.voltage, index: l1, holding: 10, as: u16}
"""
)


def answers(vendor: int, values: dict[str, int], *, descr: str = "firmware 2.0", uptime: int = 1000) -> list[VarBind]:
    lines = [f"1.3.6.1.2.1.1.1.0|4|{descr}", f"1.3.6.1.2.1.1.2.0|6|1.3.6.1.4.1.{vendor}.7"]
    lines += [f"1.3.6.1.2.1.1.3.0|67|{uptime}"]
    lines += [f"1.3.6.1.4.1.{vendor}.{name}.0|2|{value}" for name, value in values.items()]
    return parse_recording("\n".join(lines))


class Agent:
    """A session whose agent can be replaced, restarted and silenced."""

    def __init__(self, varbinds: list[VarBind]) -> None:
        self.inner = RecordedSession(varbinds)
        self.silent = False
        self.asked: list[frozenset[Oid]] = []

    def become(self, varbinds: list[VarBind]) -> None:
        self.inner = RecordedSession(varbinds)

    async def get(self, oids: Sequence[Oid]) -> list[VarBind]:
        self.asked.append(frozenset(oids))
        if self.silent:
            raise CollectError("timeout", "no answer")
        return await self.inner.get(oids)

    async def walk(self, root: Oid) -> list[VarBind]:
        return await self.inner.walk(root)

    async def walk_columns(self, columns: Sequence[Oid], *, sparing: bool = False) -> dict[Oid, list[VarBind]]:
        return await self.inner.walk_columns(columns, sparing=sparing)

    async def close(self) -> None:
        pass


@pytest.fixture
def plans(tmp_path: Path) -> Plans:
    for name, text in (("alpha", ALPHA), ("beta", BETA), ("meter-x", METER)):
        (tmp_path / f"{name}.yaml").write_text(text, encoding="utf-8")
    return Plans(load_profiles(tmp_path))


def values(readings: list[Reading]) -> dict[str, object]:
    return {reading.point: reading.value for reading in readings}


UPS = {"1": 0, "2": 87}


async def test_an_unknown_device_is_identified_at_its_first_poll_and_then_no_more(plans: Plans) -> None:
    agent, kept = Agent(answers(99001, UPS)), Identities()
    device = SnmpDevice("ups-a", agent, plans, identities=kept)
    assert values(await device.poll(EVERYTHING, 1)) == {"ups.on_battery": False, "battery.charge": 87}
    assert device.match is not None
    assert device.match.profile == "alpha"
    assert kept.get("ups-a") == {
        "profile": "alpha", "sys_object_id": "1.3.6.1.4.1.99001.7", "sys_descr": "firmware 2.0",
        "rules": plans.rules,
    }  # fmt: skip
    agent.asked.clear()
    assert values(await device.poll(frozenset({FAST}), 2)) == {"ups.on_battery": False}
    assert agent.asked == [frozenset({parse_oid("1.3.6.1.4.1.99001.1.0")})]
    assert values(await device.poll(frozenset({SLOW}), 3)) == {"battery.charge": 87}
    assert len(agent.asked) == 2, "who it is goes along with what is asked anyway"


async def test_what_a_device_said_before_a_restart_of_dcmon_spares_the_long_search(plans: Plans) -> None:
    kept = Identities()
    await SnmpDevice("ups-a", Agent(answers(99001, UPS)), plans, identities=kept).poll(EVERYTHING, 1)
    known, unknown = Agent(answers(99001, UPS)), Agent(answers(99001, UPS))
    await SnmpDevice("ups-a", known, plans, identities=kept).poll(EVERYTHING, 1)
    await SnmpDevice("ups-b", unknown, plans, identities=kept).poll(EVERYTHING, 1)
    assert max(map(len, known.asked)) < 5 < max(map(len, unknown.asked))


async def test_what_a_device_is_stands_in_the_journal_and_outlives_the_process(plans: Plans, tmp_path: Path) -> None:
    def asked() -> int:
        return max(len(oids) for oids in agent.asked)

    agent = Agent(answers(99001, UPS))
    for run in ("first", "second"):
        journal = Journal(tmp_path / "data")
        kept = KeptIdentities(journal, SystemClock())
        assert (kept.get("ups-a") is None) == (run == "first")
        agent.asked.clear()
        await SnmpDevice("ups-a", agent, plans, identities=kept).poll(EVERYTHING, 1)
        assert (asked() > 5) == (run == "first"), "probing is done once"
        await asyncio.gather(*kept._saving)
        journal.close()


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"sys_descr": "firmware 1.0"}, "other firmware"),
        ({"rules": "of another version"}, "profiles that are new may know better"),
        ({"profile": "gone"}, "the profile is not there any more"),
    ],
)
async def test_what_is_not_as_it_was_before_a_restart_of_dcmon_is_searched_for_again(
    plans: Plans, change: dict[str, str], why: str
) -> None:
    kept, agent = Identities(), Agent(answers(99001, UPS))
    await SnmpDevice("ups-a", agent, plans, identities=kept).poll(EVERYTHING, 1)
    true = dict(kept.get("ups-a") or {})
    kept.put("ups-a", {**true, "profile": "beta"} | change)
    device = SnmpDevice("ups-a", agent, plans, identities=kept)
    assert values(await device.poll(EVERYTHING, 1)) == {"ups.on_battery": False, "battery.charge": 87}, why
    assert kept.get("ups-a") == true


async def test_uptime_that_wraps_after_497_days_is_no_restart(plans: Plans) -> None:
    agent = Agent(answers(99001, UPS, uptime=2**32 - 500))
    device = SnmpDevice("ups-a", agent, plans)
    await device.poll(EVERYTHING, 0)
    agent.asked.clear()
    agent.become(answers(99001, UPS, uptime=500))
    await device.poll(EVERYTHING, 10_000)
    assert len(agent.asked) == 1, "nothing but the poll"


async def test_a_restart_long_ago_is_seen_although_the_device_is_older_than_it_was(plans: Plans) -> None:
    agent = Agent(answers(99001, UPS, uptime=10_000))
    device = SnmpDevice("ups-a", agent, plans)
    await device.poll(EVERYTHING, 0)
    agent.become(answers(99001, UPS, descr="firmware 1.4", uptime=60_000))
    assert values(await device.poll(EVERYTHING, 3_600_000))["battery.charge"] == 8.7, "up for 600 s, not for 3,700 s"


async def test_a_cached_identity_of_another_device_is_not_believed(plans: Plans) -> None:
    kept = Identities()
    kept.put("env-1", {"profile": "alpha", "sys_object_id": "1.3.6.1.4.1.99001.7", "sys_descr": ""})
    device = SnmpDevice("env-1", Agent(answers(99002, {"1": 21})), plans, identities=kept)
    assert values(await device.poll(EVERYTHING, 1)) == {"ambient.temperature": 21}
    assert (kept.get("env-1") or {})["profile"] == "beta"


async def test_a_device_that_changes_its_sys_object_id_is_identified_anew(plans: Plans) -> None:
    agent = Agent(answers(99001, UPS))
    device = SnmpDevice("a", agent, plans)
    await device.poll(EVERYTHING, 1)
    assert device.groups == EVERYTHING
    agent.become(answers(99002, {"1": 21}))
    assert values(await device.poll(EVERYTHING, 2)) == {"ambient.temperature": 21}
    assert device.groups == {SLOW}


async def test_after_a_restart_the_quirks_of_the_new_firmware_apply(plans: Plans) -> None:
    agent = Agent(answers(99001, {"1": 0, "2": 870}, descr="firmware 1.9", uptime=5000))
    device = SnmpDevice("ups-a", agent, plans, profile="alpha")
    assert values(await device.poll(EVERYTHING, 1))["battery.charge"] == pytest.approx(87.0)
    agent.become(answers(99001, {"1": 0, "2": 86}, descr="firmware 2.0", uptime=100))
    assert values(await device.poll(EVERYTHING, 2))["battery.charge"] == 86


async def test_after_a_loss_even_a_fast_poll_asks_first_who_is_there(plans: Plans) -> None:
    agent = Agent(answers(99001, UPS))
    device = SnmpDevice("a", agent, plans)
    await device.poll(EVERYTHING, 1)
    agent.silent = True
    for _ in range(3):
        with pytest.raises(CollectError, match="timeout"):
            await device.poll(frozenset({FAST}), 2)
    agent.silent = False
    agent.become(answers(99002, {"1": 21}))
    await device.poll(frozenset({FAST}), 3)
    assert device.match is not None
    assert device.match.profile == "beta"


async def test_devices_of_one_kind_share_one_plan(plans: Plans) -> None:
    agents = [Agent(answers(99001, UPS, descr=f"unit {n}, firmware 2.0")) for n in range(3)]
    devices = [SnmpDevice(f"u{n}", agent, plans) for n, agent in enumerate(agents)]
    for device in devices:
        await device.poll(EVERYTHING, 1)
    assert len({id(device._plan) for device in devices}) == 1


async def test_maps_move_readings_to_the_assets_that_they_are_of(plans: Plans) -> None:
    maps = (PointMap(point="ambient.temperature", index="1", asset="rack-7", as_point="inlet.temperature"),)
    device = SnmpDevice("env-1", Agent(answers(99002, {"1": 21})), plans, maps=maps)
    [reading] = await device.poll(EVERYTHING, 1)
    assert (reading.asset, reading.point, reading.index, reading.value) == ("rack-7", "inlet.temperature", "1", 21)


async def test_a_device_that_nothing_fits_says_so(plans: Plans) -> None:
    mute = [one for one in answers(99777, {"1": 0}) if one.oid != parse_oid("1.3.6.1.2.1.1.3.0")]
    device = SnmpDevice("a", Agent(mute), plans)
    with pytest.raises(CollectError, match="firmware") as caught:
        await device.poll(EVERYTHING, 1)
    assert caught.value.reason == "unknown"


async def test_a_profile_that_does_not_exist_or_is_of_another_protocol_is_named(plans: Plans) -> None:
    for name, what in (("no-such", "no profile"), ("meter-x", "is for modbus")):
        with pytest.raises(CollectError, match=what) as caught:
            await SnmpDevice("a", Agent(answers(99001, UPS)), plans, profile=name).poll(EVERYTHING, 1)
        assert caught.value.reason == "profile"


CONFIG = {
    "credentials": {
        "public": {"version": "2c", "community": "env:COMMUNITY"},
        "user": {"version": "3", "user": "ops", "auth_key": "env:AUTH", "priv_key": "env:PRIV"},
    },
    "devices": {
        "ups-a": {"snmp": {"host": "127.0.0.1", "credentials": "public"}, "fast": "1s"},
        "ups-b": {"snmp": {"host": "127.0.0.1", "credentials": "user"}},
        "meter-1": {"modbus": {"host": "127.0.0.1", "port": 1502, "unit": 1}, "profile": "meter-x"},
        "meter-2": {"modbus": {"host": "127.0.0.1", "port": 1502, "unit": 2}, "profile": "meter-x", "slow": "1m"},
    },
}
SECRETS = {"env:COMMUNITY": "c0mmunity", "env:AUTH": "authentic-key", "env:PRIV": "private-key"}


def build(plans: Plans, config: dict[str, object], secrets: dict[str, str]) -> list[object]:
    def secret(reference: str) -> str:
        if reference not in secrets:
            raise ConfigError([f"{reference}: the environment variable is not set."])
        return secrets[reference]

    return list(
        build_devices(
            Collectors.model_validate(config),
            Polling(),
            plans.profiles,
            secret,
            clients={"native": NativeClient()},
            buses=Buses(SystemClock(), timeout_s=1),
        )
    )


async def test_devices_are_built_from_the_configuration_and_units_of_one_gateway_share_its_bus(plans: Plans) -> None:
    devices = build(plans, CONFIG, SECRETS)
    assert [device.asset for device in devices] == ["ups-a", "ups-b", "meter-1", "meter-2"]  # type: ignore[attr-defined]
    assert [device.bus for device in devices] == [None, None, *["127.0.0.1:1502"] * 2]  # type: ignore[attr-defined]
    intervals = device_intervals(Collectors.model_validate(CONFIG), Polling())
    assert (intervals["ups-a"], intervals["meter-2"]) == (Intervals(1, 15), Intervals(2, 60))


async def test_every_fault_of_the_configuration_is_told_at_once_and_no_secret_with_it(plans: Plans) -> None:
    devices: dict[str, object] = {
        "a": {"snmp": {"host": "127.0.0.1", "credentials": "nobody"}},
        "b": {"modbus": {"host": "127.0.0.1", "port": 1502}, "profile": "no-such"},
        "c": {"modbus": {"host": "127.0.0.1", "port": 1502, "framing": "rtu-over-tcp"}, "profile": "meter-x"},
        "d": {"modbus": {"host": "127.0.0.1", "port": 1503}, "profile": "alpha"},
        "e": {"snmp": {"host": "127.0.0.1", "credentials": "user"}},
    }
    with pytest.raises(ConfigError) as caught:
        build(plans, CONFIG | {"devices": devices}, SECRETS | {"env:AUTH": "short"})
    assert [str(problem).split(": ")[1] for problem in caught.value.problems] == ["a", "b", "c", "d", "e"]
    text = str(caught.value)
    for words in ("nobody", "no-such", "configured both as tcp", "is for snmp", "auth_key"):
        assert words in text
    assert not [secret for secret in [*SECRETS.values(), "'short'"] if secret in text]
