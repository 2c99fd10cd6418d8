"""Writes detections and readings to a file, for `alpr replay`."""

from __future__ import annotations

import gzip
from pathlib import Path

from streamer.sink.names import free_name
from streamer.sink.opening import empty, open_output, output_errors
from streamer.sink.sink import BaseSink
from streamer.source.recording import Networks, frame_line, stream_line
from streamer.source.source import StreamInfo
from streamer.types import Frame, Plates, Reading


class RecordSink(BaseSink):
    """Writes a recording (source.recording) to `path`, replacing an earlier file when the first stream begins; with
    `keep`, to NAME-2, NAME-3 ... where it exists."""

    def __init__(self, path: str | Path, networks: Networks, *, keep: bool = False) -> None:
        self.path = free_name(Path(path)) if keep else Path(path)
        self._networks = networks
        self._file = open_output(self.path, later=True)
        self._stream: gzip.GzipFile | None = None

    def begin(self, info: StreamInfo) -> None:
        if self._stream is None:
            with output_errors(self.path):
                empty(self._file)
                # No name and no time in the header, so that the same run writes the same bytes.
                self._stream = gzip.GzipFile(filename="", mode="wb", fileobj=self._file, compresslevel=4, mtime=0)
        self._line(stream_line(info, self._networks))

    def seen(self, frame: Frame, plates: Plates, readings: dict[int, Reading]) -> None:
        self._line(frame_line(frame, plates, readings))

    def close(self) -> None:
        with output_errors(self.path):
            if self._stream is not None and not self._stream.closed:
                self._stream.close()
            self._file.close()

    def result(self) -> str:
        return f"recording in {self.path}"

    def _line(self, line: str) -> None:
        assert self._stream is not None, "a line before begin()"
        with output_errors(self.path):
            self._stream.write((line + "\n").encode("utf-8", "replace"))
