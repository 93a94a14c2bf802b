"""SNMP: our own codec and client for v1 and v2c (`NativeClient`), pysnmp for v3 and as second transport.

Everything here reads; there is no SetRequest.
"""

from __future__ import annotations

from dcmon.collectors.snmp.ber import (
    COUNTER32,
    COUNTER64,
    END_OF_MIB_VIEW,
    EXCEPTIONS,
    GAUGE32,
    INTEGER,
    IP_ADDRESS,
    NO_SUCH_INSTANCE,
    NO_SUCH_OBJECT,
    NULL,
    OBJECT_IDENTIFIER,
    OCTET_STRING,
    OPAQUE,
    TIMETICKS,
    DecodeError,
    Oid,
    VarBind,
    format_oid,
    oid_parts,
    opaque_number,
    parse_oid,
    suffix_parts,
)
from dcmon.collectors.snmp.client import NativeClient
from dcmon.collectors.snmp.session import SnmpSession, SnmpStats

__all__ = [
    "COUNTER32",
    "COUNTER64",
    "END_OF_MIB_VIEW",
    "EXCEPTIONS",
    "GAUGE32",
    "INTEGER",
    "IP_ADDRESS",
    "NO_SUCH_INSTANCE",
    "NO_SUCH_OBJECT",
    "NULL",
    "OBJECT_IDENTIFIER",
    "OCTET_STRING",
    "OPAQUE",
    "TIMETICKS",
    "DecodeError",
    "NativeClient",
    "Oid",
    "SnmpSession",
    "SnmpStats",
    "VarBind",
    "format_oid",
    "oid_parts",
    "opaque_number",
    "parse_oid",
    "suffix_parts",
]
