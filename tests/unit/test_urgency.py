"""Who is asked fast: the whole power chain while any of it is abnormal, and what can settle a pending alarm."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import pytest
from notify_world import alarm

from dcmon.config.config import Config
from dcmon.config.loader import load
from dcmon.model import Alarm, AlarmState
from dcmon.urgency import Urgency


@pytest.fixture(scope="module")
def config(example_site: Path) -> Config:
    return load(example_site)


class Watched:
    """Notes what the poller is told."""

    def __init__(self, config: Config) -> None:
        self.told: list[frozenset[str]] = []
        self.urgency = Urgency(config, self.set_fast)

    def set_fast(self, assets: Iterable[str]) -> None:
        self.told.append(frozenset(assets))


def test_one_pending_alarm_hurries_every_device_of_the_chain_and_no_other(config: Config) -> None:
    watched = Watched(config)
    watched.urgency.look([replace(alarm("ups-a"), state=AlarmState.PENDING)])
    (fast,) = watched.told
    assert {"ups-a", "ups-b", "genset-a", "genset-b", "pdu-a1", "pdu-b2"} <= fast
    assert not {name for name in fast if name.startswith(("cooling", "router", "env", "leak"))}
    assert watched.urgency.abnormal


def test_a_route_without_a_device_of_its_own_counts_and_so_does_a_group_of_the_chain(config: Config) -> None:
    assert "mains-a" not in config.collectors.devices
    for subject in ("mains-a", "mains"):
        watched = Watched(config)
        watched.urgency.look([alarm(subject)])
        assert watched.told, subject


def test_what_is_no_part_of_the_chain_hurries_nobody(config: Config) -> None:
    watched = Watched(config)
    watched.urgency.look([alarm(subject) for subject in ("cooling-1", "uplink-1", "cooling", "uplinks", "tank-a")])
    assert watched.told == []


def test_it_is_said_once_and_taken_back_when_the_last_alarm_is_over(config: Config) -> None:
    watched = Watched(config)
    both = [alarm("ups-a"), alarm("ups-b")]
    watched.urgency.look(both)
    watched.urgency.look(both)
    watched.urgency.look([replace(both[0], state=AlarmState.RETURNED), both[1]])
    assert len(watched.told) == 1
    watched.urgency.look([replace(each, state=AlarmState.RETURNED) for each in both])
    assert watched.told[1:] == [frozenset()]
    watched.urgency.look([])
    assert len(watched.told) == 2


def pending(subject: str, delay_ms: int) -> Alarm:
    return replace(alarm(subject), state=AlarmState.PENDING, since=1_000, due=1_000 + delay_ms)


def test_a_pending_alarm_hurries_its_device_those_of_its_peers_and_of_what_feeds_them(config: Config) -> None:
    watched = Watched(config)
    watched.urgency.look([pending("cooling-1", 30_000)])
    (fast,) = watched.told
    assert {"cooling-gw", "genset-a", "genset-b"} <= fast
    assert not {name for name in fast if name.startswith(("router", "env", "leak", "pdu", "cooling-9"))}
    watched.urgency.look([replace(pending("cooling-1", 30_000), state=AlarmState.ACTIVE, due=None)])
    assert watched.told[1:] == [frozenset()]


def test_an_alarm_with_a_long_delay_hurries_nobody_and_no_probe_is_ever_hurried(config: Config) -> None:
    watched = Watched(config)
    watched.urgency.look([pending("cooling-1", 60_001), pending("internet", 30_000), pending("dcmon", 20_000)])
    assert watched.told == []
