"""One raw value becomes a value with a quality, or a reason why not."""

from __future__ import annotations

import math

import pytest

from dcmon.collectors.decode import Quantity, compile_value
from dcmon.collectors.profile_model import Words

V = Quantity("output.voltage", "number", "V")
T = Quantity("temperature", "number", "degC")
W = Quantity("own.thing", "number", "W")
B = Quantity("ups.on_battery", "bool")
E = Quantity("output.source", "enum")


@pytest.mark.parametrize(
    ("quantity", "words", "raw", "value", "quality", "reason"),
    [
        (V, {}, 230, 230, "good", None),
        (V, {"scale": 0.1}, 2302, 230.2, "good", None),
        (V, {}, 2302, 2302, "uncertain", "range"),
        (V, {"range": (0, 500)}, 650, 650, "uncertain", "range"),
        (V, {"invalid_outside": (0, 500), "range": (0, 400)}, 450, 450, "uncertain", "range"),
        (V, {"invalid_outside": (0, 500), "range": (0, 400)}, 501, None, "bad", "invalid"),
        (V, {"absent": [-1, "0xFFF8..0xFFFF"]}, 0xFFFB, None, "bad", "sentinel"),
        (V, {"absent": [-1]}, -1, None, "bad", "sentinel"),
        (V, {}, b"230", None, "bad", "wrong_type"),
        (V, {}, None, None, "bad", "wrong_type"),
        (V, {}, "1.3.6.1", None, "bad", "wrong_type"),
        (V, {}, math.nan, None, "bad", "sentinel"),
        (V, {}, math.inf, None, "bad", "sentinel"),
        (V, {"text": "number"}, b"243.4 VAC", 243.4, "good", None),
        (V, {"text": "number", "absent": ["-99999", "N/A"]}, b"n/a", None, "bad", "sentinel"),
        (V, {"text": "number", "absent": [-99999]}, b"-99999", None, "bad", "sentinel"),
        (V, {"text": "number"}, b"no idea", None, "bad", "decode"),
        (V, {"text": "number"}, b"\xff\xfe", None, "bad", "decode"),
        (V, {"scale": (1, 0.1), "range": (0, 500)}, 121, 121, "good", None),
        (V, {"scale": (1, 0.1), "range": (0, 500)}, 2313, 231.3, "good", None),
        (V, {"scale": (1, 0.1), "range": (0, 500)}, 65535, 65535, "uncertain", "range"),
        (T, {"given_in": "degF"}, 212, 100.0, "good", None),
        (T, {"given_in": "degF", "scale": 0.1}, 683, 20.166666666666668, "good", None),
        (T, {"text": "quantity"}, b"70 F", 21.11111111111111, "good", None),
        (T, {"text": "quantity"}, "21,5 °C".encode(), 21.5, "good", None),
        (T, {"text": "quantity"}, b"70 V", None, "bad", "decode"),
        (T, {"offset": -40}, 65, 25, "good", None),
        (W, {"given_in": "kW", "scale": 0.1}, 192, 19200, "good", None),
        (W, {"mask": 0x0FF0, "shift": 4}, 0xA5B3, 0x5B, "good", None),
        (B, {"states": {1: False, 2: True}}, 2, True, "good", None),
        (B, {"states": {1: False, 2: True}}, 3, None, "bad", "enum"),
        (B, {"states": {1: None, 2: True}}, 1, None, "bad", "unknown"),
        (B, {"states": {1: False, 2: True}}, b"2", None, "bad", "wrong_type"),
        (B, {"states": {"dry": False, "wet": True}, "text": "word"}, b" WET\0", True, "good", None),
        (B, {"states": {"dry": False, "wet": True}, "text": "word"}, b"damp", None, "bad", "enum"),
        (B, {"states": {"dry": False, "wet": True}, "text": "word"}, 1, None, "bad", "wrong_type"),
        (B, {"true_above": 180, "scale": 0.1}, 2302, True, "good", None),
        (B, {"true_above": 180, "scale": 0.1}, 0, False, "good", None),
        (B, {"true_above": 180, "absent": [0xFFFF]}, 0xFFFF, None, "bad", "sentinel"),
        (B, {"true_below": 10}, 3, True, "good", None),
        (B, {"bit": 2}, 0b100, True, "good", None),
        (B, {"bit": 2}, 0b011, False, "good", None),
        (B, {"bit": 9}, b"\x00\x40", True, "good", None),
        (B, {"bit": 99}, b"\x00\x40", None, "bad", "decode"),
        (B, {"bit": 3, "text": "digits"}, b"0001", True, "good", None),
        (B, {"bit": 4, "text": "digits"}, b"0001", None, "bad", "decode"),
        (B, {}, 2, None, "bad", "enum"),
        (E, {"states": {3: "normal", 5: "battery"}}, 5, "battery", "good", None),
        (E, {"states": {3: "normal"}}, 3.0, None, "bad", "wrong_type"),
        (Quantity("if.in_octets", "counter", "B"), {}, 2**63 + 1, 2**63 + 1, "good", None),
        (Quantity("if.in_octets", "counter", "B"), {}, -5, None, "bad", "invalid"),
        (Quantity("if.in_octets", "counter", "B"), {}, b"7", None, "bad", "wrong_type"),
    ],
)
def test_raw_value_becomes(
    quantity: Quantity, words: dict, raw: object, value: object, quality: str, reason: str | None
) -> None:
    result = compile_value(Words.model_validate(words), quantity)(raw)  # type: ignore[arg-type]
    assert result == (value, quality, reason)
    assert type(result[0]) is type(value)


def test_integer_stays_an_integer_where_nothing_is_scaled() -> None:
    assert type(compile_value(Words(), V)(230)[0]) is int
