"""The whole configuration, as the rest of dcmon sees it."""

from __future__ import annotations

from pathlib import Path

from dcmon.config.agent import Agent
from dcmon.config.base import Strict
from dcmon.config.collectors import Collectors
from dcmon.config.people import People
from dcmon.config.rules import Rules
from dcmon.config.site import Site


class Config(Strict):
    """One directory of YAML files, validated. `digest` identifies it in every result that was judged by it."""

    agent: Agent
    site: Site
    collectors: Collectors
    rules: Rules
    people: People
    directory: Path
    digest: str = ""
