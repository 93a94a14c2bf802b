"""Whether dcmon itself works: what /healthz answers."""

from __future__ import annotations

from dcmon.web.plan import Plan
from dcmon.web.state import SiteState
from dcmon.web.text import span

LOOP_LAG_S = 2.0
"""A loop that is later than this cannot keep a two-second poll."""


def troubles(state: SiteState, plan: Plan) -> list[str]:
    """Why dcmon is not well, in sentences; empty when it is. That the answer comes at all shows that the loop turns."""
    now = state.clock.now()
    found = []
    allowed = quiet_limit(plan)
    heard = state.last_poll if state.last_poll is not None else state.started
    if now - heard > allowed:
        since = "has ended since the start" if state.last_poll is None else "has ended"
        found.append(f"no poll {since} for {span(now - heard)} (limit {span(allowed)}): the collectors stand still")
    if state.journal_error is not None:
        found.append(f"the journal takes no rows: {state.journal_error}")
    lag = state.gauges.get("loop_lag", 0.0)
    if lag > LOOP_LAG_S:
        found.append(f"the event loop is {lag:.1f} s late: the machine is overloaded")
    return found


def quiet_limit(plan: Plan) -> int:
    """Milliseconds without the end of any poll, answered or not, after which the collectors are taken for dead."""
    polling = plan.config.agent.polling
    return 3 * max(polling.fast, polling.slow) + polling.deadline + polling.max_back_off
