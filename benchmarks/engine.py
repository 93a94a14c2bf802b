"""Readings judged per second, with the shipped rules and a site's usual noise. `python -m benchmarks engine`

The readings are those of the shipped site polled every 2 s: most repeat what was said before, analog values waver by a
few tenths, nothing is wrong. As in life, a batch is one poll of one device.
"""

from __future__ import annotations

import gc
import random
import sys
import time
import tracemalloc

from benchmarks.machine import cores, pin
from benchmarks.result import Result, middle, report
from benchmarks.sites import EXAMPLE
from dcmon.config.config import Config
from dcmon.config.loader import load
from dcmon.loop import spare_collector
from dcmon.model import Reading, Value
from dcmon.thresholds import Judge

START = 1_795_000_000_000
READINGS = 300_000
ROUNDS = 7
TARGET_PER_S = 300_000

_STEADY: dict[str, tuple[tuple[str, str | None, Value], ...]] = {
    "mains": (("mains.available", None, True),),
    "genset": (("engine.running", None, False), ("genset.alarm", None, False), ("genset.mode", None, "auto")),
    "transfer_switch": (("breaker.mains_closed", None, True), ("breaker.generator_closed", None, False)),
    "ups": (("ups.on_battery", None, False), ("output.source", None, "normal"), ("battery.status", None, "normal"),
            ("battery.replace", None, False), ("battery.time_on_battery", None, 0.0)),
    "pdu": (("outlets.on", None, 24),),
    "cooling_unit": (("cooling.ok", None, True), ("cooling.on", None, True)),
    "leak_unit": (("water.detected", "1", False), ("water.detected", "2", False)),
    "environment_unit": (("smoke.detected", "1", False),),
    "fire_panel": (("fire.alarm", "fs", False), ("fire.fault", "fs", False)),
    "uplink": (("if.oper", "xe", "up"), ("bgp.state", "peer", "established")),
}  # fmt: skip
_WAVERING: dict[str, tuple[tuple[str, str | None, float], ...]] = {
    "tank": (("fuel.level", None, 93.0),),
    "genset": (("starter_battery.voltage", None, 27.2), ("engine.coolant_temperature", None, 42.0)),
    "ups": (("output.load", None, 42.0), ("input.voltage", "1", 231.0), ("battery.charge", None, 100.0),
            ("battery.runtime", None, 1800.0), ("output.voltage", "1", 230.0)),
    "pdu": (("input.voltage", "1", 230.0), ("phase.current", "1", 11.0), ("pdu.power", None, 7200.0)),
    "cooling_unit": (("return_air.temperature", None, 24.0), ("supply_air.temperature", None, 17.0)),
    "environment_unit": (("temperature", "1", 22.0), ("humidity", "1", 45.0)),
    "uplink": (("if.out_rate", "xe", 3.1e8), ("if.in_rate", "xe", 2.2e8)),
}  # fmt: skip


def batches(config: Config, count: int) -> list[tuple[int, list[Reading]]]:
    """(now, batch) of polls in turn until there are `count` readings."""
    dice = random.Random(1)
    made, total, now = [], 0, START
    while total < count:
        for asset in config.site.assets:
            kind = asset.kind.value
            batch = [Reading(now, asset.id, "device.reachable", None, True)]
            batch += [Reading(now, asset.id, point, index, value) for point, index, value in _STEADY.get(kind, ())]
            batch += [
                Reading(now, asset.id, point, index, round(level * (1 + dice.gauss(0, 0.002)), 1))
                for point, index, level in _WAVERING.get(kind, ())
            ]
            made.append((now + 5, batch))
            total += len(batch)
        now += 2_000
    return made


def run(config: Config, polls: list[tuple[int, list[Reading]]]) -> float:
    """Readings per second of processor time."""
    judge = Judge(config, now=START)
    gc.collect()
    begun = time.process_time()
    for now, batch in polls:
        judge.step(batch, now)
    return sum(len(batch) for _, batch in polls) / (time.process_time() - begun)


def measure() -> Result:
    """The median of several rounds over the same readings."""
    pin(cores()[0])
    spare_collector()
    config = load(EXAMPLE)
    polls = batches(config, READINGS)
    rates = [run(config, polls) for _ in range(ROUNDS)]
    tracemalloc.start()
    judge = Judge(config, now=START)
    for now, batch in polls[: len(config.site.assets)]:
        judge.step(batch, now)
    kilobytes = tracemalloc.get_traced_memory()[0] / 1024
    rules = len(config.rules.rules)
    what = f"engine alone, {rules} shipped rules"
    return Result(
        [middle(what, rates, "readings/s", TARGET_PER_S, at_least=True, digits=0)],
        {"rules": rules, "readings": sum(len(batch) for _, batch in polls), "judge_kib": round(kilobytes)},
    )


if __name__ == "__main__":
    sys.exit(report("engine", measure))
