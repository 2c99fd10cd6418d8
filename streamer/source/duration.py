"""Rate, duration and number of frames as a container declares them."""

from __future__ import annotations

import re
from fractions import Fraction
from typing import Any

# Containers whose declared duration comes from an index or header; that of others is an estimate by bit rate.
_TRUSTED = ("mp4", "matroska", "avi")


def declared_rate(stream: Any) -> Fraction | None:
    """Frames per second of a PyAV stream, None where unknown or implausible."""
    rate = stream.average_rate or stream.guessed_rate
    return Fraction(rate) if rate and 0 < rate <= 1000 else None


def declared_duration(container: Any, stream: Any) -> float | None:
    """Seconds of video that the container declares, None where it does not or cannot be trusted."""
    if not any(name in container.format.name for name in _TRUSTED):
        return None
    if container.format.name == "avi" and stream.frames and stream.average_rate:
        # A truncated AVI has lost its index; FFmpeg then estimates a duration from the remaining data.
        return float(stream.frames / stream.average_rate)
    if stream.duration:
        return float(stream.duration * stream.time_base)
    # Both of these count from second 0, our times from the stream's first time stamp.
    begins = float((stream.start_time or 0) * stream.time_base)
    tag = {k.upper(): v for k, v in stream.metadata.items()}.get("DURATION", "")
    if clock := re.fullmatch(r"(\d+):(\d+):(\d+(?:\.\d+)?)", tag):
        hours, minutes, seconds = clock.groups()
        return int(hours) * 3600 + int(minutes) * 60 + float(seconds) - begins
    alone = len(container.streams) == 1
    return container.duration / 1e6 - begins if alone and container.duration else None


def expected_frames(container: Any, stream: Any, *, live: bool) -> int | None:
    """The number of frames, None where it cannot be estimated."""
    if stream.frames:
        return int(stream.frames)
    duration, rate = None if live else declared_duration(container, stream), declared_rate(stream)
    return round(duration * float(rate)) if duration and rate else None
