"""A closer look at the detector's finds: each is cut from the full picture, straightened by its own corners, and a
small network tells how far those are off and how well the result fits."""

from __future__ import annotations

from copy import copy
from functools import cached_property
from pathlib import Path

import numpy as np

from streamer.engine.runtime import Runner, compile_model, resolve_precision
from streamer.engine.zoo import find_model
from streamer.errors import ModelError
from streamer.geometry import box_quad, convex, from_rectangle, grow_quad, quad_box, transform
from streamer.image.warp import rectify, straight
from streamer.types import F32Array, FloatArray, Frame, Image, Plates

HEIGHT, WIDTH = 48, 96  # of the cut
ALONG, ACROSS = 0.25, 0.5  # margins of the cut, as shares of the plate's width and height
PLATE_HEIGHT = HEIGHT / (1 + 2 * ACROSS)  # px of the cut
BOX_SHARE = 0.3  # of the second look in the box, the rest of the first: their errors have little in common
MOST = 32  # finds looked at in one picture; a picture with more is noise
_NOMINAL = (np.array([[0, 0], [1, 0], [1, 1], [0, 1.0]]) + (ALONG, ACROSS)) / (1 + 2 * np.array([ALONG, ACROSS]))
_NOMINAL = _NOMINAL * (WIDTH, HEIGHT)


class Refiner:
    """Moves corners and weighs scores with a compiled network. Not thread-safe: one thread at a time."""

    def __init__(self, model: str | Path = "plate-refiner", precision: str = "auto") -> None:
        self.precision = resolve_precision(precision)
        self._file = find_model(model, self.precision, "refiner")

    @property
    def weights(self) -> Path:
        """The file of its weights."""
        return self._file.xml.with_suffix(".bin")

    def prepare(self) -> None:
        """Compiles the network now, so that a file that is no refiner is found before anything is read."""
        _ = self._runner

    def another(self) -> Refiner:
        """The same for another thread."""
        twin = copy(self)
        twin.__dict__.pop("_runner", None)
        return twin

    @cached_property
    def _runner(self) -> Runner:
        # One thread, and a compiled network each: to hand so small a network's picture to another thread and back would
        # take as long as the network itself.
        compiled = compile_model(self._file, [1, HEIGHT, WIDTH, 3], self.precision, 1, outputs=[1])
        if list(compiled.outputs[0].shape) != [1, 9]:
            raise ModelError(f"model {self._file.xml}: its output is no refiner's", at=self._file.xml)
        return Runner(compiled)

    def refine(self, frame: Frame, plates: Plates) -> Plates:
        """The same plates, at most `MOST`, with better corners, boxes around them, and scores of both looks."""
        plates = plates[:MOST]
        if not len(plates):
            return plates
        plates, around = upright(plates)
        return refined(plates, around, np.stack([self.look(straight(frame, quad, WIDTH, HEIGHT)) for quad in around]))

    def look(self, cut: Image) -> F32Array:
        """Outputs (9,) for a cut (48, 96, 3): quality logit, then the shifts of the corners in plate heights."""
        return self._runner.run(cut)[0].copy()


def upright(plates: Plates) -> tuple[Plates, FloatArray]:
    """The same finds, those whose cut would reach past their plane's horizon with the box's corners; and what is to be
    cut for each (n, 4, 2)."""
    around = grow_quad(plates.quad, ALONG, ACROSS)
    steep = ~(np.isfinite(around).all((1, 2)) & convex(around))
    if not steep.any():
        return plates, around
    quad = np.where(steep[:, None, None], box_quad(plates.box_xyxy), plates.quad)
    around = np.where(steep[:, None, None], grow_quad(quad, ALONG, ACROSS), around)
    return Plates(plates.box_xyxy, plates.score, quad, plates.quad_is_box | steep), around


def cut_around(frame: Frame, quad: FloatArray) -> Image:
    """What the refiner sees of a find: (48, 96, 3) BGR."""
    return rectify(frame, quad, ALONG, ACROSS, WIDTH, HEIGHT)


def cut_to_frame(quad: FloatArray) -> FloatArray:
    """The map (3, 3) from px of the cut around a quad to frame_xy."""
    return from_rectangle(WIDTH, HEIGHT, grow_quad(quad, ALONG, ACROSS))


def refined(plates: Plates, around: FloatArray, out: F32Array) -> Plates:
    """Plates, what was cut for them (n, 4, 2) and the network's outputs (n, 9) -> plates.

    The box is the mean of the first and the one around the moved corners, the score the geometric mean of both looks'.
    Where moved corners make no convex quad, corners and box stay.
    """
    quality = 1 / (1 + np.exp(-out[:, 0].astype(float)))
    corners = _NOMINAL + out[:, 1:].reshape(-1, 4, 2).astype(float) * PLATE_HEIGHT
    quad = transform(from_rectangle(WIDTH, HEIGHT, around), corners)
    fine = convex(quad) & np.isfinite(quad).all((1, 2))
    return Plates(
        np.where(fine[:, None], BOX_SHARE * quad_box(quad) + (1 - BOX_SHARE) * plates.box_xyxy, plates.box_xyxy),
        np.sqrt(plates.score * quality),
        np.where(fine[:, None, None], quad, plates.quad),
        plates.quad_is_box & ~fine,
    )
