"""Tracks frame by frame in the format of the MOT challenge: frame and id from 1, left, top, width, height, score."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from streamer.sink.events import TrackView
from streamer.sink.names import free_name
from streamer.sink.opening import empty, open_output, output_errors, write_whole
from streamer.sink.sink import BaseSink
from streamer.source.source import StreamInfo
from streamer.types import Frame, Plates


class MotSink(BaseSink):
    """Writes a line for each track hit in each frame to `path`, replacing an earlier file; with `keep`, to NAME-2,
    NAME-3 ... where it exists. For one source."""

    needs_frames = True

    def __init__(self, path: str | Path, *, keep: bool = False) -> None:
        self.path = free_name(Path(path)) if keep else Path(path)
        self._stream = open_output(self.path, later=True)
        self._started = False

    def begin(self, info: StreamInfo) -> None:
        if not self._started:
            self._started = True
            with output_errors(self.path):
                empty(self._stream)

    def frame(self, frame: Frame, plates: Plates, tracks: Sequence[TrackView]) -> None:
        lines = []
        for t in tracks:
            x1, y1, x2, y2 = (float(v) for v in t.box_xyxy)
            box = f"{x1:.2f},{y1:.2f},{x2 - x1:.2f},{y2 - y1:.2f}"
            lines.append(f"{frame.index + 1},{t.id},{box},{t.score:.4f},-1,-1,-1\n")
        with output_errors(self.path):
            write_whole(self._stream, "".join(lines).encode("ascii"))

    def close(self) -> None:
        with output_errors(self.path):
            self._stream.close()

    def result(self) -> str:
        return f"tracks in {self.path}"
