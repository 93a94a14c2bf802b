"""Puts the web room together: one aiohttp application over one SiteState."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from importlib.resources import files
from pathlib import Path

from aiohttp import web, web_app

from dcmon.web.api import Api
from dcmon.web.guard import guard
from dcmon.web.pages import Pages
from dcmon.web.plan import Plan
from dcmon.web.state import SiteState
from dcmon.web.stream import Hub
from dcmon.web.view import SiteView, view_site
from dcmon.web.words import Words

BODY_LIMIT = 16 * 1024


class Site:
    """What all handlers share. The plan follows the configuration: a reload swaps `state.config`."""

    def __init__(self, state: SiteState) -> None:
        self.state = state
        self._plan = Plan(state.config)
        self.pages = Pages(self)
        self.hub = Hub(state, self.pages.draw, self.pages.beat)

    @property
    def plan(self) -> Plan:
        """What was worked out from the present configuration."""
        if self._plan.config is not self.state.config:
            self._plan = Plan(self.state.config)
        return self._plan

    def view(self, lang: str) -> SiteView:
        """The site now."""
        return view_site(self.state, self.plan, Words(lang))


def create_app(state: SiteState) -> web.Application:
    """The NOC page, the API, /healthz and /metrics over `state`. Serve it on loopback only: see `check_listen`."""
    site = Site(state)
    app = web.Application(middlewares=[guard], client_max_size=BODY_LIMIT)
    app.add_routes(site.pages.routes())
    app.add_routes(Api(site).routes())
    app.router.add_static("/static", Path(str(files("dcmon.web").joinpath("static"))), append_version=False)

    async def live(_: web.Application) -> AsyncIterator[None]:
        following = asyncio.create_task(site.hub.run(), name="web: changes")
        yield
        following.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await following
        _forget_handlers()

    async def hang_up(_: web.Application) -> None:
        await site.hub.close()

    app.cleanup_ctx.append(live)
    app.on_shutdown.append(hang_up)
    return app


def _forget_handlers() -> None:
    """aiohttp keeps 1,024 handlers with their middlewares for ever, and with each the whole site behind it: after a
    reload the old one would stay in memory."""
    cached = getattr(web_app, "_cached_build_middleware", None)
    if cached is not None:
        cached.cache_clear()
