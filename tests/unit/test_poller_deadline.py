"""Deadlines on one timer: they end what is late, only that, and never hide a cancellation from outside."""

from __future__ import annotations

import asyncio

import pytest

from dcmon.collectors.deadline import Deadlines


async def test_each_block_ends_at_its_own_deadline_and_those_in_time_are_left_alone() -> None:
    loop = asyncio.get_running_loop()
    deadlines = Deadlines(0.05)
    ended: dict[int, float] = {}

    async def begin(place: int, lasting: float) -> str:
        await asyncio.sleep(place * 0.02)
        started = loop.time()
        try:
            with deadlines.begin():
                await asyncio.sleep(lasting)
        except TimeoutError:
            ended[place] = loop.time() - started
            return "late"
        return "in time"

    lasting = [1, 0.01, 1, 0.0, 1]
    outcomes = await asyncio.gather(*(begin(place, seconds) for place, seconds in enumerate(lasting)))
    assert outcomes == ["late", "in time", "late", "in time", "late"]
    assert all(0.045 <= seconds < 0.5 for seconds in ended.values())


async def test_a_task_goes_on_after_its_deadline_and_can_have_another() -> None:
    deadlines = Deadlines(0.01)
    for _ in range(3):
        with pytest.raises(TimeoutError), deadlines.begin():
            await asyncio.Event().wait()
        await asyncio.sleep(0)
    task = asyncio.current_task()
    assert task is not None
    assert task.cancelling() == 0


@pytest.mark.parametrize("expired_too", [False, True])
async def test_a_cancellation_from_outside_stays_one(expired_too: bool) -> None:
    deadlines = Deadlines(0.01 if expired_too else 10)

    async def work() -> None:
        with deadlines.begin():
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                asyncio.current_task().cancel()  # type: ignore[union-attr]
                raise

    task = asyncio.ensure_future(work())
    await asyncio.sleep(0)
    if not expired_too:
        task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_other_errors_pass_through() -> None:
    with pytest.raises(KeyError), Deadlines(1).begin():
        raise KeyError("x")
