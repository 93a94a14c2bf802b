"""The list of supported devices says what the profiles say."""

from __future__ import annotations

from typing import get_args

from typer.testing import CliRunner

from dcmon.cli import app
from dcmon.collectors.profile import load_profiles
from dcmon.collectors.profile_model import Status
from dcmon.collectors.supported import STAGES, supported

PROFILES = load_profiles()
FAMILIES = {one.profile: one for one in supported(PROFILES)}


def test_every_profile_is_a_line_of_the_list_with_what_it_gives() -> None:
    assert FAMILIES.keys() == PROFILES.keys()
    for name, family in FAMILIES.items():
        assert family.points == len(PROFILES[name].points) > 0
        assert (family.vendor, family.kind) == (PROFILES[name].vendor, PROFILES[name].kind)


def test_every_status_has_its_stage() -> None:
    assert STAGES.keys() == set(get_args(Status))
    assert set(STAGES.values()) == {"draft", "recorded", "verified"}


def test_it_says_how_a_device_is_recognised() -> None:
    assert "sysObjectID 1.3.6.1.4.1.29462.10" in FAMILIES["stulz_wib8000"].known_by
    assert FAMILIES["dse_gencomm"].known_by == "what holding 768 and holding 769 hold"
    assert FAMILIES["eastron_sdm630"].known_by == "its name in collectors.yaml"


def test_the_command_prints_it() -> None:
    result = CliRunner().invoke(app, ["devices"], env={"COLUMNS": "200"})
    assert result.exit_code == 0
    assert "stulz_wib8000" in result.output
