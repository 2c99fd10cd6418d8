"""Everything a run, and each of its cameras, can be set to: frozen models, and their YAML form with errors that name
file, line and key. The sections lie by theme in section.py's neighbours."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, Field, ValidationError, model_validator

from streamer.config.files import PicturesConfig, RowsConfig, VideoConfig
from streamer.config.load import Loc
from streamer.config.messages import described, fault_at, raised, read_settings
from streamer.config.outputs import AnyOutput
from streamer.config.overlay import changes_of, overlaid
from streamer.config.recognition import (
    Countries,
    LineConfig,
    ReadConfig,
    TrackConfig,
    VoteConfig,
    ZoneConfig,
    as_countries,
    as_country,
)
from streamer.config.section import Section, unit
from streamer.config.sources import LiveConfig, Time, as_live, as_time
from streamer.config.trackers import faults_of_tracker
from streamer.config.urls import VARIABLE, filled
from streamer.config.watch import WatchConfig
from streamer.config.web import WebConfig
from streamer.errors import ConfigError

_ONE_PAIR = "one pair of networks serves all cameras: set it for the whole run"
_ADDED = {"outputs", "watch"}  # a camera's come on top of the run's
_OF_FILES = "is for recordings, not for cameras"
_OF_DECODED = "is for recordings; a camera always keeps its three newest frames"


class StreamConfig(Section):
    """What can differ from stream to stream: of the run, and of each camera."""

    video_track: int | None = Field(
        default=None,
        ge=1,
        description="video track of a file with several, counted from 1; null: the default one, or the first",
    )
    min_score: float | None = Field(
        default=None,
        gt=0,
        lt=1,
        description="least score of a detection that begins a track (track.low_score: that continues one); null: "
        "the operating point on the detector's card",
        json_schema_extra=unit("probability"),
    )
    cadence: Literal["every", "auto"] = Field(
        default="every",
        description="every: the detector sees every frame; auto: fewer where nothing moves or all plates are settled",
    )
    decode: Literal["cpu", "auto", "vaapi", "qsv", "cuda", "videotoolbox"] = Field(
        default="cpu",
        description="where video is decoded: the CPU, one kind of hardware, or (auto) the first kind that works; the "
        "CPU where it cannot be used (docs/hardware.md)",
    )
    countries: Countries = Field(
        default=(), description="countries whose plates are expected, like [DE, AT]: their formats are then likelier"
    )
    zones: dict[str, ZoneConfig] = Field(
        default={}, description="parts of the picture by name, each with polygon and use (read or ignore)"
    )
    lines: dict[str, LineConfig] = Field(
        default={}, description="lines by name, each with start and end; rows name those crossed, and the direction"
    )
    blur: Literal["none", "plates", "others"] = Field(
        default="none",
        description="plates that are made unreadable in videos and pictures: none, all (plates), or those that no list "
        "of plates reports (others), see docs/store.md",
    )
    track: TrackConfig = TrackConfig()
    read: ReadConfig = ReadConfig()
    vote: VoteConfig = VoteConfig()
    rows: RowsConfig = RowsConfig()
    video: VideoConfig = VideoConfig()
    pictures: PicturesConfig = PicturesConfig()
    live: Annotated[LiveConfig, BeforeValidator(as_live)] = LiveConfig()
    outputs: tuple[AnyOutput, ...] = Field(
        default=(), description="what is written, each with type and path (docs/outputs.md); of a camera: for it alone"
    )
    watch: tuple[WatchConfig, ...] = Field(
        default=(),
        description="lists of plates to watch for, each with name and file (docs/watchlists.md); of a camera: for it "
        "beside the run's",
    )


class CameraConfig(StreamConfig):
    """One camera of many. What it does not set, or sets to null, is as in the rest of the configuration."""

    refused: ClassVar[Mapping[str, str]] = {
        "detector": _ONE_PAIR,
        "reader": _ONE_PAIR,
        "precision": _ONE_PAIR,
        "device": _ONE_PAIR,
        "threads": _ONE_PAIR,
        "plates": "one folder serves all cameras: set it for the whole run",
        "camera": "its key below cameras is its name",
        "cameras": "cameras hold no cameras",
        "start_time": _OF_FILES,
        "queue": _OF_DECODED,
        "web": "one page serves all cameras: set it for the whole run",
        "overload": "one ladder serves all cameras: set it for the whole run, and a priority for each camera",
    }
    url: str = Field(min_length=1, description="its address, device or file; ${NAME} is taken from the environment")
    loop: bool = Field(default=False, description="whether a file is restarted at its end")
    priority: int = Field(
        default=0, description="cameras of the lowest are left out first while the cores do not suffice for all"
    )
    min_height: float | None = Field(
        default=None, ge=1, description="short for read.min_height", json_schema_extra=unit("px")
    )

    @model_validator(mode="before")
    @classmethod
    def _as_written(cls, values: Any) -> Any:
        """`gate: rtsp://...` is short for its url; null is as if the key were not there."""
        if isinstance(values, str):
            return {"url": values}
        if isinstance(values, dict):
            return {key: value for key, value in values.items() if value is not None or key in ("url", "loop")}
        return values

    @model_validator(mode="after")
    def _of_the_run(self) -> CameraConfig:
        if "live" in self.model_fields_set and "ready" in self.live.model_fields_set:
            raise fault_at(("live", "ready"), "cannot be set for one camera: one /readyz serves all of them")
        return self

    def unset(self) -> list[str]:
        """The variables in the url that the environment has not."""
        return [name for name in dict.fromkeys(VARIABLE.findall(self.url)) if name not in os.environ]

    def address(self) -> str:
        """The url with its variables filled in; ConfigError names one that is not set, or says what is malformed."""
        return filled(self.url)


class RunConfig(StreamConfig):
    """Everything `run_stream` can be given beside source and sinks. Defaults: configs/stream/default.yaml."""

    camera: str | None = Field(
        default=None, min_length=1, description="the name in the rows; null: the source's own name"
    )
    start_time: Time | None = Field(default=None, description="when second 0 of the source was recorded, with offset")
    detector: str = Field(
        default="plate-detector-s",
        min_length=1,
        description="network that finds plates: a name in the zoo, or a path to an .xml; behind it the longer side of "
        "its input (@480, @960, @1280; 640 px without) or @auto, with which each camera's own plates decide",
    )
    reader: str = Field(
        default="plate-reader",
        min_length=1,
        description="network that reads them: a name in the zoo, or a path to an .xml",
    )
    plates: str | None = Field(
        default=None,
        min_length=1,
        description="folder with layout files of more countries (docs/how-to/add-a-country.md); a country of the "
        "program that is in it is replaced",
    )
    precision: Literal["auto", "int8", "bf16", "f32"] = Field(
        default="auto", description="number format of the networks; auto: int8 where the CPU is good at it, else f32"
    )
    device: Literal["CPU", "GPU", "NPU", "AUTO"] = Field(
        default="CPU",
        description="where OpenVINO runs the networks; the CPU where that is not there (docs/hardware.md)",
    )
    threads: int | None = Field(
        default=None,
        ge=1,
        description="threads that decode, run the networks and encode, each at most; null: every core it may use",
        json_schema_extra=unit("threads"),
    )
    queue: int = Field(
        default=8,
        ge=1,
        le=256,
        description="decoded frames of a recording that may wait; of a camera always the three newest",
        json_schema_extra=unit("frames"),
    )
    overload: Literal["ladder", "drop"] = Field(
        default="ladder",
        description="what is left out while the cores do not suffice for the cameras: ladder: frames looked at, then "
        "the detector's input, second looks, cameras of low priority (docs/streams.md); drop: whatever comes too late",
    )
    web: WebConfig = WebConfig()
    cameras: dict[str, CameraConfig] = Field(
        default={}, description="cameras by name, read all at once where alpr run is given no source"
    )

    @model_validator(mode="after")
    def _trackers(self) -> RunConfig:
        faults = [(("track", *loc), told) for loc, told in faults_of_tracker(self.track)]
        for name, camera in self.cameras.items():
            own = overlaid(self.track, camera.track, frozenset(TrackConfig.model_fields))
            if own != self.track:
                faults += [(("cameras", name, "track", *loc), told) for loc, told in faults_of_tracker(own)]
        if faults:
            raise raised(faults)
        return self

    @model_validator(mode="after")
    def _lists(self) -> RunConfig:
        faults: list[tuple[Loc, str]] = []
        places: list[tuple[Loc, tuple[WatchConfig, ...]]] = [((), self.watch)]
        places += [(("cameras", name), camera.watch) for name, camera in self.cameras.items()]
        for above, own in places:
            names = [one.name for one in self.watch] if above else []
            for number, one in enumerate(own):
                if one.name in names:
                    told = f"{one.name!r} is the name of another list: give each its own"
                    faults.append(((*above, "watch", number, "name"), told))
                names.append(one.name)
        if faults:
            raise raised(faults)
        return self

    def all_countries(self) -> tuple[str, ...]:
        """Those of the run and of its cameras."""
        return self.countries + tuple(c for camera in self.cameras.values() for c in camera.countries)

    def check_addresses(self) -> None:
        """ConfigError names every variable that a camera's url needs and the environment has not, and every malformed
        url."""
        unset = [
            f"cameras.{name}.url: ${{{variable}}} is not set in the environment: export {variable}=... first"
            for name, camera in self.cameras.items()
            for variable in camera.unset()
        ]
        for name, camera in self.cameras.items():
            if not camera.unset():
                try:
                    camera.address()
                except ConfigError as error:
                    unset.append(f"cameras.{name}.url: {error}")
        if unset:
            raise ConfigError(*unset)

    def of_camera(self, name: str) -> RunConfig:
        """The configuration of one of the cameras: the run's, with what the camera sets laid over it."""
        own = self.cameras[name]
        settings = overlaid(self, own, frozenset(StreamConfig.model_fields) - _ADDED)
        changes: dict[str, Any] = {
            "camera": name,
            "cameras": {},
            "outputs": own.outputs,
            "watch": (*self.watch, *own.watch),
        }
        if own.min_height is not None:
            changes["read"] = settings.read.model_copy(update={"min_height": own.min_height})
        return settings.model_copy(update=changes)

    def with_options(self, **options: Any) -> RunConfig:
        """A copy with the options that are not None put over it, checked anew; ConfigError names a wrong one."""
        given = {key: value for key, value in options.items() if value is not None}
        try:
            return RunConfig.model_validate({**dict(self), **given})
        except ValidationError as error:
            raise ConfigError(*described(error, RunConfig, _option)) from None


def _option(loc: tuple[str | int, ...]) -> str:
    """The option that sets a key."""
    return "option --" + {"countries": "country"}.get(str(loc[0]), str(loc[0]).replace("_", "-"))


def load_config(
    path: str | Path | None, sets: Sequence[str] = (), options: Mapping[str, tuple[str, Any]] | None = None
) -> RunConfig:
    """The configuration in a YAML file (None: the defaults); ConfigError lists all that is wrong with it.

    `sets`: texts like `vote.min_reads=3`, laid over the file; `options`: values by key, laid over both, each with the
    name that errors call it by. Both count for every camera too, whatever it sets itself.
    """
    changes = changes_of(sets, options or {}, frozenset(StreamConfig.model_fields) - _ADDED)
    return read_settings(None if path is None else Path(path), RunConfig, changes)


__all__ = [
    "CameraConfig", "LineConfig", "LiveConfig", "PicturesConfig", "ReadConfig", "RowsConfig", "RunConfig",
    "StreamConfig", "TrackConfig", "VideoConfig", "VoteConfig", "WatchConfig", "WebConfig", "ZoneConfig",
    "as_countries", "as_country", "as_live", "as_time", "load_config",
]  # fmt: skip
