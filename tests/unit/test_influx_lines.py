"""Line protocol: numbers as floats, truths as 0 and 1, words as text, bad readings never as a number."""

from __future__ import annotations

import pytest

from dcmon.config.site import Site
from dcmon.model import Quality, Reading, Value
from dcmon.storage.influx_http import RefusedError, UnavailableError, explain, retry_after
from dcmon.storage.lines import LineBuilder, asset_tags

TS = 1_735_689_600_123


@pytest.mark.parametrize(
    ("value", "quality", "reason", "fields"),
    [
        (230.1, Quality.GOOD, None, "value=230.1"),
        (5, Quality.GOOD, None, "value=5.0"),
        (2**64 - 1, Quality.GOOD, None, "value=1.8446744073709552e+19"),
        (True, Quality.GOOD, None, "value=1.0"),
        (False, Quality.GOOD, None, "value=0.0"),
        ("bypass", Quality.GOOD, None, 'text="bypass"'),
        ('say "hi" \\', Quality.GOOD, None, 'text="say \\"hi\\" \\\\"'),
        ("two\nlines", Quality.GOOD, None, 'text="two lines"'),
        (600.0, Quality.UNCERTAIN, "self test", 'value=600.0,quality="uncertain",reason="self test"'),
        (9999.0, Quality.BAD, "sentinel", 'quality="bad",reason="sentinel"'),
        ("noise", Quality.BAD, None, 'quality="bad"'),
        (None, Quality.BAD, "timeout", 'quality="bad",reason="timeout"'),
        (None, Quality.GOOD, None, 'quality="good"'),
        (float("nan"), Quality.GOOD, None, 'quality="bad",reason="not a finite number"'),
        (float("-inf"), Quality.UNCERTAIN, "old", 'quality="bad",reason="old"'),
        (10**400, Quality.GOOD, None, 'quality="bad",reason="not a finite number"'),
    ],
)
def test_fields_say_value_text_and_quality(value: Value, quality: Quality, reason: str | None, fields: str) -> None:
    (line,) = LineBuilder().lines([Reading(TS, "ups-a", "p", None, value, quality, reason)])
    assert line == f"p,asset=ups-a {fields} {TS}"


@pytest.mark.parametrize(
    ("asset", "point", "index", "head"),
    [
        ("ups-a", "input.voltage", "1", "input.voltage,asset=ups-a,index=1,kind=ups,section=fs1"),
        ("env-1", "t", "a, b=c", "t,asset=env-1,index=a\\,\\ b\\=c"),
        ("env-1", "t", "Eth\\0\\", "t,asset=env-1,index=Eth/0/"),
        ("env-1", "t", "Raum\n2 Öl", "t,asset=env-1,index=Raum\\ 2\\ Öl"),
        ("env-1", "t", "", "t,asset=env-1"),
        ("env-1", "odd point,x", None, "odd\\ point\\,x,asset=env-1"),
        ("env-1", "#1", None, "/#1,asset=env-1"),
    ],
)
def test_names_are_escaped_so_that_every_server_reads_them_alike(
    asset: str, point: str, index: str | None, head: str
) -> None:
    builder = LineBuilder({"ups-a": {"section": "fs1", "kind": "ups", "room": ""}})
    for _ in range(2):
        assert builder.lines([Reading(TS, asset, point, index, 1.0)]) == [f"{head} value=1.0 {TS}"]


@pytest.mark.parametrize(
    ("header", "date", "seconds"),
    [
        ("120", "", 120),
        ("0.5", "", 0.5),
        ("999999999", "", 3600),
        ("Mon, 23 Nov 2026 10:02:00 GMT", "Mon, 23 Nov 2026 10:00:00 GMT", 120),
        ("Mon, 23 Nov 2026 09:00:00 GMT", "Mon, 23 Nov 2026 10:00:00 GMT", 0),
        ("Mon, 23 Nov 2026 10:02:00 GMT", "", None),
        ("soon", "", None),
        ("-5", "", None),
        ("", "", None),
    ],
)
def test_retry_after_is_read_in_both_its_forms(header: str, date: str, seconds: float | None) -> None:
    assert retry_after(header, date) == seconds


@pytest.mark.parametrize(
    ("status", "body", "kind", "lost"),
    [
        (400, "unable to parse 'x'", RefusedError, 0),
        (413, "too large", RefusedError, 0),
        (400, '{"error":"partial write: points beyond retention policy dropped=3"}', RefusedError, 3),
        (422, "partial write: field type conflict: input field dropped=1", RefusedError, 1),
        (400, "partial write: unable to parse 'a'\nunable to parse 'b' dropped", RefusedError, 2),
        (
            400,
            '{"error":"partial write of line protocol occurred","data":[{"line_number":1},{"line_number":9}]}',
            RefusedError,
            2,
        ),
        (500, "oops", UnavailableError, None),
        (401, "no", UnavailableError, None),
    ],
)
def test_an_answer_is_about_the_lines_or_about_the_server(
    status: int, body: str, kind: type[Exception], lost: int | None
) -> None:
    error = explain(status, body, {}, None)
    assert type(error) is kind
    assert getattr(error, "lost", None) == lost


def test_tags_of_an_asset_are_its_kind_and_its_fire_section() -> None:
    site = Site.model_validate(
        {
            "name": "x",
            "sections": [{"id": "fs1", "name": "one"}],
            "assets": [
                {"id": "ups-a", "kind": "ups", "name": "UPS A", "section": "fs1"},
                {"id": "mains-a", "kind": "mains", "name": "Mains A"},
            ],
        }
    )
    assert asset_tags(site) == {"ups-a": {"kind": "ups", "section": "fs1"}, "mains-a": {"kind": "mains"}}
