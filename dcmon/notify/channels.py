"""All channels by the word that people.yaml uses for them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, TypeAlias

from dcmon.config.agent import Agent
from dcmon.notify.console import ConsoleNotifier
from dcmon.notify.email import EmailNotifier
from dcmon.notify.outbox import Notifier
from dcmon.notify.webhook import WebhookNotifier

Secrets: TypeAlias = Callable[[str], str]
"""Turns a reference (`env:NAME`, `file:PATH`) into the secret."""
Factory: TypeAlias = Callable[[Agent, Secrets], Notifier]


def _email(agent: Agent, secrets: Secrets) -> Notifier:
    reference = agent.smtp.password
    return EmailNotifier(agent.smtp, secrets(reference) if reference is not None else None)


CHANNELS: Final[Mapping[str, Factory]] = {
    "email": _email,
    "webhook": lambda agent, secrets: WebhookNotifier(secrets),
    "console": lambda agent, secrets: ConsoleNotifier(),
}


def build_notifiers(agent: Agent, secrets: Secrets) -> dict[str, Notifier]:
    """Every channel, ready to send. Raises ConfigError or DcmonError where settings or secrets are of no use."""
    return {channel: make(agent, secrets) for channel, make in CHANNELS.items()}
