"""Sites of any size for benchmarks: the shipped rules, people and groups, and as many more UPSs as are wanted.

Each UPS is asked for ten OIDs. What the agents answer is different at every poll, so nothing that dcmon does is spared
because a value stayed as it was; but it wavers within what is normal, so that no alarm is raised.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from dcmon.config.config import Config
from dcmon.config.loader import load

EXAMPLE = Path(__file__).resolve().parent.parent / "config"
IF_ENTRY = "1.3.6.1.2.1.2.2.1"
GAUGES = tuple(f"{IF_ENTRY}.{column}.7" for column in range(10, 20))
"""Ten OIDs for which `agents/fastagent.c` answers a number between 1,000 and 66,535."""
COUNTERS = tuple(f"1.3.6.1.2.1.11.{number}.0" for number in (1, 2, 3, 4, 5, 6, 8, 9, 10, 11))
"""Ten counters that snmpd has (SNMPv2-MIB); they grow with every request."""
PROFILE = "bench"

_TRUTHS = ("ups.on_battery", "battery.replace")
_NUMBERS: tuple[tuple[str, str | None, float, float], ...] = (
    # point, index, value at raw 0, span over the raw values of a fastagent
    ("battery.charge", None, 95.0, 4.5),
    ("battery.runtime", None, 1800.0, 300.0),
    ("battery.temperature", None, 21.0, 2.0),
    ("input.voltage", "1", 229.0, 4.0),
    ("input.frequency", "1", 49.99, 0.02),
    ("output.voltage", "1", 229.5, 1.0),
    ("output.load", "1", 40.0, 3.0),
    ("output.power", "1", 40_000.0, 2_000.0),
)

POINTS = len(_TRUTHS) + len(_NUMBERS)


def profile(oids: Sequence[str], highest: float) -> dict[str, Any]:
    """A profile of ten scalars; `highest` is the largest raw value that the agent says."""
    points: list[dict[str, Any]] = [
        {"point": point, "oid": oid, "true_above": highest * 10} for point, oid in zip(_TRUTHS, oids, strict=False)
    ]
    for (point, index, level, span), oid in zip(_NUMBERS, oids[len(_TRUTHS) :], strict=True):
        entry = {"point": point, "oid": oid, "scale": float(f"{span / highest:.1g}"), "offset": level}
        points.append(entry if index is None else {**entry, "index": index})
    return {
        "name": PROFILE, "vendor": "none", "family": "benchmark", "kind": "ups", "source": "made up for benchmarks",
        "description": "Ten scalars.", "match": [], "points": points,
    }  # fmt: skip


def write(
    folder: Path,
    ports: Sequence[int],
    *,
    count: int | None = None,
    oids: Sequence[str] = GAUGES,
    highest: float = 70_000,
    polling: dict[str, str] | None = None,
    v3: bool = False,
) -> Config:
    """A site in `folder` with `count` UPSs (one per port if not given), spread over agents at `ports` of 127.0.0.1."""
    site_dir = folder / "config"
    shutil.copytree(EXAMPLE, site_dir)
    site = yaml.safe_load((EXAMPLE / "site.yaml").read_text(encoding="utf-8"))
    names = [f"bench-{number}" for number in range(count or len(ports))]
    site["assets"] += [
        {"id": name, "kind": "ups", "name": name, "section": f"fs{1 + n % 4}"} for n, name in enumerate(names)
    ]
    devices = {
        name: {"profile": PROFILE, "snmp": {"host": "127.0.0.1", "port": ports[n % len(ports)], "credentials": "bench"}}
        for n, name in enumerate(names)
    }
    (folder / "key").write_text("authauth1", encoding="ascii")
    (folder / "privacy").write_text("privpriv1", encoding="ascii")
    (folder / "community").write_text("public", encoding="ascii")
    user = {"version": "3", "user": "bench", "auth_key": f"file:{folder}/key", "priv_key": f"file:{folder}/privacy"}
    community = {"version": "2c", "community": f"file:{folder}/community"}
    agent = {
        "data_dir": str(folder / "data"),
        "polling": polling or {},
        "traps": {"listen": "127.0.0.1:0"},
        "web": {"listen": "127.0.0.1:0"},
    }
    (folder / "data").mkdir()
    _dump(site_dir / "site.yaml", site)
    _dump(site_dir / "collectors.yaml", {"credentials": {"bench": user if v3 else community}, "devices": devices})
    _dump(site_dir / "agent.yaml", agent)
    (site_dir / "profiles").mkdir(exist_ok=True)
    _dump(site_dir / "profiles" / f"{PROFILE}.yaml", profile(oids, highest))
    return load(site_dir)


def _dump(path: Path, content: dict[str, Any]) -> None:
    path.write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")
