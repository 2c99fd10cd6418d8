"""Pictures as users have them: by content and not by name, turned, cut short, and of odd kinds."""

from __future__ import annotations

import io
import struct
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest
from streamkit import BLUE, RED, scene, write_video

from streamer.errors import InputError
from streamer.source.file import VideoSource
from streamer.source.images import ImageSource, load
from streamer.source.pictures import decode, format_of
from streamer.source.resolve import open_source

PICTURE = scene(128, 96, (10, 20, BLUE), (70, 60, RED), size=(40, 16))


def coded(suffix: str, picture: Any = PICTURE, *options: int) -> bytes:
    return cv2.imencode(suffix, picture, list(options))[1].tobytes()


def near(a: Any, b: Any) -> bool:
    return bool(a.shape == b.shape and np.abs(a.astype(int) - b).mean() < 6)


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".bmp", ".webp", ".tiff", ".jp2", ".avif"])
@pytest.mark.parametrize("name", ["snapshot", "a.jfif", "a.JPE", "a.mp4"])
def test_a_picture_whatever_it_is_called(tmp_path: Path, suffix: str, name: str) -> None:
    if suffix == ".bmp" and name in ("snapshot", "a.mp4"):
        return  # two letters are too few to tell
    (tmp_path / name).write_bytes(coded(suffix))
    (source,) = open_source(tmp_path / name)
    assert isinstance(source, ImageSource)
    assert source.open().still
    assert near(load(tmp_path / name).bgr, PICTURE)


def test_a_folder_gives_them_all(tmp_path: Path) -> None:
    for name in ("a.jpg", "b.jfif", "c.jpe", "d.JPG"):
        (tmp_path / name).write_bytes(coded(".jpg"))
    assert [s.name for s in open_source(tmp_path)] == ["a.jpg", "b.jfif", "c.jpe", "d.JPG"]


def test_a_video_that_is_called_a_picture(tmp_path: Path) -> None:
    path = write_video(tmp_path / "a.mp4", [PICTURE] * 3).rename(tmp_path / "a.jpg")
    (source,) = open_source(path)
    assert isinstance(source, VideoSource)


@pytest.mark.parametrize("share", [0.5, 0.8])
def test_a_jpeg_that_is_cut_short_is_read_as_far_as_it_goes(share: float) -> None:
    data = coded(".jpg", PICTURE, cv2.IMWRITE_JPEG_QUALITY, 95)
    found = decode(data[: int(len(data) * share)], "a.jpg")
    assert near(found.bgr[:16], PICTURE[:16])
    assert "a.jpg: the JPEG is cut short" in found.warnings[0]
    assert decode(data, "a.jpg").warnings == ()


@pytest.mark.parametrize("suffix", [".png", ".webp", ".tiff"])
def test_others_cut_short_are_told_or_refused(suffix: str) -> None:
    data = coded(suffix)
    said = ""
    try:
        said = " ".join(decode(data[: len(data) // 2], "a").warnings)
    except InputError as error:
        said = str(error)
    assert "cut short" in said


TURNS = {
    1: lambda p: p, 2: lambda p: p[:, ::-1], 3: lambda p: p[::-1, ::-1], 4: lambda p: p[::-1],
    5: lambda p: p.transpose(1, 0, 2), 6: lambda p: np.rot90(p, 1), 7: lambda p: np.rot90(p, 2).transpose(1, 0, 2),
    8: lambda p: np.rot90(p, -1),
}  # fmt: skip


@pytest.mark.parametrize("orientation", TURNS)
def test_the_cameras_orientation(orientation: int) -> None:
    stored = np.ascontiguousarray(TURNS[orientation](PICTURE))
    exif = b"MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01" + struct.pack(">HHI", orientation, 0, 0)
    jpeg = coded(".jpg", stored)
    part = b"Exif\0\0" + exif
    data = jpeg[:2] + b"\xff\xe1" + struct.pack(">H", len(part) + 2) + part + jpeg[2:]
    assert near(decode(data, "a.jpg").bgr, PICTURE)


def turned_avif(stored: Any, box: bytes) -> bytes:
    """An AVIF file with one more property, which its picture is tied to."""
    data = coded(".avif", stored)

    def grown(kind: bytes, at: int, more: bytes) -> None:
        nonlocal data
        begin = data.index(kind) - 4
        size = struct.unpack_from(">I", data, begin)[0]
        data = data[:begin] + struct.pack(">I", size + len(more)) + data[begin + 4 :]
        end = begin + size if at < 0 else begin + at
        data = data[:end] + more + data[end:]

    ipco = data.index(b"ipco") - 4
    inside, count = ipco + 8, 0
    while inside < ipco + struct.unpack_from(">I", data, ipco)[0]:
        inside, count = inside + struct.unpack_from(">I", data, inside)[0], count + 1
    extra = len(box) + 1
    grown(b"ipco", -1, box)
    tie = data.index(b"ipma") + 4 + 4 + 4 + 2
    data = data[:tie] + bytes((data[tie] + 1,)) + data[tie + 1 :]
    grown(b"ipma", -1, bytes((count + 1 | 0x80,)))
    for kind, more in ((b"iprp", extra), (b"meta", extra)):
        begin = data.index(kind) - 4
        size = struct.unpack_from(">I", data, begin)[0]
        data = data[:begin] + struct.pack(">I", size + more) + data[begin + 4 :]
    old = data.index(b"mdat") + 4 - extra
    place = data.index(struct.pack(">I", old), data.index(b"iloc"))
    return data[:place] + struct.pack(">I", old + extra) + data[place + 4 :]


@pytest.mark.parametrize("angle", [1, 2, 3])
def test_avif_that_a_viewer_must_turn(angle: int) -> None:
    data = turned_avif(np.ascontiguousarray(np.rot90(PICTURE, -angle)), b"\0\0\0\x09irot" + bytes((angle,)))
    assert near(decode(data, "a.avif").bgr, PICTURE)


@pytest.mark.parametrize(("axis", "turn"), [(0, np.flipud), (1, np.fliplr)])
def test_avif_that_a_viewer_must_mirror(axis: int, turn: Any) -> None:
    data = turned_avif(np.ascontiguousarray(turn(PICTURE)), b"\0\0\0\x09imir" + bytes((axis,)))
    assert near(decode(data, "a.avif").bgr, PICTURE)


def test_heic_is_refused_in_one_line() -> None:
    head = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + b"\0" * 40
    assert format_of(head) == "HEIC"
    with pytest.raises(InputError, match=r"a\.heic: is a HEIC picture, which is not read: save it as JPEG"):
        decode(head, "a.heic")


def test_odd_pixels() -> None:
    grey = cv2.cvtColor(PICTURE, cv2.COLOR_BGR2GRAY)
    assert near(decode(coded(".png", grey), "a").bgr, cv2.cvtColor(grey, cv2.COLOR_GRAY2BGR))
    assert near(decode(coded(".png", PICTURE.astype(np.uint16) * 257), "a").bgr, PICTURE)
    assert near(decode(coded(".png", cv2.cvtColor(PICTURE, cv2.COLOR_BGR2BGRA)), "a").bgr, PICTURE)
    assert near(decode(coded(".jpg", PICTURE, cv2.IMWRITE_JPEG_PROGRESSIVE, 1), "a").bgr, PICTURE)
    assert decode(coded(".png", PICTURE[:1, :1]), "a").bgr.shape == (1, 1, 3)


def test_a_picture_of_a_billion_pixels_is_refused() -> None:
    data = bytearray(coded(".bmp"))
    data[18:26] = struct.pack("<ii", 60000, 60000)
    with pytest.raises(InputError, match=r"too many pixels|damaged or cut short"):
        decode(bytes(data), "a.bmp")


@pytest.mark.parametrize("head", [b"", b"Exif\0\0"])
def test_the_orientation_in_a_webp(head: bytes) -> None:
    stored = np.ascontiguousarray(np.rot90(PICTURE, 1))
    exif = head + b"MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01" + struct.pack(">HHI", 6, 0, 0)
    height, width = stored.shape[:2]
    size = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    body = b"VP8X" + struct.pack("<I", 10) + b"\x08\0\0\0" + size + coded(".webp", stored)[12:]
    body += b"EXIF" + struct.pack("<I", len(exif)) + exif
    data = b"RIFF" + struct.pack("<I", 4 + len(body)) + b"WEBP" + body
    assert near(decode(data, "a.webp").bgr, PICTURE)


@pytest.mark.parametrize("count", [1, 2])
@pytest.mark.parametrize("kind", ["GIF", "TIFF"])
def test_only_the_first_of_several_is_read_and_that_is_told(kind: str, count: int) -> None:
    data = several(kind, count)
    found = decode(data, "a")
    assert np.abs(found.bgr.astype(int) - PICTURE).mean() < 30  # a GIF has few colours; the second picture is black
    assert found.warnings == ((f"a: the {kind} has several pictures: only the first one is read",) if count > 1 else ())


def several(kind: str, count: int) -> bytes:
    pictures = [PICTURE, np.zeros_like(PICTURE)][:count]
    if kind == "TIFF":
        return bytes(cv2.imencodemulti(".tiff", pictures)[1])
    data = io.BytesIO()
    with av.open(data, "w", format="gif") as out:
        stream = out.add_stream("gif", rate=10)
        stream.height, stream.width, stream.pix_fmt = *PICTURE.shape[:2], "rgb8"
        for picture in pictures:
            out.mux(stream.encode(av.VideoFrame.from_ndarray(picture, "bgr24").reformat(format="rgb8")))
        out.mux(stream.encode())
    return data.getvalue()


def test_pixels_that_are_not_read_are_not_called_damaged_alone() -> None:
    data = coded(".tiff", PICTURE.astype(np.float32))
    with pytest.raises(InputError, match="floating point, say"):
        decode(data, "a.tif")
