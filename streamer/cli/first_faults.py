"""Faults of a configuration that can be seen before its keys and values are right: all are told in one round."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from streamer.config.load import Loc, YamlFile
from streamer.config.models import RunConfig
from streamer.errors import AlprError
from streamer.watch.reload import ListFile

_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
_EXTRAS = {
    "store": ("sqlalchemy", "alembic", "rapidfuzz"),
    "notify": ("urllib3", "paho", "apprise"),
    "web": ("fastapi", "starlette", "uvicorn", "jinja2", "python_multipart", "ruamel"),
}
_NOTIFY = ("webhook", "mqtt", "apprise")


def first_faults(path: Path) -> list[str]:
    """Variables that are not set, and lists that cannot be read, of a file with wrong keys or values; nothing where
    it is no YAML."""
    try:
        file = YamlFile(path)
    except AlprError:
        return []
    faults: list[tuple[int, str]] = []
    for loc, value in _texts(file.values, ()):
        line, key = file.line_of(loc), ".".join(map(str, loc))
        for name in _VARIABLE.findall(value) if loc[0] in ("cameras", "outputs") else ():
            if name not in os.environ:
                told = f"${{{name}}} is not set in the environment: export {name}=... first"
                faults.append((line, f"{path}:{line}: {key}: {told}"))
        if loc[-1] == "file" and "watch" in loc:
            try:
                ListFile(Path(value))
            except AlprError as error:
                faults.append((line, f"{path}:{line}: {key.removesuffix('.file')}: {error}"))
    return list(dict.fromkeys(told for _, told in sorted(faults, key=lambda one: one[0])))


def missing_extras(config: RunConfig) -> str:
    """What has to be installed for the settings, in one line; empty where nothing has."""
    types = {one.type for outputs in (config.outputs, *(c.outputs for c in config.cameras.values())) for one in outputs}
    wanted = {"store": "store" in types, "notify": bool(types & set(_NOTIFY)), "web": config.web.at is not None}
    lacking = [name for name, is_wanted in wanted.items() if is_wanted and any(map(_lacks, _EXTRAS[name]))]
    if not lacking:
        return ""
    return f"its settings need packages that are not installed: pip install 'alpr-streamer[{','.join(lacking)}]'"


def _lacks(module: str) -> bool:
    return find_spec(module) is None


def _texts(value: Any, loc: Loc) -> Iterator[tuple[Loc, str]]:
    if isinstance(value, str):
        if loc:
            yield loc, value
    elif isinstance(value, dict | list):
        parts: Sequence[tuple[Any, Any]] = list(value.items()) if isinstance(value, dict) else list(enumerate(value))
        for key, one in parts:
            yield from _texts(one, (*loc, key))
