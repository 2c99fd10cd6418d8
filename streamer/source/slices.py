"""The kind and quantiser of a packet's first slice, read from its header without decoding.

With the packet's size they tell how much changes in the picture, also where a rate control keeps the sizes equal.
"""

from __future__ import annotations

import contextlib
from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import ClassVar, NamedTuple

from streamer.source.bits import units

HEADER_BYTES = 96  # of a slice: more than any header that is read


class Slice(NamedTuple):
    """`kind`: a number for each of its codec's slice types; `quantiser`: one step doubles in six."""

    kind: int
    quantiser: int


class Slices(ABC):
    """The slices of one stream; feed it every packet, as parameter sets may come with any. A subclass parses the units
    of one codec; IndexError and KeyError there mean that one cannot be read. `extradata`: the stream's parameter sets,
    as FFmpeg keeps them."""

    hevc: ClassVar[bool]

    def __init__(self, extradata: bytes) -> None:
        self._length = 0
        with contextlib.suppress(IndexError):  # damaged: others may come with the packets
            self._length, sets = parameter_units(extradata, hevc=self.hevc)
            for unit in sets:
                self._parameters(unit)

    def first(self, packet: bytes) -> Slice | None:
        """The first slice of a packet, None where it cannot be read."""
        try:
            for unit in units(packet, self._length):
                if self._is_slice(unit):
                    return self._slice(unit[:HEADER_BYTES])
                self._parameters(unit)
        except (IndexError, KeyError):
            return None
        return None

    @abstractmethod
    def _is_slice(self, unit: bytes) -> bool:
        """Whether it is a slice, not a parameter set or anything else; IndexError for an empty one."""

    @abstractmethod
    def _parameters(self, unit: bytes) -> None:
        """Keeps a parameter set; passes over any other unit."""

    @abstractmethod
    def _slice(self, unit: bytes) -> Slice | None:
        """The slice that begins so."""


def slices_of(codec: str, extradata: bytes | None) -> Slices | None:
    """A reader of the slices of a stream with that codec (FFmpeg's name); None where there is none."""
    from streamer.source.h264_slices import H264Slices
    from streamer.source.hevc_slices import HevcSlices

    kinds: dict[str, type[Slices]] = {"h264": H264Slices, "hevc": HevcSlices}
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
