"""Reads a configuration directory into a Config. Every fault is reported at once, each with file and line."""

from __future__ import annotations

import difflib
import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from dcmon.config.agent import Agent
from dcmon.config.base import format_duration
from dcmon.config.collectors import Collectors
from dcmon.config.config import Config
from dcmon.config.people import People
from dcmon.config.rules import Rules
from dcmon.config.site import Site
from dcmon.config.yamlfile import Problem, YamlFile, read_yaml
from dcmon.model import ConfigError

ModelT = TypeVar("ModelT", bound=BaseModel)

FILES: Mapping[str, type[BaseModel]] = {
    "agent": Agent,
    "site": Site,
    "collectors": Collectors,
    "rules": Rules,
    "people": People,
}
"""The files of a configuration (each `NAME.yaml`) and their models."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """A valid configuration together with the files it came from, so that checks can name lines."""

    config: Config
    files: Mapping[str, YamlFile]

    def problem(
        self, check: str, file: str, loc: tuple[str | int, ...], message: str, hint: str, *, warning: bool = False
    ) -> Problem:
        source = self.files[file]
        return Problem(str(source.path), source.line(loc), check, message, hint, warning)


def load(directory: Path) -> Config:
    """The configuration in `directory`. Raises ConfigError with all problems that the schema finds."""
    return load_with_lines(directory).config


def load_with_lines(directory: Path) -> Loaded:
    """As `load`, with the lines of everything."""
    if not directory.is_dir():
        problem = Problem(str(directory), 1, "C001", "is no directory", "Name the folder: --config DIR.")
        raise ConfigError([problem])
    files: dict[str, YamlFile] = {}
    parts: dict[str, BaseModel] = {}
    problems: list[object] = []
    for name, model in FILES.items():
        try:
            files[name] = read_yaml(directory / f"{name}.yaml")
            parts[name] = parse(model, files[name])
        except ConfigError as error:
            problems += error.problems
    if problems:
        raise ConfigError(problems)
    digest = hashlib.sha256("".join(files[name].digest for name in FILES).encode()).hexdigest()
    return Loaded(Config(directory=directory.resolve(), digest=digest, **parts), files)


def parse(model: type[ModelT], file: YamlFile) -> ModelT:
    """`file` as `model`. Raises ConfigError with one problem per fault."""
    data = {} if file.data is None else file.data
    try:
        return model.model_validate(data)
    except ValidationError as error:
        raise ConfigError(list(_problems(error, model, file))) from None


def _problems(error: ValidationError, model: type[BaseModel], file: YamlFile) -> Iterator[Problem]:
    faults = error.errors(include_url=False)
    told: set[tuple[str, str]] = set()
    for fault in faults:
        message, hint = explain(fault, model)
        discriminator = fault.get("ctx", {}).get("discriminator", "").strip("'")
        line, where = file.locate((*fault["loc"], discriminator))
        # A value that may be written in two ways and fits neither is one fault, and so is a list that is too short
        # because what stood in it was faulty.
        other = message if fault["type"] in ("missing", "extra_forbidden", "value_error") else ""
        inside = any(len(one["loc"]) > len(fault["loc"]) and _within(one["loc"], fault["loc"]) for one in faults)
        if (where, other) in told or (fault["type"] == "too_short" and inside):
            continue
        told.add((where, other))
        yield Problem(str(file.path), line, "C004", f"{where}: {message}" if where else message, hint)


def _within(loc: tuple[str | int, ...], around: tuple[str | int, ...]) -> bool:
    return loc[: len(around)] == around


def explain(fault: Any, model: type[BaseModel]) -> tuple[str, str]:
    """What is wrong and what to do, without the value: it may be a secret that was put into the wrong place."""
    word = str(fault["loc"][-1]) if fault["loc"] else ""
    match fault["type"]:
        case "extra_forbidden":
            names = _all_field_names(model)
            close = difflib.get_close_matches(word, names, 1) if word not in names else []
            return f"{word!r} is not known here", f"Did you mean {close[0]!r}?" if close else "Remove it."
        case "missing":
            return f"{word!r} is missing", "Add it."
        case "value_error":
            return str(fault["ctx"]["error"]), ""
        case "union_tag_not_found":
            return f"{fault['ctx']['discriminator']} is missing", "Say which kind it is."
        case "union_tag_invalid":
            context = fault["ctx"]
            word = context["discriminator"].strip("'")
            return f"{context['tag']!r} is no {word}", f"Use one of {context['expected_tags']}."
        case "too_short":
            return "nothing stands in it", "Add what belongs there, or remove it."
        case "model_type" | "dict_type" if fault.get("input", "") is None:
            return "nothing stands in it", "Add what belongs there, or remove it."
        case "dict_type" | "model_type":
            return "words with values are wanted here", "Write `word: value`, each on a line of its own."
        case "tuple_type" | "list_type":
            return "a list is wanted here", "Begin each entry with `- `, or write [one, two]."
        case "string_type":
            return "a text is wanted here", "Put it in quotes."
        case "string_pattern_mismatch":
            return "holds lower-case letters, digits and - _ . only, and begins with a letter or a digit", "Rename it."
        case _:
            return str(fault["msg"]).removeprefix("Input ").removeprefix("Value "), "Correct the value."


@cache
def _all_field_names(model: type[BaseModel]) -> tuple[str, ...]:
    """Every word that may stand anywhere in the file of `model`."""
    schema = model.model_json_schema()
    names: set[str] = set()
    for part in [schema, *schema.get("$defs", {}).values()]:
        names |= set(part.get("properties", {}))
    return tuple(sorted(names))


def json_schemas() -> dict[str, dict[str, Any]]:
    """A JSON Schema per file, for editors."""
    schemas = {name: model.model_json_schema() for name, model in FILES.items()}
    for schema in schemas.values():
        for part in (schema, *schema.get("$defs", {}).values()):
            for setting in part.get("properties", {}).values():
                # Inside a duration is a number of milliseconds; in the file it is written with its unit.
                if setting.get("type") == "string" and isinstance(setting.get("default"), int):
                    setting["default"] = format_duration(setting["default"])
    return schemas
