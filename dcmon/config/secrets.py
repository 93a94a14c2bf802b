"""Turns references to secrets into secrets, as late as possible and never into a message."""

from __future__ import annotations

import os
from pathlib import Path

from dcmon.model import ConfigError


def resolve(reference: str, directory: Path) -> str:
    """The secret behind `env:NAME` or `file:PATH` (relative to `directory`, surrounding white space removed).

    Raises ConfigError, which names the reference and never the content.
    """
    kind, _, name = reference.partition(":")
    if kind == "env":
        secret = os.environ.get(name)
        if not secret:
            raise ConfigError([f"{reference}: the environment variable is not set. Set it for the dcmon service."])
        return secret
    path = directory / name
    try:
        if path.exists() and not path.is_file():
            raise ConfigError([f"{reference}: {path} is no ordinary file. Put one in its place."])
        secret = path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no UTF-8 text"
        raise ConfigError(
            [f"{reference}: cannot read {path}: {reason}. Create it, readable for the user that runs dcmon."]
        ) from None
    if not secret:
        raise ConfigError([f"{reference}: {path} is empty. Write the secret into it."])
    if not secret.isprintable():
        raise ConfigError([f"{reference}: {path} holds more than one line of text. Write only the secret into it."])
    return secret
