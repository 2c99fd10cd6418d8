"""What a stream's packets say of it: codec, bit rate and the distance of key frames."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol, runtime_checkable


@runtime_checkable
class Observable(Protocol):
    """A source that shows its packets to an observer, before it is opened."""

    observer: Callable[[Any], None] | None


class Packets:
    """Counts the packets of one stream; an observer of a source."""

    def __init__(self) -> None:
        self.codec = ""
        self.count = 0
        self.gap_s = 0.0  # the longest time between two
        self._bytes = 0
        self._first: float | None = None
        self._last = 0.0
        self._key: float | None = None
        self._intervals: list[float] = []

    def __call__(self, packet: Any) -> None:
        stamp = packet.dts if packet.dts is not None else packet.pts
        if stamp is None or not packet.size:
            return
        at = float(stamp * packet.time_base)
        context = packet.stream.codec_context
        self.codec = " ".join(str(part) for part in (context.name, context.profile) if part)
        if self._first is None or at < self._last:  # a new connection, or a file in a loop
            self._first = at if self._first is None else self._first + at - self._last
            self._key = None
        elif self.count:
            self.gap_s = max(self.gap_s, at - self._last)
        self._last = at
        self._bytes += packet.size
        self.count += 1
        if packet.is_keyframe:
            if self._key is not None:
                self._intervals.append(at - self._key)
            self._key = at

    @property
    def seconds(self) -> float:
        return 0.0 if self._first is None else self._last - self._first

    @property
    def rate(self) -> float | None:
        """Frames a second; None for too short a time."""
        return (self.count - 1) / self.seconds if self.seconds >= 1 else None

    @property
    def kbit_s(self) -> float | None:
        """Kilobits a second; None for too short a time."""
        return self._bytes * 8e-3 / self.seconds if self.seconds >= 1 else None

    @property
    def key_s(self) -> float | None:
        """The longest time between two key frames, or since the only one where more time has passed; None where it is
        not known."""
        if self._intervals:
            return max(self._intervals)
        since = self._last - self._key if self._key is not None else 0.0
        return since if since > 1 else None
