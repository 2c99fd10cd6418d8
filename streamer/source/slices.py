"""The kind and quantiser of a packet's first slice, read from its header without decoding.

With the packet's size they tell how much changes in the picture, also where a rate control keeps the sizes equal.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple, Protocol

from streamer.source.bits import units

HEADER_BYTES = 96  # of a slice: more than any header that is read


class Slice(NamedTuple):
    """`kind`: a number for each of its codec's slice types; `quantiser`: one step doubles in six."""

    kind: int
    quantiser: int


class Slices(Protocol):
    """The slices of one stream; feed it every packet, as parameter sets may come with any."""

    def first(self, packet: bytes) -> Slice | None:
        """The first slice of a packet, None where it cannot be read."""


def slices_of(codec: str, extradata: bytes | None) -> Slices | None:
    """A reader of the slices of a stream with that codec (FFmpeg's name); None where there is none."""
    from streamer.source.h264_slices import H264Slices
    from streamer.source.hevc_slices import HevcSlices

    kinds: dict[str, type[H264Slices] | type[HevcSlices]] = {"h264": H264Slices, "hevc": HevcSlices}
    return kinds[codec](extradata or b"") if codec in kinds else None


def parameter_units(extradata: bytes, *, hevc: bool) -> tuple[int, Iterable[bytes]]:
    """The bytes of the length before each unit of the packets (0: start codes), and the parameter sets. MP4 and
    Matroska have them in a record (ISO/IEC 14496-15)."""
    if extradata[:1] != b"\1":
        return 0, units(extradata, 0)
    found = []
    if hevc:
        length, at, arrays = (extradata[21] & 3) + 1, 23, [0xFFFF] * extradata[22]
    else:
        length, at, arrays = (extradata[4] & 3) + 1, 5, [0x1F, 0xFF]
    for mask in arrays:
        if hevc:
            count, at = int.from_bytes(extradata[at + 1 : at + 3], "big"), at + 3
        else:
            count, at = extradata[at] & mask, at + 1
        for _ in range(count):
            size = int.from_bytes(extradata[at : at + 2], "big")
            found.append(extradata[at + 2 : at + 2 + size])
            at += 2 + size
    return length, found
