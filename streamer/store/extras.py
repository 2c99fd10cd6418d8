"""What the store needs beside the run time, and the one line where it is not installed."""

from __future__ import annotations

from importlib import import_module
from types import ModuleType

from streamer.errors import ConfigError


def extra(module: str, name: str) -> ModuleType:
    """The module of an extra of this program; ConfigError says what to install."""
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        if error.name is None or error.name.split(".")[0] != module.split(".")[0]:
            raise
        raise ConfigError(
            f"{module} is not installed: pip install 'alpr-streamer[{name}]', which the store needs for this"
        ) from None
