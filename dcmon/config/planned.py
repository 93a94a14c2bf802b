"""What planned work gives rise to: maintenance announced too late, alarms that a drill expected in vain."""

from __future__ import annotations

from typing import Literal

from dcmon.config.base_rule import BaseRule


class PlannedRule(BaseRule):
    """What planned work gives rise to; it need not be written, and is told of by its own incident."""

    kind: Literal["planned"] = "planned"


LATE_NOTICE = PlannedRule.model_validate({
    "id": "late-notice", "class": "monitoring", "severity": "warning", "page": False, "tom": ["T25"],
    "title": "maintenance was announced too late",
    "cause": "A window of class low or high was entered, or moved, less than 28 days before its start.",
    "consequence": "The promise of four weeks' notice is broken, and the window counts in the availability figures.",
    "response": "Move the window, or put on record why it could not wait.",
    "de": {
        "title": "Wartung zu spät angekündigt",
        "cause": "Ein Fenster der Klasse gering oder hoch wurde keine 28 Tage vor Beginn eingetragen oder verlegt.",
        "consequence": "Die Zusage von vier Wochen Vorlauf ist verletzt, und das Fenster zählt mit.",
        "response": "Das Fenster verlegen oder festhalten, warum es nicht warten konnte.",
    },
})  # fmt: skip
DRILL_MISSING = PlannedRule.model_validate({
    "id": "drill-missing", "class": "monitoring", "severity": "critical", "tom": ["T18"],
    "title": "missing in the drill",
    "cause": "The fault was not brought about, a device does not see it, or dcmon does not read it.",
    "consequence": "In earnest nobody would be told.",
    "response": "Tell whoever leads the drill. Find out whether the device saw it; acknowledge to take note.",
    "de": {
        "title": "bei der Übung ausgeblieben",
        "cause": "Der Fehler wurde nicht herbeigeführt, ein Gerät sieht ihn nicht, oder dcmon liest ihn nicht.",
        "consequence": "Im Ernstfall würde niemand benachrichtigt.",
        "response": "Die Übungsleitung verständigen. Klären, ob das Gerät es gesehen hat; quittieren heißt: bekannt.",
    },
})  # fmt: skip
