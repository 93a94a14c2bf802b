"""Modbus: reading registers and bits over TCP, RTU over TCP and RTU. Nothing here can write (see `frames`)."""

from dcmon.collectors.modbus.bus import Buses, BusStats, ModbusBus, UnitSession
from dcmon.collectors.modbus.endpoint import Endpoint

__all__ = ["BusStats", "Buses", "Endpoint", "ModbusBus", "UnitSession"]
