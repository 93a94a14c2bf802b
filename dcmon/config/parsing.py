"""From a YAML file to a model: every fault at once, each with its line and what to do."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from functools import cache
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from dcmon.config.base import IDENTIFIER
from dcmon.config.yamlfile import Loc, Problem, YamlFile
from dcmon.model import ConfigError

ModelT = TypeVar("ModelT", bound=BaseModel)


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
        own = message if fault["type"] in ("missing", "extra_forbidden", "value_error") else ""
        inside = any(len(one["loc"]) > len(fault["loc"]) and _within(one["loc"], fault["loc"]) for one in faults)
        if (where, own) in told or (fault["type"] == "too_short" and inside):
            continue
        told |= {(where, own), (where, "")}
        yield Problem(str(file.path), line, "C004", f"{where}: {message}" if where else message, hint)


def _within(loc: Loc, around: Loc) -> bool:
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
            pattern = fault["ctx"]["pattern"]
            return _WRITTEN.get(pattern, (f"is not written as it must be, {pattern}", "Correct the value."))
        case _:
            return str(fault["msg"]).removeprefix("Input ").removeprefix("Value "), "Correct the value."


_WRITTEN = {
    IDENTIFIER: ("holds lower-case letters, digits and - _ . only, and begins with a letter or a digit", "Rename it."),
}


@cache
def _all_field_names(model: type[BaseModel]) -> tuple[str, ...]:
    """Every word that may stand anywhere in the file of `model`."""
    schema = model.model_json_schema()
    names: set[str] = set()
    for part in [schema, *schema.get("$defs", {}).values()]:
        names |= set(part.get("properties", {}))
    return tuple(sorted(names))
