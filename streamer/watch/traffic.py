"""The traffic that a list is compared with, and the threshold that keeps false alerts within a budget.

A plate on a list that is drawn from the traffic's own plates raises a false alert at a passage where its score reaches
the threshold though the passage is of another vehicle. Its places are independent in the background, so the
probability of that is a convolution over the places, exactly, for each passage seen; their mean times the passages of a
week and the plates on the list are the false alerts to expect.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import accumulate

import numpy as np

from streamer.types import FloatArray, Passage
from streamer.watch.background import Background, crowding
from streamer.watch.evidence import Evidence, Symbols, evidence_of

WEEK_S = 7 * 24 * 3600.0
PER_WEEK = 10_000.0  # passages, where no traffic is given
# By how many nats a character too many or too few in the reading speaks against a plate.
LENGTH_ERROR = -math.log(1e-3)
# A plate that is less likely than what was read by more than this (nats) is no match, however rare its like.
MOST_LOST = -math.log(1e-4)
# A text of this confidence that is a plate's on the list is reported whatever its score.
SURE = 0.5
_STEP, _RANGE = 0.2, 40.0  # nats: of the thresholds that are compared
_BINS = round(_RANGE / _STEP)
_MOST = 2000  # passages that a tail is measured on


@dataclass(frozen=True)
class Traffic:
    """`per_week`: passages; `tail`: by threshold in steps of `step`, how probably one plate of a list raises a false
    alert at one passage (none: known only to be at most e^-threshold); `passages`: that it was fitted to."""

    per_week: float = PER_WEEK
    background: Background = field(default_factory=Background)
    tail: tuple[float, ...] = ()
    step: float = _STEP
    passages: int = 0

    def expected(self, threshold: float, plates: int) -> float:
        """False alerts a week with a list of so many plates."""
        return self.per_week * plates * self._at(threshold)

    def threshold(self, plates: int, per_week: float) -> float:
        """The least score at which no more false alerts a week than `per_week` are to be expected."""
        allowed = per_week / max(self.per_week * max(plates, 1), 1e-9)
        if not self.tail:
            return max(-math.log(allowed), 0.0)
        return next((k * self.step for k, p in enumerate(self.tail) if p <= allowed), math.inf)

    def _at(self, threshold: float) -> float:
        if not self.tail:
            return math.exp(-max(threshold, 0.0))
        at = math.ceil(max(threshold, 0.0) / self.step - 1e-9) if math.isfinite(threshold) else len(self.tail)
        return self.tail[min(at, len(self.tail) - 1)]


def fit(passages: Sequence[Passage], per_week: float) -> Traffic:
    """The traffic that these passages are a sample of."""
    texts = [passage.plate for passage in passages]
    background = Background.of(texts)
    symbols = Symbols({symbol for text in texts for symbol in text})
    chosen = passages[:: math.ceil(len(passages) / _MOST)] if passages else ()
    total = np.zeros(_BINS + 1)
    for passage in chosen:
        total += false_alerts(evidence_of(passage, symbols, background), background)
    tail = np.minimum(total / max(len(chosen), 1) * crowding(texts), 1.0)
    return Traffic(per_week, background, tuple(float(p) for p in tail), _STEP, len(passages))


def false_alerts(evidence: Evidence, background: Background) -> FloatArray:
    """(B + 1,) for each threshold, how probably a plate of the background raises a false alert at this passage."""
    length = len(evidence.text)
    if not length:
        return np.zeros(_BINS + 1)
    usual = evidence.usual / np.maximum(evidence.usual.sum(1, keepdims=True), 1.0)
    best = evidence.gain.max(1)
    top = float(best.sum())
    lost = np.minimum(((best[:, None] - evidence.gain) / _STEP).astype(int), _BINS)  # rounded towards alerts
    others = _losses(usual, lost)
    # The plate that the passage is of raises no false alert: weighed by the probability that it is another's.
    own = _losses(usual * evidence.likely, lost)
    sure = min(evidence.confidence / float(evidence.likely.max(1).prod()), 1.0)  # the row's is calibrated
    share = background.of_length(length)
    alike = _convolved(others) - sure * _convolved(own)
    out = share * _above(_plausible(np.maximum(alike, 0.0)), top)
    missing = (length + 1) * background.of_length(length + 1) * _convolved(others)
    out += _above(_plausible(missing, LENGTH_ERROR), top - LENGTH_ERROR)
    before, behind = _running(others), _running(others[::-1])[::-1]
    fewer = background.of_length(length - 1)
    for k in range(length):
        rest = fewer * _convolved([before[k], behind[k + 1]])
        out += _above(_plausible(rest, LENGTH_ERROR), top - float(best[k]) - LENGTH_ERROR)
    if evidence.confidence >= SURE and "?" not in evidence.text:
        itself = float(usual[np.arange(length), evidence.likely.argmax(1)].prod())
        out = np.maximum(out, share * itself * (1 - evidence.confidence))
    return np.asarray(out)


def _losses(weights: FloatArray, lost: np.ndarray) -> list[FloatArray]:
    """By place, the weight of the symbols that lose so many steps against the best."""
    counted = (np.bincount(lost[k], weights[k], _BINS + 1) for k in range(len(weights)))
    return [np.asarray(one[:_BINS], np.float64) for one in counted]


def _convolved(places: Sequence[FloatArray]) -> FloatArray:
    return _running(places)[-1]


def _running(places: Sequence[FloatArray]) -> list[FloatArray]:
    """The losses of the first 0, 1, ... all places together."""
    nothing: FloatArray = np.eye(1, _BINS)[0]
    return list(accumulate(places, lambda a, b: np.convolve(a, b)[:_BINS], initial=nothing))


def _plausible(mass: FloatArray, lost: float = 0.0) -> FloatArray:
    """Without what loses so much against what was read that it is no match; `lost`: from the start."""
    kept = mass.copy()
    kept[math.floor((MOST_LOST - lost) / _STEP) + 1 :] = 0.0
    return kept


def _above(mass: FloatArray, top: float) -> FloatArray:
    """By threshold, the mass of the losses with which a score that begins at `top` reaches it."""
    reached = np.cumsum(mass)
    left = np.floor((top - _STEP * np.arange(_BINS + 1)) / _STEP + 1e-9).astype(int)
    return np.where(left >= 0, reached[np.clip(left, 0, _BINS - 1)], 0.0)
