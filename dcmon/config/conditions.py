"""What a value must be, and of which point. A condition is three-valued: it holds, it does not hold, or nobody knows
(a reading is bad or too old)."""

from __future__ import annotations

from collections.abc import Callable

from pydantic import Field, model_validator

from dcmon.config.base import Identifier, Strict
from dcmon.config.site import AssetKind
from dcmon.model import Value, number

Word = bool | int | float | str


class Test(Strict):
    """What a value must be. Exactly one of the words."""

    is_: Word | None = Field(default=None, alias="is")
    in_: tuple[Word, ...] | None = Field(default=None, alias="in")
    not_in: tuple[Word, ...] | None = None
    above: float | None = None
    below: float | None = None

    @model_validator(mode="after")
    def _one(self) -> Test:
        given = [self.is_, self.in_, self.not_in, self.above, self.below]
        if sum(word is not None for word in given) != 1:
            raise ValueError("a condition has exactly one of is, in, not_in, above, below")
        return self

    def compile(self) -> Callable[[Value], bool | None]:
        """A function value -> whether it passes; None for what it cannot judge: nothing, or a word for a limit."""
        if self.above is not None:
            above = self.above
            return lambda value: None if (size := number(value)) is None else size > above
        if self.below is not None:
            below = self.below
            return lambda value: None if (size := number(value)) is None else size < below
        if self.is_ is not None:
            word = self.is_
            return lambda value: None if value is None else value == word
        if self.in_ is not None:
            words = frozenset(self.in_)
            return lambda value: None if value is None else value in words
        others = frozenset(self.not_in or ())
        return lambda value: None if value is None else value not in others


class Condition(Test):
    """A test of one point of the asset at hand, or of the asset named. With several indices all must pass."""

    point: str
    index: str | None = None
    asset: Identifier | None = None


class Select(Strict):
    """The series a rule applies to: every asset of these kinds or ids that gives the point."""

    point: str
    kinds: tuple[AssetKind, ...] = ()
    assets: tuple[Identifier, ...] = ()
    index: str | None = None
