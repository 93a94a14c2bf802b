"""The pages that people see: HTML drawn here, so that the browser's program only swaps what changed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import jinja2
from aiohttp import web

import dcmon
from dcmon.instants import iso_utc
from dcmon.model import Incident
from dcmon.thresholds.availability import cut_share
from dcmon.web import chain
from dcmon.web.api import language
from dcmon.web.encode import jsonable
from dcmon.web.story import find_incident, tell
from dcmon.web.text import LocalTime, anything, number, quantity, shorten, span
from dcmon.web.view import SiteView, headline, incident_row, open_incidents
from dcmon.web.words import Words

if TYPE_CHECKING:
    from dcmon.web.server import Site

FRAGMENTS = (
    "head", "incidents", "power", "fuel", "cooling", "uplinks", "sections", "clocks", "tasks", "planned", "silent",
    "promises", "duty",
)  # fmt: skip
"""Parts of the wall that change by themselves: templates/parts/NAME.html into the element with id NAME."""
LISTED = 200
THEMES = ("auto", "dark", "light")


def environment() -> jinja2.Environment:
    """Templates escape everything: names of sensors and devices come from the wire."""
    env = jinja2.Environment(
        loader=jinja2.PackageLoader("dcmon.web"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    env.globals.update(chain=chain, span=span, instant=iso_utc, headline=headline)
    env.filters.update(shorten=shorten)
    return env


def _silent(_: int) -> str:
    """In the stream ages are left to the browser: every second every fragment would differ."""
    return ""


class Pages:
    """The handlers of the pages; one instance serves one site."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._env = environment()
        self._parts = {name: self._env.get_template(f"parts/{name}.html") for name in FRAGMENTS}

    def routes(self) -> list[web.RouteDef]:
        """Every page."""
        return [
            web.get("/", self.wall),
            web.get("/incidents", self.incidents),
            web.get("/incidents/{id}", self.incident),
        ]

    def beat(self, lang: str) -> dict[str, str]:
        """The time by dcmon's clock, in UTC and as the people at the site read it."""
        now = self._site.state.clock.now()
        local = LocalTime(self._site.plan.site.timezone, lang)
        return {"now": iso_utc(now), "clock": local.clock(now), "date": local.date(now)}

    def draw(self, form: str, lang: str) -> Mapping[str, Any]:
        """What the stream sends: the site as data, or the wall's fragments with what to announce."""
        view = self._site.view(lang)
        if form == "site":
            return {"site": jsonable(view)}
        announced = {row.id: f"{row.word}: {headline(row)}" for row in view.incidents}
        fragments = {f"part:{name}": html for name, html in self._fragments(view, lang, ages=False).items()}
        return {**fragments, "incidents": announced, "build": self._build()}

    def _build(self) -> str:
        """A wall that shows another build than this loads itself anew."""
        return f"{dcmon.__version__}-{self._site.plan.config.digest[:12]}"

    def _fragments(self, view: SiteView, lang: str, *, ages: bool) -> dict[str, str]:
        context = self._context(lang, view.now)
        if not ages:
            context["age_text"] = _silent
        return {name: template.render(view=view, **context) for name, template in self._parts.items()}

    def _context(self, lang: str, now: int) -> dict[str, Any]:
        plan = self._site.plan
        return {
            "t": Words(lang),
            "lang": lang,
            "now": now,
            "local": LocalTime(plan.site.timezone, lang),
            "plan": plan,
            "age_text": lambda since: span(now - since),
            "quantity": lambda value, unit: quantity(value, unit, lang),
            "number": lambda value, digits: number(value, digits, lang),
            "share": lambda percent, digits: number(cut_share(percent, digits), digits, lang),
            "anything": lambda value, unit: anything(value, unit, lang),
        }

    def _page(self, request: web.Request, template: str, lang: str, **facts: Any) -> web.Response:
        now = self._site.state.clock.now()
        theme = request.query.get("theme", "auto")
        context = {
            **self._context(lang, now),
            "build": self._build(),
            "theme": theme if theme in THEMES else "auto",
            "kept": {name: request.query[name] for name in ("lang", "theme") if name in request.query},
            "beat": self.beat(lang),
            "people": [person.name for person in self._site.plan.config.people.people],
            **facts,
        }
        text = self._env.get_template(template).render(context)
        return web.Response(text=text, content_type="text/html", headers={"Cache-Control": "no-store"})

    async def wall(self, request: web.Request) -> web.Response:
        lang = language(request)
        view = self._site.view(lang)
        return self._page(request, "wall.html", lang, view=view, parts=self._fragments(view, lang, ages=True))

    async def incidents(self, request: web.Request) -> web.Response:
        lang = language(request)
        state, plan, words = self._site.state, self._site.plan, Words(lang)
        kept: dict[str, Incident] = {row.id: row for row in await state.history.incidents(limit=LISTED)}
        kept.update(state.incidents)
        closed = sorted((row for row in kept.values() if row.state != "open"), key=lambda row: -row.opened)
        return self._page(
            request,
            "incidents.html",
            lang,
            opened=open_incidents(state.incidents, plan, words),
            closed=[incident_row(row, plan, words) for row in closed[:LISTED]],
        )

    async def incident(self, request: web.Request) -> web.Response:
        lang = language(request)
        incident = await find_incident(self._site.state, request.match_info["id"])
        if incident is None:
            response = self._page(request, "missing.html", lang)
            response.set_status(404)
            return response
        story = await tell(self._site.state, self._site.plan, Words(lang), incident)
        return self._page(request, "incident.html", lang, story=story)
