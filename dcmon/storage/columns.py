"""Columns of numbers as bytes: the parts of which blocks of samples and of minutes are made.

ints    = width u8 (one of bhiq), first i64, slope i64, planes of (difference - slope)
          or w and text, for whole numbers that do not fit
numbers = scale u8 (0-6: mantissas of that many decimals, as ints), d (distinct numbers and ints that point to
          them), or x (the 64 bits of each, exclusive-or with the one before, as planes)
table   = count u32, each distinct item once, ints that point to them
"""

from __future__ import annotations

import math
import struct
from array import array
from collections.abc import Callable, Iterable, Sequence
from itertools import accumulate
from operator import eq, sub, xor
from typing import Any, Final

_WIDTHS: Final = (("b", 7), ("h", 15), ("i", 31), ("q", 63))
_SIZES: Final = {"b": 1, "h": 2, "i": 4, "q": 8}
_SMALL: Final = (1 << 15) - 1
"""Differences up to here (polls every 32 s) are as short without their median, and read in half the time."""
_LIMIT: Final = 1 << 62
_DECIMALS: Final = 6
_EXACT: Final = 1 << 53


class Source:
    """Bytes that are read from front to back."""

    __slots__ = ("_data", "_place")

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._place = 0

    def take(self, length: int) -> bytes:
        """The next `length` bytes; ValueError when there are fewer."""
        start = self._place
        self._place = start + length
        if self._place > len(self._data):
            raise ValueError("it ends too early")
        return self._data[start : self._place]

    def unpack(self, form: str) -> tuple[Any, ...]:
        """The next bytes as `struct` reads them."""
        return struct.unpack(form, self.take(struct.calcsize(form)))

    def text(self) -> bytes:
        """What `put_text` wrote."""
        return self.take(self.unpack("<I")[0])


def put_text(out: bytearray, text: bytes) -> None:
    """Bytes with their length before them."""
    out += struct.pack("<I", len(text)) + text


def put_ints(out: bytearray, numbers: Sequence[int]) -> None:
    """Whole numbers as their differences; large ones from the median, because polls have a rhythm, counters a slope."""
    if not numbers:
        return
    if min(numbers) < -_LIMIT or max(numbers) > _LIMIT:
        out += b"w"
        put_text(out, b" ".join(b"%d" % number for number in numbers))
        return
    steps = list(map(sub, numbers[1:], numbers))
    if steps and (max(steps) > _LIMIT // 4 or min(steps) < -_LIMIT // 4):
        out += b"w"
        put_text(out, b" ".join(b"%d" % number for number in numbers))
        return
    slope = 0
    if max(steps, default=0) > _SMALL or min(steps, default=0) < -_SMALL:
        slope = sorted(steps)[len(steps) // 2]
        steps = [step - slope for step in steps]
    reach = max(max(steps, default=0), ~min(steps, default=0))
    width = next(code for code, bits in _WIDTHS if reach >> bits == 0)
    out += width.encode() + struct.pack("<qq", numbers[0], slope)
    _put_planes(out, array(width, steps))


def get_ints(source: Source, length: int) -> list[int]:
    """What `put_ints` wrote: `length` whole numbers."""
    if not length:
        return []
    width = source.take(1).decode("latin-1")
    if width == "w":
        return [int(number) for number in source.text().split(b" ")]
    first, slope = source.unpack("<qq")
    steps: Iterable[int] = _get_planes(source, width, length - 1)
    if slope:
        steps = [step + slope for step in steps]
    return list(accumulate(steps, initial=first))


def _put_planes(out: bytearray, numbers: array[Any]) -> None:
    data = numbers.tobytes()
    for place in range(numbers.itemsize):
        out += data[place :: numbers.itemsize]


def _get_planes(source: Source, width: str, length: int) -> array[Any]:
    size = _SIZES[width.lower()]
    planes = source.take(length * size)
    numbers: array[Any] = array(width)
    if size == 1:
        numbers.frombytes(planes)
        return numbers
    data = bytearray(len(planes))
    for place in range(size):
        data[place::size] = planes[place * length : (place + 1) * length]
    numbers.frombytes(data)
    return numbers


def put_numbers(out: bytearray, numbers: Sequence[Any]) -> None:
    """Floats: as decimals where that is exact, else bit by bit."""
    if not numbers:
        return
    for decimals in range(_DECIMALS + 1):
        mantissas = _mantissas(numbers, 10.0**decimals)
        if mantissas is not None:
            out.append(decimals)
            put_ints(out, mantissas)
            return
    bits = array("q", array("d", numbers).tobytes())
    if len(set(bits)) <= len(bits) // 4:
        out += b"d"
        put_table(out, bits, _put_bits)
    else:
        out += b"x"
        _put_bits(out, bits)


def get_numbers(source: Source, length: int) -> list[float]:
    """What `put_numbers` wrote: `length` floats."""
    if not length:
        return []
    form = source.take(1)
    if form in b"dx":
        bits = get_table(source, length, _get_bits) if form == b"d" else _get_bits(source, length)
        return array("d", array("q", bits).tobytes()).tolist()
    scale = 10 ** form[0]
    return [mantissa / scale for mantissa in get_ints(source, length)]


def _mantissas(numbers: Sequence[float], scale: float) -> list[int] | None:
    """Whole numbers whose quotients by `scale` are exactly `numbers`; None when there are none."""
    for numbers_tried in (numbers[:8], numbers):  # most wrong scales fail on the first few
        try:
            mantissas = [round(number * scale) for number in numbers_tried]
        except (OverflowError, ValueError):  # infinite, or not a number
            return None
        if not all(map(eq, [mantissa / scale for mantissa in mantissas], numbers_tried)):
            return None
    if max(map(abs, mantissas)) > _EXACT:
        return None
    if 0 in mantissas and any(number == 0 and math.copysign(1, number) < 0 for number in numbers):
        return None
    return mantissas


def _put_bits(out: bytearray, bits: Sequence[int]) -> None:
    _put_planes(out, array("q", map(xor, bits, [0, *bits[:-1]])))


def _get_bits(source: Source, length: int) -> list[int]:
    return list(accumulate(_get_planes(source, "q", length), xor))


def put_table(out: bytearray, items: Sequence[Any], put: Callable[[bytearray, list[Any]], None]) -> None:
    """Each distinct item once, then whole numbers that point to them."""
    places = {item: place for place, item in enumerate(dict.fromkeys(items))}
    out += struct.pack("<I", len(places))
    put(out, list(places))
    put_ints(out, [places[item] for item in items])


def get_table(source: Source, length: int, get: Callable[[Source, int], list[Any]]) -> list[Any]:
    """What `put_table` wrote: `length` items."""
    table = get(source, source.unpack("<I")[0])
    return [table[place] for place in get_ints(source, length)]
