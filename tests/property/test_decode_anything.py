"""Whatever a device answers, decoding ends with readings: no exception, and no bad answer as a good reading."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from profile_snippets import decode_modbus, decode_snmp

from dcmon.collectors.collect import DeviceMemory
from dcmon.collectors.decode import Quantity, compile_value
from dcmon.collectors.plan import Plan, compile_plan
from dcmon.collectors.profile import load_profiles
from dcmon.collectors.profile_entry import quantity_of
from dcmon.collectors.profile_model import Words
from dcmon.collectors.snmp import EXCEPTIONS, NULL, VarBind, parse_oid
from dcmon.config.vocabulary import vocabulary
from dcmon.model import Quality, Reading

PROFILES = load_profiles()
SNMP = sorted(name for name, profile in PROFILES.items() if profile.protocol == "snmp")
MODBUS = sorted(name for name, profile in PROFILES.items() if profile.protocol == "modbus")

values = st.one_of(
    st.tuples(st.just(2), st.one_of(st.integers(-(2**63), 2**63), st.sampled_from([-1, 0, 1, 2, 3, 65535, 2**31 - 1]))),
    st.tuples(st.sampled_from([65, 66, 67]), st.integers(0, 2**32 - 1)),
    st.tuples(st.just(70), st.integers(0, 2**64 - 1)),
    st.tuples(st.just(4), st.one_of(st.binary(max_size=300), st.sampled_from([b"", b"-", b"1e999", b"12 C", b"\0"]))),
    st.tuples(st.sampled_from([64, 68]), st.binary(max_size=20)),
    st.tuples(st.just(68), st.binary(max_size=8).map(lambda rest: b"\x9f\x78\x04" + rest)),
    st.tuples(st.just(6), st.just("1.3.6.1")),
    st.tuples(st.sampled_from([NULL, *EXCEPTIONS]), st.none()),
)
suffixes = st.lists(st.integers(0, 2**32 - 1), min_size=0, max_size=4)


def objects(plan: Plan) -> list[bytes]:
    group = plan.groups["all"]
    return [oid for oids in group.gets for oid in oids]


def columns(plan: Plan) -> list[bytes]:
    return [column for walk in plan.groups["all"].walks for column in walk]


@st.composite
def answers(draw: st.DrawFn, plan: Plan) -> list[VarBind]:
    """Something for the scalars, some cells for some rows of the tables, in any order, some twice."""
    rows = [b"".join(_subid(number) for number in draw(suffixes)) for _ in range(2)] + [b"\x01", b"\x02"]
    names = objects(plan) + [column + row for column in columns(plan) for row in rows]
    return [VarBind(oid, *draw(values)) for oid in names if draw(st.booleans())]


def _subid(number: int) -> bytes:
    return parse_oid(f"1.3.{number}")[1:]


def sound(plan: Plan, readings: list[Reading]) -> None:
    """What must be true of every reading, whatever it came from."""
    known = vocabulary()
    own = {}
    for entry in PROFILES[plan.profile].everything.entries():
        own.setdefault(entry.point, quantity_of(entry))
    keys = set()
    for reading in readings:
        assert reading.key not in keys, reading
        keys.add(reading.key)
        if reading.quality is Quality.BAD:
            assert reading.value is None
            assert reading.reason
            continue
        assert (reading.reason is None) == (reading.quality is Quality.GOOD)
        kind = known[reading.point].type if reading.point in known else own[reading.point].type
        words = known[reading.point].values if reading.point in known else own[reading.point].values
        if kind == "bool":
            assert isinstance(reading.value, bool)
        elif kind == "enum":
            assert reading.value in words
        else:
            assert isinstance(reading.value, int | float)
            assert not isinstance(reading.value, bool)
            assert math.isfinite(reading.value)


@pytest.mark.parametrize("name", SNMP)
@settings(max_examples=25)
@given(data=st.data())
def test_any_answer_of_an_agent_is_decoded(name: str, data: st.DataObject) -> None:
    plan = compile_plan(PROFILES[name])
    memory = DeviceMemory()
    for ts in (0, 10_000):
        varbinds = data.draw(answers(plan))
        sound(plan, decode_snmp(plan, "all", varbinds, "device", ts, memory))


@pytest.mark.parametrize("name", MODBUS)
@settings(max_examples=30)
@given(data=st.data())
def test_any_registers_are_decoded(name: str, data: st.DataObject) -> None:
    plan = compile_plan(PROFILES[name])
    group = plan.groups["all"]
    registers: dict[tuple[int, int], int] = {}
    failed: dict[tuple[int, int], str] = {}
    word = st.one_of(st.integers(0, 0xFFFF), st.sampled_from([0, 1, 2, 0x7FFF, 0x8000, 0xFFFF, 0x7F80, 0xFFC0]))
    for block in group.blocks:
        if data.draw(st.integers(0, 5)) == 0:
            failed[block.function, block.address] = "timeout"
            continue
        limit = 1 if block.function < 3 else 0xFFFF
        for number in range(block.address, block.address + block.count):
            registers[block.function, number] = min(data.draw(word), limit)
    sound(plan, decode_modbus(plan, "all", registers, "device", 0, failed))


words = st.builds(
    lambda **given: Words.model_validate({key: value for key, value in given.items() if value is not None}),
    text=st.sampled_from([None, "number", "quantity", "word", "digits"]),
    mask=st.sampled_from([None, 1, 0xF0]),
    bit=st.sampled_from([None, 0, 7, 31]),
    absent=st.sampled_from([None, [-1, "n/a"], ["0xFFF8..0xFFFF"]]),
    scale=st.sampled_from([None, 0.1, 0.01, (1, 0.1)]),
    offset=st.sampled_from([None, -40]),
    states=st.sampled_from([None, {1: "normal", "dry": "bypass"}]),
)


@given(words=words, raw=st.one_of(st.integers(), st.floats(), st.binary(max_size=80), st.text(max_size=20), st.none()))
def test_any_raw_value_through_any_words_gives_a_result(words: Words, raw: object) -> None:
    quantity = Quantity("output.source", "enum") if words.states else Quantity("temperature", "number", "degC")
    value, quality, reason = compile_value(words, quantity)(raw)  # type: ignore[arg-type]
    assert (quality is Quality.BAD) == (value is None)
    assert (reason is None) == (quality is Quality.GOOD)
