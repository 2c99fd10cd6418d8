"""The tracker of a run by its name; the names are in `config.trackers`."""

from __future__ import annotations

from typing import cast

from streamer.config.models import TrackConfig
from streamer.config.trackers import factory_of, faults_of_tracker
from streamer.errors import ConfigError
from streamer.tracking.track import TrackerFactory


def check_tracker(config: TrackConfig) -> None:
    """ConfigError where `track.type` names no tracker that is usable, or `track.options` are not its options."""
    if faults := [f"track.{'.'.join(map(str, loc))}: {told}" for loc, told in faults_of_tracker(config)]:
        raise ConfigError(*faults)


def tracker_factory(config: TrackConfig) -> TrackerFactory:
    """The factory of `track.type`, with the libraries it needs imported (its `prepare`). ConfigError as
    `check_tracker`."""
    check_tracker(config)
    factory = factory_of(config.type)
    if (prepare := getattr(factory, "prepare", None)) is not None:
        prepare()
    return cast("TrackerFactory", factory)
