"""A clock that is set is told from one that runs."""

from __future__ import annotations

import pytest
from engine_world import SILENT, World, at, config

from dcmon.thresholds import StepDetector


@pytest.mark.parametrize("delta", [-3600, 3600, -6, 6])
def test_a_step_of_the_wall_clock_is_noticed_once(delta: int) -> None:
    detector = StepDetector()
    assert [detector.check(at(second), 50.0 + second) for second in (0, 2, 600)] == [0, 0, 0]
    assert detector.check(at(602 + delta), 652.0) == delta * 1000
    assert detector.check(at(604 + delta), 654.0) == 0


def test_a_clock_that_is_corrected_slowly_was_not_set() -> None:
    detector = StepDetector()
    assert {detector.check(at(second * 1.01), float(second)) for second in range(0, 3600, 60)} == {0}


def test_a_step_forward_makes_no_device_silent_when_the_engine_is_told() -> None:
    world, detector = World(config(SILENT), live=True), StepDetector()
    devices = [(f"{device}/device.reachable", True) for device in world.config.collectors.devices]
    for real in range(0, 120, 10):
        wall = real + (3600 if real >= 60 else 0)
        if delta := detector.check(at(wall), float(real)):
            world.all.extend(world.judge.clock_set(delta, at(wall)))
        world.wait(wall)
        world.see(wall, *devices)
    assert world.incidents() == []
