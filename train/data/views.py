"""How cameras see plates: the parallelograms that a flat plate becomes, drawn from a model or from real ones."""

from __future__ import annotations

import gzip
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from streamer.errors import InputError
from streamer.types import FloatArray
from train.data.ccpd import parse_name

NAMES = "ccpd_names.txt.gz"  # real CCPD file names, one a line; in the folder of assets beside a manifest
PLATE_RATIO = 440 / 140  # of the plates those names are of, in mm


def draw_angle(rng: np.random.Generator) -> float:
    """Roll of a plate in the picture, radians: mostly a few degrees, now and then up to 38 as in CCPD's Tilt part."""
    kind = rng.random()
    degrees = rng.normal(0, 4) if kind < 0.6 else rng.normal(0, 12) if kind < 0.88 else rng.uniform(-38, 38)
    return float(np.deg2rad(degrees))


def draw_view(rng: np.random.Generator) -> FloatArray:
    """A linear map (2, 2) from the plate's plane, x along it and y down, to the picture: roll, side view, slant."""
    angle = draw_angle(rng)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    side = np.array([[1, 0], [rng.normal(0, 0.10), 1]])  # seen from the side: edges along the plate climb or fall
    slant = np.array([[1, rng.normal(0, 0.12)], [0, 1]])
    squeeze = float(np.exp(rng.normal(-0.03, 0.12)))
    view: FloatArray = turn @ side @ slant @ np.diag([squeeze**0.5, squeeze**-0.5])
    return view


class RealViews:
    """The linear maps of real plates, from CCPD's file names; scaled so that the plate keeps its width."""

    def __init__(self, quads: FloatArray) -> None:
        """`quads` (n, 4, 2): corners TL TR BR BL of plates of `PLATE_RATIO`."""
        along = (quads[:, 1] - quads[:, 0] + quads[:, 2] - quads[:, 3]) / 2
        down = (quads[:, 3] - quads[:, 0] + quads[:, 2] - quads[:, 1]) / 2
        width = np.linalg.norm(along, axis=-1)[:, None]
        self.views = np.stack([along / width, down / width * PLATE_RATIO], -1)

    def __len__(self) -> int:
        return len(self.views)

    def draw(self, rng: np.random.Generator) -> FloatArray:
        view: FloatArray = self.views[int(rng.integers(len(self.views)))]
        return view


def real_views(folders: Sequence[Path], most: int = 20000) -> RealViews | None:
    """From the first of these folders that has the names; None without any. Names that do not parse are left out."""
    file = next((f / NAMES for f in folders if (f / NAMES).is_file()), None)
    if file is None:
        return None
    with gzip.open(file, "rt", encoding="utf-8") as lines:
        names = [line.strip().rsplit("/", 1)[-1] for line in lines]
    quads = []
    for name in names[:: max(1, len(names) // most)]:
        try:
            quads.append(parse_name(name).quad)
        except (ValueError, InputError):
            continue
    return RealViews(np.array(quads, float)) if quads else None
