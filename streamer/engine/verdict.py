"""What the reader says of a find: letters, or that nothing legible is there.

The reader is taught an empty text for what is no plate, and knows letters better than the detector does. It may also
see nothing on a plate that is too small or blurred to be read: so its word alone does not take a find away, only the
share `SWAY` of the detector's score, and less of what is small. A find that is large enough to be read, and of which
every cut says something else, loses up to the share `DOUBT`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from streamer.geometry import plate_height
from streamer.types import FloatArray, Plates, Reading

# Chosen on held-out training pictures by the mean average precision of their sets: 0.988 without, 0.989 with 1 in place
# of 0.5, 0.994 with this; 442 of 448 plates in place of 443 stay above the threshold, and 5 false ones of 12 in
# plate-free pictures.
SWAY = 0.5
_DEAF_PX, _ALL_EARS_PX = 6.0, 14.0  # heights of a plate between which its word comes to count
# Chosen there too: all 443 plates stay above the threshold, 6 and 4 false ones in scenes and in plate-free pictures in
# place of 8 and 5.
DOUBT = 0.2
_BLURRED_PX, _CLEAR_PX = 10.0, 24.0  # heights between which a plate comes to be legible
_STEEP = 4  # only what is hardly legible is doubted


def nothing_there(reading: Reading, end: int) -> float:
    """The probability that no character is there: of `end`, the class for the end of a text, at the first place."""
    return 0.0 if reading.slot_probs is None else float(reading.slot_probs[0, end])


def heard(
    plates: Plates, cuts: Sequence[Sequence[Reading]], readings: Sequence[Reading], end: int, min_score: float
) -> tuple[Plates, npt.NDArray[np.intp]]:
    """The plates with their scores after the reader's word, those of `min_score` and more, best first; and the rows
    they had. `cuts`: each plate's readings; `readings`: what they say together; `end`: the class for the end of a
    text."""
    height = plate_height(plates.quad)
    nothing = np.array([np.mean([nothing_there(one, end) for one in several]) for several in cuts])
    unsure = np.array([1 - one.confidence for one in readings]) ** _STEEP
    counts = ((height - _DEAF_PX) / (_ALL_EARS_PX - _DEAF_PX)).clip(0, 1)
    clear = ((height - _BLURRED_PX) / (_CLEAR_PX - _BLURRED_PX)).clip(0, 1)
    score: FloatArray = plates.score * (1 - SWAY * counts * nothing) * (1 - DOUBT * clear * unsure)
    rows = np.argsort(-score, kind="stable")
    rows = rows[score[rows] >= min_score]
    return replace(plates[rows], score=score[rows]), rows
