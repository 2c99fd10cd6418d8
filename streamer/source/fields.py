"""Interlaced pictures made whole: their two fields are of two moments, so that what moves is combed."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import av

_FILTER = "mode=send_frame:parity=auto:deint=interlaced"
_ENDS = (BlockingIOError, EOFError)  # nothing yet, nothing more


def deinterlaced(decoded: Iterator[av.VideoFrame]) -> Iterator[av.VideoFrame]:
    """The same frames, one for one and with their times; those that are told to be interlaced go through FFmpeg's
    bwdif, which keeps what stands still. A stream that never has such a frame costs nothing; pictures that the filter
    refuses (a damaged colour description) stay as they are."""
    import av

    graph: _Graph | None = None
    refused: set[tuple[int, int, str]] = set()
    for frame in decoded:
        if graph is not None and not graph.fits(frame):
            yield from graph.finish()
            graph = None
        if graph is None and frame.interlaced_frame and _form(frame) not in refused:
            try:
                graph = _Graph(frame)
            except av.error.FFmpegError:
                refused.add(_form(frame))
        if graph is None:
            yield frame
        else:
            yield from graph.after(frame)
    if graph is not None:
        yield from graph.finish()


class _Graph:
    """The filter for pictures of one size and format. It holds a frame back, to see what follows."""

    def __init__(self, frame: av.VideoFrame) -> None:
        import av

        self._form = _form(frame)
        self._graph = av.filter.Graph()
        source = self._graph.add_buffer(template=frame)  # type: ignore[arg-type]  # a frame has what it needs
        chain = source, self._graph.add("bwdif", _FILTER), self._graph.add("buffersink")
        self._graph.link_nodes(*chain).configure()
        self._times: deque[tuple[Any, ...]] = deque()

    def fits(self, frame: av.VideoFrame) -> bool:
        return _form(frame) == self._form

    def after(self, frame: av.VideoFrame) -> Iterator[av.VideoFrame]:
        import av

        try:
            self._graph.push(frame)
        except av.error.FFmpegError:  # a picture whose description changed for the worse
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
            # The filter counts in a time base of its own.
            frame.pts, frame.time_base, frame.duration, frame.colorspace, frame.color_range = self._times.popleft()
            yield frame


def _form(frame: av.VideoFrame) -> tuple[int, int, str]:
    return frame.width, frame.height, frame.format.name
