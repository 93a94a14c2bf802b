"""Modbus requests and answers as bytes: pymodbus is the oracle, hypothesis the adversary."""

from __future__ import annotations

import asyncio
import struct
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pymodbus.framer import FramerRTU, FramerSocket
from pymodbus.pdu import DecodePDU
from pymodbus.pdu.bit_message import ReadCoilsRequest, ReadCoilsResponse, ReadDiscreteInputsRequest
from pymodbus.pdu.register_message import ReadHoldingRegistersRequest, ReadInputRegistersRequest

from dcmon.collectors.modbus.frames import crc16, parse_answer, read_request, rtu_frame
from dcmon.collectors.modbus.link import Link, RtuLink, TcpLink
from dcmon.model import CollectError

ORACLE = {
    1: ReadCoilsRequest,
    2: ReadDiscreteInputsRequest,
    3: ReadHoldingRegistersRequest,
    4: ReadInputRegistersRequest,
}
units, words = st.integers(0, 255), st.integers(0, 0xFFFF)


@given(data=st.binary(max_size=300))
def test_the_checksum_is_the_one_pymodbus_computes(data: bytes) -> None:
    assert crc16(data).to_bytes(2, "little") == FramerRTU.compute_CRC(data).to_bytes(2, "big")


@given(function=st.integers(1, 4), unit=units, address=st.integers(0, 65_000), count=st.integers(1, 125))
def test_requests_are_the_bytes_that_pymodbus_sends(function: int, unit: int, address: int, count: int) -> None:
    theirs = ORACLE[function](address=address, count=count, dev_id=unit, transaction_id=1)
    request = read_request(unit, function, address, count)
    assert rtu_frame(request) == FramerRTU(DecodePDU(False)).buildFrame(theirs)
    sent = run_link(TcpLink, request, b"")[1]
    assert sent == FramerSocket(DecodePDU(False)).buildFrame(theirs)


def test_nothing_but_the_four_reads_can_be_asked() -> None:
    for function in set(range(-1, 300)) - {1, 2, 3, 4}:
        with pytest.raises(ValueError, match="never writes"):
            read_request(1, function, 0, 1)


@pytest.mark.parametrize(
    ("unit", "function", "address", "count"),
    [(1, 3, 0, 0), (1, 3, 0, 126), (1, 1, 0, 2001), (1, 3, 65_535, 2), (1, 3, -1, 1), (256, 3, 0, 1), (-1, 3, 0, 1)],
)
def test_what_the_protocol_does_not_allow_is_refused(unit: int, function: int, address: int, count: int) -> None:
    with pytest.raises(ValueError, match=r"\d"):
        read_request(unit, function, address, count)


@given(values=st.lists(words, min_size=1, max_size=125), function=st.sampled_from([3, 4]))
def test_registers_come_back_as_they_were(values: list[int], function: int) -> None:
    pdu = struct.pack(f">BB{len(values)}H", function, 2 * len(values), *values)
    assert parse_answer(read_request(1, function, 0, len(values)), pdu) == values


@given(bits=st.lists(st.booleans(), min_size=1, max_size=2000))
def test_bits_come_back_as_they_were(bits: list[bool]) -> None:
    theirs = ReadCoilsResponse(bits=bits)
    assert parse_answer(read_request(1, 1, 0, len(bits)), b"\x01" + theirs.encode()) == [int(bit) for bit in bits]


@given(pdu=st.binary(max_size=260), function=st.integers(1, 4), count=st.integers(1, 125))
def test_any_bytes_give_right_values_or_a_collect_error(pdu: bytes, function: int, count: int) -> None:
    request = read_request(1, function, 0, count)
    try:
        values = parse_answer(request, pdu)
    except CollectError as error:
        assert error.reason in ("decode", "exception", "timeout")
    else:
        assert (pdu[0], pdu[1], len(pdu)) == (function, request.length, 2 + request.length)
        assert len(values) == count


class Wire:
    """A transport that keeps what was written."""

    def __init__(self) -> None:
        self.sent = b""

    def write(self, data: bytes) -> None:
        self.sent += data

    def abort(self) -> None:
        pass


def run_link(kind: type[Link], request: Any, *received: bytes) -> tuple[list[int] | CollectError, bytes]:
    """What an exchange gives when these chunks arrive, and what it sent."""

    async def exchange() -> tuple[list[int] | CollectError, bytes]:
        link, wire = kind(), Wire()
        link.connection_made(wire)  # type: ignore[arg-type]
        asked = asyncio.ensure_future(link.exchange(request, 0.001))
        await asyncio.sleep(0)
        for chunk in received:
            if chunk:
                link.data_received(chunk)
        try:
            return await asked, wire.sent
        except CollectError as error:
            return error, wire.sent

    return asyncio.run(exchange())


chunks = st.lists(st.binary(max_size=60), max_size=6)


@pytest.mark.parametrize("kind", [TcpLink, RtuLink])
@given(received=chunks)
def test_whatever_arrives_a_read_ends_with_values_or_a_collect_error(kind: type[Link], received: list[bytes]) -> None:
    outcome, _ = run_link(kind, read_request(1, 3, 10, 2), *received)
    assert isinstance(outcome, CollectError) or len(outcome) == 2


@pytest.mark.parametrize("kind", [TcpLink, RtuLink])
@given(data=st.data(), values=st.tuples(words, words))
def test_a_right_answer_cut_anywhere_is_put_together(
    kind: type[Link], data: st.DataObject, values: tuple[int, int]
) -> None:
    body = struct.pack(">BBBHH", 1, 3, 4, *values)
    frame = body + crc16(body).to_bytes(2, "little") if kind is RtuLink else struct.pack(">HHH", 1, 0, 7) + body
    cuts = sorted(data.draw(st.lists(st.integers(0, len(frame)), max_size=5)))
    parts = [frame[start:end] for start, end in zip([0, *cuts], [*cuts, len(frame)], strict=True)]
    assert run_link(kind, read_request(1, 3, 10, 2), *parts)[0] == list(values)


@given(data=st.data(), values=st.tuples(words, words))
def test_one_flipped_bit_in_an_rtu_answer_is_never_data(data: st.DataObject, values: tuple[int, int]) -> None:
    body = struct.pack(">BBBHH", 1, 3, 4, *values)
    frame = bytearray(body + crc16(body).to_bytes(2, "little"))
    position = data.draw(st.integers(0, 8 * len(frame) - 1))
    frame[position // 8] ^= 1 << position % 8
    assert isinstance(run_link(RtuLink, read_request(1, 3, 10, 2), bytes(frame))[0], CollectError)
