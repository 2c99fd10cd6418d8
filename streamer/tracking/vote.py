"""The vote of a track: slot distributions fused over its readings, with a discount for frames that are alike."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from streamer.types import FloatArray, Reading

# No single reading may veto a character for good: its least probability of anything.
_FLOOR = 1e-6
# Frames of one passage are wrong in the same way, so many of them prove little, and readings that differ prove that the
# plate is hard to read. Both powers fitted to whole passages of drawn clips in bad light, checked on others.
_INDEPENDENT = 0.25
_AGREEMENT = 2.0
_ALTERNATIVES, _UNLIKELY = 3, 0.001  # how many are told, and from which probability
_CUT = 0.1  # weight of a reading whose plate the picture's edge may have cut
# Above this height a plate does not get easier to read.
_FULL_HEIGHT_PX = 32.0


class AlphabetLike(Protocol):
    """The classes of a reader: symbols 0..n-1, then one for a character that cannot be read and one for the end."""

    @property
    def symbols(self) -> tuple[str, ...]: ...

    @property
    def unreadable(self) -> int: ...

    @property
    def eos(self) -> int: ...

    @property
    def size(self) -> int: ...


@dataclass(frozen=True)
class Ballot:
    """One reading and the height of its plate in px; `whole`: the plate did not touch the picture's edge."""

    reading: Reading
    plate_height: float
    whole: bool = True

    @property
    def weight(self) -> float:
        """Sure readings of large plates count most; of one cut by the picture's edge characters may be missing."""
        sure = max(self.reading.confidence, 1e-3) * min(max(self.plate_height, 1.0) / _FULL_HEIGHT_PX, 1.0)
        return sure if self.whole else sure * _CUT


@dataclass(frozen=True)
class Verdict:
    """What a track says: `text` ("" where nothing could be read), `confidence` 0-1, one more for each character.
    `settled`: how little another reading could change the text, which is more than how likely it is right.
    `instead_of`: the text, with its probability, that would have been told but for what else is known of the plate.
    `slots` (S, C): the distributions behind it, where there are any."""

    text: str = ""
    confidence: float = 0.0
    char_confidence: tuple[float, ...] = ()
    settled: float = 0.0
    instead_of: tuple[str, float] | None = None
    slots: FloatArray | None = field(default=None, repr=False, compare=False)


VoteRule = Callable[[Sequence[Ballot], AlphabetLike], Verdict]


def vote(ballots: Sequence[Ballot], alphabet: AlphabetLike) -> Verdict:
    """The fused text of a track's readings.

    Readings without a text do not vote. The length with most weight wins; in it, log-probabilities are averaged by
    weight and raised to the fourth root of the effective number of readings: frames of one passage are alike. The
    confidence is the product over slots, times the winning length's share of all weight, discounted the same way, times
    how far the readings agree with the text. One reading alone stays as it is.
    """
    voting = [b for b in ballots if b.reading.text]
    if not voting:
        return Verdict()
    if len(voting) == 1:
        only = voting[0].reading
        return Verdict(only.text, only.confidence, only.char_confidence, only.confidence, slots=_slots(only, alphabet))
    length, share = _winning_length(voting)
    chosen = [b for b in voting if len(b.reading.text) == length]
    slots = _fuse(chosen, alphabet)
    best = slots.argmax(1)
    sure = slots.max(1)
    text, used = _decode(best, alphabet)
    if not text:
        return Verdict()
    ends = sure[used : used + 1].prod()  # that the text ends there is a claim too
    settled = float(sure[:used].prod() * ends * share)
    confidence = settled * _agreement(voting, text) ** _AGREEMENT
    return Verdict(text, confidence, tuple(float(p) for p in sure[:used]), settled, slots=slots)


def alternatives(verdict: Verdict, alphabet: AlphabetLike) -> tuple[tuple[str, float], ...]:
    """The text that the verdict stands instead of and the likeliest with one character of the verdict's changed, each
    with its probability beside the verdict's confidence, most probable first."""
    slots, confidence = verdict.slots, verdict.confidence
    if slots is None:
        return ()
    best = slots.argmax(1)
    found: list[tuple[float, int, int]] = []
    for k in range(min(len(verdict.text), len(slots))):
        second = slots[k].copy()
        second[[int(best[k]), alphabet.eos]] = 0
        other = int(second.argmax())
        found.append((float(second[other] / max(float(slots[k, int(best[k])]), _FLOOR)), k, other))
    out = {} if verdict.instead_of is None else dict([verdict.instead_of])
    for ratio, k, other in sorted(found, reverse=True)[:_ALTERNATIVES]:
        classes = np.array(best)
        classes[k] = other
        text, _ = _decode(classes, alphabet)
        if text:
            out.setdefault(text, confidence * ratio)
    likely = sorted(((p, text) for text, p in out.items() if p >= _UNLIKELY), reverse=True)
    return tuple((text, p) for p, text in likely[:_ALTERNATIVES])


def _winning_length(ballots: Sequence[Ballot]) -> tuple[int, float]:
    """The text length with most weight (a tie: the longer) and its share, sharpened by the discounted count."""
    weight: dict[int, float] = {}
    for ballot in ballots:
        length = len(ballot.reading.text)
        weight[length] = weight.get(length, 0.0) + ballot.weight
    power = _effective(np.array([b.weight for b in ballots]))
    sharpened = {length: (w / sum(weight.values())) ** power for length, w in weight.items()}
    winner = max(weight, key=lambda n: (weight[n], n))
    return winner, sharpened[winner] / sum(sharpened.values())


def _effective(weights: FloatArray) -> float:
    """How many independent readings these are worth: the effective number (n for equal weights, 1 where one dominates)
    to the power of `_INDEPENDENT`."""
    return float((weights.sum() ** 2 / (weights**2).sum()) ** _INDEPENDENT)


def _agreement(ballots: Sequence[Ballot], text: str) -> float:
    """The share of characters, by weight, that the readings have in common with the text, place by place."""
    weights = np.array([b.weight for b in ballots])
    same = [sum(map(str.__eq__, b.reading.text, text)) / max(len(b.reading.text), len(text)) for b in ballots]
    return float(weights @ same / weights.sum())


def _fuse(ballots: Sequence[Ballot], alphabet: AlphabetLike) -> FloatArray:
    """(S, C) fused distribution of every slot."""
    weights = np.array([b.weight for b in ballots])
    logs = np.stack([np.log(np.maximum(_slots(b.reading, alphabet), _FLOOR)) for b in ballots])
    mean = np.tensordot(weights / weights.sum(), logs, axes=1) * _effective(weights)
    odds = np.exp(mean - mean.max(1, keepdims=True))
    return np.asarray(odds / odds.sum(1, keepdims=True))


def _slots(reading: Reading, alphabet: AlphabetLike) -> FloatArray:
    """(S, C) distributions of a reading; from its text and character confidences where it carries none."""
    if reading.slot_probs is not None:
        return np.asarray(reading.slot_probs, np.float64)
    wanted = [alphabet.symbols.index(c) if c in alphabet.symbols else alphabet.unreadable for c in reading.text]
    sure = [*reading.char_confidence, reading.confidence]
    slots = np.empty((len(wanted) + 1, alphabet.size))
    for slot, (index, p) in enumerate(zip([*wanted, alphabet.eos], sure, strict=True)):
        slots[slot] = (1 - p) / (alphabet.size - 1)
        slots[slot, index] = p
    return slots


def _decode(best: FloatArray, alphabet: AlphabetLike) -> tuple[str, int]:
    """The text before the first end mark, and how many slots it took; no text where no character is readable."""
    text = ""
    for index in best:
        if index == alphabet.eos:
            break
        text += "?" if index == alphabet.unreadable else alphabet.symbols[int(index)]
    return (text if text.strip("?") else ""), len(text)
