"""The API over real HTTP: what it answers, what it refuses, how it streams."""

from __future__ import annotations

import asyncio
import json
import socket
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any, ClassVar

import pytest
import web_state
from aiohttp import ClientResponse
from aiohttp.test_utils import TestClient, TestServer
from web_state import MINUTE, NOW, FakeState

from dcmon.config.loader import load
from dcmon.model import Quality, Transition
from dcmon.web import create_app
from dcmon.web.stream import MAX_CLIENTS

ROOT_INCIDENT = "I-20261123-0001"
ACK = f"/api/v1/incidents/{ROOT_INCIDENT}/ack"


@pytest.fixture
def state() -> FakeState:
    return web_state.outage()


@pytest.fixture
async def client(state: FakeState) -> AsyncIterator[TestClient[Any, Any]]:
    async with TestClient(TestServer(create_app(state))) as opened:
        yield opened


async def get(client: TestClient[Any, Any], path: str, status: int = 200) -> Any:
    answer = await client.get(path)
    assert answer.status == status, await answer.text()
    return await answer.json()


class TestReading:
    async def test_the_site_holds_everything_that_the_page_shows(self, client: TestClient[Any, Any]) -> None:
        site = await get(client, "/api/v1/site")
        assert (site["state"], site["word"], site["now"]) == ("alarm", "ALARM", "2026-11-23T10:03:22.500Z")
        assert site["incidents"][0]["id"] == ROOT_INCIDENT
        assert site["incidents"][0]["started"] == "2026-11-23T10:01:48.500Z"
        assert site["incidents"][0]["class"] == "power"
        assert site["cooling"][0]["able"] == 2
        assert site["uplinks"]["able"] == 6
        assert {line["state"] for line in site["power"]["lines"]} == {"live", "dead"}
        assert site["silent"][0]["asset"] == "env-2"
        german = await get(client, "/api/v1/site?lang=de")
        assert german["sentence"].startswith("Mains routes: kein Netzweg mehr.")

    async def test_maintenance_is_a_calendar_that_programs_can_subscribe_to(self, client: TestClient[Any, Any]) -> None:
        answer = await client.get("/api/v1/maintenance.ics")
        assert (answer.status, answer.content_type, answer.charset) == (200, "text/calendar", "utf-8")
        assert (await answer.text()).startswith("BEGIN:VCALENDAR")

    async def test_points_are_found_by_asset_point_and_prefix(self, client: TestClient[Any, Any]) -> None:
        one = (await get(client, "/api/v1/points?asset=ups-b&point=battery.charge"))["points"]
        assert one == [
            {
                "ts": "2026-11-23T10:03:22.100Z",
                "asset": "ups-b",
                "point": "battery.charge",
                "index": None,
                "value": 71.0,
                "quality": "good",
                "reason": None,
                "source": None,
                "unit": "%",
                "stale": False,
            }
        ]
        battery = (await get(client, "/api/v1/points?prefix=battery."))["points"]
        assert {row["point"] for row in battery} == {"battery.charge", "battery.runtime", "battery.status"}
        assert (await get(client, "/api/v1/points?asset=nowhere"))["points"] == []

    async def test_a_bad_reading_has_no_value_and_an_old_one_says_so(
        self, client: TestClient[Any, Any], state: FakeState
    ) -> None:
        state.say("ups-a", "battery.charge", 65535.0, quality=Quality.BAD, reason="sentinel")
        rows = (await get(client, "/api/v1/points?asset=ups-a&point=battery.charge"))["points"]
        assert (rows[0]["value"], rows[0]["reason"]) == (None, "sentinel")
        rows = (await get(client, "/api/v1/points?asset=env-2"))["points"]
        assert all(row["stale"] for row in rows)

    async def test_incidents_are_listed_open_ones_first_and_by_state(
        self, client: TestClient[Any, Any], state: FakeState
    ) -> None:
        over = state.open_incident("I-old", "leak", "leak-1", started=NOW - MINUTE, state="resolved", resolved=NOW)
        del state.incidents[over.id]  # long over: only the journal knows it
        listed = (await get(client, "/api/v1/incidents"))["incidents"]
        assert [row["id"] for row in listed] == [ROOT_INCIDENT, "I-20261123-0002", "I-20261123-0003", "I-old"]
        assert listed[1]["name"] == "Uplink 3 (1 Gbit/s)"
        resolved = (await get(client, "/api/v1/incidents?state=resolved"))["incidents"]
        assert [row["id"] for row in resolved] == ["I-old"]
        assert len((await get(client, "/api/v1/incidents?limit=2"))["incidents"]) == 2
        assert (await get(client, "/api/v1/incidents/I-old"))["incident"]["state"] == "resolved"

    async def test_an_incident_tells_cause_response_alarms_timeline_and_deliveries(
        self, client: TestClient[Any, Any]
    ) -> None:
        told = await get(client, f"/api/v1/incidents/{ROOT_INCIDENT}")
        assert told["response"].startswith("Confirm both generators under load")
        assert len(told["alarms"]) == 7
        assert told["alarms"][1]["suppressed"] == "caused by mains"
        stamps = [entry["ts"] for entry in told["timeline"]]
        assert stamps == sorted(stamps)
        assert [row["person"] for row in told["deliveries"]] == ["weber", "control"]
        assert told["curves"][0]["key"] == {"asset": "mains-a", "point": "mains.available", "index": None}

    async def test_the_smaller_lists_answer(self, client: TestClient[Any, Any], state: FakeState) -> None:
        assert (await get(client, "/api/v1/tasks"))["tasks"][0]["due"] == "2026-11-24T14:03:22.500Z"
        assert (await get(client, "/api/v1/clocks"))["clocks"][0]["elapsed_ms"] == 134 * MINUTE
        assert (await get(client, "/api/v1/slo"))["slo"][0]["target"] == 99.99
        assert (await get(client, "/api/v1/oncall"))["oncall"][0]["people"][0]["name"] == "Anna Weber (energy)"
        devices = {row["asset"]: row for row in (await get(client, "/api/v1/devices"))["devices"]}
        assert (devices["env-2"]["reachable"], devices["env-2"]["failures"]) == (False, 9)
        alarms = await get(client, "/api/v1/alarms?state=active")
        assert alarms["alarms"][0]["severity"] == "critical"
        assert alarms["health"]["activated"]["critical"] == 2

    async def test_events_are_the_youngest_of_the_kind_asked_for(
        self, client: TestClient[Any, Any], state: FakeState
    ) -> None:
        for age in (5, 3, 90):
            state.history.rows.append(Transition(NOW - age * MINUTE, "trap", "ups-a", "received", "onBattery"))
        traps = (await get(client, "/api/v1/events?type=trap&minutes=60"))["events"]
        assert [row["ts"] for row in traps] == ["2026-11-23T10:00:22.500Z", "2026-11-23T09:58:22.500Z"]

    async def test_metrics_and_health_answer_in_their_formats(
        self, client: TestClient[Any, Any], state: FakeState
    ) -> None:
        answer = await client.get("/metrics")
        assert answer.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
        assert 'dcmon_alarms{severity="critical",state="active"} 2.0' in await answer.text()
        assert (await get(client, "/healthz"))["status"] == "ok"
        state.journal_error = "no space left on device"
        unwell = await get(client, "/healthz", 503)
        assert unwell["reasons"] == ["the journal takes no rows: no space left on device"]

    @pytest.mark.parametrize(
        "path",
        [
            "/api/v1/incidents?limit=0",
            "/api/v1/incidents?limit=1001",
            "/api/v1/incidents?limit=-1",
            "/api/v1/incidents?limit=²",
            "/api/v1/incidents?limit=99999999999999999999",
            "/api/v1/incidents?state=broken",
            "/api/v1/alarms?state=broken",
            "/api/v1/events?minutes=x",
            "/api/v1/stream?view=broken",
        ],
    )
    async def test_a_wrong_question_is_refused_with_a_hint(self, client: TestClient[Any, Any], path: str) -> None:
        refused = await get(client, path, 400)
        assert set(refused) == {"error", "hint"}

    @pytest.mark.parametrize("path", ["/api/v1/nothing", "/nothing", "/api/v1/incidents/I-none", "/static/../state.py"])
    async def test_what_does_not_exist_is_404_in_json(self, client: TestClient[Any, Any], path: str) -> None:
        assert set(await get(client, path, 404)) == {"error", "hint"}

    async def test_an_unknown_incident_page_leads_back_to_the_wall(self, client: TestClient[Any, Any]) -> None:
        answer = await client.get("/incidents/I-none", headers={"Accept-Language": "de"})
        assert answer.status == 404
        assert "Diese Seite gibt es nicht" in await answer.text()


class TestAcknowledging:
    async def test_the_name_is_kept_and_answered(self, client: TestClient[Any, Any], state: FakeState) -> None:
        answer = await client.post(ACK, json={"by": "  Anna \n Weber "})
        assert answer.status == 200
        assert (await answer.json())["incident"]["acked_by"] == "Anna Weber"
        assert state.incidents[ROOT_INCIDENT].acked_by == "Anna Weber"

    async def test_twice_is_a_conflict_that_names_the_first(self, client: TestClient[Any, Any]) -> None:
        await client.post(ACK, json={"by": "Anna"})
        answer = await client.post(ACK, json={"by": "Tobias"})
        assert answer.status == 409
        assert "acknowledged by Anna" in (await answer.json())["error"]

    async def test_what_is_over_merged_or_unknown_cannot_be_acknowledged(
        self, client: TestClient[Any, Any], state: FakeState
    ) -> None:
        row = state.incidents[ROOT_INCIDENT]
        state.incidents[ROOT_INCIDENT] = replace(row, state="resolved")
        assert (await client.post(ACK, json={"by": "Anna"})).status == 409
        state.incidents[ROOT_INCIDENT] = replace(row, state="merged", merged_into="I-9")
        answer = await client.post(ACK, json={"by": "Anna"})
        assert (answer.status, "I-9" in (await answer.json())["hint"]) == (409, True)
        assert (await client.post("/api/v1/incidents/I-none/ack", json={"by": "Anna"})).status == 404

    @pytest.mark.parametrize(
        "body",
        [
            "",
            "{",
            "[]",
            "null",
            "{}",
            '{"by": ""}',
            '{"by": " \\u0000 "}',
            '{"by": 5}',
            "[" * 9000,
            f'{{"by": "{"x" * 81}"}}',
        ],
    )
    async def test_a_body_without_a_usable_name_changes_nothing(
        self, client: TestClient[Any, Any], state: FakeState, body: str
    ) -> None:
        answer = await client.post(ACK, data=body, headers={"Content-Type": "application/json"})
        assert answer.status == 400
        assert set(await answer.json()) == {"error", "hint"}
        assert state.incidents[ROOT_INCIDENT].acked_by is None

    async def test_a_body_of_any_size_is_refused_before_it_is_read(self, client: TestClient[Any, Any]) -> None:
        answer = await client.post(ACK, data=b" " * 100_000, headers={"Content-Type": "application/json"})
        assert answer.status == 413


class TestRecords:
    DELIVERY: ClassVar = {"kind": "delivery", "by": "Anna", "asset": "tank-a", "litres": 8000, "fuel": "EN 590"}

    async def test_what_is_entered_can_be_read(self, client: TestClient[Any, Any]) -> None:
        answer = await client.post("/api/v1/records", json=self.DELIVERY)
        assert answer.status == 201
        assert (await answer.json())["record"]["by"] == "Anna"
        found = await get(client, "/api/v1/records?kind=delivery&subject=tank-a")
        assert [row["id"] for row in found["records"]] == ["delivery-1"]
        assert (await get(client, "/api/v1/records?kind=drill"))["records"] == []

    @pytest.mark.parametrize(
        ("words", "complaint"),
        [
            ({"litres": -1}, "litres"), ({"asset": "ups-a"}, "no tank"), ({"kind": "gift"}, "kind"),
            ({"by": " "}, "by"),
            ({"colour": "red"}, "colour"), ({"at": "yesterday"}, "no time"), ({"at": "2026-11-23T10:00:00"}, "no zone"),
        ],
    )  # fmt: skip
    async def test_what_cannot_be_taken_is_refused_and_says_why(
        self, client: TestClient[Any, Any], words: dict[str, Any], complaint: str
    ) -> None:
        answer = await client.post("/api/v1/records", json=self.DELIVERY | words)
        assert answer.status == 400
        assert complaint in (await answer.json())["error"]
        assert (await get(client, "/api/v1/records"))["records"] == []


class TestForeigners:
    @pytest.mark.parametrize("host", ["evil.example", "192.0.2.1:8080", "127.0.0.1.evil.example", ""])
    @pytest.mark.parametrize("path", ["/", "/api/v1/site", "/metrics", "/static/dcmon.js"])
    async def test_another_host_name_is_not_served(self, client: TestClient[Any, Any], host: str, path: str) -> None:
        answer = await client.get(path, headers={"Host": host})
        assert answer.status == 421
        assert "NORMAL" not in await answer.text()

    @pytest.mark.parametrize("host", ["localhost", "localhost:8080", "[::1]:8080", "127.0.0.1"])
    async def test_every_name_of_loopback_is(self, client: TestClient[Any, Any], host: str) -> None:
        assert (await client.get("/", headers={"Host": host})).status == 200

    async def test_a_form_of_another_page_cannot_acknowledge(
        self, client: TestClient[Any, Any], state: FakeState
    ) -> None:
        body = json.dumps({"by": "evil"})
        plain = await client.post(ACK, data=body, headers={"Content-Type": "text/plain"})
        foreign = {"Content-Type": "application/json", "Origin": "http://evil.example"}
        other_port = {"Content-Type": "application/json", "Origin": "http://127.0.0.1:1"}
        assert plain.status == 415
        assert (await client.post(ACK, data=body, headers=foreign)).status == 403
        assert (await client.post(ACK, data=body, headers=other_port)).status == 403
        assert state.incidents[ROOT_INCIDENT].acked_by is None

    async def test_every_answer_carries_the_policy(self, client: TestClient[Any, Any]) -> None:
        for path in ("/", "/incidents", f"/incidents/{ROOT_INCIDENT}", "/static/dcmon.js", "/nothing", "/api/v1/site"):
            answer = await client.get(path)
            assert "default-src 'self'" in answer.headers["Content-Security-Policy"]
            assert answer.headers["X-Content-Type-Options"] == "nosniff"

    async def test_pages_have_no_inline_script_style_or_foreign_address(self, client: TestClient[Any, Any]) -> None:
        for path in ("/", "/incidents", f"/incidents/{ROOT_INCIDENT}"):
            text = await (await client.get(path)).text()
            assert "<script>" not in text and "style=" not in text and "<style" not in text and " onclick" not in text
            assert "http://" not in text.replace("http://www.w3.org", "") and "https://" not in text

    async def test_a_fault_inside_is_told_without_its_innards(
        self, client: TestClient[Any, Any], state: FakeState, caplog: pytest.LogCaptureFixture
    ) -> None:
        def broken() -> list[Any]:
            raise RuntimeError("secret innards")

        state.devices = broken  # type: ignore[method-assign]
        answer = await client.get("/api/v1/devices")
        assert answer.status == 500
        assert "innards" not in await answer.text()
        assert "secret innards" in caplog.text


async def events(answer: ClientResponse, count: int, seconds: float = 8) -> list[tuple[str, dict[str, Any]]]:
    found: list[tuple[str, dict[str, Any]]] = []
    name = ""
    async with asyncio.timeout(seconds):
        while len(found) < count:
            line = (await answer.content.readline()).decode().rstrip("\n")
            if line.startswith("event: "):
                name = line.removeprefix("event: ")
            elif line.startswith("data: "):
                found.append((name, json.loads(line.removeprefix("data: "))))
    return found


async def test_what_a_small_site_does_not_have_is_no_fault_on_its_page() -> None:
    state = FakeState(load(web_state.EXAMPLE.parent / "examples" / "one-device"))
    state.say("ups-1", "ups.on_battery", False)
    state.say("ups-1", "battery.runtime", 109_762.0)
    state.on_duty = list  # type: ignore[method-assign]
    async with TestClient(TestServer(create_app(state))) as opened:
        page = await (await opened.get("/?lang=en")).text()
    assert "0/0" not in page and "count bad" not in page and "0 of 0" not in page
    assert "promised 24 h" not in page and "On duty</h2>" not in page
    assert "battery 1 d 06 h" in page


class TestStream:
    async def test_everything_comes_at_first_then_beats_then_only_what_changed(
        self, client: TestClient[Any, Any], state: FakeState
    ) -> None:
        async with client.get("/api/v1/stream?view=page") as answer:
            assert answer.headers["Content-Type"].startswith("text/event-stream")
            (kind, first), (quiet, beat) = await events(answer, 2)
            assert (kind, quiet) == ("update", "beat")
            assert "part:power" in first and "part:incidents" in first
            assert beat == {"now": "2026-11-23T10:03:22.500Z", "clock": "11:03:22", "date": "23 Nov 2026"}
            state.say("cooling-1", "cooling.ok", False)
            state.touch()
            told = [data for name, data in await events(answer, 2) if name == "update"]
            assert set(told[0]) - set(beat) == {"part:cooling"}

    async def test_a_storm_of_changes_becomes_two_updates_a_second(
        self, client: TestClient[Any, Any], state: FakeState
    ) -> None:
        async with client.get("/api/v1/stream") as answer:
            await events(answer, 1)
            began = time.monotonic()
            storm = asyncio.create_task(self._storm(state, 1.6))
            stamps = []
            while time.monotonic() - began < 1.6:
                await events(answer, 1)
                stamps.append(time.monotonic() - began)
            await storm
            assert 2 <= len(stamps) <= 5

    async def _storm(self, state: FakeState, seconds: float) -> None:
        end = time.monotonic() + seconds
        load = 0.0
        while time.monotonic() < end:
            load += 1
            state.say("ups-a", "output.load", load % 90, "1")
            state.touch()
            await asyncio.sleep(0.005)

    async def test_the_stream_for_programs_carries_the_site(self, client: TestClient[Any, Any]) -> None:
        async with client.get("/api/v1/stream") as answer:
            [(_, data)] = await events(answer, 1)
            assert data["site"]["state"] == "alarm"
            assert data["site"]["incidents"][0]["started"] == "2026-11-23T10:01:48.500Z"

    async def test_readings_grow_old_on_the_page_without_any_change(
        self, client: TestClient[Any, Any], state: FakeState, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("dcmon.web.stream.REDRAW_S", 0.6)
        async with client.get("/api/v1/stream") as answer:
            await events(answer, 1)
            await state.clock.advance(300)
            seen = [data["site"]["state"] for _, data in await events(answer, 3) if "site" in data]
            assert seen[-1] == "unknown"

    async def test_too_many_clients_are_refused_and_those_who_left_make_room(
        self, client: TestClient[Any, Any]
    ) -> None:
        opened = [await client.get("/api/v1/stream") for _ in range(MAX_CLIENTS)]
        assert (await get(client, "/api/v1/stream", 503))["hint"] == "Close pages that nobody looks at."
        for answer in opened:
            answer.close()
        async with asyncio.timeout(10):
            while (await client.get("/api/v1/stream")).status != 200:  # noqa: ASYNC110  # noticed at the next write
                await asyncio.sleep(0.1)

    async def test_a_client_that_never_reads_does_not_keep_its_place(
        self, client: TestClient[Any, Any], state: FakeState, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("dcmon.web.stream.MAX_CLIENTS", 1)
        monkeypatch.setattr("dcmon.web.stream.STUCK_S", 0.5)
        monkeypatch.setattr("dcmon.web.stream.MIN_GAP_S", 0.01)
        with socket.socket() as deaf:
            deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            deaf.connect((client.host, client.port))
            deaf.sendall(b"GET /api/v1/stream HTTP/1.1\r\nHost: localhost\r\n\r\n")
            await asyncio.sleep(0.2)
            assert (await client.get("/api/v1/stream")).status == 503
            await self._storm(state, 4)
            assert (await client.get("/api/v1/stream")).status == 200

    async def test_open_streams_do_not_hold_up_the_end(self, state: FakeState) -> None:
        server = TestServer(create_app(state))
        async with TestClient(server) as client:
            answer = await client.get("/api/v1/stream")
            await events(answer, 1)
            began = time.monotonic()
            await server.close()
            assert time.monotonic() - began < 3
            answer.close()

    async def test_a_broken_subscription_leaves_the_page_alive(self, caplog: pytest.LogCaptureFixture) -> None:
        class Broken(FakeState):
            async def subscribe(self) -> AsyncIterator[int]:
                raise RuntimeError("no more changes")
                yield 0

        async with TestClient(TestServer(create_app(Broken()))) as client, client.get("/api/v1/stream") as answer:
            assert len(await events(answer, 2)) == 2
        assert "no longer hears of changes" in caplog.text
