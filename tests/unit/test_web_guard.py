"""Who may talk to the page, and what leaves as JSON."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import web_state

from dcmon.model import ConfigError, Quality, Reading, Severity
from dcmon.web import create_app
from dcmon.web.encode import dumps
from dcmon.web.guard import HEADERS, check_listen, host_of, is_loopback

DOCS = Path(__file__).resolve().parent.parent.parent / "docs"


@pytest.mark.parametrize(
    ("listen", "pair"),
    [
        ("127.0.0.1:8080", ("127.0.0.1", 8080)),
        ("localhost:1", ("localhost", 1)),
        ("[::1]:8080", ("::1", 8080)),
        ("127.8.0.1:0", ("127.8.0.1", 0)),
    ],
)
def test_loopback_may_be_listened_on(listen: str, pair: tuple[str, int]) -> None:
    assert check_listen(listen) == pair


@pytest.mark.parametrize(
    "listen", ["0.0.0.0:8080", "[::]:8080", "192.0.2.1:80", "dcmon.example.org:80", "localhost.evil:1"]
)
def test_every_other_address_is_refused_with_a_way_out(listen: str) -> None:
    with pytest.raises(ConfigError, match=r"no sign-in yet.*ssh -L"):
        check_listen(listen)


@pytest.mark.parametrize(
    "listen", ["8080", "127.0.0.1", "127.0.0.1:", ":8080", "127.0.0.1:99999", "127.0.0.1:http", ""]
)
def test_what_is_no_address_is_said_to_be_none(listen: str) -> None:
    with pytest.raises(ConfigError, match="is no HOST:PORT"):
        check_listen(listen)


@pytest.mark.parametrize(
    ("authority", "host"),
    [("localhost:8080", "localhost"), ("[::1]:80", "::1"), ("[::1]", "::1"), ("127.0.0.1", "127.0.0.1"), ("", "")],
)
def test_the_host_is_taken_out_of_the_header(authority: str, host: str) -> None:
    assert host_of(authority) == host


@pytest.mark.parametrize("host", ["", "127.0.0.1.evil.example", "0.0.0.0", "2130706433", "localhost."])
def test_names_that_only_look_like_loopback_are_not(host: str) -> None:
    assert not is_loopback(host)


def test_the_policy_allows_no_inline_script_and_no_foreign_source() -> None:
    policy = HEADERS["Content-Security-Policy"]
    assert "unsafe" not in policy
    assert "http" not in policy and "*" not in policy


def test_json_says_times_in_iso_and_numbers_that_do_not_exist_as_null() -> None:
    reading = Reading(web_state.NOW, "ups-a", "output.load", None, float("nan"), Quality.UNCERTAIN)
    told = json.loads(dumps({"reading": reading, "severity": Severity.INFO, "big": float("inf"), "since": 5}))
    assert told["reading"] == {
        "ts": "2026-11-23T10:03:22.500Z",
        "asset": "ups-a",
        "point": "output.load",
        "index": None,
        "value": None,
        "quality": "uncertain",
        "reason": None,
        "source": None,
    }
    assert told["severity"] == "info"
    assert (told["big"], told["since"]) == (None, 5)


def test_what_a_rule_remembers_for_itself_stays_inside() -> None:
    state = web_state.outage()
    assert "memory" not in dumps(list(state.alarms.values()))


def test_every_address_is_described_in_the_docs() -> None:
    text = (DOCS / "api.md").read_text()
    described = set(re.findall(r"`(GET|POST) (/[^`?]*)`", text))
    served = {
        (route.method, route.resource.canonical)
        for route in create_app(web_state.FakeState()).router.routes()
        if route.resource is not None and route.method != "HEAD" and not route.resource.canonical.startswith("/static")
    }
    assert served == described
