"""The vote of a track: slot distributions fused over its readings, with a discount for similar frames."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Protocol

import numpy as np
import numpy.typing as npt

from streamer.plates.texts import cut_from
from streamer.types import FloatArray, Reading

IntArray = npt.NDArray[np.intp]

# Least probability of a character in a reading, so that no single reading can veto one.
_FLOOR = 1e-6
# Errors are correlated over the frames of a passage, so many of them prove little, and readings that differ show that
# the plate is hard to read. Both powers were fitted to passages of synthetic clips in bad light, and checked on others.
_INDEPENDENT = 0.25
_AGREEMENT = 2.0
_ALTERNATIVES, _UNLIKELY = 3, 0.001  # how many are listed, and their least probability
_CUT = 0.1  # weight of a reading whose plate the picture's edge may have cut
CUT_TEXT = 0.6  # probability that the text of such readings alone is complete
_WHOLE = 0.5  # confidence of a reading of the whole plate from which those of a cut one are left out
# Boxes that differ by no more than this share of their height are one look: the plate did not move.
_SAME_PLACE = 0.1
_LOOKS = 3  # the text is no more confident than this many of the best looks make it
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
    """One reading and the height of its plate in px; `whole`: the plate did not touch the picture's edge; `box`: where
    it was, None where that is not known."""

    reading: Reading
    plate_height: float
    whole: bool = True
    box: tuple[float, float, float, float] | None = None

    @cached_property
    def weight(self) -> float:
        """Confident readings of large plates count most; one cut by the picture's edge may lack characters."""
        weight = max(self.reading.confidence, 1e-3) * min(max(self.plate_height, 1.0) / _FULL_HEIGHT_PX, 1.0)
        return weight if self.whole else weight * _CUT

    @cached_property
    def logs(self) -> FloatArray | None:
        """(S, C) log-probabilities, where the reading has distributions: every vote of the track needs them."""
        slots = self.reading.slot_probs
        return None if slots is None else _logs(np.asarray(slots, np.float64))


@dataclass(frozen=True)
class Verdict:
    """The outcome of a vote: `text` ("" where nothing could be read), `confidence` 0-1, and one for each character.
    `settled`: how unlikely another reading would change the text; higher than the probability that it is right.
    `instead_of`: the text, with its probability, that won before the country's formats were applied.
    `cut`: the edge of the picture may hide a part of it; `foreign`: it has no format of the expected countries.
    `slots` (S, C): the fused distributions, where there are any."""

    text: str = ""
    confidence: float = 0.0
    char_confidence: tuple[float, ...] = ()
    settled: float = 0.0
    instead_of: tuple[str, float] | None = None
    cut: bool = False
    foreign: bool = False
    slots: FloatArray | None = field(default=None, repr=False, compare=False)


VoteRule = Callable[[Sequence[Ballot], AlphabetLike], Verdict]


def vote(ballots: Sequence[Ballot], alphabet: AlphabetLike) -> Verdict:
    """The fused text of a track's readings.

    Readings without a text do not vote, nor do those of a plate cut by the picture's edge where it was read whole. The
    length with most weight wins; in it, log-probabilities are averaged by weight and raised to the fourth root of the
    effective number of looks: frames of one passage are similar, and those of a plate that does not move are one look.
    The confidence is the product over slots, times the winning length's share of all weight, discounted the same way,
    times the readings' agreement with the text, and no more than the best looks allow. A single reading is returned
    unchanged.
    """
    voting = _whole_ones([b for b in ballots if b.reading.text])
    if not voting:
        return Verdict()
    cut = not any(b.whole for b in voting)
    trust = CUT_TEXT if cut else 1.0
    if len(voting) == 1:
        only = voting[0].reading
        confidence = only.confidence * trust
        return Verdict(only.text, confidence, only.char_confidence, confidence, cut=cut, slots=_slots(only, alphabet))
    looks = looks_of(voting)
    length, share = _winning_length(voting, looks)
    chosen = [k for k, b in enumerate(voting) if len(b.reading.text) == length]
    slots = _fuse([voting[k] for k in chosen], looks[chosen], alphabet)
    best = slots.argmax(1)
    each = slots.max(1)
    text, used = _decode(best, alphabet)
    if not text:
        return Verdict()
    ends = each[used : used + 1].prod()  # that the text ends there is a prediction too
    settled = float(each[:used].prod() * ends * share)
    agreed = settled * _agreement(voting, text) ** _AGREEMENT
    confidence = min(agreed, _ceiling(voting, looks, best[: used + 1], text, alphabet)) * trust
    return Verdict(text, confidence, tuple(float(p) for p in each[:used]), settled, cut=cut, slots=slots)


def looks_of(ballots: Sequence[Ballot]) -> IntArray:
    """(n,) the look of each ballot: those of a plate in the same place are one."""
    if any(b.box is None for b in ballots):
        return np.arange(len(ballots))
    boxes = np.array([b.box for b in ballots], float)
    reach = _SAME_PLACE * np.maximum(boxes[:, 3] - boxes[:, 1], 1.0)
    out = np.full(len(ballots), -1)
    for k in range(len(ballots)):
        if out[k] < 0:
            same = (np.abs(boxes - boxes[k]).max(1) <= reach[k]) & (out < 0)
            out[same] = k
    return out


def _whole_ones(ballots: Sequence[Ballot]) -> list[Ballot]:
    """Without those of a cut plate where a whole one was read with confidence, or with a text that theirs is part
    of."""
    whole = [b for b in ballots if b.whole]
    if any(b.reading.confidence >= _WHOLE for b in whole):
        return whole
    texts = {b.reading.text for b in whole}
    return [b for b in ballots if b.whole or not any(cut_from(b.reading.text, text) for text in texts)]


def _ceiling(ballots: Sequence[Ballot], looks: IntArray, classes: IntArray, text: str, alphabet: AlphabetLike) -> float:
    """The confidence that the best looks would give the text if independent: many weak readings prove nothing together.
    `classes`: of the text and the end mark behind it."""
    likely: dict[int, float] = {}
    for ballot, look in zip(ballots, looks.tolist(), strict=True):
        if ballot.reading.text == text:
            p = ballot.reading.confidence
        else:
            slots = _slots(ballot.reading, alphabet)
            at = np.arange(min(len(classes), len(slots)))
            p = float(slots[at, classes[at]].prod()) if len(slots) >= len(text) else 0.0
        likely[look] = max(likely.get(look, 0.0), p)
    doubt = 1.0
    for p in sorted(likely.values())[-_LOOKS:]:
        doubt *= 1 - p
    return 1 - doubt


def alternatives(verdict: Verdict, alphabet: AlphabetLike) -> tuple[tuple[str, float], ...]:
    """The text that the verdict replaced (`instead_of`) and the likeliest with one character of the verdict's changed,
    each with its probability beside the verdict's confidence, most probable first."""
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


def _winning_length(ballots: Sequence[Ballot], looks: IntArray) -> tuple[int, float]:
    """The text length with most weight (a tie: the longer) and its share, sharpened by the discounted count."""
    weight: dict[int, float] = {}
    for ballot in ballots:
        length = len(ballot.reading.text)
        weight[length] = weight.get(length, 0.0) + ballot.weight
    power = _effective(np.array([b.weight for b in ballots]), looks)
    sharpened = {length: (w / sum(weight.values())) ** power for length, w in weight.items()}
    winner = max(weight, key=lambda n: (weight[n], n))
    return winner, sharpened[winner] / sum(sharpened.values())


def _effective(weights: FloatArray, looks: IntArray) -> float:
    """The number of independent readings that these are equivalent to: the effective number of looks (n for equal
    weights, 1 where one dominates) to the power of `_INDEPENDENT`."""
    if len(set(looks.tolist())) < len(looks):
        weights = np.array([weights[looks == look].max() for look in sorted(set(looks.tolist()))])
    return float((weights.sum() ** 2 / (weights**2).sum()) ** _INDEPENDENT)


def _agreement(ballots: Sequence[Ballot], text: str) -> float:
    """The share of characters, by weight, that the readings have in common with the text, place by place."""
    weights = np.array([b.weight for b in ballots])
    same = [sum(map(str.__eq__, b.reading.text, text)) / max(len(b.reading.text), len(text)) for b in ballots]
    return float(weights @ same / weights.sum())


def _fuse(ballots: Sequence[Ballot], looks: IntArray, alphabet: AlphabetLike) -> FloatArray:
    """(S, C) fused distribution of every slot."""
    weights = np.array([b.weight for b in ballots])
    logs = np.stack([_logs(_slots(b.reading, alphabet)) if b.logs is None else b.logs for b in ballots])
    mean = np.tensordot(weights / weights.sum(), logs, axes=1) * _effective(weights, looks)
    odds = np.exp(mean - mean.max(1, keepdims=True))
    return np.asarray(odds / odds.sum(1, keepdims=True))


def _logs(slots: FloatArray) -> FloatArray:
    logs: FloatArray = np.log(np.maximum(slots, _FLOOR))
    return logs


def _slots(reading: Reading, alphabet: AlphabetLike) -> FloatArray:
    """(S, C) distributions of a reading; made from its text and character confidences where it has none."""
    if reading.slot_probs is not None:
        return np.asarray(reading.slot_probs, np.float64)
    wanted = [alphabet.symbols.index(c) if c in alphabet.symbols else alphabet.unreadable for c in reading.text]
    confidences = [*reading.char_confidence, reading.confidence]
    slots = np.empty((len(wanted) + 1, alphabet.size))
    for slot, (index, p) in enumerate(zip([*wanted, alphabet.eos], confidences, strict=True)):
        slots[slot] = (1 - p) / (alphabet.size - 1)
        slots[slot, index] = p
    return slots


def _decode(best: IntArray, alphabet: AlphabetLike) -> tuple[str, int]:
    """The text before the first end mark, and how many slots it took; no text where no character is readable."""
    text = ""
    for index in best:
        if index == alphabet.eos:
            break
        text += "?" if index == alphabet.unreadable else alphabet.symbols[int(index)]
    return (text if text.strip("?") else ""), len(text)
