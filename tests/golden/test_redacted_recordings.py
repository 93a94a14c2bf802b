"""Recordings of real devices without their secrets: they decode as they did, and no serial number is left in them."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path

import pytest

from dcmon.ask import poll_agent
from dcmon.collectors.profile import load_profiles
from dcmon.collectors.recording import RecordedSession, format_recording, parse_recording, read_recording
from dcmon.collectors.redact import Redactor, column_kind, printable

_FOLDER = Path(os.environ.get("DCMON_RECORDINGS", "/nonexistent"))
_FILES = sorted(_FOLDER.rglob("*.snmprec")) if _FOLDER.is_dir() else []
PROFILES = load_profiles()


def test_there_are_recordings_to_try(recordings: Path) -> None:
    assert len(list(recordings.rglob("*.snmprec"))) >= 100


@pytest.mark.parametrize("path", _FILES, ids=lambda path: path.stem)
async def test_recording_without_its_secrets_is_polled_as_with_them(path: Path) -> None:
    varbinds = read_recording(path).varbinds
    text = format_recording(Redactor(b"a key").redact(varbinds))
    redacted = RecordedSession(parse_recording(text))
    assert len(redacted) == len(varbinds)
    before = await poll_agent(RecordedSession(varbinds), PROFILES, None)
    after = await poll_agent(redacted, PROFILES, None)
    assert after["profile"] == before["profile"]
    said = [
        Counter((one["point"], str(one["value"]), one["quality"]) for one in result["readings"])
        for result in (before, after)
    ]
    assert said[0] == said[1]
    for varbind in varbinds:
        secret = (printable(varbind.value) if isinstance(varbind.value, bytes) else None) or ""
        telling = (
            len(secret.strip("0")) >= 5
            and len(secret) >= 8
            and secret.isalnum()
            and any(letter.isdigit() for letter in secret)
        )
        if telling and column_kind(varbind.oid) in ("serial", "secret"):
            assert secret not in text
