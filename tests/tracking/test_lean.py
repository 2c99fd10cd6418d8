"""filterpy's Kalman filter alone, in processes of their own: what is imported here stays imported."""

from __future__ import annotations

import subprocess
import sys

import pytest

STEPS = """
import numpy as np
def steps(KalmanFilter):
    f = KalmanFilter(dim_x=2, dim_z=1)
    f.F, f.H = np.array([[1, 0.5], [0, 1]]), np.array([[1.0, 0]])
    for z in (1, 2.5, 2.75, 4):
        f.predict()
        f.update(z)
    return f.x.ravel().tolist() + f.P.ravel().tolist()
"""
ALONE = """
import sys
from streamer.tracking.lean import kalman_filter
lean = kalman_filter()
assert "scipy.stats" not in sys.modules and "filterpy" not in sys.modules
from filterpy.kalman import ExtendedKalmanFilter, KalmanFilter  # all of it is still to be had
import filterpy.stats
assert filterpy.stats.logpdf(0.0) < 0
assert lean is not KalmanFilter
assert steps(lean) == steps(KalmanFilter)
"""
LATER = """
from filterpy.kalman import KalmanFilter
from streamer.tracking.lean import kalman_filter
assert kalman_filter() is KalmanFilter
"""
OTHERWISE_BUILT = """
import importlib
import streamer.tracking.lean as lean
plain = importlib.import_module
def without(name, *args):
    if name == "filterpy.common.helpers": raise ImportError(name)
    return plain(name, *args)
importlib.import_module = without
found = lean.kalman_filter()
importlib.import_module = plain
from filterpy.kalman import KalmanFilter
assert found is KalmanFilter
"""


@pytest.mark.parametrize("script", [ALONE, LATER, OTHERWISE_BUILT])
def test_the_filter_alone(script: str) -> None:
    done = subprocess.run([sys.executable, "-c", STEPS + script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
