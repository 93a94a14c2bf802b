"""Names of devices: numeric ones are never asked for, known ones outlive their name server, nobody waits for long."""

from __future__ import annotations

import asyncio
import socket
import threading
from typing import Any

import pytest

from dcmon.collectors.names import Names, numeric

ROW = (socket.AF_INET, socket.SOCK_DGRAM, 17, "", ("192.0.2.21", 0))


class Server:
    """What the system's resolver would do."""

    def __init__(self) -> None:
        self.away = False
        self.hang = threading.Event()
        self.hang.set()
        self.asked = 0
        self.under_way = 0
        self.most = 0

    def ask(self, host: str, *_: object, **__: object) -> list[Any]:
        self.asked += 1
        self.under_way += 1
        self.most = max(self.most, self.under_way)
        self.hang.wait(10)
        self.under_way -= 1
        if self.away:
            raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")
        return [ROW, ROW]


@pytest.mark.parametrize(
    ("host", "family", "address"),
    [
        ("192.0.2.7", socket.AF_INET, ("192.0.2.7", 161)),
        ("2001:db8::7", socket.AF_INET6, ("2001:db8::7", 161, 0, 0)),
        ("[2001:db8::7]", socket.AF_INET6, ("2001:db8::7", 161, 0, 0)),
        ("::ffff:192.0.2.7", socket.AF_INET, ("192.0.2.7", 161)),
    ],
)
async def test_a_numeric_address_is_never_asked_for(host: str, family: int, address: tuple[Any, ...]) -> None:
    server = Server()
    assert await Names(server.ask).look_up(host, 161, 1) == [(family, address)]
    assert server.asked == 0
    assert numeric("ups-a.example.org", 161) == []


async def test_a_name_gives_its_addresses_once_each_with_the_port() -> None:
    names, server = Names(Server().ask), Server()
    assert await names.look_up("ups-a", 161, 1) == [(socket.AF_INET, ("192.0.2.21", 161))]
    names = Names(server.ask)
    await asyncio.gather(*(names.look_up("ups-a", port, 1) for port in range(20)))
    assert server.asked == 1, "who asks at the same time asks once"


async def test_while_the_name_server_is_away_a_known_name_keeps_its_addresses_and_an_unknown_one_says_so() -> None:
    server = Server()
    names = Names(server.ask)
    found = await names.look_up("ups-a", 161, 1)
    server.away = True
    assert await names.look_up("ups-a", 161, 1) == found
    with pytest.raises(OSError, match="Temporary failure"):
        await names.look_up("ups-b", 161, 1)


async def test_a_name_server_that_hangs_holds_nobody_up_and_few_threads() -> None:
    server = Server()
    names, loop = Names(server.ask), asyncio.get_running_loop()
    await names.look_up("ups-a", 161, 1)
    server.hang.clear()
    started = loop.time()
    many = await asyncio.gather(*(names.look_up(f"pdu-{n}", 161, 0.2) for n in range(100)), return_exceptions=True)
    assert {str(error) for error in many} == {"the name server does not answer"}
    assert await names.look_up("ups-a", 161, 0.2) == [(socket.AF_INET, ("192.0.2.21", 161))]
    assert loop.time() - started < 2
    assert server.most <= 4
    server.hang.set()
    assert await names.look_up("pdu-99", 161, 5) == [(socket.AF_INET, ("192.0.2.21", 161))]
