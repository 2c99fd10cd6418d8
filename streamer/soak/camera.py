"""A looped recording at several times its own pace, whose connection breaks every few minutes."""

from __future__ import annotations

import itertools
import random
import time
from collections.abc import Iterator

from streamer.errors import InputError
from streamer.source.base import StreamInfo
from streamer.source.file import VideoSource
from streamer.source.paced import PacedSource
from streamer.types import Frame

HOWS = "broken", "ended", "silent"


class BreakingCamera:
    """Breaks after `every_s` seconds, a half more or less, in each of HOWS in turn: by an error, by an end, and by
    saying nothing for `silent_s`, so that it is given up on before it wakes up."""

    live, finite = True, False

    def __init__(
        self,
        clip: VideoSource,
        *,
        speed: float,
        every_s: float,
        silent_s: float,
        hows: Iterator[str] | None = None,
    ) -> None:
        self._paced = PacedSource(clip, loop=True, speed=speed)
        self.name, self.warnings = clip.name, clip.warnings
        self._clip, self._speed, self._every_s, self._silent_s = clip, speed, every_s, silent_s
        self._hows = hows or itertools.cycle(HOWS)

    def again(self) -> BreakingCamera:
        """The next connection."""
        return BreakingCamera(
            self._clip.again(), speed=self._speed, every_s=self._every_s, silent_s=self._silent_s, hows=self._hows
        )

    def open(self) -> StreamInfo:
        return self._paced.open()

    def frames(self) -> Iterator[Frame]:
        until = time.monotonic() + self._every_s * random.uniform(0.5, 1.5)
        for frame in self._paced.frames():
            yield frame
            if time.monotonic() >= until:
                break
        how = next(self._hows)
        if how == "silent":
            time.sleep(self._silent_s)
        if how == "broken":
            raise InputError(f"{self.name}: the connection was broken", at=self.name)

    def close(self) -> None:
        self._paced.close()
