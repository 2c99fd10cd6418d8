"""A time for every frame of a recording, also where its time stamps jump, restart or are missing."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import av

# A stamp this far ahead is a discontinuity: recordings were joined, or the counter wrapped. The first limit, that of
# FFmpeg's tools, is for containers whose stamps may restart (MPEG-TS, MPEG-PS); elsewhere a recorder that is triggered
# by motion leaves gaps of hours.
_AHEAD_S, _FAR_AHEAD_S = 10.0, 30 * 3600.0
# Stamps this far back (s, and frames) are a restart; less is a wrong stamp.
_BACK_S, _BACK_FRAMES = 0.2, 3


class Timeline:
    """Seconds from the stream's start for each frame, strictly rising. `part` counts discontinuities: places where the
    time stamps do not continue those before, because the frames were recorded at another time. `discontinuities`:
    their seconds. `resets`: whether the container's stamps may restart."""

    def __init__(self, stream: Any, rate: Fraction, *, resets: bool) -> None:
        self._base = Fraction(stream.time_base)  # of the times that are returned
        self._last: int | None = None
        self.part = 0
        self.discontinuities: list[float] = []
        self._set_rate(stream, rate, resets)
        self._shift: int | None = None if stream.start_time is None else stream.start_time

    def _set_rate(self, stream: Any, rate: Fraction, resets: bool) -> None:
        self._scale = Fraction(stream.time_base) / self._base
        self._step = max(1, round(1 / (rate * self._base)))
        self.step_s = float(self._step * self._base)
        self._most = round((_AHEAD_S if resets else _FAR_AHEAD_S) / self._base)
        self._least = max(_BACK_FRAMES * self._step, round(_BACK_S / self._base))

    def continue_with(self, stream: Any, rate: Fraction, *, resets: bool) -> None:
        """Another recording follows in the same file; its stamps may continue this one's."""
        self._set_rate(stream, rate, resets)
        self._add_discontinuity()

    def seconds(self, frame: av.VideoFrame) -> float:
        """The frame's time."""
        ticks = self._ticks(frame)
        if self._last is not None and ticks <= self._last:
            ticks = self._last + self._step  # a repeated or earlier stamp
        self._last = ticks
        return float(ticks * self._base)

    def pass_over(self, pts: int | None) -> None:
        """Frames up to this time stamp were not decoded."""
        if pts is not None and self._shift is not None:
            stamp = int(pts) if self._scale == 1 else round(pts * self._scale)
            ticks = stamp - self._shift - 1
            if self._last is None or self._last < ticks <= self._last + self._most:
                self._last = ticks

    def glance(self, frame: av.VideoFrame) -> float:
        """The time of a frame that is not part of the sequence."""
        last, shift, part, found = self._last, self._shift, self.part, len(self.discontinuities)
        ticks = self._ticks(frame)
        self._last, self._shift, self.part = last, shift, part
        del self.discontinuities[found:]
        return float(ticks * self._base)

    def _ticks(self, frame: av.VideoFrame) -> int:
        if frame.pts is None:
            return 0 if self._last is None else self._last + self._step
        stamp = int(frame.pts) if self._scale == 1 else round(frame.pts * self._scale)
        if self._shift is None:
            self._shift = stamp
        ticks = stamp - self._shift
        if self._last is None:
            if ticks < 0 or ticks > self._most:  # the declared start time is not that of these pictures
                self._shift, ticks = stamp, 0
            return ticks
        if ticks - self._last > self._most or self._last - ticks > self._least:
            self._shift, ticks = stamp - self._last - self._step, self._last + self._step
            self._add_discontinuity()
        return ticks

    def _add_discontinuity(self) -> None:
        second = 0.0 if self._last is None else float((self._last + self._step) * self._base)
        if not self.discontinuities or self.discontinuities[-1] != second:
            self.part += 1
            self.discontinuities.append(second)

    def warning(self) -> str | None:
        """A note on the discontinuities; None without any."""
        if not self.discontinuities:
            return None
        many = f"{len(self.discontinuities)} times, first " if len(self.discontinuities) > 1 else ""
        return f"recordings are joined in it ({many}at {self.discontinuities[0]:.2f} s): times continue over the joint"
