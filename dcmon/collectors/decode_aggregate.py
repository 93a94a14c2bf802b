"""One value of a whole column: sums, extremes, counts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, TypeAlias

from dcmon.collectors.decode import BAD, GOOD, UNCERTAIN, Raw, Result
from dcmon.model import Value

Bounds: TypeAlias = tuple[float, float]

_NUMBERS: Final[dict[str, Callable[[Sequence[float]], float]]] = {
    "sum": sum,
    "min": min,
    "max": max,
    "mean": lambda values: sum(values) / len(values),
}


def aggregate(
    kind: str, results: Sequence[Result], raws: Sequence[Raw], count: frozenset[object], believed: Bounds | None
) -> Result:
    """One result of the rows in use (at least one). What one row cannot say makes a sum bad, not smaller; values that
    can be believed one by one may still add up to one that cannot, which is what `believed` is for."""
    if kind == "rows":
        return believe(len(results), believed)
    if kind == "count":
        return believe(sum(raw in count for raw in raws), believed)
    if kind in ("any", "all"):
        return _truth(kind, [value for value, quality, _ in results if quality is not BAD], len(results))
    numbers: list[float] = []
    uncertain = False
    for value, quality, reason in results:
        if quality is BAD:
            return None, BAD, reason
        if isinstance(value, str) or value is None:
            return None, BAD, "wrong_type"
        uncertain = uncertain or quality is UNCERTAIN
        numbers.append(value)
    total = _NUMBERS[kind](numbers)
    return (total, UNCERTAIN, "range") if uncertain else believe(total, believed)


def believe(value: float, believed: Bounds | None) -> Result:
    """Good within the range in which such a value can be believed, else uncertain."""
    if believed is None or believed[0] <= value <= believed[1]:
        return value, GOOD, None
    return value, UNCERTAIN, "range"


def _truth(kind: str, known: Sequence[Value], rows: int) -> Result:
    """Kleene: one true decides `any`, one false decides `all`; otherwise every row has to be known."""
    decisive = kind == "any"
    if any(value is decisive for value in known):
        return decisive, GOOD, None
    if len(known) < rows:
        return None, BAD, "unknown"
    return not decisive, GOOD, None
