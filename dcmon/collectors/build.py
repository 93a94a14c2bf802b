"""From the configuration to the devices that the poller asks."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from dcmon.collectors.device import Identities, IdentityCache, ModbusDevice, Plans, SnmpDevice
from dcmon.collectors.modbus import Buses, Endpoint, UnitSession
from dcmon.collectors.names import Names
from dcmon.collectors.poller import Device
from dcmon.collectors.probes import probe_device
from dcmon.collectors.profile import Profile
from dcmon.collectors.schedule import Intervals
from dcmon.collectors.snmp import NativeClient, SnmpSession
from dcmon.collectors.snmp.usm import V3User
from dcmon.config.agent import Polling
from dcmon.config.collectors import Collectors, CommunityCredentials, Credentials, SnmpAddress, UserCredentials
from dcmon.model import CollectError, ConfigError

Secrets = Callable[[str], str]
"""What stands behind a reference such as `env:NAME`; raises ConfigError."""


def build_devices(
    collectors: Collectors,
    polling: Polling,
    profiles: Mapping[str, Profile],
    secrets: Secrets,
    *,
    clients: Mapping[str, NativeClient],
    buses: Buses,
    names: Names | None = None,
    identities: IdentityCache | None = None,
) -> list[Device]:
    """One device per entry of collectors.yaml, in its order; nothing is asked yet.

    `clients` by transport (`native`, `pysnmp`) and `buses` belong to the caller, who closes them. ConfigError with
    every fault: unknown credentials, profile or secret, a bus configured in two ways.
    """
    plans, kept, names = Plans(profiles), identities or Identities(), names or Names()
    devices: list[Device] = []
    problems: list[object] = []
    for asset, entry in collectors.devices.items():
        try:
            if entry.snmp is not None:
                session = snmp_session(entry.snmp, collectors.credentials, polling, secrets, clients)
                devices.append(
                    SnmpDevice(asset, session, plans, profile=entry.profile, identities=kept, maps=entry.maps)
                )
            elif entry.modbus is not None:
                unit = UnitSession(buses.bus(Endpoint.of(entry.modbus)), entry.modbus.unit)
                devices.append(ModbusDevice(asset, unit, plans, profile=entry.profile or "", maps=entry.maps))
            elif entry.probe is not None:
                devices.append(
                    probe_device(
                        asset, entry.probe, entry.maps,
                        deadline_s=polling.deadline / 1000, names=names, secrets=secrets, kept=kept,
                    )
                )  # fmt: skip
        except ConfigError as error:
            problems += [f"collectors.yaml: {asset}: {problem}" for problem in error.problems]
        except (CollectError, ValueError) as error:
            problems.append(f"collectors.yaml: {asset}: {error}")
    if problems:
        raise ConfigError(problems)
    return devices


def snmp_session(
    address: SnmpAddress,
    credentials: Mapping[str, Credentials],
    polling: Polling,
    secrets: Secrets,
    clients: Mapping[str, NativeClient],
) -> SnmpSession:
    """A session with the agent at `address`. ConfigError: unknown credentials, an unreadable or unusable secret."""
    known = credentials.get(address.credentials)
    if known is None:
        raise ConfigError([f"there are no credentials {address.credentials!r}. Add them under credentials."])
    timeout_s = polling.timeout / 1000
    client = clients[address.transport or polling.transport]
    if isinstance(known, CommunityCredentials):
        community = secrets(known.community)
        return client.session(
            address.host, address.port, known.version, community, timeout_s=timeout_s, retries=polling.retries
        )
    try:
        user = v3_user(known, secrets)
    except ValueError as error:
        raise ConfigError([f"credentials {address.credentials!r}: {error}"]) from None
    return clients["native"].session_v3(address.host, address.port, user, timeout_s=timeout_s, retries=polling.retries)


def v3_user(credentials: UserCredentials, secrets: Secrets) -> V3User:
    """The user with its keys. ConfigError for a secret that cannot be read, ValueError for one that cannot be used."""
    return V3User(
        credentials.user,
        credentials.auth,
        secrets(credentials.auth_key) if credentials.auth_key is not None else "",
        credentials.priv,
        secrets(credentials.priv_key) if credentials.priv_key is not None else "",
        credentials.context,
    )


def device_intervals(collectors: Collectors, polling: Polling) -> dict[str, Intervals]:
    """How often each device is polled: its own intervals, else those of the agent."""
    return {
        asset: Intervals((entry.fast or polling.fast) / 1000, (entry.slow or polling.slow) / 1000)
        for asset, entry in collectors.devices.items()
    }
