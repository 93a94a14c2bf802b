"""dcmon as a process: event loop, signals, reload, log."""

from __future__ import annotations

import asyncio
import gc
import logging
import signal
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar

import uvloop

from dcmon.app import run
from dcmon.config.config import Config
from dcmon.model import ConfigError

T = TypeVar("T")
log = logging.getLogger("dcmon")


def until_stopped(main: Callable[[asyncio.Event], Awaitable[T]]) -> T:
    """Runs `main` on uvloop with an event that SIGTERM and Ctrl+C set."""

    spare_collector()

    async def body() -> T:
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, stop.set)
        return await main(stop)

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(body())


def spare_collector() -> None:
    """Lets Python look for reference cycles more rarely, and never among what is loaded before the start.

    Readings wait in buffers by the thousand and hold no cycles; at Python's own pace looking through them again and
    again takes a sixth of every poll.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


def serve(read: Callable[[], Config]) -> None:
    """Watches the site until it is told to stop. `read` gives the checked configuration, at start and at SIGHUP.

    A reload ends one dcmon and starts the next in the same process: it goes on from the journal as any restart does. A
    configuration with faults is reported and not taken. Raises DcmonError for what keeps the first one from starting.
    """
    config = read()
    set_up_log(config.agent.log_level)
    until_stopped(lambda stop: _serve(config, read, stop))


async def _serve(config: Config, read: Callable[[], Config], stop: asyncio.Event) -> None:
    loop = asyncio.get_running_loop()
    while not stop.is_set():
        turn = asyncio.Event()
        taken: list[Config] = []

        def reload(turn: asyncio.Event = turn, taken: list[Config] = taken) -> None:
            try:
                taken.append(read())
            except ConfigError as error:
                log.error("the configuration has faults and is not taken; dcmon goes on with the old one:\n%s", error)
                return
            log.info("the configuration is taken over")
            turn.set()

        loop.add_signal_handler(signal.SIGHUP, reload)
        watching = asyncio.create_task(_either(stop, turn))
        try:
            await run(config, turn)
        finally:
            watching.cancel()
        config = taken[-1] if taken else config


async def _either(stop: asyncio.Event, turn: asyncio.Event) -> None:
    await stop.wait()
    turn.set()


def set_up_log(level: str) -> None:
    """One line a message on stderr; the service manager adds the time."""
    logging.basicConfig(level=level.upper(), format="%(levelname)s %(name)s: %(message)s")
    # Of libraries only what is wrong: their progress is none of the operator's business.
    for name in ("aiohttp", "pymodbus", "asyncio", "mail"):
        logging.getLogger(name).setLevel(logging.WARNING)


def run_once(question: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """Runs one coroutine to its end on a loop of its own."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(question())
