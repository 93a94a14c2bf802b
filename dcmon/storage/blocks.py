"""Samples of one series as bytes: what was put in comes out, exactly, at about 1 to 3 bytes a sample.

Time stamps, numbers and words each become whole numbers, whose differences are stored in the narrowest width, split
into byte planes (all low bytes, then all high ones) and deflated together. Decoding is a few passes over whole columns.
`columns.py` has the streams of whole numbers (ints), of numbers and tables.

    block   = zlib( version u8, count u32, ints(time stamps), column, status )
    column  = kind u8 (n none, b truth, i whole number, f number, s words) and that kind's stream,
              or m, one kind per sample, then the stream of each kind that occurs
    status  = 0 (all good, no reason), or 1, table of (quality, reason) and ints that point into it
"""

from __future__ import annotations

import struct
import zlib
from bisect import bisect_left
from collections.abc import Callable, Iterable, Sequence
from itertools import repeat
from typing import Any, Final, NamedTuple, TypeAlias

from dcmon.model import Quality, StoreError, Value
from dcmon.storage.columns import (
    Source,
    get_ints,
    get_numbers,
    get_table,
    put_ints,
    put_numbers,
    put_table,
    put_text,
)

Status: TypeAlias = tuple[Quality, str | None]
GOOD: Final[Status] = (Quality.GOOD, None)

_VERSION: Final = 1
_KINDS: Final = {bool: "b", int: "i", float: "f", str: "s", type(None): "n"}


class Columns(NamedTuple):
    """Samples of one series in order of time, as columns of one length. `status` is None when all are good."""

    ts: list[int]
    values: list[Any]
    status: list[Status] | None = None


def encode(ts: Sequence[int], values: Sequence[Value], status: Sequence[Status] | None = None) -> bytes:
    """Bytes of at least one sample, in order of time; `status` is None when all are good."""
    out = bytearray(struct.pack("<BI", _VERSION, len(ts)))
    put_ints(out, ts)
    _put_values(out, values)
    if status is None or all(one == GOOD for one in status):
        out += b"\0"
    else:
        out += b"\1"
        put_table(out, status, _put_statuses)
    packer = zlib.compressobj(9, strategy=zlib.Z_FILTERED)
    return packer.compress(out) + packer.flush()


def decode(data: bytes) -> Columns:
    """The samples of a block. Raises StoreError when the bytes are damaged or of a later version."""
    try:
        source = Source(zlib.decompress(data))
        version, length = source.unpack("<BI")
        if version != _VERSION:
            raise StoreError(f"a block of samples of version {version}; this dcmon knows up to {_VERSION}")
        ts = get_ints(source, length)
        values = _get_values(source, length)
        status = get_table(source, length, _get_statuses) if source.take(1) == b"\1" else None
    except (zlib.error, struct.error, ValueError, IndexError, KeyError) as error:
        raise StoreError(f"a damaged block of samples: {error}") from error
    return Columns(ts, values, status)


def _put_values(out: bytearray, values: Sequence[Value]) -> None:
    kinds = [_KINDS[type(value)] for value in values]
    if len(set(kinds)) == 1:
        out += kinds[0].encode()
        _PUT[kinds[0]](out, values)
        return
    out += b"m" + "".join(kinds).encode()
    for kind, put in _PUT.items():
        put(out, [value for value, own in zip(values, kinds, strict=True) if own == kind])


def _get_values(source: Source, length: int) -> list[Any]:
    kind = source.take(1).decode("latin-1")
    if kind != "m":
        return _GET[kind](source, length)
    kinds = source.take(length).decode("latin-1")
    streams = {own: iter(get(source, kinds.count(own))) for own, get in _GET.items()}
    return [next(streams[own]) for own in kinds]


def _put_nones(out: bytearray, values: Sequence[Value]) -> None:
    """The kind has said everything."""


def _get_nones(_: Source, length: int) -> list[None]:
    return [None] * length


def _put_truths(out: bytearray, values: Sequence[Any]) -> None:
    out += bytes(values)


def _get_truths(source: Source, length: int) -> list[bool]:
    return list(map(bool, source.take(length)))


def _put_words(out: bytearray, words: Sequence[Any]) -> None:
    if words:
        put_table(out, words, _put_texts)


def _get_words(source: Source, length: int) -> list[str]:
    return get_table(source, length, _get_texts) if length else []


def _put_texts(out: bytearray, words: Sequence[str]) -> None:
    for word in words:
        put_text(out, word.encode("utf-8", "surrogatepass"))


def _get_texts(source: Source, length: int) -> list[str]:
    return [source.text().decode("utf-8", "surrogatepass") for _ in repeat(None, length)]


def _put_statuses(out: bytearray, statuses: Sequence[Status]) -> None:
    for quality, reason in statuses:
        _put_texts(out, [quality.value, "" if reason is None else "=" + reason])


def _get_statuses(source: Source, length: int) -> list[Status]:
    texts = _get_texts(source, 2 * length)
    pairs = zip(texts[::2], texts[1::2], strict=True)
    return [(Quality(quality), reason[1:] if reason else None) for quality, reason in pairs]


_PUT: Final[dict[str, Callable[[bytearray, Sequence[Any]], None]]] = {
    "n": _put_nones,
    "b": _put_truths,
    "i": put_ints,
    "f": put_numbers,
    "s": _put_words,
}
_GET: Final[dict[str, Callable[[Source, int], list[Any]]]] = {
    "n": _get_nones,
    "b": _get_truths,
    "i": get_ints,
    "f": get_numbers,
    "s": _get_words,
}


def merged(pieces: Iterable[Columns]) -> Columns:
    """Several stretches of one series as one in order of time; samples of one instant stay in the order given."""
    ts: list[int] = []
    values: list[Any] = []
    status: list[Status] = []
    ordered, judged = True, False
    for piece in pieces:
        if not piece.ts:
            continue
        ordered = ordered and (not ts or piece.ts[0] >= ts[-1])
        if piece.status is not None and not judged:
            judged = True
            status = [GOOD] * len(ts)
        ts += piece.ts
        values += piece.values
        if judged:
            status += piece.status or repeat(GOOD, len(piece.ts))
    if not ordered:
        order = sorted(range(len(ts)), key=ts.__getitem__)
        ts = [ts[place] for place in order]
        values = [values[place] for place in order]
        status = [status[place] for place in order] if judged else status
    return Columns(ts, values, status if judged else None)


def cut(columns: Columns, start: int, end: int) -> Columns:
    """The samples in [start, end)."""
    if not columns.ts or (columns.ts[0] >= start and columns.ts[-1] < end):
        return columns
    first, beyond = bisect_left(columns.ts, start), bisect_left(columns.ts, end)
    status = None if columns.status is None else columns.status[first:beyond]
    return Columns(columns.ts[first:beyond], columns.values[first:beyond], status)
