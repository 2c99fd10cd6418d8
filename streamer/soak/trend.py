"""A straight line through samples of a process, and how sure its slope is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from streamer.types import FloatArray

_BLOCKS = 40  # means that the line is laid through: neighbouring samples tell much the same
_LEAST = 8


@dataclass(frozen=True)
class Trend:
    """A slope an hour, and the bounds that hold it with 95 % each."""

    slope: float
    low: float
    high: float


def trend(at_s: FloatArray, values: FloatArray) -> Trend | None:
    """Of samples (n,) in order; None of too few. Least squares through the means of equal stretches of time; where
    neighbouring means still go together (lag 1), the error is widened as if they were fewer."""
    from scipy.stats import t as student

    if len(at_s) < _LEAST:
        return None
    at, mean = _means(np.asarray(at_s, float) / 3600, np.asarray(values, float))
    centred = at - at.mean()
    slope = float(centred @ mean / (centred @ centred))
    left = mean - mean.mean() - slope * centred
    together = float(left[:-1] @ left[1:] / (left @ left)) if left @ left > 1e-18 else 0.0
    together = min(max(together, 0.0), 0.9)
    count = max(3.0, len(mean) * (1 - together) / (1 + together))
    variance = float(left @ left) / (len(mean) - 2) / float(centred @ centred)
    error = student.ppf(0.95, count - 2) * np.sqrt(variance * len(mean) / count)
    return Trend(slope, slope - float(error), slope + float(error))


def _means(at: FloatArray, values: FloatArray) -> tuple[FloatArray, FloatArray]:
    count = min(_BLOCKS, len(at) // 2)
    parts = [part for part in np.array_split(np.arange(len(at)), count) if len(part)]
    return np.array([at[p].mean() for p in parts]), np.array([values[p].mean() for p in parts])
