"""What a run can be told: a frozen model, and its YAML form with errors that name file, line and key."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from streamer.config.messages import described, read_settings
from streamer.config.urls import VARIABLE, filled
from streamer.errors import ConfigError


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    @model_validator(mode="before")
    @classmethod
    def _nothing_below(cls, values: Any) -> Any:
        """A section without a key (all are comments, say) is as its defaults are."""
        if values is None:
            return {}
        if not isinstance(values, dict):
            return values
        sections = {
            name for name, field in cls.model_fields.items() if isinstance(field.default, BaseModel | dict | tuple)
        }
        return {name: value for name, value in values.items() if value is not None or name not in sections}


class TrackConfig(_Section):
    """How detections become tracks. Lengths are in plate widths, so that near and far plates are treated alike."""

    type: str = Field(
        default="kalman", min_length=1, description="kalman, or the name of a tracker of an installed package"
    )
    options: dict[str, Any] = Field(default={}, description="settings of such a tracker; kalman has none")
    birth_hits: int = Field(
        default=2, ge=1, description="hits before a track is believed and read; more hides flicker, and short passages"
    )
    max_gap_s: float = Field(default=0.7, gt=0, description="seconds without a hit after which a track ends")
    low_score: float = Field(
        default=0.5, gt=0, le=1, description="detections down to this share of min_score may continue a track"
    )
    min_strong: float = Field(
        default=0.2, ge=0, le=1, description="share of a track's hits that must reach min_score; less gives no row"
    )
    max_jump: float = Field(
        default=1.5, gt=0, description="farthest a plate may be from where it was expected, in plate widths"
    )
    max_growth: float = Field(default=2.0, gt=1, description="largest change of size between two hits, as a factor")


class ReadConfig(_Section):
    """Which frames of a track are read."""

    min_height: float = Field(default=8.0, ge=1, description="plates lower than this many pixels are not read")
    every: int = Field(default=3, ge=1, description="while unsettled, at most one reading in this many frames")
    grow: float = Field(default=1.1, ge=1, description="a plate this much higher than the best one read is read again")
    settled: float = Field(
        default=0.97, gt=0, le=1, description="fused confidence from which a track counts as settled"
    )
    confirm_s: float = Field(default=1.0, gt=0, description="seconds between readings of a settled track")


class VoteConfig(_Section):
    """When the readings of a track make a row."""

    min_confidence: float = Field(default=0.5, ge=0, le=1, description="a fused text below this gives no row")
    min_reads: int = Field(
        default=2, ge=1, description="a track read fewer times than this gives no row (pictures: one is enough)"
    )
    rejoin_s: float = Field(
        default=60.0, ge=0, description="the same text again within this many seconds is the same passage"
    )


class VideoConfig(_Section):
    """The annotated video."""

    crf: int = Field(default=23, ge=0, le=51, description="x264 quality: lower is better and larger")
    preset: Literal["ultrafast", "superfast", "veryfast", "faster", "fast", "medium", "slow"] = Field(
        default="veryfast", description="x264 effort"
    )
    segment_s: float | None = Field(
        default=3600.0,
        gt=0,
        description="seconds of a camera after which a new file is begun (NAME-2.mp4 ...); null: never",
    )
    segment_mb: float | None = Field(
        default=None, gt=0, description="size of a camera's file from which a new one is begun; null: never"
    )


class RowsConfig(_Section):
    """The files of rows."""

    fsync: Literal["row", "never"] = Field(
        default="row", description="row: each is on the disk at once; never: when the system likes, seconds later"
    )
    rotate_mb: float | None = Field(
        default=None, gt=0, description="size from which a new file is begun (NAME-2.csv ...); null: never"
    )


class PicturesConfig(_Section):
    """How many pictures --crops and --snapshots keep, each; the oldest are deleted, none that others wrote."""

    max_files: int | None = Field(default=None, ge=1, description="pictures that are kept; null: all")
    max_mb: float | None = Field(default=None, gt=0, description="megabytes that are kept; null: all")
    max_age_days: float | None = Field(default=None, gt=0, description="days after which one is deleted; null: never")


class LiveConfig(_Section):
    """How a camera is held on to."""

    connect_s: float = Field(default=10.0, gt=0, description="seconds that a camera may take to answer")
    silence_s: float = Field(default=5.0, gt=0, description="seconds without a frame after which it is connected anew")
    frozen_s: float | None = Field(
        default=60.0, gt=0, description="seconds of the very same picture after which it is connected anew; null: never"
    )
    backoff_s: float = Field(default=2.0, gt=0, description="longest wait between two attempts")
    refused_s: float = Field(
        default=60.0,
        gt=0,
        description="seconds after a refused password (401, 403), at least; doubled up to 8 times",
    )
    give_up_s: float | None = Field(
        default=None, gt=0, description="seconds away after which a run ends with an error; null: never"
    )
    ready: Literal["any", "all"] = Field(
        default="any", description="/readyz of --metrics is good where any camera has frames, or only where all do"
    )
    transport: Literal["tcp", "udp"] = Field(
        default="tcp", description="of RTSP: udp has less delay, and damaged pictures where packets get lost"
    )
    clock: Literal["sender", "arrival"] = Field(
        default="sender", description="sender: capture times as the camera reports them; arrival: its clock is not good"
    )
    snapshot_s: float = Field(
        default=0.5, gt=0, description="seconds between two requests of an address that gives one picture at a time"
    )
    endless: bool | None = Field(
        default=None,
        description="whether an http address is a camera's stream (true) or a recording (false); null: as it looks",
    )


def as_live(value: Any) -> Any:
    """`live: true` and `live: false` for short."""
    return {"endless": value} if isinstance(value, bool) else value


Share = Annotated[float, Field(ge=0, le=1)]


class ZoneConfig(_Section):
    """A part of the picture."""

    polygon: tuple[tuple[Share, Share], ...] = Field(
        min_length=3, description="corners as [x, y] in shares of the picture's width and height"
    )
    use: Literal["read", "ignore"] = Field(
        default="read", description="read: plates count in such zones only; ignore: never here"
    )


class LineConfig(_Section):
    """A line across the picture."""

    start: tuple[Share, Share] = Field(description="one end as [x, y] in shares of the picture's width and height")
    end: tuple[Share, Share] = Field(description="the other end")


# Codes in use, on plates or in the European Union, that are not those of ISO 3166.
_ALSO_WRITTEN = {"UK": "GB", "EL": "GR"}


def as_country(code: Any) -> str:
    """Two letters (ISO 3166) in upper case; ValueError says what else they are."""
    if not isinstance(code, str) or not re.fullmatch("[A-Za-z]{2}", code):
        raise ValueError("expected the two letters of a country, like DE")
    return _ALSO_WRITTEN.get(code.upper(), code.upper())


def as_countries(codes: Any) -> Any:
    """The codes one by one where several are in one word (`DE,AT`); ValueError for a text in place of a list."""
    if isinstance(codes, str):
        raise ValueError(f"expected a list of countries, like [{codes}]")
    if not isinstance(codes, list | tuple | set | frozenset):
        return codes
    apart = [re.split(r"[\s,;/+]+", code.strip(" ,;")) if isinstance(code, str) else [code] for code in codes]
    return tuple(code for several in apart for code in several)


Country = Annotated[str, BeforeValidator(as_country)]
Countries = Annotated[tuple[Country, ...], BeforeValidator(as_countries)]


def as_time(value: Any) -> Any:
    """ValueError for a bare number: 20260131 would be taken for seconds since 1970."""
    if isinstance(value, str | int | float) and re.fullmatch(r"[-+\d.]+", str(value)) and "-" not in str(value)[1:]:
        raise ValueError("expected a date, a time and its offset, like 2026-01-31T08:00:00+08:00")
    return value


Time = Annotated[AwareDatetime, BeforeValidator(as_time)]


class CameraConfig(_Section):
    """One camera of many; what is null is as in the rest of the configuration."""

    url: str = Field(min_length=1, description="its address, device or file; ${NAME} is taken from the environment")
    loop: bool = Field(default=False, description="whether a file begins anew at its end")
    live: bool | None = Field(default=None, description="as live.endless of the run")
    video_track: int | None = Field(default=None, ge=1, description="as video_track of the run")
    zones: dict[str, ZoneConfig] | None = Field(default=None, description="as zones of the run")
    lines: dict[str, LineConfig] | None = Field(default=None, description="as lines of the run")
    min_height: float | None = Field(default=None, ge=1, description="as read.min_height of the run")
    cadence: Literal["every", "auto"] | None = Field(default=None, description="as cadence of the run")
    countries: Countries | None = Field(default=None, description="as countries of the run")

    @model_validator(mode="before")
    @classmethod
    def _address_alone(cls, values: Any) -> Any:
        """`gate: rtsp://...` is short for its url."""
        return {"url": values} if isinstance(values, str) else values

    def unset(self) -> list[str]:
        """The variables in the url that the environment has not."""
        return [name for name in dict.fromkeys(VARIABLE.findall(self.url)) if name not in os.environ]

    def address(self) -> str:
        """The url with its variables filled in; ConfigError names one that is not set, or says what is malformed."""
        return filled(self.url)


class RunConfig(_Section):
    """Everything `run_stream` can be told beside source and sinks. Defaults: configs/stream/default.yaml."""

    camera: str | None = Field(
        default=None, min_length=1, description="the name in the rows; null: the source's own name"
    )
    start_time: Time | None = Field(default=None, description="when second 0 of the source was recorded, with offset")
    video_track: int | None = Field(
        default=None, ge=1, description="of a file with several, counted from 1; null: the one marked so, or the first"
    )
    detector: str = Field(
        default="plate-detector-s", min_length=1, description="a name in the zoo, or a path to an .xml"
    )
    reader: str = Field(default="plate-reader", min_length=1, description="a name in the zoo, or a path to an .xml")
    precision: Literal["auto", "int8", "bf16", "f32"] = Field(
        default="auto", description="auto: int8 where the CPU is good at it, else f32"
    )
    threads: int | None = Field(
        default=None,
        ge=1,
        description="that decode, run the networks and encode, each at most; null: all cores this process may use",
    )
    min_score: float | None = Field(
        default=None, gt=0, lt=1, description="null: the operating point on the detector's card"
    )
    cadence: Literal["every", "auto"] = Field(
        default="every",
        description="every: the detector sees every frame; auto: fewer where nothing moves or all plates are told",
    )
    countries: Countries = Field(
        default=(), description="whose plates are to be expected, like [DE, AT]: their formats are then likelier"
    )
    queue: int = Field(
        default=8, ge=1, le=256, description="decoded frames that may wait; a live source keeps only the newest"
    )
    zones: dict[str, ZoneConfig] = Field(
        default={}, description="parts of the picture by name, each with polygon and use (read or ignore)"
    )
    lines: dict[str, LineConfig] = Field(
        default={}, description="lines by name, each with start and end; rows tell which were crossed, and which way"
    )
    cameras: dict[str, CameraConfig] = Field(
        default={}, description="cameras by name, read all at once where alpr run is given no source"
    )
    track: TrackConfig = TrackConfig()
    read: ReadConfig = ReadConfig()
    vote: VoteConfig = VoteConfig()
    rows: RowsConfig = RowsConfig()
    video: VideoConfig = VideoConfig()
    pictures: PicturesConfig = PicturesConfig()
    live: Annotated[LiveConfig, BeforeValidator(as_live)] = LiveConfig()

    def all_countries(self) -> tuple[str, ...]:
        """Those of the run and of its cameras."""
        return self.countries + tuple(c for camera in self.cameras.values() for c in camera.countries or ())

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
        """The configuration of one of the cameras."""
        own = self.cameras[name]
        changes: dict[str, Any] = {"camera": name, "cameras": {}}
        if own.zones is not None:
            changes["zones"] = own.zones
        if own.lines is not None:
            changes["lines"] = own.lines
        if own.cadence is not None:
            changes["cadence"] = own.cadence
        if own.countries is not None:
            changes["countries"] = own.countries
        if own.live is not None:
            changes["live"] = self.live.model_copy(update={"endless": own.live})
        if own.video_track is not None:
            changes["video_track"] = own.video_track
        if own.min_height is not None:
            changes["read"] = self.read.model_copy(update={"min_height": own.min_height})
        return self.model_copy(update=changes)

    def with_options(self, **options: Any) -> RunConfig:
        """A copy with the options that are not None put over it, checked anew; ConfigError names a wrong one."""
        given = {key: value for key, value in options.items() if value is not None}
        try:
            return RunConfig.model_validate({**self.model_dump(), **given})
        except ValidationError as error:
            raise ConfigError(*described(error, RunConfig, _option)) from None


def _option(loc: tuple[str | int, ...]) -> str:
    """The option that sets a key."""
    return "option --" + {"countries": "country"}.get(str(loc[0]), str(loc[0]).replace("_", "-"))


def load_config(path: str | Path) -> RunConfig:
    """The configuration in a YAML file; ConfigError tells all that is wrong with it."""
    return read_settings(Path(path), RunConfig)


__all__ = ["ReadConfig", "RunConfig", "TrackConfig", "VideoConfig", "VoteConfig", "ZoneConfig", "load_config"]
