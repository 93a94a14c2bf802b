"""YAML with the line of every value, because an error without a line is half an error."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from dcmon.model import ConfigError

Loc = tuple[str | int, ...]
"""A place in a file: the keys and positions that lead to it, from the top."""

_INT, _FLOAT = "tag:yaml.org,2002:int", "tag:yaml.org,2002:float"


@dataclass(frozen=True, slots=True)
class Problem:
    """One fault of the configuration: where, which check, what is wrong, what to do."""

    file: str
    line: int
    id: str
    message: str
    hint: str = ""
    warning: bool = False

    def __str__(self) -> str:
        level = "warning: " if self.warning else ""
        hint = f" {self.hint}" if self.hint else ""
        return f"{self.file}:{self.line}: {level}[{self.id}] {self.message}.{hint}"


@dataclass(frozen=True, slots=True)
class YamlFile:
    """One parsed file: plain data, and the node tree that knows the lines."""

    path: Path
    data: Any
    root: yaml.Node | None
    digest: str

    def line(self, loc: Sequence[str | int]) -> int:
        """The line of the value at `loc`, or of the nearest thing around it."""
        return self.locate(loc)[0]

    def locate(self, loc: Sequence[str | int]) -> tuple[int, str]:
        """Line and printable path of the value at `loc`, or of the nearest thing around it.

        Parts of `loc` that the file does not hold (pydantic names the chosen member of a union) are passed over.
        """
        node = self.root
        line = node.start_mark.line + 1 if node is not None else 1
        path = ""
        for part in loc:
            found = _descend(node, part)
            if found is not None:
                line, node = found
                path += f"[{part}]" if isinstance(part, int) else f".{part}" if path else part
        return line, path


def _descend(node: yaml.Node | None, part: str | int) -> tuple[int, yaml.Node] | None:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if key.value == str(part):
                return key.start_mark.line + 1, value
    if isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
        child = node.value[part]
        return child.start_mark.line + 1, child
    return None


class _Loader(yaml.SafeLoader):
    """The safe loader, but `18:00` is a text and `010` ten, as they are meant, and a fault always has its line."""

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        try:
            return super().construct_object(node, deep)
        except ValueError as error:  # a date that no calendar has, a number that is too long
            raise yaml.constructor.ConstructorError(None, None, str(error), node.start_mark) from None


_Loader.yaml_implicit_resolvers = {
    first: [entry for entry in entries if entry[0] not in (_INT, _FLOAT)]
    for first, entries in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
# YAML 1.1, which PyYAML reads, knows numbers to the base of 60 and octal ones that begin with 0.
_Loader.add_implicit_resolver(_INT, re.compile(r"[-+]?(?:0|[1-9][0-9_]*|0x[0-9a-fA-F_]+)$"), list("-+0123456789"))
_Loader.add_implicit_resolver(
    _FLOAT,
    re.compile(
        r"[-+]?(?:[0-9][0-9_]*\.[0-9_]*(?:[eE][-+]?[0-9]+)?|\.[0-9][0-9_]*(?:[eE][-+]?[0-9]+)?"
        r"|[0-9]+[eE][-+]?[0-9]+|\.(?:inf|Inf|INF))$|\.(?:nan|NaN|NAN)$"
    ),
    list("-+0123456789."),
)


def read_yaml(path: Path) -> YamlFile:
    """Reads one file. Raises ConfigError for a missing or unreadable file, bad syntax, and a key that stands twice."""
    text, digest = _read(path)
    loader: _Loader | None = None
    try:
        loader = _Loader(text)
        root = loader.get_single_node()
        problems = _duplicate_keys(root, str(path)) if root is not None else []
        if problems:
            raise ConfigError(problems)
        data = loader.construct_document(root) if root is not None else None
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        message = f"a character that no text holds (U+{ord(text[error.position]):04X})"
        raise ConfigError([Problem(str(path), line, "C002", message, "Delete it.")]) from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        what = getattr(error, "problem", None) or "cannot be parsed"
        line = mark.line + 1 if mark is not None else 1
        raise ConfigError(
            [Problem(str(path), line, "C002", f"no YAML: {what}", "Check indentation, colons and quotes here.")]
        ) from None
    except RecursionError:
        line = loader.get_mark().line + 1 if loader is not None else 1
        message = "lists or settings within each other, deeper than anything here"
        raise ConfigError([Problem(str(path), line, "C002", message, "Check brackets and indentation.")]) from None
    finally:
        if loader is not None:
            loader.dispose()
    return YamlFile(path, data, root, digest)


def _read(path: Path) -> tuple[str, str]:
    """Text and digest of an ordinary file: a pipe or a device could be waited for, or read, for ever."""
    try:
        if path.exists() and not path.is_file():
            raise ConfigError([Problem(str(path), 1, "C001", "is no ordinary file", "Put one in its place.")])
        content = path.read_bytes()
        return content.decode("utf-8-sig"), hashlib.sha256(content).hexdigest()
    except OSError as error:
        hint = "Create it or name another --config."
        if isinstance(error, PermissionError):
            hint = "Let the user that runs dcmon read it."
        raise ConfigError([Problem(str(path), 1, "C001", f"cannot be read: {error.strerror}", hint)]) from None
    except UnicodeDecodeError as error:
        raise ConfigError(
            [Problem(str(path), 1, "C001", f"is no UTF-8 text (byte {error.start})", "Save it as UTF-8.")]
        ) from None


def _duplicate_keys(root: yaml.Node, file: str) -> list[Problem]:
    """PyYAML keeps the last of two equal keys without a word; a rule would be lost in silence.

    Each node is looked at once: aliases of aliases make few nodes look like billions.
    """
    problems: list[Problem] = []
    waiting, known = [root], {id(root)}
    while waiting:
        node = waiting.pop()
        children: list[yaml.Node] = []
        if isinstance(node, yaml.MappingNode):
            seen: dict[str, int] = {}
            for key, value in node.value:
                line = key.start_mark.line + 1
                if isinstance(key, yaml.ScalarNode):
                    if key.value in seen:
                        message = f"the key {key.value!r} stands twice, first in line {seen[key.value]}"
                        problems.append(Problem(file, line, "C003", message, "Remove or rename one."))
                    seen.setdefault(key.value, line)
                children.append(value)
        elif isinstance(node, yaml.SequenceNode):
            children += node.value
        waiting += [child for child in children if id(child) not in known]
        known |= {id(child) for child in children}
    return sorted(problems, key=lambda problem: problem.line)
