"""A video file as the access units of a camera: H.264 or H.265, not re-encoded."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import Any

from streamer.errors import InputError

_HEADER, _UNIT = struct.Struct(">4sdI"), struct.Struct(">Idd")
_CODECS = {"h264": ("h264_mp4toannexb", b"h264"), "hevc": ("hevc_mp4toannexb", b"h265")}


def check_clip(source: Path) -> None:
    """InputError where the file is no H.264 or H.265 video."""
    with _opened(source):
        pass


def write_clip(source: Path, target: Path) -> None:
    """Writes the file that `rtsp_server.py` reads. InputError as `check_clip`."""
    from av.bitstream import BitStreamFilterContext

    with _opened(source) as container:
        video = container.streams.video[0]
        filtering, codec = _CODECS[video.codec_context.name]
        to_annexb = BitStreamFilterContext(filtering, video)
        units = [
            (bytes(out), float(out.dts * out.time_base), float(out.pts * out.time_base))
            for packet in container.demux(video)
            for out in to_annexb.filter(packet if packet.size else None)
            if out.dts is not None and out.pts is not None
        ]
        step = float(1 / (video.average_rate or 25))
    if not units:
        raise InputError(f"{source}: holds no picture: give another video", at=source)
    begins = units[0][1]
    with target.open("wb") as stream:
        stream.write(_HEADER.pack(codec, units[-1][1] - begins + step, len(units)))
        for data, dts, pts in units:
            stream.write(_UNIT.pack(len(data), dts - begins, pts - begins) + data)


@contextmanager
def _opened(source: Path) -> Iterator[Any]:
    import av

    av.logging.set_level(None)
    try:
        container: Any = av.open(str(source.absolute()))
    except (av.FFmpegError, OSError) as error:
        raise InputError(
            f"{source}: cannot be opened ({error.strerror}): give an H.264 or H.265 video", at=source
        ) from None
    with container:
        name = container.streams.video[0].codec_context.name if container.streams.video else "no video"
        if name not in _CODECS:
            raise InputError(f"{source}: is {name}: a camera's stream is H.264 or H.265, convert it first", at=source)
        yield container


def still_and_other(source: Path, folder: Path, seconds: float = 4.0) -> tuple[Path, Path]:
    """Two more clips in the codec of `source`: its first frame frozen, and its beginning at half the size."""
    import av

    with av.open(str(source.absolute())) as container:
        video: Any = container.streams.video[0]
        rate, codec = round(video.average_rate or 25), "libx265" if video.codec_context.name == "hevc" else "libx264"
        pictures = [frame for frame, _ in zip(container.decode(video), range(round(seconds * rate)), strict=False)]
    first = pictures[0]
    still, other = folder / "still.mp4", folder / "other.mp4"
    _encode(still, [first] * len(pictures), codec, rate, (first.width, first.height))
    _encode(other, pictures, codec, rate, (first.width // 4 * 2, first.height // 4 * 2))
    return still, other


def _encode(path: Path, pictures: list[Any], codec: str, rate: int, size: tuple[int, int]) -> None:
    import av

    with av.open(str(path), "w") as container:
        quiet = {"x265-params": "log-level=none:bframes=0"} if codec == "libx265" else {"bf": "0"}
        stream: Any = container.add_stream(codec, rate=rate, options={"preset": "ultrafast", **quiet})
        stream.width, stream.height, stream.pix_fmt = *size, "yuv420p"
        stream.codec_context.gop_size = rate
        for index, picture in enumerate(pictures):
            frame = picture.reformat(*size, format="yuv420p")
            frame.pts, frame.time_base, frame.pict_type = index, Fraction(1, rate), 0
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
