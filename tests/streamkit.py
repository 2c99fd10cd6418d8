"""What the stream's tests share: the testing kit of the package, files with sound, the command line, a web server."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from streamer.cli import main
from streamer.testing import (
    BLUE,
    GREEN,
    PLATES,
    RED,
    SYMBOLS,
    FakeAlphabet,
    FakeDetector,
    FakeReader,
    drive,
    frame_at,
    passage_of,
    plates_of,
    reading_of,
    scene,
    write_video,
)

__all__ = [
    "BLUE",
    "GREEN",
    "PLATES",
    "RED",
    "SYMBOLS",
    "FakeAlphabet",
    "FakeDetector",
    "FakeReader",
    "alpr",
    "drive",
    "frame_at",
    "http_server",
    "passage_of",
    "plates_of",
    "reading_of",
    "scene",
    "write_audio",
    "write_video",
]


def write_audio(path: Path) -> Path:
    """A file with sound alone."""
    with av.open(str(path), "w") as out:
        stream: Any = out.add_stream("aac", rate=8000, layout="mono")
        for index in range(10):
            frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), "fltp", "mono")
            frame.sample_rate, frame.pts = 8000, index * 1024
            out.mux(stream.encode(frame))
        out.mux(stream.encode())
    return path


def alpr(*arguments: object) -> int:
    """The exit code of the command line with these arguments."""
    with pytest.raises(SystemExit) as caught:
        main([str(a) for a in arguments])
    return int(caught.value.code or 0)


@contextmanager
def http_server(handler: Any) -> Iterator[str]:
    """The address of a server on this machine that answers by `handler`, a BaseHTTPRequestHandler."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
