"""How recordings of real devices come out, compared with what is known of them."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from dcmon.collectors.profile import Profile
from dcmon.model import Quality

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

from profile_expectations import judge, poll_recording, rows  # the tests' own judgement


@dataclass(frozen=True)
class TriedDevice:
    """One recording: its device, its profile, its usable readings, and how they compare."""

    kind: str
    vendor: str
    model: str
    profile: str
    points: int
    right: int
    wrong: tuple[str, ...]
    missing: int


async def try_recordings(folder: Path, profiles: Mapping[str, Profile]) -> list[TriedDevice]:
    """Every recording of expected.jsonl, by class, vendor and model."""
    tried = []
    for row in rows(folder):
        match, readings = await poll_recording(folder / row["file"], dict(profiles))
        verdict = judge(row, readings)
        usable = sum(reading.quality is not Quality.BAD for reading in readings)
        profile = match.profile if match is not None else "none"
        device = (row["class"], row["vendor"], row["model"])
        tried.append(TriedDevice(*device, profile, usable, verdict.right, tuple(verdict.wrong), len(verdict.missing)))
    return sorted(tried, key=lambda one: (one.kind, one.vendor.casefold(), one.model.casefold()))


def class_table(tried: list[TriedDevice]) -> Iterator[tuple[str, int, int, int, int]]:
    """class, devices, right, wrong, missing; the last line is all of them."""
    for kind in (*sorted({one.kind for one in tried}), "all"):
        those = [one for one in tried if kind in ("all", one.kind)]
        right, wrong = sum(one.right for one in those), sum(len(one.wrong) for one in those)
        yield kind, len(those), right, wrong, sum(one.missing for one in those)
