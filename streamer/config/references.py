"""Secrets of settings, which a file of settings only refers to: ${NAME} of the environment, ${file:PATH} of a file."""

from __future__ import annotations

import os
import re
from pathlib import Path

from streamer.errors import ConfigError

_REFERENCE = re.compile(r"\$\{(?:file:([^}]+)|([A-Za-z_][A-Za-z0-9_]*))\}")
HOW = "${NAME} takes it from the environment, ${file:PATH} from a file"


def refers(text: str) -> bool:
    """Whether something in the text comes from the environment or a file."""
    return _REFERENCE.search(text) is not None


def resolved(text: str, secrets: list[str] | None = None) -> str:
    """The text with each reference replaced by what it stands for, which is also added to `secrets`. ConfigError names
    a variable that is not set and a file that cannot be read."""

    def value(found: re.Match[str]) -> str:
        path, name = found.groups()
        given = _of_file(path) if path else _of_environment(name)
        if secrets is not None:
            secrets.append(given)
        return given

    return _REFERENCE.sub(value, text)


def _of_environment(name: str) -> str:
    if name not in os.environ:
        raise ConfigError(f"${{{name}}} is not set in the environment: export {name}=... first")
    return os.environ[name]


def _of_file(path: str) -> str:
    try:
        return Path(path).expanduser().read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no text"
        raise ConfigError(f"${{file:{path}}}: cannot be read ({reason}): give a text file with the secret") from None
