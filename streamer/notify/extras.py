"""What notifications need beside the run time, and the one line where it is not installed."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from streamer.errors import ConfigError


def extra(module: str, output: str) -> Any:
    """A module of the extra `notify`; ConfigError says what to install."""
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        if (error.name or "").split(".")[0] != module.split(".")[0]:
            raise
        raise ConfigError(
            f"{output}: {module.split('.')[0]} is not installed: pip install 'alpr-streamer[notify]'"
        ) from None
