"""The page in a real browser: what is seen, what ticks, what happens when dcmon goes away."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
import web_state
from aiohttp.test_utils import TestServer
from web_browser import Page, browser
from web_state import NOW, FakeState

from dcmon.web import create_app

pytestmark = [pytest.mark.needs("chromium"), pytest.mark.timeout(120)]


@pytest.fixture
async def page(tmp_path: Path) -> AsyncIterator[Page]:
    async with browser(tmp_path / "profile") as opened:
        yield opened


Serve = Callable[..., Awaitable[TestServer]]


@pytest.fixture
async def serve() -> AsyncIterator[Serve]:
    """Starts dcmon's pages over a state; all are ended at the end."""
    started: list[TestServer] = []

    async def start(state: FakeState, port: int | None = None) -> TestServer:
        server = TestServer(create_app(state), port=port)
        await server.start_server()
        started.append(server)
        return server

    yield start
    for server in started:
        await server.close()


def clean(page: Page, server: TestServer) -> None:
    """Nothing in the console, nothing loaded from anywhere else."""
    assert page.faults == []
    assert {re.match(r"\w+://[^/]+", url).group() for url in page.requests} == {f"http://127.0.0.1:{server.port}"}  # type: ignore[union-attr]


LIVE = "document.body.classList.contains('live')"
OVERFLOWING = """
[...document.querySelectorAll('.panel, .tile, .incident, .state')]
  .filter((e) => e.scrollWidth > e.clientWidth + 1 || e.scrollHeight > e.clientHeight + 1)
  .map((e) => (e.id || e.className) + ': ' + e.innerText.slice(0, 60))
"""
SMALL = """
Math.min(...[...document.querySelectorAll('main *, header *')]
  .filter((e) => e.childNodes.length && [...e.childNodes].some((n) => n.nodeType === 3 && n.data.trim()))
  .filter((e) => e.getClientRects().length && !e.closest('.chain-list'))
  .map((e) => parseFloat(getComputedStyle(e).fontSize) * (e.ownerSVGElement ? e.getScreenCTM().a : 1)))
"""


@pytest.mark.parametrize("scene", [web_state.normal, web_state.outage, web_state.blackout, web_state.crowded])
async def test_a_wall_shows_everything_on_one_screen_and_large_enough(
    page: Page, serve: Serve, scene: Callable[[], FakeState]
) -> None:
    server = await serve(scene())
    await page.size(1920, 1080)
    await page.go(f"{server.make_url('/')}?lang=de")
    await page.until("[...document.querySelectorAll('.incident time')].every((age) => age.textContent !== '')")
    assert await page.run("document.documentElement.scrollHeight <= innerHeight")
    assert await page.run("document.documentElement.scrollWidth <= innerWidth")
    assert await page.run(OVERFLOWING) == []
    assert await page.run(SMALL) >= 14
    assert len(await page.shoot()) > 50_000
    clean(page, server)


async def test_a_phone_shows_the_incident_first_and_never_scrolls_sideways(page: Page, serve: Serve) -> None:
    server = await serve(web_state.outage())
    await page.size(390, 844)
    await page.go(f"{server.make_url('/')}?lang=de")
    assert await page.run("document.documentElement.scrollWidth <= innerWidth")
    assert await page.run("document.querySelector('.incident button').getBoundingClientRect().bottom < innerHeight")
    assert await page.run("document.querySelector('.incident button').getBoundingClientRect().height >= 44")
    assert await page.run("getComputedStyle(document.querySelector('.chain')).display") == "none"
    assert await page.run("document.querySelector('.chain-list').innerText.includes('Generator B')")
    clean(page, server)


async def test_a_large_screen_is_dark_and_a_small_one_follows_the_wish(page: Page, serve: Serve) -> None:
    server = await serve(web_state.normal())
    shade = "parseInt(getComputedStyle(document.body).backgroundColor.match(/\\d+/)[0]) < 128"
    await page.scheme("light")
    await page.size(1920, 1080)
    await page.go(str(server.make_url("/")))
    assert await page.run(shade)
    await page.size(1280, 800)
    assert not await page.run(shade)
    await page.scheme("dark")
    assert await page.run(shade)
    await page.go(f"{server.make_url('/')}?theme=light")
    assert not await page.run(shade)


async def test_a_new_incident_appears_without_reload_and_is_announced(page: Page, serve: Serve) -> None:
    state = web_state.normal()
    server = await serve(state)
    await page.go(f"{server.make_url('/')}?lang=en")
    await page.until("document.querySelector('#head .word').textContent === 'NORMAL'")
    await page.until(LIVE)
    await page.run("window.same = true")
    state.open_incident("I-7", "leak", "leak-1", started=NOW - 65_000)
    state.touch()
    await page.until("document.querySelector('#head .word').textContent === 'ALARM'")
    assert await page.run("window.same") is True
    assert await page.run("document.querySelector('.incident time').textContent") == "1 min 05 s"
    assert "water under the raised floor" in await page.run("document.getElementById('announce').textContent")
    await state.clock.advance(60)
    await page.until("document.querySelector('.incident time').textContent === '2 min 05 s'")
    clean(page, server)


async def test_acknowledging_needs_a_name_and_shows_it_to_everybody(page: Page, serve: Serve) -> None:
    state = web_state.outage()
    server = await serve(state)
    await page.go(f"{server.make_url('/')}?lang=en")
    await page.run("document.querySelector('[data-ack]').click()")
    assert await page.run("document.getElementById('ack').open")
    await page.run("document.querySelector('#ack [type=submit]').click()")
    assert state.incidents["I-20261123-0001"].acked_by is None
    await page.run("document.getElementById('ack-name').value = 'Anna <b>Weber</b>'")
    await page.run("document.querySelector('#ack [type=submit]').click()")
    await page.until("!document.querySelector('[data-ack]')")
    assert state.incidents["I-20261123-0001"].acked_by == "Anna <b>Weber</b>"
    assert "Anna <b>Weber</b>" in await page.run("document.getElementById('incidents').innerText")
    clean(page, server)


async def test_names_that_devices_send_are_text_and_never_markup(page: Page, serve: Serve) -> None:
    state = web_state.normal()
    evil = "<img src=x onerror=\"document.title='owned'\">"
    state.open_incident("I-8", "leak", "leak-1", started=NOW, title=evil, acked_by=evil)
    state.say("uplink-1", "if.oper", evil, "port-1")
    state.say("uplink-2", "bgp.state", evil, "198.51.100.2")
    state.silence("env-1", since=NOW, error=evil)
    state.slo_rows[0]["title"] = evil
    state.duty[0]["name"] = evil
    server = await serve(state)
    for path in ("/", "/incidents", "/incidents/I-8"):
        await page.go(str(server.make_url(path)))
        assert await page.run("document.querySelectorAll('img').length") == 0
        assert "onerror" in await page.run("document.body.innerText")
        assert await page.run("document.title") != "owned"
    clean(page, server)


async def test_when_dcmon_goes_away_the_page_says_so_and_comes_back_by_itself(page: Page, serve: Serve) -> None:
    state = web_state.normal()
    server = await serve(state)
    port = server.port
    await page.go(f"{server.make_url('/')}?lang=en")
    await page.until(LIVE)
    assert await page.run("document.getElementById('lost').hidden")
    await server.close()
    await page.until("!document.getElementById('lost').hidden", 15)
    assert "CONNECTION TO DCMON LOST" in await page.run("document.getElementById('lost').innerText")
    assert "11:03:22" in await page.run("document.getElementById('lost').innerText")
    assert float(await page.run("getComputedStyle(document.querySelector('.top')).opacity")) < 0.7
    await serve(web_state.outage(), port)
    await page.until("document.getElementById('lost').hidden", 20)
    await page.until("document.querySelector('#head .word').textContent === 'ALARM'")


async def test_the_incident_page_follows_without_reload(page: Page, serve: Serve) -> None:
    state = web_state.outage()
    server = await serve(state)
    await page.size(1400, 1000)
    await page.go(f"{server.make_url('/incidents/I-20261123-0001')}?lang=en")
    assert await page.run("document.querySelectorAll('.curve svg path.stroke').length") >= 2
    assert await page.run("document.querySelectorAll('.timeline li').length") >= 18
    assert "Anna Weber (energy)" in await page.run("document.querySelector('.timeline').innerText")
    await page.run("window.same = true")
    await state.acknowledge("I-20261123-0001", "Tobias Lang")
    await page.until("document.querySelector('.banner').innerText.includes('Tobias Lang')")
    assert await page.run("window.same") is True
    clean(page, server)


async def test_every_button_and_link_can_be_reached_by_keyboard(page: Page, serve: Serve) -> None:
    server = await serve(web_state.outage())
    await page.go(str(server.make_url("/")))
    reached = set()
    for _ in range(12):
        for kind in ("keyDown", "keyUp"):
            await page.call("Input.dispatchKeyEvent", type=kind, key="Tab", code="Tab", windowsVirtualKeyCode=9)
        reached.add(await page.run("document.activeElement.outerHTML.slice(0, 40)"))
    assert any("data-ack" in element or "<button" in element for element in reached)
    assert sum(element.startswith("<a ") for element in reached) >= 3
