"""Training samples of the reader: real crops cut as the pipeline cuts them, and drawn plates.

A crop comes in one of the ways it comes in use: rectified from corners that are as wrong as the detector's, cut by a
box without corners, tight, squeezed, or loose.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import cv2
import numpy as np
import torch
from torch.utils.data import Dataset

from models.reader.loss import ReaderTargets
from models.reader.network import COLOURS
from streamer.geometry import box_quad, grow_quad, homography, plate_height, quad_box
from streamer.image.warp import MARGIN_ACROSS, MARGIN_ALONG, cut
from streamer.plates.alphabet import Alphabet
from streamer.types import FloatArray, Image
from train.data.cache import PictureCache
from train.data.compose import stacked
from train.data.cover import chinese_boxes, cover
from train.data.grounds import Grounds
from train.data.photometric import lens, photometric
from train.data.plates import Crop, Drawn
from train.data.regions import region_class
from train.data.splice import Joints, joined

ONE_ROW_RATIO = 2.4  # a crop at least this wide for its height holds one row of text
FEW = 25  # a country with fewer crops comes no more often than one with as many
RARE = "OQ"  # hardly ever seen among the letters of real plates, and then taken for 0 or D
RARER = 3.0  # how much more often a text with one of them comes, where the country writes them
COVERED = 0.12  # of the crops whose characters' places are known
LEGIBLE = 13, 5  # px that a character needs in height and width to be read


def crop_weights(crops: Sequence[Crop], power: float) -> FloatArray:
    """Rarer countries, and rarer Chinese provinces, come more often than the data has them, up to a limit; several
    crops of one plate share what one would get."""
    keys = [c.country + (c.text[:1] if c.country == "CN" else "") for c in crops]
    counts, same = Counter(keys), Counter((c.country, c.text) for c in crops)
    return np.array(
        [
            (RARER if c.country != "CN" and set(RARE) & set(c.text) else 1.0)
            * max(counts[k], FEW) ** (power - 1)
            / (same[c.country, c.text] if c.text else 1)
            for k, c in zip(keys, crops, strict=True)
        ]
    )


NOTHING = Crop("", "", None, None, None, None)


def draw_cut(rng: np.random.Generator, crop: Crop, width: int, height: int) -> FloatArray:
    """The quad (4, 2) of one random way of cutting the crop."""
    whole = box_quad(np.array([0, 0, width, height], float))
    if crop.box is None and crop.quad is None:
        # Cut by its source, with or without a margin: little can be moved.
        margin = rng.normal(0.0, 0.025, 2)
        return jitter(rng, grow_quad(turned(whole, draw_turn(rng) / 2), *margin), 0.02)
    way = rng.random()
    if crop.quad is not None and way < 0.7:
        along, across = MARGIN_ALONG + rng.normal(0, 0.02), MARGIN_ACROSS + rng.normal(0, 0.04)
        sigma = 0.03 if rng.random() < 0.6 else 0.08
        return jitter(rng, grow_quad(crop.quad, along, across), sigma)
    if crop.box is not None:
        base = box_quad(crop.box)
    else:
        assert crop.quad is not None
        base = boxed(crop.quad, draw_turn(rng))
    if way < 0.85:
        along, across = rng.normal(0.02, 0.04, 2)
    else:
        along = across = float(rng.uniform(0.05, 0.25))
    return jitter(rng, grow_quad(base, along, across), 0.02)


def draw_turn(rng: np.random.Generator) -> float:
    """By how much a plate in a box is turned, radians: mostly a little, now and then up to 20 degrees."""
    return float(np.deg2rad(rng.normal(0, 3) if rng.random() < 0.7 else rng.uniform(-20, 20)))


def turned(quad: FloatArray, angle: float) -> FloatArray:
    """The quad (4, 2) turned around its middle."""
    middle = quad.mean(0)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return np.asarray((quad - middle) @ turn.T + middle)


def boxed(quad: FloatArray, angle: float) -> FloatArray:
    """What a box would take in of a plate that hangs by that angle: the quad (4, 2) to cut."""
    middle = quad.mean(0)
    box = box_quad(quad_box(turned(quad, angle)))
    return turned(box + (middle - box.mean(0)), -angle)


def jitter(rng: np.random.Generator, quad: FloatArray, sigma: float) -> FloatArray:
    """Corners moved by `sigma` of the plate's height."""
    return quad + rng.normal(0, sigma * float(plate_height(quad)), (4, 2))


def coarsen(rng: np.random.Generator, image: Image, characters: int, rows: int) -> Image:
    """As from a plate of fewer pixels, but still legible: shrunk and enlarged again."""
    lowest = min(rows * LEGIBLE[0], 40)
    h = int(np.exp(rng.uniform(np.log(lowest), np.log(46))))
    w = max(LEGIBLE[1] * -(-characters // rows), round(h * float(rng.uniform(1.8, 4.2))))
    small = cv2.resize(image, (w, h), interpolation=cv2.INTER_AREA)
    coarse: Image = cv2.resize(small, (image.shape[1], image.shape[0]), interpolation=cv2.INTER_LINEAR)
    return coarse


ReadingSample = tuple[torch.Tensor, list[int], int, int, int, int]


class ReadingData(Dataset[ReadingSample]):
    """Sample `i` drawn from (seed, i): image (3, 48, 128) uint8 BGR, slots, length, colour, rows and region (-1:
    unknown)."""

    def __init__(
        self,
        crops: Sequence[Crop],
        weights: FloatArray,
        cache: PictureCache,
        drawn: Sequence[Drawn],
        bank: PictureCache | None,
        alphabet: Alphabet,
        total: int,
        slots: int,
        synthetic_share: float,
        seed: int = 0,
        texts: bool = True,
        joints: Joints | None = None,
        splice: float = 0.0,
        stack: float = 0.0,
        grounds: Grounds | None = None,
        empty: float = 0.0,
    ) -> None:
        """`texts` False: crops need none, and slots and length have no meaning. `splice`: chance that a real crop is
        joined with another at `joints`; `stack`: that it is made one of two rows there. `empty`: share of samples that
        are a place of the `grounds`, where no plate is, with no text."""
        self.crops, self.cache, self.drawn, self.bank = crops, cache, drawn, bank
        self.cumulative = np.cumsum(weights / weights.sum()) if len(crops) else np.zeros(0)
        self.alphabet, self.total, self.slots, self.seed = alphabet, total, slots, seed
        self.texts = texts
        self.joints, self.splice = joints, splice if joints is not None else 0.0
        self.stack = stack if joints is not None else 0.0
        self.grounds, self.empty = grounds, empty if grounds is not None and len(grounds) else 0.0
        self.as_they_are = False  # True: without the camera that is put over every crop
        self.share = 0.0 if not drawn else 1.0 if not len(crops) else synthetic_share

    def __len__(self) -> int:
        return self.total

    def __getitem__(self, i: int) -> ReadingSample:
        rng = np.random.default_rng((self.seed, i))
        if self.grounds is not None and self.empty and rng.random() < self.empty:
            image, crop = self.grounds.draw(rng), NOTHING
        else:
            image, crop = self._drawn(rng) if rng.random() < self.share else self._real(rng)
        text, rows = crop.text, crop.rows
        if not self.as_they_are:
            if rng.random() < 0.3 and text:
                image = coarsen(rng, image, len(text), rows or 1)
            image = photometric(rng, image, blur=0.3, longest=4.5, lowest_quality=20)
        slots = self.alphabet.encode(text if self.texts else "", self.slots)
        colour_class = COLOURS.index(crop.colour) if crop.colour in COLOURS else -1
        tensor = torch.from_numpy(np.ascontiguousarray(image.transpose(2, 0, 1)))
        return tensor, slots, len(text), colour_class, -1 if rows is None else rows - 1, region_class(crop.country)

    def _real(self, rng: np.random.Generator) -> tuple[Image, Crop]:
        k = int(np.searchsorted(self.cumulative, rng.random(), side="right").clip(0, len(self.crops) - 1))
        way = rng.random()
        if way < self.splice:
            crop, image = self._spliced(rng, k)
        elif way < self.splice + self.stack:
            crop, image = self._stacked(rng, k)
        else:
            crop, image = self.crops[k], self.cache[k]
        h, w = image.shape[:2]
        rows = crop.rows
        if rows is None and crop.box is None and w >= ONE_ROW_RATIO * h:
            rows = 1
        text, boxes = crop.text, chinese_boxes(crop.text)
        hide = not self.as_they_are and rng.random() < COVERED
        if hide and crop.country == "CN" and rows == 1 and boxes is not None:
            place = self._plate_of(crop, w, h)
            if place is not None:
                image = np.array(image)
                text = cover(rng, image, text, boxes, place)
        return cut(image, draw_cut(rng, crop, w, h)), replace(crop, text=text, rows=rows)

    def _spliced(self, rng: np.random.Generator, k: int) -> tuple[Crop, Image]:
        """Crop `k`, joined with one of its kind where it can be."""
        assert self.joints is not None
        whole = self.crops[k], self.cache[k]
        other = self.joints.partner(rng, k, self.crops)
        if other is None:
            return whole
        at, there = self.joints.at[k], self.joints.at[other]
        assert at is not None
        assert there is not None
        made = joined(rng, (*whole, at), (self.crops[other], self.cache[other], there), self.slots - 1)
        return whole if made is None else made

    def _stacked(self, rng: np.random.Generator, k: int) -> tuple[Crop, Image]:
        """Crop `k` as a plate of two rows where it can be one. China's are stacked otherwise than cut."""
        assert self.joints is not None
        whole, at = (self.crops[k], self.cache[k]), self.joints.at[k]
        if at is None or self.crops[k].country == "CN":
            return whole
        return stacked(rng, *whole, at) or whole

    @staticmethod
    def _plate_of(crop: Crop, width: int, height: int) -> FloatArray | None:
        """Where the plate itself lies in the crop: its corners, or all of a crop that was cut to the edge."""
        if crop.quad is not None:
            return crop.quad
        if crop.box is None and width >= ONE_ROW_RATIO * height:
            return box_quad(np.array([0, 0, width, height], float))
        return None

    def _drawn(self, rng: np.random.Generator) -> tuple[Image, Crop]:
        plate, image = self._bank_plate(rng)
        h, w = image.shape[:2]
        text = plate.text
        if not self.as_they_are and rng.random() < COVERED:
            text = cover(rng, image, text, plate.char_boxes, box_quad(np.array([0, 0, w, h], float)))
        around, quad = surrounded(rng, image)
        crop = Crop(text, plate.country, plate.colour, plate.rows, quad, None)
        return lens(rng, cut(around, draw_cut(rng, crop, w, h))), crop

    def flat(self, rng: np.random.Generator) -> tuple[torch.Tensor, str, FloatArray]:
        """A drawn plate cut as in use, (3, 48, 128) uint8, its text, and where its characters stand, px (n, 4)."""
        plate, image = self._bank_plate(rng)
        h, w = image.shape[:2]
        around, place = surrounded(rng, image)
        quad = draw_cut(rng, Crop(plate.text, "", plate.colour, plate.rows, place, None), w, h)
        crop = photometric(rng, lens(rng, cut(around, quad)), blur=0.2, longest=3.0, lowest_quality=30)
        target = box_quad(np.array([0, 0, crop.shape[1], crop.shape[0]], float))
        boxes = plate.char_boxes * (w, h, w, h) + np.tile(place[0], 2)
        corners = cv2.perspectiveTransform(box_quad(boxes).astype(np.float64), homography(quad, target))
        tensor = torch.from_numpy(np.ascontiguousarray(crop.transpose(2, 0, 1)))
        return tensor, plate.text, np.concatenate([corners.min(1), corners.max(1)], -1)

    def _bank_plate(self, rng: np.random.Generator) -> tuple[Drawn, Image]:
        assert self.bank is not None
        k = int(rng.integers(len(self.drawn)))
        return self.drawn[k], np.array(self.bank[k])


def surrounded(rng: np.random.Generator, plate: Image) -> tuple[Image, FloatArray]:
    """A drawn plate on a ground, and its corners there."""
    h, w = plate.shape[:2]
    pad = round(h * 0.45)
    if rng.random() < 0.5:
        tone = tuple(int(v) for v in rng.uniform(0, 140) + rng.normal(0, 10, 3).clip(-30, 30))
        around = cv2.copyMakeBorder(plate, pad, pad, pad, pad, cv2.BORDER_CONSTANT, value=tone)
    else:
        # Of the plate's own edge colours, smeared: mirrored, it would show characters that no label names.
        around = cv2.copyMakeBorder(plate, pad, pad, pad, pad, cv2.BORDER_REPLICATE)
        smeared = smear(around, pad / 2)
        smeared[pad : pad + h, pad : pad + w] = plate
        around = smeared
    return around, box_quad(np.array([pad, pad, pad + w, pad + h], float))


def smear(image: Image, sigma: float) -> Image:
    """A wide blur, worked out at a quarter of the size: a sixth of the time without a visible difference."""
    h, w = image.shape[:2]
    small = cv2.resize(image, (max(1, w // 4), max(1, h // 4)), interpolation=cv2.INTER_AREA)
    smeared: Image = cv2.resize(cv2.GaussianBlur(small, (0, 0), sigma / 4), (w, h), interpolation=cv2.INTER_LINEAR)
    return smeared


def collate(batch: Sequence[ReadingSample]) -> tuple[torch.Tensor, ReaderTargets]:
    """Images (N, 3, 48, 128) uint8 and their targets."""
    images = torch.stack([b[0] for b in batch])
    return images, ReaderTargets(*(torch.tensor([b[k] for b in batch]) for k in range(1, 6)))
