"""Reads a configuration directory into a Config. Every fault is reported at once, each with file and line."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from dcmon.config.agent import Agent
from dcmon.config.base import format_duration
from dcmon.config.collectors import Collectors
from dcmon.config.config import Config
from dcmon.config.parsing import parse
from dcmon.config.people import People
from dcmon.config.register import Register
from dcmon.config.rules import Rules
from dcmon.config.site import Site
from dcmon.config.yamlfile import Loc, Problem, YamlFile, read_yaml
from dcmon.model import ConfigError

FILES: Mapping[str, type[BaseModel]] = {
    "agent": Agent,
    "site": Site,
    "collectors": Collectors,
    "rules": Rules,
    "people": People,
    "register": Register,
}
"""The files of a configuration (each `NAME.yaml`) and their models."""

OPTIONAL = frozenset({"register"})
"""Files that may be absent."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """A valid configuration together with the files it came from, so that checks can name lines."""

    config: Config
    files: Mapping[str, YamlFile]

    def problem(self, check: str, file: str, loc: Loc, message: str, hint: str, *, warning: bool = False) -> Problem:
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
        path = directory / f"{name}.yaml"
        if name in OPTIONAL and not path.exists():
            continue
        try:
            files[name] = read_yaml(path)
            parts[name] = parse(model, files[name])
        except ConfigError as error:
            problems += error.problems
    digests = [file.digest for file in files.values()]
    for path in own_files(directory):
        try:
            digests.append(read_yaml(path).digest)
        except ConfigError as error:
            problems += error.problems
    if problems:
        raise ConfigError(problems)
    digest = hashlib.sha256("".join(digests).encode()).hexdigest()
    home = directory.resolve()
    parts["agent"] = _in_folder(parts["agent"], home)
    parts["collectors"] = _probes_in_folder(parts["collectors"], home)
    return Loaded(Config(directory=home, digest=digest, **parts), files)


def own_files(directory: Path) -> list[Path]:
    """The files of the site's own controls. What stands in them the catalogue says."""
    return sorted((directory / "controls").glob("*.yaml"))


def _in_folder(agent: Any, home: Path) -> BaseModel:
    """Relative paths are meant from the folder of the configuration, wherever dcmon is started."""
    smtp = agent.smtp.model_copy(update={"ca_file": home / agent.smtp.ca_file}) if agent.smtp.ca_file else agent.smtp
    moved: BaseModel = agent.model_copy(update={"data_dir": home / agent.data_dir, "smtp": smtp})
    return moved


def _probes_in_folder(collectors: Any, home: Path) -> BaseModel:
    devices = dict(collectors.devices)
    for name, device in devices.items():
        paths = {key: home / path for key in ("file", "ca_file") if (path := getattr(device.probe, key, None))}
        if paths:
            devices[name] = device.model_copy(update={"probe": device.probe.model_copy(update=paths)})
    moved: BaseModel = collectors.model_copy(update={"devices": devices})
    return moved


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
