"""Tables that an agent lets run out while it answers everything else."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Final

from dcmon.collectors.snmp.ber import Oid, format_oid
from dcmon.model import CollectError

log = logging.getLogger(__name__)

_LONGEST_PAUSE: Final = 3
"""Polls for which a mute table is passed over."""
_TOLD_AFTER: Final = 2


@dataclass(slots=True)
class _Mute:
    failures: int = 0
    pause: int = 0


class MuteTables:
    """Keeps what is mute from costing what is not: the values of a poll are known when its last question is answered,
    and several tables that each run out would take its whole deadline.

    Of the tables that were not answered last time, one is asked in a poll, once; the others wait for another poll. A
    table is what one walk asks for.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._mute: dict[tuple[Oid, ...], _Mute] = {}
        self._in_vain = False

    def begin(self) -> None:
        """A poll begins, or goes on, with values that are no table's."""
        self._in_vain = False

    def admit(self, roots: tuple[Oid, ...]) -> bool:
        """Whether the table may be asked with all retransmissions, or once only. CollectError: not in this poll."""
        mute = self._mute.get(roots)
        if mute is None:
            return True
        if mute.pause > 0 or self._in_vain:
            mute.pause = max(0, mute.pause - 1)
            raise CollectError("timeout", f"the table {format_oid(roots[0])} was not answered and is asked later")
        return False

    def silent(self, roots: tuple[Oid, ...]) -> None:
        """The table ran out."""
        self._in_vain = True
        mute = self._mute.setdefault(roots, _Mute())
        mute.failures += 1
        mute.pause = min(mute.failures, _LONGEST_PAUSE)
        if mute.failures == _TOLD_AFTER:
            log.warning(
                "%s answers, but not for the table %s; what stands there goes stale", self._name, format_oid(roots[0])
            )

    def answered(self, roots: tuple[Oid, ...]) -> None:
        """The table was read."""
        mute = self._mute.pop(roots, None)
        if mute is not None and mute.failures >= _TOLD_AFTER:
            log.info("%s answers for the table %s again", self._name, format_oid(roots[0]))
