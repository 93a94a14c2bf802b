"""Maintenance from calendars and into them: what is understood, what is refused and where, and that it comes round."""

from __future__ import annotations

import pytest
from engine_world import EVERYTHING, World, at, config

from dcmon.calendars import Found, read_calendar, write_calendar
from dcmon.config.entries import EntryError, parse_entry
from dcmon.model import Record

ZONE = "Europe/Berlin"
EVENT = {
    "UID": "work-1@example.org", "SUMMARY": "UPS A: batteries", "DTSTART": "20270120T070000Z",
    "DTEND": "20270120T150000Z", "CATEGORIES": "PSA-LOW", "RESOURCES": "ups-a,pdu-a",
}  # fmt: skip


def calendar(*lines: str, method: str = "", **changes: str | None) -> str:
    """A file with one event: EVENT with changes (None leaves out); a name with parameters replaces the plain one."""
    words = {**EVENT, **changes}
    replaced = {line.partition(":")[0].partition(";")[0] for line in lines}
    body = [f"{name}:{value}" for name, value in words.items() if value is not None and name not in replaced]
    head = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//x//y//EN", *([f"METHOD:{method}"] if method else [])]
    return "\r\n".join([*head, "BEGIN:VEVENT", *body, *lines, "END:VEVENT", "END:VCALENDAR", ""])


def only(text: str) -> Found:
    (found,) = read_calendar(text, ZONE, "Anna")
    return found


def times(text: str) -> tuple[str, str]:
    words = only(text).words
    assert words is not None, only(text)
    return words["start"], words["end"]


def enter(world: World, second: float, text: str) -> Record:
    words = only(text).words
    assert words is not None, only(text)
    record, changes = world.judge.enter(parse_entry(words), at(second))
    world.all.extend(changes)
    return record


def test_an_event_becomes_the_words_of_an_entry() -> None:
    found = only(calendar("X-DCMON-MUTE:TRUE", "X-DCMON-EXCLUDE:yes", "SEQUENCE:3", "CONTACT:Huber",
                          "DESCRIPTION:All blocks\\nare replaced", "X-DCMON-WITH-FED:FALSE"))  # fmt: skip
    assert found.words == {
        "kind": "maintenance", "by": "Anna", "uid": "work-1@example.org", "title": "UPS A: batteries", "class": "low",
        "start": "2027-01-20T07:00:00+00:00", "end": "2027-01-20T15:00:00+00:00", "scope": ["ups-a", "pdu-a"],
        "sequence": 3, "text": "All blocks\nare replaced", "contact": "Huber", "mute": True, "exclude": True,
        "with_fed": False,
    }  # fmt: skip
    assert found.line == 4


@pytest.mark.parametrize(
    ("lines", "start", "end"),
    [
        (("DTSTART;TZID=Europe/Berlin:20270328T013000", "DTEND;TZID=Europe/Berlin:20270328T040000"),
         "2027-03-28T00:30:00+00:00", "2027-03-28T02:00:00+00:00"),
        (("DTSTART:20270120T080000", "DTEND:20270120T160000"),
         "2027-01-20T07:00:00+00:00", "2027-01-20T15:00:00+00:00"),
        (("DTSTART;VALUE=DATE:20270328", "DTEND;VALUE=DATE:20270329"),
         "2027-03-27T23:00:00+00:00", "2027-03-28T22:00:00+00:00"),
        (("DTSTART;TZID=America/New_York:20270120T080000", "DURATION:PT90M"),
         "2027-01-20T13:00:00+00:00", "2027-01-20T14:30:00+00:00"),
        (("DTSTART;TZID=Europe/Berlin:20270328T013000", "DURATION:PT3H"),
         "2027-03-28T00:30:00+00:00", "2027-03-28T03:30:00+00:00"),
        (("DTSTART;TZID=Europe/Berlin:20271030T120000", "DURATION:P1D"),
         "2027-10-30T10:00:00+00:00", "2027-10-31T11:00:00+00:00"),
        (("DTSTART;TZID=W. Europe Standard Time:20270120T080000", "DTEND:20270120T150000Z"),
         "2027-01-20T07:00:00+00:00", "2027-01-20T15:00:00+00:00"),
    ],
)  # fmt: skip
def test_times_are_read_in_their_zone_also_where_the_clock_changes(
    lines: tuple[str, ...], start: str, end: str
) -> None:
    gone = {"DTEND": None} if any(line.startswith("DURATION") for line in lines) else {}
    assert times(calendar(*lines, **gone)) == (start, end)


def test_a_whole_day_without_an_end_is_one_day() -> None:
    assert times(calendar("DTSTART;VALUE=DATE:20271031", DTEND=None)) == (
        "2027-10-30T22:00:00+00:00", "2027-10-31T23:00:00+00:00",
    )  # fmt: skip


def test_a_zone_that_the_file_defines_itself_is_known() -> None:
    zone = ["BEGIN:VTIMEZONE", "TZID:House", "BEGIN:STANDARD", "DTSTART:19700101T000000", "TZOFFSETFROM:+0200",
            "TZOFFSETTO:+0200", "END:STANDARD", "END:VTIMEZONE", "BEGIN:VEVENT"]  # fmt: skip
    text = calendar("DTSTART;TZID=House:20270120T080000").replace("BEGIN:VEVENT", "\r\n".join(zone))
    assert times(text)[0] == "2027-01-20T06:00:00+00:00"


@pytest.mark.parametrize(
    ("lines", "changes", "complaint"),
    [
        (("DTSTART;TZID=Nowhere/Land:20270120T080000",), {}, "DTSTART: the time zone Nowhere/Land is not known"),
        (("RRULE:FREQ=WEEKLY",), {}, "RRULE: a series is not taken"),
        (("RECURRENCE-ID:20270120T070000Z",), {}, "RECURRENCE-ID: a series"),
        (("DTSTART:soon",), {}, "DTSTART: "),
        (("X-DCMON-MUTED:TRUE",), {}, "X-DCMON-MUTED is not known; known are X-DCMON-ANNOUNCED"),
        (("X-DCMON-MUTE:maybe",), {}, "X-DCMON-MUTE: MAYBE is neither TRUE nor FALSE"),
        ((), {"CATEGORIES": None}, "it has no class; write CATEGORIES:PSA-NO"),
        ((), {"CATEGORIES": "PSA-MIDDLE"}, "PSA-MIDDLE is no class"),
        ((), {"CATEGORIES": "PSA-LOW,PSA-HIGH"}, "is no class"),
        ((), {"RESOURCES": None}, "it has no scope"),
        ((), {"UID": None}, "it has no UID"),
        ((), {"DTEND": None}, "neither DTEND nor DURATION"),
        ((), {"DTSTART": None}, "it has no DTSTART"),
    ],
)  # fmt: skip
def test_what_is_not_understood_is_refused_with_its_line(
    lines: tuple[str, ...], changes: dict[str, str | None], complaint: str
) -> None:
    found = only(calendar(*lines, **changes))
    assert (found.words, found.line) == (None, 4)
    assert complaint in str(found)


@pytest.mark.parametrize(
    "text",
    [
        "", "hello", "BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n", "\x00\x01", "BEGIN:VEVENT\r\n", "END:VCALENDAR\r\n",
        "BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nEND:VCALENDAR\r\n",
    ],
)  # fmt: skip
def test_what_is_no_calendar_is_one_problem_and_no_fault(text: str) -> None:
    assert [found.words for found in read_calendar(text, ZONE, "Anna")] == [None]


def test_one_odd_event_keeps_no_other_from_being_read() -> None:
    good, odd = calendar(), calendar(CATEGORIES=None, SUMMARY="Odd")
    event = odd[odd.index("BEGIN:VEVENT") : odd.index("END:VCALENDAR")]
    first, second = read_calendar(good.replace("END:VCALENDAR", f"{event}END:VCALENDAR"), ZONE, "Anna")
    assert first.words is not None
    assert (second.words, second.line, second.name) == (None, 12, "Odd")


def test_a_window_that_ends_before_it_starts_is_refused_by_its_entry() -> None:
    words = only(calendar(DTEND="20270120T060000Z")).words
    with pytest.raises(EntryError, match="it ends before it starts"):
        parse_entry(words)


def test_an_event_imported_twice_is_once_a_later_version_replaces_it_and_a_cancelled_one_is_void() -> None:
    world = World(config(*EVERYTHING))
    first = enter(world, 0, calendar())
    assert enter(world, 10, calendar()) is first
    second = enter(world, 20, calendar("SEQUENCE:1", SUMMARY="UPS A: batteries and fans"))
    assert (second.id, second.data["title"], len(second.data["history"])) == (first.id, "UPS A: batteries and fans", 1)
    assert enter(world, 30, calendar("SEQUENCE:2", "STATUS:CANCELLED")).state == "void"
    assert enter(world, 40, calendar("SEQUENCE:2", method="CANCEL")).state == "void"
    assert [state for _, _, state in world.said("record")] == ["announced", "changed", "cancelled"]


def test_what_is_exported_comes_back_as_the_same_windows() -> None:
    world = World(config(*EVERYTHING))
    day = 86_400
    world.enter(1, "maintenance", title="Fans; and, more", **{"class": "high"}, start=day, end=2 * day, scope="ups-a",
                exclude=True, text="Two\nlines", contact="Huber, München", announced=-40 * day)  # fmt: skip
    enter(world, 2, calendar())
    void = world.enter(3, "maintenance", title="Gone", **{"class": "no"}, start=day, end=2 * day, scope="ups-b")
    world.enter(4, "cancel", record=void.id, reason="no")
    before = dict(world.judge.records)
    found = read_calendar(write_calendar(before.values(), "Test").decode(), ZONE, "Ben")
    assert len(found) == 3
    for one in found:
        assert one.words is not None, one
        world.judge.enter(parse_entry(one.words), at(100))
    assert dict(world.judge.records) == before
