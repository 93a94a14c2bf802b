"""Readings as InfluxDB line protocol, shaped for InfluxQL and few series.

    measurement   the point
    tags          asset, index (where there is one), and what is known of the asset (kind, section ...)
    value         the number, always as a float (a truth is 0 or 1), so that its field type can never conflict
    text          the word of an enumeration
    quality, reason   only where the quality is not good; a bad reading has no value and no text

Quality is a field: as a tag it would break each series in three. Format: line protocol reference of InfluxData.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Final

from dcmon.config.site import Site
from dcmon.model import Quality, Reading, Value

_SPACES: Final = str.maketrans({"\n": " ", "\r": " ", "\t": " ", "\0": " "})
# A backslash before a comma or a space cannot be written so that every server reads it alike; a slash can.
_BREAKS: Final = str.maketrans({"\n": "\\ ", "\r": "\\ ", "\t": "\\ ", "\0": "\\ "})
_TAG: Final = {**str.maketrans({",": "\\,", " ": "\\ ", "=": "\\=", "\\": "/"}), **_BREAKS}
_MEASUREMENT: Final = {**str.maketrans({",": "\\,", " ": "\\ ", "\\": "/"}), **_BREAKS}
_STRING: Final = {**str.maketrans({'"': '\\"', "\\": "\\\\"}), **_SPACES}


class LineBuilder:
    """Builds lines; remembers the part of each series that never changes."""

    def __init__(self, tags: Mapping[str, Mapping[str, str]] | None = None) -> None:
        """`tags`: further tags by asset, for example {"ups-a": {"kind": "ups", "section": "fs1"}}."""
        self._tags = tags or {}
        self._prefixes: dict[tuple[str, str, str | None], str] = {}

    def lines(self, readings: Iterable[Reading]) -> list[str]:
        """One line a reading, time stamps in milliseconds."""
        prefixes = self._prefixes
        built = []
        for ts, asset, point, index, value, quality, reason, _ in readings:
            prefix = prefixes.get((asset, point, index)) or self._prefix(asset, point, index)
            if quality is Quality.GOOD and reason is None and type(value) is float and math.isfinite(value):
                built.append(f"{prefix} value={value!r} {ts}")
            else:
                built.append(f"{prefix} {_fields(value, quality, reason)} {ts}")
        return built

    def _prefix(self, asset: str, point: str, index: str | None) -> str:
        tags = {"asset": asset, "index": index or "", **self._tags.get(asset, {})}
        written = "".join(f",{_tag(name)}={_tag(tags[name])}" for name in sorted(tags) if tags[name])
        name = _encodable(point).translate(_MEASUREMENT)
        prefix = self._prefixes[asset, point, index] = ("/" + name if name.startswith("#") else name) + written
        return prefix


def asset_tags(site: Site) -> dict[str, dict[str, str]]:
    """What the site file says of each asset, as tags: its kind and its fire section."""
    return {
        asset.id: {"kind": str(asset.kind)} | ({"section": asset.section} if asset.section else {})
        for asset in site.assets
    }


def _fields(value: Value, quality: Quality, reason: str | None) -> str:
    fields = []
    if quality is not Quality.BAD and value is not None:
        number = _number(value)
        if isinstance(value, str):
            fields.append(f"text={_string(value)}")
        elif number is not None:
            fields.append(f"value={number}")
        else:
            quality, reason = Quality.BAD, reason or "not a finite number"
    if quality is not Quality.GOOD or reason is not None or not fields:
        fields.append(f"quality={_string(quality.value)}")
    if reason is not None:
        fields.append(f"reason={_string(reason)}")
    return ",".join(fields)


def _number(value: Value) -> str | None:
    """A float as text; None where there is none (words, infinities, what no float can hold)."""
    if isinstance(value, str) or value is None:
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return repr(number) if math.isfinite(number) else None


def _tag(text: str) -> str:
    return _encodable(text).translate(_TAG)


def _string(text: str) -> str:
    return f'"{_encodable(text).translate(_STRING)}"'


def _encodable(text: str) -> str:
    return text if text.isascii() else text.encode("utf-8", "replace").decode("utf-8")
