"""What the reader's columns say: CTC's best path and the likelihood of a text (Graves et al. 2006), in NumPy.

Character queries read every place of a text at once and may lose count of characters that look alike; columns are tied
to places in the picture and keep the order, but see less of the whole. Where both say the same, it is nearly always
right; where they differ, the text that both find likelier together is taken.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from streamer.types import F32Array, FloatArray

_LEAST = 1e-12


def best_path(columns: F32Array, end: int) -> tuple[list[int], list[int]]:
    """The classes along the best path of (T, C + 1) probabilities, blank last, and the column where each is surest.

    Repeats are one character; `end`, the queries' class for the end of a text, is read as a blank.
    """
    blank = columns.shape[1] - 1
    best, sure = columns.argmax(-1).tolist(), columns.max(-1).tolist()
    classes: list[int] = []
    where: list[int] = []
    before = blank
    for t, k in enumerate(best):
        if k not in (blank, end):
            if k != before:
                classes.append(k)
                where.append(t)
            elif sure[t] > sure[where[-1]]:
                where[-1] = t
        before = k
    return classes, where


def likelihood(columns: F32Array, classes: Sequence[int]) -> float:
    """The probability of a text over all its alignments with (T, C + 1) probabilities, blank last: the forward
    algorithm. 0.0 for one that does not fit."""
    blank = columns.shape[1] - 1
    states = np.full(2 * len(classes) + 1, blank)
    states[1::2] = classes
    n = len(states)
    follows = np.eye(n) + np.eye(n, k=1)  # whether state j may come after state i
    # A character may follow another at once where they differ; equal ones need a blank between them.
    at = np.arange(1, n - 2, 2)
    follows[at, at + 2] = states[at + 2] != states[at]
    emitted = columns[:, states].astype(np.float64)
    alpha = np.zeros(n)
    alpha[:2] = emitted[0, :2]
    for row in emitted[1:]:
        alpha = (alpha @ follows) * row
    return float(alpha[-2:].sum())


def spelled(columns: F32Array, where: Sequence[int], slots: int, end: int) -> F32Array:
    """Distributions (slots, C) like those of the queries for the characters in these columns, then the end."""
    found = np.zeros((slots, columns.shape[1] - 1), np.float32)
    found[:, end] = 1.0
    for slot, t in enumerate(where[:slots]):
        row = columns[t, :-1]
        found[slot] = row / max(float(row.sum()), _LEAST)
    return found


def places_likelihood(slot_probs: F32Array | FloatArray, classes: Sequence[int], end: int) -> float:
    """The probability of a text by (S, C) distributions of its places, its end included where there is room for it."""
    told = [*classes, end][: len(slot_probs)]
    if len(classes) > len(slot_probs):
        return 0.0
    return float(np.prod([float(slot_probs[i, k]) for i, k in enumerate(told)]))
