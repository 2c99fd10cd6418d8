"""Licence plates from video: detect, track, read, vote, one row per passage of a vehicle.

`PlateReader` reads pictures, `stream` and `run_stream` read videos and cameras. All names are loaded on first use, so
that `import streamer` and the command line start quickly. Fakes for tests of sinks and sources: `streamer.testing`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from streamer.api import PlateReader
    from streamer.config.models import (
        CameraConfig,
        LineConfig,
        LiveConfig,
        PicturesConfig,
        ReadConfig,
        RowsConfig,
        RunConfig,
        TrackConfig,
        VideoConfig,
        VoteConfig,
        WatchConfig,
        ZoneConfig,
        load_config,
    )
    from streamer.config.outputs import FileOutput, Output, Writes
    from streamer.config.trackers import TrackerSettings
    from streamer.errors import AlprError, ConfigError, InputError, ModelError, OutputError
    from streamer.pipeline.iterate import stream
    from streamer.pipeline.runner import IncompleteRun, run_stream
    from streamer.sink.events import (
        Event,
        FrameSeen,
        HealthChanged,
        PassageFinal,
        PassageProvisional,
        PassagesWaiting,
        PassageWithdrawn,
        StreamClosed,
        StreamOpened,
        Tick,
        TrackRejected,
        TrackView,
        WatchHit,
    )
    from streamer.sink.registry import OutputPlace
    from streamer.sink.sink import BaseSink, Sink
    from streamer.source.faults import SourceFault
    from streamer.source.registry import SourcePlace
    from streamer.source.source import Reopening, Source, StreamInfo
    from streamer.tracking.lifecycle import BaseTracker
    from streamer.tracking.track import Hit, Track, TrackerFactory, TrackerLike, TrackUpdate
    from streamer.types import Frame, Kind, Passage, Plate, Plates, Reading, Rejection, RunSummary, WatchMatch

_NAMES = {
    "streamer.api": "PlateReader",
    "streamer.config.models": "CameraConfig LineConfig LiveConfig PicturesConfig ReadConfig RowsConfig RunConfig "
    "TrackConfig VideoConfig VoteConfig WatchConfig ZoneConfig load_config",
    "streamer.config.outputs": "FileOutput Output Writes",
    "streamer.config.trackers": "TrackerSettings",
    "streamer.errors": "AlprError ConfigError InputError ModelError OutputError",
    "streamer.pipeline.iterate": "stream",
    "streamer.pipeline.runner": "IncompleteRun run_stream",
    "streamer.sink.sink": "BaseSink Sink",
    "streamer.sink.events": "Event FrameSeen HealthChanged PassageFinal PassageProvisional PassagesWaiting "
    "PassageWithdrawn StreamClosed StreamOpened Tick TrackRejected TrackView WatchHit",
    "streamer.sink.registry": "OutputPlace",
    "streamer.source.source": "Reopening Source StreamInfo",
    "streamer.source.faults": "SourceFault",
    "streamer.source.registry": "SourcePlace",
    "streamer.tracking.lifecycle": "BaseTracker",
    "streamer.tracking.track": "Hit Track TrackUpdate TrackerFactory TrackerLike",
    "streamer.types": "Frame Kind Passage Plate Plates Reading Rejection RunSummary WatchMatch",
}
_HOMES = {name: module for module, names in _NAMES.items() for name in names.split()}

__all__ = [  # noqa: RUF022 - in the order of _NAMES
    "PlateReader",
    "CameraConfig", "LineConfig", "LiveConfig", "PicturesConfig", "ReadConfig", "RowsConfig", "RunConfig",
    "TrackConfig", "VideoConfig", "VoteConfig", "WatchConfig", "ZoneConfig", "load_config",
    "FileOutput", "Output", "Writes",
    "TrackerSettings",
    "AlprError", "ConfigError", "InputError", "ModelError", "OutputError",
    "stream",
    "IncompleteRun", "run_stream",
    "BaseSink", "Sink",
    "Event", "FrameSeen", "HealthChanged", "PassageFinal", "PassageProvisional", "PassagesWaiting",
    "PassageWithdrawn", "StreamClosed", "StreamOpened", "Tick", "TrackRejected", "TrackView", "WatchHit",
    "OutputPlace",
    "Reopening", "Source", "StreamInfo",
    "SourceFault",
    "SourcePlace",
    "BaseTracker",
    "Hit", "Track", "TrackUpdate", "TrackerFactory", "TrackerLike",
    "Frame", "Kind", "Passage", "Plate", "Plates", "Reading", "Rejection", "RunSummary", "WatchMatch",
]  # fmt: skip
__version__: str  # of the installed package: pyproject.toml has it


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version

        return version("alpr-streamer")
    if name not in _HOMES:
        raise AttributeError(f"module 'streamer' has no attribute {name!r}")
    import importlib

    return getattr(importlib.import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
