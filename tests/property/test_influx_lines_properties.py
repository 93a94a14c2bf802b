"""Any reading becomes one line that a reader of the protocol takes apart again."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from dcmon.model import Quality, Reading
from dcmon.storage.lines import LineBuilder

TEXT = st.text(max_size=12)
NAME = TEXT.filter(lambda text: text.strip("\n\r\t\0 ") != "")
VALUES = st.one_of(st.none(), st.booleans(), st.integers(-(2**70), 2**70), st.floats(), TEXT)
WORD = r"(?:[^\\,= \n]|\\[,= ])+"
STRING = r'"(?:[^"\\\n]|\\["\\])*"'
LINE = re.compile(
    rf"(?P<measurement>(?:[^\\, \n]|\\[, ])+)(?P<tags>(?:,{WORD}={WORD})*) "
    rf"(?P<fields>(?:value=-?[0-9.e+-]+|(?:text|quality|reason)={STRING})(?:,(?:quality|reason)={STRING})*)"
    r" (?P<ts>-?\d+)"
)


@given(NAME, NAME, st.none() | TEXT, VALUES, st.sampled_from(Quality), st.none() | TEXT, st.integers(-(2**62), 2**62))
def test_every_reading_is_one_line_with_its_names_and_a_field(
    asset: str, point: str, index: str | None, value: object, quality: Quality, reason: str | None, ts: int
) -> None:
    (line,) = LineBuilder().lines([Reading(ts, asset, point, index, value, quality, reason)])  # type: ignore[arg-type]
    line.encode("utf-8")
    found = LINE.fullmatch(line)
    assert found, line
    assert int(found["ts"]) == ts
    assert re.findall(rf",({WORD})=", found["tags"]) == ["asset", *(["index"] if index else [])]
    if quality is Quality.BAD:
        assert "value=" not in found["fields"].split('"')[0]
        assert not found["fields"].startswith("text=")
