"""Values that depend on others of the same device: a factor or a unit that it tells, a condition to exist at all."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import Final

from dcmon.collectors.decode import DECODE, SENTINEL, Decoder, Quantity, Raw, Result, compile_value
from dcmon.collectors.decode_conditions import holds
from dcmon.collectors.profile_model import Reference, ScaleFrom, Words
from dcmon.collectors.transforms import Linear, as_text, conversion, exact

_MOST_VARIANTS: Final = 256
"""Decoders kept per entry: a factor may be any number that the device says."""


class Dynamic:
    """The words that depend on other values (scale_from, unit_from, absent_when, only_when) or hide a value."""

    __slots__ = ("_cache", "_plain", "_quantity", "_words")

    def __init__(self, words: Words, quantity_: Quantity) -> None:
        self._words = words
        self._quantity = quantity_
        self._plain = compile_value(words, quantity_)
        self._cache: dict[tuple[Fraction, str | None], Decoder | None] = {}

    def decode(self, raw: Raw, other: Callable[[Reference], Raw]) -> Result | None:
        """`other` gives the raw value of a Reference. None when the point does not exist on this device now."""
        for test in self._words.only_when:
            if not holds(other(test), test):
                return None
        result = self._decode(raw, other)
        return None if result is SENTINEL and self._words.hide_absent else result

    def _decode(self, raw: Raw, other: Callable[[Reference], Raw]) -> Result:
        for rule in self._words.absent_when:
            if (rule.value is None or raw in rule.value) and holds(other(rule), rule):
                return SENTINEL
        plain = self._plain(raw)
        if plain is SENTINEL or not (self._words.scale_from or self._words.unit_from):
            return plain  # what says nothing needs neither scale nor unit, which may be missing with it
        factor = Fraction(1)
        for source in self._words.scale_from:
            found = _factor_said(source, other(source))
            if found is None:
                return DECODE
            factor *= found
        unit: str | None = None
        if self._words.unit_from is not None:
            said = other(self._words.unit_from)
            unit = self._words.unit_from.otherwise if said is None else _unit_said(self._words.unit_from.map, said)
            if unit is None:
                return DECODE
        key = (factor, unit)
        if key not in self._cache:
            if len(self._cache) >= _MOST_VARIANTS:
                self._cache.clear()
            self._cache[key] = self._variant(factor, unit)
        decoder = self._cache[key]
        return decoder(raw) if decoder is not None else DECODE

    def _variant(self, factor: Fraction, unit: str | None) -> Decoder | None:
        linear = Linear(factor)
        converted = conversion(unit, self._quantity.unit)
        if converted is None:
            return None
        return compile_value(self._words, self._quantity, linear.then(converted))


def _factor_said(source: ScaleFrom, said: Raw) -> Fraction | None:
    if not isinstance(said, int):
        return None
    if source.map is None:
        factor = Fraction(said)
    elif said in source.map:
        factor = exact(source.map[said])
    else:
        return None
    if not source.divide:
        return factor
    return 1 / factor if factor else None


def _unit_said(units: Mapping[int | str, str], said: Raw) -> str | None:
    if isinstance(said, int):
        return units.get(said)
    text = as_text(said)
    if text is None:
        return None
    return next((unit for word, unit in units.items() if str(word).casefold() == text.casefold()), None)
