"""Capture times from the start time of a recording, and where that comes from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from streamer.errors import ConfigError
from streamer.types import TimeSource


@dataclass(frozen=True)
class Clock:
    """`start`: the aware time of second 0 of the stream, None where unknown; `source`: where it comes from."""

    start: datetime | None = None
    source: TimeSource = "unknown"

    def at(self, seconds: float) -> datetime | None:
        """The capture time of a frame `seconds` into the stream."""
        return None if self.start is None else self.start + timedelta(seconds=seconds)


def parse_start_time(text: str) -> datetime:
    """An ISO-8601 time with an offset; ConfigError otherwise (a time without offset would depend on this machine's
    zone)."""
    try:
        start = datetime.fromisoformat(text)
    except ValueError:
        raise ConfigError(
            f"start time {text!r} is not ISO-8601: write it like 2026-01-31T08:00:00+08:00 (or with Z for UTC)"
        ) from None
    if start.utcoffset() is None:
        raise ConfigError(f"start time {text!r} has no offset: add Z for UTC or one like +08:00")
    return start


def container_clock(*metadata: Mapping[str, str]) -> Clock:
    """The clock from the first valid creation time; unset ones (the epochs of MP4 and Unix) are ignored."""
    for tags in metadata:
        text = {k.lower(): v for k, v in tags.items()}.get("creation_time", "")
        try:
            start = datetime.fromisoformat(text)
        except ValueError:
            continue
        if start.utcoffset() is not None and 1971 < start.year < 9000:
            return Clock(start, "container")
    return Clock()
