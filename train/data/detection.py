"""What the detector sees while it learns: square crops of real scenes at many scales, mosaics of four, plates pasted
in.

After SCRFD's sample redistribution (arXiv 2105.04714, section 3.2), but the scale of a crop is drawn from the width
that a plate of the picture shall have in it, so that small plates are as common as large ones whatever the source.
Coordinates are continuous; maps are turned to OpenCV's pixel centres at the last moment.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
import torch
from torch.utils.data import Dataset

from models.detector.loss import Targets
from streamer.geometry import box_iou_matrix, box_quad, for_pixel_centres, homography, quad_box, side_lengths, transform
from streamer.types import FloatArray, Image
from train.data.cache import PictureCache
from train.data.distractors import distract
from train.data.manifest import PlateLabel, Sample
from train.data.photometric import night, photometric
from train.data.views import RealViews, draw_view

HardSpot = tuple[int, tuple[float, float, float, float]]  # number of a picture, box in its cached pixels

GREY = (128, 128, 128)
LIVE = (640, 384)  # the network's input for landscape pictures
PLATE_SHARE = 0.55  # of the crops are drawn around a plate, the rest anywhere
REAL_VIEW_SHARE = 0.4  # of the pasted plates are seen as a real one was, where real views are known
NIGHT_SHARE = 0.07
SMALLEST_WIDTH = 9.0  # narrower plates in the network's input count neither as plates nor as background
LOOSE = 0.25  # trust of a box that was drawn loosely and has no corners to correct it
TRUST = {"true": 1.0, "rotated": 0.3, "machine": 0.5, "none": 0.0}


@dataclass(frozen=True, eq=False)
class PlateBank:
    """Flat plates to paste, and how far their corners are trusted (n,): drawn ones are cut exactly, real ones are
    not."""

    pictures: PictureCache
    trust: FloatArray


@dataclass(frozen=True, eq=False)
class Labels:
    """The plates of one picture: `box` (n, 4), `quad` (n, 4, 2) (the box's where unknown), `trust` (n,) of the corners,
    `edge` (n,) of the box's edges, `ignore` (n,) bool. `unknown` (u, 4): boxes where plates may be that nobody
    labelled.
    """

    box: FloatArray
    quad: FloatArray
    trust: FloatArray
    edge: FloatArray
    ignore: np.ndarray
    unknown: FloatArray

    @staticmethod
    def empty() -> Labels:
        none = np.zeros(0)
        return Labels(np.zeros((0, 4)), np.zeros((0, 4, 2)), none, none, np.zeros(0, bool), np.zeros((0, 4)))

    def joined(self, other: Labels) -> Labels:
        return Labels(
            np.concatenate([self.box, other.box]),
            np.concatenate([self.quad, other.quad]),
            np.concatenate([self.trust, other.trust]),
            np.concatenate([self.edge, other.edge]),
            np.concatenate([self.ignore, other.ignore]),
            np.concatenate([self.unknown, other.unknown]),
        )

    def shifted(self, by: FloatArray) -> Labels:
        """Moved by (dx, dy)."""
        twice = np.tile(by, 2)
        return replace(self, box=self.box + twice, quad=self.quad + by, unknown=self.unknown + twice)


def label_of(plate: PlateLabel, rotated: bool, loose: bool) -> tuple[FloatArray, FloatArray, float]:
    """Box, quad and trust of one labelled plate. A loosely drawn box gives way to the machine's corners where known."""
    box = np.array(plate.box, float)
    if plate.quad is not None:
        quad = np.array(plate.quad, float)
        return (box if rotated else quad_box(quad)), quad, TRUST["rotated" if rotated else "true"]
    if plate.quad_machine is not None:
        quad = np.array(plate.quad_machine, float)
        return (quad_box(quad) if loose else box), quad, TRUST["machine"]
    return box, box_quad(box), TRUST["none"]


def labels_of(sample: Sample, scale: float) -> Labels:
    """The labels of a sample in the pixels of its cached picture."""
    whole = np.array([[0, 0, *sample.size]], float) * scale
    unknown = np.zeros((0, 4)) if sample.complete else whole
    plates = [p for p in sample.plates if p.box is not None]
    if not plates:
        return replace(Labels.empty(), unknown=unknown)
    loose = "loose" in (sample.note or "")
    rotated = sample.quad_quality == "rotated-rect"
    rows = [label_of(p, rotated, loose) for p in plates]
    return Labels(
        np.array([r[0] for r in rows]) * scale,
        np.array([r[1] for r in rows]) * scale,
        np.array([r[2] for r in rows]),
        np.array([LOOSE if loose and p.quad is None and p.quad_machine is None else 1.0 for p in plates]),
        np.array([bool(p.ignore) for p in plates]),
        unknown,
    )


def warp(image: Image, matrix: FloatArray, size: int) -> Image:
    """The picture under an affine map into a square; shrinks by area first, so that nothing aliases."""
    scale = float(np.sqrt(abs(np.linalg.det(matrix[:2, :2]))))
    if scale < 0.7:
        # Only what the square shows is shrunk.
        seen = transform(np.asarray(np.linalg.inv(matrix), np.float64), box_quad(np.array([0, 0, size, size], float)))
        low = np.clip(np.floor(seen.min(0)) - 3, 0, np.array(image.shape[1::-1]) - 1).astype(int)
        high = np.clip(np.ceil(seen.max(0)) + 3, low + 1, image.shape[1::-1]).astype(int)
        image = image[low[1] : high[1], low[0] : high[0]]
        matrix = np.asarray(matrix @ np.array([[1, 0, low[0]], [0, 1, low[1]], [0, 0, 1.0]]))
        h, w = image.shape[:2]
        small = (max(1, round(w * scale * 1.2)), max(1, round(h * scale * 1.2)))
        image = cv2.resize(image, small, interpolation=cv2.INTER_AREA)
        matrix = matrix @ np.diag([w / small[0], h / small[1], 1.0])
    m = for_pixel_centres(matrix)[:2]
    warped: Image = cv2.warpAffine(image, m, (size, size), flags=cv2.INTER_LINEAR, borderValue=GREY)
    return warped


def mapped(labels: Labels, matrix: FloatArray, size: int) -> Labels:
    """The labels under the map. Plates mostly outside the crop or too small become ignored."""
    unknown = np.clip(quad_box(transform(matrix, box_quad(labels.unknown))), 0, size)
    if not len(labels.box):
        return replace(labels, unknown=unknown)
    quad = transform(matrix, labels.quad)
    # The box is the hull of the corners, off by as much as the label's box was off theirs.
    scale = float(np.sqrt(abs(np.linalg.det(matrix[:2, :2]))))
    box = quad_box(quad) + (labels.box - quad_box(labels.quad)) * scale
    clipped = np.clip(box, 0, size)
    area = (box[:, 2:] - box[:, :2]).prod(-1)
    seen = (clipped[:, 2:] - clipped[:, :2]).clip(0).prod(-1) / np.maximum(area, 1e-9)
    small = (box[:, 2] - box[:, 0]) < SMALLEST_WIDTH
    ignore = labels.ignore | (seen < 0.6) | small
    keep = seen > 0
    return Labels(clipped[keep], quad[keep], labels.trust[keep], labels.edge[keep], ignore[keep], unknown)


class DetectionData(Dataset[tuple[torch.Tensor, Labels]]):
    """Sample `i` of a training, drawn from (seed, i): a restarted run sees what the broken one would have seen.

    Gives an image (3, size, size) uint8 BGR and its labels in net_xy.
    """

    def __init__(
        self,
        samples: Sequence[Sample],
        weights: FloatArray,
        cache: PictureCache,
        bank: PlateBank | None,
        total: int,
        size: int = 448,
        seed: int = 0,
        mosaic: float = 0.25,
        paste: float = 0.3,
        distract: float = 0.3,
        views: RealViews | None = None,
        hard: Sequence[HardSpot] = (),
        hard_share: float = 0.15,
        mirror: float = 0.5,
        narrowest: float = 14.0,
    ) -> None:
        """`views`: how real plates are seen, for pasted ones. `hard`: spots that are no plates but look like it; crops
        are drawn around them, and cuts of them pasted elsewhere."""
        self.samples, self.cache, self.bank = samples, cache, bank
        self.cumulative = np.cumsum(weights / weights.sum())
        self.labels = [labels_of(s, float(cache.scale[i])) for i, s in enumerate(samples)]
        self.total, self.size, self.seed = total, size, seed
        self.mosaic, self.paste, self.distract = mosaic, paste, distract
        self.mirror, self.narrowest = mirror, narrowest
        self.views, self.hard, self.hard_share = views, list(hard), hard_share if hard else 0.0

    def __len__(self) -> int:
        return self.total

    def __getitem__(self, i: int) -> tuple[torch.Tensor, Labels]:
        image, labels = self.drawn(i)
        return torch.from_numpy(np.ascontiguousarray(image.transpose(2, 0, 1))), labels

    def drawn(self, i: int) -> tuple[Image, Labels]:
        """Sample `i` as a picture (size, size, 3) BGR and its labels."""
        rng = np.random.default_rng((self.seed, i))
        image, labels = self._mosaic(rng) if rng.random() < self.mosaic else self._crop(rng, self.size)
        if rng.random() < self.distract:
            image = self._distract(rng, image, labels)
        if self.bank is not None:
            image, labels = self._paste(rng, image, labels)
        if rng.random() < self.mirror:
            image, labels = mirrored(image, labels)
        if rng.random() < NIGHT_SHARE:
            image = night(rng, image, labels.quad)
        return photometric(rng, image), labels

    def _mosaic(self, rng: np.random.Generator) -> tuple[Image, Labels]:
        half = self.size // 2
        canvas = np.empty((self.size, self.size, 3), np.uint8)
        labels = Labels.empty()
        for oy in (0, half):
            for ox in (0, half):
                tile, found = self._crop(rng, half)
                canvas[oy : oy + half, ox : ox + half] = tile
                labels = labels.joined(found.shifted(np.array([ox, oy], float)))
        return canvas, labels

    def _crop(self, rng: np.random.Generator, size: int) -> tuple[Image, Labels]:
        spot = None
        if self.hard and rng.random() < self.hard_share:
            k, spot = self.hard[int(rng.integers(len(self.hard)))]
        else:
            k = int(np.searchsorted(self.cumulative, rng.random(), side="right").clip(0, len(self.samples) - 1))
        image, labels = self.cache[k], self.labels[k]
        matrix = draw_matrix(rng, image.shape[1], image.shape[0], labels, size, spot, self.narrowest)
        return warp(image, matrix, size), mapped(labels, matrix, size)

    def _distract(self, rng: np.random.Generator, image: Image, labels: Labels) -> Image:
        """The picture with one to three things that are no plates, beside the plates that are there."""
        for _ in range(int(rng.integers(1, 4))):
            width = float(np.exp(rng.uniform(np.log(16), np.log(0.5 * self.size))))
            made = self._hard_cut(rng, image, width) if rng.random() < 0.6 else distract(rng, image, width)
            if made is None:
                continue
            drawn, box = made
            if not len(labels.box) or box_iou_matrix(box[None], labels.box).max() == 0:
                image = drawn
        return image

    def _hard_cut(self, rng: np.random.Generator, image: Image, width: float) -> tuple[Image, FloatArray] | None:
        """The picture with a cut of a hard negative somewhere in it, and the box (4,) it covers."""
        if not self.hard:
            return None
        k, spot = self.hard[int(rng.integers(len(self.hard)))]
        box = np.array(spot)
        grown = box + np.tile(box[2:] - box[:2], 2) * (-0.12, -0.12, 0.12, 0.12)
        x1, y1, x2, y2 = (int(v) for v in np.clip(grown, 0, np.tile(self.cache[k].shape[1::-1], 2)))
        if x2 - x1 < 8 or y2 - y1 < 6:
            return None
        cut = np.ascontiguousarray(self.cache[k][y1:y2, x1:x2])
        quad = draw_quad(rng, cut.shape[1] / cut.shape[0], self.size, None, width)
        return paste_plate(rng, image, cut, quad, framed=False), quad_box(quad)

    def _paste(self, rng: np.random.Generator, image: Image, labels: Labels) -> tuple[Image, Labels]:
        assert self.bank is not None
        empty = not len(labels.box)
        for _ in range(int(rng.integers(1, 4)) if rng.random() < (2 * self.paste if empty else self.paste) else 0):
            k = int(rng.integers(len(self.bank.pictures)))
            plate = self.bank.pictures[k]
            width = float(np.exp(rng.uniform(np.log(0.8 * self.narrowest), np.log(0.7 * self.size))))
            quad = draw_quad(rng, plate.shape[1] / plate.shape[0], self.size, self.views, width)
            box = quad_box(quad)[None]
            if len(labels.box) and box_iou_matrix(np.array(box), labels.box).max() > 0.01:
                continue
            image = paste_plate(rng, image, plate, quad)
            small = np.array([box[0, 2] - box[0, 0] < SMALLEST_WIDTH])
            trust = self.bank.trust[k : k + 1]
            labels = labels.joined(Labels(box, quad[None], trust, np.ones(1), small, np.zeros((0, 4))))
        return image, labels


def draw_matrix(
    rng: np.random.Generator,
    width: int,
    height: int,
    labels: Labels,
    size: int,
    spot: tuple[float, float, float, float] | None = None,
    narrowest: float = 14.0,
) -> FloatArray:
    """The map of one random crop: scale from a drawn plate width, a place that keeps the plate inside, a view.

    `spot`: a box to show in place of a plate, at about the scale it has live.
    """
    short = min(width, height)
    usable = np.flatnonzero(~labels.ignore)
    long_side, short_side = LIVE if width >= height else LIVE[::-1]
    live = min(long_side / width, short_side / height, 2.0)
    if spot is not None:
        scale = live * float(np.exp(rng.uniform(np.log(0.6), np.log(1.6))))
        centre = (np.array(spot[:2]) + spot[2:]) / 2
        at = rng.uniform(0.15, 0.85, 2) * size
    elif len(usable) and rng.random() < PLATE_SHARE:
        k = int(rng.choice(usable))
        plate_width = float(max(labels.box[k, 2] - labels.box[k, 0], 4.0))
        wanted = float(np.exp(rng.uniform(np.log(narrowest), np.log(0.85 * size))))
        scale = float(np.clip(wanted / plate_width, size / (1.7 * short), min(2.5, size / (0.25 * short))))
        margin = 0.5 * min(plate_width * scale, size * 0.9)
        at = rng.uniform(margin, size - margin, 2) if size > 2 * margin else np.full(2, size / 2)
        centre = (labels.box[k, :2] + labels.box[k, 2:]) / 2
    else:
        # Any place, at about the scale it has live: what stands around plates must be seen as large as it will be.
        scale = live * float(np.exp(rng.uniform(np.log(0.6), np.log(1.5))))
        centre = rng.uniform(0, 1, 2) * (width, height)
        at = rng.uniform(0, 1, 2) * size
    # Keep the picture in the crop: what overhangs is grey, and no use.
    for axis, extent in enumerate((width, height)):
        low, high = size - (extent - centre[axis]) * scale, centre[axis] * scale
        low, high = min(low, high), max(low, high)
        at[axis] = np.clip(at[axis], low, high) if rng.random() < 0.9 else at[axis]
    cornered = len(labels.trust) == 0 or labels.trust.min() > 0
    if cornered:
        linear = scale * draw_view(rng)
    else:  # a box turned is no box any more: only a little
        angle = np.deg2rad(rng.normal(0, 1.5)) if rng.random() < 0.5 else 0.0
        aspect = float(np.exp(rng.normal(0, 0.08)))
        turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        linear = scale * turn @ np.diag([aspect**0.5, aspect**-0.5])
    matrix = np.eye(3)
    matrix[:2, :2] = linear
    matrix[:2, 2] = at - linear @ centre
    return matrix


def draw_quad(rng: np.random.Generator, ratio: float, size: int, views: RealViews | None, width: float) -> FloatArray:
    """Corners of a plate `ratio` times as wide as high seen by a camera at a random place: net_xy (4, 2)."""
    view = views.draw(rng) if views is not None and rng.random() < REAL_VIEW_SHARE else draw_view(rng)
    unit = (np.array([[0, 0], [1, 0], [1, 1], [0, 1.0]]) - 0.5) * (width, width / ratio)
    unit[[1, 2], 1] *= 1 + rng.normal(0, 0.04)  # the far edge is shorter
    quad = unit @ view.T
    reach = np.abs(quad).max(0)
    room = np.maximum(size - 2 * reach, 1.0)
    return np.asarray(quad + reach + rng.uniform(0, 1, 2) * room)


def paste_plate(rng: np.random.Generator, image: Image, plate: Image, quad: FloatArray, framed: bool = True) -> Image:
    """The picture with the plate drawn into the quad, its light drawn from the place it comes to; half of them with a
    holder around, unless `framed` is False."""
    h, w = plate.shape[:2]
    sides = side_lengths(quad)
    shrink = max(sides[0], sides[2]) / w
    if shrink < 0.8:
        plate = cv2.resize(
            plate, (max(4, round(w * shrink * 1.15)), max(3, round(h * shrink * 1.15))), interpolation=cv2.INTER_AREA
        )
        h, w = plate.shape[:2]
    gain = float(rng.uniform(0.35, 1.1))
    around = image[int(max(quad[0, 1], 0)) : int(quad[2, 1]) + 1, int(max(quad[0, 0], 0)) : int(quad[2, 0]) + 1]
    if around.size and rng.random() < 0.7:
        gain = float(np.clip(0.35 + around.mean() / 170.0 + rng.normal(0, 0.12), 0.25, 1.2))
    plate = cv2.convertScaleAbs(plate, alpha=gain, beta=float(rng.normal(0, 8)))
    if framed and rng.random() < 0.5:
        border = max(1, round(h * float(rng.uniform(0.03, 0.14))))
        tone = int(rng.uniform(5, 90))
        held = cv2.copyMakeBorder(plate, border, border, border, border, cv2.BORDER_CONSTANT, value=(tone,) * 3)
    else:
        border, held = 0, plate
    corners = np.array([[border, border], [border + w, border], [border + w, border + h], [border, border + h]], float)
    # Drawn in the part of the picture that it covers, with its frame, and no further.
    outer = transform(homography(corners, quad), box_quad(np.array([0, 0, *held.shape[1::-1]], float)))
    x1, y1 = np.clip(np.floor(outer.min(0)) - 3, 0, np.array(image.shape[1::-1]) - 1).astype(int)
    x2, y2 = np.clip(np.ceil(outer.max(0)) + 3, (x1 + 1, y1 + 1), image.shape[1::-1]).astype(int)
    m = for_pixel_centres(homography(corners, quad - (x1, y1)))
    size = int(x2 - x1), int(y2 - y1)
    mask = np.full(held.shape[:2], 255, np.uint8)
    drawn = cv2.warpPerspective(held, m, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    alpha = cv2.warpPerspective(mask, m, size, flags=cv2.INTER_LINEAR)
    if rng.random() < 0.4:
        drawn = cv2.GaussianBlur(drawn, (0, 0), float(rng.uniform(0.4, 1.2)))
    a = alpha[..., None].astype(np.float32) / 255
    out = image.copy()
    out[y1:y2, x1:x2] = image[y1:y2, x1:x2] * (1 - a) + drawn * a + 0.5
    return out


def mirrored(image: Image, labels: Labels) -> tuple[Image, Labels]:
    """Left-right. TL and TR change places, as do BL and BR: the quad keeps running clockwise."""
    size = image.shape[1]
    box = labels.box.copy()
    box[:, [0, 2]] = size - labels.box[:, [2, 0]]
    quad = labels.quad[:, [1, 0, 3, 2]].copy()
    quad[..., 0] = size - quad[..., 0]
    unknown = labels.unknown.copy()
    unknown[:, [0, 2]] = size - labels.unknown[:, [2, 0]]
    return image[:, ::-1], replace(labels, box=box, quad=quad, unknown=unknown)


def collate(batch: Sequence[tuple[torch.Tensor, Labels]]) -> tuple[torch.Tensor, Targets]:
    """Images (N, 3, S, S) uint8 and padded targets."""
    images = torch.stack([b[0] for b in batch])
    known = [np.flatnonzero(~b[1].ignore) for b in batch]
    ignored = [np.flatnonzero(b[1].ignore) for b in batch]
    n, m, k = len(batch), max(map(len, known)), max(map(len, ignored))
    u = max(len(b[1].unknown) for b in batch)
    boxes, valid = torch.zeros(n, m, 4), torch.zeros(n, m, dtype=torch.bool)
    quads, trust, edge = torch.zeros(n, m, 4, 2), torch.zeros(n, m), torch.zeros(n, m)
    ignore, unknown = torch.zeros(n, k, 4), torch.zeros(n, u, 4)
    for i, (_, labels) in enumerate(batch):
        rows, dark = known[i], ignored[i]
        boxes[i, : len(rows)] = torch.from_numpy(labels.box[rows]).float()
        valid[i, : len(rows)] = True
        quads[i, : len(rows)] = torch.from_numpy(labels.quad[rows]).float()
        trust[i, : len(rows)] = torch.from_numpy(labels.trust[rows]).float()
        edge[i, : len(rows)] = torch.from_numpy(labels.edge[rows]).float()
        ignore[i, : len(dark)] = torch.from_numpy(labels.box[dark]).float()
        unknown[i, : len(labels.unknown)] = torch.from_numpy(labels.unknown).float()
    return images, Targets(boxes, valid, quads, trust, edge, ignore, unknown)
