"""Settings of the files that a run writes."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from streamer.config.section import Section, unit


class VideoConfig(Section):
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


class RowsConfig(Section):
    """The files of rows."""

    fsync: Literal["row", "never"] = Field(
        default="row", description="row: each is on the disk at once; never: when the system likes, seconds later"
    )
    rotate_mb: float | None = Field(
        default=None, gt=0, description="size from which a new file is begun (NAME-2.csv ...); null: never"
    )


class PicturesConfig(Section):
    """How many pictures --crops and --snapshots keep, each; the oldest are deleted, none that others wrote."""

    max_files: int | None = Field(
        default=None, ge=1, description="pictures that are kept; null: all", json_schema_extra=unit("files")
    )
    max_mb: float | None = Field(default=None, gt=0, description="megabytes that are kept; null: all")
    max_age_days: float | None = Field(default=None, gt=0, description="days after which one is deleted; null: never")
