"""Public register maps, served by pymodbus with a value of its own in every register."""

from __future__ import annotations

import os
import struct
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import yaml
from pymodbus.constants import ExcCodes
from pymodbus.framer import FramerType
from pymodbus.server import ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice

from dcmon.clock import SystemClock
from dcmon.collectors.collect import collect_modbus
from dcmon.collectors.decode_modbus import FUNCTION_NAMES
from dcmon.collectors.modbus import Endpoint, ModbusBus, UnitSession
from dcmon.collectors.plan import compile_plan
from dcmon.collectors.profile import load_profiles
from dcmon.model import Reading

FOLDER = Path(os.environ.get("DCMON_MODBUS_MAPS", "/nonexistent"))
PROFILES = load_profiles()
PROFILE_OF = {
    "apc_smartups_modbus": "apc_smartups_modbus",
    "caterpillar_powerwizard21": "caterpillar_powerwizard",
    "chloride_manageups": "chloride_manageups",
    "deif_agc150": "deif_agc150",
    "dse_gencomm": "dse_gencomm",
    "dynagen_gsc400": "dynagen_gsc400",
    "eastron_sdm630": "eastron_sdm630",
    "liebert_crv_intellislot": "liebert_crv",
    "liebert_dcd": "liebert_dcd",
    "liebert_pex_ds_intellislot": "liebert_pex",
    "mebay_dcxx": "mebay_dcxx",
    "rle_seahawk_10k": "rle_seahawk_10k",
    "schneider_iem3000": "schneider_iem3000",
    "smartgen_hgm4000": "smartgen_hgm4000",
    "tripplite_modbuscard": "tripplite_modbuscard",
}
UNIT = 7

Image = dict[tuple[int, int], int]
"""(function, address on the wire) -> register, or 0 and 1 for coils."""

_SI = {
    "kW": 1000,
    "kWh": 1000,
    "min": 60,
    "Pa": Fraction(1, 1000),
    "mOhm/ft": Fraction(1, 1000),
    "uA": Fraction(1, 10**6),
}
_ROOM = {"u16": 1, "s16": 1, "u32": 2, "s32": 2, "f32": 2, "u64": 4, "s64": 4}


@dataclass(frozen=True)
class Point:
    """One row of a map. `address` is None where the map has no number for it."""

    key: str
    function: int
    address: int | None
    type: str
    scale: Fraction
    offset: Fraction
    unit: str
    order: str
    words: Mapping[int, str]
    bits: tuple[int, ...]
    assumed: bool

    @property
    def source(self) -> str:
        return f"{FUNCTION_NAMES[self.function]} {self.address}"

    @property
    def numeric(self) -> bool:
        word = self.words or self.bits or self.key.endswith("_on") or self.key == "us_units"
        return self.type in _ROOM and not word


def points_of(name: str) -> list[Point]:
    """Every point of a map."""
    data = yaml.safe_load((FOLDER / f"{name}.yaml").read_text())
    return [_point(data, row) for row in data["points"]]


def _point(data: dict[str, Any], row: dict[str, Any]) -> Point:
    order = str(row.get("word_order", data.get("word_order_32bit", "big")))
    kind = str(row["type"])
    bit = (int(kind[3:]),) if kind.startswith("bit") and kind[3:].isdigit() else ()
    return Point(
        key=row["key"],
        function=row["function"],
        address=row["address"] if isinstance(row["address"], int) else None,
        type=kind,
        scale=_fraction(row.get("scale", 1)),
        offset=Fraction(0) if "page" in row else _fraction(row.get("offset", 0)),
        unit=row.get("unit", ""),
        order="little" if order.startswith(("little", "swapped")) else "big",
        words=row.get("enum", {}),
        bits=(*row.get("bits", {}), *bit),
        assumed="assumed" in str(row.get("status", "")),
    )


def _fraction(text: Any) -> Fraction:
    text = str(text)
    return Fraction(2) ** int(text[2:]) if text.startswith("2^") else Fraction(text)


def raw_value(point: Point, number: int) -> float:
    """A raw value of its own for each point; one that comes out wrong when a sign, a type or an order is mistaken."""
    match point.type:
        case "f32":
            return 1000.5 + 8.25 * number
        case "s16":
            return 6400 + number if point.key == "efficiency_percent" else -300 - 7 * number
        case "u16":
            return 33000 + 17 * number
        case "s32":
            return -(0x00010203 + 0x00010007 * number)
        case "u32":
            return 0x80010203 + 0x00010007 * number
        case _:
            return -(0x0001000200030004 + 0x0001000100010007 * number)


def registers_of(point: Point, raw: float) -> list[int]:
    """The registers that say `raw`, in the order of the wire."""
    count = _ROOM[point.type]
    if point.type == "f32":
        content = struct.pack(">f", raw)
    else:
        content = int(raw).to_bytes(count * 2, "big", signed=point.type.startswith("s"))
    registers = [int.from_bytes(content[at : at + 2], "big") for at in range(0, count * 2, 2)]
    return registers if point.order == "big" else registers[::-1]


def put(image: Image, point: Point, raw: float) -> None:
    """Writes the raw value of a point."""
    assert point.address is not None
    for offset, register in enumerate(registers_of(point, raw)):
        image[point.function, point.address + offset] = register


def said(point: Point, raw: float) -> Fraction:
    """What the map says that the raw value means, in the unit of the vocabulary."""
    value = (Fraction(raw) * point.scale + point.offset) * _SI.get(point.unit, 1)
    return value / 3600 if point.key == "engine_run_seconds" else value


def numbers(name: str) -> tuple[Image, list[tuple[Point, Fraction]]]:
    """An image with a value of its own for every number of the map, and what each must come out as."""
    image: Image = {}
    expected = []
    for number, point in enumerate(points_of(name)):
        if point.numeric and point.address is not None:
            raw = raw_value(point, number)
            put(image, point, raw)
            expected.append((point, said(point, raw)))
    return image, expected


def filled(name: str, image: Image) -> Image:
    """The image with 0 in every register of the map that it does not have."""
    whole: Image = {}
    for point in points_of(name):
        if point.address is None:
            continue
        room = {"bits": 10, "nibbles": 25}.get(point.type, _ROOM.get(point.type, 1))
        whole |= {(point.function, point.address + offset): 0 for offset in range(room)}
    return whole | image


def _table(image: Image, function: int) -> list[SimData]:
    """The registers of one function; what is not in the image is refused by the server."""
    kind = DataType.BITS if function < 3 else DataType.REGISTERS
    runs: list[list[int]] = []
    addresses = sorted(address for one, address in image if one == function)
    for address in addresses:
        if runs and address == runs[-1][-1] + 1:
            runs[-1].append(address)
        else:
            runs.append([address])
    data = [
        SimData(
            run[0], values=[bool(v) if function < 3 else v for v in (image[function, a] for a in run)], datatype=kind
        )
        for run in runs
    ]
    return data or [SimData(65535, values=[False if function < 3 else 0], datatype=kind)]


@asynccontextmanager
async def served(image: Image, failing: Iterable[tuple[int, int]] = ()) -> AsyncIterator[Endpoint]:
    """A real server with exactly these registers; reads that touch one of `failing` end in a device failure."""
    broken = frozenset(failing)

    async def act(
        function: int, start: int, address: int, count: int, registers: list[int], values: list[int] | list[bool] | None
    ) -> ExcCodes | None:
        del start, registers
        assert values is None, "something was written"
        touched = {(function, number) for number in range(address, address + count)}
        return ExcCodes.DEVICE_FAILURE if touched & broken else None

    tables = tuple(_table(image, function) for function in (1, 2, 3, 4))
    device = SimDevice(id=UNIT, simdata=tables, action=act)
    server = ModbusTcpServer(device, framer=FramerType.SOCKET, address=("127.0.0.1", 0))
    await server.listen()
    try:
        port = server.transport.sockets[0].getsockname()[1]  # type: ignore[attr-defined]
        yield Endpoint(host="127.0.0.1", port=port, framing="tcp")
    finally:
        await server.shutdown()


async def poll(name: str, image: Image, failing: Iterable[tuple[int, int]] = ()) -> list[Reading]:
    """What the profile of a map reads from the server."""
    async with served(image, failing) as endpoint:
        bus = ModbusBus(endpoint, SystemClock(), timeout_s=2.0)
        try:
            plan = compile_plan(PROFILES[PROFILE_OF[name]])
            return await collect_modbus(UnitSession(bus, UNIT), plan, "all", "device", 0)
        finally:
            await bus.close()
