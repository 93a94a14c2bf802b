"""What the loop says about faults that nobody caught."""

from __future__ import annotations

import asyncio
import logging

import pytest

from dcmon.loop import report_fault


class Connection(asyncio.Transport):
    """A connection that is there, or lost."""

    def __init__(self, lost: bool) -> None:
        super().__init__()
        self.lost = lost

    def is_closing(self) -> bool:
        return self.lost


@pytest.mark.parametrize(
    ("message", "fault", "lost", "loud"),
    [
        ("Fatal error on SSL protocol", RuntimeError("the handler is closed"), True, False),
        ("Fatal error on SSL protocol", RuntimeError("the handler is closed"), False, True),
        ("Fatal error on SSL protocol", ValueError("a fault of dcmon"), True, True),
        ("Task exception was never retrieved", RuntimeError("a fault of dcmon"), True, True),
    ],
)
async def test_only_tls_of_a_lost_connection_is_passed_over(
    caplog: pytest.LogCaptureFixture, message: str, fault: Exception, lost: bool, loud: bool
) -> None:
    with caplog.at_level(logging.WARNING):
        loop = asyncio.get_running_loop()
        report_fault(loop, {"message": message, "exception": fault, "transport": Connection(lost)})
    assert bool(caplog.records) is loud
