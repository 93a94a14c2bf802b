"""Several messages in one: what waited together for the same person goes out together. Pure.

Messages of one incident that could not go when they were decided (the mail relay was away, a page was followed by its
resolution) become one, which says what holds now and lists what came before. When a storm has used up the cap,
messages of all incidents become one list.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import NamedTuple

from dcmon.model import Notification

_FOLDED = frozenset({"page", "update", "resolved"})
"""Kinds that say how one incident stands, so that the last one says it all. Tasks and clocks stand for themselves."""


class Parcel(NamedTuple):
    """One message to send, and the outbox rows that it settles."""

    notification: Notification
    rows: tuple[Notification, ...]


def fold(notifications: Iterable[Notification]) -> list[Parcel]:
    """One parcel per incident, and one per task or clock message; the most urgent first.

    First messages of an incident come before updates, then the gravest, then the oldest.
    """
    threads: dict[str, list[Notification]] = {}
    for message in notifications:
        thread = f"incident {message.incident}" if message.kind in _FOLDED else f"message {message.key}"
        threads.setdefault(thread, []).append(message)
    return sorted(map(_fold, threads.values()), key=_urgency)


def bundle(parcels: Sequence[Parcel]) -> Parcel:
    """All parcels as one message; its key follows from the keys of its rows."""
    if len(parcels) == 1:
        return parcels[0]
    rows = tuple(row for parcel in parcels for row in parcel.rows)
    digest = hashlib.sha256("\n".join(sorted(row.key for row in rows)).encode()).hexdigest()
    lead = parcels[0].notification
    facts = {name: lead.facts.get(name) for name in ("site", "timezone")}
    message = replace(
        lead,
        key=f"bundle/{digest[:32]}",
        created=min(row.created for row in rows),
        incident=None,
        kind="bundle",
        reason=f"storm: {len(parcels)} messages in one",
        severity=max((row.severity for row in rows), key=lambda severity: severity.rank),
        subject=f"{len(parcels)} messages",
        facts={
            **facts,
            "code": "storm",
            "reason_data": {},
            "items": [_item(parcel.notification) for parcel in parcels],
        },
    )
    return Parcel(message, rows)


def _fold(messages: list[Notification]) -> Parcel:
    ordered = sorted(messages, key=lambda message: (message.kind == "resolved", message.created))
    last = ordered[-1]
    if len(ordered) == 1:
        return Parcel(last, (last,))
    earlier = [
        {
            "created": message.created,
            "kind": message.kind,
            "reason": message.reason,
            "code": message.facts.get("code"),
            "reason_data": message.facts.get("reason_data", {}),
        }
        for message in ordered[:-1]
    ]
    return Parcel(replace(last, facts={**last.facts, "earlier": earlier}), tuple(ordered))


def _urgency(parcel: Parcel) -> tuple[bool, int, int, str]:
    first = any(row.kind == "page" and row.facts.get("first") for row in parcel.rows)
    message = parcel.notification
    return not first, -message.severity.rank, message.created, message.key


def _item(message: Notification) -> dict[str, object]:
    return {
        "incident": message.incident,
        "kind": message.kind,
        "reason": message.reason,
        "severity": message.severity.value,
        "subject": message.subject,
        "created": message.created,
        "facts": dict(message.facts),
    }
