"""Two passages of one vehicle as one: whether its track was split, and the merged passage."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import datetime, timedelta

from streamer.passages.repeats import is_cut_part, with_alternative, with_flags
from streamer.plates.texts import distance
from streamer.types import Passage

# A parked car is lost and found, and trembles across a line, for days: after this many parts its passage is final and
# the next begins, and only the first of its line crossings are kept.
MOST_PARTS, MOST_CROSSED = 500, 100
# A track found again no farther than this many plate widths away may be of the same vehicle though a character differs.
_SPLIT_WIDTHS = 1.5
# Two different texts that both have this confidence are of two vehicles.
_SURE = 0.9


def is_split(a: Passage, b: Passage) -> bool:
    """Whether two passages come from one track that was lost for a moment: the later one begins where the earlier one
    ended, and their texts differ by at most one character (`?` matches any) or one is cut by the picture's edge. Two
    different texts of high confidence are two vehicles."""
    earlier, later = (a, b) if a.first_s <= b.first_s else (b, a)
    (x1, y1, x2, y2), (u1, v1, u2, v2) = earlier.last_box, later.first_box
    apart = math.hypot((u1 + u2 - x1 - x2) / 2, (v1 + v2 - y1 - y2) / 2)
    if apart > _SPLIT_WIDTHS * max(x2 - x1, u2 - u1):
        return False
    if is_cut_part(a, b) or is_cut_part(b, a):
        return True
    if len(a.plate) != len(b.plate):
        return False
    differing = distance(a.plate, b.plate)
    return not differing or (differing == 1 and min(a.confidence, b.confidence) < _SURE)


def _last_seen(earlier: Passage, last: Passage) -> datetime | None:
    """By the clock of the earlier passage."""
    if earlier.time_source == last.time_source or earlier.first_seen is None:
        return last.last_seen
    return earlier.first_seen + timedelta(seconds=last.last_s - earlier.first_s)


def _rank(passage: Passage) -> tuple[bool, float]:
    return "edge" not in passage.flags, passage.confidence


def merge(a: Passage, b: Passage) -> Passage:
    """Two passages of one vehicle as one: the earlier id, the whole span, the better evidence, the sum of readings."""
    earlier, later = (a, b) if a.first_s <= b.first_s else (b, a)
    last = a if a.last_s >= b.last_s else b
    best, other = (a, b) if _rank(a) >= _rank(b) else (b, a)
    flags = tuple(f for f in best.flags if f not in ("static", "few_reads") or f in other.flags)
    if a.plate != b.plate and not is_cut_part(other, best) and distance(a.plate, b.plate):
        best = with_alternative(best, other)
        flags = with_flags(replace(best, flags=flags), "near_repeat").flags
    return replace(
        earlier,
        track_id=min(earlier.track_id, later.track_id),
        plate=best.plate,
        confidence=best.confidence,
        last_frame=last.last_frame,
        last_s=last.last_s,
        last_seen=_last_seen(earlier, last),
        last_box=last.last_box,
        score=best.score,
        best_frame=best.best_frame,
        box=best.box,
        n_reads=a.n_reads + b.n_reads,
        crossed=(earlier.crossed + later.crossed)[:MOST_CROSSED],
        parts=(*earlier.parts, later.event_id, *later.parts),
        char_confidence=best.char_confidence,
        alternatives=best.alternatives,
        flags=flags,
        kind=best.kind,
        crop=best.crop,
        snapshot=best.snapshot,
        posterior=best.posterior,
    )
