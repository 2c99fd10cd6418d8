"""Motion of one plate: constant velocity of centre and size, by filterpy."""

from __future__ import annotations

from functools import cache, lru_cache
from typing import Any

import numpy as np

from streamer.process.imports import load_tracker
from streamer.types import FloatArray

# All spreads are in plate heights (per second), so that one set fits near and far plates.
_MEASURED = 0.08  # of centre and size
_SPEED_AT_BIRTH = 8.0  # a plate that crosses a telephoto picture moves 10-20 heights a second
_ACCELERATION = 12.0  # noise: braking cars, shaking hands
_SIZE_ACCELERATION = 3.0
_FOUR = np.eye(4)


@cache
def kalman_filter() -> Any:
    """The class `filterpy.kalman.KalmanFilter`."""
    load_tracker()
    from filterpy.kalman import KalmanFilter

    return KalmanFilter


class PlateMotion:
    """Kalman filter over (cx, cy, w, h) and their velocities, in frame_xy pixels and seconds.

    Time is a parameter: `predict` takes the time since the last step, so that dropped frames and variable frame rates
    need no special case.
    """

    def __init__(self, box_xyxy: FloatArray) -> None:
        self._filter: Any = kalman_filter()(dim_x=8, dim_z=4)
        measured = _centre_size(box_xyxy)
        height = max(measured[3], 1.0)
        self._filter.x = np.concatenate([measured, np.zeros(4)]).reshape(8, 1)
        self._filter.H = np.eye(4, 8)
        self._filter.inv = _of_diagonal
        self._filter.P = np.diag(
            np.concatenate(
                [np.full(4, _MEASURED * height), np.full(2, _SPEED_AT_BIRTH * height), np.full(2, 2 * height)]
            )
            ** 2
        )

    @property
    def box_xyxy(self) -> FloatArray:
        """The filter's current box (4,)."""
        return _box(*self._filter.x[:4, 0].tolist())

    def predict(self, dt: float) -> FloatArray:
        """Advances the state by `dt` seconds (not at all for 0 and less) and returns the expected box (4,)."""
        if dt > 0:
            self._filter.predict(F=_motion(dt), Q=self._process_noise(dt))
        return self.box_xyxy

    def at(self, dt: float) -> FloatArray:
        """The expected box (4,) `dt` seconds later; changes nothing."""
        cx, cy, w, h, vx, vy, vw, vh = self._filter.x[:, 0].tolist()
        dt = max(dt, 0.0)
        return _box(cx + dt * vx, cy + dt * vy, w + dt * vw, h + dt * vh)

    def update(self, box_xyxy: FloatArray) -> None:
        """Corrects the state by a measured box (4,)."""
        measured = _centre_size(box_xyxy)
        self._filter.update(measured.reshape(4, 1), R=_FOUR * (_MEASURED * max(measured[3], 1.0)) ** 2)

    def _process_noise(self, dt: float) -> FloatArray:
        """White noise in acceleration, integrated over `dt`."""
        height = max(float(self._filter.x[3, 0]), 1.0)
        result: FloatArray = _noise(dt) * height**2
        return result


def _of_diagonal(matrix: FloatArray) -> FloatArray:
    """The inverse of a diagonal matrix, as the measurement's covariance is: centre and size do not depend on one
    another."""
    return np.diag(1.0 / matrix.diagonal())


@lru_cache(256)
def _motion(dt: float) -> FloatArray:
    """(8, 8) transition matrix over `dt` seconds."""
    motion = np.eye(8)
    motion[:4, 4:] = _FOUR * dt
    return motion


@lru_cache(256)
def _noise(dt: float) -> FloatArray:
    """(8, 8) process noise over `dt` seconds for a plate of height 1."""
    power = np.diag(np.array([_ACCELERATION, _ACCELERATION, _SIZE_ACCELERATION, _SIZE_ACCELERATION]) ** 2)
    return np.block([[power * dt**4 / 4, power * dt**3 / 2], [power * dt**3 / 2, power * dt**2]])


def _box(cx: float, cy: float, w: float, h: float) -> FloatArray:
    w, h = max(w, 1.0), max(h, 1.0)
    return np.array([cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2])


def _centre_size(box_xyxy: FloatArray) -> FloatArray:
    x1, y1, x2, y2 = box_xyxy.tolist()
    return np.array([(x1 + x2) / 2, (y1 + y2) / 2, x2 - x1, y2 - y1])
