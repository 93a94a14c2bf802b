"""What must hold of another value, or of a row of a table, before a value counts."""

from __future__ import annotations

from collections.abc import Callable
from fnmatch import fnmatchcase
from functools import cache
from typing import TypeAlias

from dcmon.collectors.decode import Raw
from dcmon.collectors.profile_model import RowCondition, When
from dcmon.collectors.snmp.ber import suffix_parts
from dcmon.collectors.transforms import as_text

RowTest: TypeAlias = Callable[[bytes, Callable[[bytes], Raw], int], bool]
"""(first: the row's suffix, cell by column, first number of the index) -> whether the condition holds."""


def compile_condition(condition: RowCondition, parse: Callable[[str], bytes]) -> RowTest:
    """The test of one condition; every word that is given must hold."""
    tests: list[RowTest] = [compile_condition(part, parse) for part in condition.all_]
    if condition.column is not None:
        tests.append(_column_test(condition, parse(condition.column)))
    if condition.row_above is not None:
        limit = condition.row_above
        tests.append(lambda _suffix, _cell, first: first > limit)
    if condition.row_last is not None:
        among = frozenset(condition.row_last)
        tests.append(
            lambda suffix, _cell, _first: suffix_parts(suffix)[-1:] != () and suffix_parts(suffix)[-1] in among
        )
    if len(tests) == 1:
        return tests[0]
    return lambda suffix, cell, first: all(test(suffix, cell, first) for test in tests)


def _column_test(condition: RowCondition, column: bytes) -> RowTest:
    if condition.missing is not None:
        wanted = condition.missing
        return lambda _suffix, cell, _first: (cell(column) is None) == wanted
    among = _matcher(condition.is_ if condition.is_ is not None else condition.not_ or ())
    if condition.is_ is not None:
        return lambda _suffix, cell, _first: among(cell(column))
    return lambda _suffix, cell, _first: not among(cell(column))


def holds(said: Raw, test: When) -> bool:
    """Whether the raw value `said` passes the test; one that was not said passes none."""
    if test.is_ is not None:
        return _matcher(test.is_)(said)
    if not isinstance(said, int | float):
        return False
    return said > test.above if test.above is not None else said < (test.below or 0.0)


@cache
def _matcher(values: tuple[int | float | str, ...]) -> Callable[[Raw], bool]:
    exactly = frozenset(value for value in values if not isinstance(value, str))
    globs = tuple(value.casefold() for value in values if isinstance(value, str))

    def fits(said: Raw) -> bool:
        if said is None:
            return False
        if isinstance(said, int | float):
            return said in exactly
        text = as_text(said)
        return text is not None and any(fnmatchcase(text.casefold(), glob) for glob in globs)

    return fits
