"""Whom the Pager tells, when, and why."""

from __future__ import annotations

import time

import pytest
from notify_world import (
    MINUTE,
    PEOPLE,
    T0,
    alarm,
    clock_happened,
    config,
    fault_clock,
    happened,
    incident,
    remember,
    task,
    task_happened,
    told,
)

from dcmon.config.people import ClockStep, Recipient
from dcmon.model import Changes, Escalation, Severity, Snapshot, Transition
from dcmon.notify.escalation import Pager

CRITICAL = Severity.CRITICAL


def opened() -> Pager:
    pager = Pager(config())
    pager.step(happened(T0, "opened", incident()), T0)
    return pager


def test_an_opened_incident_pages_who_is_on_duty_with_the_reason_first() -> None:
    changes = Pager(config()).step(happened(T0, "opened", incident(), alarm(incident="i1")), T0)
    (message,) = changes.notifications
    assert (message.person, message.channel, message.kind, message.reason) == ("anna", "email", "page", "first")
    assert message.key == "i1/page/0/anna/email/warning-0"
    assert message.facts["asset_name"] == "UPS A"
    assert message.facts["why"] == "ups-a has run on battery for 5 s"
    (transition,) = changes.transitions
    assert transition == Transition(
        T0, "page", message.key, "queued", "first", "ups-a", "ups-on-battery", Severity.WARNING, "i1",
        {"person": "anna", "channel": "email", "kind": "page", "step": 0, "title": "UPS A: on battery"},
    )  # fmt: skip
    assert changes.escalations["i1"] == Escalation(
        "i1", 0, "waiting", T0 + 5 * MINUTE, ("anna/email",), Severity.WARNING
    )


def test_an_incident_that_does_not_page_pages_nobody_until_it_is_raised_to_one_that_does() -> None:
    pager = Pager(config())
    assert not pager.step(happened(T0, "opened", incident(paging=False)), T0)
    assert not pager.step(happened(T0, "raised", incident(paging=False, severity=CRITICAL)), T0)
    assert told(pager.step(happened(T0, "raised", incident()), T0)) == [("anna", "page", "first")]


@pytest.mark.parametrize("state", ["joined", "rerooted"])
def test_what_joins_or_explains_an_incident_pages_nobody(state: str) -> None:
    assert not opened().step(happened(T0 + 1, state, incident()), T0 + 1)


def test_without_acknowledgement_one_step_after_the_other_is_told_at_its_own_time() -> None:
    pager = opened()
    assert pager.next_due() == T0 + 5 * MINUTE
    assert not pager.step(Changes(), T0 + 5 * MINUTE - 1)
    late = pager.step(Changes(), T0 + 60 * MINUTE)
    assert told(late) == [
        ("lead", "page", "escalated: nobody acknowledged for 5m"),
        ("boss", "page", "escalated: nobody acknowledged for 10m"),
    ]
    assert [message.created for message in late.notifications] == [T0 + 5 * MINUTE, T0 + 15 * MINUTE]


def all_told() -> Pager:
    """Anna, the lead and the boss were told; since minute 15 nobody is left."""
    pager = opened()
    pager.step(Changes(), T0 + 15 * MINUTE)
    return pager


def test_when_no_step_is_left_the_last_is_repeated_with_whoever_is_on_duty_until_somebody_acknowledges() -> None:
    pager = all_told()
    assert pager.next_due() == T0 + 75 * MINUTE
    first, second = pager.step(Changes(), T0 + 75 * MINUTE), pager.step(Changes(), T0 + 135 * MINUTE)
    assert sorted(told(first)) == [("anna", "page", "repeat"), ("boss", "page", "repeat")]
    assert sorted(told(second)) == sorted(told(first))
    keys = [message.key for message in first.notifications + second.notifications]
    assert len(set(keys)) == len(keys)
    assert not any(message.facts["first"] for message in first.notifications), "or it would have the thread's first id"
    pager.step(happened(T0 + 136 * MINUTE, "acknowledged", incident(acked_by="anna")), T0 + 136 * MINUTE)
    assert pager.next_due() is None


def test_who_comes_on_duty_while_nobody_acknowledges_is_told_by_the_repetition() -> None:
    halves = [{"person": "anna", "end": "11:00"}, {"person": "ben", "start": "11:00"}]
    pager = Pager(config({"rosters": [{"id": "energy", "name": "Energy", "shifts": halves}]}))
    pager.step(happened(T0, "opened", incident()), T0)
    pager.step(Changes(), T0 + 15 * MINUTE)
    again = pager.step(Changes(), T0 + 75 * MINUTE)
    assert sorted(told(again)) == [("ben", "page", "repeat"), ("boss", "page", "repeat")]


def test_a_repetition_may_be_switched_off_and_a_replay_whose_file_is_over_waits_for_none() -> None:
    pager = Pager(config({"routes": [{**route, "repeat": "0s"} for route in PEOPLE["routes"]]}))
    pager.step(happened(T0, "opened", incident()), T0)
    pager.step(Changes(), T0 + 15 * MINUTE)
    assert pager.next_due() is None
    other = all_told()
    other.stop_repeating()
    assert other.next_due() is None
    waiting = opened()
    waiting.stop_repeating()
    assert told(waiting.step(Changes(), T0 + 24 * 60 * MINUTE))[-1][0] == "boss"


def test_what_becomes_graver_before_anybody_acknowledges_does_not_put_off_the_next_step() -> None:
    pager = opened()
    pager.step(happened(T0 + 4 * MINUTE, "raised", incident(severity=CRITICAL)), T0 + 4 * MINUTE)
    assert pager.next_due() == T0 + 5 * MINUTE


def test_acknowledged_after_the_last_step_and_worse_again_climbs_from_the_first() -> None:
    pager = all_told()
    at = T0 + 20 * MINUTE
    pager.step(happened(at, "acknowledged", incident(acked_by="anna")), at)
    pager.step(worsened(at + MINUTE), at + MINUTE)
    assert pager.next_due() == at + 6 * MINUTE


def test_what_makes_it_worse_at_one_instant_is_one_page_under_the_gravest() -> None:
    both = worsened(T0 + MINUTE, "ups-on-battery")
    both.extend(worsened(T0 + MINUTE, "mains-lost"))
    told_now = opened().step(both, T0 + MINUTE).notifications
    assert len(told_now) == 1
    assert told_now[0].subject == "UPS B: mains lost"
    assert "mains-lost-ups-b" in told_now[0].key


def test_what_makes_it_as_much_worse_at_one_instant_is_named_together() -> None:
    changes = worsened(T0 + MINUTE)
    other = changes.transitions[0]._replace(asset="ups-c", data={"title": "UPS C: on battery"})
    changes.transitions.append(other)
    (message,) = opened().step(changes, T0 + MINUTE).notifications
    assert message.subject == "UPS B: on battery; UPS C: on battery"


def test_a_page_that_fails_when_no_step_is_left_is_not_told_again_at_once() -> None:
    pager = all_told()
    gone = Transition(
        T0 + 16 * MINUTE, "page", "k", "failed", "refused", "ups-a", "ups-on-battery", CRITICAL, "i1",
        {"person": "boss", "channel": "email", "kind": "page"},
    )  # fmt: skip
    assert not pager.step(Changes(transitions=[gone]), T0 + 16 * MINUTE).notifications


def test_an_acknowledgement_stops_the_escalation() -> None:
    pager = opened()
    changes = pager.step(happened(T0 + MINUTE, "acknowledged", incident(acked_by="anna")), T0 + MINUTE)
    assert told(changes) == []
    assert pager.next_due() is None
    assert not pager.step(Changes(), T0 + 60 * MINUTE)


def test_an_acknowledgement_that_comes_after_the_step_was_due_does_not_undo_it() -> None:
    changes = opened().step(happened(T0 + 6 * MINUTE, "acknowledged", incident()), T0 + 6 * MINUTE)
    assert told(changes) == [("lead", "page", "escalated: nobody acknowledged for 5m")]


def test_the_end_is_told_to_exactly_those_who_were_told_of_the_fault() -> None:
    pager = opened()
    pager.step(Changes(), T0 + 5 * MINUTE)
    over = incident(state="resolved", resolved=T0 + 6 * MINUTE)
    changes = pager.step(happened(T0 + 6 * MINUTE, "resolved", over), T0 + 6 * MINUTE)
    assert told(changes) == [("anna", "resolved", "resolved"), ("lead", "resolved", "resolved")]
    assert changes.escalations["i1"].state == "done"
    assert pager.next_due() is None


def test_a_route_may_keep_the_end_to_itself() -> None:
    pager = Pager(config({"routes": [{"id": "all", "to": [{"person": "ben"}], "resolved": False}]}))
    pager.step(happened(T0, "opened", incident()), T0)
    changes = pager.step(happened(T0 + 1, "resolved", incident(state="resolved", resolved=T0 + 1)), T0 + 1)
    assert told(changes) == []
    assert changes.escalations["i1"].state == "done"


def test_an_acknowledged_incident_that_becomes_graver_pages_again_and_waits_again() -> None:
    pager = opened()
    pager.step(happened(T0 + 1, "acknowledged", incident(acked_by="anna")), T0 + 1)
    changes = pager.step(happened(T0 + MINUTE, "raised", incident(severity=CRITICAL)), T0 + MINUTE)
    assert told(changes) == [("anna", "page", "severity-raised")]
    assert changes.notifications[0].severity is CRITICAL
    assert pager.next_due() == T0 + 6 * MINUTE


def test_who_was_escalated_to_hears_that_it_became_graver() -> None:
    pager = opened()
    pager.step(Changes(), T0 + 5 * MINUTE)
    changes = pager.step(happened(T0 + 6 * MINUTE, "raised", incident(severity=CRITICAL)), T0 + 6 * MINUTE)
    assert sorted(told(changes)) == [("anna", "page", "severity-raised"), ("lead", "page", "severity-raised")]


def test_who_went_off_duty_is_not_woken_when_it_becomes_graver_but_told_when_it_is_over() -> None:
    shifts = [{"person": "anna", "start": "08:00", "end": "11:00"}, {"person": "ben", "start": "11:00", "end": "08:00"}]
    pager = Pager(config({"rosters": [{"id": "energy", "name": "Energy", "shifts": shifts}]}))
    pager.step(happened(T0, "opened", incident()), T0)
    pager.step(happened(T0, "acknowledged", incident(acked_by="anna")), T0)
    noon = T0 + 120 * MINUTE
    changes = pager.step(happened(noon, "raised", incident(severity=CRITICAL)), noon)
    assert told(changes) == [("ben", "page", "severity-raised")]
    changes = pager.step(happened(noon + 1, "resolved", incident(state="resolved", resolved=noon + 1)), noon + 1)
    assert [message.person for message in changes.notifications] == ["anna", "ben"]


def test_the_same_severity_again_pages_nobody() -> None:
    assert told(opened().step(happened(T0 + 1, "raised", incident()), T0 + 1)) == []


def test_opened_and_raised_at_one_instant_is_one_page_with_the_graver_severity() -> None:
    grave = incident(severity=CRITICAL)
    both = happened(T0, "opened", incident())
    both.extend(happened(T0, "raised", grave))
    changes = Pager(config()).step(both, T0)
    assert told(changes) == [("anna", "page", "first")]
    assert changes.notifications[0].severity is CRITICAL


def test_an_incident_merged_the_instant_it_opened_pages_nobody_of_its_own() -> None:
    pager = opened()
    merged = incident(id="i2", state="merged", merged_into="i1")
    both = happened(T0 + 1, "opened", merged)
    both.extend(happened(T0 + 1, "merged", merged))
    assert told(pager.step(both, T0 + 1)) == []


def test_a_reopened_incident_pages_again_with_keys_of_its_own() -> None:
    pager = opened()
    pager.step(happened(T0 + 1, "resolved", incident(state="resolved", resolved=T0 + 1)), T0 + 1)
    changes = pager.step(happened(T0 + MINUTE, "reopened", incident(reopened=1)), T0 + MINUTE)
    assert told(changes) == [("anna", "page", "reopened")]
    assert changes.notifications[0].key == "i1/page/0/anna/email/warning-1"
    assert pager.next_due() == T0 + 6 * MINUTE


def test_people_of_a_merged_incident_hear_how_the_survivor_ends() -> None:
    pager = opened()
    network = incident(id="i2", cls="network", root="uplink-1", rule="uplink-down", title="Uplink 1: link down")
    assert [who for who, *_ in told(pager.step(happened(T0 + 1, "opened", network), T0 + 1))] == ["ben"]
    gone = incident(id="i2", state="merged", merged_into="i1", cls="network")
    changes = pager.step(happened(T0 + 2, "merged", gone), T0 + 2)
    assert told(changes) == []
    assert changes.escalations["i2"].state == "done"
    changes = pager.step(happened(T0 + 3, "resolved", incident(state="resolved", resolved=T0 + 3)), T0 + 3)
    assert [message.person for message in changes.notifications] == ["anna", "ben"]


def test_a_merge_into_an_acknowledged_incident_ends_the_wait_and_into_another_keeps_the_earlier() -> None:
    gone = incident(id="i2", state="merged", merged_into="i1")
    for acked_by, due in (("anna", None), (None, T0 + 5 * MINUTE)):
        pager = opened()
        pager.step(happened(T0 + MINUTE, "opened", incident(id="i2")), T0 + MINUTE)
        survivor = incident(acked_by=acked_by)
        if acked_by is not None:
            pager.step(happened(T0 + MINUTE, "acknowledged", survivor), T0 + MINUTE)
        pager.step(happened(T0 + 2 * MINUTE, "merged", gone), T0 + 2 * MINUTE)
        assert pager.next_due() == due


def test_a_merge_into_an_acknowledged_incident_that_told_nobody_takes_the_people_along_and_not_the_wait() -> None:
    pager = Pager(config())
    survivor = incident(paging=False, acked_by="lead", acked_at=T0)
    pager.step(happened(T0, "opened", survivor), T0)
    pager.step(happened(T0 + 1, "opened", incident(id="i2")), T0 + 1)
    gone = incident(id="i2", state="merged", merged_into="i1")
    changes = pager.step(happened(T0 + 2, "merged", gone), T0 + 2)
    assert changes.escalations["i1"].paged == ("anna/email",)
    assert pager.next_due() is None


def test_a_line_in_the_terminal_reaches_nobody_so_a_failed_page_beside_it_escalates() -> None:
    to = [{"person": "anna", "channels": ["console", "email"]}]
    steps = [{"after": "5m", "to": [{"person": "lead"}]}]
    pager = Pager(config({"routes": [{"id": "all", "to": to, "escalation": steps}]}))
    assert len(pager.step(happened(T0, "opened", incident()), T0).notifications) == 2
    data = {"person": "anna", "channel": "email", "kind": "page", "fallback": None}
    failed = Transition(T0 + 1, "page", "k", "failed", "550", incident="i1", data=data)
    assert told(pager.step(Changes(transitions=[failed]), T0 + 1)) == [
        ("lead", "page", "escalated: anna cannot be reached by email")
    ]


def test_a_roster_with_nobody_on_duty_hands_over_to_the_next_step_at_once_and_says_so() -> None:
    pager = Pager(config({"rosters": [{"id": "energy", "name": "Energy"}]}))
    changes = pager.step(happened(T0, "opened", incident()), T0)
    assert told(changes) == [("lead", "page", "escalated: nobody on duty in energy")]
    assert pager.next_due() == T0 + 10 * MINUTE, "the wait for the step after that"


def test_when_no_step_has_anybody_everybody_of_the_route_is_told() -> None:
    shifts = [{"person": "anna", "days": ["sun"]}, {"person": "ben", "days": ["sun"]}]
    people = {
        "rosters": [{"id": "energy", "name": "Energy", "shifts": shifts}],
        "routes": [{"id": "all", "to": [{"roster": "energy", "channels": ["console", "email"]}]}],
    }
    changes = Pager(config(people)).step(happened(T0, "opened", incident()), T0)
    reason = "first; nobody on duty in energy, no step left: everybody of route all told"
    assert told(changes) == [("anna", "page", reason), ("ben", "page", reason)]


def test_an_incident_that_no_route_fits_goes_by_the_last_route_and_says_so() -> None:
    people = {"routes": [{"id": "network", "classes": ["network"], "to": [{"person": "ben"}]}]}
    changes = Pager(config(people)).step(happened(T0, "opened", incident()), T0)
    assert told(changes) == [("ben", "page", "first; no route fits power, warning: the last one used")]


def test_each_person_and_channel_is_told_once_however_often_a_step_names_them() -> None:
    to = [{"roster": "energy", "channels": ["email", "console"]}, {"person": "anna", "channels": ["email"]}]
    changes = Pager(config({"routes": [{"id": "all", "to": to}]})).step(happened(T0, "opened", incident()), T0)
    assert [(message.person, message.channel) for message in changes.notifications] == [
        ("anna", "email"), ("anna", "console"),
    ]  # fmt: skip
    assert [message.facts["also"] for message in changes.notifications] == [["console"], ["email"]]


def test_a_person_without_the_address_asked_for_is_told_by_the_one_there_is() -> None:
    to = [{"person": "ben", "channels": ["webhook"]}]
    changes = Pager(config({"routes": [{"id": "all", "to": to}]})).step(happened(T0, "opened", incident()), T0)
    assert [message.channel for message in changes.notifications] == ["email"]


def test_a_page_that_failed_without_another_way_escalates_at_once() -> None:
    pager = opened()
    data = {"person": "anna", "channel": "email", "kind": "page", "fallback": None}
    failed = Transition(T0 + 1, "page", "i1/page/0/anna/email/warning-0", "failed", "550", incident="i1", data=data)
    changes = pager.step(Changes(transitions=[failed]), T0 + 1)
    assert told(changes) == [("lead", "page", "escalated: anna cannot be reached by email")]
    assert pager.next_due() == T0 + 1 + 10 * MINUTE
    changes = pager.step(happened(T0 + 2, "resolved", incident(state="resolved", resolved=T0 + 2)), T0 + 2)
    assert told(changes) == [("lead", "resolved", "resolved")], "anna never heard of it"


def test_a_page_that_went_another_way_does_not_escalate_and_its_end_goes_that_way_too() -> None:
    pager = Pager(config({"routes": [{"id": "all", "to": [{"person": "boss"}], "escalation": [
        {"after": "5m", "to": [{"person": "lead"}]}]}]}))  # fmt: skip
    pager.step(happened(T0, "opened", incident()), T0)
    data = {"person": "boss", "channel": "email", "kind": "page", "fallback": "webhook"}
    failed = Transition(T0 + 1, "page", "k", "failed", "550", incident="i1", data=data)
    assert told(pager.step(Changes(transitions=[failed]), T0 + 1)) == []
    assert pager.next_due() == T0 + 5 * MINUTE
    changes = pager.step(happened(T0 + 2, "resolved", incident(state="resolved", resolved=T0 + 2)), T0 + 2)
    assert [(message.person, message.channel) for message in changes.notifications] == [("boss", "webhook")]


def test_a_task_is_told_when_it_opens_when_it_is_overdue_one_step_further_and_when_it_is_done() -> None:
    pager = Pager(config())
    assert told(pager.step(task_happened(T0, "opened", task()), T0)) == [("anna", "task", "task opened")]
    overdue = pager.step(task_happened(T0 + MINUTE, "overdue", task(state="overdue")), T0 + MINUTE)
    assert told(overdue) == [("anna", "task", "task overdue"), ("lead", "task", "task overdue")]
    done = pager.step(
        task_happened(T0 + 2 * MINUTE, "done", task(state="done", closed=T0 + 2 * MINUTE)), T0 + 2 * MINUTE
    )
    assert told(done) == [("anna", "task", "task done"), ("lead", "task", "task done")]
    assert done.escalations["refuel-1"].state == "done"
    assert pager.next_due() is None


@pytest.mark.parametrize("acknowledged", [False, True])
def test_a_fault_clock_warns_and_breaches_whether_acknowledged_or_not(acknowledged: bool) -> None:
    pager = Pager(config())
    network = incident(cls="network", root="uplink-1", rule="uplink-down", title="Uplink 1: link down")
    pager.step(happened(T0, "opened", network), T0)
    if acknowledged:
        pager.step(happened(T0, "acknowledged", network), T0)
    warned = pager.step(clock_happened(T0 + 1, "warned", fault_clock(warned=(50, 75)), 75), T0 + 1)
    assert told(warned) == [("ben", "clock", "clock 75 %")]
    breached = pager.step(clock_happened(T0 + 2, "breached", fault_clock(state="breached"), 100), T0 + 2)
    assert told(breached) == [("ben", "clock", "clock 100 %")]
    assert len({message.key for message in (*warned.notifications, *breached.notifications)}) == 2


def test_a_route_names_who_is_told_of_a_fault_clock_from_which_per_cent_on() -> None:
    site = config()
    head = ClockStep(percent=75, to=(Recipient(person="lead"),))
    routes = tuple(route.model_copy(update={"clock": (head,)}) for route in site.people.routes)
    pager = Pager(site.model_copy(update={"people": site.people.model_copy(update={"routes": routes})}))
    network = incident(cls="network", root="uplink-1", rule="uplink-down", title="Uplink 1: link down")
    pager.step(happened(T0, "opened", network), T0)
    half = pager.step(clock_happened(T0 + 1, "warned", fault_clock(warned=(50,)), 50), T0 + 1)
    assert told(half) == [("ben", "clock", "clock 50 %")]
    more = pager.step(clock_happened(T0 + 2, "warned", fault_clock(warned=(50, 75)), 75), T0 + 2)
    assert sorted(told(more)) == [("ben", "clock", "clock 75 %"), ("lead", "clock", "clock 75 %")]


def test_the_clock_of_an_incident_that_does_not_page_does_not_page() -> None:
    pager = Pager(config())
    pager.step(happened(T0, "opened", incident(paging=False)), T0)
    assert told(pager.step(clock_happened(T0 + 1, "warned", fault_clock(), 50), T0 + 1)) == []


def test_started_and_stopped_clocks_page_nobody() -> None:
    pager = opened()
    for state in ("started", "stopped", "reopened"):
        assert told(pager.step(clock_happened(T0 + 1, state, fault_clock(), 0), T0 + 1)) == []


def test_what_fell_due_while_dcmon_was_down_is_done_at_its_start_and_later_steps_wait_their_full_time() -> None:
    snapshot = Snapshot()
    first = happened(T0, "opened", incident())
    remember(snapshot, first)
    remember(snapshot, Pager(config()).step(first, T0))
    start = T0 + 60 * MINUTE
    restarted = Pager(config(), snapshot)
    assert restarted.next_due() == T0 + 5 * MINUTE
    changes = restarted.step(Changes(), start)
    assert told(changes) == [("lead", "page", "escalated: nobody acknowledged for 5m")]
    assert changes.notifications[0].created == start
    assert restarted.next_due() == start + 10 * MINUTE


def test_a_fault_that_began_while_dcmon_was_down_is_paged_with_the_time_of_the_start() -> None:
    start = T0 + 60 * MINUTE
    changes = Pager(config(), Snapshot()).step(happened(T0, "opened", incident()), start)
    assert changes.notifications[0].created == start
    assert changes.escalations["i1"].due == start + 5 * MINUTE


@pytest.mark.parametrize("restart", [False, True])
def test_a_clock_set_back_by_an_hour_never_makes_anybody_wait_longer_than_the_step_says(restart: bool) -> None:
    pager = opened()
    if restart:
        snapshot = Snapshot()
        first = happened(T0, "opened", incident())
        remember(snapshot, first)
        remember(snapshot, Pager(config()).step(first, T0))
        pager = Pager(config(), snapshot)
    back = T0 - 60 * MINUTE
    assert told(pager.step(Changes(), back)) == []
    assert pager.next_due() == back + 5 * MINUTE


def test_batches_a_little_out_of_order_change_no_wait() -> None:
    pager = opened()
    pager.step(Changes(), T0 + 30_000)
    pager.step(Changes(), T0 + 1_000)
    assert pager.next_due() == T0 + 5 * MINUTE


def test_what_is_over_is_forgotten() -> None:
    pager = Pager(config())
    for number in range(50):
        key = f"i{number}"
        row = incident(id=key, alarms=(f"a{number}",))
        pager.step(happened(T0, "opened", row, alarm(key=f"a{number}", incident=key)), T0)
        pager.step(happened(T0 + 1, "resolved", incident(id=key, state="resolved", alarms=row.alarms)), T0 + 1)
    held = [pager._incidents, pager._alarms, pager._waiting.rows()]
    assert [len(rows) for rows in held] == [0, 0, 0]


def worsened(at: int, rule: str = "ups-on-battery", **changed: object) -> Changes:
    """A second fault on top of `i1`, as the engine tells it."""
    changes = happened(at, "worsened", incident(**changed))
    changes.transitions[0] = changes.transitions[0]._replace(
        rule=rule,
        asset="ups-b",
        reason="ups-b too",
        data={"title": f"UPS B: {rule.replace('ups-', '').replace('-', ' ')}"},
    )
    return changes


def test_a_second_fault_on_top_of_the_first_tells_everybody_again_under_its_own_title() -> None:
    changes = opened().step(worsened(T0 + MINUTE), T0 + MINUTE)
    (message,) = changes.notifications
    assert (message.person, message.kind, message.reason) == ("anna", "page", "worsened")
    assert message.subject == "UPS B: on battery"
    assert message.facts["reason_data"] == {"news": "ups-b too"}


def test_what_comes_and_goes_is_news_once_in_ten_minutes_and_another_index_is_other_news() -> None:
    pager = opened()
    keys = []
    for minute in (1, 2, 5, 11):
        keys += [each.key for each in pager.step(worsened(T0 + minute * MINUTE), T0 + minute * MINUTE).notifications]
    told_again = [key for key in keys if "ups-on-battery" in key]
    assert len(told_again) == len(set(told_again)) == 3, "minutes 1 and 11, the latter to the lead too"
    other = worsened(T0 + 12 * MINUTE)
    other.transitions[0].data["index"] = "2"  # type: ignore[index]
    assert pager.step(other, T0 + 12 * MINUTE).notifications


def test_news_does_not_put_off_those_whose_turn_comes_next() -> None:
    pager = opened()
    due = pager.next_due()
    assert pager.step(worsened(T0 + MINUTE), T0 + MINUTE).notifications
    assert pager.next_due() == due


def test_news_after_an_acknowledgement_starts_the_wait_anew() -> None:
    pager = opened()
    pager.step(happened(T0 + 1, "acknowledged", incident(acked_by="anna")), T0 + 1)
    assert pager.next_due() is None
    assert pager.step(worsened(T0 + MINUTE), T0 + MINUTE).notifications
    assert pager.next_due() == T0 + 6 * MINUTE


def test_news_of_the_same_trade_at_the_instant_of_the_first_page_is_no_page_of_its_own() -> None:
    pager = Pager(config())
    both = happened(T0, "opened", incident())
    both.extend(worsened(T0))
    assert told(pager.step(both, T0)) == [("anna", "page", "first")]


def test_news_about_an_incident_that_pages_nobody_pages_nobody() -> None:
    pager = Pager(config())
    pager.step(happened(T0, "opened", incident(paging=False)), T0)
    assert not pager.step(worsened(T0 + 1, paging=False), T0 + 1).notifications


def test_an_end_or_an_acknowledgement_exactly_when_a_step_is_due_comes_in_time() -> None:
    for state, row in (("resolved", incident(state="resolved")), ("acknowledged", incident(acked_by="anna"))):
        pager = opened()
        told_now = pager.step(happened(T0 + 5 * MINUTE, state, row), T0 + 5 * MINUTE).notifications
        assert [each.reason for each in told_now if each.person == "lead"] == []


def test_who_raises_an_incident_of_another_trade_wakes_the_people_of_his_own_too() -> None:
    changes = happened(T0 + MINUTE, "raised", incident(severity=CRITICAL))
    changes.transitions[0] = changes.transitions[0]._replace(
        rule="uplink-down", asset="uplink-1", data={"title": "Uplink 1: link down"}
    )
    messages = opened().step(changes, T0 + MINUTE).notifications
    assert sorted((message.person, message.facts["first"]) for message in messages) == [("anna", False), ("ben", True)]
    assert {message.subject for message in messages} == {"Uplink 1: link down"}


def test_a_storm_of_incidents_escalates_each_once_in_order_and_without_a_long_stop() -> None:
    pager, count = Pager(config()), 5_000
    for number in range(count):
        pager.step(happened(T0 + number, "opened", incident(id=f"i{number}")), T0 + number)
    before = time.process_time()
    told_now = pager.step(Changes(), T0 + 6 * MINUTE).notifications
    assert time.process_time() - before < 10, "looking through all for each would take a minute"
    assert [message.incident for message in told_now] == [f"i{number}" for number in range(count)]
    assert [message.created for message in told_now] == [T0 + 5 * MINUTE + number for number in range(count)]


SUPPLIERS = [
    {"id": "oil", "name": "Oil Ltd", "email": "orders@example.org", "role": "supplier"},
    {"id": "diesel", "name": "Diesel AG", "email": "desk@example.org", "role": "supplier"},
]


def orders(pager: Pager, at: int, happens: str, **changes: object) -> list[tuple[str, str, bool]]:
    told = pager.step(task_happened(at, happens, task(**changes)), at).notifications
    return [(one.person, one.channel, one.facts["first"]) for one in told if one.kind == "order"]


def test_an_order_goes_to_the_first_supplier_and_overdue_to_all_of_them() -> None:
    pager = Pager(config({"people": [*PEOPLE["people"], *SUPPLIERS]}))
    assert orders(pager, T0, "opened", memory={"room_l": 4680.0}) == [("oil", "email", True)]
    assert orders(pager, T0 + 60 * MINUTE, "overdue", state="overdue") == [
        ("oil", "email", False),
        ("diesel", "email", True),
    ]
    assert orders(pager, T0 + 120 * MINUTE, "done", state="done") == []


def test_a_task_that_is_no_refuelling_is_none_of_the_suppliers_business() -> None:
    pager = Pager(config({"people": [*PEOPLE["people"], *SUPPLIERS]}))
    assert orders(pager, T0, "opened", kind="duty") == []


def test_an_order_says_nothing_that_a_supplier_need_not_know() -> None:
    pager = Pager(config({"people": [*PEOPLE["people"], *SUPPLIERS]}))
    told = pager.step(task_happened(T0, "opened", task(memory={"room_l": 4680.0})), T0).notifications
    (order,) = [one for one in told if one.kind == "order"]
    assert order.facts["order_l"] == 4680.0
    assert not {"cause", "consequence", "response", "url", "why", "tom"} & order.facts.keys()


def test_a_supplier_who_cannot_be_written_to_is_told_to_those_who_deal_with_the_task() -> None:
    pager = Pager(config({"people": [*PEOPLE["people"], *SUPPLIERS]}))
    told = pager.step(task_happened(T0, "opened", task()), T0).notifications
    (order,) = [one for one in told if one.kind == "order"]
    data = {"person": "oil", "channel": "email", "kind": "order"}
    failed = Transition(T0 + 1, "page", order.key, "failed", "550 unknown", incident=order.incident, data=data)
    again = pager.step(Changes(transitions=[failed]), T0 + 1).notifications
    assert again
    assert {one.reason for one in again} == {"escalated: oil cannot be reached by email"}
    assert "oil" not in {one.person for one in again}
