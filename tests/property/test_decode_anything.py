"""Whatever a device answers, decoding ends with readings: no exception, and no bad answer as a good reading."""

from __future__ import annotations

import math
import os
import random
import struct
from collections.abc import Sequence
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dcmon.collectors.decode import Quantity, compile_value
from dcmon.collectors.decode_answer import Answer, SnmpGroup, oid_of, raw_of
from dcmon.collectors.decode_modbus import ModbusGroup, decode_registers
from dcmon.collectors.decode_rates import RateMemory
from dcmon.collectors.decode_snmp import decode_answer
from dcmon.collectors.plan import compile_plan
from dcmon.collectors.profile import load_profiles
from dcmon.collectors.profile_entry import quantity_of
from dcmon.collectors.profile_model import Entry, Words
from dcmon.collectors.snmp import EXCEPTIONS, NULL, VarBind, format_oid, parse_oid
from dcmon.collectors.transforms import ZERO_WITHOUT_POWER, Linear, as_text, conversion, plausible
from dcmon.config.vocabulary import vocabulary
from dcmon.model import Quality, Reading

PROFILES = load_profiles()
SNMP = sorted(name for name, profile in PROFILES.items() if profile.protocol == "snmp")
MODBUS = sorted(name for name, profile in PROFILES.items() if profile.protocol == "modbus")

ANSWERS = 10_000 if os.environ.get("DCMON_FUZZ") == "full" or "CI" in os.environ else 1_000
"""Per profile. All of them take two to three minutes of a core."""
EXAMPLES = 10
"""Of hypothesis, one seed each: to draw every value from it takes ten times as long as to decode them."""

TEXTS = (
    b"", b"-", b"1e999", b"12 C", b"70 F", b"89.0 %", b"\0", b"\xff\xfe", b"nan", b"inf", b"-1", b"0", b"00101",
    b"n/a", b"on", b"off", b"Dry", b"1,5 A", b"9" * 70, b"1" * 300, "\u0663".encode(), b"243.4 VAC", b"\x00\x01\x02",
    b"12 parsec",
)  # fmt: skip
NUMBERS = (-(2**63), -(2**31), -9999, -273, -32768, -10, -1, 255, 9999, 32767, 65535, 655350, 2**31 - 1, 2**31,
           2**32 - 1, 2**53 + 1, 2**63, 2**64 - 1)  # fmt: skip


def any_value(dice: random.Random, known: Sequence[int | bytes]) -> tuple[int, int | bytes | str | None]:
    """Tag and value: often something that the profile names, or that devices say, else anything at all."""
    match dice.randrange(10):
        case 0 | 1 | 2 if known:
            value = dice.choice(known)
            return (4 if isinstance(value, bytes) else 2), value
        case 3 | 4 | 5:
            return dice.choice((2, 2, 65, 66, 67)), dice.randrange(0, 1 << dice.choice((1, 3, 5, 8, 12, 16)))
        case 6:
            return dice.choice((2, 65, 66, 67, 70, 71)), dice.choice(NUMBERS)
        case 7:
            return 4, dice.choice(TEXTS) if dice.random() < 0.7 else dice.randbytes(dice.randrange(40))
        case 8:
            float_ = struct.pack(">f", dice.choice((21.5, -1.0, math.nan, math.inf, 1e30)))
            return dice.choice(((68, b"\x9f\x78\x04" + float_), (68, dice.randbytes(5)), (64, dice.randbytes(4))))
        case _:
            return dice.choice(((NULL, None), *((tag, None) for tag in EXCEPTIONS), (6, "1.3.6.1"), (6, "")))


SUFFIXES = [
    parse_oid(f"1.3.{text}")[1:] for text in ("1", "2", "3", "1.1", "1.2", "2.1", "1.0", "4294967295", "1.1.1.1")
]


class Fuzz:
    """What can be asked of a device of this profile, and what its profile says of it."""

    def __init__(self, name: str) -> None:
        self.plan = compile_plan(PROFILES[name])
        entries = PROFILES[name].everything.entries()
        self._entries = entries
        self._ranges: dict[str, list[tuple[float, float]]] = {}
        self._at: dict[tuple[bytes, str], list[Entry]] = {}
        self.quantities = {entry.point: quantity_of(entry) for entry in entries}
        named = [raw for entry in entries for raw in (*entry.states, *entry.absent[:20])]
        self.known = [raw.encode() if isinstance(raw, str) else raw for raw in named if isinstance(raw, int | str)]
        group = self.plan.groups["all"]
        self.scalars = [oid for oids in group.gets for oid in oids] if self.plan.protocol == "snmp" else []
        self.columns = [column for walk in group.walks for column in walk] if self.plan.protocol == "snmp" else []

    def ranges(self, point: str) -> list[tuple[float, float]]:
        """Where a good number of the point may lie."""
        if point not in self._ranges:
            known = vocabulary().get(point)
            unit = known.unit if known is not None else self.quantities[point].unit
            usual = plausible(point, unit) or (-math.inf, math.inf)
            own = [entry.range for entry in self._entries if entry.point == point and entry.range is not None]
            self._ranges[point] = [*own, usual]
        return self._ranges[point]

    def at(self, oid: bytes, point: str) -> list[Entry]:
        """The entries that make this point of this object or column."""
        if (oid, point) not in self._at:
            text = format_oid(oid)
            self._at[oid, point] = [
                entry for entry in self._entries if entry.point == point and text in (entry.oid, entry.column)
            ]
        return self._at[oid, point]

    def answer(self, dice: random.Random) -> Answer:
        """Something for some of the scalars, some cells of some rows, some columns not at all."""
        often = dice.choice((0.2, 0.6, 1.0))
        scalars = {oid: VarBind(oid, *any_value(dice, self.known)) for oid in self.scalars if dice.random() < often}
        rows = dice.sample(SUFFIXES, 3)
        columns = {
            column: {row: VarBind(column + row, *any_value(dice, self.known)) for row in rows if dice.random() < often}
            for column in self.columns
            if dice.random() < often
        }
        return Answer(scalars, columns)


def sound(fuzz: Fuzz, readings: list[Reading]) -> None:
    """What must be true of every reading, whatever it came from."""
    known = vocabulary()
    keys = set()
    for reading in readings:
        assert reading.key not in keys, reading
        keys.add(reading.key)
        if reading.quality is Quality.BAD:
            assert reading.value is None, reading
            assert reading.reason, reading
            continue
        assert (reading.reason is None) == (reading.quality is Quality.GOOD), reading
        quantity = fuzz.quantities.get(reading.point)
        kind = quantity.type if quantity is not None else known[reading.point].type
        if kind == "bool":
            assert isinstance(reading.value, bool), reading
        elif kind == "enum":
            assert quantity is not None
            assert reading.value in quantity.values, reading
        else:
            assert type(reading.value) in (int, float), reading
            assert math.isfinite(reading.value), reading
            if reading.quality is Quality.GOOD:
                believable(fuzz, reading)


def believable(fuzz: Fuzz, reading: Reading) -> None:
    """A good number lies in the range of its entry, or where there is none, of its quantity; or it says "no power"."""
    value = reading.value
    assert isinstance(value, int | float)
    if value == 0 and reading.point in ZERO_WITHOUT_POWER:
        return
    assert any(low <= value <= high for low, high in fuzz.ranges(reading.point)), reading


def derived(fuzz: Fuzz, answer: Answer, reading: Reading) -> None:
    """A good reading is what one of the profile's entries makes of the very object that it names as its source."""
    source = reading.source or ""
    oid = oid_of(source)
    if oid in answer.scalars:
        raw, entries = raw_of(answer.scalars[oid]), fuzz.at(oid, reading.point)
    else:
        column = next((oid[:end] for end in range(len(oid), 5, -1) if oid[:end] in answer.columns), None)
        assert column is not None, reading
        if column == oid:
            return  # of a whole column
        raw, entries = raw_of(answer.columns[column][oid[len(column) :]]), fuzz.at(column, reading.point)
    if entries:  # else a rate
        assert raw is not None, reading
        assert any(allows(entry, raw, reading) for entry in entries), (raw, reading)


def allows(entry: Entry, raw: object, reading: Reading) -> bool:
    if raw in entry.absent:
        return False
    if entry.text is not None or entry.bit is not None or entry.mask is not None or entry.shift:
        return True
    if entry.states:
        texts = {str(key).casefold(): word for key, word in entry.states.items() if isinstance(key, str)}
        word = entry.states.get(raw) if type(raw) is int else texts.get((as_text(raw) or "").casefold())
        return word == reading.value and type(word) is type(reading.value)
    if type(raw) not in (int, float):
        return False
    if entry.true_above is not None or entry.true_below is not None or entry.scale_from or entry.unit_from is not None:
        return True
    scales = entry.scale if isinstance(entry.scale, tuple) else (entry.scale,)
    linear = conversion(entry.given_in, quantity_of(entry).unit) or Linear()
    return any(
        math.isclose(
            (raw * scale + entry.offset) * float(linear.factor) + float(linear.offset),
            float(reading.value or 0),
            rel_tol=1e-6,
            abs_tol=1e-6,
        )
        for scale in scales
    )


@pytest.mark.parametrize("name", SNMP)
@settings(max_examples=EXAMPLES)
@given(seed=st.integers(0, 2**64))
def test_any_answer_of_an_agent_is_decoded(name: str, seed: int) -> None:
    fuzz, dice, ts = fuzzes(name), random.Random(seed), 0
    memory = RateMemory()
    group = fuzz.plan.groups["all"]
    assert isinstance(group, SnmpGroup)
    for _ in range(ANSWERS // EXAMPLES):
        ts += dice.choice((0, 10_000))
        answer = fuzz.answer(dice)
        readings = decode_answer(group, answer, "device", ts, memory)
        sound(fuzz, readings)
        for reading in readings:
            if reading.quality is not Quality.BAD:
                derived(fuzz, answer, reading)


@pytest.mark.parametrize("name", MODBUS)
@settings(max_examples=EXAMPLES)
@given(seed=st.integers(0, 2**64))
def test_any_registers_are_decoded(name: str, seed: int) -> None:
    fuzz, dice = fuzzes(name), random.Random(seed)
    group = fuzz.plan.groups["all"]
    assert isinstance(group, ModbusGroup)
    words = (
        0,
        1,
        2,
        0x7FFF,
        0x8000,
        0xFFFF,
        0x7F80,
        0xFFC0,
        *(raw & 0xFFFF for raw in fuzz.known if isinstance(raw, int)),
    )
    for _ in range(ANSWERS // EXAMPLES):
        registers: dict[tuple[int, int], int] = {}
        failed: dict[tuple[int, int], str] = {}
        for block in group.blocks:
            addresses = [(block.function, number) for number in range(block.address, block.address + block.count)]
            if dice.randrange(6) == 0:
                failed.update(dict.fromkeys(addresses, dice.choice(("timeout", "illegal_address"))))
                continue
            for address in addresses:
                word = dice.choice(words) if dice.random() < 0.5 else dice.randrange(0x10000)
                registers[address] = word if block.function >= 3 else word & 1
        sound(fuzz, decode_registers(group, registers, failed, "device", 0))


@cache
def fuzzes(name: str) -> Fuzz:
    return Fuzz(name)


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
