"""What `dcmon discover` is told to look at."""

from __future__ import annotations

import pytest

from dcmon.collectors.targets import MOST, Target, parse_targets
from dcmon.model import DcmonError


@pytest.mark.parametrize(
    ("text", "hosts"),
    [
        ("192.0.2.7", ["192.0.2.7"]),
        ("ups-a.example.net", ["ups-a.example.net"]),
        ("ups", ["ups"]),
        ("10-0-0-1.example", ["10-0-0-1.example"]),
        ("192.0.2.10-12", ["192.0.2.10", "192.0.2.11", "192.0.2.12"]),
        ("192.0.2.254-192.0.3.1", ["192.0.2.254", "192.0.2.255", "192.0.3.0", "192.0.3.1"]),
        ("192.0.2.4/30", ["192.0.2.5", "192.0.2.6"]),
        ("192.0.2.5/30", ["192.0.2.5", "192.0.2.6"]),
        ("192.0.2.4/31", ["192.0.2.4", "192.0.2.5"]),
        ("192.0.2.4/32", ["192.0.2.4"]),
        ("2001:db8::1", ["2001:db8::1"]),
        ("2001:db8::fffe-ffff", ["2001:db8::fffe", "2001:db8::ffff"]),
        ("2001:db8::1-2001:db8::2", ["2001:db8::1", "2001:db8::2"]),
        ("2001:db8::/126", ["2001:db8::", "2001:db8::1", "2001:db8::2", "2001:db8::3"]),
    ],
)
def test_every_way_to_name_hosts(text: str, hosts: list[str]) -> None:
    assert parse_targets([text]) == [Target(host, None) for host in hosts]
    written = f"[{text}]:1161" if ":" in text else f"{text}:1161"
    assert parse_targets([written]) == [Target(host, 1161) for host in hosts]


def test_a_host_that_is_named_twice_is_asked_once() -> None:
    assert len(parse_targets(["192.0.2.0/28", "192.0.2.3", "192.0.2.1-4", "192.0.2.3:1161"])) == 15


@pytest.mark.parametrize(
    "text",
    [
        *("", "192.0.2", "192.0.2.256", "192.0.2.9-3", "192.0.2.1-300", "192.0.2.0/33", "192.0.2.1-2001:db8::1", "a b"),
        *("192.0.2.1:0", "192.0.2.1:65536", "192.0.2.1:snmp", "[2001:db8::1", "[2001:db8::1]161", "2001:db8::/129"),
        *("192.0.2.1-", "-", "192.0.2.1-2-3", "2001:db8::1-", "2001:db8::1-xyz"),
    ],
)
def test_what_is_no_target_is_told(text: str) -> None:
    with pytest.raises(DcmonError, match="is no target"):
        parse_targets([text])


@pytest.mark.parametrize(
    "texts", [["10.0.0.0/8"], ["2001:db8::/64"], ["10.0.0.0/16", "10.1.0.0/29"], ["::-ffff:ffff::"]]
)
def test_a_search_that_never_ends_is_refused_before_it_begins(texts: list[str]) -> None:
    with pytest.raises(DcmonError, match=f"looks at {MOST:,} at most"):
        parse_targets(texts)


def test_a_sixteenth_of_ipv4_is_just_right() -> None:
    assert len(parse_targets(["10.0.0.0/16"])) == MOST - 2
