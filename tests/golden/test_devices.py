"""Every recording in tests/golden/devices is polled and gives the readings that stand beside it.

A new recording is a new test without code: NAME.snmprec (or NAME.yaml with Modbus registers), then
`pytest tests/golden/test_devices.py --update-golden` writes NAME.json. Read the diff.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from documented_profiles import complete_examples

from dcmon.ask import ask_recorded
from dcmon.collectors.profile import Profile, load_profiles

FOLDER = Path(__file__).parent / "devices"
RECORDINGS = sorted(path for path in FOLDER.iterdir() if path.suffix in (".snmprec", ".yaml"))


@pytest.fixture(scope="module")
def profiles(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Profile]:
    """The shipped ones and the three complete examples of docs/profiles.md."""
    folder = tmp_path_factory.mktemp("profiles")
    for name, text in complete_examples().items():
        (folder / f"{name}.yaml").write_text(text, encoding="utf-8")
    return load_profiles(folder)


def written(result: dict[str, Any]) -> str:
    """One reading a line, so that a diff shows which of them changed."""
    readings = ",\n".join("  " + json.dumps(reading, ensure_ascii=False) for reading in result["readings"])
    head = f'"profile": {json.dumps(result["profile"])}, "kind": {json.dumps(result["kind"])}'
    return f'{{{head}, "readings": [\n{readings}\n]}}\n'


@pytest.mark.parametrize("recording", RECORDINGS, ids=lambda path: path.stem)
async def test_recording_gives_the_readings_beside_it(
    recording: Path, profiles: dict[str, Profile], update_golden: bool
) -> None:
    result = await ask_recorded(recording, profiles, None)
    expected = recording.with_suffix(".json")
    if update_golden:
        expected.write_text(written(result), encoding="utf-8")
    assert expected.exists(), "write it with --update-golden, and read it"
    assert result == json.loads(expected.read_text(encoding="utf-8"))
    keys = [(reading["point"], reading["index"]) for reading in result["readings"]]
    assert len(keys) == len(set(keys)) > 0


def test_every_file_of_readings_has_its_recording(update_golden: bool) -> None:
    if update_golden:
        for path in set(FOLDER.glob("*.json")) - {path.with_suffix(".json") for path in RECORDINGS}:
            path.unlink()
        return
    assert {path.stem for path in FOLDER.glob("*.json")} == {path.stem for path in RECORDINGS}


def test_the_examples_of_the_document_are_among_them() -> None:
    assert set(complete_examples()) <= {path.stem for path in RECORDINGS}
    assert len(complete_examples()) == 3
