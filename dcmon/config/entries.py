"""What people put on record: a delivery, a duty that was done ... One model per kind; the kind is a closed word.

The command `dcmon enter`, the API and a file for `dcmon replay` take the same words.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Annotated, Any, Literal

from pydantic import (
    BeforeValidator,
    Field,
    PlainSerializer,
    StringConstraints,
    TypeAdapter,
    ValidationError,
    WithJsonSchema,
    model_validator,
)

from dcmon.config.base import Duration, Identifier, Strict
from dcmon.instants import iso_utc, parse_instant

_LONGEST_MUTE_MS = 31 * 86_400_000
_LONGEST_DRILL_MS = 7 * 86_400_000


class EntryError(ValueError):
    """An entry cannot be taken. The message says what is wrong and how it should be."""


def _instant(text: Any) -> int:
    if not isinstance(text, str):
        raise ValueError(f"{text!r} is no time; write it as 2026-11-23T10:00:00Z")
    return parse_instant(text)


Instant = Annotated[
    int,
    BeforeValidator(_instant),
    PlainSerializer(iso_utc, return_type=str, when_used="json"),
    WithJsonSchema({"type": "string", "format": "date-time"}),
]
"""ms UTC; written in ISO 8601 with a zone."""

Line = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
"""A short text that must not be empty."""
Story = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=4000)]
"""A text that must not be empty."""


def _words(text: Any) -> Any:
    return [word.strip() for word in text.split(",") if word.strip()] if isinstance(text, str) else text


Names = Annotated[tuple[Line, ...], BeforeValidator(_words)]
"""A list, or a text with commas between the names."""


def _expected(word: Any) -> Any:
    return {"alarm": word} if isinstance(word, str) else word


class _Entry(Strict):
    by: Line = Field(description="who enters it")
    note: str = Field(default="", max_length=4000)
    at: Instant | None = Field(default=None, description="when it happened; now when absent")


class Delivery(_Entry):
    """Fuel was delivered (T06): what the refuelling log wants to know."""

    kind: Literal["delivery"]
    asset: Identifier = Field(description="the tank")
    litres: float = Field(gt=0, le=1_000_000)
    fuel: Line = Field(description="what kind, for example diesel EN 590 or HVO EN 15940")
    additives: str = ""


class CorrectionEntry(_Entry):
    """An interval of an indicator was measured wrong. What was recorded stays; figures show both.

    A correction that was wrong itself is corrected by another.
    """

    kind: Literal["correction"]
    indicator: Line = Field(description="its id, as `dcmon slo --json` gives it")
    start: Instant
    end: Instant
    was: Literal["up", "down", "unknown"] = Field(description="what was recorded")
    now: Literal["up", "down", "unknown"] = Field(description="what it really was")
    reason: Line
    evidence: Line = Field(description="what proves it: a log, a ticket, a letter of the supplier")

    @model_validator(mode="after")
    def _sense(self) -> CorrectionEntry:
        if self.end <= self.start:
            raise ValueError("the interval ends before it starts")
        if self.was == self.now:
            raise ValueError(f"it was {self.was} and is to be {self.now}: that corrects nothing")
        return self


class _Planned(_Entry):
    """What maintenance and drills share: a time ahead, and what they are about."""

    title: Line
    start: Instant
    end: Instant
    with_fed: bool = Field(default=False, description="the scope reaches what the named assets feed, too")
    contact: str = Field(default="", max_length=200, description="who is to be asked")
    text: str = Field(default="", max_length=4000, description="what is done, for those who are told")

    @model_validator(mode="after")
    def _forward(self) -> _Planned:
        if self.end <= self.start:
            raise ValueError("it ends before it starts")
        return self


class Maintenance(_Planned):
    """Planned work (T25). Muting and leaving out of the figures are two things; see [maintenance](maintenance.md)."""

    kind: Literal["maintenance"]
    cls: Literal["no", "low", "high"] = Field(alias="class", description="the risk for the promised service (PSA)")
    announced: Instant | None = Field(default=None, description="when the customers were told; `at` when absent")
    scope: Annotated[Names, Field(min_length=1)] = Field(
        description="ids of assets and groups, and of controls or indicators that are to be left out"
    )
    mute: bool = Field(default=False, description="alarms of the scope tell nobody before the window is over")
    exclude: bool = Field(default=False, description="the figures of the scope leave the window out, if it was in time")
    uid: Line | None = Field(default=None, description="what a calendar calls it; the same again replaces it")
    sequence: int = Field(default=0, ge=0, description="counts the changes of one uid")

    @model_validator(mode="after")
    def _short_enough(self) -> Maintenance:
        if self.mute and self.end - self.start > _LONGEST_MUTE_MS:
            raise ValueError("it mutes for more than 31 days; enter shorter ones, so that a slip does not go unheard")
        return self


class Expected(Strict):
    """An alarm that a drill must bring about."""

    alarm: Annotated[str, StringConstraints(pattern=r"^[^/\s]+(/[^/\s]+)?$")] = Field(
        description="the rule's id, or RULE/ASSET"
    )
    within: Duration | None = Field(default=None, description="by when; until the drill's end when absent")
    after: Identifier | None = Field(
        default=None, description="the time runs from the start of this sequence; from the drill's start when absent"
    )


class Drill(_Planned):
    """A test with expected alarms (T18): these tell nobody, and those that do not come page."""

    kind: Literal["drill"]
    scope: Names = Field(default=(), description="ids of assets and groups; the whole site when empty")
    expected: Annotated[tuple[Annotated[Expected, BeforeValidator(_expected)], ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _short_enough(self) -> Drill:
        if self.end - self.start > _LONGEST_DRILL_MS:
            raise ValueError("a drill of more than 7 days would hide faults; enter a shorter one")
        return self


class Cancel(_Entry):
    """Maintenance or a drill does not take place, or is over before its time. It stays on record as void."""

    kind: Literal["cancel"]
    record: Line = Field(description="id of its record, or what the calendar calls it (UID)")
    reason: Line


class DutyEntry(_Entry):
    """A duty of the register was done (T09, T12, T28, T29), or a test that dcmon did not see: with a note or a file."""

    kind: Literal["duty"]
    duty: Identifier = Field(description="its id in register.yaml")
    asset: Identifier | None = Field(default=None, description="where; all assets of the duty when absent")
    result: Literal["passed", "failed"] = "passed"
    file: str = Field(default="", max_length=1000, description="what proves it: a path or a link")
    sha256: Annotated[str, StringConstraints(pattern=r"^([0-9a-fA-F]{64})?$", to_lower=True)] = Field(
        default="", description="of the file; required unless it is a link"
    )

    @model_validator(mode="after")
    def _proof(self) -> DutyEntry:
        file = self.file.strip()
        if not self.note.strip() and not file:
            raise ValueError("nothing proves it: write a note, or name a file with its sha256, or a link")
        if file and not self.sha256 and not file.startswith(("https://", "http://")):
            raise ValueError("sha256 is missing: `sha256sum FILE` says it; a link that begins with https:// needs none")
        if self.sha256 and not file:
            raise ValueError("sha256 is of no file: name the file")
        return self


class Lesson(_Entry):
    """What an incident taught (T30): its cause, when it was contained and restored, what is done against the next."""

    kind: Literal["lesson"]
    incident: Line = Field(description="its id, as the page and `GET /api/v1/incidents` give it")
    cause: Story = Field(description="what was found to be the cause")
    lessons: Story = Field(description="what was learnt")
    measures: str = Field(default="", max_length=4000, description="what is done, by whom, until when")
    contained_at: Instant | None = Field(default=None, description="from when it could not get worse")
    restored_at: Instant | None = Field(default=None, description="from when all was as before")

    @model_validator(mode="after")
    def _in_order(self) -> Lesson:
        if self.contained_at is not None and self.restored_at is not None and self.restored_at < self.contained_at:
            raise ValueError("it was restored before it was contained")
        return self


class PageTest(_Entry):
    """A test page is sent (T20), to see whether the way to a person works; whoever gets it answers with `page-answer`.

    It has passed when it is answered in time, and failed when it is not or when it cannot be delivered.
    """

    kind: Literal["page-test"]
    person: Identifier = Field(description="who is paged, an id of people.yaml")
    channel: Literal["email", "webhook"] = "email"
    within: Annotated[Duration, Field(ge=60_000, le=86_400_000)] = Field(
        default=900_000, description="how soon it is to be answered, at least 1m and at most 24h"
    )


class PageAnswer(_Entry):
    """A test page has arrived: the answer to a `page-test`, by whoever got it or whom he has called."""

    kind: Literal["page-answer"]
    test: Line | None = Field(
        default=None,
        description="id of the test's record, as the page gives it; the one that waits for `by` when absent",
    )


Entry = Delivery | CorrectionEntry | Maintenance | Drill | Cancel | DutyEntry | Lesson | PageTest | PageAnswer

ENTRIES: Mapping[str, type[_Entry]] = {
    "delivery": Delivery,
    "correction": CorrectionEntry,
    "maintenance": Maintenance,
    "drill": Drill,
    "cancel": Cancel,
    "duty": DutyEntry,
    "lesson": Lesson,
    "page-test": PageTest,
    "page-answer": PageAnswer,
}
"""Every kind of entry and its words."""

_ENTRY: TypeAdapter[Entry] = TypeAdapter(Annotated[Entry, Field(discriminator="kind")])


def parse_entry(words: object) -> Entry:
    """The entry of a JSON object. EntryError names every word that is missing, unknown or wrong."""
    if not isinstance(words, dict):
        raise EntryError('an entry is one JSON object, such as {"kind": "delivery", "by": ...}')
    try:
        return _ENTRY.validate_python(words)
    except ValidationError as error:
        raise EntryError("; ".join(_faults(error))) from None


def entry_words(entry: Entry) -> dict[str, Any]:
    """The JSON object of which `parse_entry` makes this entry again."""
    return entry.model_dump(mode="json", by_alias=True, exclude_none=True)


def _faults(error: ValidationError) -> Iterator[str]:
    """What is wrong, each after the word it is about; what is wrong with the entry as a whole has none."""
    faults = error.errors(include_url=False)
    places = [fault["loc"] for fault in faults]
    for fault in faults:
        place = fault["loc"]
        if fault["type"] == "too_short" and any(len(one) > len(place) and one[: len(place)] == place for one in places):
            continue  # it is too short because what stood in it is faulty
        word = ".".join(str(part) for part in place[1:])  # the first part is the kind
        say = _SAID.get(fault["type"])
        message = say(fault.get("ctx", {})) if say else fault["msg"].removeprefix("Value error, ")
        yield f"{word}: {message}" if word else message


_SAID: Mapping[str, Callable[[Mapping[str, Any]], str]] = {
    "union_tag_not_found": lambda context: f"kind: this is missing; it is one of {', '.join(ENTRIES)}",
    "union_tag_invalid": lambda context: f"kind: there is no {context['tag']}; it is one of {', '.join(ENTRIES)}",
    "missing": lambda context: "this is missing",
    "extra_forbidden": lambda context: "this word is not known here; docs/records.md has those that are",
    "literal_error": lambda context: f"this must be {context['expected']}",
    "greater_than": lambda context: f"this must be above {context['gt']:g}",
    "less_than_equal": lambda context: f"this must be at most {context['le']:g}",
    "greater_than_equal": lambda context: f"this must be at least {context['ge']:g}",
    "float_parsing": lambda context: "this must be a number, such as 8000",
    "int_parsing": lambda context: "this must be a whole number",
    "bool_parsing": lambda context: "this must be true or false",
    "string_type": lambda context: "this must be a text",
    "string_too_short": lambda context: "this must not be empty",
    "string_too_long": lambda context: f"this must not be longer than {context['max_length']} characters",
    "string_pattern_mismatch": lambda context: f"this is not written as it must be, {context['pattern']}",
    "tuple_type": lambda context: "this must be a list",
    "too_short": lambda context: "nothing stands in it; name at least one",
}
"""Faults as a person would put them; what is not here says it well enough itself."""
