"""Curves of what a record tells: the stored samples from a minute before its begin to a minute after its end."""

from __future__ import annotations

from collections.abc import Iterable

from dcmon.audit.text import Format, split_series
from dcmon.config.config import Config
from dcmon.config.holds import HOLD, Holds
from dcmon.config.sequences import SequenceSpec
from dcmon.config.site import AssetKind
from dcmon.config.vocabulary import unit_of
from dcmon.live import read_samples
from dcmon.model import Record, SeriesKey
from dcmon.storage.samples import Samples
from dcmon.web.curve import Curve, draw_curve

AROUND_MS = 60_000
MOST = 8
"""Curves per record."""
LONGEST_MS = 86_400_000
"""Of what lasts longer, only the first day is drawn."""
_TELLING = {
    AssetKind.GENSET: ("generator.power", "generator.voltage", "generator.frequency", "coolant.temperature"),
    AssetKind.UPS: ("battery.charge", "battery.voltage", "output.voltage", "output.load"),
    AssetKind.TANK: ("fuel.level", "fuel.volume"),
}
"""What is drawn of an asset for a test or a delivery that names no series of its own."""


class Curves:
    """Draws the curves of records; none where no samples are kept."""

    def __init__(self, config: Config, samples: Samples | None, form: Format) -> None:
        self._config = config
        self._samples = samples
        self._form = form
        self._holds = Holds(config)
        self._stored = [] if samples is None else samples.series()
        self._sequences = {spec.id: spec for spec in config.rules.sequences}

    def of(self, row: Record, now: int) -> tuple[Curve, ...]:
        """The curves of one record that has a length; `now` is where one that is under way ends."""
        if self._samples is None or row.ended == row.started:
            return ()
        start = row.started - AROUND_MS
        over = min(row.ended if row.ended is not None else now, now, row.started + LONGEST_MS)
        end = over + AROUND_MS
        mark = (row.started, min(row.data.get("returned") or over, over))
        slow = round(HOLD * self._config.agent.polling.slow)
        found: list[Curve] = []
        for key in self._series(row):
            if len(found) == MOST:
                break
            gap = max(self._holds.hold(key.asset, key.point), slow)
            curve = draw_curve(
                key, read_samples(self._samples, key, start, end), (start, end), mark,
                unit=unit_of(key.point), gap_ms=gap, lang=self._form.lang,
            )  # fmt: skip
            if curve is not None:
                found.append(curve)
        return tuple(found)

    def _series(self, row: Record) -> list[SeriesKey]:
        spec = self._sequences.get(row.rule or "") if row.kind == "sequence" else None
        named = [tuple(split_series(name)) for name in row.data.get("series", ())]
        wanted = named or list(_of_sequence(spec) if spec is not None else self._of_asset(row.subject))
        found = []
        for asset, point, index in dict.fromkeys(wanted):
            keys = [key for key in self._stored if key.asset == asset and key.point == point]
            found += [key for key in keys if key.index == index] or keys[:1]
        return list(dict.fromkeys(found))

    def _of_asset(self, subject: str) -> Iterable[tuple[str, str, str | None]]:
        asset = self._config.site.asset(subject)
        for point in _TELLING.get(asset.kind, ()) if asset is not None else ():
            yield subject, point, None


def _of_sequence(spec: SequenceSpec) -> Iterable[tuple[str, str, str | None]]:
    for measured in spec.measure:
        yield measured.asset, measured.point, measured.index
    conditions = [(spec.asset, condition) for condition in spec.when]
    conditions += [(step.asset, condition) for step in spec.steps for condition in step.then]
    for asset, condition in conditions:
        yield condition.asset or asset, condition.point, condition.index
