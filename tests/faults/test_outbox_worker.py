"""The outbox worker on a real journal, with channels that fail in every way."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from notify_outbox import Scripted, post, until
from notify_smtp import Sink, smtp_sink
from notify_world import happened, incident, notification

from dcmon.clock import ScaledClock, SystemClock
from dcmon.config.agent import Smtp
from dcmon.model import Changes, Notification, SendError, Severity, StoreError
from dcmon.notify.email import EmailNotifier

FAST = {"retry": "20ms", "max_retry": "80ms"}
NOW = SystemClock().now


def page(thread: str = "i1", person: str = "anna", channel: str = "email", **changes: Any) -> Notification:
    """A page decided just now."""
    now = NOW()
    changes = {"created": now, "due": now, "kind": "page", **changes}
    key = f"{thread}/{changes['kind']}/0/{person}/{channel}"
    return notification(key=key, incident=thread, person=person, channel=channel, **changes)


async def test_what_is_queued_is_sent_once_and_recorded(tmp_path: Path) -> None:
    mail = Scripted()
    async with post(tmp_path, {"email": mail}) as office:
        await office.queue(page("i1"), page("i2", "ben"))
        await until(lambda: office.journal.waiting().messages == 0)
        await office.queue(page("i1"))
        await asyncio.sleep(0.1)
        assert sorted(mail.keys) == ["i1/page/0/anna/email", "i2/page/0/ben/email"]
        assert office.results() == {key: ["sent"] for key in mail.keys}
        assert office.worker.results == {("sent", "email"): 2}


async def test_a_channel_that_hangs_holds_up_no_other_and_a_person_who_hangs_nobody_else(tmp_path: Path) -> None:
    mail, hook = Scripted(hang=asyncio.Event()), Scripted()
    async with post(tmp_path, {"email": mail, "webhook": hook}, in_flight=2) as office:
        await office.queue(page("i1"), page("i1", "boss", "webhook"))
        await until(lambda: len(hook.taken) == 1)
        assert mail.tried == 1
        await office.queue(page("i2", "ben"))
        await until(lambda: mail.tried == 2)
        assert mail.hang is not None
        mail.hang.set()
        await until(lambda: len(mail.taken) == 2)


async def test_a_message_that_takes_longer_than_its_lease_is_not_sent_twice(tmp_path: Path) -> None:
    mail = Scripted(hang=asyncio.Event())
    async with post(tmp_path, {"email": mail}, lease="50ms") as office:
        await office.queue(page())
        await until(lambda: mail.tried == 1)
        for _ in range(4):
            await asyncio.sleep(0.06)
            office.worker.wake()
        assert mail.hang is not None
        mail.hang.set()
        await until(lambda: office.journal.waiting().messages == 0)
        assert mail.tried == 1


async def test_transient_failures_are_tried_again_until_it_works_and_logged_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    mail = Scripted()
    mail.script = lambda message: SendError("421 later") if mail.tried < 4 else None
    caplog.set_level(logging.INFO, "dcmon.notify")
    async with post(tmp_path, {"email": mail}, **FAST) as office:
        await office.queue(page())
        await until(lambda: office.journal.waiting().messages == 0)
        assert office.results() == {page().key: ["retry", "retry", "retry", "sent"]}
    assert [record.getMessage() for record in caplog.records] == [
        "outbox: email does not work: 421 later; tried again until it does",
        "outbox: email works again after 3 failures",
    ]


async def test_a_relay_away_for_an_hour_gets_everything_afterwards_each_once(tmp_path: Path) -> None:
    clock = ScaledClock(1500)
    sink = Sink()
    async with smtp_sink(sink):
        pass  # now the port is known and nobody listens
    mail = EmailNotifier(Smtp(port=sink.port, sender="dcmon@dc.example.org"))
    start = clock.now()
    people = ["anna", "ben", "lead"]
    async with post(tmp_path, {"email": mail}, clock=clock) as office:
        for number in range(4):
            await office.queue(*(page(f"i{number}", who, created=start, due=start) for who in people))
        over = page("i0", "anna", kind="resolved", created=start + 60_000, due=start + 60_000)
        await office.queue(over)
        await until(lambda: clock.now() > start + 3_600_000)
        assert office.journal.waiting().messages == 13
        async with smtp_sink(sink):
            await until(lambda: office.journal.waiting().messages == 0)
        assert {attempts[-1] for attempts in office.results().values()} == {"sent"}
    ids = [message["Message-ID"] for message in sink.messages]
    assert len(ids) == len(set(ids)) == 12, "the page that was over before it could go is one message with its end"
    (both,) = [message for message in sink.messages if message["Subject"].startswith("[BEHOBEN]")]
    assert "die Störung ist neu" in both.get_content()


async def test_a_refused_message_goes_another_way_and_the_record_says_so(tmp_path: Path) -> None:
    mail, hook = Scripted(script=lambda message: SendError("550 unknown user", permanent=True)), Scripted()
    async with post(tmp_path, {"email": mail, "webhook": hook}) as office:
        await office.queue(page(person="boss"))
        await until(lambda: len(hook.taken) == 1)
        await until(lambda: office.journal.waiting().messages == 0)
        key = page(person="boss").key
        assert hook.keys == [f"{key}>webhook"]
        assert mail.tried == 1
        assert office.results() == {key: ["failed"], f"{key}>webhook": ["sent"]}
        states = [(entry.subject, entry.state) for entry in office.journal.transitions(type="page")]
        assert sorted(states) == [(key, "failed"), (f"{key}>webhook", "queued")]


async def test_a_person_who_cannot_be_reached_at_all_is_passed_over_at_once(tmp_path: Path) -> None:
    mail = Scripted(script=lambda message: SendError("550", permanent=True) if message.person == "anna" else None)
    async with post(tmp_path, {"email": mail}) as office:
        now = office.clock.now()
        await office.commit(happened(now, "opened", incident(opened=now, started=now)))
        await until(lambda: len(mail.taken) == 1)
        assert mail.taken[0].person == "lead"
        assert mail.taken[0].reason == "escalated: anna cannot be reached by email"


async def test_an_unknown_outcome_goes_another_way_and_is_not_repeated(tmp_path: Path) -> None:
    mail, hook = Scripted(script=lambda message: SendError("no answer", unknown=True)), Scripted()
    async with post(tmp_path, {"email": mail, "webhook": hook}, **FAST) as office:
        await office.queue(page(person="boss"))
        await until(lambda: len(hook.taken) == 1)
        await until(lambda: office.journal.waiting().messages == 0)
        await asyncio.sleep(0.1)
        assert mail.tried == 1
        assert office.results()[page(person="boss").key] == ["unknown"]


async def test_an_unknown_outcome_without_another_way_is_tried_again_with_the_same_id_but_not_for_ever(
    tmp_path: Path,
) -> None:
    async with smtp_sink(Sink(data="take and hang")) as sink:
        mail = EmailNotifier(Smtp.model_validate({"port": sink.port, "timeout": "100ms"}))
        async with post(tmp_path, {"email": mail}, **FAST) as office:
            await office.queue(page())
            await until(lambda: office.journal.waiting().messages == 0)
            assert office.results() == {page().key: ["retry", "retry", "unknown"]}
    assert len(sink.messages) == 3
    assert len({message["Message-ID"] for message in sink.messages}) == 1


async def test_a_page_that_waits_too_long_also_goes_another_way_and_both_arrive_once(tmp_path: Path) -> None:
    mail, hook = Scripted(), Scripted()
    mail.script = lambda message: SendError("421") if not hook.taken or mail.tried < 12 else None
    async with post(tmp_path, {"email": mail, "webhook": hook}, divert="150ms", **FAST) as office:
        await office.queue(page(person="boss"))
        await until(lambda: office.journal.waiting().messages == 0)
        assert len(hook.taken) == len(mail.taken) == 1
        states = [entry.state for entry in office.journal.transitions(type="page")]
        assert sorted(states) == ["delayed", "queued"]


async def test_a_page_behind_the_one_that_fails_goes_another_way_as_well(tmp_path: Path) -> None:
    hook = Scripted()
    mail = Scripted()
    mail.script = lambda message: SendError("421") if len(hook.taken) < 2 else None
    async with post(tmp_path, {"email": mail, "webhook": hook}, divert="150ms", **FAST) as office:
        await office.queue(page("i1", "boss"), page("i2", "boss"))
        await until(lambda: office.journal.waiting().messages == 0)
        assert {message.incident for message in hook.taken} == {"i1", "i2"}


async def test_a_channel_without_an_answer_is_unknown_at_the_deadline(tmp_path: Path) -> None:
    mail, hook = Scripted(hang=asyncio.Event()), Scripted()
    async with post(tmp_path, {"email": mail, "webhook": hook}, deadline="50ms") as office:
        await office.queue(page(person="boss"))
        await until(lambda: office.journal.waiting().messages == 0)
        assert office.results()[page(person="boss").key] == ["unknown"]


async def test_too_old_a_message_is_given_up_and_recorded(tmp_path: Path) -> None:
    mail = Scripted(script=lambda message: SendError("421"))
    async with post(tmp_path, {"email": mail}, give_up="100ms", **FAST) as office:
        await office.queue(page())
        await until(lambda: office.journal.waiting().messages == 0)
        assert office.results()[page().key][-1] == "failed"


@pytest.mark.parametrize(("person", "channel"), [("gone", "email"), ("anna", "carrier-pigeon")])
async def test_people_and_channels_that_are_no_longer_configured_fail_for_good(
    person: str, channel: str, tmp_path: Path
) -> None:
    async with post(tmp_path, {"email": Scripted()}) as office:
        await office.queue(page(person=person, channel=channel))
        await until(lambda: office.journal.waiting().messages == 0)
        delivery = office.journal.deliveries()[0]
        assert delivery.result == "failed"
        assert person in delivery.detail or channel in delivery.detail


async def test_a_fault_in_a_channel_ends_nothing_and_the_message_is_tried_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    class Broken(Scripted):
        async def send(self, notification: Notification, person: Any) -> str:
            if self.tried == 0:
                self.tried += 1
                raise ZeroDivisionError("secret detail")
            return await super().send(notification, person)

    mail = Broken()
    async with post(tmp_path, {"email": mail}, **FAST) as office:
        await office.queue(page())
        await until(lambda: len(mail.taken) == 1)
        await until(lambda: office.journal.waiting().messages == 0)
        assert office.journal.deliveries()[0].detail == "fault in channel email: ZeroDivisionError"
    assert "has a fault of its own" in caplog.text


async def test_a_storm_is_a_few_messages_and_one_list_that_leaves_nothing_out(tmp_path: Path) -> None:
    mail, clock = Scripted(), ScaledClock(600)
    async with post(
        tmp_path, {"email": mail}, clock=clock, caps={"email": {"messages": 20, "window": "15m"}}
    ) as office:
        start = clock.now()
        grave = page("i250", created=start, due=start, severity=Severity.CRITICAL)
        await office.queue(*(page(f"i{number}", created=start, due=start) for number in range(250)), grave)
        await until(lambda: office.journal.waiting().messages == 0)
        first = len(mail.taken)
        assert first <= 15
        assert mail.taken[0].incident == "i250", "the gravest first"
        assert mail.taken[first - 1].kind == "bundle"
        await office.queue(*(page(f"late{number}", created=clock.now(), due=clock.now()) for number in range(30)))
        await until(lambda: office.journal.waiting().messages == 0)
        assert len(mail.taken) == first + 1, "held back until the next slot, then one list"
        assert office.worker.results["held", "email"] == 30, "each is counted once, however long it waits"
        said = {item["incident"] for message in mail.taken for item in message.facts.get("items", ())}
        said |= {message.incident for message in mail.taken}
        assert {f"i{number}" for number in range(251)} | {f"late{number}" for number in range(30)} <= said
        results = office.results()
        assert len(results) == 281
        assert {attempts[-1] for attempts in results.values()} == {"sent"}


async def test_a_storm_goes_on_over_a_restart(tmp_path: Path) -> None:
    caps = {"email": {"messages": 20, "window": "15m"}}
    before, after = Scripted(), Scripted()
    async with post(tmp_path, {"email": before}, caps=caps) as office:
        await office.queue(*(page(f"i{number}", created=office.clock.now()) for number in range(250)))
        await until(lambda: office.journal.waiting().messages == 0)
        went = office.journal.sent_since("anna", "email", office.clock.now() - 900_000)
        assert len(went) == len(before.taken) == 15, "a list of many is one message"
    async with post(tmp_path, {"email": after}, caps=caps) as office:
        await office.queue(*(page(f"late{number}", created=office.clock.now()) for number in range(30)))
        await until(lambda: office.worker.results["held", "email"] == 30)
        assert after.taken == []


async def test_a_channel_without_a_cap_is_never_bundled(tmp_path: Path) -> None:
    hook = Scripted()
    async with post(tmp_path, {"webhook": hook}) as office:
        await office.queue(*(page(f"i{number}", "boss", "webhook") for number in range(60)))
        await until(lambda: office.journal.waiting().messages == 0)
        assert len(hook.taken) == 60


async def test_killed_between_sending_and_recording_it_is_sent_again_with_the_same_key(tmp_path: Path) -> None:
    mail = Scripted()
    async with post(tmp_path, {"email": mail}) as office:
        office.journal.commit(Changes(notifications=[page()]))
        office.journal.claim(office.clock.now(), "the process that died", 60_000, 10)
        office.worker.wake()
        await asyncio.sleep(0.1)
        assert mail.taken == [], "its lease is still running"
        office.journal.release_leases()
        office.worker.wake()
        await until(lambda: office.journal.waiting().messages == 0)
        assert mail.keys == [page().key]


async def test_what_was_sent_while_the_disk_was_full_is_recorded_later_and_not_sent_again(tmp_path: Path) -> None:
    mail = Scripted()

    async with post(tmp_path, {"email": mail}, clock=ScaledClock(50), lease="1s") as office:
        full = 5

        def mark_sent(key: str, now: int, detail: str) -> None:
            nonlocal full
            if full:
                full -= 1
                raise StoreError("the disk is full")
            type(office.journal).mark_sent(office.journal, key, now, detail)

        office.journal.mark_sent = mark_sent  # type: ignore[method-assign]
        await office.queue(page())
        await until(lambda: office.journal.waiting().messages == 0)
        assert mail.tried == 1
        assert office.results() == {page().key: ["sent"]}


async def test_a_message_under_way_when_dcmon_stops_is_finished_and_recorded(tmp_path: Path) -> None:
    mail = Scripted(hang=asyncio.Event())
    journal_folder = tmp_path
    async with post(journal_folder, {"email": mail}) as office:
        await office.queue(page(), page("i2"))
        await until(lambda: mail.tried == 1)
        assert mail.hang is not None
        asyncio.get_running_loop().call_later(0.2, mail.hang.set)
        journal = office.journal
        closed = journal.close
        journal.close = lambda: None  # type: ignore[method-assign]
    assert sorted(office.results().values()) == [["sent"]]
    assert len(mail.taken) == 1, "what was not yet begun waits for the next start"
    assert journal.waiting().messages == 1
    closed()


async def test_the_end_of_a_fault_never_overtakes_its_page(tmp_path: Path) -> None:
    mail = Scripted(hang=asyncio.Event())
    async with post(tmp_path, {"email": mail}) as office:
        first = page("i1")
        await office.queue(first)
        await until(lambda: mail.tried == 1)
        over = replace(page("i1", kind="resolved"), created=first.created + 1)
        await office.queue(over)
        await asyncio.sleep(0.05)
        assert mail.tried == 1, "one message of a lane at a time"
        assert mail.hang is not None
        mail.hang.set()
        await until(lambda: len(mail.taken) == 2)
        assert [message.kind for message in mail.taken] == ["page", "resolved"]


async def test_what_becomes_of_a_test_page_is_learnt_and_no_other_way_is_taken(tmp_path: Path) -> None:
    refused = SendError("550 no such user", permanent=True)
    mail = Scripted(script=lambda message: refused if message.person == "boss" else None)
    hook = Scripted()
    async with post(tmp_path, {"email": mail, "webhook": hook}) as office:
        await office.queue(page("t1", kind="page-test"), page("t2", "boss", kind="page-test"), page("i1", "ben"))
        await until(lambda: office.journal.waiting().messages == 0)
        told = [(one.incident, one.state) for one in office.journal.transitions(type="page")]
        assert sorted(told) == [("t1", "sent"), ("t2", "failed")]
        assert hook.tried == 0
