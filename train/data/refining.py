"""Training samples of the refiner: cuts around what a detector finds in the detector's own training pictures,
right and wrong, and around true plates with their corners displaced."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch.utils.data import Dataset

from models.refiner.loss import RefinerTargets
from streamer.engine.detector import OUTPUTS, plates_of_levels
from streamer.engine.refiner import HEIGHT, WIDTH, cut_around, cut_to_frame
from streamer.engine.runtime import compile_model
from streamer.engine.zoo import find_model
from streamer.geometry import box_iou_matrix, box_quad, convex, plate_height, quad_box, side_lengths, transform
from streamer.image.warp import frame_of
from streamer.types import FloatArray, Frame, Image, Plates
from train.data.detection import DetectionData, Labels

if TYPE_CHECKING:
    import openvino as ov

FOUND, DISPLACED, WRONG, ANYWHERE = 4, 2, 4, 1  # cuts of each kind from a picture, at most
CUTS = FOUND + DISPLACED + WRONG + ANYWHERE
SAME_IOU, OTHER_IOU = 0.3, 0.15  # a find overlapping a plate by so much is that plate, by less is none
LOWEST_SCORE = 0.05


@dataclass(frozen=True, eq=False)
class Cut:
    """One cut (48, 96, 3) and what is true of it; see `RefinerTargets`."""

    image: Image
    to_frame: FloatArray
    corners: FloatArray
    box: FloatArray
    trust: float
    edge: float
    plate: bool


BLANK = Cut(np.zeros((HEIGHT, WIDTH, 3), np.uint8), np.eye(3), np.zeros((4, 2)), np.zeros(4), 0.0, 0.0, False)


class RefiningData(Dataset[list[Cut]]):
    """Sample `i`: up to `CUTS` cuts of picture `i` of the detector's training. `detector` names a model of the zoo or a
    path to an .xml."""

    def __init__(self, pictures: DetectionData, detector: str, precision: str = "int8") -> None:
        self.pictures, self.detector, self.precision = pictures, detector, precision

    def __len__(self) -> int:
        return len(self.pictures)

    def __getstate__(self) -> dict[str, object]:
        return {k: v for k, v in self.__dict__.items() if k != "request"}

    @cached_property
    def request(self) -> ov.InferRequest:
        """The detector at the size of the pictures, created in each loader process."""
        shape = [1, self.pictures.size, self.pictures.size, 3]
        model = find_model(self.detector, self.precision, "detector")
        return compile_model(model, shape, self.precision, 1, OUTPUTS).create_infer_request()

    def __getitem__(self, i: int) -> list[Cut]:
        image, labels = self.pictures.drawn(i)
        image = np.ascontiguousarray(image)
        rng = np.random.default_rng((self.pictures.seed, i, 1))
        chosen = finds(rng, self.find(image), labels) + displaced(rng, labels)
        chosen += anywhere(rng, labels, self.pictures.size, ANYWHERE)
        frame = frame_of(image)
        return [cut for quad, k in chosen if (cut := make_cut(frame, quad, labels, k)) is not None]

    def find(self, image: Image) -> Plates:
        """What the detector finds in a picture of the training's size."""
        self.request.infer([image[None]])
        levels = [self.request.get_output_tensor(k).data[0] for k in range(3)]
        h, w = image.shape[:2]
        return plates_of_levels(levels, np.ones(2), w, h, LOWEST_SCORE)


Chosen = tuple[FloatArray, int]  # a quad to cut around; the plate it is of, -1 for none


def finds(rng: np.random.Generator, found: Plates, labels: Labels) -> list[Chosen]:
    """Finds that are plates, and others that are surely none; those on ignored or unknown ground are left out."""
    right: list[Chosen] = []
    wrong: list[Chosen] = []
    overlap = box_iou_matrix(found.box_xyxy, labels.box)
    for i, quad in enumerate(found.quad):
        best = int(overlap[i].argmax()) if overlap.shape[1] else -1
        iou = float(overlap[i, best]) if best >= 0 else 0.0
        if iou >= SAME_IOU:
            if not labels.ignore[best]:
                right.append((quad, best))
        elif iou < OTHER_IOU and not in_unknown(found.box_xyxy[i], labels):
            wrong.append((quad, -1))
    return pick(rng, right, FOUND) + wrong[:WRONG]


def pick(rng: np.random.Generator, rows: list[Chosen], most: int) -> list[Chosen]:
    return rows if len(rows) <= most else [rows[k] for k in rng.permutation(len(rows))[:most]]


def in_unknown(box: FloatArray, labels: Labels) -> bool:
    """Whether the middle of a box lies where there may be unlabelled plates, or on an ignored plate."""
    middle = (box[:2] + box[2:]) / 2
    dark = np.concatenate([labels.unknown, labels.box[labels.ignore]])
    return bool(((middle >= dark[:, :2]) & (middle <= dark[:, 2:])).all(-1).any())


def displaced(rng: np.random.Generator, labels: Labels) -> list[Chosen]:
    """True plates with their corners moved as a detector might place them, some by far, some as the bare box."""
    rows: list[Chosen] = []
    known = np.flatnonzero(~labels.ignore)
    for k in rng.choice(known, DISPLACED) if len(known) else []:
        quad = box_quad(labels.box[k]) if rng.random() < 0.15 else labels.quad[k]
        height = max(float(plate_height(quad)), 2.0)
        spread = 0.35 if rng.random() < 0.2 else 0.12
        centre = quad.mean(0)
        quad = centre + (quad - centre) * np.exp(rng.normal(0, 0.5 * spread, 2))
        quad = quad + rng.normal(0, spread, 2) * height + rng.normal(0, 0.3 * spread, (4, 2)) * height
        rows.append((quad, int(k)))
    return rows


def anywhere(rng: np.random.Generator, labels: Labels, size: int, count: int) -> list[Chosen]:
    """Places without a plate, parts of plates among them."""
    rows: list[Chosen] = []
    for _ in range(4 * count):
        if len(rows) == count:
            break
        width = float(np.exp(rng.uniform(np.log(20), np.log(150))))
        extent = np.array([width, width / rng.uniform(1.5, 5)])
        at = rng.uniform(0, 1, 2) * (size - extent).clip(1)
        if len(labels.box) and rng.random() < 0.4:  # on a plate's edge
            near = labels.box[int(rng.integers(len(labels.box)))]
            at = near[:2] + rng.normal(0, 0.8, 2) * (near[2:] - near[:2])
        box = np.concatenate([at, at + extent])
        inside = (box[:2] > -4).all() and (box[2:] < size + 4).all()
        far = not len(labels.box) or box_iou_matrix(box[None], labels.box).max() < OTHER_IOU
        if inside and far and not in_unknown(box, labels):
            rows.append((box_quad(box), -1))
    return rows


def make_cut(frame: Frame, quad: FloatArray, labels: Labels, k: int) -> Cut | None:
    """The cut around a quad with the truth of plate `k`; None where the quad spans nothing."""
    if not bool(convex(quad)) or float(side_lengths(quad).min()) < 3:
        return None
    to_frame = cut_to_frame(quad)
    image = cut_around(frame, quad)
    if k < 0:
        return Cut(image, to_frame, np.zeros((4, 2)), quad_box(quad), 0.0, 0.0, False)
    corners = transform(np.asarray(np.linalg.inv(to_frame), np.float64), labels.quad[k])
    if (corners < -np.array([WIDTH, HEIGHT])).any() or (corners > 2 * np.array([WIDTH, HEIGHT])).any():
        return None  # so far off, or at so steep a view, that nothing is to be learned
    return Cut(image, to_frame, corners, labels.box[k], float(labels.trust[k]), float(labels.edge[k]), True)


def collate(batch: Sequence[list[Cut]]) -> tuple[torch.Tensor, RefinerTargets]:
    """Cuts (N, 3, 48, 96) uint8 of all pictures of the batch, and their targets."""
    cuts = [cut for cuts in batch for cut in cuts]
    real = len(cuts)
    while len(cuts) < 2:  # pictures without any usable cut; and one cut alone has no variance to normalise by
        cuts.append(BLANK)
    images = torch.from_numpy(np.stack([c.image for c in cuts]).transpose(0, 3, 1, 2).copy())

    def stacked(name: str) -> torch.Tensor:
        return torch.from_numpy(np.stack([np.asarray(getattr(c, name)) for c in cuts])).float()

    targets = RefinerTargets(
        stacked("to_frame"),
        stacked("corners"),
        stacked("box"),
        stacked("trust"),
        stacked("edge"),
        stacked("plate").bool(),
        (torch.arange(len(cuts)) < real).float(),
    )
    return images, targets
