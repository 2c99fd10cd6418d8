"""A first look at a camera: whether it answers, and the plates in a still of it."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from streamer.types import Frame, Plate

_LOOK_S = 5.0  # of a camera
_STEP_S = 0.5  # between two pictures that are looked at


@dataclass(frozen=True)
class FirstLook:
    """`frame`: the picture whose plates are read best; `plates`: those in it, best first."""

    width: int
    height: int
    rate: float | None
    frame: Frame
    plates: list[Plate] = field(default_factory=list)


def look_at(address: str) -> FirstLook:
    """Looks at some pictures of the first seconds. AlprError where there is none."""
    from streamer import PlateReader
    from streamer.errors import InputError
    from streamer.image.warp import to_bgr
    from streamer.source.resolve import open_source

    source = open_source(address)[0]
    best: FirstLook | None = None
    try:
        info = source.open()
        rate = float(info.rate) if info.rate else None
        reader, due, until = PlateReader(), 0.0, time.monotonic() + _LOOK_S
        for frame in source.frames():
            if frame.pts >= due:
                due = frame.pts + _STEP_S
                plates = [plate for plate in reader.read(to_bgr(frame)) if plate.text]
                if best is None or _sure(plates) > _sure(best.plates):
                    best = FirstLook(info.width, info.height, rate, frame, plates)
            if time.monotonic() > until or frame.pts > 4 * _LOOK_S:
                break
    finally:
        source.close()
    if best is None:
        raise InputError(f"{source.name}: gave no picture: check the camera and its address", at=source.name)
    return best


def _sure(plates: Sequence[Plate]) -> float:
    return sum(plate.confidence for plate in plates)


def save_still(look: FirstLook, path: Path) -> None:
    """Writes the picture with its plates drawn in, as JPEG. OutputError where it cannot be written."""
    import cv2

    from streamer.image.warp import to_bgr
    from streamer.sink.draw import annotate
    from streamer.sink.events import TrackView
    from streamer.sink.opening import output_errors

    picture = to_bgr(look.frame).copy()
    views = [
        TrackView(number, plate.box_xyxy, plate.quad, plate.text, plate.confidence, plate.score)
        for number, plate in enumerate(look.plates, 1)
    ]
    annotate(picture, views)
    with output_errors(path):
        path.write_bytes(cv2.imencode(".jpg", picture)[1].tobytes())
