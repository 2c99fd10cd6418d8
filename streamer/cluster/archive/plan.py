"""Where a recording is cut: at key frames, into segments that overlap by about the longest track."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from streamer.source.key_frames import KeyFrames

WHOLE = 1.5  # lengths of a segment up to which a file stays whole


@dataclass(frozen=True)
class Segment:
    """A part of a file, in its ticks: it is decoded from `begin` (None: its first picture), its own pictures are those
    from `border` on to before `end` (None: its last)."""

    begin: int | None
    border: int | None
    end: int | None


@dataclass(frozen=True)
class Plan:
    """The segments of a file, its key frames and its length in seconds. One segment: it is read in one piece, and why
    it must be."""

    segments: tuple[Segment, ...]
    keys: tuple[int, ...]
    seconds: float
    reason: str = ""

    @property
    def borders(self) -> tuple[int, ...]:
        return tuple(one.border for one in self.segments if one.border is not None)


def plan_of(keys: KeyFrames, segment_s: float, overlap_s: float) -> Plan:
    """Cuts at the first key frame after each `segment_s`; a rest of less than half of that stays with the last one.
    Each segment begins at the key frame `overlap_s` or more before its border, one key frame at the least."""
    whole = Plan((Segment(None, None, None),), keys.stamps, keys.seconds, keys.reason)
    if keys.reason or not keys.stamps or keys.seconds <= WHOLE * segment_s:
        return whole
    length, overlap = (_ticks(seconds, keys.time_base) for seconds in (segment_s, overlap_s))
    last = keys.stamps[0] + _ticks(keys.seconds, keys.time_base) - length // 2
    borders: list[int] = []
    before = keys.stamps[0]
    for stamp in keys.stamps[1:]:
        if stamp - before >= length and stamp <= last:
            borders.append(stamp)
            before = stamp
    if not borders:
        return whole
    segments = [
        Segment(
            None if k == 0 else _begin(keys.stamps, borders[k - 1], overlap), None if k == 0 else borders[k - 1], end
        )
        for k, end in enumerate([*borders, None])
    ]
    return Plan(tuple(segments), keys.stamps, keys.seconds)


def _begin(keys: Sequence[int], border: int, overlap: int) -> int | None:
    """The key frame from which a segment is decoded; None for the file's first picture."""
    at = bisect_right(keys, border - max(overlap, 1)) - 1
    return keys[at] if at > 0 else None


def _ticks(seconds: float, base: Fraction) -> int:
    return round(seconds / base)
