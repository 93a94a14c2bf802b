"""What a report's figures were made from, and what verifying says when something of it is another."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from dcmon.audit.manifest import canonical, compare, control_digest, digest, input_digests
from dcmon.config.config import Config
from dcmon.config.loader import load
from dcmon.model import Availability, Incident, Interval, Severity, Task
from dcmon.thresholds import catalogue

UP, DOWN = Availability.UP, Availability.DOWN


@pytest.fixture(scope="module")
def config(example_site: Any) -> Config:
    return load(example_site)


def test_the_canonical_form_knows_no_order_of_keys_and_no_white_space() -> None:
    assert canonical({"b": [1, 2.5], "a": "ä"}) == canonical({"a": "ä", "b": [1, 2.5]}) == '{"a":"ä","b":[1,2.5]}'


def test_the_digest_is_the_published_one_of_sha_256() -> None:
    assert digest("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"  # FIPS 180-2, B.1


def test_rows_count_by_what_they_say_and_not_by_their_order() -> None:
    rows = [Interval("x", 0, 10, UP), Interval("x", 10, None, DOWN, "gone")]
    assert input_digests(rows, 0, 100) == input_digests(reversed(rows), 0, 100)
    assert input_digests(rows, 0, 100)["interval"]["count"] == 2
    other = [rows[0], Interval("x", 10, None, DOWN, "gone away")]
    assert input_digests(rows, 0, 100) != input_digests(other, 0, 100)


def test_an_interval_counts_inside_the_time_of_the_figure_only() -> None:
    running, ended = Interval("x", -50, None, UP), Interval("x", -7, 200, UP)
    assert input_digests([running], 0, 100) == input_digests([ended], 0, 100)
    assert input_digests([running], 0, 100) != input_digests([Interval("x", 0, 99, UP)], 0, 100)


def test_an_incident_that_goes_on_is_the_same_input_and_one_opened_at_another_time_is_not() -> None:
    row = Incident("i", "open", "a", "t", Severity.WARNING, "power", 1, 2, ("a",), "r")
    grown = Incident("i", "resolved", "a", "t", Severity.CRITICAL, "power", 1, 2, ("a", "b"), "r", resolved=9)
    moved = Incident("i", "open", "a", "t", Severity.WARNING, "power", 1, 3, ("a",), "r")
    assert input_digests([row], 0, 9) == input_digests([grown], 0, 9)
    assert input_digests([row], 0, 9) != input_digests([moved], 0, 9)


def test_a_control_is_another_when_its_target_is_and_not_when_its_title_is(config: Config) -> None:
    control = catalogue(config)["T01"]
    target = control.model_copy(update={"objective": control.objective.model_copy(update={"target": 99.9})})
    title = control.model_copy(update={"title": control.title.model_copy(update={"en": "Electricity"})})
    assert control_digest(control) == control_digest(title) != control_digest(target)


ENTRY = {
    "id": "period/T01", "promise": "T01", "start": 0, "end": 100, "target": 99.99, "outcome": "met", "value": 100.0,
    "good": 100, "bad": 0, "open": 0, "inputs": {"interval": {"count": 1, "sha256": "ab"}}, "control_sha256": "cd",
}  # fmt: skip


def changed(**words: Any) -> dict[str, Any]:
    return copy.deepcopy(ENTRY) | words


@pytest.mark.parametrize(
    ("kept", "state", "says"),
    [
        ({}, "same", "same"),
        ({"value": 99.0}, "figure", "value is 100.0, not 99.0"),
        ({"value": None}, "figure", "value is 100.0, not nothing"),
        ({"outcome": "missed"}, "figure", "outcome is met, not missed"),
        ({"inputs": {"interval": {"count": 2, "sha256": "ab"}}}, "inputs", "interval (2 rows then, 1 now)"),
        ({"inputs": {}}, "inputs", "interval (0 rows then, 1 now)"),
        ({"inputs": "broken"}, "inputs", "interval (0 rows then, 1 now)"),
        ({"control_sha256": "xx", "target": 99.0}, "control", "target 99.0 then, 99.99 now"),
        ({"start": 5}, "period", "commissioned"),
        ({"id": "period/T99"}, "gone", "no such figure"),
    ],
)
def test_a_figure_that_differs_is_told_by_what_differs(kept: dict[str, Any], state: str, says: str) -> None:
    first, *rest = compare([changed(**kept)], [ENTRY])
    assert (first.state, first.same) == (state, state == "same")
    assert says in first.text
    assert [one.state for one in rest] == (["missing"] if state == "gone" else [])


def test_every_row_that_figures_are_made_from_has_a_canonical_form() -> None:
    task = Task("t", "refuel", "tank-a", "r", "open", "refuel", 1, 2)
    assert set(input_digests([task, Interval("x", 0, None, UP)], 0, 9)) == {"task", "interval"}
