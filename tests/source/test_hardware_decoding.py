"""Decoding on hardware: the choice of a device, pictures as from the CPU, and falling back to it without losing one."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from streamkit import drive, write_video

import streamer.source.hardware as hardware
import streamer.source.hardware_decoder as hardware_decoder
from streamer.source.file import VideoSource
from streamer.source.hardware import KINDS, FfmpegDevices, Unusable, context_for, on_this_machine
from streamer.source.paced import PacedSource
from streamer.source.source import choose_decoder
from streamer.types import Frame

FRAMES = 60


class FakeContext:
    """A decoder whose pictures lie as those of hardware do (NV12). `fails`: the error at the packet of that number."""

    is_hwaccel = True

    def __init__(self, codec: str, extradata: bytes | None, fails: dict[int, Exception], silent: bool) -> None:
        self._context = av.CodecContext.create(codec, "r")
        self._context.extradata = extradata
        self._context.thread_count = 1
        self._fails, self._silent, self.packets = fails, silent, 0

    def decode(self, packet: Any = None) -> list[Any]:
        self.packets += 1
        if (error := self._fails.get(self.packets)) is not None:
            raise error
        return [] if self._silent else [_as_nv12(frame) for frame in self._context.decode(packet)]

    def flush_buffers(self) -> None:
        self._context.flush_buffers()


def _as_nv12(frame: Any) -> Any:
    moved = frame.reformat(format="nv12")
    moved.pts, moved.time_base = frame.pts, frame.time_base
    return moved


class FakeDevices:
    """A machine with the devices `present`; `built`: what FFmpeg knows."""

    def __init__(
        self,
        present: tuple[str, ...] = ("vaapi",),
        built: tuple[str, ...] = KINDS,
        fails: dict[int, Exception] | None = None,
        silent: bool = False,
    ) -> None:
        self.present, self.built, self.fails, self.silent = present, built, fails or {}, silent
        self.made: list[FakeContext] = []

    def built_in(self) -> tuple[str, ...]:
        return self.built

    def context(self, kind: str, codec: str, extradata: bytes | None) -> Any:
        if kind not in self.built:
            raise Unusable("PyAV 0.0 is built without it")
        if kind not in self.present:
            raise Unusable("its device cannot be opened (No such device)")
        if codec not in ("h264", "mpeg4", "mjpeg"):
            raise Unusable(f"it has no decoder of {codec}")
        self.made.append(FakeContext(codec, extradata, self.fails, self.silent))
        return self.made[-1]


@pytest.fixture(autouse=True)
def nothing_told(monkeypatch: pytest.MonkeyPatch, caplog: Any) -> None:
    caplog.set_level(logging.INFO)
    monkeypatch.setattr(hardware_decoder, "_told", set())


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """With pictures that depend on later ones, and a keyframe every 20."""
    path = tmp_path_factory.mktemp("clips") / "a.mp4"
    return write_video(path, drive(FRAMES), codec="libx264", options={"bf": "2", "g": "20", "threads": "1"})


def on(monkeypatch: pytest.MonkeyPatch, devices: FakeDevices) -> FakeDevices:
    monkeypatch.setattr(hardware, "FFMPEG", devices)
    return devices


def frames_of(path: Path, **options: Any) -> list[Frame]:
    source = VideoSource(path, **options)
    try:
        source.open()
        return list(source.frames())
    finally:
        source.close()


def assert_same(got: list[Frame], wanted: list[Frame]) -> None:
    assert [(f.index, f.pts) for f in got] == [(f.index, f.pts) for f in wanted]
    for one, other in zip(got, wanted, strict=True):
        assert one.planes is not None
        assert other.planes is not None
        for plane in "yuv":
            np.testing.assert_array_equal(getattr(one.planes, plane), getattr(other.planes, plane))


def told(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [r.getMessage() for r in caplog.records if r.levelno >= logging.WARNING]


def test_pictures_are_those_of_the_cpu(clip: Path, monkeypatch: pytest.MonkeyPatch, caplog: Any) -> None:
    devices = on(monkeypatch, FakeDevices())
    assert_same(frames_of(clip, decode="vaapi"), frames_of(clip))
    assert devices.made[0].packets >= FRAMES
    assert len(devices.made) == 1
    assert [r.getMessage() for r in caplog.records] == ["a.mp4: decoded by vaapi"]


@pytest.mark.parametrize(
    ("decode", "present", "built", "chosen"),
    [
        ("auto", ("qsv", "cuda"), KINDS, "qsv"),
        ("auto", ("cuda",), KINDS, "cuda"),
        ("auto", ("vaapi", "cuda"), ("cuda",), "cuda"),
        ("cuda", ("vaapi", "cuda"), KINDS, "cuda"),
        ("videotoolbox", ("videotoolbox",), KINDS, "videotoolbox"),
    ],
)
def test_choice(decode: str, present: tuple[str, ...], built: tuple[str, ...], chosen: str) -> None:
    assert context_for(decode, "h264", None, FakeDevices(present, built))[0] == chosen


@pytest.mark.parametrize(
    ("decode", "codec", "present", "built", "reason"),
    [
        ("vaapi", "h264", (), ("cuda",), "PyAV 0.0 is built without it"),
        ("cuda", "h264", (), KINDS, "its device cannot be opened (No such device)"),
        ("cuda", "vp8", ("cuda",), KINDS, "it has no decoder of vp8"),
        ("auto", "h264", (), ("drm",), "PyAV is built without any hardware that this program knows"),
        (
            "auto", "vp8", ("qsv",), ("qsv", "cuda"),
            "qsv: it has no decoder of vp8; cuda: its device cannot be opened (No such device)",
        ),
    ],
)  # fmt: skip
def test_why_not(decode: str, codec: str, present: tuple[str, ...], built: tuple[str, ...], reason: str) -> None:
    with pytest.raises(Unusable) as raised:
        context_for(decode, codec, None, FakeDevices(present, built))
    assert str(raised.value) == reason


def test_without_hardware_one_line_says_why(clip: Path, monkeypatch: pytest.MonkeyPatch, caplog: Any) -> None:
    on(monkeypatch, FakeDevices(present=()))
    for _ in range(2):  # a camera is opened again and again
        assert_same(frames_of(clip, decode="vaapi"), frames_of(clip))
    assert told(caplog) == [
        "a.mp4: decode vaapi: its device cannot be opened (No such device): it is decoded on the CPU"
    ]


def external() -> Exception:
    return av.error.ExternalError(1, "Generic error in an external library")


def damaged() -> Exception:
    return av.error.InvalidDataError(1, "Invalid data found when processing input")


@pytest.mark.parametrize("at", [1, 2, 5, 19, 20, 21, 23, 41, 45, FRAMES, FRAMES + 1])
def test_no_picture_is_lost_when_hardware_fails(
    at: int, clip: Path, monkeypatch: pytest.MonkeyPatch, caplog: Any
) -> None:
    on(monkeypatch, FakeDevices(fails={at: external()}))
    assert_same(frames_of(clip, decode="vaapi"), frames_of(clip))
    assert told(caplog) == ["a.mp4: decode vaapi: Generic error in an external library: it is decoded on the CPU"]


def test_hardware_that_gives_no_picture(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: Any) -> None:
    path = write_video(tmp_path / "long.mp4", drive(100))
    on(monkeypatch, FakeDevices(silent=True))
    assert_same(frames_of(path, decode="vaapi"), frames_of(path))
    assert len(told(caplog)) == 1
    assert "no picture came of" in told(caplog)[0]


def test_unknown_profile_falls_back_at_once(clip: Path, monkeypatch: pytest.MonkeyPatch, caplog: Any) -> None:
    """FFmpeg reports a profile that the device cannot decode as invalid data of the first packet."""
    on(monkeypatch, FakeDevices(fails={1: damaged()}))
    assert_same(frames_of(clip, decode="vaapi"), frames_of(clip))
    assert "Invalid data" in told(caplog)[0]


def test_one_damaged_packet_is_no_fault_of_the_hardware(
    clip: Path, monkeypatch: pytest.MonkeyPatch, caplog: Any
) -> None:
    on(monkeypatch, FakeDevices(fails={30: damaged()}))
    source = VideoSource(clip, decode="vaapi")
    source.open()
    frames = list(source.frames())
    assert source._decoder.kind == "vaapi"
    assert FRAMES - 8 <= len(frames) <= FRAMES
    assert source.warnings == ["a.mp4: 1 damaged packets were skipped"]
    assert not told(caplog)
    source.close()


def test_many_damaged_packets_are(clip: Path, monkeypatch: pytest.MonkeyPatch, caplog: Any) -> None:
    on(monkeypatch, FakeDevices(fails={k: damaged() for k in range(30, 40)}))
    assert_same(frames_of(clip, decode="vaapi"), frames_of(clip))
    assert len(told(caplog)) == 1


def test_turned_video_is_decoded_on_the_cpu(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: Any) -> None:
    path = write_video(tmp_path / "turned.mp4", drive(20), rotation=90)
    devices = on(monkeypatch, FakeDevices())
    assert_same(frames_of(path, decode="auto"), frames_of(path))
    assert devices.made[0].packets == 0
    assert "stored turned" in told(caplog)[0]


def test_short_video_needs_no_hardware(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_video(tmp_path / "one.mp4", drive(1))
    on(monkeypatch, FakeDevices())
    assert_same(frames_of(path, decode="auto"), frames_of(path))


def test_kept_packets_are_few(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_video(tmp_path / "long.mp4", drive(300), options={"g": "20"})
    on(monkeypatch, FakeDevices())
    source = VideoSource(path, decode="vaapi")
    source.open()
    most = 0
    for _ in source.frames():
        most = max(most, len(source._decoder._kept))
        assert source._decoder._bytes == sum(p.size for p in source._decoder._kept)
    assert 32 <= most <= 80
    source.close()


def test_another_place_of_the_stream(clip: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After flush_buffers pictures may come a second time, also where the hardware then fails."""
    on(monkeypatch, FakeDevices(fails={50: external()}))
    with av.open(str(clip)) as container:
        stream = container.streams.video[0]
        decoder = hardware_decoder.decoder_of(stream, "vaapi", "a.mp4")
        packets = [p for p in container.demux(stream) if p.size]
        first = [f.pts for p in packets[:40] for f in decoder.decode(p)]
        decoder.flush_buffers()
        again = [f.pts for p in (*packets[20:], None) for f in decoder.decode(p)]
        assert decoder.kind == "cpu"
    step = first[1] - first[0]
    assert again == [first[0] + step * k for k in range(20, FRAMES)]


def test_runs_choose_for_sources_that_were_not_told(clip: Path) -> None:
    plain, told_one, paced = VideoSource(clip), VideoSource(clip, decode="cpu"), PacedSource(VideoSource(clip))
    choose_decoder([plain, told_one, paced, object()], "cuda")
    assert (plain.decode, told_one.decode, paced.decode) == ("cuda", "cpu", "cuda")
    assert plain.again().decode == "cuda"
    assert paced.again().decode == "cuda"


def test_what_is_here() -> None:
    devices = FakeDevices(present=("cuda",), built=("cuda", "qsv"))
    assert {f.kind: f.reason for f in on_this_machine(devices)} == {
        "vaapi": "PyAV 0.0 is built without it",
        "qsv": "its device cannot be opened (No such device)",
        "videotoolbox": "PyAV 0.0 is built without it",
        "cuda": "",
    }
    assert all(f.needs for f in on_this_machine(devices))


@pytest.mark.parametrize("kind", KINDS)
def test_this_build_says_why_not(kind: str) -> None:
    """What FFmpeg itself answers here: a decoder on hardware, or one line."""
    for codec in ("h264", "hevc", "mjpeg", "vp8", "ffv1"):
        answer = ""
        try:
            context = FfmpegDevices().context(kind, codec, None)
        except Unusable as error:
            answer = str(error)
        assert context.is_hwaccel if not answer else len(answer) > 10
        assert "\n" not in answer
