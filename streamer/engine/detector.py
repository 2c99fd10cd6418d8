"""The plate detector at run time: a frame in, boxes and corners out."""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from pathlib import Path
from typing import Any

import numpy as np

from streamer.engine.decode import CORNERS, decode_levels
from streamer.engine.large import NET_LONG, NET_SHORT, NMS_IOU
from streamer.engine.refiner import Refiner
from streamer.engine.runtime import Once, Runner, compile_model, resolve_device, resolve_precision
from streamer.engine.zoo import find_model, sha256
from streamer.errors import ConfigError, ModelError
from streamer.geometry import box_iou, box_quad, convex, nms, quad_box, side_lengths
from streamer.image.warp import PAD, letterbox
from streamer.types import F32Array, FloatArray, Frame, Plates

OUTPUTS = (3,)  # one a stride
LOWEST_SCORE = 0.02  # down to which finds are ranked when precision is measured
LONG, SHORT = NET_LONG, NET_SHORT
# By their longer side, px; more sees farther and costs.
INPUTS = {480: (480, 288), 640: (640, 384), 960: (960, 544), 1280: (1280, 736)}
AUTO = "auto"  # behind the name: each camera's own plates decide
DEFAULT_MIN_SCORE = 0.4
SMALLEST_SIDE = 3.0  # px in the frame; shorter sides of a quad are noise


class Detector:
    """Finds plates with a compiled network; one network for each orientation, compiled when it is first needed.

    `model`: a name in the zoo or a path to an .xml; with `@960` behind it pictures are shrunk to 960x544 only, for far
    plates, in place of 640x384 (see `INPUTS`); with `@auto` each camera's own plates decide (pipeline/input_size.py).
    `refiner`: who looks again at what was found; "card" for the one that the detector's card names (none without a
    card), None for nobody. Not thread-safe: one thread at a time, `another` for the next; `streams`: how many of them
    work at once. `device`: where the network runs; the refiner, a fraction of it, stays on the CPU. `operating_point`:
    the score that its card counts as a plate, whatever `min_score` is.
    """

    def __init__(
        self,
        model: str | Path = "plate-detector-s",
        precision: str = "auto",
        threads: int | None = None,
        min_score: float | None = None,
        refiner: str | Path | None = "card",
        streams: int = 1,
        device: str = "CPU",
    ) -> None:
        self.device = resolve_device(device)
        self.precision = resolve_precision(precision, self.device)
        self.chooses = str(model).endswith(f"@{AUTO}")
        model, self.input = split_input(model)
        self._file = find_model(model, self.precision, "detector")
        self._threads, self._streams = threads, streams
        self._compiled = Once()  # by input, shared by all of `another`
        self._runners: dict[tuple[int, int], Runner] = {}
        self.operating_point = float(self._file.card.get("min_score", DEFAULT_MIN_SCORE))
        self.min_score = self.operating_point if min_score is None else float(min_score)
        if not 0 < self.min_score < 1:
            raise ConfigError(f"min_score {self.min_score}: expected a number between 0 and 1")
        chosen = self._file.card.get("refiner") if refiner == "card" else refiner
        self.refiner = Refiner(chosen, precision) if chosen and chosen != "none" else None

    @property
    def identity(self) -> str:
        """What tells these weights from others, those of the refiner among them."""
        files = [self._file.xml.with_suffix(".bin")] + ([self.refiner.weights] if self.refiner else [])
        return "-".join(sha256(f)[:16] for f in files)

    @property
    def side(self) -> int:
        """The longer side of its input, px. Setting it changes that of this thread's detector alone."""
        return self.input[0]

    @side.setter
    def side(self, px: int) -> None:
        self.input = INPUTS[px]

    def prepare(self) -> None:
        """Compiles the landscape network now, so that a file that is no detector is found before anything is read."""
        self._runner(*self.input)
        if self.refiner is not None:
            self.refiner.prepare()

    def another(self) -> Detector:
        """The same compiled networks, for another thread."""
        twin = copy(self)
        twin._runners = {}
        twin.refiner = None if self.refiner is None else self.refiner.another()
        return twin

    def _runner(self, width: int, height: int) -> Runner:
        if (width, height) not in self._runners:
            compiled = self._compiled.get((width, height), lambda: self._compile(width, height))
            self._runners[width, height] = Runner(compiled)
        return self._runners[width, height]

    def _compile(self, width: int, height: int) -> Any:
        shape = [1, height, width, 3]
        compiled = compile_model(self._file, shape, self.precision, self._threads, OUTPUTS, self._streams, self.device)
        channels = {output.shape[-1] for output in compiled.outputs}
        if len(channels) != 1 or (channels.pop() - 1 - CORNERS) % 4:
            raise ModelError(
                f"model {self._file.xml}: its outputs are no detector's of this version; export it again",
                at=self._file.xml,
            )
        return compiled

    def infer_blank(self) -> None:
        """The landscape network alone on an empty picture, for benchmarks."""
        self._runner(*self.input).run(np.full((*self.input[::-1], 3), PAD, np.uint8))

    def detect(self, frame: Frame) -> Plates:
        """All plates of `min_score` and more, best first, in frame_xy."""
        finds = self.finds(frame)
        return finds if self.refiner is None else self.look(frame, finds)

    def look(self, frame: Frame, finds: Plates) -> Plates:
        """What a second look leaves of finds: with its corners and both looks' score, best first."""
        if self.refiner is None:
            return finds
        return looked_at(self.refiner.refine(frame, finds), frame.width, frame.height, self.min_score)

    def finds(self, frame: Frame) -> Plates:
        """What the network alone finds: down to `min_score`, or to what a second look may yet lift there."""
        net_width, net_height = net_size(frame.width, frame.height, self.input)
        image, scale = letterbox(frame, net_width, net_height)
        levels = self._runner(net_width, net_height).run(image)
        least = self.min_score if self.refiner is None else worth_a_look(self.min_score)
        return plates_of_levels(levels, scale, frame.width, frame.height, least)


def worth_a_look(min_score: float) -> float:
    """The first look's score from which a second one pays: it would have to be nearly sure to lift less than that to
    `min_score`, which on real pictures it does for two plates in a thousand."""
    return max(min_score**2, 0.6 * min_score)


def looked_at(plates: Plates, width: int, height: int, min_score: float) -> Plates:
    """Refined finds, best first: those that reach `min_score`, each plate once (two finds may meet on one plate)."""
    there = plates[plates.score >= min_score]
    if not len(there):
        return there
    there = there[nms(there.box_xyxy, there.score, NMS_IOU)]
    return in_frame(there.box_xyxy, there.score, there.quad, width, height)


def net_size(width: int, height: int, landscape: tuple[int, int] = (LONG, SHORT)) -> tuple[int, int]:
    """Width and height of the network's input for a picture of that size: one for each orientation."""
    return landscape if width >= height else landscape[::-1]


def split_input(model: str | Path) -> tuple[str | Path, tuple[int, int]]:
    """`NAME@960` -> (`NAME`, (960, 544)); without a suffix, and at first with `@auto`, 640x384. ConfigError where there
    is no such input."""
    name, at, side = str(model).rpartition("@")
    if not at or side.endswith(".xml"):
        return model, INPUTS[LONG]
    if side == AUTO:
        return name, INPUTS[LONG]
    if not side.isdigit() or int(side) not in INPUTS:
        raise ConfigError(
            f"detector {str(model)!r}: expected one of {', '.join(f'@{s}' for s in (*INPUTS, AUTO))} behind its name"
        )
    return name, INPUTS[int(side)]


def plates_of_levels(
    levels: Sequence[F32Array], scale: FloatArray, width: int, height: int, min_score: float
) -> Plates:
    """The network's maps as plates of a frame of `width` by `height`: decoded, suppressed, in frame_xy.

    `scale` (2,): net_xy = frame_xy * scale.
    """
    box, score, quad = decode_levels(levels, min_score)
    if not len(score):
        return Plates.empty()
    keep = nms(box, score, NMS_IOU)
    return in_frame(box[keep] / np.tile(scale, 2), score[keep], quad[keep] / scale, width, height)


def in_frame(box: FloatArray, score: FloatArray, quad: FloatArray, width: int, height: int) -> Plates:
    """Boxes clipped to the picture, corners checked against them; what has no area left is dropped."""
    box = np.minimum(np.maximum(box, 0.0), np.array([width, height, width, height], float))
    there = ((box[:, 2:] - box[:, :2]) > 1.0).all(-1)
    if not there.all():
        box, score, quad = box[there], score[there], quad[there]
    bad = ~good_quads(quad, box)
    if bad.any():
        quad = np.where(bad[:, None, None], box_quad(box), quad)
    return Plates(box, score, quad, bad)


def good_quads(quad: FloatArray, box: FloatArray) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Convex, no side vanishing, and agreeing with the box (IoU of its hull at least 0.5): (n,) bool."""
    if not len(box):
        return np.zeros(0, bool)
    agree = box_iou(quad_box(quad), box) >= 0.5
    sides = (side_lengths(quad) >= SMALLEST_SIDE).all(-1)
    good: np.ndarray[tuple[int], np.dtype[np.bool_]] = convex(quad) & agree & sides
    return good
