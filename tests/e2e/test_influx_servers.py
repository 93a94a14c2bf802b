"""The sink against the real servers of the distribution: what was put in is what they answer."""

from __future__ import annotations

import asyncio
import contextlib
import json
import subprocess
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from servers import end, free_port, start

from dcmon.config.agent import Influx
from dcmon.model import Quality, Reading
from dcmon.storage.influx import InfluxSink
from dcmon.storage.spool import Spool

START = 1_790_000_000_000
TAGS = {"ups-a": {"kind": "ups", "section": "fs1"}}
AWKWARD = 'a, b=c "d" \\ e\\'


class Server:
    """A program that listens; it can be stopped and started again on the same data and port."""

    def __init__(self, command: list[str], url: str, ready: str) -> None:
        self.command = command
        self.url = url
        self.ready = url + ready
        self.process: subprocess.Popen[bytes] | None = None

    async def start(self) -> None:
        self.process = await asyncio.to_thread(start, self.command, self.ready)

    def stop(self) -> None:
        if self.process is not None:
            end(self.process)
            self.process = None


@pytest.fixture
def victoria(tmp_path: Path) -> Iterator[Server]:
    address = f"127.0.0.1:{free_port()}"
    server = Server(
        [
            "victoria-metrics",
            f"-storageDataPath={tmp_path / 'vm'}",
            f"-httpListenAddr={address}",
            "-retentionPeriod=100y",
            "-memory.allowedBytes=100MB",
        ],
        f"http://{address}",
        "/health",
    )
    yield server
    server.stop()


@pytest.fixture
def influxd(tmp_path: Path) -> Iterator[Server]:
    folder = tmp_path / "influx"
    address = f"127.0.0.1:{free_port()}"
    config = tmp_path / "influxdb.conf"
    config.write_text(
        f'reporting-disabled = true\nbind-address = "127.0.0.1:{free_port()}"\n'
        f'[meta]\ndir = "{folder}/meta"\n[data]\ndir = "{folder}/data"\nwal-dir = "{folder}/wal"\n'
        f'[http]\nbind-address = "{address}"\nlog-enabled = false\n[monitor]\nstore-enabled = false\n',
        encoding="utf-8",
    )
    server = Server(["influxd", "-config", str(config)], f"http://{address}", "/ping")
    yield server
    server.stop()


@contextlib.asynccontextmanager
async def sink_to(folder: Path, server: Server, api: str, **changed: Any) -> AsyncIterator[InfluxSink]:
    settings = Influx(**{"url": server.url, "api": api, "flush": "50ms", "timeout": "3s"} | changed)
    sink = InfluxSink(settings, Spool(folder, 100), tags=TAGS)
    task = asyncio.create_task(sink.run())
    try:
        yield sink
        assert not task.done()
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        sink.close()


async def confirmed(sink: InfluxSink, count: int) -> None:
    async with asyncio.timeout(20):
        while sink.stats.written < count or sink.spool.pending:  # noqa: ASYNC110  # the sink's figures have no event
            await asyncio.sleep(0.05)


async def get(url: str, **query: str) -> str:
    async with aiohttp.ClientSession() as session, session.get(url, params=query) as answer:
        assert answer.status == 200, await answer.text()
        return await answer.text()


async def post(url: str, data: Any) -> None:
    async with aiohttp.ClientSession() as session, session.post(url, data=data) as answer:
        assert answer.status < 300, await answer.text()


async def influxql(server: Server, query: str, database: str = "dcmon") -> list[dict[str, Any]]:
    """Series of one statement's answer."""
    text = await get(server.url + "/query", db=database, q=query, epoch="ms")
    (result,) = json.loads(text)["results"]
    assert "error" not in result, result
    series: list[dict[str, Any]] = result.get("series", [])
    return series


def samples() -> list[Reading]:
    return [
        *(Reading(START + n * 5000, "ups-a", "input.voltage", "1", 230 + n / 10) for n in range(500)),
        Reading(START, "ups-a", "ups.on_battery", None, True),
        Reading(START + 1, "ups-a", "ups.on_battery", None, False),
        Reading(START, "ups-a", "output.source", None, "battery"),
        Reading(START, "ups-a", "battery.charge", None, 9999, Quality.BAD, 'sentinel "9999"'),
        Reading(START, "ups-a", "battery.runtime", None, 600, Quality.UNCERTAIN, "self test"),
        Reading(START, "env-1", "ambient.temperature", AWKWARD, 21.5),
        Reading(START, "pdu-a1", "pdu.energy", None, 2**53 - 1),
    ]


@pytest.mark.needs("victoria-metrics")
async def test_victoria_metrics_gives_back_every_number_also_those_of_an_outage(
    victoria: Server, tmp_path: Path
) -> None:
    every = samples()
    await victoria.start()
    async with sink_to(tmp_path, victoria, "v2") as sink:
        sink.append(every[:250])
        await confirmed(sink, 250)
        victoria.stop()
        for start in range(250, 500, 50):
            sink.append(every[start : start + 50])
            await asyncio.sleep(0.1)
        async with asyncio.timeout(10):
            while sink.failure is None or not sink.spool.pending:  # noqa: ASYNC110
                await asyncio.sleep(0.05)
        await victoria.start()
        sink.append(every[500:])
        await confirmed(sink, len(every))
    await get(victoria.url + "/internal/force_flush")
    text = await get(
        victoria.url + "/api/v1/export", **{"match[]": '{asset!=""}', "start": f"{START / 1000}", "end": "9000000000"}
    )
    found = {}
    for line in text.splitlines():
        series = json.loads(line)
        labels = series["metric"]
        found[labels["__name__"], labels.get("index")] = (labels, series["timestamps"], series["values"])
    labels, stamps, values = found["input.voltage_value", "1"]
    assert (labels["asset"], labels["kind"], labels["section"]) == ("ups-a", "ups", "fs1")
    assert stamps == [START + n * 5000 for n in range(500)]
    assert values == [230 + n / 10 for n in range(500)]
    assert found["ups.on_battery_value", None][1:] == ([START, START + 1], [1, 0])
    assert found["pdu.energy_value", None][2] == [2**53 - 1]
    assert ("battery.charge_value", None) not in found
    assert found["ambient.temperature_value", 'a, b=c "d" / e/'][2] == [21.5]


@pytest.mark.needs("influxd")
async def test_influxdb_1_gives_back_numbers_truths_words_and_qualities_by_influxql(
    influxd: Server, tmp_path: Path
) -> None:
    await influxd.start()
    async with sink_to(tmp_path, influxd, "v1") as sink:
        sink.append(samples())
        async with asyncio.timeout(10):
            while sink.failure is None:  # noqa: ASYNC110
                await asyncio.sleep(0.05)
        assert "database not found" in str(sink.failure)
        assert "create it" in str(sink.failure)
        await post(influxd.url + "/query", {"q": "CREATE DATABASE dcmon"})
        await confirmed(sink, len(samples()))
        sink.append(samples())
        await confirmed(sink, 2 * len(samples()))
    (voltage,) = await influxql(influxd, 'SELECT value FROM "input.voltage" GROUP BY *')
    assert voltage["tags"] == {"asset": "ups-a", "index": "1", "kind": "ups", "section": "fs1"}
    assert voltage["values"] == [[START + n * 5000, 230 + n / 10] for n in range(500)]
    (mean,) = await influxql(influxd, "SELECT mean(value), count(value) FROM \"ups.on_battery\" WHERE asset = 'ups-a'")
    assert mean["values"][0][1:] == [0.5, 2]
    (word,) = await influxql(influxd, 'SELECT last(text) FROM "output.source"')
    assert word["values"][0][1] == "battery"
    (bad,) = await influxql(influxd, 'SELECT * FROM "battery.charge"')
    assert "value" not in bad["columns"]
    assert dict(zip(bad["columns"], bad["values"][0], strict=True))["reason"] == 'sentinel "9999"'
    (unsure,) = await influxql(influxd, "SELECT value FROM \"battery.runtime\" WHERE quality = 'uncertain'")
    assert unsure["values"] == [[START, 600]]
    (odd,) = await influxql(influxd, 'SHOW TAG VALUES FROM "ambient.temperature" WITH KEY = "index"')
    assert odd["values"] == [["index", 'a, b=c "d" / e/']]
    (cardinality,) = await influxql(influxd, "SHOW SERIES CARDINALITY")
    assert cardinality["values"] == [[7]]


@pytest.mark.needs("influxd")
async def test_a_field_of_another_type_costs_its_own_lines_only(influxd: Server, tmp_path: Path) -> None:
    await influxd.start()
    await post(influxd.url + "/query", {"q": "CREATE DATABASE dcmon"})
    await post(influxd.url + "/write?db=dcmon&precision=ms", f'input.voltage value="text" {START}')
    async with sink_to(tmp_path, influxd, "v1") as sink:
        sink.append(samples())
        await confirmed(sink, 7)
        async with asyncio.timeout(10):
            while sink.stats.refused + sink.stats.written < len(samples()) or sink.spool.pending:  # noqa: ASYNC110
                await asyncio.sleep(0.05)
    for measurement in ("ups.on_battery", "output.source", "battery.charge", "ambient.temperature", "pdu.energy"):
        assert await influxql(influxd, f'SELECT * FROM "{measurement}"')
    assert sink.stats.refused in (499, 500)
