"""What of many transitions is one piece of news: people are told once of what happened at one instant. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from dcmon.config.rules import Rule
from dcmon.model import FaultClock, Severity, Transition

_PAGING_STATES: Final = frozenset({"opened", "raised", "reopened"})
_MOST_TITLES = 3


def gravest_severities(transitions: Sequence[Transition]) -> Mapping[tuple[str, int], Severity]:
    """The gravest severity that each incident was opened, raised or reopened with at one instant: one page, not two."""
    found: dict[tuple[str, int], Severity] = {}
    for transition in transitions:
        if transition.type == "incident" and transition.state in _PAGING_STATES and transition.severity is not None:
            key = (transition.subject, transition.ts)
            found[key] = max(found.get(key, transition.severity), transition.severity, key=lambda level: level.rank)
    return found


def gravest_only(transitions: Sequence[Transition], rule_of: Callable[[str], Rule | None]) -> Sequence[Transition]:
    """The same, but what makes an incident worse at one instant, for people of one trade, is one transition.

    Its title names what is gravest, by twos and threes too: `Generator A: ...; Generator B: ...`.
    """
    worse: dict[tuple[str, int, str | None], list[Transition]] = {}
    ranks: dict[int, int] = {}
    for transition in transitions:
        if transition.type == "incident" and transition.state == "worsened":
            rule = rule_of(transition.rule or "")
            ranks[id(transition)] = -1 if rule is None else rule.severity.rank
            trade = None if rule is None else rule.cls.value
            worse.setdefault((transition.subject, transition.ts, trade), []).append(transition)
    instead: dict[int, Transition | None] = {}
    for together in worse.values():
        highest = max(ranks[id(one)] for one in together)
        gravest = [one for one in together if ranks[id(one)] == highest]
        titles = list(dict.fromkeys(str(one.data.get("title", one.reason)) for one in gravest))
        more = f" (+{len(titles) - _MOST_TITLES})" if len(titles) > _MOST_TITLES else ""
        instead |= dict.fromkeys(map(id, together))
        title = "; ".join(titles[:_MOST_TITLES]) + more
        instead[id(gravest[0])] = gravest[0]._replace(data={**gravest[0].data, "title": title})
    if not instead:
        return transitions
    kept = (instead.get(id(transition), transition) for transition in transitions)
    return [transition for transition in kept if transition is not None]


def percent_used(transition: Transition, clock: FaultClock) -> int:
    """How much of the time that a fault may last is used up, by a transition of its clock."""
    if transition.state == "breached":
        return 100
    return int(transition.data.get("percent") or max(clock.warned, default=0))
