"""Rows that may be one vehicle read twice: flagged `near_repeat`, never silently merged."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import get_args

from streamer.plates.texts import cut_from, distance
from streamer.types import Flag, Passage

# Within this time (s), about as long as a passage takes, one vehicle may have two rows.
REPEAT_S = 10.0
# How much likelier a text is misread where a similar, more confident one was read at the same time.
_DOUBT = 4.0
_SHORTEST = 4  # characters; shorter texts are similar by chance


def with_flags(passage: Passage, *flags: Flag) -> Passage:
    """The passage with these reasons for doubt too, in their order."""
    wanted = {*passage.flags, *flags}
    return replace(passage, flags=tuple(flag for flag in get_args(Flag) if flag in wanted))


def is_similar(a: Passage, b: Passage) -> bool:
    """Whether two passages of about the same time may be of one plate: their texts differ in one character, or one is
    cut by the edge of the picture."""
    gap = max(a.first_s, b.first_s) - min(a.last_s, b.last_s)
    if gap > REPEAT_S or a.plate == b.plate or min(len(a.plate), len(b.plate)) < _SHORTEST:
        return False
    return distance(a.plate, b.plate) <= 1 or is_cut_part(a, b) or is_cut_part(b, a)


def is_cut_part(part: Passage, whole: Passage) -> bool:
    """Whether `part` is of a plate cut by the picture's edge, and `whole` shows all of that plate."""
    return "edge" in part.flags and "edge" not in whole.flags and cut_from(part.plate, whole.plate)


def flag_repeats(passage: Passage, others: Iterable[Passage], min_confidence: float) -> Passage:
    """The passage, flagged and less confident for each similar, more confident one of the `others`; its confidence
    does not fall below `min_confidence`."""
    similar = [o for o in others if o is not passage and is_similar(passage, o) and _more_confident(o, passage)]
    for other in similar:
        passage = with_alternative(passage, other, min_confidence)
    return passage


def with_alternative(passage: Passage, other: Passage, min_confidence: float = 0.0) -> Passage:
    """A passage that may be the other one, misread: flagged, less confident, with the other text as an alternative."""
    doubted = passage.confidence / (passage.confidence + (1 - passage.confidence) * _DOUBT)
    probabilities = dict(passage.alternatives)
    probabilities[other.plate] = max(probabilities.get(other.plate, 0.0), min(1 - doubted, other.confidence))
    likely = tuple(sorted(probabilities.items(), key=lambda item: -item[1]))
    lower = min(passage.confidence, max(doubted, min_confidence))
    return with_flags(replace(passage, confidence=lower, alternatives=likely), "near_repeat")


def _more_confident(a: Passage, b: Passage) -> bool:
    return (a.confidence, b.first_s, b.track_id) > (b.confidence, a.first_s, a.track_id)
