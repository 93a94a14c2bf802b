"""Sessions that pass questions on and keep what was answered: whatever a poll asked is what a recording must hold."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from dcmon.collectors.collect import ModbusReader
from dcmon.collectors.decode_modbus import Address
from dcmon.collectors.snmp import EXCEPTIONS, NULL, Oid, SnmpSession, VarBind
from dcmon.model import CollectError

_LARGEST_VALUE: Final = 4
"""Registers of one value: a longer read is refused as a whole, which says nothing about each of its registers."""


class KeepingSession:
    """An SnmpSession over another. `told` hears how many values there are by now."""

    def __init__(self, session: SnmpSession, told: Callable[[int], None] = lambda _: None) -> None:
        self._session = session
        self._told = told
        self.kept: dict[Oid, VarBind] = {}

    async def get(self, oids: Sequence[Oid]) -> list[VarBind]:
        """See SnmpSession."""
        found = await self._session.get(oids)
        self._keep(found)
        return found

    async def walk(self, root: Oid) -> list[VarBind]:
        """See SnmpSession."""
        return (await self.walk_columns((root,)))[root]

    async def walk_columns(self, columns: Sequence[Oid], *, sparing: bool = False) -> dict[Oid, list[VarBind]]:
        """See SnmpSession."""
        found = await self._session.walk_columns(columns, sparing=sparing)
        for varbinds in found.values():
            self._keep(varbinds)
        return found

    async def close(self) -> None:
        """See SnmpSession."""
        await self._session.close()

    def _keep(self, varbinds: Sequence[VarBind]) -> None:
        for varbind in varbinds:
            if varbind.tag != NULL and varbind.tag not in EXCEPTIONS:
                self.kept[varbind.oid] = varbind
        self._told(len(self.kept))


class KeepingReader:
    """A ModbusReader over another."""

    def __init__(self, reader: ModbusReader, told: Callable[[int], None] = lambda _: None) -> None:
        self._reader = reader
        self._told = told
        self.values: dict[Address, int] = {}
        self.refused: dict[Address, str] = {}

    async def read(self, function: int, address: int, count: int) -> list[int]:
        """See ModbusReader."""
        try:
            found = await self._reader.read(function, address, count)
        except CollectError as error:
            if error.reason == "exception" and count <= _LARGEST_VALUE:
                word = error.detail.partition(" ")[0]
                self.refused.update({(function, address + offset): word for offset in range(count)})
            raise
        self.values.update({(function, address + offset): value for offset, value in enumerate(found)})
        self._told(len(self.values))
        return found
