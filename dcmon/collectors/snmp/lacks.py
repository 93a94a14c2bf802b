"""What an SNMPv1 agent lacks. It answers nothing at all when one object of a GET is missing (noSuchName, RFC 1157
section 4.1.2), so each such object costs a request of its own at every poll, unless it is remembered."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from dcmon.collectors.snmp.ber import NO_SUCH_OBJECT, Oid, VarBind

_MISSED: Final = 3
"""So often in a row an object that was never there has to be missing, to be asked for no more ..."""
_ASKED_AGAIN: Final = 20
"""... until so many GETs later: a sensor may have been added, a card may have found its UPS at last."""


class Lacks:
    """The objects that one agent never had."""

    def __init__(self) -> None:
        self._missed: dict[Oid, int] = {}
        self._had: set[Oid] = set()
        self._gets = 0

    def known(self, name: Oid) -> bool:
        """Whether it need not be asked for."""
        return self._missed.get(name, 0) >= _MISSED

    def note(self, found: Mapping[Oid, VarBind]) -> None:
        """Learns from one GET. An object that was there once may come back at any time, and is always asked for."""
        self._gets += 1
        if self._gets % _ASKED_AGAIN == 0:
            self._missed = {name: min(count, _MISSED - 1) for name, count in self._missed.items()}
        for name, varbind in found.items():
            if varbind.tag != NO_SUCH_OBJECT:
                self._had.add(name)
                self._missed.pop(name, None)
            elif name not in self._had:
                self._missed[name] = self._missed.get(name, 0) + 1
