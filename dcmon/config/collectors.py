"""`collectors.yaml`: which devices are asked, where, how and with which credentials."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from dcmon.config.base import Duration, Host, Identifier, Port, SecretRef, Strict, at_least
from dcmon.config.probes import LOADS_THE_LINE, Probe


class CommunityCredentials(Strict):
    """SNMP v1 and v2c."""

    version: Literal["1", "2c"] = "2c"
    community: SecretRef


class UserCredentials(Strict):
    """SNMP v3 (USM). Keys are always references."""

    version: Literal["3"]
    user: str
    auth: Literal["none", "md5", "sha1", "sha224", "sha256", "sha384", "sha512"] = "sha256"
    auth_key: SecretRef | None = None
    priv: Literal["none", "aes128", "aes192", "aes256", "aes192c", "aes256c"] = Field(
        default="aes128", description="with a c as Cisco extends keys"
    )
    priv_key: SecretRef | None = None
    context: str = ""

    @model_validator(mode="after")
    def _keys_fit(self) -> UserCredentials:
        if (self.auth != "none") != (self.auth_key is not None):
            raise ValueError("auth_key is needed for every auth but none; give it as env:NAME or file:PATH")
        if (self.priv != "none") != (self.priv_key is not None):
            raise ValueError("priv_key is needed for every priv but none; give it as env:NAME or file:PATH")
        if self.priv != "none" and self.auth == "none":
            raise ValueError("SNMP v3 has no privacy without authentication: set auth")
        return self


def _version_as_text(entry: Any) -> Any:
    """`version: 3` is a number to YAML."""
    if isinstance(entry, dict) and isinstance(entry.get("version"), int):
        return {**entry, "version": str(entry["version"])}
    return entry


Credentials = Annotated[
    CommunityCredentials | UserCredentials, Field(discriminator="version"), BeforeValidator(_version_as_text)
]


class SnmpAddress(Strict):
    """Where an SNMP agent listens."""

    host: Host
    port: Port = 161
    credentials: Identifier
    transport: Literal["native", "pysnmp"] | None = Field(default=None, description="overrides agent.yaml")


class ModbusAddress(Strict):
    """Where a Modbus server listens: `host` for TCP, `serial` for a line."""

    host: Host | None = None
    port: Port = 502
    serial: str | None = Field(default=None, description="device file of the line, for framing rtu")
    baudrate: int = 9600
    parity: Literal["N", "E", "O"] = "N"
    stopbits: Literal[1, 2] = 1
    unit: Annotated[int, Field(ge=0, le=247)] = 1
    framing: Literal["tcp", "rtu-over-tcp", "rtu"] = "tcp"

    @model_validator(mode="after")
    def _one_way(self) -> ModbusAddress:
        if (self.framing == "rtu") != (self.serial is not None) or (self.framing == "rtu") == (self.host is not None):
            raise ValueError("framing rtu wants serial, the other framings want host")
        return self


class PointMap(Strict):
    """Gives points to another asset, names a contact's meaning, turns its polarity. The first that fits counts."""

    point: str = Field(description="a point's name, a prefix ending in `.*`, or `*` for every point")
    index: str | None = Field(default=None, description="only this index; all when absent")
    asset: Identifier | None = None
    as_point: str | None = None
    as_index: str | None = Field(default=None, description='the new index; "" takes the index away')
    invert: bool = Field(default=False, description="true where the contact is closed when all is well")
    ignore: bool = False

    def takes(self, point: str) -> bool:
        """Whether a point of this name fits `point`."""
        if self.point == "*":
            return True
        return point.startswith(self.point[:-1]) if self.point.endswith(".*") else point == self.point


class Device(Strict):
    """A device is named like the asset that it is."""

    profile: Identifier | None = Field(default=None, description="found by asking the device when absent")
    snmp: SnmpAddress | None = None
    modbus: ModbusAddress | None = None
    probe: Probe | None = Field(default=None, description="a service that is tried, or a backup job that reports")
    fast: Annotated[Duration, at_least("100ms")] | None = Field(
        default=None, description="overrides agent.yaml polling.fast"
    )
    slow: Annotated[Duration, at_least("100ms")] | None = Field(
        default=None, description="overrides agent.yaml polling.slow"
    )
    maps: tuple[PointMap, ...] = ()

    @model_validator(mode="after")
    def _one_protocol(self) -> Device:
        if sum(way is not None for way in (self.snmp, self.modbus, self.probe)) != 1:
            raise ValueError("a device has one of snmp, modbus and probe")
        if self.probe is not None and self.profile is not None:
            raise ValueError("a probe has no profile: take it out")
        if self.probe is not None and self.probe.kind in LOADS_THE_LINE and self.slow is None:
            raise ValueError(f"{self.probe.kind} loads the line: say with slow how often, for example 15m")
        if self.modbus is not None and self.profile is None:
            raise ValueError("a Modbus device cannot say what it is: name its profile")
        return self


class Collectors(Strict):
    """All devices that are polled."""

    credentials: dict[Identifier, Credentials] = Field(default_factory=dict)
    devices: Annotated[dict[Identifier, Device], Field(min_length=1)]
