"""Rows that may be one vehicle read twice: flagged, and never silently joined."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import get_args

from streamer.plates.texts import cut_from, distance
from streamer.types import Flag, Passage

# Within so long one vehicle may give two rows: as long as a passage takes.
REPEAT_S = 10.0
# How much likelier a text is a misread one where one like it, and surer, came at the same time.
_DOUBT = 4.0
_SHORTEST = 4  # characters; shorter texts are alike by chance


def with_flags(passage: Passage, *flags: Flag) -> Passage:
    """The passage with these reasons for doubt too, in their order."""
    wanted = {*passage.flags, *flags}
    return replace(passage, flags=tuple(flag for flag in get_args(Flag) if flag in wanted))


def near(a: Passage, b: Passage) -> bool:
    """Whether two passages of about the same time have texts that one plate may have given: a character apart, or one
    cut by the edge of the picture."""
    gap = max(a.first_s, b.first_s) - min(a.last_s, b.last_s)
    if gap > REPEAT_S or a.plate == b.plate or min(len(a.plate), len(b.plate)) < _SHORTEST:
        return False
    return distance(a.plate, b.plate) <= 1 or shown_whole(a, b) or shown_whole(b, a)


def shown_whole(part: Passage, whole: Passage) -> bool:
    """Whether one passage is of a plate that the picture's edge cut, and the other shows all of it."""
    return "edge" in part.flags and "edge" not in whole.flags and cut_from(part.plate, whole.plate)


def doubted(passage: Passage, others: Iterable[Passage], least: float) -> Passage:
    """The passage with the doubt that the surer ones among others like it leave, down to a confidence of `least`."""
    like = [o for o in others if o is not passage and near(passage, o) and _surer(o, passage)]
    for other in like:
        passage = beside(passage, other, least)
    return passage


def beside(passage: Passage, other: Passage, least: float = 0.0) -> Passage:
    """A passage that may be the other one, misread: less sure, and its text among the alternatives."""
    sure = passage.confidence / (passage.confidence + (1 - passage.confidence) * _DOUBT)
    told = dict(passage.alternatives)
    told[other.plate] = max(told.get(other.plate, 0.0), min(1 - sure, other.confidence))
    likely = tuple(sorted(told.items(), key=lambda item: -item[1]))
    lower = min(passage.confidence, max(sure, least))
    return with_flags(replace(passage, confidence=lower, alternatives=likely), "near_repeat")


def _surer(a: Passage, b: Passage) -> bool:
    return (a.confidence, b.first_s, b.track_id) > (b.confidence, a.first_s, a.track_id)
