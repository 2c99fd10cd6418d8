"""Seconds for every frame of a recording, whatever became of its time stamps."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import av

# A stamp so far ahead is no pause: pieces were joined, or the counter wrapped. In containers whose stamps may begin
# anew (MPEG-TS, MPEG-PS) as FFmpeg's own tools have it; elsewhere a recorder that waits for motion leaves hours out.
_AHEAD_S, _FAR_AHEAD_S = 10.0, 30 * 3600.0
# So far back, and so many frames, are a new beginning; less is a stamp that is wrong by a frame or two.
_BACK_S, _BACK_FRAMES = 0.2, 3


class Timeline:
    """Seconds from the stream's start for each frame, strictly rising. `part` counts the places where the time stamps
    do not go on from the frame before: what lies on the other side was recorded at another time. `seams`: their
    seconds. `resets`: whether the container's stamps may begin anew."""

    def __init__(self, stream: Any, rate: Fraction, *, resets: bool) -> None:
        self._base = Fraction(stream.time_base)  # of what is given out
        self._last: int | None = None
        self.part = 0
        self.seams: list[float] = []
        self._lay(stream, rate, resets)
        self._shift: int | None = None if stream.start_time is None else stream.start_time

    def _lay(self, stream: Any, rate: Fraction, resets: bool) -> None:
        self._scale = Fraction(stream.time_base) / self._base
        self._step = max(1, round(1 / (rate * self._base)))
        self.step_s = float(self._step * self._base)
        self._most = round((_AHEAD_S if resets else _FAR_AHEAD_S) / self._base)
        self._least = max(_BACK_FRAMES * self._step, round(_BACK_S / self._base))

    def go_on(self, stream: Any, rate: Fraction, *, resets: bool) -> None:
        """Another recording follows in the same file; its stamps may go on from this one's."""
        self._lay(stream, rate, resets)
        self._break()

    def seconds(self, frame: av.VideoFrame) -> float:
        """The frame's second."""
        ticks = self._ticks(frame)
        if self._last is not None and ticks <= self._last:
            ticks = self._last + self._step  # a stamp that stands still or jumps back
        self._last = ticks
        return float(ticks * self._base)

    def _ticks(self, frame: av.VideoFrame) -> int:
        if frame.pts is None:
            return 0 if self._last is None else self._last + self._step
        stamp = int(frame.pts) if self._scale == 1 else round(frame.pts * self._scale)
        if self._shift is None:
            self._shift = stamp
        ticks = stamp - self._shift
        if self._last is None:
            if ticks < 0 or ticks > self._most:  # the declared beginning is not that of these pictures
                self._shift, ticks = stamp, 0
            return ticks
        if ticks - self._last > self._most or self._last - ticks > self._least:
            self._shift, ticks = stamp - self._last - self._step, self._last + self._step
            self._break()
        return ticks

    def _break(self) -> None:
        second = 0.0 if self._last is None else float((self._last + self._step) * self._base)
        if not self.seams or self.seams[-1] != second:
            self.part += 1
            self.seams.append(second)

    def told(self) -> str | None:
        """The seams in words, None where there is none."""
        if not self.seams:
            return None
        many = f"{len(self.seams)} times, first " if len(self.seams) > 1 else ""
        return f"recordings are joined in it ({many}at {self.seams[0]:.2f} s): seconds go on over the seam"
