"""Messages as people read them: German or English, plain text, times of the site with their UTC beside."""

from __future__ import annotations

import datetime as dt
import re
from collections import defaultdict
from collections.abc import Mapping
from functools import cache
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from jinja2 import ChainableUndefined, Environment, PackageLoader

from dcmon.model import Notification, Severity
from dcmon.notify.translation import translate

_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]+")
"""Control characters and those that turn the direction of writing: a device's name must not rewrite a message."""
_TEMPLATES = {"page": "incident", "update": "incident", "resolved": "incident"}
_DATE = {"de": "%d.%m.%Y %H:%M:%S %Z", "en": "%Y-%m-%d %H:%M:%S %Z"}

WORDS: Mapping[str, Mapping[str, str]] = {
    "en": {
        "info": "INFO",
        "warning": "WARNING",
        "critical": "CRITICAL",
        "resolved": "RESOLVED",
        "task": "TASK",
        "task-overdue": "TASK OVERDUE",
        "task-done": "TASK DONE",
        "order": "ORDER",
        "clock": "CLOCK {percent} %",
        "maintenance": "MAINTENANCE",
        "maintenance-changed": "MAINTENANCE CHANGED",
        "maintenance-cancelled": "MAINTENANCE CANCELLED",
        "maintenance-overrun": "MAINTENANCE OVERRUN",
        "page-test": "TEST PAGE",
        "drill": "DRILL",
        "drill-cancelled": "DRILL CANCELLED",
        "drill-passed": "DRILL PASSED",
        "drill-failed": "DRILL FAILED",
        "drill-incomplete": "DRILL INCOMPLETE",
        "bundle": "{count} MESSAGES",
        "channel-email": "e-mail",
        "channel-webhook": "webhook",
    },
    "de": {
        "info": "HINWEIS",
        "warning": "WARNUNG",
        "critical": "KRITISCH",
        "resolved": "BEHOBEN",
        "task": "AUFTRAG",
        "task-overdue": "AUFTRAG ÜBERFÄLLIG",
        "task-done": "AUFTRAG ERLEDIGT",
        "order": "BESTELLUNG",
        "clock": "FRIST {percent} %",
        "maintenance": "WARTUNG",
        "maintenance-changed": "WARTUNG GEÄNDERT",
        "maintenance-cancelled": "WARTUNG ABGESAGT",
        "maintenance-overrun": "WARTUNG ÜBERZOGEN",
        "page-test": "PROBEALARM",
        "drill": "ÜBUNG",
        "drill-cancelled": "ÜBUNG ABGESAGT",
        "drill-passed": "ÜBUNG BESTANDEN",
        "drill-failed": "ÜBUNG NICHT BESTANDEN",
        "drill-incomplete": "ÜBUNG UNVOLLSTÄNDIG",
        "bundle": "{count} MELDUNGEN",
        "channel-email": "E-Mail",
        "channel-webhook": "Webhook",
    },
}

WHY: Mapping[str, Mapping[str, str]] = {
    "en": {
        "first": "the fault is new",
        "severity-raised": "the fault has become graver",
        "worsened": "the fault has got worse",
        "reopened": "the fault has come back after it had been resolved",
        "remains": "its cause is over, but this lasts",
        "repeat": "nobody has acknowledged the fault, and nobody is left to be told",
        "unacknowledged": "nobody has acknowledged the fault for {waited}",
        "missing": "nobody could be told before you: {missing}",
        "unreached": "{person} could not be reached by {channel}",
        "resolved": "the fault is over",
        "clock": "{percent} % of the time agreed for repairing it are used up",
        "task-opened": "there is something to do",
        "order": "fuel is to be delivered",
        "task-overdue": "the deadline has passed",
        "task-done": "the task is done",
        "page-test": "the way to you is tested",
        "planned-announced": "it was announced",
        "planned-changed": "what was announced has changed",
        "planned-ahead": "it begins in {before}",
        "planned-cancelled": "it was cancelled",
        "planned-overrun": "its time is over and not everything is back",
        "planned-result": "the drill is over",
        "missing-roster": "roster {id} has nobody on duty",
        "missing-person": "there is no address of {id}",
        "note-no-route": "no route of people.yaml takes this class and severity, so the last one was used",
        "note-everybody": "no roster of the route has anybody on duty now, so all of its people are told",
    },
    "de": {
        "first": "die Störung ist neu",
        "severity-raised": "die Störung ist schwerer geworden",
        "worsened": "die Störung hat sich verschlimmert",
        "reopened": "die Störung ist nach ihrer Behebung wieder aufgetreten",
        "remains": "die Ursache ist behoben, aber dies dauert an",
        "repeat": "niemand hat die Störung quittiert, und niemand ist mehr zu benachrichtigen",
        "unacknowledged": "seit {waited} hat niemand die Störung quittiert",
        "missing": "vor Ihnen konnte niemand benachrichtigt werden: {missing}",
        "unreached": "{person} war per {channel} nicht zu erreichen",
        "resolved": "die Störung ist vorbei",
        "clock": "{percent} % der vereinbarten Zeit für die Behebung sind verbraucht",
        "task-opened": "es gibt etwas zu tun",
        "order": "Kraftstoff ist zu liefern",
        "task-overdue": "die Frist ist verstrichen",
        "task-done": "der Auftrag ist erledigt",
        "page-test": "der Weg zu Ihnen wird geprüft",
        "planned-announced": "es wurde angekündigt",
        "planned-changed": "die Ankündigung hat sich geändert",
        "planned-ahead": "es beginnt in {before}",
        "planned-cancelled": "es wurde abgesagt",
        "planned-overrun": "die Zeit ist vorbei, und noch ist nicht alles wieder in Betrieb",
        "planned-result": "die Übung ist vorbei",
        "missing-roster": "im Dienstplan {id} hat niemand Dienst",
        "missing-person": "von {id} ist keine Adresse hinterlegt",
        "note-no-route": "keine Route in people.yaml nimmt diese Klasse und Schwere an, daher die letzte",
        "note-everybody": "kein Dienstplan der Route ist gerade besetzt, daher werden alle benachrichtigt",
    },
}


class Text(NamedTuple):
    """`subject` is one line without control characters; lines of `body` end in a line feed."""

    subject: str
    body: str


def render(notification: Notification, language: str) -> Text:
    """The message in `language` (de or en). Facts that an older version did not keep are left out, never an error."""
    facts, told = translate(notification.facts, notification.subject, language)
    zone = _zone(facts.get("timezone"))
    word = label(notification.kind, notification.severity, facts, language)
    name = _TEMPLATES.get(notification.kind, notification.kind)
    body = (
        _environment()
        .get_template(f"{name}.{language}.j2")
        .render(
            {"started": notification.created, "percent": 0, "limit_ms": 0},
            **facts,
            message=notification,
            subject=told,
            subject_of=lambda item: translate(item["facts"], item["subject"], language)[1],
            word=word,
            label_of=lambda item: label(item["kind"], Severity(item["severity"]), item["facts"], language),
            because=because(facts, language),
            because_of=lambda other: because(other, language) or other.get("reason", ""),
            language=language,
            words=WORDS[language],
            when=lambda ms: when(ms, zone, language),
            clock_time=lambda ms: _local(ms, zone).strftime("%H:%M:%S"),
            span=span,
        )
    )
    subject = "" if notification.kind == "bundle" else f" {told}"
    return Text(clean(f"[{word}]{subject}"), body)


def label(kind: str, severity: Severity, facts: Mapping[str, Any], language: str) -> str:
    """The word in front of a message: how grave it is, or what kind of message it is."""
    words = WORDS[language]
    match kind:
        case "resolved" | "order" | "page-test":
            return words[kind]
        case "task":
            return words.get(str(facts.get("code")), words["task"])
        case "maintenance":
            kind = str(facts.get("record_kind"))
            return words.get(f"{kind}-{facts.get('state')}") or words.get(kind, words["maintenance"])
        case "clock":
            return f"{words[severity.value]}, {words['clock'].format(percent=facts.get('percent', '?'))}"
        case "bundle":
            return f"{words[severity.value]}, {words['bundle'].format(count=len(facts.get('items', ())))}"
        case _:
            return words[severity.value]


def because(facts: Mapping[str, Any], language: str) -> str:
    """Why this person is told, as half a sentence."""
    sentences = WHY[language]
    data = dict(facts.get("reason_data", {}))
    missing = [sentences[f"missing-{what}"].format(id=name) for what, name in data.pop("missing", [])]
    data["channel"] = WORDS[language].get(f"channel-{data.get('channel')}", "")
    filled: defaultdict[str, Any] = defaultdict(str)
    filled |= {
        "waited": span(data.get("waited_ms", 0)),
        "before": span(data.get("before_ms", 0)),
        "missing": ", ".join(missing),
        **data,
    }
    sentence = sentences.get(str(facts.get("code")), "").format_map(filled)
    note = sentences.get(f"note-{data.get('note')}")
    return f"{sentence}; {note}" if note else sentence


def when(ms: object, zone: dt.tzinfo, language: str) -> str:
    """`2026-11-23 10:00:05 CET (09:00:05 UTC)`; a dash where there is no time."""
    if not isinstance(ms, int):
        return "-"
    utc = _EPOCH + dt.timedelta(milliseconds=ms)
    return f"{utc.astimezone(zone).strftime(_DATE[language])} ({utc:%H:%M:%S} UTC)"


def span(ms: int) -> str:
    """`45 s`, `5 min`, `1 h 30 min`: the same in both languages."""
    seconds = round(ms / 1000)
    parts = ((seconds // 3600, "h"), (seconds // 60 % 60, "min"), (seconds % 60, "s"))
    return " ".join(f"{count} {unit}" for count, unit in parts if count) or "0 s"


def clean(value: object) -> str:
    """Text from outside as one harmless line."""
    return " ".join(_UNPRINTABLE.sub(" ", str(value)).split())


def _finalize(value: object) -> object:
    return "" if value is None else _UNPRINTABLE.sub(" ", value) if isinstance(value, str) else value


def _zone(name: object) -> dt.tzinfo:
    return ZoneInfo(str(name)) if name else dt.UTC


def _local(ms: int, zone: dt.tzinfo) -> dt.datetime:
    return (_EPOCH + dt.timedelta(milliseconds=ms)).astimezone(zone)


def load_templates() -> None:
    """Reads all templates, at the start: the first page must not need a file when there are none to be had."""
    environment = _environment()
    for name in environment.list_templates():
        environment.get_template(name)


@cache
def _environment() -> Environment:
    return Environment(
        loader=PackageLoader("dcmon.notify"),
        auto_reload=False,
        cache_size=-1,
        autoescape=False,  # plain text
        undefined=ChainableUndefined,
        finalize=_finalize,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
