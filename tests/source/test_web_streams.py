"""Cameras behind web servers: pictures one by one (MJPEG), and lists of pieces (HLS), live and recorded."""

from __future__ import annotations

import threading
import time
from http.server import BaseHTTPRequestHandler, SimpleHTTPRequestHandler
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest
from streamkit import BLUE, FakeDetector, FakeReader, http_server, scene

from streamer.config.models import RunConfig
from streamer.pipeline.runner import run_stream
from streamer.sink.sink import BaseSink
from streamer.source.file import VideoSource
from streamer.source.source import Reopening
from streamer.types import Passage, RunSummary

pytestmark = pytest.mark.timeout(60)
BOUNDARY = "picture"


class Rows(BaseSink):
    def __init__(self) -> None:
        self.passages: list[Passage] = []

    def passage(self, passage: Passage) -> None:
        self.passages.append(passage)


class Quiet:
    def log_message(self, *_: Any) -> None:
        """Says nothing."""


class MotionJpeg(Quiet, BaseHTTPRequestHandler):
    """A camera of the simplest kind: one JPEG after another, 20 a second, for two seconds."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", f"multipart/x-mixed-replace; boundary={BOUNDARY}")
        self.end_headers()
        for index in range(40):
            picture = cv2.imencode(".jpg", scene(320, 180, (20 + index, 40, BLUE)))[1].tobytes()
            head = f"--{BOUNDARY}\r\nContent-Type: image/jpeg\r\nContent-Length: {len(picture)}\r\n\r\n"
            try:
                self.wfile.write(head.encode() + picture + b"\r\n")
            except OSError:
                return
            time.sleep(0.05)


def run(url: str, rows: Rows, seconds: float) -> RunSummary:
    stop = threading.Event()
    timer = threading.Timer(seconds, stop.set)
    timer.start()
    config = RunConfig.model_validate({"live": {"silence_s": 1.5, "backoff_s": 0.2}})
    try:
        return run_stream(url, [rows], config, detector=FakeDetector(), reader=FakeReader(), stop=stop)
    finally:
        timer.cancel()


def pieces(folder: Path, count: int) -> list[str]:
    """A recording of `count` seconds in pieces of one, as FFmpeg's packager leaves it."""
    options = {"hls_time": "1", "hls_list_size": "0", "hls_segment_filename": str(folder / "piece%d.ts")}
    with av.open(str(folder / "list.m3u8"), "w", format="hls", options=options) as container:
        stream: Any = container.add_stream("libx264", rate=25, options={"g": "25", "bf": "0", "preset": "ultrafast"})
        stream.width, stream.height, stream.pix_fmt = 320, 180, "yuv420p"
        for index in range(25 * count):
            shown = np.ascontiguousarray(scene(320, 180, (20 + index, 40, BLUE)))
            container.mux(stream.encode(av.VideoFrame.from_ndarray(shown, format="bgr24")))
        container.mux(stream.encode(None))
    return [f"piece{k}.ts" for k in range(count)]


def playlist(names: list[str], first: int = 0) -> str:
    """A live one: without an end."""
    lines = ["#EXTM3U", "#EXT-X-VERSION:3", "#EXT-X-TARGETDURATION:1", f"#EXT-X-MEDIA-SEQUENCE:{first}"]
    for name in names:
        lines += ["#EXTINF:1.0,", name]
    return "\n".join([*lines, ""])


def folder_server(folder: Path) -> Any:
    class Files(Quiet, SimpleHTTPRequestHandler):
        def __init__(self, *args: Any) -> None:
            super().__init__(*args, directory=str(folder))

    return Files


def test_one_jpeg_after_another() -> None:
    rows = Rows()
    with http_server(MotionJpeg) as url:
        summary = run(f"{url}/video.cgi", rows, 6.0)
    assert summary.frames >= 60, "connected again after its end"
    assert summary.reconnects >= 1
    assert {p.plate for p in rows.passages} == {"皖A12345"}
    assert {p.time_source for p in rows.passages} == {"arrival"}


def test_a_recording_in_pieces_ends_with_its_list(tmp_path: Path) -> None:
    pieces(tmp_path, 3)
    rows = Rows()
    with http_server(folder_server(tmp_path)) as url:
        source = VideoSource(f"{url}/list.m3u8")
        assert isinstance(source, Reopening)
        began = time.monotonic()
        summary = run(f"{url}/list.m3u8", rows, 30.0)
    assert time.monotonic() - began < 20
    assert summary.ended == "end of stream"
    assert summary.reconnects == 0
    assert [p.plate for p in rows.passages] == ["皖A12345"]


def test_a_live_list_that_grows(tmp_path: Path) -> None:
    names = pieces(tmp_path, 8)
    live = tmp_path / "live.m3u8"
    live.write_text(playlist(names[:3]))

    def package() -> None:
        for first in range(1, 6):
            time.sleep(1.0)
            other = tmp_path / "next"
            other.write_text(playlist(names[first : first + 3], first))
            other.replace(live)

    packager = threading.Thread(target=package, daemon=True)
    packager.start()
    rows = Rows()
    with http_server(folder_server(tmp_path)) as url:
        summary = run(f"{url}/live.m3u8", rows, 7.0)
        packager.join()
    assert summary.ended == "stopped"
    assert summary.frames + sum(int(w.split(": ")[1].split()[0]) for w in summary.warnings if "dropped" in w) > 75
    assert [p.plate for p in rows.passages] == ["皖A12345"]
