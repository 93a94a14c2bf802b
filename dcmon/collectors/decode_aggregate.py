"""One value of a whole column: sums, extremes, counts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from dcmon.collectors.decode import BAD, GOOD, UNCERTAIN, Raw, Result
from dcmon.model import Value

_NUMBERS: Final[dict[str, Callable[[Sequence[float]], float]]] = {
    "sum": sum,
    "min": min,
    "max": max,
    "mean": lambda values: sum(values) / len(values),
}


def aggregate(kind: str, results: Sequence[Result], raws: Sequence[Raw], count: frozenset[object]) -> Result:
    """One result of the rows in use (at least one). What one row cannot say makes a sum bad, not smaller."""
    if kind == "rows":
        return len(results), GOOD, None
    if kind == "count":
        return sum(raw in count for raw in raws), GOOD, None
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
    total: Value = _NUMBERS[kind](numbers)
    return (total, UNCERTAIN, "range") if uncertain else (total, GOOD, None)


def _truth(kind: str, known: Sequence[Value], rows: int) -> Result:
    """Kleene: one true decides `any`, one false decides `all`; otherwise every row has to be known."""
    decisive = kind == "any"
    if any(value is decisive for value in known):
        return decisive, GOOD, None
    if len(known) < rows:
        return None, BAD, "unknown"
    return not decisive, GOOD, None
