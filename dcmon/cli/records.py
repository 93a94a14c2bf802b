"""Commands that put on record what people did."""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer

from dcmon.cli.common import ConfigOption, JsonOption, checked, find_config, out, print_json, telling_errors
from dcmon.cli.running import enter_records
from dcmon.model import DcmonError


def enter(
    kind: Annotated[str, typer.Argument(help="what was done, for example delivery; docs/records.md lists all")],
    words: Annotated[
        list[str], typer.Argument(help="NAME=VALUE, for example asset=tank-a litres=8000", metavar="WORD...")
    ],
    by: Annotated[str, typer.Option("--by", help="who enters it")],
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Puts on record what somebody did: the running dcmon checks it and keeps it in its journal."""
    with telling_errors():
        loaded, _ = checked(find_config(config))
        entry = {"kind": kind, "by": by, **dict(_split(word) for word in words)}
        (record,) = enter_records(loaded.config.agent.web.listen, [entry])
        if isinstance(record, str):
            raise DcmonError(f"it was not taken: {record}")
    if as_json:
        print_json(record)
    else:
        out.print(f"{record['id']}: {record['reason']}", markup=False)


def _split(word: str) -> tuple[str, Any]:
    """NAME=VALUE; a value in brackets is JSON (a list), any other is text."""
    name, equals, text = word.partition("=")
    if not equals or not name:
        raise DcmonError(f"{word!r} is no NAME=VALUE; write for example litres=8000")
    if not text.startswith(("[", "{")):
        return name, text
    try:
        return name, json.loads(text)
    except ValueError as error:
        raise DcmonError(f"{name}: {text!r} is no JSON ({error})") from None
