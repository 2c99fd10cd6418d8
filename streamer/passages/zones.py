"""Zones that are read and zones that are ignored: polygons in shares of the picture's width and height."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from streamer.config.models import ZoneConfig
from streamer.types import FloatArray, Plates

BoolArray = npt.NDArray[np.bool_]


def inside(points: FloatArray, polygon: FloatArray) -> BoolArray:
    """Whether points (n, 2) lie in a polygon (m, 2), by the even-odd rule: (n,) bool."""
    x, y = points[:, None, 0], points[:, None, 1]
    x1, y1 = polygon[:, 0], polygon[:, 1]
    x2, y2 = np.roll(polygon, -1, 0).T
    spans = (y1 > y) != (y2 > y)
    with np.errstate(divide="ignore", invalid="ignore"):
        left = x < (x2 - x1) * (y - y1) / (y2 - y1) + x1
    result: BoolArray = (spans & left).sum(1) % 2 == 1
    return result


class Zones:
    """The zones of one camera. A plate is in a zone where its centre is."""

    def __init__(self, zones: Mapping[str, ZoneConfig]) -> None:
        def polygons(use: str) -> dict[str, FloatArray]:
            return {name: np.array(zone.polygon, float) for name, zone in zones.items() if zone.use == use}

        self._read, self._ignored = polygons("read"), polygons("ignore")

    def kept(self, plates: Plates, width: int, height: int) -> Plates:
        """The plates in a zone to read (anywhere, where none is set) and in none to ignore."""
        if not len(plates) or not (self._read or self._ignored):
            return plates
        centres = _centres(plates.box_xyxy, width, height)
        keep = np.ones(len(plates), bool)
        if self._read:
            keep = np.any([inside(centres, polygon) for polygon in self._read.values()], axis=0)
        for polygon in self._ignored.values():
            keep &= ~inside(centres, polygon)
        return plates[keep]

    def name_at(self, box_xyxy: FloatArray, width: int, height: int) -> str:
        """The first zone to read that a box (4,) lies in, empty where there is none."""
        centre = _centres(box_xyxy.reshape(1, 4), width, height)
        return next((name for name, polygon in self._read.items() if inside(centre, polygon)[0]), "")


def _centres(box_xyxy: FloatArray, width: int, height: int) -> FloatArray:
    """Centres (n, 2) in shares of the picture."""
    centre: FloatArray = (box_xyxy[:, :2] + box_xyxy[:, 2:]) / 2 / np.array([max(width, 1), max(height, 1)], float)
    return centre
