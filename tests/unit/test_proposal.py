"""The lines of the configuration that `dcmon discover --site` prints: right for whatever was found."""

from __future__ import annotations

from typing import get_args

import pytest
import yaml

from dcmon.collectors.profile import load_profiles
from dcmon.collectors.profile_model import Kind
from dcmon.config.collectors import Collectors
from dcmon.config.site import Asset
from dcmon.discovery import Found, Login
from dcmon.proposal import propose

PROFILES = load_profiles()
LOGINS = [
    Login("2c", "geheim", name="read", configured=True),
    Login("2c", "geheim", name="found-v2c", reference="file:/etc/c"),
    Login("1", "geheim", name="found-v1"),
    Login("2c", "geheim", name="found-v2c-2"),
]


def found(number: int, profile: str | None, **words: object) -> Found:
    kind = PROFILES[profile].kind if profile is not None else None
    fixed = {"port": 161, "protocol": "snmp", "version": "2c", "credentials": "read"} | words
    return Found(f"192.0.2.{number}", profile=profile, kind=kind, **fixed)  # type: ignore[arg-type]


def parsed(text: str) -> tuple[Collectors, list[Asset]]:
    """What a person gets who puts the lines into two files."""
    blocks = {block.partition("\n")[0]: block.partition("\n")[2] for block in text.strip().split("\n\n")}
    credentials = yaml.safe_load(blocks.get("# collectors.yaml, below `credentials:`", "")) or {}
    devices = yaml.safe_load(blocks.get("# collectors.yaml, below `devices:`", ""))
    assets = yaml.safe_load(blocks.get("# site.yaml, below `assets:`", ""))
    collectors = Collectors.model_validate({"credentials": credentials, "devices": devices})
    return collectors, [Asset.model_validate(asset) for asset in assets]


@pytest.mark.parametrize("kind", get_args(Kind))
def test_every_kind_of_device_has_an_asset_or_is_left_to_the_person(kind: str) -> None:
    profile = next((name for name, one in PROFILES.items() if one.kind == kind and one.protocol == "snmp"), None)
    if profile is None:
        profile = next(name for name, one in PROFILES.items() if one.kind == kind)
    text = propose([found(1, "rfc1628", name="first"), found(2, profile, name="second")], LOGINS, PROFILES, None)
    collectors, assets = parsed(text)
    expected = ["first"] if kind == "other" else ["first", "second"]
    assert list(collectors.devices) == [asset.id for asset in assets] == expected
    assert "second" in text


@pytest.mark.parametrize(
    ("name", "asset"),
    [
        ("UPS West (Rack 7)", "ups-west-rack-7"),
        ("usv-münchen.example.net", "usv-m-nchen.example.net"),
        ("", "ups-192.0.2.1"),
        ("12345", "ups-192.0.2.1"),
        ("---", "ups-192.0.2.1"),
        ("a" * 200, "a" * 60),
        (": {evil}\n- x", "evil-x"),
    ],
)
def test_any_name_makes_an_id(name: str, asset: str) -> None:
    collectors, assets = parsed(propose([found(1, "rfc1628", name=name)], LOGINS, PROFILES, None))
    assert list(collectors.devices) == [asset]
    assert assets[0].id == asset
    assert assets[0].name == (name or "ups at 192.0.2.1")


def test_devices_of_one_name_get_ids_of_their_own() -> None:
    collectors, _ = parsed(
        propose([found(number, "rfc1628", name="ups") for number in (1, 2, 3)], LOGINS, PROFILES, None)
    )
    assert list(collectors.devices) == ["ups", "ups-2", "ups-3"]


def test_secrets_stand_nowhere_and_logins_of_the_command_line_get_a_name() -> None:
    names = ["read", "found-v2c", "found-v1"]
    devices = [found(number, "rfc1628", credentials=name) for number, name in enumerate(names)]
    text = propose(devices, LOGINS, PROFILES, None)
    collectors, _ = parsed(text)
    assert "geheim" not in text
    assert collectors.credentials["found-v2c"].community == "file:/etc/c"  # type: ignore[union-attr]
    assert collectors.credentials["found-v1"].community == "env:SNMP_COMMUNITY"  # type: ignore[union-attr]
    used = [device.snmp.credentials for device in collectors.devices.values() if device.snmp is not None]
    assert used == names
    assert collectors.credentials.keys() == {"found-v2c", "found-v1"}


def test_what_nobody_can_decide_stands_as_a_comment() -> None:
    unit = found(4, None, protocol="modbus", version="rtu-over-tcp", port=4001, unit=3, credentials=None)
    again = found(5, "rfc1628", name="ups", same="192.0.2.1:161")
    text = propose([found(1, "rfc1628", name="ups"), unit, again], LOGINS, PROFILES, None)
    collectors, _ = parsed(text)
    assert list(collectors.devices) == ["ups"]
    assert "  # 192.0.2.4:4001 unit 3: no profile; name its profile" in text
    assert "modbus: {host: 192.0.2.4, port: 4001, unit: 3, framing: rtu-over-tcp}" in text
    assert "  # the same device as 192.0.2.1:161?" in text
