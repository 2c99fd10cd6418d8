"""One configuration laid over another: a camera's settings over the run's, `--set KEY=VALUE` over a file, and options
of the command line over both."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Any, TypeVar

from pydantic import BaseModel

from streamer.config.load import Loc, value_of
from streamer.config.urls import redact
from streamer.errors import ConfigError

M = TypeVar("M", bound=BaseModel)


def overlaid(base: M, over: BaseModel, keys: Set[str]) -> M:
    """`base` with those of `keys` that `over` sets in their place: sections key by key, all else as a whole."""
    changes: dict[str, Any] = {}
    for name in over.model_fields_set & keys:
        value, before = getattr(over, name), getattr(base, name)
        if isinstance(value, BaseModel) and isinstance(before, BaseModel):
            value = overlaid(before, value, frozenset(type(before).model_fields))
        changes[name] = value
    return base.model_copy(update=changes)


@dataclass(frozen=True)
class Change:
    """A value to be laid over the raw values of a file. `key`: with dots between names; `flag`: the option that gives
    it, None for --set; `shared`: whether it holds for every camera, so that none keeps its own."""

    key: str
    value: Any
    flag: str | None = None
    shared: bool = False

    def apply(self, values: dict[str, Any]) -> Loc:
        """Changes `values`, and returns the place in them; ConfigError where the key leads nowhere."""
        place: list[str | int] = []
        here: Any = values
        rest = self.key
        while True:
            name = _next(here, rest)
            rest = rest[len(name) + 1 :]
            key: Any = self._index(here, name, place) if isinstance(here, list) else name
            place.append(key)
            if not rest:
                here[key] = self.value
                break
            here[key] = self._section(here[key] if isinstance(here, list) else here.get(key), place)
            here = here[key]
        if self.shared:
            cameras = values.get("cameras")
            for camera in cameras.values() if isinstance(cameras, dict) else ():
                _forget(camera, [str(name) for name in place])
        return tuple(place)

    def told(self, loc: Loc) -> str:
        """What an error in that place begins with."""
        return f"option {self.flag}" if self.flag else f"--set {'.'.join(map(str, loc))}"

    def _index(self, there: list[Any], name: str, place: list[str | int]) -> int:
        if name.isdecimal() and int(name) < len(there):
            return int(name)
        where = ".".join(map(str, place))
        expected = f"expected a number from 0 to {len(there) - 1}" if there else f"{where} is empty"
        raise ConfigError(f"--set {self.key}: no entry {name} of {where}: {expected}")

    def _section(self, value: Any, place: list[str | int]) -> dict[str, Any] | list[Any]:
        """What a key of the place is to be put in; short forms are written out."""
        if value is None:
            return {}
        if isinstance(value, dict | list):
            return value
        if len(place) == 2 and place[0] == "cameras":
            return {"url": value}
        if place[-1] == "live":
            return {"endless": value}
        raise ConfigError(f"--set {self.key}: {'.'.join(map(str, place))} is {redact(str(value))!r}, not a section")


def changes_of(sets: Sequence[str], options: Mapping[str, tuple[str, Any]], shared: Set[str]) -> list[Change]:
    """The changes that texts like `vote.min_reads=3` ask for, then those of options (by key: the option's name and its
    value, None where it is not given). `shared`: keys that every camera may set for itself."""
    changes = []
    for text in sets:
        key, sign, value = text.partition("=")
        key = key.strip()
        if not sign or not all(key.split(".")):
            raise ConfigError(f"--set {redact(text)}: expected KEY=VALUE, like vote.min_reads=3")
        changes.append(Change(key, value_of(value, f"--set {key}"), shared=key.split(".")[0] in shared))
    for key, (flag, value) in options.items():
        if value is not None:
            changes.append(Change(key, value, flag, shared=key.split(".")[0] in shared))
    return changes


def _next(here: Any, rest: str) -> str:
    """The first name of a key: names that a user chose may hold dots."""
    names = [str(name) for name in here] if isinstance(here, dict) else []
    known = [name for name in names if rest == name or rest.startswith(f"{name}.")]
    return max(known, key=len) if known else rest.partition(".")[0]


def _forget(camera: Any, path: list[str]) -> None:
    """Takes a setting out of a camera's own."""
    if not isinstance(camera, dict):
        return
    if path[0] == "read" and path[1:] in ([], ["min_height"]):
        camera.pop("min_height", None)
    here: Any = camera
    for name in path[:-1]:
        here = here.get(name) if isinstance(here, dict) else None
    if isinstance(here, dict):
        here.pop(path[-1], None)
    elif path == ["live", "endless"] and not isinstance(camera.get("live"), dict):
        camera.pop("live", None)
