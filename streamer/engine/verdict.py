"""What the reader says of a find: letters, or that nothing legible is there.

The reader is taught an empty text for what is no plate, and knows letters better than the detector does. It may also
see nothing on a plate that is too small or blurred to be read, so its word alone does not take a find away: only the
share `SWAY` of the detector's score.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from streamer.types import FloatArray, Plates, Reading

# Chosen on held-out training pictures among 0, 0.5, 1 by the average precision: 0.988, 0.994, 0.989.
SWAY = 0.5


def nothing_there(reading: Reading, end: int) -> float:
    """The probability that no character is there: of `end`, the class for the end of a text, at the first place."""
    return 0.0 if reading.slot_probs is None else float(reading.slot_probs[0, end])


def heard(
    plates: Plates, cuts: Sequence[Sequence[Reading]], end: int, min_score: float
) -> tuple[Plates, npt.NDArray[np.intp]]:
    """The plates with their scores after the reader's word, those of `min_score` and more, best first; and the rows
    they had. `cuts`: each plate's readings; `end`: the class for the end of a text."""
    nothing = np.array([np.mean([nothing_there(one, end) for one in readings]) for readings in cuts])
    score: FloatArray = plates.score * (1 - SWAY * nothing)
    rows = np.argsort(-score, kind="stable")
    rows = rows[score[rows] >= min_score]
    kept = plates[rows]
    return Plates(kept.box_xyxy, score[rows], kept.quad, kept.quad_is_box), rows
