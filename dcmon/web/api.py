"""/api/v1: what the page shows, for programs. docs/api.md describes each address."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from aiohttp import web

from dcmon.config.entries import EntryError, parse_entry
from dcmon.model import Alarm, AlarmState, DcmonError, Incident, Quality, StoreError
from dcmon.thresholds.duties import as_dict, register
from dcmon.web import metrics
from dcmon.web.alarmhealth import PERIOD_MS, judge_alarms
from dcmon.web.encode import jsonable
from dcmon.web.guard import ApiError, answer
from dcmon.web.health import troubles
from dcmon.web.story import find_incident, tell
from dcmon.web.words import Words, choose_language

if TYPE_CHECKING:
    from dcmon.web.server import Site

MOST = 1000
"""Rows that one answer holds at most."""
NAME_LENGTH = 80


class Api:
    """The handlers; one instance serves one site."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._state = site.state

    def routes(self) -> list[web.RouteDef]:
        """Every address of the API, /healthz and /metrics."""
        return [
            web.get("/api/v1/site", self.site),
            web.get("/api/v1/points", self.points),
            web.get("/api/v1/alarms", self.alarms),
            web.get("/api/v1/incidents", self.incidents),
            web.get("/api/v1/incidents/{id}", self.incident),
            web.post("/api/v1/incidents/{id}/ack", self.acknowledge),
            web.get("/api/v1/slo", self.slo),
            web.get("/api/v1/oncall", self.oncall),
            web.get("/api/v1/tasks", self.tasks),
            web.get("/api/v1/clocks", self.clocks),
            web.get("/api/v1/records", self.records),
            web.get("/api/v1/register", self.register),
            web.post("/api/v1/records", self.enter),
            web.get("/api/v1/maintenance.ics", self.calendar),
            web.post("/api/v1/backups", self.backup),
            web.get("/api/v1/devices", self.devices),
            web.get("/api/v1/events", self.events),
            web.get("/api/v1/stream", self.stream),
            web.get("/healthz", self.healthz),
            web.get("/metrics", self.metrics),
        ]

    async def site(self, request: web.Request) -> web.Response:
        return answer(self._site.view(language(request, "en")))

    async def points(self, request: web.Request) -> web.Response:
        asset, point, prefix = (request.query.get(name) for name in ("asset", "point", "prefix"))
        now = self._state.clock.now()
        fresh = self._site.plan.holds.fresh
        rows = [
            {**reading._asdict(), "unit": self._state.unit_of(key), "stale": not fresh(reading, now)}
            for key, reading in self._state.latest.items()
            if (asset is None or key.asset == asset)
            and (point is None or key.point == point)
            and (prefix is None or key.point.startswith(prefix))
        ]
        rows.sort(key=lambda row: (row["asset"], row["point"], row["index"] or ""))
        for row in rows:
            if row["quality"] is Quality.BAD:
                row["value"] = None  # whatever a device said there, it is no value
        return answer({"now": now, "points": rows})

    async def alarms(self, request: web.Request) -> web.Response:
        wanted = request.query.get("state")
        if wanted is not None and wanted not in list(AlarmState):
            raise ApiError(400, f"state {wanted!r} is no alarm state", f"One of: {', '.join(AlarmState)}.")
        now = self._state.clock.now()
        rows: Sequence[Alarm] = [
            alarm
            for alarm in self._state.alarms.values()
            if (alarm.state == wanted if wanted else alarm.state is not AlarmState.NORMAL)
        ]
        rows = sorted(rows, key=lambda alarm: (-alarm.severity.rank, alarm.since, alarm.key))
        recent = await self._state.history.transitions(kind="alarm", since=now - PERIOD_MS, limit=10 * MOST)
        health = judge_alarms(self._state.alarms.values(), recent, now)
        return answer({"now": now, "alarms": rows, "health": health})

    async def incidents(self, request: web.Request) -> web.Response:
        wanted = request.query.get("state")
        if wanted not in (None, "open", "resolved", "merged"):
            raise ApiError(400, f"state {wanted!r} is no incident state", "One of: open, resolved, merged.")
        limit = whole(request, "limit", 100)
        kept = await self._state.history.incidents(state=wanted, limit=limit)
        rows = {row.id: row for row in kept}
        rows |= {row.id: row for row in self._state.incidents.values() if wanted in (None, row.state)}
        newest = sorted(rows.values(), key=lambda row: (row.state != "open", -row.opened, row.id))[:limit]
        return answer({"now": self._state.clock.now(), "incidents": [self._row(row) for row in newest]})

    def _row(self, incident: Incident) -> dict[str, Any]:
        plan = self._site.plan
        row: dict[str, Any] = jsonable(incident)
        root = incident.root
        return {**row, "name": plan.name_of(root), "place": plan.place_of(root), "section": plan.section_of(root)}

    async def incident(self, request: web.Request) -> web.Response:
        incident = await self._find(request)
        words = Words(language(request, "en"))
        story = await tell(self._state, self._site.plan, words, incident)
        told = jsonable(story)
        for curve in told["curves"]:
            for drawing in ("paths", "mark", "baseline"):
                del curve[drawing]
        deliveries = await self._state.history.deliveries(incident.id)
        return answer({**told, "incident": self._row(incident), "deliveries": deliveries})

    async def acknowledge(self, request: web.Request) -> web.Response:
        incident = await self._find(request)
        name = await _name(request)
        if incident.state == "merged":
            hint = f"Acknowledge {incident.merged_into} instead: it goes on there."
            raise ApiError(409, f"incident {incident.id} was merged", hint)
        if incident.state != "open":
            raise ApiError(409, f"incident {incident.id} is over", "There is nothing left to take care of.")
        if incident.acked_by is not None:
            hint = "It is in hands already: talk to each other."
            raise ApiError(409, f"incident {incident.id} is acknowledged by {incident.acked_by}", hint)
        try:
            await self._state.acknowledge(incident.id, name)
        except KeyError:
            raise _unknown(incident.id) from None
        now = await find_incident(self._state, incident.id)
        return answer({"incident": self._row(now or incident)})

    async def _find(self, request: web.Request) -> Incident:
        incident_id = request.match_info["id"]
        incident = await find_incident(self._state, incident_id)
        if incident is None:
            raise _unknown(incident_id)
        return incident

    async def slo(self, request: web.Request) -> web.Response:
        return answer({"now": self._state.clock.now(), "slo": self._state.slo(), "indicators": self._indicators()})

    def _indicators(self) -> list[dict[str, Any]]:
        return [
            {"id": row.id, "title": row.title, "state": row.state, "since": row.since, "contract": row.contract}
            for row in self._state.indicators()
        ]

    async def oncall(self, request: web.Request) -> web.Response:
        return answer({"now": self._state.clock.now(), "oncall": self._state.on_duty()})

    async def tasks(self, request: web.Request) -> web.Response:
        rows = sorted(self._state.tasks.values(), key=lambda task: (task.state == "done", task.due, task.id))
        return answer({"now": self._state.clock.now(), "tasks": rows})

    async def clocks(self, request: web.Request) -> web.Response:
        now = self._state.clock.now()
        rows = [
            {**jsonable(clock), "elapsed_ms": max(0, (clock.stopped or now) - clock.started)}
            for clock in sorted(self._state.clocks.values(), key=lambda clock: (-clock.started, clock.id))
        ]
        return answer({"now": now, "clocks": rows, "fixed": self._state.fixed()})

    async def records(self, request: web.Request) -> web.Response:
        kind, subject = request.query.get("kind"), request.query.get("subject")
        rows = await self._state.history.records(kind=kind, subject=subject, limit=whole(request, "limit", 100))
        return answer({"now": self._state.clock.now(), "records": rows})

    async def calendar(self, request: web.Request) -> web.Response:
        from dcmon.calendars import write_calendar

        rows = await self._state.history.records(kind="maintenance", subject=None, limit=MOST)
        content = await asyncio.to_thread(write_calendar, rows, self._site.plan.site.name)
        return web.Response(body=content, content_type="text/calendar", charset="utf-8")

    async def register(self, request: web.Request) -> web.Response:
        now, config = self._state.clock.now(), self._site.plan.config
        lines = [as_dict(line, config.site) for line in register(config, self._state.alarms, now)]
        return answer({"now": now, "register": lines})

    async def enter(self, request: web.Request) -> web.Response:
        hint = "docs/records.md lists the kinds of entries and their words."
        try:
            record = await self._state.enter(parse_entry(await _body(request, hint)))
        except EntryError as error:
            raise ApiError(400, str(error), hint) from None
        return answer({"record": record}, status=201)

    async def backup(self, request: web.Request) -> web.Response:
        hint = 'Send {"job": ..., "ok": true, "generations": 14, "newest": "2026-11-23T04:00:00Z"}; see docs/probes.md.'
        body = await _body(request, hint)
        job = body.get("job") if isinstance(body, dict) else None
        if not isinstance(job, str):
            raise ApiError(400, "the body names no job", hint)
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        try:
            known = scheme.lower() == "bearer" and await self._state.push_backup(job, token.strip(), body)
        except StoreError:
            raise
        except DcmonError as error:
            raise ApiError(400, f"the report cannot be used: {error}", hint) from None
        if not known:
            hint = "Send Authorization: Bearer TOKEN with the token that collectors.yaml refers to for this job."
            raise ApiError(401, "the job or its token is not known", hint)
        return answer({"job": job}, status=201)

    async def devices(self, request: web.Request) -> web.Response:
        rows = [
            {
                "asset": row.asset,
                "reachable": row.reachable,
                "last_success": row.last_success,
                "failures": row.failures,
                "back_off_until": row.back_off_until,
                "last_error": row.last_error,
            }
            for row in self._state.devices()
        ]
        return answer({"now": self._state.clock.now(), "devices": rows})

    async def events(self, request: web.Request) -> web.Response:
        kind = request.query.get("type")
        minutes = whole(request, "minutes", 24 * 60, most=400 * 24 * 60)
        limit = whole(request, "limit", 100)
        now = self._state.clock.now()
        rows = await self._state.history.transitions(kind=kind, since=now - minutes * 60_000, limit=limit)
        newest = sorted(rows, key=lambda row: -row.ts)
        return answer({"now": now, "events": newest})

    async def stream(self, request: web.Request) -> web.StreamResponse:
        form = request.query.get("view", "site")
        if form not in ("site", "page"):
            raise ApiError(400, f"view {form!r} is not streamed", "One of: site, page.")
        return await self._site.hub.serve(request, form, language(request, "en"))

    async def healthz(self, request: web.Request) -> web.Response:
        found = troubles(self._state, self._site.plan)
        body = {"status": "unwell" if found else "ok", "reasons": found, "now": self._state.clock.now()}
        return answer(body, status=503 if found else 200)

    async def metrics(self, request: web.Request) -> web.Response:
        since = self._state.clock.now() - metrics.HISTORY_MS
        recent = await self._state.history.transitions(kind="alarm", since=since, limit=10 * MOST)
        scrape = metrics.take(self._state, self._site.plan, recent)
        text = await asyncio.to_thread(metrics.expose, scrape)
        headers = {"Content-Type": "text/plain; version=0.0.4; charset=utf-8"}
        return web.Response(body=text, headers=headers)


def language(request: web.Request, default: str | None = None) -> str:
    """`?lang=`, else the browser's wish; programs, which name none, get `default`."""
    accepted = request.headers.get("Accept-Language", default or "")
    return choose_language(request.query.get("lang"), accepted)


def whole(request: web.Request, name: str, default: int, *, least: int = 1, most: int = MOST) -> int:
    """A whole number of the query; a refusal that names the range when it is none."""
    text = request.query.get(name)
    if text is None:
        return default
    if not text.isascii() or not text.isdigit() or not least <= int(text[:9]) <= most or len(text) > 9:
        raise ApiError(
            400, f"{name} {text[:40]!r} is no whole number from {least} to {most}", f"For example {name}=50."
        )
    return int(text)


async def _body(request: web.Request, hint: str) -> Any:
    try:
        return json.loads(await request.text())
    except (ValueError, RecursionError, LookupError):
        raise ApiError(400, "the body is not JSON", hint) from None


async def _name(request: web.Request) -> str:
    hint = 'Send {"by": "your name"}.'
    body = await _body(request, hint)
    by = body.get("by") if isinstance(body, dict) else None
    if not isinstance(by, str):
        raise ApiError(400, "the body names nobody", hint)
    name = " ".join("".join(letter if letter.isprintable() else " " for letter in by).split())
    if not name:
        raise ApiError(400, "the name is empty", hint)
    if len(name) > NAME_LENGTH:
        raise ApiError(400, f"the name is longer than {NAME_LENGTH} characters", hint)
    return name


def _unknown(incident_id: str) -> ApiError:
    return ApiError(404, f"incident {incident_id[:80]!r} is not known", "GET /api/v1/incidents lists all.")
