"""What the wall says of a state of the site: one test a sentence."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import web_state
from web_state import HOUR, MINUTE, NOW, Device, FakeState, IndicatorNow

from dcmon.config.config import Config
from dcmon.config.loader import load
from dcmon.model import Availability, FaultClock, Quality, Severity, Task
from dcmon.web.plan import Plan
from dcmon.web.power import PowerNode
from dcmon.web.server import Site
from dcmon.web.view import SiteView, headline, view_site
from dcmon.web.words import Words


def view(state: FakeState, lang: str = "en") -> SiteView:
    return view_site(state, Plan(state.config), Words(lang))


def node(seen: SiteView, asset: str) -> PowerNode:
    return next(node for node in seen.power.nodes if node.box.id == asset)


def line(seen: SiteView, source: str, target: str) -> str:
    return next(row.state for row in seen.power.lines if (row.line.source, row.line.target) == (source, target))


def test_a_quiet_site_is_normal_and_says_how_many_devices_answer() -> None:
    seen = view(web_state.normal())
    assert (seen.state, seen.word, seen.severity) == ("normal", "NORMAL", None)
    assert seen.sentence == f"Everything works. {len(web_state.example_config().collectors.devices)} devices answer."
    assert (seen.stale_points, seen.bad_points, seen.incidents, seen.silent) == (0, 0, (), ())


def test_before_the_first_reading_the_site_is_unknown_and_not_normal() -> None:
    seen = view(FakeState())
    assert seen.state == "unknown"
    assert "no readings yet" in seen.sentence


def test_when_all_readings_are_old_nothing_is_called_normal() -> None:
    state = web_state.normal()
    state.clock = web_state.SimulatedClock(NOW + 5 * MINUTE)
    seen = view(state)
    assert seen.state == "unknown"
    assert "11:03:22" in seen.sentence
    assert node(seen, "mains-a").live is None
    assert all(unit.able is None for unit in seen.uplinks.units)


@pytest.mark.parametrize(
    ("rule", "asset", "state"), [("link-down", "uplink-3", "attention"), ("leak", "leak-1", "alarm")]
)
def test_the_worst_open_incident_decides_the_word(rule: str, asset: str, state: str) -> None:
    site = web_state.normal()
    site.open_incident("I-1", rule, asset, started=NOW - MINUTE)
    seen = view(site)
    assert seen.state == state
    assert seen.sentence.startswith(headline(seen.incidents[0]))
    assert "Nobody has acknowledged yet." in seen.sentence


def test_an_outage_is_said_only_when_a_figure_of_the_contract_is_down() -> None:
    site = web_state.normal()
    site.indicator_rows = [IndicatorNow("mains.a", "Mains route A", Availability.DOWN)]
    assert view(site).state == "normal"
    site.indicator_rows = [IndicatorNow("power.any", "Power at the rack", Availability.DOWN, contract=True)]
    seen = view(site)
    assert (seen.state, seen.sentence) == ("outage", "Power at the rack is down.")
    site.indicator_rows = [IndicatorNow("power.any", "Power at the rack", Availability.UNKNOWN, contract=True)]
    assert view(site).state == "normal"


def test_silent_devices_without_an_alarm_ask_for_attention() -> None:
    site = web_state.normal()
    site.silence("leak-1", since=NOW - MINUTE)
    seen = view(site)
    assert seen.state == "attention"
    assert seen.sentence.startswith("No alarm, but 1 of ")
    assert [row.asset for row in seen.silent] == ["leak-1"]


def test_a_device_that_was_never_heard_stands_first_among_the_silent() -> None:
    site = web_state.normal()
    site.device_rows = [Device("ups-a", False, NOW - HOUR), Device("ups-b", False, None), Device("env-1", None, None)]
    assert [row.asset for row in view(site).silent] == ["ups-b", "ups-a"]


def test_an_overdue_task_keeps_the_site_from_being_normal() -> None:
    site = web_state.normal()
    site.tasks["t"] = Task("t", "refuel", "tank-a", "fuel-below-75", "open", "Refuel", NOW - HOUR, NOW - 1)
    seen = view(site)
    assert (seen.state, seen.tasks[0].overdue) == ("attention", True)
    site.tasks["t"] = replace(site.tasks["t"], state="done")
    assert view(site).tasks == ()


def test_incidents_stand_by_severity_then_unacknowledged_then_youngest() -> None:
    site = web_state.normal()
    site.open_incident("old", "link-down", "uplink-1", started=NOW - 3 * HOUR)
    site.open_incident("held", "link-down", "uplink-2", started=NOW - MINUTE, acked_by="Anna")
    site.open_incident("young", "link-down", "uplink-4", started=NOW - 2 * MINUTE)
    site.open_incident("grave", "leak", "leak-1", started=NOW - 9 * HOUR, acked_by="Anna")
    site.open_incident("gone", "leak", "leak-2", started=NOW - 9 * HOUR, state="resolved", resolved=NOW - HOUR)
    seen = view(site)
    assert [row.id for row in seen.incidents] == ["grave", "young", "old", "held"]
    assert [row.id for row in seen.recent] == ["gone"]


def test_the_headline_does_not_say_the_asset_twice() -> None:
    site = web_state.normal()
    row = view_incident(site, title="Leak detector north: water under the raised floor")
    assert headline(row) == "Leak detector north: water under the raised floor"
    assert headline(replace(row, title="water")) == "Leak detector north: water"


def test_the_page_cuts_a_figure_that_misses_its_target() -> None:
    site = web_state.normal()
    site.slo_rows = [{"id": "T01", "title": "Power", "measured": 99.98997, "target": 99.99, "verdict": "breached"}]
    assert "99.989 %" in Site(site).pages.draw("wall", "en")["part:promises"]


def test_of_several_figures_with_one_title_each_names_what_it_is_about_in_the_pages_language() -> None:
    site = web_state.normal()
    site.slo_rows = [
        {"id": "T01", "title": "Power", "title_de": "Strom", "verdict": "met"},
        {"id": "m:mains-a", "title": "Route", "title_de": "Netzweg", "subject": "mains-a", "verdict": "BREACHED"},
        {"id": "bare"},
    ]
    assert [row["title"] for row in view(site, "de").slo] == ["Mains route A: Netzweg", "Strom", "bare"]
    assert [row["title"] for row in view(site).slo] == ["Mains route A: Route", "Power", "bare"]


def view_incident(site: FakeState, **more: Any) -> Any:
    site.open_incident("I-1", "leak", "leak-1", started=NOW, **more)
    return view(site).incidents[0]


class TestPower:
    def test_in_normal_operation_mains_carry_and_generators_stand_by(self) -> None:
        seen = view(web_state.normal())
        assert line(seen, "mains-a", "tsw-a") == "live"
        assert line(seen, "genset-a", "tsw-a") == "idle"
        assert line(seen, "tsw-a", "ups-a") == line(seen, "ups-b", "pdu-b2") == "live"
        assert not any(node.abnormal for node in seen.power.nodes)

    def test_after_mains_loss_the_side_on_its_generator_lives_and_the_other_drains(self) -> None:
        seen = view(web_state.outage())
        assert line(seen, "mains-a", "tsw-a") == "dead"
        assert line(seen, "genset-a", "tsw-a") == line(seen, "tsw-a", "ups-a") == "live"
        assert (node(seen, "genset-a").state, node(seen, "tsw-a").state) == ("CARRIES LOAD", "ON GENERATOR")
        assert line(seen, "tsw-b", "ups-b") == "dead"
        assert line(seen, "ups-b", "pdu-b1") == "live"
        assert node(seen, "genset-b").state == "NOT RUNNING"
        assert node(seen, "genset-b").severity is Severity.CRITICAL
        assert "battery 71 % · 18 min" in node(seen, "ups-b").lines

    def test_a_live_source_before_an_open_breaker_is_drawn_as_open(self) -> None:
        site = web_state.normal()
        site.say("tsw-a", "breaker.mains_closed", False)
        seen = view(site)
        assert line(seen, "mains-a", "tsw-a") == "open"
        assert line(seen, "tsw-a", "ups-a") == "dead"
        assert node(seen, "tsw-a").state == "OPEN"

    def test_a_breaker_that_no_controller_reports_is_the_opposite_of_the_other(self) -> None:
        site = web_state.normal()
        for key in [key for key in site.latest if key.point == "breaker.mains_closed"]:
            del site.latest[key]
        seen = view(site)
        assert (node(seen, "tsw-a").state, line(seen, "mains-a", "tsw-a")) == ("on mains", "live")
        site.say("tsw-a", "breaker.generator_closed", True)
        assert node(view(site), "tsw-a").state == "ON GENERATOR"

    def test_a_breaker_whose_report_is_too_old_is_unknown(self) -> None:
        site = web_state.normal()
        site.say("tsw-a", "breaker.mains_closed", True, age=MINUTE)
        seen = view(site)
        assert (node(seen, "tsw-a").state, node(seen, "tsw-a").live) == ("unknown", None)

    def test_a_pdu_whose_card_died_with_its_feed_is_dead_and_not_unknown(self) -> None:
        seen = view(web_state.blackout())
        assert node(seen, "pdu-a1").live is False
        assert node(seen, "pdu-a1").state == "DEAD"

    def test_a_silent_pdu_on_a_live_feed_is_unknown(self) -> None:
        site = web_state.normal()
        for key in [key for key in site.latest if key.asset == "pdu-a1"]:
            del site.latest[key]
        seen = view(site)
        assert (node(seen, "pdu-a1").live, node(seen, "pdu-a1").state) == (None, "unknown")

    def test_a_bad_reading_says_nothing(self) -> None:
        site = web_state.normal()
        site.say("mains-a", "mains.available", False, quality=Quality.BAD, reason="sentinel")
        for phase in "123":
            site.say("mains-a", "mains.voltage", 0.0, phase, quality=Quality.BAD)
        seen = view(site)
        assert node(seen, "mains-a").live is None
        assert line(seen, "mains-a", "tsw-a") == line(seen, "tsw-a", "ups-a") == "unknown"
        assert seen.bad_points == 4

    @pytest.mark.parametrize(
        ("source", "battery", "word", "live"),
        [
            ("bypass", False, "ON BYPASS", True),
            ("none", True, "OUTPUT DEAD", False),
            ("normal", True, "ON BATTERY", True),
            (None, None, "unknown", None),
            ("unknown", False, "unknown", None),
        ],
    )
    def test_the_ups_says_what_carries_its_output(
        self, source: str | None, battery: bool | None, word: str, live: bool | None
    ) -> None:
        site = web_state.normal()
        for key in [key for key in site.latest if key.asset == "ups-a"]:
            del site.latest[key]
        if source:
            site.say("ups-a", "output.source", source)
        if battery is not None:
            site.say("ups-a", "ups.on_battery", battery)
        seen = node(view(site), "ups-a")
        assert (seen.state, seen.live) == (word, live)

    def test_many_pdus_become_one_box_for_each_feed_and_section(self) -> None:
        config = web_state.example_config()
        site = config.site
        pdus = [asset for asset in site.assets if asset.id == "pdu-a1"]
        more = [pdus[0].model_copy(update={"id": f"pdu-x{n}", "feeds": ()}) for n in range(6)]
        fed = [
            asset.model_copy(update={"feeds": (*asset.feeds, *(pdu.id for pdu in more))})
            if asset.id == "ups-a"
            else asset
            for asset in site.assets
        ]
        grown = config.model_copy(update={"site": site.model_copy(update={"assets": (*fed, *more)})})
        chain = Plan(grown).chain
        boxes = {box.id: box for box in chain.boxes if box.kind == "pdu"}
        assert len(boxes["pdu-a1"].members) == 7
        assert len(boxes) == 4
        assert {line.target for line in chain.lines if line.source == "ups-a"} == {"pdu-a1", "pdu-a2"}

    def test_a_site_without_a_power_chain_has_an_empty_picture(self) -> None:
        config = web_state.example_config()
        links = tuple(asset for asset in config.site.assets if asset.kind == "uplink")
        bare = config.model_copy(update={"site": config.site.model_copy(update={"assets": links, "groups": ()})})
        seen = view(FakeState(bare))
        assert (seen.power.nodes, seen.power.lines, seen.cooling, seen.fuel.tanks) == ((), (), (), ())


class TestPools:
    def test_able_units_are_counted_against_what_is_needed(self) -> None:
        pool = view(web_state.outage()).cooling[0]
        assert (pool.able, pool.total, pool.needed, pool.unknown, pool.reserve) == (2, 4, 2, 0, 0)
        assert [unit.able for unit in pool.units] == [True, False, True, False]

    def test_a_unit_that_is_not_heard_is_neither_able_nor_failed(self) -> None:
        site = web_state.normal()
        site.say("cooling-1", "cooling.ok", True, age=10 * MINUTE)
        pool = view(site).cooling[0]
        assert (pool.able, pool.unknown, pool.units[0].able, pool.units[0].state) == (3, 1, None, "unknown")

    def test_units_of_other_areas_are_counted_apart(self) -> None:
        own, others = view(web_state.normal()).cooling
        assert (own.total, others.total, others.able) == (4, 8, 8)

    def test_an_uplink_with_its_link_up_but_no_session_is_not_counted_as_up(self) -> None:
        site = web_state.normal()
        site.say("uplink-2", "bgp.state", "idle", "198.51.100.2")
        pool = view(site).uplinks
        assert (pool.able, pool.total, pool.units[1].state) == (6, 7, "BGP idle")
        assert pool.note == "33.0 Gbit/s of 43.0 Gbit/s, 20.0 Gbit/s committed"


class TestFuel:
    def test_hours_come_from_litres_and_the_consumption_at_full_load(self) -> None:
        fuel = view(web_state.normal()).fuel
        # (0.88 and 0.83 of 18,000 l, less 600 l) / 250 l/h; the first tank that is empty ends the full load
        assert [tank.full.hours for tank in fuel.tanks] == [60.96, 57.36]
        assert fuel.full.hours == 57.36
        assert fuel.reserve == (28.68, "28 h")  # 14,340 l / 500 l/h
        assert fuel.now is None

    def test_while_an_engine_runs_the_page_says_how_long_fuel_lasts_at_its_load(self) -> None:
        site = web_state.normal()
        site.say("genset-a", "engine.running", True)
        site.say("genset-a", "generator.load", 50.0)
        site.compute()
        assert view(site).fuel.now == (114.59, "114 h")  # 15,240 l / 133 l/h

    def test_a_level_that_cannot_quite_be_believed_is_marked(self) -> None:
        site = web_state.normal()
        site.say("tank-a", "fuel.level", 102.0)
        site.compute()
        assert view(site).fuel.tanks[0].full.text == "≈ 69 h"

    def test_a_tank_that_is_not_measured_makes_the_total_unknown(self) -> None:
        site = web_state.normal()
        site.say("tank-a", "fuel.level", 88.0, age=10 * MINUTE)
        site.compute()
        fuel = view(site).fuel
        assert fuel.full == fuel.reserve == fuel.tanks[0].full == (None, "?")


class TestWatches:
    def test_a_fire_contact_that_is_too_old_is_unknown_and_never_quiet(self) -> None:
        seen = view(web_state.outage())
        fire = next(section for section in seen.sections if section.id == "fs2").watches[0]
        assert (fire.known, fire.bad, fire.state) == (False, False, "unknown")

    def test_a_section_whose_panel_was_never_heard_is_unknown_and_not_unwatched(self) -> None:
        site = FakeState()
        site.say("leak-1", "water.detected", False, "1")
        for section in view(site).sections:
            fire = next(watch for watch in section.watches if watch.title == "Fire")
            assert (fire.state, fire.known) == ("unknown", False)

    def test_the_gravest_of_several_fire_contacts_is_shown(self) -> None:
        site = web_state.normal()
        for point in ("fire.fault", "fire.alarm", "fire.pre_alarm"):
            site.say("fire-fs1", point, True, "fs1")
        assert view(site).sections[0].watches[0].state == "FIRE ALARM"

    def test_an_alarm_shows_even_when_another_contact_of_the_section_is_silent(self) -> None:
        site = web_state.normal()
        site.say("env-1", "smoke.detected", True, "ceiling")
        site.say("fire-fs1", "fire.alarm", False, "fs1", age=HOUR)
        fire = view(site).sections[0].watches[0]
        assert (fire.state, fire.bad) == ("SMOKE", True)

    def test_clocks_stand_by_how_near_they_are_to_their_limit(self) -> None:
        site = web_state.normal()
        for name, minutes, state in (("a", 30, "running"), ("b", 250, "breached"), ("c", 100, "stopped")):
            started = NOW - minutes * MINUTE
            site.clocks[name] = FaultClock(name, "link-down", "uplink-1", None, started, 4 * HOUR, state)
        clocks = view(site).clocks
        assert [(row.id, row.per_cent, row.severity.value) for row in clocks] == [
            ("b", 104, "critical"),
            ("a", 12, "warning"),
        ]
        assert clocks[0].word == "OVERRUN"


def test_a_reading_holds_for_two_and_a_half_of_its_own_devices_intervals() -> None:
    config: Config = web_state.example_config()
    devices = dict(config.collectors.devices)
    devices["genset-a"] = devices["genset-a"].model_copy(update={"fast": 4_000, "slow": 40_000})
    slower = config.model_copy(update={"collectors": config.collectors.model_copy(update={"devices": devices})})
    holds = Plan(slower).holds
    assert holds.hold("mains-a", "mains.available") == 10_000  # measured by the generator's controller
    assert holds.hold("tank-a", "fuel.level") == 100_000
    assert holds.hold("mains-b", "mains.available") == 5_000
    assert holds.hold("ups-a", "battery.charge") == 37_500
    assert holds.hold("ups-a", "device.reachable") == 37_500, "what has no fast points is asked at the slow interval"


def test_planned_work_that_runs_or_is_near_is_shown_with_whether_it_mutes() -> None:
    state = web_state.normal()
    for row in (
        web_state.planned("maintenance", "later", 2 * HOUR, 3 * HOUR, mute=False, late=True),
        web_state.planned("drill", "runs", -HOUR, HOUR),
        web_state.planned("maintenance", "far", 8 * 24 * HOUR, 9 * 24 * HOUR),
        replace(web_state.planned("maintenance", "over", -HOUR, HOUR), state="void"),
        replace(web_state.planned("maintenance", "else", -HOUR, HOUR), kind="sequence"),
    ):
        state.records[row.id] = row
    seen = view(state, "de").planned
    assert [(row.title, row.word, row.running, row.muted, row.late, row.about) for row in seen] == [
        ("runs", "Übung", True, True, False, "UPS A"), ("later", "Wartung", False, False, True, "UPS A"),
    ]  # fmt: skip


def test_what_is_muted_is_no_incident_but_not_normal_either() -> None:
    state = web_state.normal()
    state.open_incident("I-1", "ups-on-battery", "ups-a", started=NOW - MINUTE)
    state.incidents.clear()
    for key, row in state.alarms.items():
        state.alarms[key] = replace(row, incident=None, suppressed="maintenance batteries")
    seen = view(state)
    assert (seen.state, seen.sentence.partition(":")[0]) == (
        "attention",
        "No incident, but 1 active alarm tells nobody",
    )


def test_services_backups_and_duties_are_counted_and_what_is_not_well_is_named() -> None:
    state = web_state.normal()
    for asset in ("portal", "mail-relay", "resolver"):
        state.say(asset, "service.ok", True)
    state.say("backup-mgmt", "backup.ok", True)
    services, backups, duties = view(state).operations
    assert (services.text, services.state, services.troubled) == ("3 of 4", "unknown", ("Throughput to the Internet",))
    assert (backups.text, backups.state, backups.troubled) == ("1 of 1", "up", ())
    assert (duties.text, duties.state) == ("in time", "up")

    state.say("portal", "service.ok", False)
    state.raise_alarm("backup-old", "backup-mgmt", started=NOW - MINUTE, incident="I-1")
    duty = state.config.duties.duties[0]
    state.raise_alarm(duty.id, "genset-a", started=NOW - MINUTE, incident="I-1")
    services, backups, duties = view(state, "de").operations
    assert (services.text, services.state) == ("2 von 4", "warning")
    assert services.troubled == ("Customer portal", "Throughput to the Internet")
    assert (backups.text, backups.state) == ("0 von 1", state.alarms["backup-old/backup-mgmt"].severity.value)
    assert (duties.text, duties.state, duties.troubled) == ("1 überfällig", duty.severity.value, (duty.name.de,))


def test_a_site_without_services_backups_and_duties_has_no_line_of_them() -> None:
    config = load(web_state.EXAMPLE)
    assets = tuple(asset for asset in config.site.assets if asset.kind not in ("service", "backup"))
    bare = config.model_copy(
        update={
            "site": config.site.model_copy(update={"assets": assets}),
            "duties": config.duties.model_copy(update={"duties": ()}),
        }
    )
    assert view(web_state.normal(bare)).operations == ()
