"""What commands ask of the running dcmon, over its API."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from dcmon.model import DcmonError

_TIMEOUT_S = 15.0


def ask(listen: str, path: str) -> bytes:
    """The body of a GET. DcmonError when dcmon does not run or refuses."""
    status, body = asyncio.run(_request(listen, "GET", path, None))
    if status != 200:
        raise DcmonError(f"it was not answered: {_refusal(body)}")
    return body


def enter_records(listen: str, entries: list[dict[str, Any]]) -> list[dict[str, Any] | str]:
    """Puts entries on record, in their order: for each its record, or what is wrong with it."""
    return asyncio.run(_enter(listen, entries))


async def _enter(listen: str, entries: list[dict[str, Any]]) -> list[dict[str, Any] | str]:
    taken: list[dict[str, Any] | str] = []
    for entry in entries:
        status, body = await _request(listen, "POST", "/api/v1/records", entry)
        taken.append(json.loads(body)["record"] if status == 201 else _refusal(body))
    return taken


async def _request(listen: str, method: str, path: str, body: dict[str, Any] | None) -> tuple[int, bytes]:
    import aiohttp

    url = f"http://{listen}{path}"
    try:
        async with (
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=_TIMEOUT_S)) as session,
            session.request(method, url, json=body) as response,
        ):
            return response.status, await response.read()
    except (aiohttp.ClientError, TimeoutError, ValueError) as error:
        raise DcmonError(f"{url} does not answer ({error or 'no answer in time'}); is `dcmon run` running?") from None


def _refusal(body: bytes) -> str:
    try:
        said = json.loads(body)
    except ValueError:
        return "what answers there is no dcmon"
    return f"{said.get('error')}. {said.get('hint', '')}".strip()
