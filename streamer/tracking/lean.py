"""filterpy's Kalman filter without the rest of filterpy: its other filters bring scipy.stats and scipy.ndimage along,
a fifth of a second of each start and 26 MB."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from types import ModuleType
from typing import Any

_PARENTS = ("filterpy", "filterpy.kalman", "filterpy.common", "filterpy.stats")


@cache
def kalman_filter() -> Any:
    """The class `filterpy.kalman.KalmanFilter`, all of it but its log-likelihood."""
    if "filterpy" not in sys.modules:
        try:
            return _alone()
        except (ImportError, AttributeError):  # another version, built otherwise
            pass
    return importlib.import_module("filterpy.kalman").KalmanFilter


def _alone() -> Any:
    with _empty_parents() as parents:
        helpers = importlib.import_module("filterpy.common.helpers")
        common, stats = parents["filterpy.common"], parents["filterpy.stats"]
        common.__dict__.update(pretty_str=helpers.pretty_str, reshape_z=helpers.reshape_z)
        stats.__dict__.update(logpdf=None)
        return importlib.import_module("filterpy.kalman.kalman_filter").KalmanFilter


@contextmanager
def _empty_parents() -> Iterator[dict[str, ModuleType]]:
    """Packages that only say where their modules lie, as long as it takes; who imports filterpy later finds all of
    it."""
    spec = importlib.util.find_spec("filterpy")
    if spec is None or not spec.submodule_search_locations:
        raise ImportError("filterpy is not installed: pip install filterpy")
    folder = spec.submodule_search_locations[0]
    parents = {name: ModuleType(name) for name in _PARENTS}
    for name, module in parents.items():
        module.__path__ = ["/".join([folder, *name.split(".")[1:]])]
    sys.modules.update(parents)
    try:
        yield parents
    finally:
        for name in [n for n in sys.modules if n.split(".")[0] == "filterpy"]:
            del sys.modules[name]
