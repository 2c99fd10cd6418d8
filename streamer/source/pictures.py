"""Decoding of picture files to upright 8-bit BGR. The format is recognised by content."""

from __future__ import annotations

import contextlib
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from streamer.errors import InputError
from streamer.types import Image

_HEADS = {
    b"\xff\xd8\xff": "JPEG", b"\x89PNG\r\n\x1a\n": "PNG", b"GIF8": "GIF", b"BM": "BMP", b"II*\0": "TIFF",
    b"MM\0*": "TIFF", b"II+\0": "TIFF", b"MM\0+": "TIFF", b"\0\0\0\x0cjP  ": "JPEG 2000",
    b"\xff\x4f\xff\x51": "JPEG 2000",
}  # fmt: skip
_HEVC_BRANDS = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx"}
_MOST_BRANDS = 64
_END_OF_JPEG = b"\xff\xd9"
HEAD_BYTES = 64
_DAMAGED = "damaged or cut short: copy it again"
_WHY = {
    "AVIF": "damaged, cut short or stored in tiles of a kind that is not read: save it as JPEG",
    "TIFF": "damaged, cut short or of a kind that is not read (floating point, say): save it as PNG",
}


@dataclass(frozen=True, eq=False)
class Picture:
    """(H, W, 3) uint8 BGR, and one-line notes on faults that were survived."""

    bgr: Image
    warnings: tuple[str, ...] = ()


def format_of(head: bytes) -> str | None:
    """The picture format that begins with these bytes; None for any other data."""
    if head[4:8] == b"ftyp":
        brands = {head[k : k + 4] for k in range(8, min(len(head), _MOST_BRANDS), 4) if k != 12}
        if brands & {b"avif", b"avis"}:
            return "AVIF"
        return "HEIC" if brands & _HEVC_BRANDS or head[8:12] in (b"mif1", b"msf1") else None
    if head[:4] == b"RIFF":
        return "WebP" if head[8:12] == b"WEBP" else None
    return next((name for start, name in _HEADS.items() if head.startswith(start)), None)


def decode(data: bytes, name: str) -> Picture:
    """Decodes a picture file; InputError names the file and the fault."""
    import cv2

    if not data:
        raise InputError(f"{name}: is empty (0 bytes): copy it again", at=name)
    kind = format_of(data[:HEAD_BYTES])
    if kind == "HEIC":
        raise InputError(f"{name}: is a HEIC picture, which is not read: save it as JPEG or PNG", at=name)
    if kind == "WebP":
        data = _with_bare_exif(data)
    flags = cv2.IMREAD_COLOR | (cv2.IMREAD_IGNORE_ORIENTATION if kind == "AVIF" else 0)
    picture, why = _decoded(data, flags)
    warnings = []
    if picture is None and kind == "JPEG":
        picture, _ = _decoded(data + _END_OF_JPEG, flags)
        if picture is not None:
            warnings.append(f"{name}: the JPEG is cut short: the missing part is grey; copy it again")
    if picture is None and "MAX_IMAGE" in why:
        raise InputError(f"{name}: has too many pixels to be read: shrink it or cut it into pieces", at=name)
    if picture is None and kind is not None:
        raise InputError(f"{name}: is not a picture that can be read: {kind}, {_WHY.get(kind, _DAMAGED)}", at=name)
    if picture is None:
        raise InputError(
            f"{name}: is not a picture that can be read: expected JPEG, PNG, BMP, WebP, AVIF or TIFF", at=name
        )
    if kind == "AVIF":
        picture = _turned(picture, data, name)
    if _several(data, kind):
        warnings.append(f"{name}: the {kind} has several pictures: only the first one is read")
    return Picture(np.ascontiguousarray(picture, np.uint8), tuple(warnings))


def _decoded(data: bytes, flags: int) -> tuple[Any, str]:
    import cv2

    try:
        return cv2.imdecode(np.frombuffer(data, np.uint8), flags), ""
    except cv2.error as error:
        return None, str(error)


def _several(data: bytes, kind: str | None) -> bool:
    if kind == "GIF":
        return _gif_pictures(data) > 1
    if kind == "TIFF":
        return _tiff_has_more(data)
    if kind == "PNG":
        return b"acTL" in data[:4096]
    return kind == "WebP" and data[12:16] == b"VP8X" and bool(data[20] & 2)


def _gif_pictures(data: bytes) -> int:
    """The number of pictures in a GIF, counted up to two."""
    at, count = 13 + _gif_colours(data[10:11]), 0
    while count < 2 and data[at : at + 1] in (b"\x2c", b"\x21"):
        if data[at] == 0x2C:
            count += 1
            at += 11 + _gif_colours(data[at + 9 : at + 10])
        else:
            at += 2
        while at < len(data) and data[at]:  # blocks of data, each with its length
            at += 1 + data[at]
        at += 1
    return count


def _gif_colours(flags: bytes) -> int:
    """Size in bytes of the colour table that these flags declare."""
    return 3 << ((flags[0] & 7) + 1) if flags and flags[0] & 0x80 else 0


def _tiff_has_more(data: bytes) -> bool:
    """Whether a (classic) TIFF has another page after its first."""
    order = "<" if data[:2] == b"II" else ">"
    with contextlib.suppress(struct.error):
        if struct.unpack_from(order + "H", data, 2)[0] == 42:
            (first,) = struct.unpack_from(order + "I", data, 4)
            (entries,) = struct.unpack_from(order + "H", data, first)
            return bool(struct.unpack_from(order + "I", data, first + 2 + 12 * entries)[0])
    return False


def _with_bare_exif(data: bytes) -> bytes:
    """A WebP whose orientation OpenCV reads: some writers prefix its EXIF data with JPEG's header."""
    at = 12
    while at + 14 <= len(data):
        kind, size = data[at : at + 4], int.from_bytes(data[at + 4 : at + 8], "little")
        if kind == b"EXIF" and data[at + 8 : at + 14] == b"Exif\0\0":
            whole = data[:at] + b"EXIF" + (size - 6).to_bytes(4, "little") + data[at + 14 :]
            return whole[:4] + (len(whole) - 8).to_bytes(4, "little") + whole[8:]
        at += 8 + size + (size & 1)
    return data


def _turned(picture: Image, data: bytes, name: str) -> Image:
    """An AVIF picture, rotated and mirrored as its file declares, which OpenCV does not do."""
    try:
        steps = list(_transforms(data))
    except (struct.error, IndexError, ValueError):
        raise InputError(
            f"{name}: is an AVIF picture whose description cannot be read: save it as JPEG", at=name
        ) from None
    for kind, value in steps:
        if kind == b"irot":
            picture = np.rot90(picture, value & 3)
        else:
            picture = picture[:, ::-1] if value & 1 else picture[::-1]
    return picture


def _transforms(data: bytes) -> Iterator[tuple[bytes, int]]:
    """The rotations (counter-clockwise quarter turns) and mirrorings of the main picture, in order (ISO/IEC
    23008-12)."""
    inside = dict(_boxes(_boxed(data, b"meta")[4:]))
    main = inside[b"pitm"]
    number = struct.unpack_from(">I" if main[0] else ">H", main, 4)[0]
    parts = list(_boxes(inside[b"iprp"]))
    properties = list(_boxes(dict(parts)[b"ipco"]))
    for ties in (body for kind, body in parts if kind == b"ipma"):
        wide, at = ties[3] & 1, 8
        for _ in range(struct.unpack_from(">I", ties, 4)[0]):
            item, count = struct.unpack_from(">IB" if ties[0] else ">HB", ties, at)
            at += 5 if ties[0] else 3
            for _ in range(count):
                (index,) = struct.unpack_from(">H" if wide else ">B", ties, at)
                at += 2 if wide else 1
                kind, body = properties[(index & (0x7FFF if wide else 0x7F)) - 1]
                if item == number and kind in (b"irot", b"imir"):
                    yield kind, body[0]


def _boxed(data: bytes, wanted: bytes) -> bytes:
    for kind, body in _boxes(data):
        if kind == wanted:
            return body
    raise ValueError(f"no {wanted!r}")


def _boxes(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = 0
    while at + 8 <= len(data):
        size, kind = struct.unpack_from(">I4s", data, at)
        head = 8
        if size == 1:
            size, head = struct.unpack_from(">Q", data, at + 8)[0], 16
        size = size or len(data) - at
        if size < head:
            raise ValueError("a box without a size")
        yield kind, data[at + head : at + size]
        at += size
