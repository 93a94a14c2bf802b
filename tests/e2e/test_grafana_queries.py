"""Every query of every board, asked of Debian's InfluxDB that dcmon has filled from the simulated site."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from servers import influxdb_1

from dcmon.config.vocabulary import vocabulary

ROOT = Path(__file__).resolve().parent.parent.parent
BOARDS = sorted((ROOT / "grafana" / "dashboards").glob("*.json"))
PLAUSIBLE = {
    "%": (0, 130),
    "degC": (5, 60),
    "V": (0, 500),
    "s": (0, 1e6),
    "bit/s": (0, 12e9),
    "1": (0, 1e6),
}


def targets() -> list[tuple[str, str, str]]:
    return [
        (path.stem, panel["title"], target["query"])
        for path in BOARDS
        for panel in json.loads(path.read_text())["panels"]
        for target in panel.get("targets", [])
    ]


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """An InfluxDB with ten minutes of the simulated site in it, a mains outage among them."""
    folder = tmp_path_factory.mktemp("grafana")
    site = folder / "config"
    shutil.copytree(ROOT / "config", site)
    with influxdb_1(folder) as url:
        ask(url, "CREATE DATABASE dcmon", method="POST")
        agent = site / "agent.yaml"
        agent.write_text(
            agent.read_text().replace(
                'influx: {enabled: false, url: "http://127.0.0.1:8086"',
                f'influx: {{enabled: true, api: v1, url: "{url}"',
            )
        )
        assert url in agent.read_text()
        command = [sys.executable, "-m", "dcmon", "demo", "--config", str(site), "--data-dir", str(folder / "data")]
        options = ["--scenario", "mains-outage", "--speed", "15", "--exit-after", "16", "--port", "0"]
        subprocess.run([*command, *options], check=True, timeout=90, capture_output=True)
        yield url


def ask(url: str, query: str, method: str = "GET") -> Any:
    data = urllib.parse.urlencode({"db": "dcmon", "q": query, "epoch": "ms"})
    request = (
        urllib.request.Request(f"{url}/query", data.encode(), method="POST")
        if method == "POST"
        else urllib.request.Request(f"{url}/query?{data}")
    )
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.load(answer)["results"][0]


def substituted(url: str, query: str) -> str:
    """What Grafana makes of its macros, over the time of the data."""
    values = ask(url, 'SELECT first(value) FROM "device.poll_time"')["series"][0]["values"]
    start = values[0][0] - 1000
    return query.replace("$timeFilter", f"time >= {start}ms AND time <= {start + 3_600_000}ms").replace(
        "$__interval", "10s"
    )


@pytest.mark.needs("influxd")
@pytest.mark.timeout(180)
def test_every_query_of_every_board_answers_with_plausible_data(filled: str) -> None:
    assert len(targets()) > 15
    for board, panel, query in targets():
        result = ask(filled, substituted(filled, query))
        series = result.get("series", [])
        assert series, f"{board}: {panel}: no data for {query}: {result}"
        point = vocabulary()[query.split('FROM "')[1].split('"')[0]]
        for one in series:
            assert one["tags"]["asset"]
            values = [row[1] for row in one["values"] if row[1] is not None]
            assert values
            if point.type == "enum":
                assert set(values) <= set(point.values)
            elif point.type == "bool":
                assert all(0 <= value <= 1 for value in values)
            else:
                low, high = PLAUSIBLE[point.unit or "1"]
                assert all(low <= value <= high for value in values), f"{panel}: {one['tags']}: {values[:5]}"


@pytest.mark.needs("influxd")
@pytest.mark.timeout(180)
def test_the_outage_can_be_seen_on_the_wall(filled: str) -> None:
    query = 'SELECT min(value) FROM "mains.available" GROUP BY asset'
    assert [row["values"][0][1] for row in ask(filled, query)["series"]] == [0, 0]
    battery = ask(filled, 'SELECT max(value) FROM "ups.on_battery" GROUP BY asset')["series"]
    assert [row["values"][0][1] for row in battery] == [1, 1]


def test_the_boards_ask_only_for_points_of_the_vocabulary() -> None:
    points = {query.split('FROM "')[1].split('"')[0] for _, _, query in targets()}
    assert points <= set(vocabulary())
