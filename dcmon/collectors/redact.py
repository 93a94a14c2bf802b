"""Takes out of a recording whose device it is: names, places, people, serial numbers, addresses, communities.

The same secret becomes the same replacement everywhere in one recording, in values, in texts and in row numbers, of
the same type and length, letters for letters and digits for digits, so that it decodes as it did. What it becomes is
drawn with a key that nobody keeps. Secrets are found by column (`redact_columns`), by type (IpAddress), by shape
(MAC and IP addresses, e-mail, serial numbers) and then wherever the same text stands again.
"""

from __future__ import annotations

import hmac
import ipaddress
import re
from bisect import bisect_right
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Final

from dcmon.collectors.decode_modbus import Address
from dcmon.collectors.redact_columns import ADDRESS, COLUMNS, ENGINE, IPV6_OCTETS, MAC, WITH_ADDRESSES, addresses_at
from dcmon.collectors.snmp import IP_ADDRESS, OCTET_STRING, Oid, VarBind, oid_parts, parse_oid
from dcmon.collectors.snmp.ber import encode_oid

_SHORTEST: Final = 4
"""Shorter texts are taken out of their own column, but not looked for elsewhere: they stand in too many words."""
_SAYS_NOTHING: Final = frozenset(
    {
        *("unknown", "none", "n/a", "na", "not set", "not specified", "default", "undefined", "unnamed", "unassigned"),
        *("public", "private", "administrator", "admin", "root", "system", "location", "contact", "name", "device"),
        *("ups", "pdu", "server", "rack", "localhost", "null", "empty", "your name", "your location", "server room"),
    }
)
_ORDINARY: Final = re.compile(
    r"(?:outlet|phase|bank|port|sensor|input|output|line|circuit|rack|ups|pdu|unit|device|probe|battery|module|group|zone"
    r"|temp\w*|hum\w*|inlet|branch|cord|tower|strip)[ _#.-]*\w{0,3}",
    re.IGNORECASE,
)
"""Names that the maker gave."""
_SERIAL_IN_TEXT: Final = re.compile(
    r"\b(?:S/?N|serial(?: ?(?:no|number|num))?)\s*[.:=#]*\s*([A-Za-z0-9-]{5,32})\b", re.IGNORECASE
)
_SERIAL_SHAPE: Final = re.compile(r"(?=(?:[^0-9]*[0-9]){5})(?=.*[0-9]{4})[A-Z0-9][A-Z0-9-]{7,31}")
_NO_SERIAL: Final = re.compile(r"[01]+|0+|(?:19|20)\d\d-\d\d-\d\d|[\d-]{0,7}")
_MAC: Final = re.compile(
    r"(?<![0-9A-Fa-f:.-])(?:[0-9A-Fa-f]{1,2}([:-])(?:[0-9A-Fa-f]{1,2}\1){4}[0-9A-Fa-f]{1,2}"
    r"|[0-9A-Fa-f]{4}\.[0-9A-Fa-f]{4}\.[0-9A-Fa-f]{4})(?![0-9A-Fa-f:.-])"
)
_IPV4: Final = re.compile(r"(?<![\w.])(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})(?![\w.]\d)")
_IPV6: Final = re.compile(r"(?<![0-9A-Za-z:.])[0-9A-Fa-f]{0,4}(?::[0-9A-Fa-f]{0,4}){2,7}(?![0-9A-Za-z:])")
_MAIL: Final = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
_DOMAIN: Final = re.compile(r"[a-z0-9-]+\.((?:[a-z0-9-]+\.)+[a-z]{2,})", re.IGNORECASE)
_COLUMN_PARTS: Final = 9
"""No column's identifier is shorter, so row numbers are looked for behind it."""
_HOLDING: Final = 3
"""Functions from this one on read registers, those before it bits."""
_LARGEST_DRAWN: Final = 0x7FF0
_TURNS: Final = 250
"""Attempts at a replacement that no other secret has; short texts run out of them."""
_FOREIGN: Final = "\udc80"
_FIRST_OCTET: Final = {1: 9, 2: 10, 3: 198}
_DOCUMENTATION: Final = bytes.fromhex("20010db8")
"""2001:db8::/32 of RFC 3849; link-local addresses stay such."""
_OCTETS: Final = {1: (1, 9), 2: (10, 99), 3: (100, 254)}
_SYS_DESCR: Final = parse_oid("1.3.6.1.2.1.1.1.0")
_COLUMNS: Final = {parse_oid(text): kind for text, kind in COLUMNS.items()}
_LENGTHS: Final = sorted({len(prefix) for prefix in _COLUMNS}, reverse=True)
_WITH_ADDRESSES: Final = {parse_oid(text): len(text.split(".")) + 3 for text in WITH_ADDRESSES}
"""Group of tables -> where row numbers begin: behind table, entry and column."""


class Redactor:
    """Replacements of one recording. `key` is random for every recording, fixed in tests."""

    def __init__(self, key: bytes) -> None:
        self._key = key
        self._texts: dict[str, str] = {}
        self._macs: dict[bytes, bytes] = {}
        self._addresses: dict[bytes, bytes] = {}
        self._scan: re.Pattern[str] | None = None
        self._described = b""
        """sysDescr: what stands in it without being called a serial number is a model."""

    def redact(
        self, varbinds: Sequence[VarBind], told: Iterable[str] = (), read: Collection[Oid] = ()
    ) -> list[VarBind]:
        """The recording without its secrets, in no particular order.

        `told`: what the caller knows to be secret (host, user). `read`: objects and columns that a profile reads as
        values; what merely looks like a secret stays in them.
        """
        for text in told:
            self._learn(text)
        described = next((varbind.value for varbind in varbinds if varbind.oid == _SYS_DESCR), b"")
        self._described = described if isinstance(described, bytes) else b""
        kept = sorted(read)
        for varbind in varbinds:
            self._collect(varbind, _below(varbind.oid, kept))
        longest_first = sorted((text for text in self._texts if len(text) >= _SHORTEST), key=len, reverse=True)
        self._scan = (
            re.compile(rf"(?<![A-Za-z0-9])(?:{'|'.join(map(re.escape, longest_first))})(?![A-Za-z0-9])")
            if longest_first
            else None
        )
        return [
            VarBind(self._row(varbind.oid), varbind.tag, self._value(varbind, _below(varbind.oid, kept)))
            for varbind in varbinds
        ]

    def redact_text(self, text: str) -> str:
        """A text without what looks like a serial number or an address."""
        for word in re.findall(r"[A-Z0-9-]+", text):
            if _looks_like_serial(word):
                self._learn(word)
                text = text.replace(word, self._texts.get(word, word))
        return self._shapes(text)

    # --- finding ---

    def _collect(self, varbind: VarBind, read: bool) -> None:
        value, kind = varbind.value, column_kind(varbind.oid)
        if not isinstance(value, bytes) or varbind.tag not in (OCTET_STRING, IP_ADDRESS):
            return
        if varbind.tag == IP_ADDRESS or kind == ADDRESS:
            self._address(value)
            return
        if kind == MAC or (kind is None and not read and _looks_like_mac(value)):
            self._mac(value)
            return
        text = printable(value)
        if text is None or kind == ENGINE:
            return
        model = value.strip(b"\0 ") in self._described
        if kind is not None or (not read and not model and _looks_like_serial(text.strip("\0 "))):
            self._learn(text)
        for found in _SERIAL_IN_TEXT.finditer(text):
            if any(letter.isdigit() for letter in found[1]):
                self._learn(found[1])
        self._shapes(text)

    def _learn(self, text: str) -> None:
        text = text.strip("\0 \t\r\n")
        if not text.strip("0- ") or text.casefold() in _SAYS_NOTHING or _ORDINARY.fullmatch(text):
            return
        self._replacement(text)
        domain = _DOMAIN.fullmatch(text)
        if domain is not None:
            self._replacement(domain[1])

    # --- replacing ---

    def _value(self, varbind: VarBind, read: bool) -> int | bytes | str | None:
        value, kind = varbind.value, column_kind(varbind.oid)
        if isinstance(value, int) and kind is not None:
            return int(self._draw_text(str(abs(value)))) * (-1 if value < 0 else 1)
        if not isinstance(value, bytes):
            return value
        if varbind.tag == IP_ADDRESS or kind == ADDRESS:
            return self._address(value)
        if value in self._macs and not read:
            return self._macs[value]
        if kind == ENGINE:
            return value[:5] + self._draw(value)[: max(0, len(value) - 5)]
        text = printable(value)
        if text is None:
            return value
        return self._text(text, kind is not None).encode("utf-8", "surrogateescape")

    def _text(self, text: str, private: bool) -> str:
        stripped = text.strip("\0 \t\r\n")
        if private and stripped in self._texts:
            return text.replace(stripped, self._texts[stripped])
        if self._scan is not None:
            text = self._scan.sub(lambda found: self._texts[found[0]], text)
        return self._shapes(text)

    def _shapes(self, text: str) -> str:
        text = _MAC.sub(lambda found: self._mac_text(found[0]), text)
        text = _IPV4.sub(lambda found: self._address_text(found[0]), text)
        text = _IPV6.sub(lambda found: self._ipv6_text(found[0]), text)
        return _MAIL.sub(lambda found: self._replacement(found[0]), text)

    def _replacement(self, text: str) -> str:
        if text not in self._texts:
            taken, turn = set(self._texts.values()), 0
            while self._draw_text(text, turn) in taken and turn < _TURNS:
                turn += 1
            self._texts[text] = self._draw_text(text, turn)
        return self._texts[text]

    def _draw(self, secret: bytes, turn: int = 0) -> bytes:
        return hmac.digest(self._key, bytes((turn,)) + secret, "sha256")

    def _draw_text(self, text: str, turn: int = 0) -> str:
        """As long in octets, letters for letters, digits for digits; what stands between them stays."""
        octets = text.encode("utf-8", "surrogateescape")
        drawn = self._draw(octets, turn)
        while len(drawn) < len(octets):
            drawn += self._draw(drawn, turn)
        return "".join(_alike(octet, random) for octet, random in zip(octets, drawn, strict=False))

    def _mac(self, mac: bytes) -> bytes:
        """The maker's half stays."""
        if len(mac) != 6 or not any(mac) or mac == b"\xff" * 6:
            return mac
        found = self._macs.get(mac)
        if found is None:
            found = self._macs[mac] = mac[:3] + self._draw(mac)[:3]
            self._texts[mac.hex()] = found.hex()
            self._texts[mac.hex().upper()] = found.hex().upper()
        return found

    def _mac_text(self, text: str) -> str:
        width = 4 if "." in text else 2
        groups = re.findall(r"[0-9A-Fa-f]+", text)
        drawn = self._mac(bytes.fromhex("".join(group.zfill(width) for group in groups))).hex()
        drawn = drawn.upper() if text.upper() == text else drawn
        parts = iter([drawn[at : at + width] for at in range(0, 12, width)])
        return re.sub(r"[0-9A-Fa-f]+", lambda group: next(parts)[-len(group[0]) :], text)

    def _address(self, address: bytes) -> bytes:
        if not _is_somebodys(address):
            return address
        if address not in self._addresses:
            draw = self._draw_ipv6 if len(address) == IPV6_OCTETS else self._draw_address
            taken, turn = set(self._addresses.values()), 0
            while draw(address, turn) in taken and turn < _TURNS:
                turn += 1
            self._addresses[address] = draw(address, turn)
        return self._addresses[address]

    def _draw_address(self, address: bytes, turn: int) -> bytes:
        drawn = self._draw(address, turn)
        octets = [_FIRST_OCTET[len(str(address[0]))]]
        for octet, random in zip(address[1:], drawn, strict=False):
            low, high = _OCTETS[len(str(octet))]
            octets.append(low + random % (high - low + 1) if octet else 0)
        return bytes(octets)

    def _draw_ipv6(self, address: bytes, turn: int) -> bytes:
        kept = address[:2] if address[:1] == b"\xfe" else _DOCUMENTATION
        drawn = self._draw(address, turn)
        return kept + bytes(drawn[at] if address[at] else 0 for at in range(len(kept), IPV6_OCTETS))

    def _address_text(self, text: str) -> str:
        parts = text.split(".")
        octets = [int(part) for part in parts]
        # Four small numbers are rather a version than an address.
        if max(octets) > 255 or any(len(part) > 1 and part[0] == "0" for part in parts):
            return text
        address = bytes(octets)
        if octets[0] < 10 and address not in self._addresses:
            return text
        return ".".join(map(str, self._address(address)))

    def _ipv6_text(self, text: str) -> str:
        try:
            address = ipaddress.IPv6Address(text)
        except ValueError:
            return text
        if address.is_loopback or address.is_unspecified:
            return text
        drawn = self._draw(address.packed).hex() * 2
        return "".join(drawn[at] if letter != ":" else ":" for at, letter in enumerate(text))

    # --- row numbers ---

    def _row(self, oid: Oid) -> Oid:
        """The same column with a row that is numbered by an address or a name under its replacement."""
        parts = list(oid_parts(oid))
        places = addresses_at(oid, parts)
        if places is None:
            places = [(at, 4) for at in self._windows(oid, parts) if self._is_address(parts, at, oid)]
        for at, octets in places:
            if max(parts[at : at + octets]) < 256:
                parts[at : at + octets] = self._address(bytes(parts[at : at + octets]))
        return encode_oid(self._named_row(parts))

    def _windows(self, oid: Oid, parts: Sequence[int]) -> range:
        """Where four numbers may be an address: in tables numbered by addresses anywhere, elsewhere at the end."""
        behind = next((at for group, at in _WITH_ADDRESSES.items() if oid.startswith(group)), None)
        return range(max(_COLUMN_PARTS + 1, len(parts) - 4) if behind is None else behind, len(parts) - 3)

    def _is_address(self, parts: Sequence[int], at: int, oid: Oid) -> bool:
        octets = parts[at : at + 4]
        if max(octets) > 255:
            return False
        if oid.startswith(tuple(_WITH_ADDRESSES)):
            return bytes(octets) in self._addresses or list(parts[at - 2 : at]) == [1, 4]
        return bytes(octets) in self._addresses and octets[0] >= 10

    def _named_row(self, parts: list[int]) -> list[int]:
        """Texts as row numbers: their length, then their octets."""
        for at in range(_COLUMN_PARTS, len(parts) - _SHORTEST):
            length = parts[at]
            octets = parts[at + 1 : at + 1 + length]
            if not _SHORTEST <= length == len(octets) or not all(32 <= octet < 127 for octet in octets):
                continue
            replacement = self._texts.get(bytes(octets).decode())
            if replacement is not None:
                return [*parts[: at + 1], *replacement.encode(), *parts[at + 1 + length :]]
        return parts


def _alike(octet: int, random: int) -> str:
    letter = chr(octet)
    if letter.isdigit() and letter.isascii():
        return str(random % 10)
    if 0x41 <= octet <= 0x5A:
        return chr(0x41 + random % 26)
    if 0x61 <= octet <= 0x7A or octet >= 0x80:
        return chr(0x61 + random % 26)
    return letter


def _is_somebodys(address: bytes) -> bool:
    if len(address) == IPV6_OCTETS:
        said = ipaddress.IPv6Address(address)
        return not (said.is_loopback or said.is_unspecified or said.is_multicast)
    return len(address) == 4 and address[0] not in (0, 127) and address[0] < 224


def printable(octets: bytes) -> str | None:
    """The text that the octets are; None when they are none. Other encodings than UTF-8 are text if most is ASCII."""
    text = octets.decode("utf-8", "surrogateescape")
    plain = text.rstrip("\0")
    foreign = sum(letter >= _FOREIGN for letter in plain)
    if not plain or foreign * 3 > len(plain):
        return None
    return text if all(letter.isprintable() or letter in "\t\r\n" or letter >= _FOREIGN for letter in plain) else None


def _looks_like_mac(octets: bytes) -> bool:
    if len(octets) != 6 or octets[0] & 1 or len(set(octets)) < 4:
        return False
    return printable(octets) is None


def _looks_like_serial(text: str) -> bool:
    return _SERIAL_SHAPE.fullmatch(text) is not None and _NO_SERIAL.fullmatch(text) is None


def column_kind(oid: Oid) -> str | None:
    """What the object holds, by the list of columns; None when it is not in it."""
    for length in _LENGTHS:
        found = _COLUMNS.get(oid[:length])
        if found is not None and len(oid) > length:
            return found
    return None


def _below(oid: Oid, roots: Sequence[Oid]) -> bool:
    """Whether the object is one of these, which are sorted, or below one."""
    at = bisect_right(roots, oid)
    return at > 0 and oid.startswith(roots[at - 1])


def redact_registers(values: Mapping[Address, int], key: bytes) -> dict[Address, int]:
    """Registers without the texts in them that look like a serial number or an address; letters for letters, digits for
    digits. Numbers stay: a serial number that is one cannot be told from a measurement."""
    redactor = Redactor(key)
    found = dict(values)
    for run in _text_runs(values):
        octets = b"".join(values[at].to_bytes(2, "big") for at in run)
        redacted = redactor.redact_text(octets.decode("ascii")).encode("ascii")
        for number, at in enumerate(run):
            found[at] = int.from_bytes(redacted[2 * number : 2 * number + 2], "big")
    return found


def draw_registers(values: Mapping[Address, int], key: bytes) -> dict[Address, int]:
    """Other numbers for a number that is secret, never one that says that there is nothing."""
    drawn = hmac.digest(key, repr(sorted(values.items())).encode(), "sha256")
    return {
        at: 1 + int.from_bytes(drawn[2 * place % 32 : 2 * place % 32 + 2], "big") % _LARGEST_DRAWN
        for place, at in enumerate(sorted(values))
    }


def _text_runs(values: Mapping[Address, int]) -> list[list[Address]]:
    """Registers that follow each other and hold nothing but text."""
    runs: list[list[Address]] = [[]]
    for at in sorted(values):
        plain = at[0] >= _HOLDING and all(octet == 0 or 0x20 <= octet < 0x7F for octet in values[at].to_bytes(2, "big"))
        if not plain or (runs[-1] and runs[-1][-1] != (at[0], at[1] - 1)):
            runs.append([])
        if plain:
            runs[-1].append(at)
    return [run for run in runs if len(run) * 2 >= _SHORTEST]
