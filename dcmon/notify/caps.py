"""Storm caps: how many messages one person gets over one channel, and when the next may go. Pure.

A cap of n messages in a window is split: three quarters go out as they come, then the rest are spread over the window,
each carrying everything that has gathered. So a flood ends in a message every few minutes, never in silence until the
window is over, and no stretch as long as the window ever holds more than n.
"""

from __future__ import annotations

from collections.abc import Sequence

from dcmon.config.agent import Cap


def free_slots(sent: Sequence[int], now: int, cap: Cap) -> int:
    """How many messages may go at once at `now`; `sent`: when the earlier ones went (ms UTC, ascending)."""
    recent = _recent(sent, now, cap)
    burst = cap.messages - _reserve(cap)
    if len(recent) < burst:
        return min(burst - len(recent), cap.messages - len(recent))
    return 1 if next_slot(sent, now, cap) <= now else 0


def next_slot(sent: Sequence[int], now: int, cap: Cap) -> int:
    """When the next message may go, ms UTC: `now` unless too many went before."""
    recent = _recent(sent, now, cap)
    burst = cap.messages - _reserve(cap)
    if len(recent) < burst:
        return now
    slot = recent[-1] + -(-cap.window // _reserve(cap))
    if len(recent) >= cap.messages:
        slot = max(slot, recent[-cap.messages] + cap.window)
    return max(now, min(slot, recent[-burst] + cap.window))


def _reserve(cap: Cap) -> int:
    return max(1, cap.messages // 4)


def _recent(sent: Sequence[int], now: int, cap: Cap) -> list[int]:
    return [at for at in sent if now - cap.window < at <= now]
