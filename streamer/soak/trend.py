"""Linear regression of samples over time, with confidence bounds."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from streamer.types import FloatArray

_BLOCKS = 40  # means of blocks that are fitted: neighbouring samples are correlated
_LEAST = 8


@dataclass(frozen=True)
class Trend:
    """The slope per hour, and its lower and upper 95 % bounds (one-sided each)."""

    slope: float
    low: float
    high: float


def trend(at_s: FloatArray, values: FloatArray) -> Trend | None:
    """The trend of samples (n,) in order; None for too few. Least squares through the means of blocks; where these are
    autocorrelated (lag 1), the error is widened by their effective number."""
    from scipy.stats import t as student

    if len(at_s) < _LEAST:
        return None
    at, mean = _means(np.asarray(at_s, float) / 3600, np.asarray(values, float))
    centred = at - at.mean()
    slope = float(centred @ mean / (centred @ centred))
    residual = mean - mean.mean() - slope * centred
    correlation = float(residual[:-1] @ residual[1:] / (residual @ residual)) if residual @ residual > 1e-18 else 0.0
    correlation = min(max(correlation, 0.0), 0.9)
    count = max(3.0, len(mean) * (1 - correlation) / (1 + correlation))
    variance = float(residual @ residual) / (len(mean) - 2) / float(centred @ centred)
    error = student.ppf(0.95, count - 2) * np.sqrt(variance * len(mean) / count)
    return Trend(slope, slope - float(error), slope + float(error))


def _means(at: FloatArray, values: FloatArray) -> tuple[FloatArray, FloatArray]:
    count = min(_BLOCKS, len(at) // 2)
    parts = [part for part in np.array_split(np.arange(len(at)), count) if len(part)]
    return np.array([at[p].mean() for p in parts]), np.array([values[p].mean() for p in parts])
