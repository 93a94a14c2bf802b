"""The page's own words, German and English. Titles and reasons come from the configuration and stay as they are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

LANGUAGES: Final = ("en", "de")

_WORDS: Final[dict[str, tuple[str, str]]] = {
    # the state of the site in one word
    "state.normal": ("NORMAL", "NORMAL"),
    "state.attention": ("ATTENTION", "ACHTUNG"),
    "state.alarm": ("ALARM", "ALARM"),
    "state.outage": ("OUTAGE", "AUSFALL"),
    "state.unknown": ("UNKNOWN", "UNBEKANNT"),
    "sentence.normal": ("Everything works. {devices} devices answer.", "Alles läuft. {devices} Geräte antworten."),
    "sentence.start": ("dcmon has just started and has no readings yet.", "dcmon startet gerade, noch ohne Messwerte."),
    "sentence.blind": (
        "No reading since {when}: nothing below can be trusted.",
        "Kein Messwert seit {when}: nichts darunter ist verlässlich.",
    ),
    "sentence.silent": (
        "No alarm, but {count} of {devices} devices do not answer.",
        "Kein Alarm, aber {count} von {devices} Geräten antworten nicht.",
    ),
    "sentence.muted": (
        "No incident, but {count} active alarms tell nobody: planned work, or shelved.",
        "Kein Vorfall, aber {count} aktive Alarme sind stumm: geplante Arbeiten oder zurückgestellt.",
    ),
    "sentence.overdue": ("No alarm, but a task is overdue: {title}.", "Kein Alarm, aber überfällig: {title}."),
    "sentence.unacknowledged": ("Nobody has acknowledged yet.", "Noch nicht quittiert."),
    "sentence.held": ("{person} is on it.", "{person} kümmert sich."),
    "sentence.more": ("{count} more open.", "{count} weitere offen."),
    "sentence.indicator": ("{title} is down.", "{title}: ausgefallen."),
    # severities and verdicts
    "severity.critical": ("critical", "kritisch"),
    "severity.warning": ("warning", "Warnung"),
    "severity.info": ("notice", "Hinweis"),
    "verdict.met": ("met", "erfüllt"),
    "verdict.breached": ("breached", "verletzt"),
    "verdict.unproven": ("unproven", "nicht belegt"),
    "availability.up": ("up", "verfügbar"),
    "availability.down": ("down", "ausgefallen"),
    "availability.unknown": ("unknown", "unbekannt"),
    # headings
    "incidents": ("Incidents", "Vorfälle"),
    "incidents.none": ("No open incident", "Kein offener Vorfall"),
    "incidents.recent": ("Closed lately", "Zuletzt behoben"),
    "incidents.more": ("{count} more in the list", "{count} weitere in der Liste"),
    "incidents.all": ("All incidents", "Alle Vorfälle"),
    "incidents.open": ("Open", "Offen"),
    "incidents.closed": ("Closed", "Abgeschlossen"),
    "incidents.closed_none": ("None so far", "Bisher keine"),
    "power": ("Power", "Strom"),
    "fuel": ("Fuel", "Diesel"),
    "cooling": ("Cooling", "Kühlung"),
    "uplinks": ("Uplinks", "Uplinks"),
    "sections": ("Fire sections", "Brandabschnitte"),
    "clocks": ("Fault clocks", "Entstörfristen"),
    "tasks": ("Tasks", "Aufgaben"),
    "planned": ("Planned work", "Geplant"),
    "silent": ("Silent devices", "Stumme Geräte"),
    "promises": ("Availability", "Verfügbarkeit"),
    "duty": ("On duty", "Bereitschaft"),
    "none": ("none", "keine"),
    "more": ("+{count} more", "+{count} weitere"),
    # incidents
    "began": ("began", "Beginn"),
    "since": ("since", "seit"),
    "acknowledge": ("Acknowledge", "Quittieren"),
    "acknowledged": ("acknowledged by {person}", "quittiert von {person}"),
    "unacknowledged": ("not acknowledged", "nicht quittiert"),
    "joined": ("{count} alarms", "{count} Alarme"),
    "not_paging": ("pages nobody", "ruft niemanden"),
    "your_name": ("Your name", "Ihr Name"),
    "cancel": ("Cancel", "Abbrechen"),
    "ack.hint": (
        "Stops the escalation: you take care of it. Everybody sees your name.",
        "Hält die Eskalation an: Sie kümmern sich. Ihr Name steht für alle da.",
    ),
    "new_incident": ("New incident", "Neuer Vorfall"),
    # connection
    "live": ("live", "live"),
    "updated": ("Newest reading", "Neuester Messwert"),
    "lost.title": ("Connection to dcmon lost", "Verbindung zu dcmon verloren"),
    "lost.text": (
        "What you see is old. It stood still at",
        "Was Sie sehen, ist alt. Stillstand um",
    ),
    "lost.retry": ("Trying again by itself.", "Neuer Versuch läuft von selbst."),
    "noscript": (
        "This page needs JavaScript to stay live. What you see is the moment of loading.",
        "Diese Seite braucht JavaScript, um aktuell zu bleiben. Sie zeigt den Augenblick des Ladens.",
    ),
    # power chain
    "node.unknown": ("unknown", "unbekannt"),
    "node.alive": ("live", "Spannung"),
    "node.dead": ("DEAD", "SPANNUNGSLOS"),
    "mains.present": ("present", "vorhanden"),
    "mains.lost": ("LOST", "FEHLT"),
    "genset.standby": ("standby", "bereit"),
    "genset.running": ("running", "läuft"),
    "genset.carries": ("CARRIES LOAD", "TRÄGT LAST"),
    "genset.missing": ("NOT RUNNING", "LÄUFT NICHT"),
    "genset.not_auto": ("NOT AUTOMATIC", "NICHT AUTOMATIK"),
    "switch.mains": ("on mains", "auf Netz"),
    "switch.genset": ("ON GENERATOR", "AUF AGGREGAT"),
    "switch.open": ("OPEN", "OFFEN"),
    "switch.both": ("both closed", "beide zu"),
    "ups.normal": ("normal", "Normalbetrieb"),
    "ups.battery": ("ON BATTERY", "AUF BATTERIE"),
    "ups.bypass": ("ON BYPASS", "BYPASS"),
    "ups.none": ("OUTPUT DEAD", "AUSGANG TOT"),
    "ups.other": ("other source", "andere Quelle"),
    "battery": ("battery", "Batterie"),
    "load": ("load", "Last"),
    # fuel
    "fuel.full_load": ("at full load", "bei Volllast"),
    "fuel.without_largest": ("without the largest", "ohne den größten"),
    "fuel.now": ("at the present load", "bei jetziger Last"),
    "fuel.promise": ("promised 24 h, mark 75 %", "Zusage 24 h, Marke 75 %"),
    # cooling, uplinks, sections
    "able": ("{able} of {total} able, {needed} needed", "{able} von {total} einsatzfähig, {needed} nötig"),
    "able.others": ("others: {able} of {total} able", "übrige: {able} von {total} einsatzfähig"),
    "unit.ok": ("able", "bereit"),
    "unit.failed": ("FAILED", "GESTÖRT"),
    "unit.off": ("off", "aus"),
    "of": ("{count} of {total}", "{count} von {total}"),
    "link.up": ("up", "aktiv"),
    "link.down": ("DOWN", "DOWN"),
    "link.bgp": ("BGP {state}", "BGP {state}"),
    "capacity": ("{up} of {total}, {committed} committed", "{up} von {total}, zugesagt {committed}"),
    "section.quiet": ("quiet", "ruhig"),
    "section.all_quiet": ("{what} quiet", "{what} ruhig"),
    "section.unwatched": ("not watched", "nicht überwacht"),
    "section.fire": ("Fire", "Brand"),
    "section.water": ("Water", "Wasser"),
    "section.shell": ("Shell", "Gebäude"),
    "section.inlet": ("Inlet", "Zuluft"),
    "fire.alarm": ("FIRE ALARM", "FEUERALARM"),
    "fire.released": ("GAS RELEASED", "LÖSCHUNG AUSGELÖST"),
    "fire.smoke": ("SMOKE", "RAUCH"),
    "fire.pre_alarm": ("PRE-ALARM", "VORALARM"),
    "fire.fault": ("system fault", "Anlage gestört"),
    "fire.disabled": ("switched off", "abgeschaltet"),
    "fire.extraction": ("smoke extraction", "Entrauchung läuft"),
    "water.wet": ("WATER", "WASSER"),
    "shell.glass": ("GLASS BROKEN", "GLASBRUCH"),
    "shell.intrusion": ("EXIT OPENED", "NOTAUSGANG OFFEN"),
    "fire.not_primary": ("not the primary fire path", "nicht der primäre Meldeweg"),
    # clocks, tasks, devices, promises
    "clock.of": ("{elapsed} of {limit}", "{elapsed} von {limit}"),
    "clock.running": ("running", "läuft"),
    "clock.breached": ("OVERRUN", "ABGELAUFEN"),
    "task.open": ("open", "offen"),
    "task.overdue": ("OVERDUE", "ÜBERFÄLLIG"),
    "task.done": ("done", "erledigt"),
    "due": ("due", "fällig"),
    "planned.maintenance": ("Maintenance", "Wartung"),
    "planned.drill": ("Drill", "Übung"),
    "planned.until": ("until", "bis"),
    "planned.from": ("from", "ab"),
    "planned.muted": ("MUTED", "STUMM"),
    "planned.late": ("late notice", "zu spät"),
    "never": ("never heard", "nie gehört"),
    "stale_points": ("{count} points too old", "{count} Punkte veraltet"),
    "target": ("target", "Ziel"),
    "measured": ("measured", "gemessen"),
    "worst": ("worst case", "schlechtester Fall"),
    "coverage": ("coverage", "Abdeckung"),
    # incident page
    "back": ("Back to the wall", "Zur Übersicht"),
    "incident": ("Incident", "Vorfall"),
    "incident.open": ("open", "offen"),
    "incident.resolved": ("resolved", "behoben"),
    "incident.merged": ("merged", "zusammengeführt"),
    "merged_into": ("goes on in {incident}", "geht weiter in {incident}"),
    "reopened": ("reopened {count} times", "{count}-mal wieder geöffnet"),
    "place": ("Place", "Ort"),
    "section": ("Fire section", "Brandabschnitt"),
    "class": ("Class", "Gewerk"),
    "opened": ("Noticed", "Bemerkt"),
    "resolved": ("Resolved", "Behoben"),
    "duration": ("Duration", "Dauer"),
    "tom": ("Promises", "Zusagen"),
    "cause": ("Likely cause", "Wahrscheinliche Ursache"),
    "consequence": ("Consequence", "Folge"),
    "response": ("What to do", "Was zu tun ist"),
    "timeline": ("Timeline", "Verlauf"),
    "alarms": ("Alarms of this incident", "Alarme dieses Vorfalls"),
    "curves": ("Measured", "Messwerte"),
    "curves.none": ("No samples of the main points in this time.", "Keine Messwerte der Hauptpunkte in dieser Zeit."),
    "alarm.active": ("active", "aktiv"),
    "alarm.pending": ("pending", "verzögert"),
    "alarm.returned": ("returned", "gegangen"),
    "alarm.normal": ("normal", "normal"),
    # states of the journal's transitions
    "entry.active": ("active", "aktiv"),
    "entry.pending": ("pending", "verzögert"),
    "entry.returned": ("returned", "gegangen"),
    "entry.normal": ("normal", "normal"),
    "entry.opened": ("opened", "eröffnet"),
    "entry.joined": ("alarm joined", "Alarm kommt dazu"),
    "entry.raised": ("raised", "verschärft"),
    "entry.worsened": ("worsened", "verschlimmert"),
    "entry.remains": ("outlasts its cause", "dauert an"),
    "entry.rerooted": ("other cause", "andere Ursache"),
    "entry.acknowledged": ("acknowledged", "quittiert"),
    "entry.resolved": ("resolved", "behoben"),
    "entry.reopened": ("reopened", "wieder geöffnet"),
    "entry.merged": ("merged", "zusammengeführt"),
    "entry.queued": ("told", "benachrichtigt"),
    "entry.started": ("clock started", "Frist läuft"),
    "entry.warned": ("limit is near", "Frist wird knapp"),
    "entry.breached": ("limit exceeded", "Frist überschritten"),
    "entry.stopped": ("clock stopped", "Frist angehalten"),
    "entry.overdue": ("overdue", "überfällig"),
    "entry.done": ("done", "erledigt"),
    "entry.lost": ("silent", "verstummt"),
    "entry.found": ("answers again", "antwortet wieder"),
    # classes of alarms
    "class.power": ("power", "Strom"),
    "class.fuel": ("fuel", "Diesel"),
    "class.cooling": ("cooling", "Kühlung"),
    "class.water": ("water", "Wasser"),
    "class.fire": ("fire", "Brand"),
    "class.security": ("security", "Sicherheit"),
    "class.network": ("network", "Netzwerk"),
    "class.environment": ("environment", "Raumklima"),
    "class.monitoring": ("monitoring", "Überwachung"),
    "delivery": ("to {person} by {channel}", "an {person} über {channel}"),
    "delivery.sent": ("delivered", "zugestellt"),
    "delivery.failed": ("not delivered", "nicht zugestellt"),
    "delivery.unknown": ("maybe delivered", "Zustellung ungewiss"),
    "operations.services": ("Services", "Dienste"),
    "operations.backups": ("Backups", "Backups"),
    "operations.duties": ("Duties", "Pflichten"),
    "operations.overdue": ("{count} overdue", "{count} überfällig"),
    "operations.in_time": ("in time", "im Plan"),
    "timeline.cut": ("Only the newest {count} entries.", "Nur die neuesten {count} Einträge."),
    "not_found": ("There is no such page", "Diese Seite gibt es nicht"),
    "not_found.hint": ("Everything starts at the wall page.", "Alles beginnt auf der Übersicht."),
}


_ONE: Final[dict[str, tuple[str, str]]] = {
    "sentence.normal": ("Everything works. {devices} device answers.", "Alles läuft. {devices} Gerät antwortet."),
    "sentence.silent": (
        "No alarm, but {count} of {devices} devices does not answer.",
        "Kein Alarm, aber {count} von {devices} Geräten antwortet nicht.",
    ),
    "sentence.muted": (
        "No incident, but {count} active alarm tells nobody: planned work, or shelved.",
        "Kein Vorfall, aber {count} aktiver Alarm ist stumm: geplante Arbeiten oder zurückgestellt.",
    ),
    "sentence.more": ("{count} more open.", "{count} weiterer offen."),
    "incidents.more": ("{count} more in the list", "{count} weiterer in der Liste"),
    "joined": ("{count} alarm", "{count} Alarm"),
    "stale_points": ("{count} point too old", "{count} Punkt veraltet"),
    "reopened": ("reopened {count} time", "{count}-mal wieder geöffnet"),
}
"""The words where the first fact that is given is 1."""


class Words:
    """The words of one language: `words("able", able=3, total=4, needed=2)`. `more` adds or replaces words."""

    def __init__(self, lang: str, more: Mapping[str, tuple[str, str]] | None = None) -> None:
        self.lang = lang if lang in LANGUAGES else "en"
        self._column = LANGUAGES.index(self.lang)
        self._words = {**_WORDS, **more} if more else _WORDS

    def __call__(self, key: str, /, **facts: object) -> str:
        one = key in _ONE and next(iter(facts.values()), None) == 1
        text = (_ONE if one else self._words)[key][self._column]
        return text.format(**facts) if facts else text

    def known(self, key: str, default: str) -> str:
        """The word of a key that another room made up; `default` when the page has none for it."""
        found = self._words.get(key)
        return found[self._column] if found else default


def choose_language(asked: str | None, accepted: str) -> str:
    """`?lang=` first, then Accept-Language by its weights, English when neither names one that we have."""
    if asked in LANGUAGES:
        return asked
    best, weight = "en", 0.0
    for part in accepted.split(","):
        tag, _, parameters = part.partition(";")
        lang = tag.strip().lower().split("-")[0]
        quality = _quality(parameters)
        if lang in LANGUAGES and quality > weight:
            best, weight = lang, quality
    return best


def _quality(parameters: str) -> float:
    name, _, value = parameters.strip().partition("=")
    if name.strip() != "q":
        return 1.0
    try:
        return float(value)
    except ValueError:
        return 0.0
