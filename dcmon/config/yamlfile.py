"""YAML with the line of every value, because an error without a line is half an error."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from dcmon.model import ConfigError


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


def read_yaml(path: Path) -> YamlFile:
    """Reads one file. Raises ConfigError for a missing or unreadable file, bad syntax, and a key that stands twice."""
    try:
        content = path.read_bytes()
        text = content.decode("utf-8")
    except OSError as error:
        raise ConfigError(
            [Problem(str(path), 1, "C001", f"cannot be read: {error.strerror}", "Create it or name another --config.")]
        ) from None
    except UnicodeDecodeError as error:
        raise ConfigError(
            [Problem(str(path), 1, "C001", f"is no UTF-8 text (byte {error.start})", "Save it as UTF-8.")]
        ) from None
    loader: yaml.SafeLoader | None = None
    root: yaml.Node | None = None
    try:
        loader = yaml.SafeLoader(text)
        root = loader.get_single_node()
        problems = list(_duplicate_keys(root, str(path), 0)) if root is not None else []
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
    except (ValueError, RecursionError) as error:
        # SafeLoader lets impossible dates and endless nesting through as these.
        line = _impossible_line(root)
        raise ConfigError([Problem(str(path), line, "C002", f"no YAML: {error}", "Quote the value.")]) from None
    finally:
        if loader is not None:
            loader.dispose()
    return YamlFile(path, data, root, hashlib.sha256(content).hexdigest())


def _impossible_line(root: yaml.Node | None) -> int:
    """The line of the first value that SafeLoader cannot make anything of; 1 where it is none of them."""
    waiting = [root]
    while waiting:
        node = waiting.pop()
        if isinstance(node, yaml.ScalarNode):
            try:
                yaml.SafeLoader("").construct_object(node)
            except ValueError:
                return node.start_mark.line + 1
        elif isinstance(node, yaml.SequenceNode):
            waiting += reversed(node.value)
        elif isinstance(node, yaml.MappingNode):
            waiting += reversed([part for pair in node.value for part in pair])
    return 1


def _duplicate_keys(node: yaml.Node, file: str, depth: int) -> list[Problem]:
    """PyYAML keeps the last of two equal keys without a word; a rule would be lost in silence."""
    if depth > 50:
        return []
    problems: list[Problem] = []
    if isinstance(node, yaml.MappingNode):
        seen: dict[str, int] = {}
        for key, value in node.value:
            line = key.start_mark.line + 1
            if isinstance(key, yaml.ScalarNode):
                if key.value in seen:
                    first = seen[key.value]
                    message = f"the key {key.value!r} stands twice, first in line {first}"
                    problems.append(Problem(file, line, "C003", message, "Remove or rename one."))
                seen.setdefault(key.value, line)
            problems += _duplicate_keys(value, file, depth + 1)
    elif isinstance(node, yaml.SequenceNode):
        for child in node.value:
            problems += _duplicate_keys(child, file, depth + 1)
    return problems
