"""Whatever a calendar file holds, it is read or refused, never a fault."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from dcmon.calendars import read_calendar
from dcmon.config.entries import EntryError, parse_entry

NAMES = ("UID", "SUMMARY", "DTSTART", "DTEND", "DURATION", "CATEGORIES", "RESOURCES", "SEQUENCE", "STATUS", "CONTACT",
         "ORGANIZER", "X-DCMON-MUTE", "X-DCMON-ANNOUNCED", "X-DCMON-SCOPE", "X-DCMON-CLASS", "RRULE")  # fmt: skip
VALUES = ("20270120T070000Z", "20270120T150000", "20270328", "PT2H", "-P1D", "P1W", "PSA-LOW", "ups-a,pdu-a", "7", "-1",
          "TRUE", "CANCELLED", "mailto:a@example.org", "99991231T235959Z", "00010101T000000", "")  # fmt: skip
PARAMETERS = ("", ";TZID=Europe/Berlin", ";TZID=Nowhere", ";VALUE=DATE", ";VALUE=PERIOD", ";CN=Huber")
LINES = st.one_of(
    st.builds(
        lambda name, parameter, value: f"{name}{parameter}:{value}",
        st.sampled_from(NAMES), st.sampled_from(PARAMETERS), st.one_of(st.sampled_from(VALUES), st.text(max_size=12)),
    ),
    st.sampled_from(["BEGIN:VEVENT", "END:VEVENT", "BEGIN:VTIMEZONE", "END:VTIMEZONE", "BEGIN:VALARM", "END:VALARM"]),
    st.text(max_size=20),
)  # fmt: skip


@given(st.lists(LINES, max_size=25), st.booleans())
@settings(max_examples=200, deadline=None)
def test_any_file_gives_entries_or_problems(lines: list[str], whole: bool) -> None:
    body = ["BEGIN:VEVENT", *lines, "END:VEVENT"] if whole else lines
    text = "\r\n".join(["BEGIN:VCALENDAR", "VERSION:2.0", *body, "END:VCALENDAR", ""])
    for found in read_calendar(text, "Europe/Berlin", "Anna"):
        assert (found.words is None) == bool(found.problem)
        if found.words is not None:
            try:
                parse_entry(found.words)
            except EntryError as error:
                assert str(error)
