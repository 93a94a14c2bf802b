"""SNMP v1, v2c and v3: `NativeClient` asks agents; `second.PysnmpClient` does it in pysnmp's encoding.

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
from dcmon.collectors.snmp.usm import V3User

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
    "V3User",
    "VarBind",
    "format_oid",
    "oid_parts",
    "opaque_number",
    "parse_oid",
    "suffix_parts",
]
