"""The slice headers of H.265, as far as the quantiser: written after ITU-T H.265, 7.3."""

from __future__ import annotations

from dataclasses import dataclass

from streamer.source.bits import Bits
from streamer.source.slices import Slice, Slices

_SLICES, _SPS, _PPS = 32, 33, 34  # kinds of units; those below the first are slices
_B, _P, _I = 0, 1, 2
_IDR = (19, 20)


@dataclass
class _Sps:
    order_bits: int
    separate_planes: bool
    chroma: bool
    offset_filter: bool
    sets: list[tuple[int, int]]  # of the short-term reference picture sets: pictures, and those in use
    long_term: list[bool] | None  # of those in the parameter set: whether in use
    motion_from_earlier: bool


@dataclass
class _Pps:
    sps: int
    dependent: bool
    output_flag: bool
    extra_bits: int
    cabac_flag: bool
    refs: tuple[int, int]
    quantiser: int
    weighted: tuple[bool, bool]
    lists_change: bool


class HevcSlices(Slices):
    """Those of H.265."""

    hevc = True

    def __init__(self, extradata: bytes) -> None:
        self._sps: dict[int, _Sps] = {}
        self._pps: dict[int, _Pps] = {}
        super().__init__(extradata)

    def _is_slice(self, unit: bytes) -> bool:
        return unit[0] >> 1 & 63 < _SLICES

    def _parameters(self, unit: bytes) -> None:
        kind = unit[0] >> 1 & 63 if unit else 0
        if kind == _SPS:
            number, sps = _sps(Bits(unit[2:]))
            self._sps[number] = sps
        elif kind == _PPS:
            number, pps = _pps(Bits(unit[2:]))
            self._pps[number] = pps

    def _slice(self, unit: bytes) -> Slice | None:
        kind_of_unit, b = unit[0] >> 1 & 63, Bits(unit[2:])
        if not b.flag():  # not the first of its picture
            return None
        if 16 <= kind_of_unit <= 23:
            b.flag()
        pps = self._pps[b.ue()]
        sps = self._sps[pps.sps]
        b.u(pps.extra_bits)
        kind = b.ue()
        if pps.output_flag:
            b.flag()
        if sps.separate_planes:
            b.u(2)
        in_use, earlier = (0, False) if kind_of_unit in _IDR else _references(b, sps)
        if sps.offset_filter:
            b.flag()
            if sps.chroma:
                b.flag()
        if kind != _I:
            _skip_prediction(b, kind == _B, pps, in_use, earlier, sps.chroma)
        return Slice(kind, pps.quantiser + b.se())


def _sps(b: Bits) -> tuple[int, _Sps]:
    b.u(4)
    layers = b.u(3)
    b.u(1)
    b.u(96)
    present = [(b.flag(), b.flag()) for _ in range(layers)]
    if layers:
        b.u(2 * (8 - layers))
    for profile, level in present:
        b.u(88 * profile + 8 * level)
    number, chroma = b.ue(), b.ue()
    separate = chroma == 3 and b.flag()
    b.skip_ue(2)
    if b.flag():
        b.skip_ue(4)
    b.skip_ue(2)
    order_bits = b.ue() + 4
    b.skip_ue(3 * (layers + 1 if b.flag() else 1))
    b.skip_ue(6)
    if b.flag() and b.flag():
        _skip_scaling(b)
    b.flag()
    offset_filter = b.flag()
    if b.flag():
        b.u(8)
        b.skip_ue(2)
        b.flag()
    sets: list[tuple[int, int]] = []
    count = b.ue()
    for k in range(count):
        sets.append(_reference_set(b, k, count, sets))
    long_term = None
    if b.flag():
        long_term = [bool(b.u(order_bits + 1) & 1) for _ in range(b.ue())]
    return number, _Sps(order_bits, separate, chroma != 0 and not separate, offset_filter, sets, long_term, b.flag())


def _pps(b: Bits) -> tuple[int, _Pps]:
    number, sps, dependent, output, extra = b.ue(), b.ue(), b.flag(), b.flag(), b.u(3)
    b.flag()
    cabac, refs = b.flag(), (b.ue() + 1, b.ue() + 1)
    quantiser = 26 + b.se()
    b.u(2)
    if b.flag():
        b.ue()
    b.se()
    b.se()
    b.flag()
    weighted = b.flag(), b.flag()
    b.flag()
    tiles = b.flag()
    b.flag()
    if tiles:
        columns, rows = b.ue(), b.ue()
        if not b.flag():
            b.skip_ue(columns + rows)
        b.flag()
    b.flag()
    if b.flag():
        b.flag()
        if not b.flag():
            b.se()
            b.se()
    if b.flag():
        _skip_scaling(b)
    return number, _Pps(sps, dependent, output, extra, cabac, refs, quantiser, weighted, b.flag())


def _reference_set(b: Bits, index: int, count: int, sets: list[tuple[int, int]]) -> tuple[int, int]:
    """A short-term reference picture set: the number of pictures, and of those in use."""
    if index and b.flag():
        back = b.ue() + 1 if index == count else 1
        b.flag()
        b.ue()
        pictures = in_use = 0
        for _ in range(sets[index - back][0] + 1):
            used = b.flag()
            in_use += used
            pictures += used or b.flag()
        return pictures, in_use
    pictures = b.ue() + b.ue()
    in_use = 0
    for _ in range(pictures):
        b.ue()
        in_use += b.flag()
    return pictures, in_use


def _references(b: Bits, sps: _Sps) -> tuple[int, bool]:
    """The number of reference pictures in use, and whether motion vectors of an earlier picture are."""
    b.u(sps.order_bits)
    count = len(sps.sets)
    if b.flag():
        in_use = sps.sets[b.u((count - 1).bit_length())][1]
    else:
        in_use = _reference_set(b, count, count, sps.sets)[1]
    if sps.long_term is not None:
        known = len(sps.long_term)
        listed = b.ue() if known else 0
        for k in range(listed + b.ue()):
            if k < listed:
                in_use += sps.long_term[b.u((known - 1).bit_length())]
            else:
                in_use += b.u(sps.order_bits + 1) & 1
            if b.flag():
                b.ue()
    return in_use, sps.motion_from_earlier and b.flag()


def _skip_prediction(b: Bits, both: bool, pps: _Pps, in_use: int, earlier: bool, chroma: bool) -> None:
    """What a slice that refers to other pictures has before its quantiser."""
    refs = list(pps.refs[: 2 if both else 1])
    if b.flag():
        refs = [b.ue() + 1 for _ in refs]
    if pps.lists_change and in_use > 1:
        for count in refs:
            if b.flag():
                b.u(count * (in_use - 1).bit_length())
    if both:
        b.flag()
    if pps.cabac_flag:
        b.flag()
    if earlier:
        first = not both or b.flag()
        if refs[0 if first else 1] > 1:
            b.ue()
    if pps.weighted[1 if both else 0]:
        _skip_weights(b, refs, chroma)
    b.ue()


def _skip_weights(b: Bits, refs: list[int], chroma: bool) -> None:
    b.ue()
    if chroma:
        b.se()
    for count in refs:
        luma = [b.flag() for _ in range(count)]
        colour = [chroma and b.flag() for _ in range(count)]
        for one, other in zip(luma, colour, strict=True):
            for _ in range(2 * one + 4 * other):
                b.se()


def _skip_scaling(b: Bits) -> None:
    for size in range(4):
        for _ in range(6 if size < 3 else 2):
            if not b.flag():
                b.ue()
                continue
            if size > 1:
                b.se()
            for _ in range(min(64, 16 << (2 * size))):
                b.se()
