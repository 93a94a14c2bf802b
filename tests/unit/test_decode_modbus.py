"""Registers become readings; reads are merged as far as the profile allows and split when the device refuses."""

from __future__ import annotations

from pathlib import Path

import pytest
from profile_snippets import HEAD, decode_modbus, said

from dcmon.collectors.collect import DeviceMemory, collect_modbus
from dcmon.collectors.decode_modbus import Block, assembler
from dcmon.collectors.plan import Plan, compile_plan, merge
from dcmon.collectors.profile import load_profiles
from dcmon.collectors.profile_model import Modbus
from dcmon.model import CollectError


def plan_of(folder: Path, body: str) -> Plan:
    (folder / "mine.yaml").write_text(HEAD + body)
    return compile_plan(load_profiles(folder)["mine"])


class Device:
    """Has some registers, lacks others, is silent or busy at some."""

    def __init__(self, values: dict[int, int], error: CollectError | None = None, at: int = -1) -> None:
        self.values = values
        self.error = error
        self.at = at
        self.reads: list[tuple[int, int]] = []

    async def read(self, function: int, address: int, count: int) -> list[int]:
        self.reads.append((address, count))
        if self.error is not None and address <= self.at < address + count:
            raise self.error
        if any(number not in self.values for number in range(address, address + count)):
            raise CollectError("exception", f"illegal_address for read {address}")
        return [self.values[number] for number in range(address, address + count)]


@pytest.mark.parametrize(
    ("kind", "order", "registers", "raw"),
    [
        ("u16", "big", (0xFFFE,), 0xFFFE),
        ("s16", "big", (0xFFFE,), -2),
        ("u32", "big", (1, 2), 0x10002),
        ("u32", "little", (1, 2), 0x20001),
        ("s32", "big", (0xFFFF, 0xFFFE), -2),
        ("s32", "little", (0xFFFE, 0xFFFF), -2),
        ("u64", "big", (1, 2, 3, 4), 0x0001000200030004),
        ("s64", "big", (0xFFFF, 0xFFFF, 0xFFFF, 0xFFFD), -3),
        ("f32", "big", (0x4366, 0x199A), 230.1),
        ("f32", "little", (0x199A, 0x4366), 230.1),
        ("f64", "big", (0x406C, 0xC333, 0x3333, 0x3333), 230.1),
        ("bits", "big", (0x8001, 0x0003), 4),
    ],
)
def test_type_and_word_order(kind: str, order: str, registers: tuple[int, ...], raw: float) -> None:
    assert assembler(kind, order)(registers) == raw


def test_alarm_nibbles_are_counted() -> None:
    count = assembler("nibbles", "big", frozenset((2, 3, 4)))
    assert count((0x1111, 0xFFFF, 0x0000)) == 0
    assert count((0x2131, 0x1114)) == 3


@pytest.mark.parametrize(
    ("modbus", "blocks"),
    [
        (Modbus(gap=0), [(10, 2), (13, 1), (30, 2)]),
        (Modbus(gap=1), [(10, 4), (30, 2)]),
        (Modbus(gap=20), [(10, 22)]),
        (Modbus(gap=20, most=10), [(10, 4), (30, 2)]),
        (Modbus(gap=20, never_across=((20, 20),)), [(10, 4), (30, 2)]),
        (Modbus(gap=20, never_across=((12, 12),)), [(10, 2), (13, 19)]),
        (Modbus(gap=20, separate=(13,)), [(10, 2), (13, 19)]),
    ],
)
def test_reads_are_merged_over_allowed_gaps_only(modbus: Modbus, blocks: list[tuple[int, int]]) -> None:
    values = [Block(3, 10, 2), Block(3, 13, 1), Block(3, 30, 2), Block(3, 10, 1)]
    assert [(block.address, block.count) for block in merge(values, modbus)] == blocks


def test_functions_are_never_merged() -> None:
    assert len(merge([Block(3, 1, 1), Block(4, 2, 1), Block(1, 3, 1)], Modbus())) == 3


BODY = """\
modbus: {gap: 10}
points:
  - {point: temperature, index: a, holding: 1, as: s16, scale: 0.1}
  - {point: temperature, index: b, holding: 4, as: s16, scale: 0.1}
  - {point: humidity, holding: 30, as: u16, required: true}
"""


async def test_block_that_lacks_a_register_is_read_one_by_one_and_that_is_kept(tmp_path: Path) -> None:
    plan = plan_of(tmp_path, BODY)
    device = Device({1: 215, 2: 0, 3: 0, 30: 44})
    memory = DeviceMemory()
    readings = await collect_modbus(device, plan, "all", "device", 0, memory)
    assert said(readings) == [("temperature", "a", 21.5), ("humidity", None, 44)]
    assert device.reads == [(1, 4), (1, 1), (4, 1), (30, 1)]
    device.reads.clear()
    assert await collect_modbus(device, plan, "all", "device", 0, memory) == readings
    assert device.reads == [(1, 1), (30, 1)]


async def test_required_register_that_the_device_lacks_is_bad(tmp_path: Path) -> None:
    readings = await collect_modbus(Device(dict.fromkeys(range(5), 0)), plan_of(tmp_path, BODY), "all", "device", 0)
    assert said(readings)[-1] == ("humidity", None, "absent")


@pytest.mark.parametrize("reason", ["timeout", "decode", "exception"])
async def test_later_read_that_fails_makes_its_points_bad_with_the_reason(tmp_path: Path, reason: str) -> None:
    device = Device(dict.fromkeys(range(40), 210), CollectError(reason, "server_busy"), at=30)
    readings = await collect_modbus(device, plan_of(tmp_path, BODY), "all", "device", 0)
    assert said(readings) == [("temperature", "a", 21.0), ("temperature", "b", 21.0), ("humidity", None, reason)]


async def test_first_read_that_fails_raises(tmp_path: Path) -> None:
    device = Device({}, CollectError("timeout"), at=1)
    with pytest.raises(CollectError, match="timeout"):
        await collect_modbus(device, plan_of(tmp_path, BODY), "all", "device", 0)


async def test_answer_that_is_too_short_is_no_value(tmp_path: Path) -> None:
    class Short(Device):
        async def read(self, function: int, address: int, count: int) -> list[int]:
            return [215]

    readings = await collect_modbus(Short({}), plan_of(tmp_path, BODY), "all", "device", 0)
    assert ("temperature", "a", "decode") in said(readings)


def gencomm(**registers: int) -> dict[tuple[int, int], int]:
    return {(3, int(name[1:])): value for name, value in registers.items()}


@pytest.mark.parametrize(
    ("registers", "available"),
    [
        (gencomm(r1060=0, r1061=2301), True),
        (gencomm(r1060=0, r1061=120), False),
        (gencomm(r1060=0xFFFF, r1061=0xFFFF, r2058=0x1111), True),
        (gencomm(r1060=0xFFFF, r1061=0xFFFF, r2058=0x1121), False),
        (gencomm(r1060=0xFFFF, r1061=0xFFFF, r2058=0x11F1), "sentinel"),
    ],
)
def test_gencomm_mains_come_from_the_voltage_and_else_from_the_alarm(
    registers: dict[tuple[int, int], int], available: object
) -> None:
    readings = decode_modbus(compile_plan(load_profiles()["dse_gencomm"]), "fast", registers, "genset", 0)
    assert ("mains.available", None, available) in said(readings)


@pytest.mark.parametrize(
    ("registers", "running"),
    [
        (gencomm(r1408=3), True),
        (gencomm(r1408=0), False),
        (gencomm(r1408=15, r1030=1500), True),
        (gencomm(r1030=0), False),
    ],
)
def test_gencomm_engine_runs_by_its_state_and_else_by_its_speed(
    registers: dict[tuple[int, int], int], running: bool
) -> None:
    readings = decode_modbus(compile_plan(load_profiles()["dse_gencomm"]), "fast", registers, "genset", 0)
    assert [one for one in said(readings) if one[0] == "engine.running"] == [("engine.running", None, running)]


def test_gencomm_generator_breaker_is_derived_from_the_load_it_carries() -> None:
    plan = compile_plan(load_profiles()["dse_gencomm"])
    for watts, closed in ((0, False), (40_000, True)):
        registers = {(3, 1536): watts >> 16, (3, 1537): watts & 0xFFFF}
        assert ("breaker.generator_closed", None, closed) in said(decode_modbus(plan, "fast", registers, "g", 0))


async def test_device_that_lacks_a_value_which_another_one_lies_in_is_read_to_the_end(tmp_path: Path) -> None:
    body = """\
points:
  - {point: mains.voltage, index: "1", holding: 60, as: u32}
  - {point: genset.alarm, holding: 60, as: u16, bit: 4}
"""
    device, memory = Device({60: 16}), DeviceMemory()
    for _ in range(2):
        readings = await collect_modbus(device, plan_of(tmp_path, body), "all", "device", 0, memory)
        assert said(readings) == [("genset.alarm", None, True)]
    assert device.reads == [(60, 2), (60, 1), (60, 1)]
