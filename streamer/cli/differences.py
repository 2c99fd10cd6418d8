"""Settings that differ from the defaults, and of cameras from the run's, one line each."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import yaml

from streamer.config.models import RunConfig
from streamer.config.secrets import Secrets

Difference = tuple[str, Any, Any]  # key, value, default
NOTHING = object()  # in place of a default where a key has none
_ENTRIES = ("cameras", "zones", "lines", "outputs", "watch")  # what is under them has no defaults


def differences(config: RunConfig) -> list[str]:
    """`key: value (default ...)` for each setting that differs; a camera's own with `(default ...)`, or with the run's
    value where that differs. Secrets are hidden."""
    secrets = Secrets.of_settings(config)
    before, given = _dump(RunConfig()), _dump(config)
    found = [*_of_section(before, {k: v for k, v in given.items() if k != "cameras"})]
    for name, camera in config.cameras.items():
        own = camera.model_dump(mode="json", exclude_unset=True)
        found += _of_section({**given, "loop": False, "min_height": given["read"]["min_height"], "outputs": []}, own,
                             f"cameras.{name}.")  # fmt: skip
    return [secrets.hidden(_line(secrets, *one)) for one in found]


def _dump(config: RunConfig) -> dict[str, Any]:
    """As in a file; of entries of outputs only what was given."""
    outputs = [output.model_dump(mode="json", exclude_unset=True) for output in config.outputs]
    return {**config.model_dump(mode="json", exclude={"outputs"}), "outputs": outputs}


def _of_section(before: dict[str, Any], given: dict[str, Any], above: str = "") -> Iterator[Difference]:
    for key, value in given.items():
        place = f"{above}{key}"
        default = before.get(key, NOTHING)
        if key in _ENTRIES:
            entries = dict(enumerate(value)) if isinstance(value, list) else value
            yield from ((f"{place}.{name}", entry, NOTHING) for name, entry in entries.items())
        elif isinstance(value, dict) and isinstance(default, dict):
            yield from _of_section(default, value, f"{place}.")
        elif value != default:
            yield place, value, default


def _line(secrets: Secrets, key: str, value: Any, default: Any) -> str:
    shown = f"{key}: {_yaml(_hidden(secrets, value))}"
    return shown if default is NOTHING else f"{shown} (default {_yaml(default)})"


def _hidden(secrets: Secrets, value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _hidden(secrets, one) for key, one in value.items()}
    if isinstance(value, list):
        return [_hidden(secrets, one) for one in value]
    return secrets.hidden(value) if isinstance(value, str) else value


def _yaml(value: Any) -> str:
    """A value in one line, as it could be written in a file."""
    text = yaml.safe_dump(value, default_flow_style=True, allow_unicode=True, width=10**6, sort_keys=False)
    return text.removesuffix("\n").removesuffix("\n...")
