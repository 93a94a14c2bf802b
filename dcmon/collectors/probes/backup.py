"""Backups: what a job reported last, by pushing it, or in a file or at an address that is read."""

from __future__ import annotations

import asyncio
import hmac
import json
import secrets
from collections.abc import Mapping
from typing import Annotated, Any, Final, Protocol

from pydantic import AwareDatetime, ConfigDict, Field, ValidationError, model_validator

from dcmon.collectors.probes.attempt import Means, Points, ServiceError
from dcmon.collectors.probes.web import WebAsker, body
from dcmon.config.base import Strict
from dcmon.config.probes import BackupProbe
from dcmon.model import CollectError, DcmonError

_MOST: Final = 100_000
_HOUR_MS: Final = 3_600_000
_DAY_MS: Final = 24 * _HOUR_MS


class ReportError(DcmonError):
    """A report that cannot be used."""


class Report(Strict):
    """What a backup job says. Times are ISO 8601 with a zone."""

    model_config = ConfigDict(extra="ignore")

    job: str | None = None
    ok: bool = Field(strict=True)
    generations: Annotated[int, Field(ge=0, strict=True)]
    newest: AwareDatetime | None = None
    oldest: AwareDatetime | None = None
    size: Annotated[float, Field(ge=0)] | None = None

    @model_validator(mode="after")
    def _in_order(self) -> Report:
        if self.generations and self.newest is None:
            raise ValueError("newest is missing: when was the newest generation made?")
        if self.oldest is not None and self.newest is not None and self.oldest > self.newest:
            raise ValueError("oldest is after newest; exchange them")
        return self


class Kept(Protocol):
    """What was reported last, over a restart: plain JSON by job."""

    def get(self, asset: str) -> Mapping[str, Any] | None:
        """The newest report of a job; None when it never reported."""
        ...


def read_report(said: Any) -> Report:
    """A report from JSON. ReportError names the first word that is wrong."""
    try:
        return Report.model_validate(said)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        message = first["msg"].removeprefix("Value error, ")
        raise ReportError(f"{where}: {message}" if where else message) from error


def points_of(report: Report, now: int) -> Points:
    """What a report says at `now` (ms UTC)."""
    points: dict[str, Any] = {"backup.ok": report.ok, "backup.generations": report.generations}
    if report.newest is not None:
        newest = report.newest.timestamp() * 1000
        points["backup.age"] = round(max(now - newest, 0) / _HOUR_MS, 3)
        if report.oldest is not None:
            points["backup.span"] = round((newest - report.oldest.timestamp() * 1000) / _DAY_MS, 3)
    if report.size is not None:
        points["backup.size"] = report.size
    return points


class Backup:
    """See BackupProbe. CollectError while there is no report: nothing is known of a job that says nothing."""

    def __init__(self, asset: str, probe: BackupProbe, means: Means, kept: Kept) -> None:
        self._asset = asset
        self._probe = probe
        self._kept = kept
        self._asker = WebAsker(probe.url, None, means) if probe.url is not None else None

    async def __call__(self, now: int) -> Points:
        """See Attempt."""
        said = await self._said()
        try:
            return points_of(read_report(said), now)
        except ReportError as error:
            raise CollectError("report", f"the report cannot be used: {error}") from error

    async def _said(self) -> Any:
        if self._probe.token is not None:
            kept = self._kept.get(self._asset)
            if kept is None:
                raise CollectError("no_report", "the job has never reported; POST /api/v1/backups is where it should")
            return kept
        try:
            if self._asker is not None:
                async with self._asker.ask() as response:
                    if response.status != 200:
                        raise CollectError("report", f"{self._probe.url}: status {response.status}")
                    said = await body(response, _MOST)
            else:
                said = await asyncio.to_thread(self._read)
            return json.loads(said)
        except ServiceError as error:
            raise CollectError("report", error.reason) from error
        except (ValueError, RecursionError) as error:
            raise CollectError("report", "the report is no JSON") from error

    def _read(self) -> bytes:
        file = self._probe.file
        assert file is not None
        try:
            with file.open("rb") as opened:
                return opened.read(_MOST)
        except OSError as error:
            raise CollectError("report", f"{file}: {error.strerror}. Is the job's report written there?") from error


class BackupDesk:
    """Checks what backup jobs push. `tokens` by job, resolved."""

    def __init__(self, tokens: Mapping[str, str]) -> None:
        self._tokens = {job: token.encode() for job, token in tokens.items()}
        self._nobody = secrets.token_bytes()

    def check(self, job: str, token: str, said: Mapping[str, Any]) -> dict[str, Any] | None:
        """The report as it is to be kept. None when the job or its token is not known, which takes the same time.

        ReportError says what is wrong with the report.
        """
        if not hmac.compare_digest(token.encode("utf-8", "surrogateescape"), self._tokens.get(job, self._nobody)):
            return None
        return read_report(said).model_dump(mode="json", exclude_none=True)
