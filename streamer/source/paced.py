"""A recording played like a camera: at its own frame rate, once or in a loop."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from typing import Any

from streamer.source.sleeper import CameraFrame, Sleeper, Sleeps, is_glimpse
from streamer.source.source import Repeatable, StreamInfo
from streamer.types import Frame


class PacedSource:
    """A recording played in real time; `speed`: a factor on that. Its frames have the current time as capture time."""

    live = True

    def __init__(self, recording: Repeatable, *, loop: bool = False, speed: float = 1.0) -> None:
        self.name, self.warnings = recording.name, recording.warnings
        self.address = str(getattr(recording, "address", recording.name))
        self._recording, self._loop, self._speed = recording, loop, speed
        self._began: float | None = None  # of the first round, by the monotonic clock
        self._round_s = 0.0  # seconds of the rounds before
        self._first: float | None = None  # second of the first packet

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
    def sleeper(self) -> Sleeper | None:
        """Set where the recording, as a camera, may sleep: then its packets are played in real time."""
        return getattr(self._recording, "sleeper", None)

    @sleeper.setter
    def sleeper(self, sleeper: Sleeper | None) -> None:
        if isinstance(self._recording, Sleeps):
            self._recording.sleeper = sleeper
            self._recording.observer = None if sleeper is None else self._wait_for  # type: ignore[attr-defined]

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
        index, part, parts = 0, 0, 0
        self._began, self._round_s, self._first = time.monotonic(), 0.0, None
        while True:
            last = step = 0.0
            for frame in self._recording.frames():
                step, last = max(frame.pts - last, 0.0) or step, frame.pts
                due = (self._round_s + frame.pts) / self._speed
                _sleep_until(self._began + due)
                part, now, over = parts + frame.part, datetime.now(UTC), 0
                if isinstance(frame, CameraFrame):
                    over = frame.passed_over
                    now -= timedelta(seconds=time.monotonic() - frame.arrived)
                yield replace(frame, index=index + over, pts=due, captured_at=now, time_source="arrival", part=part)
                index += 0 if is_glimpse(frame) else over + 1
            if not self._loop:
                return
            parts = part + 1  # tracks do not continue from the end to the beginning
            self._round_s += last + (step or 0.04)
            self._recording.close()
            sleeper = self.sleeper
            self._recording = self._recording.again()
            if sleeper is not None:
                sleeper.begin()
                self.sleeper = sleeper
            self._recording.open()

    def _wait_for(self, packet: Any) -> None:
        """Waits until a packet would arrive."""
        if packet.dts is None or self._began is None:
            return
        at = float(packet.dts * packet.time_base)
        self._first = at if self._first is None else self._first
        _sleep_until(self._began + (self._round_s + at - self._first) / self._speed)

    def close(self) -> None:
        self._recording.close()


def _sleep_until(at: float) -> None:
    """By the monotonic clock. No call where that has passed: it would hand Python's lock to another thread."""
    if (seconds := at - time.monotonic()) > 0:
        time.sleep(seconds)
