"""A looped recording, faster than real time, whose connection breaks every few minutes."""

from __future__ import annotations

import itertools
import random
import time
from collections.abc import Iterator

from streamer.errors import InputError
from streamer.source.file import VideoSource
from streamer.source.paced import PacedSource
from streamer.source.source import StreamInfo
from streamer.types import Frame

FAULTS = "broken", "ended", "silent"


class BreakingCamera:
    """Breaks after `every_s` seconds (half of that more or less) by each of FAULTS in turn: by an error, by ending, and
    by sending nothing for `silent_s`, so that the connection is abandoned before it ends."""

    live, finite = True, False

    def __init__(
        self,
        clip: VideoSource,
        *,
        speed: float,
        every_s: float,
        silent_s: float,
        faults: Iterator[str] | None = None,
    ) -> None:
        self._paced = PacedSource(clip, loop=True, speed=speed)
        self.name, self.warnings = clip.name, clip.warnings
        self._clip, self._speed, self._every_s, self._silent_s = clip, speed, every_s, silent_s
        self._faults = faults or itertools.cycle(FAULTS)

    def again(self) -> BreakingCamera:
        """The next connection."""
        return BreakingCamera(
            self._clip.again(), speed=self._speed, every_s=self._every_s, silent_s=self._silent_s, faults=self._faults
        )

    def open(self) -> StreamInfo:
        return self._paced.open()

    def frames(self) -> Iterator[Frame]:
        until = time.monotonic() + self._every_s * random.uniform(0.5, 1.5)
        for frame in self._paced.frames():
            yield frame
            if time.monotonic() >= until:
                break
        fault = next(self._faults)
        if fault == "silent":
            time.sleep(self._silent_s)
        if fault == "broken":
            raise InputError(f"{self.name}: the connection was broken", at=self.name)

    def close(self) -> None:
        self._paced.close()
