"""The quantiser of packets, read from their headers, against what the encoder was told."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamer.source.slices import Slice, slices_of

FRAMES = 30


def encoded(path: Path, codec: str, options: dict[str, str], pix_fmt: str = "yuv420p") -> list[tuple[bytes, bool, Any]]:
    """Packets of moving noise: bytes, whether a key picture, and the quantiser with its kind."""
    rng = np.random.default_rng(0)
    with av.open(str(path), "w") as out:
        stream: Any = out.add_stream(codec, rate=25, options=options)
        stream.width, stream.height, stream.pix_fmt = 192, 128, pix_fmt
        stream.codec_context.thread_count = 1
        for k in range(FRAMES):
            picture = np.zeros((128, 192, 3), np.uint8)
            picture[40:90, 4 * k : 4 * k + 40] = 200
            picture += rng.integers(0, 20, picture.shape, np.uint8)
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24").reformat(format=pix_fmt)
            frame.pts, frame.time_base = k, Fraction(1, 25)
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    with av.open(str(path)) as container:
        video = container.streams.video[0]
        slices = slices_of(video.codec_context.name, video.codec_context.extradata)
        assert slices is not None
        packets = [p for p in container.demux(video) if p.size]
        return [(bytes(p), p.is_keyframe, slices.first(bytes(p))) for p in packets]


X264 = [
    {},
    {"tune": "zerolatency"},
    {"profile": "baseline"},
    {"x264-params": "cabac=0"},
    {"x264-params": "weightp=2:ref=4:bframes=0"},
    {"x264-params": "bframes=3:b-pyramid=normal:weightb=1"},
    {"x264-params": "slices=4"},
    {"x264-params": "interlaced=1"},
    {"x264-params": "open-gop=1:keyint=8"},
    {"x264-params": "cqm=jvt"},
]
X265 = [
    "", "bframes=0", "bframes=4:b-pyramid=1", "ref=4:weightp=1:weightb=1", "slices=2", "scaling-list=default",
    "temporal-mvp=0", "sao=0", "open-gop=1:keyint=8", "wpp=0", "amp=1:rect=1", "repeat-headers=1", "cutree=0:aq-mode=0",
]  # fmt: skip


@pytest.mark.parametrize("suffix", ["mp4", "ts", "mkv"])  # with lengths, and with start codes
@pytest.mark.parametrize("quantiser", [18, 34])
@pytest.mark.parametrize("options", X264, ids=str)
def test_h264(tmp_path: Path, options: dict[str, str], quantiser: int, suffix: str) -> None:
    packets = encoded(tmp_path / f"a.{suffix}", "libx264", {"qp": str(quantiser), "aq-mode": "0", **options})
    assert all(first is not None for _, _, first in packets)
    of_p = {first.quantiser for _, key, first in packets if not key and first.kind == 0}
    assert of_p == {quantiser}
    assert {first.quantiser for _, key, first in packets if key} <= {quantiser - 3, quantiser}  # x264's ratio of 1.4


@pytest.mark.parametrize("pix_fmt", ["yuv422p", "yuv444p", "yuv420p10le"])
def test_h264_of_other_formats(tmp_path: Path, pix_fmt: str) -> None:
    packets = encoded(tmp_path / "a.mp4", "libx264", {"qp": "30"}, pix_fmt)
    deeper = 12 if "10" in pix_fmt else 0  # libx264 counts from -12 where a sample has 10 bits
    assert {first.quantiser for _, key, first in packets if not key and first.kind == 0} <= {30, 30 - deeper}


@pytest.mark.parametrize("suffix", ["mp4", "ts"])
@pytest.mark.parametrize("params", X265)
def test_hevc(tmp_path: Path, params: str, suffix: str) -> None:
    options = {"x265-params": "log-level=0:pools=1:frame-threads=1:qp=33" + (":" + params if params else "")}
    packets = encoded(tmp_path / f"a.{suffix}", "libx265", options)
    assert all(first is not None for _, _, first in packets)
    assert {first.quantiser for _, key, first in packets if not key and first.kind == 1} <= {33}
    assert all(28 <= first.quantiser <= 36 for _, _, first in packets)
    assert {first.kind for _, key, first in packets if key} == {2}


def test_other_codecs_have_none() -> None:
    assert slices_of("mjpeg", None) is None
    assert slices_of("vp9", b"") is None


@pytest.mark.parametrize("codec", ["h264", "hevc"])
@given(
    data=st.binary(max_size=200), begins=st.sampled_from([b"", b"\0\0\1\x67", b"\0\0\1\x65", b"\0\0\1\x42\1", b"\1"])
)
def test_damage_gives_none_or_a_slice(codec: str, data: bytes, begins: bytes) -> None:
    slices = slices_of(codec, b"")
    assert slices is not None
    first = slices.first(begins + data)
    assert first is None or isinstance(first, Slice)
    try:
        slices_of(codec, begins + data)
    except IndexError:
        pytest.fail("damaged parameter sets")


def test_without_parameter_sets_there_is_none(tmp_path: Path) -> None:
    packets = encoded(tmp_path / "a.ts", "libx264", {"qp": "30"})
    fresh = slices_of("h264", None)
    assert fresh is not None
    assert fresh.first(packets[3][0]) is None  # a camera's parameter sets come with its key pictures
    assert fresh.first(packets[0][0]) is not None
    assert fresh.first(packets[3][0]) is not None
