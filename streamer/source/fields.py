"""Deinterlacing: the two fields of an interlaced frame are captured at different times, so that motion is combed."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import av

_FILTER = "mode=send_frame:parity=auto:deint=interlaced"
_ENDS = (BlockingIOError, EOFError)  # nothing yet, nothing more


def deinterlaced(decoded: Iterator[av.VideoFrame]) -> Iterator[av.VideoFrame]:
    """The same frames, one for one and with their times; those marked as interlaced are filtered by FFmpeg's bwdif,
    which leaves static areas unchanged. Costs nothing without such frames; frames that the filter rejects (a damaged
    colour description) stay unchanged."""
    import av

    graph: _Graph | None = None
    refused: set[tuple[int, int, str]] = set()
    for frame in decoded:
        if graph is not None and not graph.fits(frame):
            yield from graph.finish()
            graph = None
        if graph is None and frame.interlaced_frame and _format(frame) not in refused:
            try:
                graph = _Graph(frame)
            except av.error.FFmpegError:
                refused.add(_format(frame))
        if graph is None:
            yield frame
        else:
            yield from graph.after(frame)
    if graph is not None:
        yield from graph.finish()


class _Graph:
    """The filter graph for frames of one size and format. It delays output by one frame."""

    def __init__(self, frame: av.VideoFrame) -> None:
        import av

        self._format = _format(frame)
        self._graph = av.filter.Graph()
        source = self._graph.add_buffer(template=frame)  # type: ignore[arg-type]  # a frame has all the fields that are read
        chain = source, self._graph.add("bwdif", _FILTER), self._graph.add("buffersink")
        self._graph.link_nodes(*chain).configure()
        self._times: deque[tuple[Any, ...]] = deque()

    def fits(self, frame: av.VideoFrame) -> bool:
        return _format(frame) == self._format

    def after(self, frame: av.VideoFrame) -> Iterator[av.VideoFrame]:
        import av

        try:
            self._graph.push(frame)
        except av.error.FFmpegError:  # a frame with a damaged description
            yield frame
            return
        self._times.append((frame.pts, frame.time_base, frame.duration, frame.colorspace, frame.color_range))
        yield from self._ready()

    def finish(self) -> Iterator[av.VideoFrame]:
        self._graph.push(None)
        yield from self._ready()

    def _ready(self) -> Iterator[av.VideoFrame]:
        while self._times:
            try:
                frame: Any = self._graph.pull()
            except _ENDS:
                return
            # The filter has its own time base.
            frame.pts, frame.time_base, frame.duration, frame.colorspace, frame.color_range = self._times.popleft()
            yield frame


def _format(frame: av.VideoFrame) -> tuple[int, int, str]:
    return frame.width, frame.height, frame.format.name
