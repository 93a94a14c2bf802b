"""Mail against real SMTP servers, good ones and bad ones."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Any

import pytest
from notify_smtp import Sink, make_certificate, raw_server, smtp_sink
from notify_world import notification

from dcmon.config.agent import Smtp
from dcmon.config.people import Person
from dcmon.model import DcmonError, SendError
from dcmon.notify.email import EmailNotifier

ANNA = Person(id="anna", name="Anna Weber", email="anna@example.org")


def notifier(port: int, secret: str | None = None, /, **settings: Any) -> EmailNotifier:
    merged = {"port": port, "sender": "dcmon@dc.example.org", "timeout": "500ms", **settings}
    return EmailNotifier(Smtp.model_validate(merged), secret)


async def failure(sink: Sink, **settings: Any) -> SendError:
    with pytest.raises(SendError) as caught:
        await notifier(sink.port, **settings).send(notification(), ANNA)
    return caught.value


async def test_the_relay_gets_the_message_and_its_answer_is_the_record() -> None:
    async with smtp_sink() as sink:
        answer = await notifier(sink.port).send(notification(), ANNA)
    (message,) = sink.messages
    assert sink.recipients == ["anna@example.org"]
    assert message["Subject"] == "[WARNUNG] UPS A: on battery"
    assert message["To"] == "Anna Weber <anna@example.org>"
    assert "Sie erhalten diese Meldung, denn die Störung ist neu." in message.get_content()
    assert answer == "250 2.0.0 queued as 4711"


async def test_starttls_and_password_are_used_and_the_password_is_never_seen(tmp_path: Path) -> None:
    context, ca = make_certificate(tmp_path)
    async with smtp_sink(tls=context, auth="s3cret") as sink:
        mail = notifier(sink.port, "s3cret", security="starttls", user="dcmon", password="env:X", ca_file=str(ca))
        await mail.send(notification(), ANNA)
        assert sink.logins == [(b"dcmon", b"s3cret")]
        assert "s3cret" not in repr(vars(mail)["_smtp"])
        wrong = notifier(sink.port, "wr0ng", security="starttls", user="dcmon", password="env:X", ca_file=str(ca))
        with pytest.raises(SendError) as caught:
            await wrong.send(notification(), ANNA)
    assert len(sink.messages) == 1
    assert (caught.value.permanent, caught.value.unknown) == (False, False), "it goes once the password is corrected"
    assert "Correct smtp in agent.yaml" in str(caught.value)
    assert "wr0ng" not in str(caught.value)


async def test_tls_from_the_first_byte_is_used(tmp_path: Path) -> None:
    context, ca = make_certificate(tmp_path)
    async with smtp_sink(tls=context, implicit=True) as sink:
        await notifier(sink.port, security="tls", ca_file=str(ca)).send(notification(), ANNA)
    assert len(sink.messages) == 1


@pytest.mark.parametrize("security", ["starttls", "tls"])
async def test_a_certificate_nobody_vouches_for_is_refused_and_the_message_tried_again(
    security: str, tmp_path: Path
) -> None:
    context, _ = make_certificate(tmp_path)
    async with smtp_sink(tls=context, implicit=security == "tls") as sink:
        error = await failure(sink, security=security)
    assert sink.messages == []
    assert not error.permanent
    assert not error.unknown
    assert "certificate" in str(error).lower()


async def test_a_relay_without_starttls_gets_nothing_in_clear_text() -> None:
    async with smtp_sink() as sink:
        error = await failure(sink, security="starttls")
    assert sink.messages == []
    assert not error.permanent


def test_a_ca_file_that_cannot_be_read_is_named_at_start(tmp_path: Path) -> None:
    with pytest.raises(DcmonError, match=r"missing\.pem"):
        notifier(25, security="tls", ca_file=str(tmp_path / "missing.pem"))


@pytest.mark.parametrize("command", ["MAIL", "RCPT", "DATA"])
@pytest.mark.parametrize(("answer", "permanent"), [("451 try later", False), ("554 go away", True)])
async def test_4xx_is_transient_and_5xx_permanent_at_every_command(command: str, answer: str, permanent: bool) -> None:
    async with smtp_sink(Sink(answers={command: answer})) as sink:
        error = await failure(sink)
    assert (error.permanent, error.unknown) == (permanent, False)
    assert answer[:3] in str(error)


async def test_addresses_that_the_relay_repeats_do_not_reach_the_record() -> None:
    async with smtp_sink(Sink(answers={"RCPT": "550 <anna@example.org> unknown"})) as sink:
        error = await failure(sink)
    assert "anna@example.org" not in str(error)
    assert "<anna>" in str(error)


@pytest.mark.parametrize("data", ["hang", "take and hang", "reset"])
async def test_silence_or_a_reset_after_the_content_began_is_unknown(data: str) -> None:
    async with smtp_sink(Sink(data=data)) as sink:
        error = await failure(sink)
    assert (error.permanent, error.unknown) == (False, True)


async def test_a_relay_that_is_away_is_transient() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        error = await failure(Sink(port=unused.getsockname()[1]))
    assert (error.permanent, error.unknown) == (False, False)


@pytest.mark.parametrize("greeting", [b"", b"220 hello\r\n", b"\x00\xff garbage\r\n"])
async def test_a_relay_that_falls_silent_before_the_content_is_transient_after_the_timeout(greeting: bytes) -> None:
    async with raw_server(greeting) as port:
        error = await failure(Sink(port=port))
    assert (error.permanent, error.unknown) == (False, False)


async def test_a_greeting_that_refuses_is_transient_since_it_says_nothing_of_the_message() -> None:
    async with raw_server(b"554 no service here\r\n") as port:
        error = await failure(Sink(port=port))
    assert (error.permanent, error.unknown) == (False, False)
