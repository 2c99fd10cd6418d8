"""The slice headers of H.264, as far as the quantiser: written after ITU-T H.264, 7.3."""

from __future__ import annotations

from dataclasses import dataclass

from streamer.source.bits import Bits
from streamer.source.slices import Slice, Slices

_CHROMA_PROFILES = frozenset({100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135})


@dataclass
class _Sps:
    frame_num_bits: int
    order_type: int
    order_bits: int
    order_always_zero: bool
    frames_only: bool
    separate_planes: bool
    chroma: int


@dataclass
class _Pps:
    sps: int
    cabac: bool
    bottom_order: bool
    refs: tuple[int, int]
    weighted: bool
    weighted_b: int
    quantiser: int
    redundant: bool


class H264Slices(Slices):
    """Those of H.264."""

    hevc = False

    def __init__(self, extradata: bytes) -> None:
        self._sps: dict[int, _Sps] = {}
        self._pps: dict[int, _Pps] = {}
        super().__init__(extradata)

    def _is_slice(self, unit: bytes) -> bool:
        return unit[0] & 31 in (1, 5)

    def _parameters(self, unit: bytes) -> None:
        if not unit:
            return
        if unit[0] & 31 == 7:
            self._read_sps(unit[1:])
        elif unit[0] & 31 == 8:
            self._read_pps(unit[1:])

    def _read_sps(self, unit: bytes) -> None:
        b = Bits(unit)
        profile = b.u(8)
        b.u(16)
        number, chroma, separate = b.ue(), 1, False
        if profile in _CHROMA_PROFILES:
            chroma = b.ue()
            separate = chroma == 3 and b.flag()
            b.skip_ue(2)
            b.flag()
            if b.flag():
                for k in range(8 if chroma != 3 else 12):
                    if b.flag():
                        _skip_scaling(b, 16 if k < 6 else 64)
        frame_num = b.ue() + 4
        order, order_bits, always_zero = b.ue(), 0, False
        if order == 0:
            order_bits = b.ue() + 4
        elif order == 1:
            always_zero = b.flag()
            b.se()
            b.se()
            for _ in range(b.ue()):
                b.se()
        b.ue()
        b.flag()
        b.skip_ue(2)
        self._sps[number] = _Sps(frame_num, order, order_bits, always_zero, b.flag(), separate, chroma)

    def _read_pps(self, unit: bytes) -> None:
        b = Bits(unit)
        number, sps, cabac, bottom = b.ue(), b.ue(), b.flag(), b.flag()
        if b.ue():
            raise IndexError("slice groups")
        refs = b.ue() + 1, b.ue() + 1
        weighted, weighted_b = b.flag(), b.u(2)
        quantiser = 26 + b.se()
        b.se()
        b.se()
        b.flag()
        b.flag()
        self._pps[number] = _Pps(sps, cabac, bottom, refs, weighted, weighted_b, quantiser, b.flag())

    def _slice(self, unit: bytes) -> Slice:
        b = Bits(unit[1:])
        reference, instant = unit[0] >> 5 & 3, unit[0] & 31 == 5
        b.ue()
        kind = b.ue() % 5
        pps = self._pps[b.ue()]
        sps = self._sps[pps.sps]
        if sps.separate_planes:
            b.u(2)
        b.u(sps.frame_num_bits)
        field = not sps.frames_only and b.flag()
        if field:
            b.flag()
        if instant:
            b.ue()
        if sps.order_type == 0:
            b.u(sps.order_bits)
            if pps.bottom_order and not field:
                b.se()
        elif sps.order_type == 1 and not sps.order_always_zero:
            b.se()
            if pps.bottom_order and not field:
                b.se()
        if pps.redundant:
            b.ue()
        intra, both = kind in (2, 4), kind == 1
        if both:
            b.flag()
        refs = list(pps.refs)
        if not intra and b.flag():
            refs[0] = b.ue() + 1
            if both:
                refs[1] = b.ue() + 1
        for _ in range(0 if intra else 2 if both else 1):
            if b.flag():
                while b.ue() != 3:
                    b.ue()
        if (pps.weighted and kind in (0, 3)) or (pps.weighted_b == 1 and both):
            _skip_weights(b, refs[: 2 if both else 1], sps.chroma != 0 and not sps.separate_planes)
        if reference:
            _skip_marking(b, instant)
        if pps.cabac and not intra:
            b.ue()
        return Slice(kind, pps.quantiser + b.se())


def _skip_scaling(b: Bits, size: int) -> None:
    last = following = 8
    for _ in range(size):
        if following:
            following = (last + b.se()) % 256
        last = following or last


def _skip_weights(b: Bits, refs: list[int], chroma: bool) -> None:
    b.ue()
    if chroma:
        b.ue()
    for count in refs:
        for _ in range(count):
            if b.flag():
                b.se()
                b.se()
            if chroma and b.flag():
                for _ in range(4):
                    b.se()


def _skip_marking(b: Bits, instant: bool) -> None:
    if instant:
        b.u(2)
    elif b.flag():
        while (operation := b.ue()) != 0:
            b.ue()
            if operation == 3:
                b.ue()
