"""The named transforms of the profile language: unit conversions, text patterns, plausible ranges.

Everything here is pure and total: whatever a device sends, the answer is a number, a word or None, never an exception.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import Final, NamedTuple, TypeAlias

UnitName: TypeAlias = str


class Linear(NamedTuple):
    """`value = raw * factor + offset`, kept as fractions so that a product of several is still exact."""

    factor: Fraction = Fraction(1)
    offset: Fraction = Fraction(0)

    def then(self, other: Linear) -> Linear:
        """First this, then `other`."""
        return Linear(self.factor * other.factor, self.offset * other.factor + other.offset)


def exact(number: float | str) -> Fraction:
    """The decimal number that was written: 0.1 is one tenth, not the nearest binary float."""
    return Fraction(str(number))


def _by(factor: str) -> Linear:
    return Linear(Fraction(factor))


# Factors: SI Brochure (9th ed.) and NIST SP 811 appendix B; 1 cfm = 0.3048^3 * 60 m3/h, 1 US gal = 3.785411784 l.
CONVERSIONS: Final[Mapping[tuple[UnitName, UnitName], Linear]] = {
    ("degF", "degC"): Linear(Fraction(5, 9), Fraction(-160, 9)),
    ("K", "degC"): Linear(Fraction(1), exact("-273.15")),
    ("ticks", "s"): _by("0.01"),
    ("ms", "s"): _by("0.001"),
    ("min", "s"): _by("60"),
    ("h", "s"): _by("3600"),
    ("d", "s"): _by("86400"),
    ("s", "h"): Linear(Fraction(1, 3600)),
    ("min", "h"): Linear(Fraction(1, 60)),
    ("d", "h"): _by("24"),
    ("mV", "V"): _by("0.001"),
    ("kV", "V"): _by("1000"),
    ("mA", "A"): _by("0.001"),
    ("uA", "A"): _by("0.000001"),
    ("mW", "W"): _by("0.001"),
    ("kW", "W"): _by("1000"),
    ("MW", "W"): _by("1000000"),
    ("kVA", "VA"): _by("1000"),
    ("kWh", "Wh"): _by("1000"),
    ("MWh", "Wh"): _by("1000000"),
    ("mHz", "Hz"): _by("0.001"),
    ("Pa", "kPa"): _by("0.001"),
    ("hPa", "kPa"): _by("0.1"),
    ("mbar", "kPa"): _by("0.1"),
    ("bar", "kPa"): _by("100"),
    ("psi", "kPa"): _by("6.894757293168"),
    ("mmHg", "kPa"): _by("0.133322387415"),
    ("m3/h", "l/min"): Linear(Fraction(1000, 60)),
    ("l/s", "l/min"): _by("60"),
    ("l/h", "l/min"): Linear(Fraction(1, 60)),
    ("gal/min", "l/min"): _by("3.785411784"),
    ("l/s", "m3/h"): _by("3.6"),
    ("m3/min", "m3/h"): _by("60"),
    ("cfm", "m3/h"): _by("1.69901082"),
    ("gal", "l"): _by("3.785411784"),
    ("m3", "l"): _by("1000"),
    ("kbit/s", "bit/s"): _by("1000"),
    ("Mbit/s", "bit/s"): _by("1000000"),
    ("ratio", "%"): _by("100"),
}
"""(what the device says, what the point wants) -> how."""

UNITS: Final = frozenset(unit for pair in CONVERSIONS for unit in pair) | {
    "1", "%", "A", "Ah", "B", "Hz", "V", "VA", "var", "W", "Wh", "bit/s", "degC", "h", "kPa", "l", "l/min", "m/s",
    "m3/h", "rpm", "s", "ohm", "ohm/ft", "m", "g/m3", "lx", "dB", "deg", "mm", "ppm",
}  # fmt: skip
"""Every unit that a profile may name."""

_UNIT_WORDS: Final[Mapping[str, UnitName]] = {
    "c": "degC", "°c": "degC", "℃": "degC", "degc": "degC", "deg c": "degC", "celsius": "degC",
    "f": "degF", "°f": "degF", "℉": "degF", "degf": "degF", "deg f": "degF", "fahrenheit": "degF", "k": "K",
    "%": "%", "%rh": "%", "% rh": "%", "rh": "%", "percent": "%",
    "v": "V", "vac": "V", "vdc": "V", "v ac": "V", "v dc": "V", "volt": "V", "volts": "V", "mv": "mV", "kv": "kV",
    "a": "A", "aac": "A", "adc": "A", "amp": "A", "amps": "A", "ampere": "A", "ma": "mA", "mamp": "mA",
    "w": "W", "watt": "W", "watts": "W", "kw": "kW", "mw": "mW", "va": "VA", "kva": "kVA",
    "wh": "Wh", "kwh": "kWh", "hz": "Hz", "rpm": "rpm", "s": "s", "sec": "s", "min": "min", "mins": "min",
    "minutes": "min", "h": "h", "hrs": "h", "hours": "h", "l": "l", "liter": "l", "liters": "l",
    "litres": "l", "gal": "gal", "gallon": "gal", "gallons": "gal", "l/min": "l/min", "l/s": "l/s",
    "m3/h": "m3/h", "cfm": "cfm", "kpa": "kPa", "hpa": "hPa", "bar": "bar", "psi": "psi", "mbar": "mbar", "": "",
}  # fmt: skip
"""How devices write units behind a number, in lower case."""


def conversion(source: UnitName | None, target: UnitName | None) -> Linear | None:
    """How to get from one unit to the other; None when that is no conversion that exists."""
    if source is None or source == target:
        return Linear()
    return CONVERSIONS.get((source, target or ""))


_NUMBER: Final = re.compile(
    r"\s*([+-]?(?:\d+(?:[.,]\d+)?|[.,]\d+)(?:[eE][+-]?\d{1,2}(?!\d))?)\s*(.*)", re.ASCII | re.DOTALL
)
_PLAIN: Final = re.compile(r"\s*[+-]?(?:\d+(?:\.\d*)?|\.\d+)\s*", re.ASCII)
_LONGEST_TEXT: Final = 64
"""A number that a device writes in more characters is none."""


def as_text(raw: object) -> str | None:
    """Octets as text: trailing NULs and blanks off; None when it is no text at all."""
    if isinstance(raw, bytes):
        try:
            return raw.decode("utf-8").strip("\0 \t\r\n\"'")
        except UnicodeDecodeError:
            return raw.decode("latin-1").strip("\0 \t\r\n\"'")
    return raw.strip() if isinstance(raw, str) else None


def text_number(raw: object) -> tuple[float, str] | None:
    """(number, unit as written) of `89.0 %`, `70 F`, `243.4 VAC`, `1,5 A`; None when no number leads."""
    text = as_text(raw)
    if text is None or len(text) > _LONGEST_TEXT:
        return None
    match = _NUMBER.fullmatch(text)
    if match is None:
        return None
    number = match[1].replace(",", ".")
    return (int(number) if number.lstrip("+-").isdigit() else float(number)), match[2].strip().lower()


def plain_number(raw: object) -> float | None:
    """A number written as text and nothing else: `23.4`; None for anything behind it."""
    text = as_text(raw)
    if text is None or len(text) > _LONGEST_TEXT or _PLAIN.fullmatch(text) is None:
        return None
    return float(text) if "." in text else int(text)


def quantity(unit: UnitName | None) -> Callable[[object], float | None]:
    """A reader of `70 F` that converts into `unit`; None when the unit behind the number does not fit."""

    def read(raw: object) -> float | None:
        found = text_number(raw)
        if found is None:
            return None
        number, written = found
        named = _UNIT_WORDS.get(written)
        if named is None:
            return None
        linear = conversion(named or unit, unit)
        return None if linear is None else apply(linear, number)

    return read


def apply(linear: Linear, raw: float) -> float:
    """`raw` converted; an integer stays one where the result is one."""
    a, b, c = parts(linear)
    scaled = raw * a + b
    return scaled if c == 1 else scaled / c


def parts(linear: Linear) -> tuple[int, int, int]:
    """(a, b, c) with `value = (raw * a + b) / c` in integers: one rounding at most, 2302 / 10 is 230.2."""
    c = linear.factor.denominator * linear.offset.denominator
    a, b = linear.factor * c, linear.offset * c
    shared = Fraction(c)
    for number in (a, b):
        shared = Fraction(_gcd(int(shared), abs(int(number))))
    return int(a / shared), int(b / shared), int(c / shared)


def _gcd(a: int, b: int) -> int:
    while b:
        a, b = b, a % b
    return a


# --- what can be believed ---

_BY_UNIT: Final[Mapping[str, tuple[float, float]]] = {
    "V": (0.0, 1000.0),
    "Hz": (0.0, 100.0),
    "A": (0.0, 10_000.0),
    "W": (-100_000.0, 10_000_000.0),
    "VA": (0.0, 10_000_000.0),
    "%": (0.0, 110.0),
    "degC": (-50.0, 150.0),
    "rpm": (0.0, 30_000.0),
    "kPa": (-100.0, 5_000.0),
    "l/min": (0.0, 100_000.0),
    "m3/h": (0.0, 1_000_000.0),
    "l": (0.0, 10_000_000.0),
    "s": (0.0, 1e11),
    "h": (0.0, 1_000_000.0),
    "bit/s": (0.0, 1e14),
    "Wh": (0.0, 1e13),
    "kWh": (0.0, 1e10),
}

_BY_QUANTITY: Final[Mapping[str, tuple[float, float]]] = {"power_factor": (-1.0, 1.0)}
"""By the last part of the name."""

_BY_POINT: Final[Mapping[str, tuple[float, float]]] = {
    "input.frequency": (45.0, 65.0),
    "output.frequency": (45.0, 65.0),
    "source.frequency": (45.0, 65.0),
    "mains.frequency": (45.0, 65.0),
    "battery.charge": (0.0, 100.0),
    "battery.runtime": (0.0, 2_592_000.0),
    "battery.temperature": (-30.0, 100.0),
    "output.load": (0.0, 300.0),
    "phase.load": (0.0, 300.0),
    "generator.load": (-20.0, 200.0),
    "fuel.level": (0.0, 130.0),
    "humidity": (0.0, 100.0),
    "ambient.humidity": (0.0, 100.0),
    "return_air.humidity": (0.0, 100.0),
    "ambient.temperature": (-50.0, 100.0),
    "temperature": (-60.0, 125.0),
    "engine.speed": (0.0, 6_000.0),
    "engine.coolant_temperature": (-50.0, 200.0),
    "starter_battery.voltage": (0.0, 60.0),
    "charge_alternator.voltage": (0.0, 60.0),
    "generator.power": (-5_000_000.0, 10_000_000.0),
    "pdu.power": (0.0, 2_000_000.0),
    "pdu.energy": (0.0, 1e11),
    "cord.power": (0.0, 2_000_000.0),
    "bank.power": (0.0, 2_000_000.0),
    "outlet.power": (0.0, 100_000.0),
    "outlets.on": (0.0, 1_000.0),
    "outlets.total": (0.0, 1_000.0),
    "alarms.active": (0.0, 10_000.0),
}


ZERO_WITHOUT_POWER: Final = frozenset(point for point in _BY_POINT if point.endswith(".frequency"))
"""Points of which 0 can be believed although it is far outside of their range: there is no voltage."""


def plausible(point: str, unit: UnitName | None) -> tuple[float, float] | None:
    """The range in which a value of this point can be believed; None where every number can."""
    return _BY_POINT.get(point) or _BY_QUANTITY.get(point.rpartition(".")[2]) or _BY_UNIT.get(unit or "")
