"""What keeps the API without sign-in to the people at this machine: loopback only, no foreign page, strict headers."""

from __future__ import annotations

import ipaddress
import logging
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Any

from aiohttp import web

from dcmon.model import ConfigError
from dcmon.web.encode import dumps

_log = logging.getLogger(__name__)

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'self'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        "object-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}

_HINTS = {
    404: "GET / shows the site; docs/api.md lists every address.",
    405: "docs/api.md says which method each address takes.",
    413: "Send less: the body is a small JSON object.",
}


class ApiError(Exception):
    """A refusal that a program and a person can read: what is wrong, and what to do."""

    def __init__(self, status: int, error: str, hint: str) -> None:
        super().__init__(error)
        self.status = status
        self.error = error
        self.hint = hint

    def response(self) -> web.Response:
        return answer({"error": self.error, "hint": self.hint}, status=self.status)


def answer(thing: Any, *, status: int = 200) -> web.Response:
    """JSON that no cache keeps."""
    headers = {"Cache-Control": "no-store"}
    return web.Response(text=dumps(thing), status=status, content_type="application/json", headers=headers)


def check_listen(listen: str) -> tuple[str, int]:
    """Host and port of `HOST:PORT`. ConfigError unless the host is this machine's loopback: there is no sign-in yet."""
    host, _, port = listen.rpartition(":")
    host = host.strip("[]")
    if not host or not port.isdigit() or int(port) > 65535:
        raise ConfigError([f"agent.yaml: web.listen {listen!r} is no HOST:PORT. Write for example 127.0.0.1:8080."])
    if not is_loopback(host):
        problem = (
            f"agent.yaml: web.listen {listen!r} can be reached from other machines, and the page has no sign-in yet, "
            "so everybody could acknowledge incidents. Use 127.0.0.1:PORT, and reach it from elsewhere through "
            "an SSH tunnel (ssh -L 8080:127.0.0.1:8080 HOST)."
        )
        raise ConfigError([problem])
    return host, int(port)


def is_loopback(host: str) -> bool:
    """localhost, 127.0.0.0/8 or ::1; a name that merely resolves there does not count."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def host_of(authority: str) -> str:
    """The host of `host`, `host:port`, `[v6]` or `[v6]:port`."""
    if authority.startswith("["):
        return authority[1:].partition("]")[0]
    return authority.partition(":")[0]


def _refuse_foreigners(request: web.Request) -> None:
    """DNS rebinding shows in Host, a foreign page's request in Origin or in a simple form's content type."""
    host = request.headers.get("Host", "")
    if not is_loopback(host_of(host)):
        raise ApiError(421, f"host {host[:80]!r} is not served here", "Use http://127.0.0.1 or http://localhost.")
    if request.method in ("GET", "HEAD"):
        return
    origin = request.headers.get("Origin")
    if origin is not None and origin != f"{request.scheme}://{host}":
        raise ApiError(403, "the request comes from another site", "Act on dcmon's own page, or send no Origin.")
    if request.method == "POST" and request.content_type != "application/json":
        raise ApiError(415, "the body is not JSON", "Send Content-Type: application/json.")


@web.middleware
async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Refuses what is not meant for dcmon, and words every refusal alike: {"error", "hint"}."""
    response: web.StreamResponse
    try:
        _refuse_foreigners(request)
        response = await handler(request)
    except ApiError as refused:
        response = refused.response()
    except web.HTTPException as raised:
        if raised.status < 400:
            raise
        phrase = HTTPStatus(raised.status).phrase.lower()
        hint = _HINTS.get(raised.status, "docs/api.md describes every address.")
        response = ApiError(raised.status, f"{request.path[:120]}: {phrase}", hint).response()
        if "Allow" in raised.headers:
            response.headers["Allow"] = raised.headers["Allow"]
    except Exception:  # noqa: BLE001  # one broken request must not end the others; the fault is logged in full
        _log.exception("request %s %s failed", request.method, request.path)
        hint = "This is a fault of dcmon: its log has the details."
        response = ApiError(500, "the request could not be answered", hint).response()
    if not response.prepared:
        response.headers.update(HEADERS)
    return response
