"""`dcmon replay`: what lines are understood, what is said of those that are not, how time passes without samples."""

from __future__ import annotations

import json
from typing import Any

import pytest
from engine_world import EVERYTHING, LEAK, LINK, ON_BATTERY, SILENT, config

from dcmon.notify.escalation import Pager
from dcmon.replay import Problem, replay

SITE = config(*EVERYTHING)
NOON = "2026-11-23T12:00:00Z"


def line(ts: Any, asset: str = "ups-a", point: str = "ups.on_battery", value: Any = True, **more: Any) -> str:
    return json.dumps({"ts": ts, "asset": asset, "point": point, "index": None, "value": value, **more})


def run(lines: list[str], *, site: Any = SITE, kind: str | None = None) -> tuple[list[dict[str, Any]], list[Problem]]:
    problems: list[Problem] = []
    said = list(replay(site, lines, Pager(site), problems.append))
    return [one for one in said if kind in (None, one["type"])], problems


@pytest.mark.parametrize(
    "ts",
    [
        "2026-11-23T10:00:00Z", "2026-11-23T11:00:00+01:00", "2026-11-23T10:00:00.000Z", "2026-11-23T10:00:00.000000Z",
        "2026-11-23 10:00:00Z", 1795428000000, 1795428000000.0, "20261123T100000Z", "2026-11-23T09:59:60Z",
    ],
)  # fmt: skip
def test_an_instant_can_be_written_in_many_ways(ts: Any) -> None:
    said, problems = run([line(ts)], kind="incident")
    assert problems == []
    assert said[0]["ts"] == "2026-11-23T10:00:05Z"


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("not json", "no JSON"), ("[1, 2]", "one JSON object"), ("{}", "ts is missing"),
        ("[" * 100_000, "nested"), ('{"ts": 1795428000000, "ack": "me"}', "acknowledgement"),
        (line("2026-11-23T10:00:00"), "has no zone"), (line("yesterday"), "is no time"), (line(True), "is no time"),
        (line(1795428000), "looks like seconds"), (line(-5), "not between 1970"),
        (line("2026-02-30T10:00:00Z"), "no time"), (line("2026-11-23T10:00:xxZ"), "no time"),
        (line("2026-11-23T10:00:61Z"), "no time"), (line(NOON, asset=""), "asset and point"),
        (line(NOON, value=[1]), "value must"), (line(NOON, quality="fine"), "quality must"),
        (line(NOON, index=[1]), "index must"),
    ],
)  # fmt: skip
def test_a_line_that_cannot_be_used_is_named_and_the_others_count(text: str, complaint: str) -> None:
    said, problems = run([line("2026-11-23T10:00:00Z"), text, "", "   "], kind="incident")
    assert [problem.line for problem in problems] == [2]
    assert complaint in problems[0].message
    assert [one["state"] for one in said] == ["opened"]


def test_an_empty_file_says_nothing() -> None:
    assert run([]) == ([], [])


def test_what_comes_out_is_in_time_order_and_plain_json() -> None:
    said, _ = run([
        line("2026-11-23T10:00:00Z", "uplink-1", "if.oper", "down"),
        line("2026-11-23T10:00:10Z", "tank-a", "fuel.level", 70),
        line("2026-11-23T10:00:00Z"), line("2026-11-23T10:30:00Z", value=False),
    ])  # fmt: skip
    assert [one["ts"] for one in said] == sorted(one["ts"] for one in said)
    for one in said:
        assert json.loads(json.dumps(one)) == one
        assert {"ts", "type", "asset", "rule", "state", "severity", "reason", "incident"} <= set(one)
    assert {one["type"] for one in said} == {"alarm", "incident", "page", "task", "clock", "control"}
    assert all(one["person"] == "anna" and one["channel"] == "console" for one in said if one["type"] == "page")


def test_lines_out_of_order_are_put_in_order() -> None:
    lines = [line(f"2026-11-23T10:{minute:02d}:00Z", value=minute % 2 == 0) for minute in range(10)]
    assert run(lines[::-1]) == run(lines)


def test_delays_and_clocks_run_out_after_the_last_line() -> None:
    said, _ = run([line("2026-11-23T10:00:00Z", "uplink-1", "if.oper", "down")], site=config(LINK), kind="clock")
    assert [(one["ts"], one["state"]) for one in said][-1] == ("2026-11-23T14:00:00Z", "breached")


def test_a_value_holds_until_the_next_of_its_series_however_long() -> None:
    said, _ = run([line("2026-11-23T10:00:00Z"), line("2026-11-23T16:00:00Z", value=False)], kind="incident")
    assert [(one["ts"][11:], one["state"]) for one in said] == [("10:00:05Z", "opened"), ("16:00:00Z", "resolved")]


def test_a_device_of_which_nothing_is_said_is_not_silent() -> None:
    said, _ = run([line("2026-11-23T10:00:00Z", value=False), line("2026-11-23T20:00:00Z", value=False)], kind="alarm")
    assert said == []


def regular(asset: str, first: int, last: int, step: int = 10) -> list[str]:
    start = 1795428000000
    return [line(start + second * 1000, asset, "output.load", 40) for second in range(first, last, step)]


def test_a_device_that_stops_giving_regular_samples_while_others_go_on_is_silent() -> None:
    said, _ = run([*regular("ups-a", 0, 300), *regular("ups-b", 0, 900), *regular("ups-a", 600, 900)],
                  site=config(SILENT), kind="alarm")  # fmt: skip
    assert [(one["asset"], one["state"]) for one in said] == [
        ("ups-a", "pending"), ("ups-a", "active"), ("ups-a", "returned"),
    ]  # fmt: skip


def test_a_recording_that_pauses_as_a_whole_makes_nobody_silent() -> None:
    both = [
        *regular("ups-a", 0, 300),
        *regular("ups-b", 0, 300),
        *regular("ups-a", 3600, 3900),
        *regular("ups-b", 3600, 3900),
    ]
    assert run(both, site=config(SILENT), kind="alarm") == ([], [])


def test_an_acknowledgement_reaches_the_open_incident_of_the_asset_and_stops_the_escalation() -> None:
    ack = json.dumps({"ts": "2026-11-23T10:01:00Z", "ack": {"asset": "ups-a", "by": "anna"}})
    said, problems = run([line("2026-11-23T10:00:00Z"), ack], site=config(ON_BATTERY), kind="incident")
    assert [one["state"] for one in said] == ["opened", "acknowledged"] and problems == []
    assert said[1]["by"] == "anna"


def test_an_acknowledgement_of_nothing_is_named() -> None:
    ack = json.dumps({"ts": "2026-11-23T10:01:00Z", "ack": {"asset": "ups-b", "by": "anna"}})
    _, problems = run([line("2026-11-23T10:00:00Z"), ack])
    assert [problem.line for problem in problems] == [2]
    assert "ups-b has no open incident" in str(problems[0])


def test_the_figures_of_the_file_stand_at_its_end() -> None:
    lines = [line(f"2026-11-23T{hour}:00:00Z", "mains-a", "mains.available", hour != 11) for hour in (10, 11, 12, 14)]
    said, _ = run(lines, kind="control")
    last = said[-1]
    assert (last["rule"], last["asset"], last["state"]) == ("T01.mains-route", "mains-a", "breached")
    assert (last["up_ms"], last["down_ms"], last["measured"]) == (3 * 3_600_000, 3_600_000, 0.75)


def test_an_asset_that_the_site_does_not_have_is_named() -> None:
    said, problems = run([line("2026-11-23T10:00:00Z"), line(NOON, asset="ups-z")], kind="incident")
    assert [(problem.line, problem.message) for problem in problems] == [(2, "site.yaml has no asset 'ups-z'")]
    assert [one["state"] for one in said] == ["opened"]


@pytest.mark.parametrize(
    ("point", "value", "complaint"),
    [
        ("ups.on_batery", True, "no rule names the point 'ups.on_batery'"),
        ("ups.on_battery", "yes", "false or true is expected"),
        ("battery.status", "fine", "depleted or failed or low or normal or unknown is expected"),
        ("output.load", "89 %", "a number is expected"),
    ],
)
def test_what_would_be_judged_by_nothing_is_wondered_at_once(point: str, value: Any, complaint: str) -> None:
    odd = [line(f"2026-11-23T10:00:0{second}Z", point=point, value=value) for second in range(3)]
    said, problems = run([*odd, line("2026-11-23T10:00:05Z")], kind="incident")
    assert [(problem.line, problem.left_out) for problem in problems] == [(1, False)]
    assert complaint in problems[0].message
    assert [one["state"] for one in said] == ["opened"]


def test_a_byte_order_mark_is_no_part_of_the_first_line() -> None:
    said, problems = run(["\ufeff" + line("2026-11-23T10:00:00Z") + "\r\n"], kind="incident")
    assert problems == []
    assert [one["state"] for one in said] == ["opened"]


def test_of_two_that_contradict_each_other_at_one_instant_the_same_counts_in_any_order() -> None:
    both = [line("2026-11-23T10:00:00Z", value=False), line("2026-11-23T10:00:00Z", value=True)]
    assert run(both) == run(both[::-1])
    assert [one["state"] for one in run(both, kind="incident")[0]] == ["opened"]


def test_a_point_may_be_named_as_its_device_names_it() -> None:
    wired = [
        {"point": "if.*", "index": "xe-0", "asset": "uplink-1"},
        {"point": "contact.active", "index": "1", "invert": True},
        {"point": "contact.active", "index": "2", "asset": "leak-1", "as_point": "water.detected", "invert": True},
    ]
    contact = {"id": "c", "kind": "state", "title": "c", "class": "power", "severity": "warning", "is": True}
    site = config(LINK, LEAK, contact | {"select": {"point": "contact.active"}}, maps={"router-1": wired})
    said, problems = run([
        line("2026-11-23T10:00:00Z", "router-1", "if.oper", "down", index="xe-0"),
        line("2026-11-23T10:01:00Z", "router-1", "contact.active", False, index="2"),
        line("2026-11-23T10:02:00Z", "router-1", "contact.active", False, index="1"),
    ], site=site, kind="incident")  # fmt: skip
    assert problems == []
    assert [(one["rule"], one["asset"]) for one in said] == [("link-down", "uplink-1"), ("leak", "leak-1")]
