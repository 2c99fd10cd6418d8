"""Video files: containers, codecs, timing, rotation, colours, and every kind of bad file."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from streamkit import BLUE, GREEN, RED, drive, scene, write_audio, write_video

from streamer.errors import InputError
from streamer.image.planes import Orientation, orientation_of
from streamer.source.containers import ContainerInput
from streamer.source.file import VideoSource
from streamer.source.source import StreamInfo
from streamer.types import Frame

GIVEN = datetime(2020, 1, 1, tzinfo=UTC)


def read(path: Path, **options: Any) -> tuple[StreamInfo, list[Frame]]:
    source = VideoSource(path, **options)
    try:
        return source.open(), list(source.frames())
    finally:
        source.close()


def bgr_of(frame: Frame) -> Any:
    from streamer.image.warp import to_bgr

    return to_bgr(frame).astype(int)


@pytest.mark.parametrize(
    ("name", "codec", "pix_fmt"),
    [
        ("a.mp4", "mpeg4", "yuv420p"),
        ("a.mp4", "libx264", "yuv420p"),
        ("a.mov", "libx264", "yuv422p"),
        ("a.mkv", "libx264", "yuv444p"),
        ("a.mkv", "libx264", "yuv420p10le"),
        ("a.mkv", "libx265", "yuv420p"),
        ("a.mkv", "libx265", "yuv420p10le"),
        ("a.mkv", "ffv1", "yuv420p"),
        ("a.mkv", "ffv1", "yuv422p10le"),
        ("a.mkv", "ffv1", "bgr0"),
        ("a.mkv", "ffv1", "gray"),
        ("a.mkv", "ffv1", "gray10le"),
        ("a.avi", "mjpeg", "yuvj420p"),
        ("a.avi", "mjpeg", "yuvj422p"),
        ("a.avi", "rawvideo", "bgr24"),
        ("a.webm", "libvpx-vp9", "yuv420p"),
        ("a.ts", "mpeg2video", "yuv420p"),
    ],
)
def test_containers_codecs_and_pixel_formats(tmp_path: Path, name: str, codec: str, pix_fmt: str) -> None:
    try:
        av.codec.Codec(codec, "w")
    except av.codec.codec.UnknownCodecError:
        pytest.skip(f"this PyAV has no {codec}")
    options = {"libx265": {"x265-params": "log-level=none"}, "libvpx-vp9": {"cpu-used": "8"}}.get(codec, {})
    pictures = [scene(160, 96, (10 + 8 * i, 40, BLUE)) for i in range(8)]
    info, frames = read(write_video(tmp_path / name, pictures, codec=codec, pix_fmt=pix_fmt, options=options))
    assert (info.width, info.height, info.live) == (160, 96, False)
    assert [f.index for f in frames] == list(range(8))
    assert [f.pts for f in frames] == pytest.approx([i / 25 for i in range(8)], abs=2e-3)
    for frame, picture in zip(frames, pictures, strict=True):
        assert (frame.bgr is None) != (frame.planes is None)
        found, wanted = bgr_of(frame), picture.astype(int)
        if "gray" in pix_fmt:
            found, wanted = found.mean(2), np.asarray(picture @ [0.114, 0.587, 0.299])
        assert np.abs(found - wanted).mean() < 6
        if frame.planes is not None:
            assert frame.planes.y.shape == (96, 160)
            assert frame.planes.y.dtype == np.uint8


def test_8_bit_420_is_a_view_of_the_decoders_memory(tmp_path: Path) -> None:
    _, frames = read(write_video(tmp_path / "a.mp4", drive(3)))
    for frame in frames:
        assert frame.planes is not None
        assert not frame.planes.y.flags.owndata
        assert frame.planes.u.shape == frame.planes.v.shape == (90, 160)


@pytest.mark.parametrize("size", [(161, 97), (160, 97), (161, 96), (1, 1), (3, 2)])
def test_odd_sizes(tmp_path: Path, size: tuple[int, int]) -> None:
    pictures = [np.full((size[1], size[0], 3), (40, 40, 200), np.uint8)] * 3
    info, frames = read(write_video(tmp_path / "a.mkv", pictures, codec="ffv1", pix_fmt="yuv420p"))
    assert (info.width, info.height) == size
    for frame in frames:
        assert frame.planes is not None
        assert frame.planes.y.shape == size[::-1]
        assert frame.planes.u.shape == ((size[1] + 1) // 2, (size[0] + 1) // 2)
        assert np.abs(bgr_of(frame) - pictures[0]).max() < 8


@pytest.mark.parametrize("size", [(160, 96), (161, 97)])
@pytest.mark.parametrize(("rotation", "turns"), [(90, 1), (180, 2), (-90, 3)])
def test_rotation_is_applied(tmp_path: Path, rotation: int, turns: int, size: tuple[int, int]) -> None:
    picture = scene(*size, (4, 4, BLUE), (100, 70, RED))
    if size[0] % 2:
        path = write_video(
            tmp_path / "a.mov", [picture] * 3, codec="prores_ks", pix_fmt="yuv422p10le", rotation=rotation
        )
    else:
        path = write_video(tmp_path / "a.mp4", [picture] * 3, rotation=rotation)
    info, frames = read(path)
    upright = np.rot90(picture, turns)  # a display rotation counts counter-clockwise, as rot90 does
    assert (info.height, info.width) == upright.shape[:2]
    for frame in frames:
        assert (frame.height, frame.width) == upright.shape[:2]
        assert np.abs(bgr_of(frame) - upright).mean() < 6


@pytest.mark.parametrize(
    ("matrix", "expected"),
    [
        ((1, 0, 0, 0, 1), Orientation()),
        ((-1, 0, 0, 0, -1), Orientation(False, True, True)),
        ((0, -1, 0, 1, 0), Orientation(True, False, True)),
        ((0, 1, 0, -1, 0), Orientation(True, True, False)),
        ((-1, 0, 0, 0, 1), Orientation(False, True, False)),
        ((1, 0, 0, 0, -1), Orientation(False, False, True)),
        ((0, 1, 0, 1, 0), Orientation(True, False, False)),
        ((0, -1, 0, -1, 0), Orientation(True, True, True)),
        ((64000, 5000, 0, -5000, 64000), Orientation()),  # 4 degrees: the nearest quarter turn is none
    ],
)
def test_orientation_of_a_display_matrix(matrix: tuple[int, ...], expected: Orientation) -> None:
    assert orientation_of(matrix) == expected


def test_orientation_moves_a_corner_where_the_matrix_says() -> None:
    plane = np.zeros((2, 3), np.uint8)
    plane[0, 0] = 1
    assert Orientation(True, True, False).apply(plane).tolist() == [[0, 1], [0, 0], [0, 0]]  # 90 degrees clockwise


def test_variable_frame_rate_keeps_its_times(tmp_path: Path) -> None:
    ticks = [0, 40, 80, 500, 510, 2000, 2033]
    path = write_video(tmp_path / "a.mkv", drive(7), codec="libx264", ticks=ticks, time_base=Fraction(1, 1000))
    info, frames = read(path)
    assert [f.pts for f in frames] == [t / 1000 for t in ticks]
    assert all((Fraction(f.pts).limit_denominator(10**6) / info.time_base).denominator == 1 for f in frames)


def test_times_count_from_the_streams_start(tmp_path: Path) -> None:
    ticks = [90000 + 3600 * i for i in range(5)]
    path = write_video(tmp_path / "a.ts", drive(5), codec="libx264", ticks=ticks, time_base=Fraction(1, 90000))
    _, frames = read(path)
    assert [f.pts for f in frames] == pytest.approx([0.04 * i for i in range(5)])


def test_presentation_order_with_b_frames(tmp_path: Path) -> None:
    path = write_video(tmp_path / "a.mp4", drive(20), codec="libx264", options={"bf": "3", "preset": "medium"})
    _, frames = read(path)
    assert [f.pts for f in frames] == pytest.approx([i / 25 for i in range(20)])
    columns = [np.flatnonzero(bgr_of(f)[97, :, 0] > 160).mean() for f in frames]
    assert columns == sorted(columns)


def test_frames_without_a_stamp_get_one(tmp_path: Path) -> None:
    video = write_video(tmp_path / "a.h264", drive(6), codec="libx264", options={"bf": "0"})
    _, frames = read(video)  # a bare stream has no times at all
    assert len(frames) == 6
    steps = np.diff([f.pts for f in frames])
    assert (steps > 0).all()
    assert np.allclose(steps, 0.04)


@pytest.mark.parametrize(
    ("height", "colour", "pix_fmt", "expected"),
    [
        (96, (1, 1), "yuv420p", ("bt709", False)),
        (96, (5, 1), "yuv420p", ("bt601", False)),
        (96, (1, 2), "yuv420p", ("bt709", True)),
        (96, None, "yuv420p", ("bt601", False)),
        (720, None, "yuv420p", ("bt709", False)),
    ],
)
def test_colour_description(tmp_path: Path, height: int, colour: Any, pix_fmt: str, expected: Any) -> None:
    picture = scene(160, height, (10, 10, RED), (80, 40, GREEN))
    _, frames = read(write_video(tmp_path / "a.mp4", [picture] * 2, codec="libx264", pix_fmt=pix_fmt, colour=colour))
    planes = frames[0].planes
    assert planes is not None
    assert (planes.matrix, planes.full_range) == expected
    if colour is not None:
        assert np.abs(bgr_of(frames[0]) - picture).mean() < 4


@pytest.mark.parametrize(
    ("metadata", "given", "expected", "how"),
    [
        ({}, None, None, "unknown"),
        ({"creation_time": "2024-12-27T05:15:31.000000Z"}, None, datetime(2024, 12, 27, 5, 15, 31), "container"),
        ({"creation_time": "1970-01-01T00:00:00.000000Z"}, None, None, "unknown"),
        ({"creation_time": "2024-12-27T05:15:31.000000Z"}, GIVEN, GIVEN, "given"),
    ],
)  # fmt: skip
def test_capture_time(tmp_path: Path, metadata: Any, given: Any, expected: Any, how: str) -> None:
    path = write_video(tmp_path / "a.mp4", drive(2), metadata=metadata)
    _, frames = read(path, start_time=given)
    assert frames[0].time_source == how
    assert frames[0].captured_at == (expected.replace(tzinfo=UTC) if expected else None)
    if expected:
        assert frames[1].captured_at is not None
        assert (frames[1].captured_at - frames[0].captured_at).total_seconds() == pytest.approx(0.04)


def _bytes(data: bytes) -> Any:
    def write(path: Path) -> Path:
        path.write_bytes(data)
        return path

    return write


def _moovless(path: Path) -> Path:
    write_video(path, drive(20))
    data = path.read_bytes()
    path.write_bytes(data[: data.index(b"moov")])
    return path


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda path: path, "no such file"),
        (_bytes(b""), "is empty"),
        (_bytes(b"hello world\n" * 40), "not a video that can be read"),
        (_moovless, "not a video that can be read"),
        (write_audio, "has no video stream .only audio."),
        (lambda path: path.mkdir() or path, "is not a file"),
    ],
    ids=["missing", "empty", "text", "no index", "sound alone", "folder"],
)
def test_bad_files_say_what_is_wrong(tmp_path: Path, make: Any, message: str) -> None:
    path = make(tmp_path / "a.mp4")
    with pytest.raises(InputError, match=message) as caught:
        VideoSource(path).open()
    assert "a.mp4" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert caught.value.exit_code == 3


@pytest.mark.parametrize(
    ("name", "codec", "container_options"),
    [
        ("a.mkv", "libx264", {}),
        ("a.mp4", "libx264", {"movflags": "faststart"}),
        ("a.avi", "mpeg4", {}),
    ],
)
def test_truncated_files_give_their_frames_first(tmp_path: Path, name: str, codec: str, container_options: Any) -> None:
    path = write_video(tmp_path / name, drive(100), codec=codec, container_options=container_options)
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 7 // 10])
    source, frames = VideoSource(path), []
    source.open()

    def take() -> None:
        for frame in source.frames():
            frames.append(frame.index)  # noqa: PERF401 - extend would lose what came before the error

    with pytest.raises(InputError, match=rf"{name}: (truncated|damaged) at \d\.\d\d s"):
        take()
    source.close()
    assert 30 < len(frames) < 100
    assert frames == list(range(len(frames)))


def test_a_whole_file_is_not_called_truncated(tmp_path: Path) -> None:
    for name in ("a.mkv", "a.mp4", "a.avi", "a.webm"):
        codec = "libvpx-vp9" if name.endswith("webm") else "libx264"
        read(
            write_video(tmp_path / name, drive(30), codec=codec, options={"cpu-used": "8"} if "vp9" in codec else None)
        )


def test_a_whole_file_that_begins_late_is_not_called_truncated(tmp_path: Path) -> None:
    for name in ("a.mkv", "a.mp4"):
        ticks = [1500 + k for k in range(30)]
        video = write_video(tmp_path / name, drive(30), codec="libx264", ticks=ticks, time_base=Fraction(1, 25))
        _, frames = read(video)
        assert len(frames) == 30


def test_a_long_last_frame_is_not_called_truncated(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    with av.open(str(path), "w") as out:
        stream = out.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 320, 180, "yuv420p"
        stream.options = {"tune": "zerolatency"}  # a packet for each frame, at once
        for index, picture in enumerate(drive(20)):
            frame = av.VideoFrame.from_ndarray(picture, "bgr24")
            frame.pts, frame.time_base = index, Fraction(1, 25)
            (packet,) = stream.encode(frame)
            packet.duration = 75 if index == 19 else 1  # the last one stands for three seconds
            out.mux(packet)
    with av.open(str(path)) as made:
        declared = made.streams.video[0]
        assert float(declared.duration * declared.time_base) > 3
    assert len(read(path)[1]) == 20


def test_a_name_with_a_colon_is_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_video(tmp_path / "2026-01-31T08:00:00.mkv", drive(3))
    monkeypatch.chdir(tmp_path)
    assert len(read(Path("2026-01-31T08:00:00.mkv"))[1]) == 3


@pytest.mark.parametrize("address", ["rtsp://me:secret@127.0.0.1:9/x", "http://me:p%40ss@127.0.0.1:9/a.mp4"])
def test_an_address_that_refuses_hides_the_password(address: str) -> None:
    source = VideoSource(address)
    with pytest.raises(InputError, match=r"://\*\*\*@127\.0\.0\.1:9/.*cannot be opened") as caught:
        source.open()
    assert "secret" not in str(caught.value)
    assert "p%40ss" not in str(caught.value)
    assert "secret" not in source.name
    assert source.live


def test_pictures_are_free_as_soon_as_nobody_holds_them(tmp_path: Path) -> None:
    """Without the garbage collector: pictures that waited for it held hundreds of megabytes."""
    source = VideoSource(write_video(tmp_path / "a.mp4", drive(120), rotation=90))
    source.open()
    gc.collect()
    gc.disable()
    try:
        most = 0
        for frame in source.frames():
            assert frame.width == 180
            if frame.index % 20 == 0:
                most = max(most, sum(type(o).__name__ == "VideoFrame" for o in gc.get_objects()))
    finally:
        gc.enable()
        source.close()
    assert most < 20


class Spoiled:
    """A container whose line spoils packets: from the fifth on each read raises one of the errors first."""

    def __init__(self, container: Any, errors: list[Exception]) -> None:
        self._container, self._errors, self._read = container, errors, 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._container, name)

    def demux(self, stream: Any) -> Iterator[Any]:
        if self._read >= 5 and self._errors:
            raise self._errors.pop()
        for packet in self._container.demux(stream):
            self._read += 1
            yield packet
            if self._read >= 5 and self._errors:
                raise self._errors.pop()


@pytest.mark.parametrize(
    ("kind", "count", "live", "ends"),
    [
        (av.error.ArgumentError, 1, True, None),
        (av.error.InvalidDataError, 20, True, None),
        (av.error.InvalidDataError, 60, True, "lost at"),  # nothing else comes
        (av.error.ConnectionResetError, 1, True, "lost at"),
        (av.error.ArgumentError, 1, False, "damaged at"),
    ],
)
def test_packets_spoiled_on_the_line_do_not_end_a_connection(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    kind: type[av.FFmpegError],
    count: int,
    live: bool,
    ends: str | None,
) -> None:
    path = tmp_path / "clip.mkv"
    write_video(path, drive(30))
    source = VideoSource(path)
    errors: list[Exception] = [kind(22, "spoiled") for _ in range(count)]
    opened = ContainerInput.open
    monkeypatch.setattr(ContainerInput, "open", lambda self: Spoiled(opened(self), errors))
    source.live = live
    source.open()
    seen, error = 0, None
    try:
        for _ in source.frames():
            seen += 1
    except InputError as found:
        error = str(found)
    source.close()
    assert (error is None) if ends is None else (error is not None and ends in error)
    assert (seen == 30) is (ends is None)
