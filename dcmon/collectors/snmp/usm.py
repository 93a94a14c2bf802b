"""The keys of an SNMPv3 user and what they are used for: HMAC and AES (RFC 3414, RFC 3826, RFC 7860).

The primitives are hashlib's, hmac's and cryptography's; here is only which octets go into them.
"""

from __future__ import annotations

import hashlib
import hmac
import itertools
import secrets
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Final

from dcmon.model import CollectError

AUTH: Final = 0x01
PRIV: Final = 0x02
REPORTABLE: Final = 0x04
"""Bits of msgFlags (RFC 3412 section 6.4)."""

TIME_WINDOW_S: Final = 150
MAX_BOOTS: Final = 0x7FFFFFFF
"""snmpEngineBoots of an engine that has booted too often; nothing it says is timely any more."""

_PASSWORD_OCTETS: Final = 1_048_576
_MIN_KEY: Final = 8

# Hash and octets of the MAC: RFC 3414 sections 6 and 7, RFC 7860 section 4.
_AUTH: Final = {
    "md5": ("md5", 12),
    "sha1": ("sha1", 12),
    "sha224": ("sha224", 16),
    "sha256": ("sha256", 24),
    "sha384": ("sha384", 32),
    "sha512": ("sha512", 48),
}

# Octets of the key and how a hash that is too short is made longer: draft-blumenthal-aes-usm-04 (net-snmp and most
# agents) or, with a `c`, draft-reeder-snmpv3-usm-3desede (Cisco and its kin), under the names net-snmp gives them.
_PRIV: Final = {
    "aes128": (16, "blumenthal"),
    "aes192": (24, "blumenthal"),
    "aes256": (32, "blumenthal"),
    "aes192c": (24, "reeder"),
    "aes256c": (32, "reeder"),
}


@dataclass(frozen=True, slots=True)
class V3User:
    """A user of the agent (USM). auth: none, md5, sha1, sha224, sha256, sha384, sha512; priv: none, aes128, aes192,
    aes256 (aes192c and aes256c where the agent extends keys as Cisco does). The keys are pass phrases.
    """

    user: str
    auth: str = "none"
    auth_key: str = field(default="", repr=False)
    priv: str = "none"
    priv_key: str = field(default="", repr=False)
    context: str = ""

    def __post_init__(self) -> None:
        if self.auth not in ("none", *_AUTH):
            raise ValueError(f"auth {self.auth!r} is not one of none, {', '.join(_AUTH)}")
        if self.priv not in ("none", *_PRIV):
            raise ValueError(f"priv {self.priv!r} is not one of none, {', '.join(_PRIV)}")
        if self.priv != "none" and self.auth == "none":
            raise ValueError("SNMP v3 has no privacy without authentication: set auth")
        for name, kind, key in (("auth_key", self.auth, self.auth_key), ("priv_key", self.priv, self.priv_key)):
            if kind != "none" and len(key.encode()) < _MIN_KEY:
                raise ValueError(f"{name} of user {self.user!r} is shorter than the {_MIN_KEY} characters of RFC 3414")

    @property
    def flags(self) -> int:
        """The security level as bits of msgFlags."""
        return (AUTH if self.auth != "none" else 0) | (PRIV if self.priv != "none" else 0)


@lru_cache(maxsize=256)
def _master_key(passphrase: bytes, name: str) -> bytes:
    """RFC 3414 appendix A.2: the hash of the pass phrase repeated up to a mebioctet; in one call it takes 1-2 ms."""
    return hashlib.new(name, (passphrase * (_PASSWORD_OCTETS // len(passphrase) + 1))[:_PASSWORD_OCTETS]).digest()


def _localize(master: bytes, engine_id: bytes, name: str) -> bytes:
    return hashlib.new(name, master + engine_id + master).digest()


class LocalKeys:
    """A user's keys as one engine has them; made once for each engine."""

    __slots__ = ("_cipher_key", "_hash", "_mac_octets", "_signer", "user")

    def __init__(self, user: V3User, engine_id: bytes) -> None:
        self.user = user
        self._mac_octets = 0
        self._cipher_key = b""
        if user.auth == "none":
            return
        self._hash, self._mac_octets = _AUTH[user.auth]
        key = _localize(_master_key(user.auth_key.encode(), self._hash), engine_id, self._hash)
        self._signer = hmac.new(key, digestmod=self._hash)
        if user.priv != "none":
            self._cipher_key = self._privacy_key(engine_id)

    def _privacy_key(self, engine_id: bytes) -> bytes:
        octets, extension = _PRIV[self.user.priv]
        key = part = _localize(_master_key(self.user.priv_key.encode(), self._hash), engine_id, self._hash)
        while len(key) < octets:
            if extension == "blumenthal":
                part = hashlib.new(self._hash, key).digest()
            else:
                part = _localize(_master_key(part, self._hash), engine_id, self._hash)
            key += part
        return key[:octets]

    @property
    def mac_octets(self) -> int:
        """Length of msgAuthenticationParameters; 0 without authentication."""
        return self._mac_octets

    def sign(self, data: bytes, offset: int) -> bytes:
        """The message with its MAC, whose place holds zeros."""
        return data[:offset] + self._mac(data) + data[offset + self._mac_octets :]

    def verify(self, data: bytes, offset: int, mac: bytes) -> bool:
        """Whether the message carries the MAC that only a holder of the key can make."""
        if not self._mac_octets or len(mac) != self._mac_octets:
            return False
        zeroed = data[:offset] + bytes(self._mac_octets) + data[offset + self._mac_octets :]
        return hmac.compare_digest(self._mac(zeroed), mac)

    def _mac(self, data: bytes) -> bytes:
        signer = self._signer.copy()
        signer.update(data)
        return signer.digest()[: self._mac_octets]

    def encrypt(self, boots: int, time: int, plain: bytes) -> tuple[bytes, bytes]:
        """(cipher text, msgPrivacyParameters)."""
        salt = (next(_salts) & 0xFFFFFFFFFFFFFFFF).to_bytes(8, "big")
        encryptor = _cipher(self._cipher_key, boots, time, salt).encryptor()
        return encryptor.update(plain) + encryptor.finalize(), salt

    def decrypt(self, boots: int, time: int, salt: bytes, secret: bytes) -> bytes:
        """The plain octets; ValueError when the parameters cannot be an AES initialisation vector."""
        if len(salt) != 8 or not self._cipher_key:
            raise ValueError("msgPrivacyParameters are not those of AES")
        decryptor = _cipher(self._cipher_key, boots, time, salt).decryptor()
        return bytes(decryptor.update(secret) + decryptor.finalize())


_salts = itertools.count(secrets.randbits(64))


def _cipher(key: bytes, boots: int, time: int, salt: bytes) -> Any:
    """AES in CFB-128 with the vector of RFC 3826 section 3.1.2.1."""
    from cryptography.hazmat.primitives.ciphers import Cipher
    from cryptography.hazmat.primitives.ciphers.algorithms import AES

    vector = boots.to_bytes(4, "big") + time.to_bytes(4, "big") + salt
    return Cipher(AES(key), _cfb()(vector))


@lru_cache(maxsize=1)
def _cfb() -> Any:
    """CFB lives where this version of cryptography keeps modes that new protocols should not take."""
    try:
        from cryptography.hazmat.decrepit.ciphers.modes import CFB
    except ImportError:
        from cryptography.hazmat.primitives.ciphers.modes import CFB
    return CFB


@dataclass(slots=True)
class EngineClock:
    """snmpEngineBoots and snmpEngineTime of another engine.

    They begin as hearsay, from an unauthenticated Report. Even that makes older answers stale: were it a lie, the
    true agent would seem silent, and after a silence it is discovered anew.
    """

    boots: int
    time: int
    heard: float
    """When they were heard, in seconds of the local monotonic clock."""
    authentic: bool = False

    def time_at(self, now: float) -> int:
        """The other engine's time by now."""
        return min(MAX_BOOTS, self.time + int(now - self.heard))

    def accept(self, boots: int, time: int, now: float) -> bool:
        """RFC 3414 section 3.2.7b for an authentic message: False for a stale one; a newer one moves the clock on."""
        if boots == MAX_BOOTS or boots < self.boots:
            return False
        if boots == self.boots and time < self.time_at(now) - TIME_WINDOW_S:
            return False
        if (boots, time) > (self.boots, self.time):
            self.boots, self.time, self.heard = boots, time, now
        self.authentic = True
        return True


# usmStats (RFC 3414 section 5): the object that a Report names, and what it means for the one who asked.
USM_STATS: Final = "1.3.6.1.6.3.15.1.1"
UNSUPPORTED_LEVEL: Final = f"{USM_STATS}.1.0"
NOT_IN_TIME_WINDOW: Final = f"{USM_STATS}.2.0"
UNKNOWN_USER: Final = f"{USM_STATS}.3.0"
UNKNOWN_ENGINE: Final = f"{USM_STATS}.4.0"
WRONG_DIGEST: Final = f"{USM_STATS}.5.0"
DECRYPTION_ERROR: Final = f"{USM_STATS}.6.0"

_HINTS: Final = {
    UNSUPPORTED_LEVEL: "the agent wants another security level for user {user}: check auth and priv",
    UNKNOWN_USER: "the agent does not know user {user}",
    WRONG_DIGEST: "the agent refuses the digest of user {user}: check auth and auth_key",
    DECRYPTION_ERROR: "the agent cannot decrypt: check priv and priv_key of user {user}",
}


def report_error(oid: str, user: str) -> CollectError:
    """What a Report means to a person."""
    hint = _HINTS.get(oid)
    if hint is not None:
        return CollectError("auth", hint.format(user=user))
    return CollectError("error", f"the agent answers with Report {oid}")
