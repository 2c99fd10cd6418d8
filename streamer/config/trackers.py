"""Trackers by name (`track.type`), those of this program and of installed packages, and the settings that each
declares for `track.options`."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from importlib import import_module
from typing import Any

from pydantic import BaseModel, ValidationError

from streamer.config.messages import Loc, faults_of
from streamer.config.plugins import TRACKERS, load_plugin, origin, plugins
from streamer.config.recognition import TrackConfig
from streamer.config.section import Section
from streamer.errors import ConfigError

# Each with its factory, which is imported when it is used. Another one is a line here and its module.
TYPES = {"kalman": "streamer.tracking.tracker:KalmanTracker"}


class TrackerSettings(Section):
    """The base of what a tracker declares as its `Settings`, the keys of `track.options`."""


def factory_of(kind: str) -> Any:
    """What makes the trackers of a type; ConfigError where there is no such type, or its package is broken."""
    if kind in TYPES:
        module, _, name = TYPES[kind].partition(":")
        return getattr(import_module(module), name)
    if kind in plugins(TRACKERS):
        return load_plugin(TRACKERS, kind)
    known = [*TYPES, *sorted(plugins(TRACKERS))]
    near = difflib.get_close_matches(kind, known, 1)
    hint = f"did you mean {near[0]!r}?" if near else f"expected one of {', '.join(known)}"
    raise ConfigError(f"unknown tracker {kind!r}: {hint} (packages add others by the entry point group {TRACKERS})")


def faults_of_tracker(config: TrackConfig) -> Iterator[tuple[Loc, str]]:
    """What is wrong with `type` and `options`, with the place below `track`. One of this program without options is
    right and not imported."""
    if config.type in TYPES and not config.options:
        return
    try:
        schema = _settings(config.type)
    except ConfigError as error:
        yield ("type",), str(error)
        return
    if schema is None:
        return
    try:
        schema.model_validate(config.options)
    except ValidationError as error:
        for loc, told in faults_of(error, schema):
            none = not schema.model_fields
            yield ("options", *loc), f"unknown key: the tracker {config.type} has no options" if none else told


def _settings(kind: str) -> type[BaseModel] | None:
    """What a tracker's `Settings` are; None where it declares none."""
    found = getattr(factory_of(kind), "Settings", None)
    if found is None or (isinstance(found, type) and issubclass(found, TrackerSettings)):
        return found
    where = f"{TRACKERS}: {kind} of {origin(TRACKERS, kind)}"
    raise ConfigError(f"{where}: its Settings must derive from streamer.TrackerSettings: mend it")
