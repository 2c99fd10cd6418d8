"""Video that changes in the middle, is interlaced, has several tracks, or comes through a pipe."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from contextlib import closing
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from streamkit import BLUE, GREEN, RED, drive, scene, write_audio, write_video

from streamer.errors import InputError
from streamer.source.containers import ContainerInput
from streamer.source.file import VideoSource
from streamer.source.transport import layout_of
from streamer.types import Frame, Image


def read(path: str | Path) -> tuple[VideoSource, list[Frame]]:
    source = VideoSource(path)
    try:
        source.open()
        return source, list(source.frames())
    finally:
        source.close()


def transport(
    path: Path, pictures: list[Image], codec: str = "mpeg2video", first: float = 10, pid: int = 0x100
) -> bytes:
    write_video(
        path, pictures, codec=codec, ticks=[round(first * 25) + k for k in range(len(pictures))],
        time_base=Fraction(1, 25), container_options={"mpegts_start_pid": str(pid)},
    )  # fmt: skip
    return path.read_bytes()


def colours(frames: list[Frame]) -> list[str]:
    """Which of blue and green the plate in each frame is."""
    from streamer.image.warp import to_bgr

    pictures = [to_bgr(f).astype(int) for f in frames]
    return ["blue" if (p[..., 0] - p[..., 1]).max() > 80 else "green" for p in pictures]


def as_m2ts(data: bytes) -> bytes:
    return b"".join(b"\0\0\0\0" + data[at : at + 188] for at in range(0, len(data), 188))


@pytest.mark.parametrize(
    ("codec", "pid", "size", "first"),
    [
        ("mpeg2video", 0x200, (320, 180), 11),
        ("mpeg4", 0x200, (320, 180), 11),
        ("mpeg4", 0x100, (320, 180), 11),
        ("libx264", 0x100, (320, 180), 400),
        ("mpeg2video", 0x100, (480, 270), 11),
        ("mpeg2video", 0x200, (480, 270), 2),
    ],
)
@pytest.mark.parametrize("form", [bytes, as_m2ts], ids=["ts", "m2ts"])
def test_video_that_goes_on_as_another_stream_is_read(
    tmp_path: Path, codec: str, pid: int, size: tuple[int, int], first: float, form: Any
) -> None:
    early = transport(tmp_path / "0.ts", [scene(320, 180, (9, 9, BLUE))] * 25)
    late = transport(tmp_path / "1.ts", [scene(*size, (9, 9, GREEN))] * 25, codec, first, pid)
    path = tmp_path / "a.ts"
    path.write_bytes(form(early + late))
    _, frames = read(path)
    # Where only the size changes, FFmpeg's MPEG-2 decoder drops the frame that it holds back.
    kept = 24 if codec == "mpeg2video" and pid == 0x100 else 25
    assert colours(frames) == ["blue"] * kept + ["green"] * 25
    assert [f.index for f in frames] == list(range(kept + 25))
    assert [f.pts for f in frames] == pytest.approx([0.04 * k for k in range(kept + 25)], abs=0.085)
    assert [f.width for f in frames] == [320] * kept + [size[0]] * 25


def test_damage_between_the_packets_hides_no_change(tmp_path: Path) -> None:
    early = transport(tmp_path / "0.ts", [scene(320, 180, (9, 9, BLUE))] * 25)
    late = transport(tmp_path / "1.ts", [scene(320, 180, (9, 9, GREEN))] * 25, "mpeg4", 11, 0x200)
    path = tmp_path / "a.ts"
    path.write_bytes(early + b"\x00" * 77 + late)
    assert colours(read(path)[1])[-25:] == ["green"] * 25


def test_a_part_that_cannot_be_read_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    early = transport(tmp_path / "0.ts", drive(10))
    late = transport(tmp_path / "1.ts", drive(10), "mpeg4", 11, 0x200)
    path = tmp_path / "a.ts"
    path.write_bytes(early + late)
    open_container = ContainerInput._open
    calls: list[int] = []

    def fail(self: ContainerInput, *arguments: Any) -> Any:
        calls.append(1)
        if len(calls) > 1:
            raise InputError("codec unknown")
        return open_container(self, *arguments)

    monkeypatch.setattr(ContainerInput, "_open", fail)
    source, frames = read(path)
    assert len(frames) == 10
    assert any("was not read (codec unknown)" in warning for warning in source.warnings)


def test_what_is_no_transport_stream_has_no_layout() -> None:
    assert layout_of(b"") is None
    assert layout_of(b"G" * 3) is None
    assert layout_of(b"\x00" * 2000) is None


def interlaced(path: Path, codec: str, moving: bool) -> list[Image]:
    """Writes a plate that moves 6 px from field to field; gives its pictures at the first field's time."""
    fields = [scene(320, 180, (20 + 6 * k * moving, 60, BLUE), size=(60, 40)) for k in range(40)]
    woven = [fields[k].copy() for k in range(0, 40, 2)]
    for k, picture in enumerate(woven):
        picture[1::2] = fields[2 * k + 1][1::2]
    with av.open(str(path), "w") as out:
        stream: Any = out.add_stream(codec, rate=25)
        stream.width, stream.height, stream.pix_fmt = 320, 180, "yuv420p"
        x264 = {"x264-params": "tff=1:qp=4", "preset": "ultrafast"}
        stream.options = x264 if codec == "libx264" else {"flags": "+ildct+ilme", "qscale": "2", "top": "1"}
        for k, picture in enumerate(woven):
            frame = av.VideoFrame.from_ndarray(picture, "bgr24").reformat(format="yuv420p", interpolation="POINT")
            frame.pts, frame.time_base = k, Fraction(1, 25)
            out.mux(stream.encode(frame))
        out.mux(stream.encode())
    return fields[::2]


@pytest.mark.parametrize("codec", ["libx264", "mpeg2video"])
def test_interlaced_pictures_are_not_combed(tmp_path: Path, codec: str) -> None:
    path = tmp_path / "a.ts"
    whole = interlaced(path, codec, moving=True)
    with av.open(str(path)) as made:
        if not next(made.decode(video=0)).interlaced_frame:
            pytest.fail("the encoder made progressive pictures")
    _, frames = read(path)
    assert [f.index for f in frames] == list(range(20))
    assert [f.pts for f in frames] == pytest.approx([k / 25 for k in range(20)], abs=0.001)
    for frame, picture in list(zip(frames, whole, strict=True))[2:-2]:
        assert frame.planes is not None
        luma = frame.planes.y.astype(int)[62:98]  # within the plate's rows
        assert np.abs(np.diff(luma, axis=0)).mean() < 2  # combed: 9
        left = int(np.flatnonzero(picture[80, :, 0] > 150)[0])
        assert abs(int(np.flatnonzero(luma[18] < 80)[0]) - left) <= 9  # as it was in one of the two fields


def test_what_stands_still_keeps_its_lines(tmp_path: Path) -> None:
    path = tmp_path / "a.ts"
    stripes = np.full((180, 320, 3), 110, np.uint8)
    stripes[40:140:4] = stripes[41:140:4] = 200
    write_video(
        path, [stripes] * 8, codec="libx264", options={"x264-params": "tff=1:qp=4", "preset": "ultrafast"}
    )  # fmt: skip
    _, frames = read(path)
    for frame in frames[2:-2]:
        assert frame.planes is not None
        assert np.ptp(frame.planes.y[60:120, 100].astype(int)) > 60


def two_tracks(path: Path, *, default: int = 0) -> Path:
    with av.open(str(path), "w") as out:
        streams: list[Any] = [out.add_stream("mpeg4", rate=25) for _ in range(2)]
        for number, stream in enumerate(streams):
            stream.width, stream.height, stream.pix_fmt = 320, 180, "yuv420p"
            stream.disposition = av.stream.Disposition.default if number == default else av.stream.Disposition(0)
        for k in range(10):
            for stream, colour in zip(streams, (BLUE, GREEN), strict=True):
                frame = av.VideoFrame.from_ndarray(scene(320, 180, (9, 9, colour)), "bgr24")
                frame.pts, frame.time_base = k, Fraction(1, 25)
                out.mux(stream.encode(frame))
        for stream in streams:
            out.mux(stream.encode())
    return path


@pytest.mark.parametrize(("name", "default"), [("a.mkv", 0), ("a.mkv", 1), ("a.mp4", 0)])
def test_of_two_video_tracks_one_is_read_and_the_other_named(tmp_path: Path, name: str, default: int) -> None:
    source, frames = read(two_tracks(tmp_path / name, default=default))
    assert colours(frames) == [("blue", "green")[default]] * 10
    (warning,) = source.warnings
    one, other = default + 1, 2 - default
    assert f"{name}: has 2 video tracks: track {one} (mpeg4 320x180) is read, track {other} " in warning
    assert f"--video-track {other} reads that one" in warning


@pytest.mark.parametrize("default", [0, 1])
@pytest.mark.parametrize("number", [1, 2])
def test_a_video_track_may_be_chosen(tmp_path: Path, number: int, default: int) -> None:
    path = two_tracks(tmp_path / "a.mkv", default=default)
    source = VideoSource(path, video_track=number)
    with closing(source):
        info = source.open()
        assert colours(list(source.frames())) == [("blue", "green")[number - 1]] * 10
    assert source.again().video_track == number
    assert info.name == f"a (track {number}).mkv"  # its rows are not those of the other track
    assert f"track {number} (mpeg4 320x180) is read, track {3 - number} " in source.warnings[0]
    other = VideoSource(path, video_track=3 - number)
    with closing(other):
        assert other.open().identity != info.identity  # nor are its events


def test_a_track_that_is_not_there_is_named(tmp_path: Path) -> None:
    both, one = two_tracks(tmp_path / "a.mkv"), write_video(tmp_path / "b.mp4", drive(3))
    with pytest.raises(InputError, match=r"a .*has 2 video tracks, none with number 3: give one from 1 to 2"):
        VideoSource(both, video_track=3).open()
    with pytest.raises(InputError, match=r"one video track only, none with number 2"):
        VideoSource(one, video_track=2).open()


def feed(data: bytes) -> int:
    """A pipe with these bytes in it, read from."""
    out, into = os.pipe()

    def write() -> None:
        with os.fdopen(into, "wb") as stream:
            stream.write(data)

    threading.Thread(target=write, daemon=True).start()
    return out


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "a.ts", "a.avi"])
def test_a_named_pipe_gives_what_the_file_gives(tmp_path: Path, name: str) -> None:
    video = write_video(tmp_path / name, drive(12))
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    threading.Thread(target=lambda: pipe.write_bytes(video.read_bytes()), daemon=True).start()
    _, piped = read(pipe)
    _, frames = read(video)
    assert [f.pts for f in piped] == [f.pts for f in frames]
    assert len(piped) == 12


@pytest.mark.parametrize(
    ("make", "message"),
    [(lambda _: b"", "stdin: is empty"), (lambda _: b"hello\n" * 99, "stdin: not a video"), (None, "has no video")],
)
def test_bad_standard_input_is_told(tmp_path: Path, make: Any, message: str) -> None:
    data = make(tmp_path) if make else write_audio(tmp_path / "a.mp4").read_bytes()
    code = (
        "from streamer.source.resolve import open_source\n"
        "from streamer.errors import InputError\n"
        "try: open_source('-')[0].open()\n"
        "except InputError as error: print(error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], stdin=feed(data), capture_output=True, text=True, timeout=30, check=True
    )
    assert message in done.stdout


def test_standard_input_is_read_to_its_end(tmp_path: Path) -> None:
    video = write_video(tmp_path / "a.mp4", drive(12))
    code = (
        "from streamer.source.resolve import open_source\n"
        "(source,) = open_source('-'); info = source.open(); print(info.name, len(list(source.frames())))\n"
    )
    run = [sys.executable, "-c", code]
    for given in (feed(video.read_bytes()), os.open(video, os.O_RDONLY)):
        done = subprocess.run(run, stdin=given, capture_output=True, text=True, timeout=30, check=True)
        assert done.stdout.split() == ["stdin", "12"]


def test_a_cover_is_no_video(tmp_path: Path) -> None:
    path = tmp_path / "a.mkv"
    with av.open(str(path), "w") as out:
        stream: Any = out.add_stream("mpeg4", rate=25)
        stream.width, stream.height, stream.pix_fmt = 320, 180, "yuv420p"
        cover: Any = out.add_stream("mjpeg", rate=1)
        cover.width, cover.height, cover.pix_fmt = 64, 64, "yuvj420p"
        cover.disposition = av.stream.Disposition.attached_pic
        picture = av.VideoFrame.from_ndarray(scene(64, 64, (9, 9, RED)), "bgr24")
        picture.pts, picture.time_base = 0, Fraction(1, 1)
        out.mux(cover.encode(picture))
        for k in range(10):
            frame = av.VideoFrame.from_ndarray(scene(320, 180, (9, 9, BLUE)), "bgr24")
            frame.pts, frame.time_base = k, Fraction(1, 25)
            out.mux(stream.encode(frame))
        out.mux(stream.encode())
    with av.open(str(path)) as made:
        attached = [bool(s.disposition & av.stream.Disposition.attached_pic) for s in made.streams.video]
    source, frames = read(path)
    assert len(frames) == 10
    assert bool(source.warnings) != any(attached)  # Matroska may store it as a track
