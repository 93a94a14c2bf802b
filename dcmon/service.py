"""dcmon as a process: start, reload, log."""

from __future__ import annotations

import asyncio
import gc
import logging
import signal
from collections.abc import Callable

from dcmon.app import Options, Running, run
from dcmon.config.config import Config
from dcmon.loop import until_stopped
from dcmon.model import DcmonError

log = logging.getLogger("dcmon")


def serve(read: Callable[[], Config]) -> None:
    """Watches the site until it is told to stop. `read` gives the checked configuration, at start and at SIGHUP.

    A reload ends one dcmon and starts the next in the same process: it goes on from the journal as any restart does. A
    configuration with faults, or one that cannot be started, is reported and not taken. Raises DcmonError for what
    keeps the first one from starting.
    """
    config = read()
    set_up_log(config.agent.log_level)
    until_stopped(lambda stop: _serve(config, read, stop))


async def _serve(config: Config, read: Callable[[], Config], stop: asyncio.Event) -> None:
    asked = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, asked.set)
    waking = asyncio.create_task(_wake(stop, asked))
    proven: Config | None = None
    try:
        while not stop.is_set():
            turn = _Turn(read, stop, asked)
            following = asyncio.create_task(turn.follow())
            try:
                await run(config, turn.over, Options(on_ready=turn.begin))
            except DcmonError as error:
                if proven is None or turn.running is not None:
                    raise
                log.error("the new configuration cannot be started, dcmon goes on with the old one: %s", error)
                config = proven
                continue
            finally:
                following.cancel()
            proven, config = config, turn.taken or config
            set_up_log(config.agent.log_level)
            # The old dcmon is full of reference cycles, and the collector looks too rarely to find them soon.
            gc.collect()
    finally:
        waking.cancel()


async def _wake(stop: asyncio.Event, asked: asyncio.Event) -> None:
    await stop.wait()
    asked.set()


class _Turn:
    """One configuration at work, until dcmon is told to stop or another one is taken."""

    def __init__(self, read: Callable[[], Config], stop: asyncio.Event, asked: asyncio.Event) -> None:
        self.over = asyncio.Event()
        self.taken: Config | None = None
        self.running: Running | None = None
        self._read = read
        self._stop = stop
        self._asked = asked

    def begin(self, running: Running) -> None:
        self.running = running

    async def follow(self) -> None:
        """Answers every SIGHUP until one brings a configuration, or until the end."""
        while True:
            await self._asked.wait()
            if self._stop.is_set():
                break
            self._asked.clear()
            self.taken = await self._look()
            if self.taken is not None:
                log.info("the configuration is taken over")
                break
        self.over.set()

    async def _look(self) -> Config | None:
        if self.running is not None and self.running.pipeline.commit_error is not None:
            log.error(
                "the configuration is not read again now, because a reload goes on from the journal, which takes no "
                "rows: %s. Make room for it and send SIGHUP again",
                self.running.pipeline.commit_error,
            )
            return None
        try:
            return await asyncio.to_thread(self._read)
        except DcmonError as error:
            log.error("the configuration has faults and is not taken, dcmon goes on with the old one:\n%s", error)
            return None


def set_up_log(level: str) -> None:
    """One line a message on stderr; the service manager adds the time."""
    logging.basicConfig(format="%(levelname)s %(name)s: %(message)s")
    logging.getLogger().setLevel(level.upper())
    # Of libraries only what is wrong: their progress is none of the operator's business.
    for name in ("aiohttp", "pymodbus", "asyncio", "mail"):
        logging.getLogger(name).setLevel(logging.WARNING)
