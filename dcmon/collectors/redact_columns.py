"""Which objects of SNMP agents say whose device this is: columns and scalars by what they hold.

What is not listed is found by its type or shape (see `redact`); the list is for what only the MIB can tell. An entry
covers everything below it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from dcmon.collectors.snmp import Oid, parse_oid

NAME, SERIAL, SECRET, MAC, ADDRESS, ENGINE = "name", "serial", "secret", "mac", "address", "engine"

_MIB2: Final = "1.3.6.1.2.1."
_VENDOR: Final = "1.3.6.1.4.1."

COLUMNS: Final[Mapping[str, str]] = {
    _MIB2 + "1.4": NAME,  # SNMPv2-MIB sysContact
    _MIB2 + "1.5": NAME,  # sysName
    _MIB2 + "1.6": NAME,  # sysLocation
    _MIB2 + "2.2.1.6": MAC,  # IF-MIB ifPhysAddress
    _MIB2 + "31.1.1.1.18": NAME,  # ifAlias
    _MIB2 + "3.1.1.2": MAC,  # RFC1213-MIB atPhysAddress
    _MIB2 + "4.22.1.2": MAC,  # IP-MIB ipNetToMediaPhysAddress
    _MIB2 + "4.35.1.4": MAC,  # ipNetToPhysicalPhysAddress
    _MIB2 + "17.1.1": MAC,  # BRIDGE-MIB dot1dBaseBridgeAddress
    _MIB2 + "33.1.1.5": NAME,  # UPS-MIB upsIdentName
    _MIB2 + "33.1.1.6": NAME,  # upsIdentAttachedDevices
    _MIB2 + "47.1.1.1.1.11": SERIAL,  # ENTITY-MIB entPhysicalSerialNum
    _MIB2 + "47.1.1.1.1.14": NAME,  # entPhysicalAlias
    _MIB2 + "47.1.1.1.1.15": SERIAL,  # entPhysicalAssetID
    "1.3.6.1.6.3.10.2.1.1": ENGINE,  # SNMP-FRAMEWORK-MIB snmpEngineID
    "1.3.6.1.6.3.18.1.1.1.2": SECRET,  # SNMP-COMMUNITY-MIB snmpCommunityName
    _VENDOR + "232.165.1.2.7": SERIAL,  # CPQPOWER-MIB pduIdentification of HPE
    _VENDOR + "318.1.1.1.1.1.2": NAME,  # PowerNet-MIB upsBasicIdentName
    _VENDOR + "318.1.1.1.1.2.3": SERIAL,  # upsAdvIdentSerialNumber
    _VENDOR + "318.1.1.4.1.5": SERIAL,  # sPDUIdentSerialNumber
    _VENDOR + "318.1.1.4.4.2.1.4": NAME,  # sPDUOutletCtlOutletName
    _VENDOR + "318.1.1.4.5.2.1.3": NAME,  # sPDUOutletPctlOutletName
    _VENDOR + "318.1.1.8.1.6": SERIAL,  # atsIdentSerialNumber
    _VENDOR + "318.1.1.10.3.1.6": SERIAL,  # emsIdentSerialNumber
    _VENDOR + "318.1.1.12.1.1": NAME,  # rPDUIdentName
    _VENDOR + "318.1.1.12.1.6": SERIAL,  # rPDUIdentSerialNumber
    _VENDOR + "318.1.1.12.3.3.1.1.2": NAME,  # rPDUOutletControlOutletName
    _VENDOR + "318.1.1.12.3.4.1.1.2": NAME,  # rPDUOutletConfigOutletName
    _VENDOR + "318.1.1.12.3.5.1.1.2": NAME,  # rPDUOutletStatusOutletName
    _VENDOR + "318.1.1.13.3.2.2.1.5": SERIAL,  # airIRRC unit
    _VENDOR + "318.1.1.26.2.1.3": NAME,  # rPDU2IdentName
    _VENDOR + "318.1.1.26.2.1.4": NAME,  # rPDU2IdentLocation
    _VENDOR + "318.1.1.26.2.1.9": SERIAL,  # rPDU2IdentSerialNumber
    _VENDOR + "318.1.1.26.9.2.1.1.3": NAME,  # rPDU2OutletSwitchedConfigName
    _VENDOR + "318.1.1.26.9.2.3.1.3": NAME,  # rPDU2OutletSwitchedStatusName
    _VENDOR + "318.1.1.26.9.4.1.1.3": NAME,  # rPDU2OutletMeteredConfigName
    _VENDOR + "318.1.1.26.9.4.3.1.3": NAME,  # rPDU2OutletMeteredStatusName
    _VENDOR + "318.1.1.30.2.1.1.5": SERIAL,  # ePDU of APC
    _VENDOR + "318.1.1.32.1.2.1.12": SERIAL,  # cPDU of APC
    _VENDOR + "318.1.4.2.2.1.3": SERIAL,  # NetBotz
    _VENDOR + "318.2.1.2.1.3": SECRET,  # mconfigTrapReceiverCommunity
    _VENDOR + "476.1.42.2.1.4": SERIAL,  # LIEBERT-GP-AGENT-MIB lgpAgentIdentSerialNumber
    _VENDOR + "534.1.1.6": SERIAL,  # XUPS-MIB xupsIdentSerialNumber
    _VENDOR + "534.1.1.7": NAME,  # xupsIdentDeviceName
    _VENDOR + "534.6.6.7.1.2.1.4": SERIAL,  # EATON-EPDU-MIB serialNumber
    _VENDOR + "534.6.6.7.1.2.1.6": NAME,  # unitName
    _VENDOR + "534.6.6.7.6.1.1.3": NAME,  # outletName
    _VENDOR + "705.1.1.7": SERIAL,  # MG-SNMP-UPS-MIB upsmgIdentSerialNumber
    _VENDOR + "935.1.1.1.1.1.2": NAME,  # PPC-MIB upsBaseIdentName
    _VENDOR + "935.1.1.1.1.2.3": SERIAL,  # upsSmartIdentUPSSerialNumber
    _VENDOR + "1718.3.1.2": SERIAL,  # Sentry3-MIB systemNICSerialNumber
    _VENDOR + "1718.3.1.3": NAME,  # systemLocation
    _VENDOR + "1718.3.2.1.1.6": SERIAL,  # towerProductSN
    _VENDOR + "1718.3.2.3.1.3": NAME,  # outletName
    _VENDOR + "1718.4.1.1.1.3": NAME,  # Sentry4-MIB st4SystemLocation
    _VENDOR + "1718.4.1.2.2.1.4": SERIAL,  # st4UnitProductSN
    _VENDOR + "1718.4.1.8.2.1.3": NAME,  # st4OutletName
    _VENDOR + "2606.7.2.6": SERIAL,  # RITTAL-CMC-III-MIB cmcIIIUnitSerial
    _VENDOR + "9.9.187.1.2.5.1.6": ADDRESS,  # CISCO-BGP4-MIB cbgpPeer2LocalAddr
    _VENDOR + "2636.5.1.1.2.1.1.1.7": ADDRESS,  # BGP4-V2-MIB-JUNIPER jnxBgpM2PeerLocalAddr
    _VENDOR + "2636.5.1.1.2.1.1.1.11": ADDRESS,  # jnxBgpM2PeerRemoteAddr
    _VENDOR + "3808.1.1.1.1.1.2": NAME,  # CPS-MIB upsBaseIdentName
    _VENDOR + "3808.1.1.1.1.2.3": SERIAL,  # upsAdvanceIdentSerialNumber
    _VENDOR + "3808.1.1.3.1.1": NAME,  # ePDUIdentName
    _VENDOR + "3808.1.1.3.1.6": SERIAL,  # ePDUIdentSerialNumber
    _VENDOR + "13742.4.1.1.2": SERIAL,  # PDU-MIB (Raritan PX1) serialNumber
    _VENDOR + "13742.4.1.2.2.1.2": NAME,  # outletLabel
    _VENDOR + "13742.6.3.2.1.1.4": SERIAL,  # PDU2-MIB pduSerialNumber
    _VENDOR + "13742.6.3.2.2.1.13": NAME,  # pduName
    _VENDOR + "13742.6.3.5.3.1.3": NAME,  # outletName
}  # fmt: skip

NUMBERED: Final[Mapping[str, tuple[int, ...]]] = {
    _MIB2 + "3.1.1": (2,),  # RFC1213-MIB atTable
    _MIB2 + "4.20.1": (0,),  # IP-MIB ipAddrTable
    _MIB2 + "4.21.1": (0,),  # RFC1213-MIB ipRouteTable
    _MIB2 + "4.22.1": (1,),  # IP-MIB ipNetToMediaTable
    _MIB2 + "15.3.1": (0,),  # BGP4-MIB bgpPeerTable
    _MIB2 + "15.6.1": (0, 5),  # bgp4PathAttrTable
}
"""Tables whose rows are numbered by addresses: behind which number of the row's index an IPv4 address begins."""

PEERS: Final = (
    _VENDOR + "9.9.187.1.2.5.1",  # CISCO-BGP4-MIB cbgpPeer2Table
    _VENDOR + "2011.5.25.177.1.1.2.1",  # HUAWEI-BGP-VPN-MIB hwBgpPeerTable
    _VENDOR + "2636.5.1.1.2.1.1.1",  # BGP4-V2-MIB-JUNIPER jnxBgpM2PeerTable
    _VENDOR + "30065.4.1.1.2.1",  # ARISTA-BGP4V2-MIB aristaBgp4V2PeerTable
)
"""Tables whose rows end with addresses of both families, each behind its type (RFC 4001)."""

WITH_ADDRESSES: Final = (
    *(_MIB2 + group for group in ("3", "4", "6", "7", "15", "55")),
    *(_VENDOR + table for table in ("2636.5.1.1.2", "9.9.187.1.2")),
)
"""Tables whose rows are numbered by addresses: RFC1213-MIB, IP-MIB, TCP-MIB, UDP-MIB, BGP4-MIB, IPV6-MIB, the BGP
tables of Juniper and Cisco."""

IPV6_OCTETS: Final = 16
_INET: Final = ((2, IPV6_OCTETS), (4, IPV6_OCTETS + 4), (1, 4))
"""InetAddressType and how many octets its addresses have; the last four of type 4 are a zone."""
_PEERS: Final = {parse_oid(text): len(text.split(".")) + 1 for text in PEERS}
_NUMBERED: Final = {
    parse_oid(text): tuple(len(text.split(".")) + 1 + offset for offset in offsets)
    for text, offsets in NUMBERED.items()
}


def addresses_at(oid: Oid, parts: Sequence[int]) -> list[tuple[int, int]] | None:
    """Where in a row's identifier addresses begin and how many octets they have, by the lists of tables; None for a
    table that is in none."""
    for entry, behind in _PEERS.items():
        if oid.startswith(entry):
            return _inet_addresses(parts, behind)
    for entry, offsets in _NUMBERED.items():
        if oid.startswith(entry):
            return [(at, 4) for at in offsets if at + 4 <= len(parts)]
    return None


def _inet_addresses(parts: Sequence[int], behind: int) -> list[tuple[int, int]]:
    """From the end: addresses behind their type, with or without their length between them."""
    places: list[tuple[int, int]] = []
    end = len(parts)
    while True:
        for kind, octets in _INET:
            at = end - octets
            if at - 1 >= behind and (parts[at - 1] == kind or list(parts[at - 2 : at]) == [kind, octets]):
                places.append((at, min(octets, IPV6_OCTETS)))
                end = at - 1 if parts[at - 1] == kind else at - 2
                break
        else:
            return places
