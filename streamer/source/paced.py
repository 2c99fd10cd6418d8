"""A recording played like a camera: at its own frame rate, once or in a loop."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from fractions import Fraction

from streamer.source.source import Repeatable, StreamInfo
from streamer.types import Frame


class PacedSource:
    """A recording played in real time; `speed`: a factor on that. Its frames have the current time as capture time."""

    live = True

    def __init__(self, recording: Repeatable, *, loop: bool = False, speed: float = 1.0) -> None:
        self.name, self.warnings = recording.name, recording.warnings
        self.address = str(getattr(recording, "address", recording.name))
        self._recording, self._loop, self._speed = recording, loop, speed

    @property
    def threads(self) -> int | None:
        """The recording's limit; 0 where it has none."""
        return getattr(self._recording, "threads", 0)

    @threads.setter
    def threads(self, most: int | None) -> None:
        self._recording.threads = most  # type: ignore[attr-defined]

    @property
    def decode(self) -> str | None:
        """Where the recording is decoded; "" where that cannot be chosen."""
        return getattr(self._recording, "decode", "")

    @decode.setter
    def decode(self, where: str) -> None:
        self._recording.decode = where  # type: ignore[attr-defined]

    @property
    def finite(self) -> bool:
        """Whether it ends by itself."""
        return not self._loop

    def again(self) -> PacedSource:
        """The same recording from its beginning."""
        return PacedSource(self._recording.again(), loop=self._loop, speed=self._speed)

    def open(self) -> StreamInfo:
        info = self._recording.open()
        rate = None if info.rate is None else info.rate * Fraction(self._speed)
        return replace(info, live=True, frames=None, rate=rate, identity="")

    def frames(self) -> Iterator[Frame]:
        """InputError where the recording ends early."""
        began, round_s, index, part, parts = time.monotonic(), 0.0, 0, 0, 0
        while True:
            last = step = 0.0
            for frame in self._recording.frames():
                step, last = max(frame.pts - last, 0.0) or step, frame.pts
                due = (round_s + frame.pts) / self._speed
                time.sleep(max(0.0, began + due - time.monotonic()))
                part = parts + frame.part
                yield replace(
                    frame, index=index, pts=due, captured_at=datetime.now(UTC), time_source="arrival", part=part
                )
                index += 1
            if not self._loop:
                return
            parts = part + 1  # tracks do not continue from the end to the beginning
            round_s += last + (step or 0.04)
            self._recording.close()
            self._recording = self._recording.again()
            self._recording.open()

    def close(self) -> None:
        self._recording.close()
