"""The body of a webhook."""

from __future__ import annotations

import json
from dataclasses import replace

from notify_world import MINUTE, T0, alarm, config, happened, incident, task, task_happened

from dcmon.model import AlarmState, Notification, Severity
from dcmon.notify.escalation import Pager
from dcmon.notify.parcels import bundle, fold
from dcmon.notify.webhook import fingerprint, payload

ROOT = alarm(incident="i1")
MAINS = alarm("mains-a", "mains-lost", incident="i1", severity=Severity.CRITICAL)
OVER = alarm("ups-b", incident="i1", index="2", state=AlarmState.RETURNED)
ROW = incident(severity=Severity.CRITICAL, alarms=(ROOT.key, MAINS.key, OVER.key))


def decided(state: str = "opened") -> Notification:
    pager = Pager(config())
    found = pager.step(happened(T0, "opened", ROW, ROOT, MAINS, OVER), T0).notifications
    if state == "resolved":
        over = replace(ROW, state="resolved", resolved=T0 + MINUTE)
        found = pager.step(happened(T0 + MINUTE, "resolved", over), T0 + MINUTE).notifications
    return found[0]


def test_a_firing_incident_is_one_group_with_an_alert_per_alarm() -> None:
    body = payload(decided(), "boss")
    assert set(body) == {
        "version", "groupKey", "truncatedAlerts", "status", "receiver", "groupLabels", "commonLabels",
        "commonAnnotations", "externalURL", "alerts",
    }  # fmt: skip
    assert (body["version"], body["status"], body["receiver"]) == ("4", "firing", "boss")
    assert body["groupKey"] == '{}:{incident="i1"}'
    assert body["groupLabels"] == {"incident": "i1"}
    assert body["commonLabels"] == {"class": "power", "incident": "i1", "site": "Munich"}
    assert body["commonAnnotations"]["reason"] == "first"
    assert body["externalURL"] == "http://127.0.0.1:8080/incidents/i1"
    root, mains, over = body["alerts"]
    assert root["labels"] == {
        "alertname": "ups-on-battery", "asset": "ups-a", "class": "power", "incident": "i1",
        "section": "Fire section 3", "severity": "critical", "site": "Munich",
    }  # fmt: skip
    assert root["annotations"]["response"] == "Get a source to the input."
    assert (root["startsAt"], root["endsAt"]) == ("2026-11-23T08:59:55.000Z", "0001-01-01T00:00:00Z")
    assert mains["annotations"] == {"summary": "mains lost", "description": "mains-a has run on battery for 5 s"}
    assert (over["status"], over["labels"]["index"]) == ("resolved", "2")


def test_a_resolved_incident_is_resolved_with_its_end() -> None:
    body = payload(decided("resolved"), "boss")
    assert body["alerts"][0]["status"] == "resolved"
    assert body["alerts"][0]["endsAt"] == "2026-11-23T09:01:00.000Z"


def test_an_incident_that_is_over_has_no_alert_that_still_fires() -> None:
    assert payload(decided("resolved"), "boss")["status"] == "resolved"


def test_a_task_fires_until_it_is_done() -> None:
    pager = Pager(config())
    opened = pager.step(task_happened(T0, "opened", task()), T0).notifications[0]
    done = pager.step(task_happened(T0 + 1, "done", task(state="done", closed=T0 + 1)), T0 + 1).notifications[0]
    assert payload(opened, "boss")["status"] == "firing"
    assert payload(done, "boss")["status"] == "resolved"
    assert payload(opened, "boss")["groupKey"] == payload(done, "boss")["groupKey"]


def test_a_bundle_holds_the_alerts_of_all() -> None:
    other = replace(decided(), key="other", incident="i2")
    body = payload(bundle(fold([decided(), other])).notification, "boss")
    assert {alert["labels"]["incident"] for alert in body["alerts"]} == {"i1", "i2"}
    assert len(body["alerts"]) == 6


def test_the_same_alert_has_the_same_fingerprint_whether_it_fires_or_is_over() -> None:
    firing, over = payload(decided(), "boss"), payload(decided("resolved"), "boss")
    assert [alert["fingerprint"] for alert in firing["alerts"]] == [alert["fingerprint"] for alert in over["alerts"]]


def test_fingerprints_depend_on_names_and_values_and_not_on_order() -> None:
    assert fingerprint({}) == "cbf29ce484222325"
    assert fingerprint({"a": "1", "b": "2"}) == fingerprint({"b": "2", "a": "1"})
    assert fingerprint({"ab": "c"}) != fingerprint({"a": "bc"})


def test_the_body_is_plain_json() -> None:
    assert json.loads(json.dumps(payload(decided(), "boss"))) == payload(decided(), "boss")
