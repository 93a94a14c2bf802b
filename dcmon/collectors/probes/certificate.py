"""The certificate that a TLS server shows: how long it is valid, and whether it would be believed."""

from __future__ import annotations

import asyncio
import ssl
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from dcmon.collectors.names import Found
from dcmon.collectors.probes.attempt import Means, Points, ServiceError, addresses, refused
from dcmon.model import CollectError

_DAY_MS: Final = 86_400_000
_FAULTS: Final = {10: "has expired", 9: "is not valid yet", 18: "is signed by itself", 19: "is signed by itself",
                  20: "is of an unknown issuer, or its chain is not complete", 62: "is for another name",
                  64: "is for another address"}  # fmt: skip
"""X509_V_ERR_* of OpenSSL's x509_vfy.h -> what it means for people."""


def trusting(ca_file: Path | None) -> ssl.SSLContext:
    """What believes the system's authorities, or those of `ca_file`. CollectError when that cannot be read."""
    try:
        return ssl.create_default_context(cafile=ca_file)
    except OSError as error:
        raise CollectError("ca_file", f"{ca_file} holds no certificates: {error.strerror or error}") from error


async def look_at(url: str, believed: ssl.SSLContext, means: Means, now: int) -> Points:
    """`certificate.remaining` at `now`. ServiceError, which knows it too, when clients would refuse the certificate.

    It is a handshake of its own and sends nothing else, so that a login never goes over a connection that is only
    there to read a bad certificate.
    """
    parts = urlsplit(url)
    host = parts.hostname or ""
    found = await addresses(host, parts.port or 443, means)
    try:
        shown = await _shown(host, found, believed)
    except ssl.SSLCertVerificationError as error:
        fault = _FAULTS.get(error.verify_code, f"is not believed: {error.verify_message}")
        anything = ssl.create_default_context()
        anything.check_hostname, anything.verify_mode = False, ssl.CERT_NONE
        try:
            shown = await _shown(host, found, anything)
        except (ssl.SSLError, OSError, EOFError):
            shown = b""
        raise ServiceError(f"the certificate of {host} {fault}", _remaining(shown, now)) from error
    except ssl.SSLError as error:
        raise ServiceError(f"no TLS with {host}: {error.reason or error}") from error
    except OSError as error:
        raise refused(error, host) from error
    return _remaining(shown, now)


async def _shown(host: str, found: Found, context: ssl.SSLContext) -> bytes:
    """The server's certificate in DER, from the first of its addresses that can be reached."""
    for place, (family, address) in enumerate(found):
        try:
            _, writer = await asyncio.open_connection(
                address[0], address[1], family=family, ssl=context, server_hostname=host
            )
        except ssl.SSLError:
            raise
        except OSError:
            if place + 1 == len(found):
                raise
            continue
        try:
            connection = writer.get_extra_info("ssl_object")
            return connection.getpeercert(binary_form=True) or b""
        finally:
            writer.transport.abort()
    raise OSError("no address")


def _remaining(der: bytes, now: int) -> Points:
    """Days until the certificate ends; nothing for one that cannot be read."""
    from cryptography import x509  # 7 MB that only those pay who look at certificates

    try:
        ends = x509.load_der_x509_certificate(der).not_valid_after_utc
    except ValueError:
        return {}
    return {"certificate.remaining": round((ends.timestamp() * 1000 - now) / _DAY_MS, 3)}
