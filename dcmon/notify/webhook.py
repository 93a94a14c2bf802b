"""Webhooks in the shape of Prometheus Alertmanager (version 4), which most receivers of alerts already read."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import quote

import aiohttp

from dcmon.config.people import Person
from dcmon.instants import iso_utc
from dcmon.model import ConfigError, Notification, SendError

_NEVER = "0001-01-01T00:00:00Z"
_BUSY = frozenset({408, 425, 429})
_TIMEOUT_S = 20.0
_FNV_OFFSET, _FNV_PRIME, _WORD = 14695981039346656037, 1099511628211, 2**64 - 1


class WebhookNotifier:
    """POSTs to the person's `webhook`. The key goes along as `Idempotency-Key`, so that a repetition can be told."""

    def __init__(self, secrets: Callable[[str], str], timeout_s: float = _TIMEOUT_S) -> None:
        """`secrets` gives what stands behind `env:NAME` or `file:PATH`."""
        self._secrets = secrets
        self._timeout = aiohttp.ClientTimeout(total=timeout_s, sock_connect=timeout_s / 2)

    async def send(self, notification: Notification, person: Person) -> str:
        """Delivers; returns `HTTP 200`. Raises SendError.

        5xx, 408, 425, 429 or a receiver that cannot be reached: transient. Other answers but 2xx: permanent. Silence or
        a lost connection after the request began: unknown. The URL may carry a token, so no error names it.
        """
        url = self._url(person)
        headers = {"Idempotency-Key": quote(notification.key, safe="/>@:")}
        body = payload(notification, person.id)
        try:
            async with (
                aiohttp.ClientSession(timeout=self._timeout) as session,
                session.post(url, json=body, headers=headers, allow_redirects=False) as response,
            ):
                status = response.status
        except (aiohttp.InvalidURL, aiohttp.NonHttpUrlClientError):
            raise SendError(f"the webhook of {person.id} is no URL. Correct people.yaml", permanent=True) from None
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
            raise SendError(f"the webhook of {person.id} cannot be reached: {_kind(error)}") from None
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise SendError(f"no answer from the webhook of {person.id}: {_kind(error)}", unknown=True) from None
        if 200 <= status < 300:
            return f"HTTP {status}"
        raise SendError(f"HTTP {status}", permanent=status < 500 and status not in _BUSY)

    def _url(self, person: Person) -> str:
        if person.webhook is None:
            raise SendError(f"{person.id} has no webhook", permanent=True)
        if not person.webhook.startswith(("env:", "file:")):
            return person.webhook
        try:
            return self._secrets(person.webhook)
        except ConfigError as error:
            raise SendError(f"the webhook of {person.id}: {error}", permanent=True) from None


def payload(notification: Notification, receiver: str) -> dict[str, Any]:
    """The body: https://prometheus.io/docs/alerting/latest/configuration/#webhook_config"""
    alerts = _alerts(notification)
    site = str(notification.facts.get("site") or "")
    group = {"incident": notification.incident or notification.key}
    return {
        "version": "4",
        "groupKey": f'{{}}:{{incident="{group["incident"]}"}}',
        "truncatedAlerts": int(notification.facts.get("more_alarms") or 0),
        "status": "firing" if any(alert["status"] == "firing" for alert in alerts) else "resolved",
        "receiver": receiver,
        "groupLabels": group,
        "commonLabels": _common([alert["labels"] for alert in alerts]),
        "commonAnnotations": _common([alert["annotations"] for alert in alerts])
        | {"summary": notification.subject, "reason": notification.reason, "kind": notification.kind, "site": site},
        "externalURL": str(notification.facts.get("url") or ""),
        "alerts": alerts,
    }


def fingerprint(labels: Mapping[str, str]) -> str:
    """Prometheus' fingerprint of a label set: 64-bit FNV-1a over sorted names and values, each followed by 0xFF."""
    state = _FNV_OFFSET
    for name in sorted(labels):
        for part in (name, labels[name]):
            for byte in (*part.encode("utf-8", "replace"), 0xFF):
                state = ((state ^ byte) * _FNV_PRIME) & _WORD
    return f"{state:016x}"


def _alerts(notification: Notification) -> list[dict[str, Any]]:
    """One alert per alarm of the incident, the root's first; one per task or clock; a bundle has those of all."""
    facts = notification.facts
    if notification.kind == "bundle":
        return [alert for item in facts["items"] for alert in _of(item["kind"], item["severity"], item)]
    item = {
        "facts": facts,
        "subject": notification.subject,
        "created": notification.created,
        "incident": notification.incident,
    }
    return _of(notification.kind, notification.severity.value, item)


def _of(kind: str, severity: str, item: Mapping[str, Any]) -> list[dict[str, Any]]:
    facts: Mapping[str, Any] = item["facts"]
    over = kind == "resolved" or facts.get("closed") is not None
    own = {
        "asset": facts.get("asset"),
        "rule": facts.get("rule"),
        "severity": severity,
        "since": facts.get("started") or facts.get("opened") or item["created"],
        "active": not over,
        "title": item["subject"],
        "reason": facts.get("why"),
    }
    ended = facts.get("resolved") or facts.get("closed") or item["created"]
    shared = {"class": facts.get("class"), "site": facts.get("site"), "incident": item["incident"]}
    joined = [{**alarm, "active": alarm["active"] and not over} for alarm in list(facts.get("alarms") or ())[1:]]
    return [_alert(shared, facts, alarm, ended) for alarm in (own, *joined)]


def _alert(shared: Mapping[str, Any], facts: Mapping[str, Any], alarm: Mapping[str, Any], ended: int) -> dict[str, Any]:
    firing = bool(alarm["active"])
    labels = _texts(
        {
            **shared,
            "alertname": alarm["rule"],
            "asset": alarm["asset"],
            "severity": alarm["severity"],
            "index": alarm.get("index"),
            "section": facts.get("section") if alarm["asset"] == facts.get("asset") else None,
        }
    )
    annotations = {name: facts.get(name) for name in ("location", "cause", "consequence", "response")}
    if alarm["asset"] != facts.get("asset"):
        annotations = {}
    return {
        "status": "firing" if firing else "resolved",
        "labels": labels,
        "annotations": _texts({"summary": alarm["title"], "description": alarm.get("reason"), **annotations}),
        "startsAt": iso_utc(alarm["since"]),
        "endsAt": _NEVER if firing else iso_utc(ended),
        "generatorURL": str(facts.get("url") or ""),
        "fingerprint": fingerprint(labels),
    }


def _texts(values: Mapping[str, Any]) -> dict[str, str]:
    """Labels and annotations are text; an empty one is the same as none."""
    return {name: str(value) for name, value in sorted(values.items()) if value not in (None, "")}


def _common(sets: Sequence[Mapping[str, str]]) -> dict[str, str]:
    first, *others = sets or [{}]
    return {name: value for name, value in first.items() if all(other.get(name) == value for other in others)}


def _kind(error: BaseException) -> str:
    number = getattr(error, "errno", None)
    return os.strerror(number) if isinstance(number, int) else type(error).__name__
