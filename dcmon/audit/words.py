"""The report's own words: `words.yaml` beside this file, and those of the page where both say the same."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

import yaml

from dcmon.web.words import Words


def report_words(lang: str) -> Words:
    """The words of a report in `lang`, de or en."""
    return Words(lang, _words())


@cache
def _words() -> dict[str, tuple[str, str]]:
    text = files("dcmon.audit").joinpath("words.yaml").read_text(encoding="utf-8")
    return {key: (word["en"], word["de"]) for key, word in yaml.safe_load(text).items()}
