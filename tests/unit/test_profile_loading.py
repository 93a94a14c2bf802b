"""Profiles: what is accepted, what is refused, and with which words."""

from __future__ import annotations

import textwrap
from pathlib import Path

import jsonschema
import pytest
import yaml

from dcmon.clock import perf_counter
from dcmon.collectors.plan import GROUPS, compile_plan
from dcmon.collectors.profile import load_profiles, profile_schema, shipped
from dcmon.collectors.profile_resolve import Identity
from dcmon.config.vocabulary import vocabulary
from dcmon.model import ConfigError

HEAD = """\
name: mine
vendor: Nobody
family: Test
kind: ups
source: "a test"
match:
  - {sys_object_id: 1.3.6.1.4.1.99999.1}
"""
GOOD = (
    HEAD
    + """\
points:
  - {point: battery.charge, oid: 1.3.6.1.4.1.99999.1.1.0}
"""
)


def load(tmp_path: Path, text: str) -> None:
    (tmp_path / "mine.yaml").write_text(textwrap.dedent(text))
    load_profiles(tmp_path)


def refusal(tmp_path: Path, text: str) -> str:
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, text)
    return str(caught.value)


@pytest.mark.parametrize("name", sorted(shipped()))
def test_shipped_profile_has_no_fault(name: str) -> None:
    profile = load_profiles()[name]
    assert [str(problem) for problem in profile.check()] == []
    assert profile.name == name == profile.path.stem
    plan = compile_plan(profile)
    assert set(plan.groups) == set(GROUPS)
    assert plan.points <= profile.points
    assert plan.requests("all") > 0


@pytest.mark.parametrize("name", sorted(shipped()))
def test_every_quirk_of_a_shipped_profile_can_be_compiled(name: str) -> None:
    profile = load_profiles()[name]
    for quirk in profile.definition.quirks:
        for rule in quirk.when:
            probes = {rule.probe: (rule.value or "").replace("*", "")} if rule.probe else {}
            identity = Identity(rule.sys_object_id or "", (rule.sys_descr or "").replace("*", ""), probes)
            plan = compile_plan(profile, identity)
            assert not plan.points & set(quirk.drop)


def test_headers_of_all_profiles_are_read_quickly() -> None:
    started = perf_counter()
    profiles = load_profiles()
    bodies = perf_counter()
    for profile in profiles.values():
        assert profile.definition.points or profile.definition.tables
    assert bodies - started < 0.15


def test_profile_of_the_user_replaces_the_shipped_one_of_the_same_name(tmp_path: Path) -> None:
    (tmp_path / "hwg_wld.yaml").write_text(GOOD.replace("name: mine", "name: hwg_wld"))
    profiles = load_profiles(tmp_path)
    assert profiles["hwg_wld"].vendor == "Nobody"
    assert load_profiles()["hwg_wld"].vendor == "HW group"


def test_folder_without_profiles_is_fine(tmp_path: Path) -> None:
    assert load_profiles(tmp_path / "none").keys() == load_profiles(tmp_path).keys() == load_profiles().keys()


def test_units_come_from_the_vocabulary_or_from_the_profile() -> None:
    profiles = load_profiles()
    assert profiles["rfc1628"].units["battery.runtime"] == "s"
    assert profiles["network"].units["if.in_rate"] == "bit/s"
    assert profiles["stulz_wib8000"].units["condensation.pressure"] == "kPa"
    assert profiles["rfc1628"].units.get("ups.on_battery") is None
    assert profiles["rfc1628"].units.get("no.such_point") is None


@pytest.mark.parametrize(
    ("addition", "line", "words"),
    [
        ("  - {point: battery.charge, oid: 1.3.6.x.1}", 10, "is no OID"),
        ("  - {point: battery.charge, oid: 1.3}", 10, "is no OID"),
        ("  - {point: battery.charge, oid: 1.3.6.1.4.1.99999.9.0}", 10, "stands twice"),
        ("  - {point: battery.voltage, oid: 1.3.6.1.0, factor: 2}", 10, "'factor' is not known here"),
        ("  - {point: battery.voltage, oid: 1.3.6.1.0, given_in: degF}", 10, "degF does not become V"),
        ("  - {point: battery.colour, oid: 1.3.6.1.0}", 10, "'battery.colour' is not in the vocabulary"),
        ("  - {point: battery.colour, description: paint, oid: 1.3.6.1.0}", 10, "needs a unit"),
        ("  - {point: my.point, description: x, unit: parsec, oid: 1.3.6.1.0}", 10, "'parsec' is no unit"),
        ("  - {point: battery.voltage, unit: V, oid: 1.3.6.1.0}", 10, "the vocabulary says its unit"),
        ("  - {point: output.source, oid: 1.3.6.1.0, states: {1: sometimes}}", 10, "'sometimes' is none of its words"),
        ("  - {point: genset.mode, oid: 1.3.6.1.0, states: {0: off}}", 10, "False is none of its words"),
        ("  - {point: output.source, oid: 1.3.6.1.0}", 10, "is an enumeration"),
        ("  - {point: ups.on_battery, oid: 1.3.6.1.0}", 10, "true or false"),
        ("  - {point: ups.on_battery, oid: 1.3.6.1.0, states: {1: normal}}", 10, "true or false"),
        ("  - {point: battery.voltage, oid: 1.3.6.1.0, true_above: 3}", 10, "do not belong"),
        ("  - {point: battery.voltage, column: 1.3.6.1.1}", 10, "stands in tables only"),
        ("  - {point: battery.voltage, holding: 3}", 10, "need `as`"),
        ("  - {point: battery.voltage, holding: 3, as: u16}", 9, "SNMP or Modbus, not both"),
        ("  - {point: battery.voltage}", 10, "exactly one of oid"),
        ("  - {point: battery.voltage, oid: 1.3.6.1.0, absent: ['9..1']}", 10, "is no range"),
        ("  - {point: battery.voltage, oid: 1.3.6.1.0, text: poetry}", 10, "should be 'number'"),
        ("  - {point: battery.voltage, oid: 1.3.6.1.0, scale: 0.1, scale: 1}", 10, "stands twice"),
        ("  - {point: battery.voltage, oid: 1.3.6.1.0, only_when: [{input: 4, is: [1]}]}", 10, "of another protocol"),
        ("  - {point: battery.voltage, oid: 1.3.6.1.0, only_when: [{column: 1.3.6.2, is: [1]}]}", 10, "has no row"),
        ("extends: nobody", 10, "extends stands behind the points"),
        ("quirks:\n  - {name: q, when: [{sys_descr: x}], drop: [battery.voltage]}", 11, "drops battery.voltage"),
        ("quirks:\n  - {name: q, when: [{sys_descr: x}], change: {battery.charge: {scael: 1}}}", 11, "quirk 'q'"),
    ],
)
def test_fault_is_refused_with_file_line_and_reason(tmp_path: Path, addition: str, line: int, words: str) -> None:
    message = refusal(tmp_path, GOOD + addition + "\n")
    assert words in message
    assert f"mine.yaml:{line}: [" in message


def test_unknown_parent_is_refused(tmp_path: Path) -> None:
    assert "extends 'nobody', which is not known" in refusal(
        tmp_path, GOOD.replace("match:", "extends: nobody\nmatch:")
    )


def test_two_columns_for_one_point_are_refused(tmp_path: Path) -> None:
    tables = HEAD + "tables:\n"
    for number in (1, 2):
        tables += f"  - {{name: t{number}, points: [{{point: temperature, column: 1.3.6.1.{number}}}]}}\n"
    assert "temperature comes from two columns" in refusal(tmp_path, tables)
    load(tmp_path, tables.replace("{name: t2", "{name: t2, prefix: second-"))


def test_file_that_is_no_yaml_is_refused_with_its_line(tmp_path: Path) -> None:
    assert "mine.yaml:9" in refusal(tmp_path, HEAD + "points: [{point: battery.charge, oid: 1.3.6.1.0\nx")


def test_all_faults_of_all_files_are_told_at_once(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(GOOD.replace("mine", "a").replace("battery.charge", "battery.colour"))
    (tmp_path / "b.yaml").write_text("name: b\n")
    with pytest.raises(ConfigError) as caught:
        load_profiles(tmp_path)
    text = str(caught.value)
    assert "a.yaml:9" in text
    assert "'vendor' is missing" in text


def test_schema_for_editors_knows_the_words() -> None:
    definitions = profile_schema()["$defs"]
    assert {"given_in", "absent_when", "fallback", "aggregate"} <= set(definitions["Entry"]["properties"])
    assert definitions["Entry"]["additionalProperties"] is False


SCHEMA = jsonschema.Draft202012Validator(profile_schema())


@pytest.mark.parametrize("name", sorted(shipped()))
def test_schema_for_editors_accepts_what_is_shipped(name: str) -> None:
    written = yaml.safe_load(shipped()[name].read_text())
    assert [error.message for error in SCHEMA.iter_errors(written)] == []


@pytest.mark.parametrize(
    ("point", "word"),
    [
        ("battery.voltage, oid: 1.3.6.1.0, factor: 2", "factor"),
        ("battery.voltage, oid: 1.3.6.1.0, text: poetry", "poetry"),
        ("battery.voltage, oid: 1.3.6.1.0, given_in: 3", "3"),
        ("Battery Voltage, oid: 1.3.6.1.0", "Battery Voltage"),
        ("battery.voltage, holding: 70000, as: u16", "70000"),
    ],
)
def test_schema_for_editors_marks_what_is_wrong(point: str, word: str) -> None:
    written = yaml.safe_load(GOOD + f"  - {{point: {point}}}\n")
    (error, *_) = SCHEMA.iter_errors(written)
    assert error.json_path.startswith("$.points[1]")
    assert word in error.message


def test_child_replaces_what_it_names_and_inherits_the_rest(tmp_path: Path) -> None:
    child = GOOD.replace("match:", "extends: rfc1628\nmatch:").replace("points:", "drop: [alarms.active]\npoints:")
    (tmp_path / "mine.yaml").write_text(child)
    profile = load_profiles(tmp_path)["mine"]
    entries = {entry.point: entry for entry in profile.resolve().entries()}
    assert entries["battery.charge"].oid == "1.3.6.1.4.1.99999.1.1.0"
    assert entries["output.voltage"].column == "1.3.6.1.2.1.33.1.4.4.1.2"
    assert "alarms.active" not in entries


def test_points_of_profiles_are_canonical_or_explained() -> None:
    known = vocabulary()
    for profile in load_profiles().values():
        for entry in profile.everything.entries():
            assert entry.point in known or entry.description, f"{profile.name}: {entry.point}"
