"""One property per word of the profile language that makes a value of what a device said."""

from __future__ import annotations

import math
import struct

from hypothesis import assume, given
from hypothesis import strategies as st

from dcmon.collectors.decode import Quantity, compile_value
from dcmon.collectors.decode_aggregate import aggregate
from dcmon.collectors.decode_dynamic import Dynamic
from dcmon.collectors.decode_modbus import WORDS, assembler
from dcmon.collectors.profile_model import Reference, Words
from dcmon.model import Quality

COUNT = Quantity("device.count", "number", "1")
TRUTH = Quantity("ups.on_battery", "bool")
VOLTS = Quantity("battery.voltage", "number", "V")
GOOD, BAD = Quality.GOOD, Quality.BAD
numbers = st.integers(0, 2**63)
orders = st.sampled_from(["big", "little"])


def value(words: dict[str, object], raw: object, quantity: Quantity = COUNT) -> object:
    result, quality, reason = compile_value(Words.model_validate(words), quantity)(raw)  # type: ignore[arg-type]
    assert (quality is BAD) == (result is None)
    return result if reason is None else reason


@given(raw=numbers, mask=st.integers(1, 2**63), shift=st.integers(0, 63))
def test_mask_and_shift_take_a_part_of_a_number(raw: int, mask: int, shift: int) -> None:
    assert value({"mask": mask, "shift": shift}, raw) == (raw & mask) >> shift


@given(raw=numbers, bits=st.lists(st.integers(0, 63), min_size=1, unique=True))
def test_bits_of_a_number_make_up_the_number(raw: int, bits: list[int]) -> None:
    for bit in bits:
        assert value({"bit": bit}, raw, TRUTH) is bool(raw & 1 << bit)


@given(octets=st.binary(min_size=1, max_size=32), data=st.data())
def test_bits_of_octets_are_counted_from_the_left(octets: bytes, data: st.DataObject) -> None:
    """SMI BITS (RFC 2578, 7.1.4): bit 0 is the high one of the first octet."""
    bit = data.draw(st.integers(0, len(octets) * 8 + 8))
    said = value({"bit": bit}, octets, TRUTH)
    if bit < len(octets) * 8:
        assert said is (f"{int.from_bytes(octets, 'big'):0{len(octets) * 8}b}"[bit] == "1")
    else:
        assert said == "decode", "the device has no such bit"


@given(digits=st.text("0123456789", min_size=1, max_size=40), data=st.data())
def test_digit_is_that_of_the_text(digits: str, data: st.DataObject) -> None:
    place = data.draw(st.integers(0, 45))
    said = value({"text": "digits", "bit": place}, digits.encode())
    assert said == (int(digits[place]) if place < len(digits) else "decode")


@given(states=st.dictionaries(st.integers(-5, 300), st.booleans(), min_size=1), raw=st.integers(-10, 310))
def test_state_is_in_the_list_or_it_is_no_state(states: dict[int, bool], raw: int) -> None:
    assert value({"states": states}, raw, TRUTH) == states.get(raw, "enum")


@given(word=st.text("abcDEF", min_size=1), other=st.text("abcDEF", min_size=1))
def test_word_is_known_in_upper_and_lower_case(word: str, other: str) -> None:
    said = value({"text": "word", "states": {word: True}}, other.encode(), TRUTH)
    assert said is True if word.casefold() == other.casefold() else said == "enum"


@given(raw=numbers, absent=st.lists(numbers, max_size=5))
def test_sentinel_is_never_a_value(raw: int, absent: list[int]) -> None:
    assert value({"absent": absent}, raw) == ("sentinel" if raw in absent else raw)


@given(low=st.integers(0, 0xFFFF), size=st.integers(0, 4000), raw=st.integers(-10, 0x1FFFF))
def test_range_of_sentinels_holds_both_its_ends(low: int, size: int, raw: int) -> None:
    said = value({"absent": [f"{low:#x}..{low + size:#x}"]}, raw)
    assert said == ("sentinel" if low <= raw <= low + size else raw)


@given(raw=st.integers(-(10**6), 10**6), limit=st.integers(-(10**6), 10**6), scale=st.sampled_from([1, 0.1, 0.01]))
def test_threshold_is_compared_after_the_scale(raw: int, limit: int, scale: float) -> None:
    assume(not math.isclose(raw * scale, limit))
    assert value({"true_above": limit, "scale": scale}, raw, TRUTH) is (raw * scale > limit)
    assert value({"true_below": limit, "scale": scale}, raw, TRUTH) is (raw * scale < limit)


@given(raw=st.integers(-(10**6), 10**6), ends=st.tuples(st.integers(-500, 500), st.integers(1, 500)))
def test_value_out_of_its_range_is_not_believed_and_out_of_the_possible_is_none(
    raw: int, ends: tuple[int, int]
) -> None:
    low, high = ends[0], ends[0] + ends[1]
    words = Words.model_validate({"range": [low, high], "invalid_outside": [low - 100, high + 100]})
    said, quality, reason = compile_value(words, COUNT)(raw)
    if low <= raw <= high:
        assert (said, quality, reason) == (raw, GOOD, None)
    elif low - 100 <= raw <= high + 100:
        assert (said, quality, reason) == (raw, Quality.UNCERTAIN, "range")
    else:
        assert (said, quality, reason) == (None, BAD, "invalid")


@given(volts=st.integers(1, 999))
def test_first_scale_that_is_plausible_is_taken(volts: int) -> None:
    """Whole volts, tenths or hundredths, told apart by what can be."""
    words = {"scale": [1, 0.1, 0.01], "range": [100, 999]}
    assume(volts >= 100)
    for factor in (1, 10, 100):
        assume(factor == 1 or volts * factor > 999)
        assert value(words, volts * factor, VOLTS) == volts


@given(raw=st.integers(-(10**9), 10**9), digits=st.integers(-3, 6), factor=st.integers(1, 10**6))
def test_scale_may_come_from_the_device(raw: int, digits: int, factor: int) -> None:
    precision = {"oid": "1.3.6.1.1.0", "map": {number: 10.0**-number for number in range(-3, 7)}}
    by_map = Words.model_validate({"scale_from": [precision], "range": [-1e13, 1e13]})
    itself = Words.model_validate({"scale_from": [{"oid": "1.3.6.1.1.0"}], "range": [-1e16, 1e16]})
    share = Words.model_validate({"scale_from": [{"oid": "1.3.6.1.1.0", "divide": True}], "range": [-1e16, 1e16]})
    assert math.isclose(said(by_map, raw, digits), raw / 10**digits, rel_tol=1e-12)
    assert said(itself, raw, factor) == raw * factor
    assert said(share, raw, factor) == raw / factor
    assert Dynamic(by_map, COUNT).decode(raw, lambda _: 99) == (None, BAD, "decode"), "a factor that it does not list"
    assert Dynamic(share, COUNT).decode(raw, lambda _: 0) == (None, BAD, "decode"), "nothing is divided by 0"


def said(words: Words, raw: int, other: int) -> float:
    result = Dynamic(words, COUNT).decode(raw, lambda _: other)
    assert result is not None
    assert result[1] is GOOD
    assert isinstance(result[0], int | float)
    return result[0]


@given(raw=st.integers(-100, 300), fahrenheit=st.booleans())
def test_unit_may_come_from_the_device(raw: int, fahrenheit: bool) -> None:
    unit = {"oid": "1.3.6.1.1.0", "map": {1: "degC", 2: "degF"}}
    words = Words.model_validate({"unit_from": unit, "range": [-1000, 1000]})
    result = Dynamic(words, Quantity("temperature", "number", "degC")).decode(raw, lambda _: 2 if fahrenheit else 1)
    assert result is not None
    assert math.isclose(float(result[0] or 0), (raw - 32) * 5 / 9 if fahrenheit else raw, abs_tol=1e-9)


@given(other=st.one_of(st.integers(-5, 5), st.none(), st.binary(max_size=3)), raw=st.integers(0, 5))
def test_point_exists_only_while_its_condition_holds(other: int | bytes | None, raw: int) -> None:
    words = Words.model_validate({"only_when": [{"oid": "1.3.6.1.1.0", "above": 1}]})
    result = Dynamic(words, COUNT).decode(raw, lambda _: other)
    assert (result is not None) == (isinstance(other, int) and other > 1)


@given(other=st.integers(0, 100), raw=st.integers(0, 3))
def test_value_may_be_absent_only_while_another_one_holds(other: int, raw: int) -> None:
    words = Words.model_validate({"absent_when": [{"value": 0, "oid": "1.3.6.1.1.0", "above": 50}]})
    result = Dynamic(words, COUNT).decode(raw, lambda _: other)
    assert result == ((None, BAD, "sentinel") if raw == 0 and other > 50 else (raw, GOOD, None))


def test_reference_of_a_condition_is_the_one_that_is_asked_for() -> None:
    asked: list[Reference] = []
    words = Words.model_validate({"only_when": [{"oid": "1.3.6.1.7.0", "is": [1]}]})
    Dynamic(words, COUNT).decode(1, lambda reference: asked.append(reference) or 1)  # type: ignore[func-returns-value]
    assert [reference.oid for reference in asked] == ["1.3.6.1.7.0"]


# --- registers ---


def registers(octets: bytes, order: str) -> list[int]:
    words = [int.from_bytes(octets[start : start + 2], "big") for start in range(0, len(octets), 2)]
    return words if order == "big" else words[::-1]


@given(kind=st.sampled_from(["u16", "s16", "u32", "s32", "u64", "s64"]), order=orders, data=st.data())
def test_integer_of_registers_is_read_back(kind: str, order: str, data: st.DataObject) -> None:
    bits, signed = 16 * WORDS[kind], kind[0] == "s"
    number = data.draw(
        st.integers(-(1 << bits - 1), (1 << bits - 1) - 1) if signed else st.integers(0, (1 << bits) - 1)
    )
    octets = number.to_bytes(bits // 8, "big", signed=signed)
    assert assembler(kind, order)(registers(octets, order)) == number


@given(number=st.floats(width=32), order=orders)
def test_float_of_two_registers_is_read_back_in_its_seven_digits(number: float, order: str) -> None:
    said_ = assembler("f32", order)(registers(struct.pack(">f", number), order))
    assert isinstance(said_, float)
    assert math.isnan(said_) if math.isnan(number) else said_ == number or math.isclose(said_, number, rel_tol=1e-6)


@given(number=st.floats(), order=orders)
def test_float_of_four_registers_is_read_back(number: float, order: str) -> None:
    said_ = assembler("f64", order)(registers(struct.pack(">d", number), order))
    assert isinstance(said_, float)
    assert math.isnan(said_) if math.isnan(number) else said_ == number or math.isclose(said_, number, rel_tol=1e-14)


@given(words=st.lists(st.integers(0, 0xFFFF), min_size=1, max_size=64), counted=st.frozensets(st.integers(0, 15)))
def test_set_bits_and_alarm_nibbles_are_counted(words: list[int], counted: frozenset[object]) -> None:
    digits = "".join(f"{word:04x}" for word in words)
    assert assembler("bits", "big")(words) == sum(f"{word:b}".count("1") for word in words)
    assert assembler("nibbles", "big", counted)(words) == sum(int(digit, 16) in counted for digit in digits)


# --- whole columns ---

cells = st.lists(st.one_of(st.integers(-1000, 1000), st.none()), min_size=1, max_size=20)


@given(cells=cells, kind=st.sampled_from(["sum", "min", "max", "mean"]))
def test_what_one_row_cannot_say_makes_the_whole_bad_not_smaller(cells: list[int | None], kind: str) -> None:
    results = [(None, BAD, "sentinel") if cell is None else (cell, GOOD, None) for cell in cells]
    found = aggregate(kind, results, cells, frozenset(), None)  # type: ignore[arg-type]
    known = [cell for cell in cells if cell is not None]
    if len(known) < len(cells):
        assert found == (None, BAD, "sentinel")
    else:
        wanted = {"sum": sum(known), "min": min(known), "max": max(known), "mean": sum(known) / len(known)}[kind]
        assert found == (wanted, GOOD, None)


@given(cells=cells, counted=st.frozensets(st.integers(-1000, 1000)), most=st.integers(0, 20))
def test_rows_and_counts_are_numbers_of_rows(cells: list[int | None], counted: frozenset[object], most: int) -> None:
    results = [(cell, GOOD, None) for cell in cells]
    rows = aggregate("rows", results, cells, counted, (0, most))  # type: ignore[arg-type]
    count = aggregate("count", results, cells, counted, None)  # type: ignore[arg-type]
    assert rows == ((len(cells), GOOD, None) if len(cells) <= most else (len(cells), Quality.UNCERTAIN, "range"))
    assert count == (sum(cell in counted for cell in cells), GOOD, None)


@given(cells=st.lists(st.sampled_from([True, False, None]), min_size=1, max_size=8))
def test_any_and_all_are_kleenes(cells: list[bool | None]) -> None:
    results = [(None, BAD, "unknown") if cell is None else (cell, GOOD, None) for cell in cells]
    some = aggregate("any", results, cells, frozenset(), None)  # type: ignore[arg-type]
    every = aggregate("all", results, cells, frozenset(), None)  # type: ignore[arg-type]
    assert some[0] == (True if True in cells else None if None in cells else False)
    assert every[0] == (False if False in cells else None if None in cells else True)
