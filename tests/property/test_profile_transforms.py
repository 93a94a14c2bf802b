"""The named transforms, over everything they can be given."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dcmon.collectors.transforms import (
    CONVERSIONS,
    UNITS,
    Linear,
    apply,
    conversion,
    exact,
    parts,
    plain_number,
    plausible,
    quantity,
    text_number,
)
from dcmon.config.vocabulary import vocabulary

numbers = st.integers(-(2**40), 2**40)


@pytest.mark.parametrize(("source", "target"), sorted(CONVERSIONS))
@given(a=numbers, b=numbers)
def test_conversion_keeps_order_and_differences(source: str, target: str, a: int, b: int) -> None:
    linear = conversion(source, target)
    assert linear is not None
    assert linear.factor > 0
    left, right = apply(linear, a), apply(linear, b)
    assert (a < b) <= (left <= right)
    assert left - right == pytest.approx(float((a - b) * linear.factor), rel=1e-9, abs=1e-3)


@given(raw=numbers)
def test_fixed_points_of_temperature(raw: int) -> None:
    fahrenheit = CONVERSIONS["degF", "degC"]
    assert apply(fahrenheit, 32) == 0
    assert apply(fahrenheit, 212) == 100
    assert apply(CONVERSIONS["K", "degC"], 0) == -273.15
    assert apply(fahrenheit, raw) == pytest.approx((raw - 32) * 5 / 9)


@given(raw=numbers, digits=st.integers(0, 4))
def test_decimal_scale_gives_the_nearest_float_to_the_decimal_number(raw: int, digits: int) -> None:
    """2302 tenths are 230.2 and not 230.20000000000002."""
    assert apply(Linear(exact(f"1e-{digits}")), raw) == float(f"{raw}e-{digits}")


@given(
    first=st.tuples(st.sampled_from(["0.1", "0.01", "5", "1"]), st.integers(-300, 300)),
    second=st.tuples(st.sampled_from(["0.1", "10", "3", "1"]), st.integers(-300, 300)),
    raw=numbers,
)
def test_two_linears_in_one_are_the_same_as_one_after_the_other(
    first: tuple[str, int], second: tuple[str, int], raw: int
) -> None:
    one, two = (Linear(exact(factor), exact(offset)) for factor, offset in (first, second))
    joined = one.then(two)
    assert joined.factor * raw + joined.offset == (raw * one.factor + one.offset) * two.factor + two.offset
    a, b, c = parts(joined)
    assert (a * raw + b) / c == pytest.approx(float(joined.factor * raw + joined.offset), rel=1e-12)
    assert math.gcd(a, b, c) == 1


@given(
    number=st.decimals(-99999, 99999, places=2, allow_nan=False), unit=st.sampled_from(["", " %", " F", "VAC", " °C"])
)
def test_number_in_a_text_is_read_back(number: object, unit: str) -> None:
    text = f"  {number}{unit}\0"
    found = text_number(text.encode())
    assert found is not None
    assert found[0] == pytest.approx(float(str(number)))
    assert found[1] == unit.strip().lower()
    assert (plain_number(text.encode()) is None) == bool(unit)


@given(number=st.decimals(-400, 400, places=1, allow_nan=False))
def test_quantity_is_converted_by_the_unit_behind_it(number: object) -> None:
    read = quantity("degC")
    value = float(str(number))
    assert read(f"{number} C".encode()) == pytest.approx(value)
    assert read(f"{number}".encode()) == pytest.approx(value)
    assert read(f"{number} F".encode()) == pytest.approx((value - 32) * 5 / 9)
    assert read(f"{number} V".encode()) is None
    assert read(f"{number} furlongs".encode()) is None


@given(raw=st.one_of(st.binary(max_size=200), st.text(max_size=80), st.none(), st.integers()))
def test_text_readers_never_raise_and_never_invent(raw: object) -> None:
    for read in (plain_number, quantity("V"), quantity(None)):
        value = read(raw)
        assert value is None or math.isfinite(value)
    found = text_number(raw)
    assert found is None or math.isfinite(found[0])


def test_every_unit_of_the_vocabulary_can_be_named_in_a_profile() -> None:
    assert {point.unit for point in vocabulary().values() if point.unit} <= UNITS


def test_unit_that_does_not_exist_converts_to_nothing() -> None:
    assert conversion("furlong", "m") is None
    assert conversion("degC", "V") is None
    assert conversion(None, "V") == conversion("V", "V") == Linear()


@pytest.mark.parametrize(
    ("point", "unit", "raw", "scale"),
    [
        ("pdu.energy", "Wh", 2**32 - 1, 100),
        ("pdu.energy", "Wh", -1, 1),
        ("outlet.energy", "kWh", -1, 0.1),
        ("outlet.power", "W", -1, 1),
        ("pdu.power", "W", -1, 10),
        ("bank.power_factor", "1", 2**16 - 1, 0.01),
        ("phase.power_factor", "1", 2**32 - 1, 0.001),
    ],
)
def test_what_a_meter_says_instead_of_a_value_is_not_believed(point: str, unit: str, raw: int, scale: float) -> None:
    bounds = plausible(point, unit)
    assert bounds is not None
    assert not bounds[0] <= raw * scale <= bounds[1]


@pytest.mark.parametrize("point", sorted(vocabulary()))
def test_plausible_range_holds_zero_and_more(point: str) -> None:
    """Of a frequency zero is believed beside its range: it means no power, and 5 Hz is a scale that was read wrong."""
    unit = vocabulary()[point].unit
    bounds = plausible(point, unit)
    assert bounds is None or ((bounds[0] <= 0 or unit == "Hz") and bounds[0] < bounds[1])
