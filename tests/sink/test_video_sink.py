"""The annotated video: timing, sizes, labels, and that it plays after the process was killed."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import time
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Literal

import av
import cv2
import numpy as np
import pytest
from streamkit import BLUE, plates_of, scene

from streamer.config.models import VideoConfig
from streamer.errors import OutputError
from streamer.image.planes import colour_of
from streamer.image.warp import bgr_matrix, to_bgr
from streamer.sink.draw import annotate, annotate_planes, label
from streamer.sink.events import TrackView
from streamer.sink.video import VideoFolderSink, VideoSink
from streamer.sink.window import WindowSink
from streamer.source.file import VideoSource
from streamer.source.source import StreamInfo
from streamer.types import FloatArray, Frame, Image, Plates, YuvPlanes

FAST = VideoConfig(preset="ultrafast", crf=20)


def view_of(text: str = "皖A12345", box: tuple[float, float, float, float] = (40, 60, 120, 90)) -> TrackView:
    quad = plates_of([box]).quad[0]
    return TrackView(1, np.array(box), quad, text, 0.987)


def write(path: Path, ticks: list[int], base: Fraction, size: tuple[int, int] = (160, 120)) -> None:
    sink = VideoSink(path, VideoConfig())
    sink.begin(StreamInfo("a", *size, time_base=base, rate=Fraction(25)))
    for index, tick in enumerate(ticks):
        picture = scene(*size, (index, 4, BLUE), size=(10, 10))
        sink.frame(Frame(index, float(tick * base), *size, bgr=picture), Plates.empty(), [])
    sink.close()
    sink.close()


def times_of(path: Path) -> list[float]:
    with av.open(str(path)) as container:
        return [float(frame.time or 0) for frame in container.decode(video=0)]


@pytest.mark.parametrize("name", ["a.mp4", "a.mov", "a.mkv", "a.anything"])
@pytest.mark.parametrize(
    ("ticks", "base"),
    [
        (list(range(0, 20 * 512, 512)), Fraction(1, 12800)),
        ([0, 40, 41, 500, 2000, 2033], Fraction(1, 1000)),  # variable
        ([0, 1001, 2002, 3003], Fraction(1, 30000)),
        ([10, 11, 12], Fraction(1, 25)),  # does not begin at 0
        ([0, 10**7, 10**8], Fraction(1, 10**9)),  # nanoseconds
        ([5], Fraction(1, 25)),
    ],
)
def test_the_sources_times_are_kept(tmp_path: Path, name: str, ticks: list[int], base: Fraction) -> None:
    write(tmp_path / name, ticks, base)
    start = ticks[0] if name.endswith(("mp4", "mov")) else 0  # FFmpeg's fragmented MP4 begins at 0 whatever it is given
    assert times_of(tmp_path / name) == pytest.approx([float((t - start) * base) for t in ticks], abs=6e-4)


@pytest.mark.parametrize("size", [(160, 120), (161, 121), (161, 120), (160, 121), (17, 33)])
def test_odd_sizes_are_padded_to_even_ones(tmp_path: Path, size: tuple[int, int]) -> None:
    write(tmp_path / "a.mp4", [0, 1, 2], Fraction(1, 25), size)
    with av.open(str(tmp_path / "a.mp4")) as container:
        frames = [f.to_ndarray(format="bgr24") for f in container.decode(video=0)]
        assert container.streams.video[0].codec_context.name == "h264"
    assert frames[0].shape[:2] == (size[1] + size[1] % 2, size[0] + size[0] % 2)
    expected = scene(*size, (0, 4, BLUE), size=(10, 10))
    assert np.abs(frames[0][: size[1], : size[0]].astype(int) - expected).mean() < 4


def test_opencv_plays_both_containers(tmp_path: Path) -> None:
    for name in ("a.mp4", "a.mkv"):
        write(tmp_path / name, list(range(10)), Fraction(1, 25))
        capture = cv2.VideoCapture(str(tmp_path / name))
        assert sum(1 for _ in iter(lambda: capture.read()[0], False)) == 10  # noqa: B023


def test_a_stream_that_changes_its_size_goes_on(tmp_path: Path) -> None:
    sink = VideoSink(tmp_path / "a.mkv", FAST)
    sink.begin(StreamInfo("a", 160, 120))
    for index, size in enumerate([(160, 120), (80, 60), (321, 241)]):
        sink.frame(Frame(index, index / 25, *size, bgr=scene(*size)), Plates.empty(), [])
    sink.close()
    assert len(times_of(tmp_path / "a.mkv")) == 3


def planar(width: int, height: int, matrix: Literal["bt601", "bt709"], full: bool, colour: FloatArray) -> Frame:
    """A frame of one colour, as a decoder gives it."""
    half = (height + 1) // 2, (width + 1) // 2
    empty = YuvPlanes(*(np.zeros((1, 1), np.uint8) for _ in range(3)), matrix, full)
    yuv = np.round(bgr_matrix(empty) @ (*colour, 1)).astype(np.uint8)
    y, u, v = (np.full(size, value, np.uint8) for size, value in zip([(height, width), half, half], yuv, strict=True))
    return Frame(0, 0.0, width, height, planes=YuvPlanes(y, u, v, matrix, full))


def shown(path: Path) -> list[Image]:
    source = VideoSource(path)
    source.open()
    pictures = [to_bgr(frame).copy() for frame in source.frames()]
    source.close()
    return pictures


@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize("matrix", ["bt601", "bt709"])
@pytest.mark.parametrize("size", [(640, 480), (641, 481), (640, 481), (321, 240)])
def test_planes_are_drawn_on_as_they_are(
    tmp_path: Path, size: tuple[int, int], matrix: Literal["bt601", "bt709"], full: bool
) -> None:
    frame = planar(*size, matrix, full, BLUE)
    kept = to_bgr(frame).copy()
    views = [view_of(), view_of("", (200, 300, 330, 340)), view_of("京A", (-30, -10, 20, 5))]
    sink = VideoSink(tmp_path / "a.mkv", VideoConfig(crf=1))
    sink.begin(StreamInfo("a", *size))
    sink.frame(frame, Plates.empty(), views)
    sink.frame(replace(frame, index=1, pts=0.04, planes=None, bgr=kept.copy()), Plates.empty(), views)
    sink.close()
    assert np.array_equal(to_bgr(frame), kept), "the decoder's own picture is left alone"
    by_planes, by_bgr = shown(tmp_path / "a.mkv")
    with av.open(str(tmp_path / "a.mkv")) as container:
        assert colour_of(next(container.decode(video=0))) == (matrix, full)
    assert np.abs(by_planes[-1, -1].astype(int) - BLUE).max() < 5
    blurred = (cv2.blur(picture, (3, 3)).astype(int) for picture in (by_planes, by_bgr))
    difference = np.abs(np.subtract(*blurred))
    assert np.median(difference) < 3
    assert np.quantile(difference, 0.97) < 24, "only at edges, where the encoder's chroma lies elsewhere"


def test_colours_that_change_are_written_as_the_first(tmp_path: Path) -> None:
    sink = VideoSink(tmp_path / "a.mkv", VideoConfig(crf=1))
    sink.begin(StreamInfo("a", 64, 48))
    for index, (matrix, full) in enumerate([("bt709", False), ("bt601", True)]):
        frame = planar(64, 48, matrix, full, BLUE)  # type: ignore[arg-type]
        sink.frame(replace(frame, index=index, pts=index / 25), Plates.empty(), [])
    sink.close()
    for picture in shown(tmp_path / "a.mkv"):
        assert np.abs(picture.astype(int) - BLUE).max() < 5


KILLED = """
import sys, numpy as np
from pathlib import Path
from fractions import Fraction
from streamer.config.models import VideoConfig
from streamer.sink.video import VideoSink
from streamer.source.source import StreamInfo
from streamer.source.file import VideoSource
from streamer.image.planes import colour_of
from streamer.types import FloatArray, Frame, Image, Plates, YuvPlanes
sink = VideoSink(Path(sys.argv[1]), VideoConfig(preset="ultrafast"))
sink.begin(StreamInfo("a", 160, 120, time_base=Fraction(1, 25), rate=Fraction(25)))
rng = np.random.default_rng(0)
for index in range(10**6):
    picture = rng.integers(0, 255, (120, 160, 3), np.uint8)
    sink.frame(Frame(index, index / 25, 160, 120, bgr=picture), Plates.empty(), [])
    if index == 200:
        print("going", flush=True)
"""


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv"])
def test_it_plays_after_sigkill(tmp_path: Path, name: str, repo: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", KILLED, str(tmp_path / name)], stdout=subprocess.PIPE, cwd=repo, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "going\n"
    time.sleep(0.1)
    process.kill()
    process.wait()
    process.stdout.close()
    times = []
    # the last packet may be half written
    with av.open(str(tmp_path / name)) as container, contextlib.suppress(av.error.InvalidDataError):
        times.extend(float(frame.time or 0) for frame in container.decode(video=0))
    assert len(times) > 120, "all but the last seconds is there"
    assert times == pytest.approx([i / 25 for i in range(len(times))], abs=1e-3)


def test_labels_hold_chinese_and_are_kept() -> None:
    bitmap = label("皖A12345 99%", 20)
    assert bitmap is label("皖A12345 99%", 20)
    assert bitmap.shape[0] > 20
    province = (bitmap[:, : bitmap.shape[0] - 6] < 60).all(2).sum()
    assert province > 30, "the province was drawn"
    assert not np.array_equal(label("皖A12345", 20), label("京A12345", 20)), "and is no replacement box"


@pytest.mark.parametrize(
    "box", [(40, 60, 120, 90), (-30, -10, 20, 5), (140, 100, 200, 140), (0, 0, 160, 120), (500, 500, 600, 530)]
)
def test_drawing_at_and_over_the_border(box: tuple[float, float, float, float]) -> None:
    picture = scene(160, 120)
    annotate(picture, [view_of(box=box), view_of("", box)])
    assert not np.array_equal(picture, scene(160, 120))
    for size in [(160, 120), (9, 7)]:
        planes = planar(*size, "bt601", False, BLUE).planes
        assert planes is not None
        before = planes.y.copy()
        annotate_planes(planes, [view_of(box=box), view_of("", box)])
        assert not np.array_equal(planes.y, before)


def test_drawing_on_a_tiny_picture() -> None:
    annotate(scene(8, 6), [view_of()])


def test_the_source_picture_is_not_drawn_on(tmp_path: Path) -> None:
    picture = scene(160, 120)
    sink = VideoFolderSink(tmp_path)
    sink.begin(StreamInfo("a.png", 160, 120, still=True))
    sink.frame(Frame(0, 0.0, 160, 120, bgr=picture), Plates.empty(), [view_of()])
    sink.close()
    assert np.array_equal(picture, scene(160, 120))
    drawn = cv2.imread(str(tmp_path / "a.jpg"))
    assert drawn is not None
    assert np.abs(drawn.astype(int) - picture).max() > 50


def test_two_sources_of_one_stem_get_two_files(tmp_path: Path) -> None:
    sink = VideoFolderSink(tmp_path, FAST)
    for name in ("a.avi", "a.mkv"):
        sink.begin(StreamInfo(name, 160, 120))
        sink.frame(Frame(0, 0.0, 160, 120, bgr=scene(160, 120)), Plates.empty(), [])
    sink.close()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.mkv.mp4", "a.mp4"]


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="other systems always have a display")
def test_a_window_without_a_display_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    with pytest.raises(OutputError, match="no display"):
        WindowSink()
