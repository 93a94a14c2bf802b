"""What devices said they are, and backup jobs last reported: kept in the journal over a restart."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from typing import Any

from dcmon.clock import Clock
from dcmon.model import StoreError
from dcmon.storage.journal import Journal

log = logging.getLogger("dcmon")


class Identities:
    """By asset; fits collectors.device.IdentityCache.

    The journal's copy only spares questions after the next start, so nobody waits for the disk, and a disk that does
    not take it is no fault of the device.
    """

    def __init__(self, journal: Journal, clock: Clock) -> None:
        self._journal = journal
        self._clock = clock
        self._known: dict[str, Mapping[str, Any]] = dict(journal.identities())
        self._saving: set[asyncio.Future[None]] = set()

    def get(self, asset: str) -> Mapping[str, Any] | None:
        return self._known.get(asset)

    def put(self, asset: str, identity: Mapping[str, Any]) -> None:
        self._known[asset] = identity
        saving = asyncio.get_running_loop().run_in_executor(None, self._save, asset, identity)
        self._saving.add(saving)
        saving.add_done_callback(self._saving.discard)

    async def keep(self, asset: str, identity: Mapping[str, Any]) -> None:
        """As `put`, and returns when the disk has it. StoreError when it does not take it."""
        await asyncio.to_thread(self._journal.save_identity, asset, identity, self._clock.now())
        self._known[asset] = identity

    def _save(self, asset: str, identity: Mapping[str, Any]) -> None:
        try:
            self._journal.save_identity(asset, identity, self._clock.now())
        except StoreError as error:
            log.debug("what %s is, is asked again after the next start: %s", asset, error)
