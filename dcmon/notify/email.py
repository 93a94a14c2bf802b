"""E-mail over SMTP: one connection per message, plain text, the messages of an incident as one thread."""

from __future__ import annotations

import contextlib
import datetime as dt
import hashlib
import ssl
from collections.abc import Mapping
from email import policy
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime
from typing import Any
from zoneinfo import ZoneInfo

import aiosmtplib

from dcmon.config.agent import Smtp
from dcmon.config.people import Person
from dcmon.model import DcmonError, Notification, SendError, Severity
from dcmon.notify.text import clean, render

_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_IMPORTANCE = {Severity.CRITICAL: "high", Severity.WARNING: "normal", Severity.INFO: "low"}
_BEGIN = frozenset({"page", "task", "maintenance", "order", "page-test"})
"""Kinds whose first message begins a thread."""
_QUIT_S = 2.0
"""The relay has the message by then; a good-bye is politeness."""


class EmailNotifier:
    """Sends through the relay of `agent.yaml` smtp; `password` is the secret itself, resolved."""

    def __init__(self, smtp: Smtp, password: str | None = None) -> None:
        """Raises DcmonError where `ca_file` is of no use."""
        self._smtp = smtp
        self._password = password
        self._domain = smtp.sender.rpartition("@")[2] or "localhost"
        self._tls = _tls_context(smtp) if smtp.security != "none" else None

    async def send(self, notification: Notification, person: Person) -> str:
        """Delivers to the relay; returns its answer. Raises SendError.

        Answers 4xx, a relay that cannot be reached, a certificate or a password that is not accepted: transient, since
        the same message goes once that is repaired. 5xx for sender, recipient or content: permanent. Silence or a lost
        connection after the content began: unknown.
        """
        if person.email is None:
            raise SendError(f"{person.id} has no e-mail address", permanent=True)
        content = self.compose(notification, person).as_bytes()
        client = aiosmtplib.SMTP(
            hostname=self._smtp.host,
            port=self._smtp.port,
            timeout=self._smtp.timeout / 1000,
            use_tls=self._smtp.security == "tls",
            start_tls=self._smtp.security == "starttls",
            tls_context=self._tls,
            username=self._smtp.user,
            password=self._password,
            local_hostname=self._domain,
        )
        try:
            await self._prepare(client)
            await self._envelope(client, person)
            response = await self._content(client, content)
            with contextlib.suppress(aiosmtplib.SMTPException, OSError):
                await client.quit(timeout=_QUIT_S)
        except SendError as error:
            raise SendError(
                str(error).replace(person.email, f"<{person.id}>"), permanent=error.permanent, unknown=error.unknown
            ) from None
        finally:
            with contextlib.suppress(aiosmtplib.SMTPException, OSError):
                client.close()
        return clean(f"{response.code} {response.message}").replace(person.email, f"<{person.id}>")

    def compose(self, notification: Notification, person: Person) -> EmailMessage:
        """The message as it goes out."""
        text = render(notification, person.language)
        message = EmailMessage(policy=policy.SMTP)
        message["To"] = Address(clean(person.name), addr_spec=person.email or "")
        message["From"] = Address("dcmon", addr_spec=self._smtp.sender)
        message["Subject"] = text.subject
        message["Date"] = format_datetime(_moment(notification))
        for header, value in self._threading(notification, person).items():
            message[header] = value
        message["Auto-Submitted"] = "auto-generated"
        message["X-Auto-Response-Suppress"] = "All"
        message["Importance"] = _IMPORTANCE[notification.severity]
        message["X-Dcmon-Incident"] = clean(notification.incident or "-")
        message["X-Dcmon-Severity"] = notification.severity.value
        message["X-Dcmon-Reason"] = clean(notification.reason)
        message.set_content(text.body, charset="utf-8", cte="quoted-printable")
        return message

    def _threading(self, notification: Notification, person: Person) -> Mapping[str, str]:
        """The first message of an incident carries an id that all later ones can name without having seen it.

        A reopened incident starts a new one, which refers to the old: an id is never used for two messages. What was
        folded with others has the id of its own key, since its first part may have been accepted before a crash.
        """
        facts = notification.facts
        own = self._message_id(notification.key)
        if notification.incident is None:
            return {"Message-ID": own}
        rounds = int(facts.get("reopened", 0))
        begun = self._thread_id(notification, person, rounds)
        if facts.get("first") and notification.kind in _BEGIN and "earlier" not in facts:
            before = self._thread_id(notification, person, 0)
            return {"Message-ID": begun} | ({"In-Reply-To": before, "References": before} if rounds else {})
        return {"Message-ID": own, "In-Reply-To": begun, "References": begun}

    def _thread_id(self, notification: Notification, person: Person, rounds: int) -> str:
        return self._message_id(f"{notification.incident}\n{person.id}\n{rounds}")

    def _message_id(self, text: str) -> str:
        return f"<{hashlib.sha256(text.encode()).hexdigest()[:40]}@{self._domain}>"

    # The dialogue, by what a failure of it means

    async def _prepare(self, client: aiosmtplib.SMTP) -> None:
        try:
            await client.connect()
        except aiosmtplib.SMTPAuthenticationError as error:
            raise SendError(f"user or password not accepted: {_said(error)}. Correct smtp in agent.yaml") from None
        except (aiosmtplib.SMTPException, OSError) as error:
            raise SendError(f"{self._smtp.host}:{self._smtp.port}: {_said(error)}") from None

    async def _envelope(self, client: aiosmtplib.SMTP, person: Person) -> None:
        try:
            await client.mail(self._smtp.sender)
            await client.rcpt(person.email or "")
        except aiosmtplib.SMTPHeloError as error:
            raise SendError(f"{self._smtp.host}: greeting refused: {_said(error)}") from None
        except aiosmtplib.SMTPResponseException as error:
            raise SendError(_said(error), permanent=error.code >= 500) from None
        except (aiosmtplib.SMTPException, OSError) as error:
            raise SendError(_said(error)) from None

    async def _content(self, client: aiosmtplib.SMTP, content: bytes) -> aiosmtplib.SMTPResponse:
        try:
            return await client.data(content)
        except aiosmtplib.SMTPResponseException as error:
            raise SendError(_said(error), permanent=error.code >= 500) from None
        except (aiosmtplib.SMTPException, OSError) as error:
            raise SendError(f"no answer to the content: {_said(error)}", unknown=True) from None


def _said(error: Exception) -> str:
    if isinstance(error, aiosmtplib.SMTPResponseException):
        return clean(f"{error.code} {error.message}")
    return clean(error) or type(error).__name__


def _moment(notification: Notification) -> dt.datetime:
    facts: Mapping[str, Any] = notification.facts
    zone = ZoneInfo(str(facts.get("timezone") or "UTC"))
    return (_EPOCH + dt.timedelta(milliseconds=notification.created)).astimezone(zone)


def _tls_context(smtp: Smtp) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=str(smtp.ca_file) if smtp.ca_file is not None else None)
    except (OSError, ssl.SSLError) as error:
        raise DcmonError(f"smtp.ca_file {smtp.ca_file}: {error}. Give a readable PEM file.") from None
