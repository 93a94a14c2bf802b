"""From what a device said to a value and its quality: one closure per point, made when the profile is compiled.

A decoder takes the raw value (int, float, bytes, str or None) and answers (value, quality, reason). It never raises.
Reasons of a bad value: sentinel, enum, wrong_type, decode, unknown, invalid. Of an uncertain one: range.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Final, TypeAlias

from dcmon.collectors.profile_model import Words
from dcmon.collectors.transforms import (
    ZERO_WITHOUT_POWER,
    Linear,
    as_text,
    conversion,
    exact,
    parts,
    plain_number,
    plausible,
    quantity,
    text_number,
)
from dcmon.model import Quality, Value

Raw: TypeAlias = int | float | bytes | str | None
Result: TypeAlias = tuple[Value, Quality, str | None]
Decoder: TypeAlias = Callable[[Raw], Result]

GOOD: Final = Quality.GOOD
UNCERTAIN: Final = Quality.UNCERTAIN
BAD: Final = Quality.BAD

SENTINEL: Final[Result] = (None, BAD, "sentinel")
ENUM: Final[Result] = (None, BAD, "enum")
WRONG_TYPE: Final[Result] = (None, BAD, "wrong_type")
DECODE: Final[Result] = (None, BAD, "decode")
UNKNOWN: Final[Result] = (None, BAD, "unknown")
INVALID: Final[Result] = (None, BAD, "invalid")


@dataclass(frozen=True, slots=True)
class Quantity:
    """What a point is: its name, type and unit."""

    point: str
    type: str
    unit: str | None = None
    values: frozenset[str] = field(default_factory=frozenset)


def compile_value(words: Words, quantity_: Quantity, extra: Linear | None = None) -> Decoder:
    """The decoder of one entry. `extra` is a factor that the device told (scale_from) or its unit (unit_from)."""
    absent = _absent_set(words.absent)
    read = _reader(words, quantity_)
    if words.states:
        decode = _states(words, absent)
    elif quantity_.type == "counter":
        decode = _counter(absent)
    else:
        decode = _number(words, quantity_, absent, extra or Linear())
        if words.true_above is not None or words.true_below is not None:
            decode = _threshold(decode, words.true_above, words.true_below)
        elif quantity_.type == "bool":
            decode = _truth(decode)
    if read is None:
        return decode
    return _chain(read, decode, absent)


def _absent_set(values: Iterable[object]) -> frozenset[object]:
    return frozenset(value.casefold() if isinstance(value, str) else value for value in values)


def _chain(read: Callable[[Raw], Raw], decode: Decoder, absent: frozenset[object]) -> Decoder:
    """First `read` (text, bits), then `decode`. A text that is a sentinel is one before it fails to be a number."""

    def chained(raw: Raw) -> Result:
        if absent and raw.__class__ is bytes:
            text = as_text(raw)
            if text is not None and text.casefold() in absent:
                return SENTINEL
        value = read(raw)
        if value is None:
            return WRONG_TYPE if raw is None or raw.__class__ is int or raw.__class__ is float else DECODE
        return decode(value)

    return chained


def _reader(words: Words, quantity_: Quantity) -> Callable[[Raw], Raw] | None:
    """What has to be done before the value is a number or a word; None when nothing has."""
    match words.text:
        case "number":
            return _leading_number
        case "quantity":
            return quantity(quantity_.unit)
        case "word":
            return _word
        case "digits":
            return _digit(words.bit or 0)
    if words.bit is not None:
        return _bit(words.bit)
    if words.mask is not None or words.shift:
        return _masked(words.mask, words.shift)
    return None


def _leading_number(raw: Raw) -> Raw:
    if raw.__class__ is int or raw.__class__ is float:
        return raw
    number = plain_number(raw)
    if number is not None:
        return number
    found = text_number(raw)
    return None if found is None else found[0]


def _word(raw: Raw) -> Raw:
    text = as_text(raw)
    return None if text is None else text.casefold()


def _digit(position: int) -> Callable[[Raw], Raw]:
    def read(raw: Raw) -> Raw:
        text = as_text(raw)
        if text is None or position >= len(text) or text[position] not in "0123456789":
            return None
        return int(text[position])

    return read


def _bit(number: int) -> Callable[[Raw], Raw]:
    """Of a number counted from the right; of octets (SMI BITS) from the left."""

    def read(raw: Raw) -> Raw:
        if isinstance(raw, int):
            return (raw >> number) & 1
        if isinstance(raw, bytes) and number < len(raw) * 8:
            return (raw[number // 8] >> (7 - number % 8)) & 1
        return None

    return read


def _masked(mask: int | None, shift: int) -> Callable[[Raw], Raw]:
    def read(raw: Raw) -> Raw:
        if not isinstance(raw, int):
            return None
        return (raw if mask is None else raw & mask) >> shift

    return read


def _states(words: Words, absent: frozenset[object]) -> Decoder:
    """A table lookup; numbers and words (without regard to case) side by side."""
    table: dict[object, Result] = {}
    for raw, word in words.states.items():
        key = raw.casefold() if isinstance(raw, str) else raw
        table[key] = UNKNOWN if word is None else (word, GOOD, None)
    for value in absent:
        table[value] = SENTINEL
    numeric = any(isinstance(key, int) for key in words.states)
    worded = any(isinstance(key, str) for key in words.states)

    def decode(raw: Raw) -> Result:
        found = table.get(raw)
        if found is not None and raw.__class__ is not float:
            return found
        if raw.__class__ is int:
            return ENUM if numeric else WRONG_TYPE
        if worded:
            text = as_text(raw)
            if text is not None:
                return table.get(text.casefold(), ENUM)
        return WRONG_TYPE

    return decode


def _counter(absent: frozenset[object]) -> Decoder:
    def decode(raw: Raw) -> Result:
        if raw.__class__ is not int:
            return WRONG_TYPE
        if raw in absent:
            return SENTINEL
        return (raw, GOOD, None) if raw >= 0 else INVALID

    return decode


def _number(words: Words, quantity_: Quantity, absent: frozenset[object], extra: Linear) -> Decoder:
    unit = quantity_.unit if words.text != "quantity" else None
    converted = conversion(words.given_in, unit) or Linear()
    offset = Linear(Fraction(1), exact(words.offset))
    scales = words.scale if isinstance(words.scale, tuple) else (words.scale,)
    linears = [Linear(exact(scale)).then(offset).then(extra).then(converted) for scale in scales]
    bounds = words.range or plausible(quantity_.point, quantity_.unit) or (-math.inf, math.inf)
    hard = words.invalid_outside or (-math.inf, math.inf)
    if words.true_above is not None or words.true_below is not None:
        bounds = words.range or (-math.inf, math.inf)
    believed = max(bounds[0], hard[0]), min(bounds[1], hard[1])
    zero = words.range is None and quantity_.point in ZERO_WITHOUT_POWER
    deciders = [_linear(linear, absent, believed, hard, zero) for linear in linears]
    if len(deciders) == 1:
        return deciders[0]

    def first_plausible(raw: Raw) -> Result:
        for decider in deciders:
            result = decider(raw)
            if result[1] is GOOD:
                return result
        return deciders[0](raw)

    return first_plausible


def _linear(
    linear: Linear, absent: frozenset[object], bounds: tuple[float, float], hard: tuple[float, float], zero: bool
) -> Decoder:
    a, b, c = parts(linear)
    low, high = bounds
    hard_low, hard_high = hard

    def decode(raw: Raw) -> Result:
        if raw in absent:
            return SENTINEL
        if raw.__class__ is int:
            value: float = (raw * a + b) / c if c != 1 else raw * a + b
        elif isinstance(raw, float):
            if not math.isfinite(raw):
                return SENTINEL
            value = (raw * a + b) / c
        else:
            return WRONG_TYPE
        if low <= value <= high or (zero and value == 0):
            return value, GOOD, None
        if hard_low <= value <= hard_high:
            return value, UNCERTAIN, "range"
        return INVALID

    return decode


def _threshold(decode: Decoder, above: float | None, below: float | None) -> Decoder:
    def judged(raw: Raw) -> Result:
        value, quality, reason = decode(raw)
        if quality is BAD or value is None or isinstance(value, str):
            return value, quality, reason
        return (value > above if above is not None else value < (below or 0.0)), quality, reason

    return judged


def _truth(decode: Decoder) -> Decoder:
    """0 and 1 (a coil, a bit) as false and true; nothing else is a truth."""

    def judged(raw: Raw) -> Result:
        value, quality, reason = decode(raw)
        if quality is BAD:
            return value, quality, reason
        if value == 0:
            return False, GOOD, None
        return (True, GOOD, None) if value == 1 else ENUM

    return judged
