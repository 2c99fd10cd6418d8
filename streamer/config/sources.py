"""Settings of sources: how a camera is kept connected, and times."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, BeforeValidator, Field

from streamer.config.section import Section


class LiveConfig(Section):
    """How a camera is kept connected."""

    connect_s: float = Field(default=10.0, gt=0, description="seconds that a camera may take to answer")
    silence_s: float = Field(default=5.0, gt=0, description="seconds without a frame after which it is reconnected")
    frozen_s: float | None = Field(
        default=60.0, gt=0, description="seconds without a new picture after which it is reconnected; null: never"
    )
    backoff_s: float = Field(default=2.0, gt=0, description="longest wait between two attempts")
    refused_s: float = Field(
        default=60.0,
        gt=0,
        description="seconds after a refused password (401, 403), at least; doubled up to 8 times",
    )
    give_up_s: float | None = Field(
        default=None, gt=0, description="seconds without a connection after which a run ends with an error; null: never"
    )
    ready: Literal["any", "all"] = Field(
        default="any", description="/readyz of --metrics returns 200 while any camera has frames, or only while all do"
    )
    transport: Literal["tcp", "udp"] = Field(
        default="tcp", description="transport of RTSP: udp has less delay, but damaged pictures where packets are lost"
    )
    clock: Literal["sender", "arrival"] = Field(
        default="sender",
        description="sender: capture times as the camera reports them; arrival: for a camera whose clock is wrong",
    )
    snapshot_s: float = Field(
        default=0.5, gt=0, description="seconds between two requests to an address that sends one picture at a time"
    )
    sleep: Literal["auto", "always", "never"] = Field(
        default="auto",
        description="auto: while nothing happens only key frames are decoded, and all since the last one where "
        "something does, of cameras that send one a second or more often; always: in 5 s; never: every frame is "
        "decoded",
    )
    sleep_after_s: float = Field(
        default=4.0, gt=0, description="seconds without a track after which a camera may sleep"
    )
    endless: bool | None = Field(
        default=None,
        description="whether an http address is a camera's stream (true) or a recording (false); null: detected",
    )


def as_live(value: Any) -> Any:
    """Accepts `live: true` and `live: false` as short forms; of a file every plain value is a text (load.py)."""
    return {"endless": value} if isinstance(value, bool | str) else value


def as_time(value: Any) -> Any:
    """ValueError for a bare number: 20260131 would be read as seconds since 1970."""
    if isinstance(value, str | int | float) and re.fullmatch(r"[-+\d.]+", str(value)) and "-" not in str(value)[1:]:
        raise ValueError("expected a date, a time and its offset, like 2026-01-31T08:00:00+08:00")
    return value


Time = Annotated[AwareDatetime, BeforeValidator(as_time)]
