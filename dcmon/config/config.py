"""The whole configuration, as the rest of dcmon sees it."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from pathlib import Path

from pydantic import Field

from dcmon.config.agent import Agent
from dcmon.config.base import Strict
from dcmon.config.collectors import Collectors
from dcmon.config.people import People
from dcmon.config.register import Register
from dcmon.config.rules import Rule, Rules
from dcmon.config.site import Site
from dcmon.config.yamlfile import Loc


class Config(Strict):
    """One directory of YAML files, validated. `digest` identifies it in every result that was judged by it."""

    agent: Agent
    site: Site
    collectors: Collectors
    rules: Rules
    people: People
    # `register` itself is a method of every class that may be abstract.
    duties: Register = Field(default=Register(), alias="register")
    directory: Path
    digest: str = ""

    def placed(self) -> Iterator[tuple[str, Loc, Rule]]:
        """Everything that can raise an alarm, with the name of its file and the place there."""
        yield from (("rules", place, rule) for place, rule in self.rules.placed())
        yield from (("register", place, duty) for place, duty in self.duties.placed())

    @cached_property
    def judged(self) -> tuple[Rule, ...]:
        """Everything that can raise an alarm: rules, steps of sequences, planned work, duties."""
        return (*self.rules.judged, *self.duties.duties)
