"""What lies behind an address: a camera, a recording, or one picture at a time."""

from __future__ import annotations

import threading
import time
from contextlib import AbstractContextManager
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import av
import cv2
import pytest
from streamkit import BLUE, FakeDetector, FakeReader, drive, http_server, scene, write_video

from streamer.config.models import LiveConfig, RunConfig
from streamer.errors import InputError
from streamer.pipeline.runner import IncompleteRun, run_stream
from streamer.sink.sink import BaseSink
from streamer.source.address import kind_of, open_failure
from streamer.source.file import VideoSource
from streamer.source.images import load
from streamer.source.resolve import open_source
from streamer.source.snapshot import SnapshotSource, fetch
from streamer.types import Passage

pytestmark = pytest.mark.timeout(60)


class Rows(BaseSink):
    def __init__(self) -> None:
        self.plates: list[str] = []

    def passage(self, passage: Passage) -> None:
        self.plates.append(passage.plate)


class Handler(BaseHTTPRequestHandler):
    """Serves `data` as the first part of the path says: with a length, in chunks, until the connection ends, cut off in
    the middle, or as an error; `pictures` in turn, under a password."""

    protocol_version = "HTTP/1.1"
    data = b""
    pictures: tuple[bytes, ...] = ()
    asked = 0

    def log_message(self, *_: object) -> None:
        """Says nothing."""

    def do_GET(self) -> None:
        way = self.path.split("/")[1]
        if way.isdigit():
            self.send_error(int(way))
        elif way == "moved":
            self.send_response(302)
            self.send_header("Location", "/length/clip")
            self.send_header("Content-Length", "0")
            self.end_headers()
        elif way == "page":
            self._send(b"<html>index of /</html>", "text/html")
        elif way == "picture":
            self._picture()
        elif way == "slow":  # endless, and no faster than it was taken
            self._slow()
        else:
            self._file(way)

    def _send(self, data: bytes, kind: str) -> None:
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def _picture(self) -> None:
        if "secret" in self.path and self.headers.get("Authorization") != "Basic dXNlcjpwQHNz":  # user:p@ss
            self.send_response(401)
            self.send_header("WWW-Authenticate", 'Basic realm="camera"')
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        index = min(type(self).asked, len(self.pictures) - 1)
        type(self).asked += 1
        self._send(self.pictures[index], "image/jpeg")

    def _slow(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.close_connection = True
        piece = len(self.data) // 30 + 1
        for k in range(0, len(self.data), piece):
            try:
                self.wfile.write(self.data[k : k + piece])
            except OSError:
                return
            time.sleep(0.1)

    def _file(self, way: str) -> None:
        first = int((self.headers.get("Range") or "bytes=0-").split("=")[1].split("-")[0]) if way == "length" else 0
        part = self.data[first:]
        self.send_response(206 if first else 200)
        if way == "chunked":
            self.send_header("Transfer-Encoding", "chunked")
        elif way == "close":
            self.send_header("Connection", "close")
            self.close_connection = True
        else:
            self.send_header("Content-Length", str(len(part)))
        if way == "length":
            self.send_header("Accept-Ranges", "bytes")
            self.send_header("Content-Range", f"bytes {first}-{len(self.data) - 1}/{len(self.data)}")
        self.end_headers()
        try:
            if way == "chunked":
                self.wfile.write(b"%x\r\n" % len(part) + part + b"\r\n0\r\n\r\n")
            elif way == "cut":
                self.wfile.write(part[: len(part) // 2])
                self.close_connection = True
            else:
                self.wfile.write(part)
        except OSError:
            return


def served(data: bytes = b"", pictures: tuple[bytes, ...] = ()) -> AbstractContextManager[str]:
    handler = type("Served", (Handler,), {"data": data, "pictures": pictures})
    return http_server(handler)


def clip(folder: Path, suffix: str) -> bytes:
    return write_video(folder / f"clip{suffix}", drive(60), container_options={}).read_bytes()


def frames_of(url: str) -> int:
    rows = Rows()
    summary = run_stream(url, [rows], RunConfig(), detector=FakeDetector(), reader=FakeReader())
    assert rows.plates == ["皖A12345"]
    assert not summary.reconnects
    assert not any("dropped" in w for w in summary.warnings)
    return summary.frames


@pytest.mark.parametrize("suffix", [".mkv", ".ts", ".avi"])
@pytest.mark.parametrize("way", ["length", "whole", "chunked", "close"])
def test_a_recording_is_read_whole_and_once(tmp_path: Path, suffix: str, way: str) -> None:
    with served(clip(tmp_path, suffix)) as url:
        assert frames_of(f"{url}/{way}/clip?token=x") == 60


def test_a_recording_that_was_moved(tmp_path: Path) -> None:
    with served(clip(tmp_path, ".mkv")) as url:
        assert frames_of(f"{url}/moved/") == 60


def test_one_that_breaks_off_is_told(tmp_path: Path) -> None:
    with (
        served(clip(tmp_path, ".mkv")) as url,
        pytest.raises(IncompleteRun, match=r"broken off at|truncated at") as told,
    ):
        run_stream(f"{url}/cut/clip.mkv?pw=secret", [], RunConfig(), detector=FakeDetector(), reader=FakeReader())
    assert "secret" not in str(told.value)
    assert 0 < told.value.summary.frames < 60


def test_a_stream_without_an_end_stays_live(tmp_path: Path) -> None:
    data = clip(tmp_path, ".ts")
    with served(data) as url:
        assert kind_of(f"{url}/slow/stream", LiveConfig()) == "live"
        assert kind_of(f"{url}/slow/stream", LiveConfig(), "recording") == "recording"
        assert kind_of(f"{url}/slow/stream", LiveConfig(endless=False)) == "recording"
        assert kind_of(f"{url}/length/clip", LiveConfig(endless=True)) == "live"


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("404/clip.mp4?pw=secret", "404"), ("401/clip.mp4?pw=secret", "401"), ("403/clip.mp4?pw=secret", "403"),
        ("500/clip.mp4?pw=secret", "500|5XX|refused it"), ("page/clip.mp4?pw=secret", "not a video"),
        ("page/recordings/?pw=secret", "a web page or a folder"),
    ],
)  # fmt: skip
def test_files_that_cannot_be_had_are_told_at_once(path: str, told: str) -> None:
    with served() as url, pytest.raises(InputError, match=told) as error:
        open_source(f"{url}/{path}")
    assert "secret" not in str(error.value)


def test_a_camera_may_be_down_at_the_start() -> None:
    assert kind_of("http://127.0.0.1:9/video.cgi", LiveConfig()) == "live"
    assert kind_of("http://127.0.0.1:9/snap.jpg?x=1", LiveConfig()) == "picture"
    with pytest.raises(InputError, match="cannot be opened"):
        kind_of("http://127.0.0.1:9/clip.mp4", LiveConfig())


@pytest.mark.parametrize(("address", "kind"), [("rtsp://h/a.mp4", "live"), ("ftp://h/a.mp4", "recording")])
def test_schemes_that_tell(address: str, kind: str) -> None:
    assert kind_of(address, LiveConfig()) == kind


def test_a_file_address_is_the_file(tmp_path: Path) -> None:
    source = VideoSource((tmp_path / "a b.mp4").as_uri())
    assert (source.live, source.address) == (False, str(tmp_path / "a b.mp4"))


def jpegs(count: int) -> tuple[bytes, ...]:
    return tuple(cv2.imencode(".jpg", scene(320, 180, (20 + 6 * k, 40, BLUE)))[1].tobytes() for k in range(count))


def test_an_address_of_single_pictures_is_asked_again() -> None:
    config, rows, stop = LiveConfig(snapshot_s=0.02), Rows(), threading.Event()
    settings = RunConfig(live=config)
    with served(pictures=jpegs(8)) as url:
        address = f"{url.replace('//', '//user:p%40ss@')}/picture/secret.jpg"
        (source,) = open_source(address, live=config)
        assert isinstance(source, SnapshotSource)
        timer = threading.Timer(1.5, stop.set)
        timer.start()
        summary = run_stream(source, [rows], settings, detector=FakeDetector(), reader=FakeReader(), stop=stop)
    assert 6 <= summary.frames <= 8, "the last picture, sent over and over, is one frame"
    assert rows.plates == ["皖A12345"]
    assert not summary.reconnects


def test_a_picture_that_never_changes_is_a_fault() -> None:
    with served(pictures=jpegs(1)) as url:
        source = SnapshotSource(f"{url}/picture/a.jpg", LiveConfig(snapshot_s=0.01, frozen_s=0.1))
        source.open()
        with pytest.raises(InputError, match="the same picture"):
            list(source.frames())
    assert source.frozen


def test_what_a_picture_cannot_be_had_for() -> None:
    with served(pictures=jpegs(1)) as url:
        with pytest.raises(InputError, match="401"):
            fetch(f"{url}/picture/secret.jpg", 2.0)
        with pytest.raises(InputError, match=r"\*\*\*.*is not there \(404"):
            fetch(f"{url.replace('//', '//a:b@')}/404/x.jpg", 2.0)
        with pytest.raises(InputError, match="is not a picture"):
            SnapshotSource(f"{url}/page/x.jpg").open()


def test_the_picture_behind_an_address_can_be_read_once() -> None:
    with served(pictures=jpegs(1)) as url:
        assert load(Path(f"{url.replace('//', '//user:p%40ss@')}/picture/secret.jpg?x=1")).bgr.shape == (180, 320, 3)


def test_live_may_be_one_word() -> None:
    assert RunConfig.model_validate({"live": False}).live.endless is False
    site = RunConfig.model_validate({"cameras": {"a": {"url": "http://h/x", "live": True}}})
    assert site.of_camera("a").live.endless is True


@pytest.mark.parametrize("scheme", ["sftp", "ftps"])
def test_a_scheme_that_ffmpeg_was_built_without_is_told(scheme: str) -> None:
    error = av.error.ProtocolNotFoundError(-1, "Protocol not found")
    told = open_failure(f"{scheme}://***@host/a.mp4", error)
    assert told.endswith(f"cannot open {scheme}:// addresses: download the file first")
