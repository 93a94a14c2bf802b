"""Messages in the language of whoever reads them: the words of rules, where the rule has them. Pure.

Facts are kept in the rule's own words with the German ones beside, so a message that is sent an hour late says what was
true when it was decided, in the reader's language.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dcmon.config.rules import Rule

_WORDS = ("title", "cause", "consequence", "response")


def german(rule: Rule | None) -> dict[str, str]:
    """The German words that the rule has."""
    return {} if rule is None else {name: text for name in _WORDS if (text := getattr(rule.de, name))}


def translate(facts: Mapping[str, Any], subject: str, language: str) -> tuple[dict[str, Any], str]:
    """Facts and subject in `language`; whatever has no German words stays as it is."""
    if language != "de":
        return dict(facts), subject
    alarms = [_in_german(alarm) for alarm in facts.get("alarms", ())]
    found = {**facts, **{name: text for name, text in facts.get("de", {}).items() if name != "title"}, "alarms": alarms}
    for item in (facts, *facts.get("alarms", ())):
        title, name = item.get("de", {}).get("title"), item.get("asset_name")
        plain = item.get("rule_title", item.get("title"))
        if title and plain and subject in (plain, f"{name}: {plain}"):
            return found, title if name and name in title else f"{name}: {title}"
    return found, subject


def _in_german(alarm: Mapping[str, Any]) -> dict[str, Any]:
    return {**alarm, **alarm.get("de", {})}
