"""Trackers by name: the built-in one, and those of installed packages (entry point group `alpr.trackers`)."""

from __future__ import annotations

from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from typing import cast

from streamer.config.models import TrackConfig
from streamer.errors import ConfigError
from streamer.process.imports import load_tracker
from streamer.tracking.track import TrackerFactory

GROUP = "alpr.trackers"
KALMAN = "kalman"


def check_tracker(config: TrackConfig) -> None:
    """ConfigError where `track.type` names no tracker that is installed; imports nothing."""
    _installed(config)


def tracker_factory(config: TrackConfig) -> TrackerFactory:
    """The factory of `track.type`, with the libraries it needs imported. ConfigError as `check_tracker`, and where a
    package's tracker cannot be imported."""
    found = _installed(config)
    if found is None:
        load_tracker()
        return cast("TrackerFactory", import_module("streamer.tracking.tracker").KalmanTracker)
    where = f"track.type: {config.type} ({found.value} of {_package(found)})"
    try:
        factory = found.load()
    except Exception as error:  # an import may raise anything
        raise ConfigError(
            f"{where}: cannot be imported ({type(error).__name__}: {error}); fix or reinstall that package"
        ) from error
    if not callable(factory):
        raise ConfigError(f"{where}: expected a class or function that makes a tracker, not {type(factory).__name__}")
    return cast("TrackerFactory", factory)


def _installed(config: TrackConfig) -> EntryPoint | None:
    """The entry point of the tracker; None for the built-in one."""
    if config.type == KALMAN:
        if config.options:
            raise ConfigError(f"track.options: {', '.join(map(str, config.options))}: the tracker {KALMAN} has none")
        return None
    others = entry_points(group=GROUP)
    found = {point.value: point for point in others.select(name=config.type)}
    if len(found) > 1:
        several = " and ".join(f"{value} of {_package(point)}" for value, point in sorted(found.items()))
        raise ConfigError(f"track.type: {config.type}: {several} have this name; uninstall one")
    if not found:
        known = ", ".join(sorted({KALMAN, *others.names}))
        raise ConfigError(
            f"track.type: {config.type}: there is no such tracker; expected one of: {known} (packages add others under "
            f"the entry point group {GROUP})"
        )
    return next(iter(found.values()))


def _package(point: EntryPoint) -> str:
    return point.dist.name if point.dist is not None else "an unknown package"
