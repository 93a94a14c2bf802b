"""A storm of messages against the cap."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from dcmon.config.agent import Cap
from dcmon.notify.caps import free_slots, next_slot

MINUTE = 60_000
caps = st.builds(
    lambda messages, minutes: Cap.model_validate({"messages": messages, "window": f"{minutes}m"}),
    st.integers(2, 40),
    st.integers(1, 60),
)


@settings(max_examples=200)
@given(caps, st.lists(st.integers(0, 5 * MINUTE), max_size=150))
def test_no_window_ever_holds_more_than_the_cap_and_nothing_waits_longer_than_the_window(
    cap: Cap, pauses: list[int]
) -> None:
    sent: list[int] = []
    now = 0
    for pause in pauses:
        now += pause
        if free_slots(sent, now, cap):
            sent.append(now)
        else:
            slot = next_slot(sent, now, cap)
            assert now < slot <= now + cap.window
            assert free_slots(sent, slot, cap) >= 1
            assert free_slots(sent, slot - 1, cap) == 0
    for at in sent:
        assert sum(1 for other in sent if at <= other < at + cap.window) <= cap.messages


@given(caps)
def test_three_quarters_go_at_once_and_then_one_goes_each_part_of_the_window(cap: Cap) -> None:
    sent: list[int] = []
    while free_slots(sent, 0, cap):
        sent.append(0)
    reserve = max(1, cap.messages // 4)
    assert len(sent) == cap.messages - reserve
    assert next_slot(sent, 0, cap) == -(-cap.window // reserve)
