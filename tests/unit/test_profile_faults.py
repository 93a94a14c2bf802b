"""Profiles that cannot be meant: each is refused at load with file, line, reason and what to do."""

from __future__ import annotations

from pathlib import Path

import pytest

from dcmon.collectors.profile import load_profiles
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
UPS = HEAD + "points:\n  - {point: battery.charge, oid: 1.3.6.1.4.1.99999.1.1.0}\n"
TABLE = (
    HEAD
    + "tables:\n  - name: t\n    index: first\n    points:\n      - {point: temperature, column: 1.3.6.1.4.1.9.1}\n"
)
GENSET = """\
name: mine
vendor: Nobody
family: Test
kind: genset
source: "a test"
modbus: {gap: 4}
points:
  - {point: fuel.level, holding: 10, as: u16}
"""
QUIRK = "quirks:\n  - name: q\n    when: [{sys_descr: x}]\n"


def problems(tmp_path: Path, text: str) -> list[str]:
    (tmp_path / "mine.yaml").write_text(text)
    with pytest.raises(ConfigError) as caught:
        load_profiles(tmp_path)
    return [str(problem).replace(f"{tmp_path}/", "") for problem in caught.value.problems]


SCALARS = [
    ("battery.voltage, range: [5, 1]", "points[1].range: the range 5 to 1 holds nothing"),
    ("battery.voltage, range: [.nan, 1]", "finite number"),
    ("battery.voltage, range: [0, 100], invalid_outside: [10, 20]", "range is wider than invalid_outside"),
    ("battery.voltage, invalid_outside: [5, 5]", "holds nothing"),
    ("battery.voltage, scale: 0", "a factor of 0"),
    ("battery.voltage, scale: .inf", "finite number"),
    ("battery.voltage, scale: []", "points[1].scale"),
    ("battery.voltage, scale: yes", "truths for YAML"),
    ("battery.voltage, offset: .nan", "finite number"),
    ("battery.voltage, given_in: parsec", "parsec does not become V"),
    ("battery.voltage, absent: [yes]", "truths for YAML"),
    ("battery.voltage, absent: ['0..9999999']", "at most 4096 values"),
    ("battery.voltage, aggregate: sum", "belong to columns"),
    ("battery.voltage, where: [{row_above: 1}]", "belong to columns"),
    ("battery.voltage, as: u16", "need `as`, and nothing else has it"),
    ("battery.voltage, word_order: little", "word_order means nothing beside oid"),
    ("battery.voltage, fallback: point", "is a fallback of nothing"),
    ("battery.charge, fallback: point, required: true", "required means nothing beside fallback"),
    ("battery.voltage, text: number, mask: 3", "mask means nothing beside text: number"),
    ("battery.voltage, text: quantity, given_in: mV", "given_in means nothing beside text: quantity"),
    ("battery.voltage, text: word", "text: word needs states"),
    ("ups.on_battery, text: digits, states: {1: true}", "picks one digit"),
    ("ups.on_battery, bit: 1, mask: 3", "mask means nothing beside bit"),
    ("ups.on_battery, bit: 1, states: {2: true}", "a bit is never 2"),
    ("ups.on_battery, true_above: 3, true_below: 5", "true_below means nothing beside true_above"),
    ("ups.on_battery, true_above: 3, states: {1: true}", "true_above means nothing beside states"),
    ("output.source, scale: 0.1, states: {1: normal}", "scale means nothing beside states"),
    ("output.source, range: [1, 2], states: {1: normal}", "range means nothing beside states"),
    ("output.source, absent: [1], states: {1: normal}", "1 is a state and absent"),
    ("output.source, text: word, states: {1: normal}", "text holds no number 1"),
    ("output.source, text: word, states: {Mains: normal, mains: battery}", "are the same word to a device"),
    ("output.source, states: {1: normal, 2: mains}", "'mains' is none of its words"),
    ("output.source, states: {on: normal}", "put it in quotes"),
    ("battery.voltage, only_when: [{is: [1]}]", "name one of oid"),
    ("battery.voltage, only_when: [{oid: 1.3.6.1.0}]", "exactly one of above, below and is"),
    ("battery.voltage, only_when: [{oid: 1.3.6.1.0, is: []}]", "nothing stands in it"),
    ("battery.voltage, unit_from: {oid: 1.3.6.1.2.0, map: {1: furlong}}", "furlong does not become V"),
    ("battery.voltage, unit_from: {oid: 1.3.6.1.2.0, map: {}}", "nothing stands in it"),
    ("battery.voltage, given_in: mV, unit_from: {oid: 1.3.6.1.2.0, map: {1: V}}", "unit_from means nothing beside"),
    ("battery.voltage, scale_from: [{oid: 1.3.6.1.2.0, map: {1: 0}}]", "a factor of 0"),
    ("my.state, description: x, unit: V, states: {1: true}", "have no unit"),
    ("'My State', description: x, unit: V", "points[1].point"),
    ("battery.voltage, fast: true", "the vocabulary says its fast"),
]


@pytest.mark.parametrize(("words", "reason"), SCALARS)
def test_words_that_do_not_fit_are_refused(tmp_path: Path, words: str, reason: str) -> None:
    found = problems(tmp_path, UPS + f"  - {{oid: 1.3.6.1.4.1.99999.1.2.0, point: {words}}}\n")
    assert any(reason in problem for problem in found), found
    assert all(problem.startswith("mine.yaml:10: [") for problem in found), found


@pytest.mark.parametrize("oid", ["1.3.6.x", "1.3", "4.3.6.1.0", "1.3.6.1.4.1.99999999999.0", "[1, 3]", "''", "1..3.6"])
def test_malformed_oid_is_refused(tmp_path: Path, oid: str) -> None:
    (problem,) = problems(tmp_path, UPS + f"  - point: battery.voltage\n    oid: {oid}\n")
    assert problem.startswith("mine.yaml:11: [C004] points[1].oid: ")
    assert "OID" in problem


COLUMNS = [
    ("if.in_octets, scale: 0.1", "scale means nothing beside a counter"),
    ("if.in_octets, rate: {point: if.in_rate, limit: if.nothing}", "if.nothing is none of the profile's points"),
    ("if.in_octets, rate: {point: if.oper}", "a rate is a number"),
    ("if.in_octets, rate: {point: if.speed_of_light}", "no point of the vocabulary"),
    ("if.in_octets, rate: {point: if.in_rate, factor: 0}", "greater than or equal to 1"),
    ("if.speed, rate: {point: if.in_rate}", "is no counter"),
    ("pdu.power, aggregate: any", "any of a column is no number"),
    ("cooling.on, aggregate: sum, states: {1: true}", "sum of a column is no bool"),
    ("outlets.total, aggregate: rows, count: [1]", "count belongs to"),
    ("humidity, required: true", "required means nothing beside column"),
    ("humidity, where: [{}]", "a condition has column"),
    ("humidity, where: [{column: 1.3.6.1.2, is: [1], not: [2]}]", "one of is, not and missing"),
    ("humidity, where: [{column: 1.3.6.1.2, is: []}]", "nothing stands in it"),
    ("humidity, where: [{row_last: []}]", "nothing stands in it"),
    ("humidity, only_when: [{holding: 3, is: [1]}]", "of another protocol"),
    ("temperature", "comes from two columns"),
    ("temperature, where: [{row_above: 3}]", "comes from two columns"),
]


@pytest.mark.parametrize(("words", "reason"), COLUMNS)
def test_columns_that_do_not_fit_are_refused(tmp_path: Path, words: str, reason: str) -> None:
    found = problems(tmp_path, TABLE + f"      - {{column: 1.3.6.1.4.1.9.2, point: {words}}}\n")
    assert any(reason in problem for problem in found), found
    assert all(problem.startswith("mine.yaml:13: [") for problem in found), found


REGISTERS = [
    ("fuel.volume, holding: 65535, as: u32", "ends behind 65535"),
    ("fuel.volume, holding: 70000, as: u32", "less than or equal to 65535"),
    ("fuel.volume, holding: 12, as: u24", "should be 'u16'"),
    ("fuel.volume, holding: 12, as: u16, absent: [-1]", "-1 is nothing that u16 can say"),
    ("fuel.volume, holding: 12, as: s16, absent: [0xFFFF]", "65535 is nothing that s16 can say"),
    ("fuel.volume, holding: 12, as: u16, word_order: little", "one register has no word order"),
    ("fuel.volume, holding: 12, as: f32, mask: 3", "mask means nothing beside as: f32"),
    ("fuel.volume, holding: 12, as: u16, text: number", "text means nothing beside holding"),
    ("fuel.volume, holding: 12, as: u16, mask: 0x10000", "wider than u16"),
    ("engine.running, holding: 12, as: f32, states: {1: true}", "a float is no state"),
    ("engine.running, holding: 12, as: u16, bit: 20", "u16 has bits 0 to 15"),
    ("engine.running, holding: 12, as: s16, states: {65535: true}", "65535 is nothing that s16 can say"),
    ("engine.running, coil: 12, scale: 2", "scale means nothing beside coil"),
    ("engine.running, coil: 12, states: {2: true}", "2 is nothing that bit can say"),
    ("engine.running, coil: 12, only_when: [{oid: 1.3.6.1.0, is: [1]}]", "of another protocol"),
    ("fuel.level, holding: 12, as: u16", "stands twice"),
]


@pytest.mark.parametrize(("words", "reason"), REGISTERS)
def test_registers_that_do_not_fit_are_refused(tmp_path: Path, words: str, reason: str) -> None:
    found = problems(tmp_path, GENSET + f"  - {{point: {words}}}\n")
    assert any(reason in problem for problem in found), found
    assert all(problem.startswith("mine.yaml:9: [") for problem in found), found


FILES = [
    (UPS + "colour: red\n", 10, "'colour' is not known here"),
    (UPS + "status: wild\n", 10, "status: should be"),
    (UPS.replace("kind: ups\n", "") + "kind: ups\n", 9, "kind stands behind the points"),
    (UPS + "  - {point: battery.voltage, oid: 1.3.6.1.0, note: 2026-13-45}\n", 10, "month must be in 1..12"),
    (UPS + "  - just words\n", 10, "words with values are wanted here"),
    (HEAD + "points: 3\n", 8, "a list is wanted here"),
    (HEAD, 1, "gives no point"),
    (UPS.replace("kind: ups", "kind: toaster"), 4, "kind: should be 'ups'"),
    (UPS.replace("{sys_object_id: 1.3.6.1.4.1.99999.1}", "{value: x}"), 7, "a match has sys_object_id"),
    # two tables, two rows, two kinds of one point
    (TABLE + "  - name: t\n    points: [{point: humidity, column: 1.3.6.1.4.1.9.2}]\n", 13, "two tables are called"),
    (TABLE.replace("    points", "    labels: {1: a, 2: a}\n    points"), 11, "two rows are called 'a'"),
    (TABLE.replace("column:", "oid:"), 12, "oid stands in points only"),
    (
        UPS + "  - {point: my.x, index: a, description: x, unit: V, oid: 1.3.6.1.0}\n"
        "  - {point: my.x, index: b, description: x, unit: A, oid: 1.3.6.2.0}\n",
        11,
        "a number in A here and a number in V above",
    ),
    # parents
    (UPS.replace("match:", "extends: nobody\nmatch:"), 6, "extends 'nobody', which is not known"),
    (UPS.replace("match:", "extends: mine\nmatch:"), 6, "extends 'mine', which is not known"),
    (UPS.replace("match:", "extends: dse_gencomm\nmatch:"), 6, "dse_gencomm speaks the other protocol"),
    (UPS.replace("points:", "drop: [alarms.active]\npoints:"), 8, "drop without extends"),
    (
        UPS.replace("match:", "extends: rfc1628\nmatch:").replace("points:", "drop:\n  - battery.nothing\npoints:"),
        10,
        "drop: battery.nothing is not there",
    ),
    # quirks
    (UPS + QUIRK, 11, "quirk 'q' changes nothing"),
    (UPS + QUIRK + "    drop:\n      - battery.nothing\n", 14, "drops battery.nothing, which is not there"),
    (UPS + QUIRK + "    change:\n      battery.nothing: {scale: 2}\n", 14, "which the family does not give"),
    (UPS + QUIRK + "    drop: [battery.charge]\n    change:\n      battery.charge: {scale: 2}\n", 15, "does not give"),
    (UPS + QUIRK + "    change:\n      battery.charge: {given_in: degF}\n", 14, "degF does not become %"),
    (UPS + QUIRK + "    change:\n      battery.charge: {unit: V}\n", 14, "the vocabulary says its unit"),
    (UPS + QUIRK + "    change:\n      battery.charge: {scael: 2}\n", 14, "'scael' is not known here"),
    (UPS + QUIRK + "    change:\n      battery.charge:\n        scale: fast\n", 15, "should be a valid number"),
    (UPS + QUIRK + "    change:\n      battery.charge: {only_when: [{column: 1.3.6, is: [1]}]}\n", 14, "has no row"),
    (UPS + QUIRK + "    points:\n      - {point: battery.voltage, oid: 1.3.6.1.0, given_in: degF}\n", 14, "degF does"),
    (UPS + QUIRK.replace("sys_descr: x", "column: 1.3.6.1.9") + "    drop: [battery.charge]\n", 12, "not asked for"),
    (UPS + QUIRK.replace("[{sys_descr: x}]", "[]") + "    drop: [battery.charge]\n", 12, "nothing stands in it"),
    # Modbus
    (UPS.replace("points:", "modbus: {gap: 4}\npoints:"), 8, "modbus stands in a profile of OIDs"),
    (UPS + "  - {point: fuel.level, holding: 10, as: u16}\n", 9, "SNMP or Modbus, not both"),
    (GENSET.replace("modbus:", "match:\n  - {sys_descr: x}\nmodbus:"), 7, "the protocol that it speaks"),
    (GENSET + QUIRK + "    drop: [fuel.level]\n", 9, "does not say which of its family"),
    (UPS.replace("{sys_object_id: 1.3.6.1.4.1.99999.1}", "{registers: [{holding: 1, is: [1]}]}"), 7, "the protocol"),
    (GENSET.replace("gap: 4", "never_across: [[9, 4]]"), 6, "run backwards"),
    (GENSET.replace("gap: 4", "never_across: [[-9, 4]]"), 6, "greater than or equal to 0"),
    (GENSET.replace("gap: 4", "never_across: [[9, 14]]"), 8, "fuel.level reads 10, and modbus: never_across forbids 9"),
    (GENSET.replace("gap: 4", "separate: [11]").replace("u16", "u32"), 8, "fuel.level runs over 11"),
    (GENSET.replace("gap: 4", "most: 1").replace("u16", "u32"), 8, "takes 2 registers, a read only 1"),
    (GENSET.replace("gap: 4", "absent: {u16: [-1]}"), 6, "-1 is nothing that u16 can say"),
    (GENSET.replace("gap: 4", "absent: {u24: [1]}"), 6, "modbus.absent.u24"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "line", "reason"), FILES)
def test_file_that_cannot_be_meant_is_refused(tmp_path: Path, text: str, line: int, reason: str) -> None:
    found = problems(tmp_path, text)
    assert any(problem.startswith(f"mine.yaml:{line}: [") and reason in problem for problem in found), found


def test_one_fault_is_told_once(tmp_path: Path) -> None:
    for scale in ("[]", "0", "yes", "fast"):
        assert len(problems(tmp_path, UPS + f"  - {{point: battery.voltage, oid: 1.3.6.1.0, scale: {scale}}}\n")) == 1
    assert len(problems(tmp_path, TABLE.replace("4.1.9.1}", "4.1.9.1, where: [{}]}"))) == 1


def test_shipped_profile_is_checked_against_the_parent_that_replaces_its_own(tmp_path: Path) -> None:
    found = problems(tmp_path, UPS.replace("name: mine", "name: rfc1628").replace("match:", "extends: network\nmatch:"))
    assert any("eaton_mge.yaml:7:" in one and "rfc1628 extends a profile itself" in one for one in found), found


def test_two_files_that_extend_each_other_are_refused(tmp_path: Path) -> None:
    (tmp_path / "other.yaml").write_text(
        UPS.replace("name: mine", "name: other").replace("match:", "extends: mine\nmatch:")
    )
    found = problems(tmp_path, UPS.replace("match:", "extends: other\nmatch:"))
    assert any("mine.yaml:6: [P002] other extends a profile itself" in problem for problem in found)
    assert any("other.yaml:6: [P002] mine extends a profile itself" in problem for problem in found)
