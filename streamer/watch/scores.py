"""By how many nats each plate of a list is likelier than the background to have been read as a passage was."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from streamer.types import FloatArray
from streamer.watch.evidence import Evidence, Symbols
from streamer.watch.traffic import LENGTH_ERROR

_Codes = npt.NDArray[np.intp]


class Scores:
    """The scores of these plates (texts), all at once."""

    def __init__(self, texts: Sequence[str], symbols: Symbols) -> None:
        by_length: dict[int, list[int]] = defaultdict(list)
        for k, text in enumerate(texts):
            by_length[len(text)].append(k)
        self._count = len(texts)
        self._groups: dict[int, tuple[_Codes, _Codes]] = {
            length: (np.array(rows), np.array([symbols.codes(texts[k]) for k in rows], np.intp).reshape(-1, length))
            for length, rows in by_length.items()
        }

    def of(self, evidence: Evidence) -> tuple[FloatArray, FloatArray]:
        """(m,) one score for each plate, and by how many nats it is less likely than the likeliest text of as many
        places; -inf and inf where its length is another by more than one."""
        scores, losses = np.full(self._count, -np.inf), np.full(self._count, np.inf)
        length = len(evidence.text)
        for wanted, score in ((length, _same), (length - 1, _fewer), (length + 1, _more)):
            if wanted in self._groups and length:
                rows, codes = self._groups[wanted]
                scores[rows], losses[rows] = score(evidence.gain, codes)
        return scores, losses


def _same(gain: FloatArray, codes: _Codes) -> tuple[FloatArray, FloatArray]:
    scores = gain[np.arange(len(gain)), codes].sum(1)
    return scores, gain.max(1).sum() - scores


def _fewer(gain: FloatArray, codes: _Codes) -> tuple[FloatArray, FloatArray]:
    """The reading has a character too many, at the place where leaving it out explains it best."""
    places, best = np.arange(codes.shape[1]), gain.max(1)
    before = _sums(gain[places, codes])
    behind = _sums(gain[places + 1, codes][:, ::-1])[:, ::-1]
    every = before + behind - LENGTH_ERROR
    return every.max(1), (best.sum() - best - every).min(1)


def _more(gain: FloatArray, codes: _Codes) -> tuple[FloatArray, FloatArray]:
    """The reading lacks a character of the plate."""
    places = np.arange(len(gain))
    before = _sums(gain[places, codes[:, :-1]])
    behind = _sums(gain[places, codes[:, 1:]][:, ::-1])[:, ::-1]
    scores = (before + behind).max(1) - LENGTH_ERROR
    return scores, gain.max(1).sum() - scores


def _sums(values: FloatArray) -> FloatArray:
    """(m, n + 1) sums of the first 0 to n columns."""
    return np.concatenate([np.zeros((len(values), 1)), np.cumsum(values, axis=1)], axis=1)
