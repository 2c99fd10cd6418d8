"""Settings of recognition: tracks, readings, the vote, zones and lines, countries."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from streamer.config.section import Section, unit


class TrackConfig(Section):
    """How detections become tracks. Lengths are in plate widths, so that near and far plates are treated alike."""

    type: str = Field(
        default="kalman", min_length=1, description="kalman, or the name of a tracker of an installed package"
    )
    options: dict[str, Any] = Field(default={}, description="settings of the tracker; kalman has none")
    birth_hits: int = Field(
        default=2,
        ge=1,
        description="hits before a track is believed and read; more hides flicker, and short passages",
        json_schema_extra=unit("frames"),
    )
    max_gap_s: float = Field(default=0.7, gt=0, description="seconds without a hit after which a track ends")
    low_score: float = Field(
        default=0.5,
        gt=0,
        le=1,
        description="detections down to this share of min_score may continue a track",
        json_schema_extra=unit("share of min_score"),
    )
    min_strong: float = Field(
        default=0.2,
        ge=0,
        le=1,
        description="share of a track's hits that must reach min_score; less gives no row",
        json_schema_extra=unit("share of hits"),
    )
    max_jump: float = Field(
        default=1.5,
        gt=0,
        description="farthest a plate may be from where it was expected, in plate widths",
        json_schema_extra=unit("plate widths"),
    )
    max_growth: float = Field(
        default=2.0,
        gt=1,
        description="largest change of size between two hits, as a factor",
        json_schema_extra=unit("factor"),
    )


class ReadConfig(Section):
    """Which frames of a track are read."""

    min_height: float = Field(
        default=8.0, ge=1, description="plates lower than this many pixels are not read", json_schema_extra=unit("px")
    )
    every: int = Field(
        default=3,
        ge=1,
        description="while unsettled, at most one reading in this many frames",
        json_schema_extra=unit("frames"),
    )
    grow: float = Field(
        default=1.1,
        ge=1,
        description="a plate this much higher than the best one read is read again",
        json_schema_extra=unit("factor"),
    )
    settled: float = Field(
        default=0.97,
        gt=0,
        le=1,
        description="fused confidence from which a track counts as settled",
        json_schema_extra=unit("probability"),
    )
    confirm_s: float = Field(default=1.0, gt=0, description="seconds between readings of a settled track")


class VoteConfig(Section):
    """When the readings of a track make a row."""

    min_confidence: float = Field(
        default=0.5,
        ge=0,
        le=1,
        description="a fused text below this gives no row",
        json_schema_extra=unit("probability"),
    )
    min_reads: int = Field(
        default=2,
        ge=1,
        description="a track read fewer times than this gives no row (pictures: one is enough)",
        json_schema_extra=unit("readings"),
    )
    rejoin_s: float = Field(
        default=60.0, ge=0, description="the same text again within this many seconds is the same passage"
    )


Share = Annotated[float, Field(ge=0, le=1)]


class ZoneConfig(Section):
    """A part of the picture."""

    polygon: tuple[tuple[Share, Share], ...] = Field(
        min_length=3,
        description="corners as [x, y] in shares of the picture's width and height",
        json_schema_extra=unit("share of width, height"),
    )
    use: Literal["read", "ignore"] = Field(
        default="read", description="read: plates count in such zones only; ignore: never here"
    )


class LineConfig(Section):
    """A line across the picture."""

    start: tuple[Share, Share] = Field(
        description="one end as [x, y] in shares of the picture's width and height",
        json_schema_extra=unit("share of width, height"),
    )
    end: tuple[Share, Share] = Field(description="the other end", json_schema_extra=unit("share of width, height"))


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
