"""Compares what a recording decodes to with what expected.jsonl says of it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dcmon.collectors.collect import collect_snmp
from dcmon.collectors.identify import Match, identify
from dcmon.collectors.plan import compile_plan
from dcmon.collectors.profile import Profile
from dcmon.collectors.recording import read_recording
from dcmon.model import CollectError, Quality, Reading

SI = {"min": 60}
"""Units of expected values that the vocabulary does not use -> factor to the one that it does."""

DISPROVEN = {
    ("enexus", "1.3.6.1.4.1.12148.10.5.2.5.0"),
    ("enexus", "1.3.6.1.4.1.12148.10.9.2.5.0"),
}
"""Expected values that the device itself contradicts. Micropack: powerSystemCurrentDecimalSetting is deciAmpere(1), so
that a load of 51 is 5.1 A and not 51; its own log has 277 W for every hour, and 277 W / 54.16 V is 5.1 A."""


@dataclass
class Verdict:
    """How a recording came out."""

    right: int = 0
    wrong: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)

    def note(self, what: str, fine: bool, got: object) -> None:
        if fine:
            self.right += 1
        elif got in ([], None):
            self.missing.append(what)
        else:
            self.wrong.append(f"{what}, got {got}")


def rows(folder: Path) -> list[dict[str, Any]]:
    """The rows of expected.jsonl."""
    return [json.loads(line) for line in (folder / "expected.jsonl").read_text().splitlines()]


async def poll_recording(path: Path, profiles: dict[str, Profile]) -> tuple[Match | None, list[Reading]]:
    """Identifies the recording and reads everything; (None, []) when no profile fits."""
    session = read_recording(path)
    try:
        match = await identify(session, profiles)
    except CollectError:
        return None, []
    plan = compile_plan(profiles[match.profile], match.identity)
    return match, await collect_snmp(session, plan, "all", "device", 0)


def judge(row: dict[str, Any], readings: Sequence[Reading]) -> Verdict:
    """Every expectation of one row."""
    verdict = Verdict()
    usable = [reading for reading in readings if reading.quality is not Quality.BAD]
    for key, expected in row.get("expect_points", {}).items():
        point, _, index = key.partition("/")
        values = [one.value for one in usable if one.point == point and (not index or one.index == index)]
        _judge_point(verdict, key, expected, values)
    for one in row.get("expect_by_oid", []):
        if (Path(row["file"]).stem, one["oid"]) in DISPROVEN:
            continue
        values = [reading.value for reading in usable if reading.source == one["oid"]]
        wanted = one["value"] * SI.get(one.get("unit", ""), 1)
        fine = any(close(value, wanted) or worded(value, one.get("text")) for value in values)
        verdict.note(f"{one['oid']} ({one['name']}) = {one['value']} {one.get('text', '')}", fine, values)
    _judge_network(verdict, row, usable)
    return verdict


def _judge_point(verdict: Verdict, key: str, expected: Any, values: list[Any]) -> None:
    if expected is None:
        verdict.note(f"{key} must not be a number", not values, values)
    elif isinstance(expected, list):
        fine = len(values) == len(expected) and all(map(close, values, expected))
        verdict.note(f"{key} = {expected}", fine, values)
    else:
        verdict.note(f"{key} = {expected}", bool(values) and all(close(value, expected) for value in values), values)


def _judge_network(verdict: Verdict, row: dict[str, Any], usable: list[Reading]) -> None:
    by_source = {(reading.point, (reading.source or "").rpartition(".")[2]): reading for reading in usable}
    for interface in row.get("expect_interfaces", []):
        number = str(interface["ifIndex"])
        speed = interface["speed_mbps"]
        wanted = {
            "if.admin": interface["admin"],
            "if.oper": interface["oper"],
            "if.in_octets": interface["in_octets"],
            "if.out_octets": interface["out_octets"],
            "if.speed": None if speed is None else speed * 1_000_000,
        }
        for point, expected in wanted.items():
            reading = by_source.get((point, number))
            value = reading.value if reading is not None else None
            verdict.note(f"{point} of {interface['name']} = {expected}", value == expected, value)
        name = by_source["if.oper", number].index or ""
        verdict.note(f"name of {number}", name.partition("#")[0] == interface["name"], name)
    for peer in row.get("expect_bgp", []):
        values = [one.value for one in usable if one.point == "bgp.state" and one.index == peer["peer"]]
        verdict.note(f"BGP {peer['peer']} = {peer['state']}", values == [peer["state"]], values)
    expected_network = row.get("expect_network")
    if expected_network is not None:
        states = [one.value for one in usable if one.point == "if.oper"]
        counted = (len(states), states.count("up"))
        verdict.note("interfaces", counted == (expected_network["if_total"], expected_network["if_up"]), counted)


def close(value: Any, expected: Any) -> bool:
    """Within one per cent; truths and words exactly."""
    if isinstance(expected, bool | str) or isinstance(value, bool | str):
        return type(value) is type(expected) and value == expected
    return value is not None and abs(value - expected) <= max(abs(expected) * 0.01, 1e-9)


def worded(value: Any, text: str | None) -> bool:
    return isinstance(value, str) and text is not None and value.casefold() == text.casefold()
