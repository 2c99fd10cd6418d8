"""What the reader sees while it learns: real crops cut as the pipeline cuts them, and drawn plates.

A crop comes in one of the ways it comes in use: rectified from corners that are as wrong as the detector's, cut by a
box without corners, tight, squeezed, or loose.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import torch
from torch.utils.data import Dataset

from models.reader.loss import ReaderTargets
from models.reader.network import COLOURS
from streamer.alphabet import Alphabet
from streamer.geometry import box_quad, grow_quad, homography, plate_height
from streamer.pixels import MARGIN_ACROSS, MARGIN_ALONG, cut
from streamer.types import FloatArray, Image
from train.data.cache import PictureCache
from train.data.cover import chinese_boxes, cover
from train.data.photometric import lens, photometric

ONE_ROW_RATIO = 2.4  # a crop at least this wide for its height holds one row of text
FEW = 25  # a country with fewer crops comes no more often than one with as many
COVERED = 0.12  # of the crops whose characters' places are known
LEGIBLE = 13, 5  # px that a character needs in height and width to be read


@dataclass(frozen=True)
class Crop:
    """A labelled crop: the plate's corners or box inside the cached picture, where known."""

    text: str
    country: str
    colour: str | None
    rows: int | None
    quad: FloatArray | None
    box: FloatArray | None


@dataclass(frozen=True)
class Drawn:
    """A drawn plate in the bank: flat, to the edge. `char_boxes` (n, 4) as shares of its width and height."""

    text: str
    colour: str | None
    rows: int
    char_boxes: FloatArray


def crop_weights(crops: Sequence[Crop], power: float) -> FloatArray:
    """Rarer countries, and rarer Chinese provinces, come more often than the data has them, up to a limit; several
    crops of one plate share what one would get."""
    keys = [c.country + (c.text[:1] if c.country == "CN" else "") for c in crops]
    counts, same = Counter(keys), Counter((c.country, c.text) for c in crops)
    return np.array(
        [
            max(counts[k], FEW) ** (power - 1) / (same[c.country, c.text] if c.text else 1)
            for k, c in zip(keys, crops, strict=True)
        ]
    )


def draw_cut(rng: np.random.Generator, crop: Crop, width: int, height: int) -> FloatArray:
    """The quad (4, 2) of one random way of cutting the crop."""
    whole = box_quad(np.array([0, 0, width, height], float))
    if crop.box is None and crop.quad is None:
        # Cut by its source, with or without a margin: little can be moved.
        margin = rng.normal(0.0, 0.025, 2)
        return jitter(rng, grow_quad(whole, *margin), 0.02)
    way = rng.random()
    if crop.quad is not None and way < 0.7:
        along, across = MARGIN_ALONG + rng.normal(0, 0.02), MARGIN_ACROSS + rng.normal(0, 0.04)
        sigma = 0.03 if rng.random() < 0.6 else 0.08
        return jitter(rng, grow_quad(crop.quad, along, across), sigma)
    base = box_quad(crop.box) if crop.box is not None else crop.quad
    assert base is not None
    if way < 0.85:
        along, across = rng.normal(0.02, 0.04, 2)
    else:
        along = across = float(rng.uniform(0.05, 0.25))
    return jitter(rng, grow_quad(base, along, across), 0.02)


def jitter(rng: np.random.Generator, quad: FloatArray, sigma: float) -> FloatArray:
    """Corners moved by `sigma` of the plate's height."""
    return quad + rng.normal(0, sigma * float(plate_height(quad)), (4, 2))


def coarsen(rng: np.random.Generator, image: Image, characters: int, rows: int) -> Image:
    """As from a plate of fewer pixels, but still legible: shrunk and enlarged again."""
    lowest = min(rows * LEGIBLE[0], 40)
    h = int(np.exp(rng.uniform(np.log(lowest), np.log(46))))
    w = max(LEGIBLE[1] * -(-characters // rows), round(h * float(rng.uniform(1.8, 4.2))))
    small = cv2.resize(image, (w, h), interpolation=cv2.INTER_AREA)
    return cv2.resize(small, (image.shape[1], image.shape[0]), interpolation=cv2.INTER_LINEAR)


class ReadingData(Dataset[tuple[torch.Tensor, list[int], int, int, int]]):
    """Sample `i` drawn from (seed, i): image (3, 48, 128) uint8 BGR, slots, length, colour and rows (-1: unknown)."""

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
    ) -> None:
        """`texts` False: crops need none, and slots and length tell nothing."""
        self.crops, self.cache, self.drawn, self.bank = crops, cache, drawn, bank
        self.cumulative = np.cumsum(weights / weights.sum()) if len(crops) else np.zeros(0)
        self.alphabet, self.total, self.slots, self.seed = alphabet, total, slots, seed
        self.texts = texts
        self.as_they_are = False  # True: without the camera that is put over every crop
        self.share = 0.0 if not drawn else 1.0 if not len(crops) else synthetic_share

    def __len__(self) -> int:
        return self.total

    def __getitem__(self, i: int) -> tuple[torch.Tensor, list[int], int, int, int]:
        rng = np.random.default_rng((self.seed, i))
        image, text, colour, rows = self._drawn(rng) if rng.random() < self.share else self._real(rng)
        if not self.as_they_are:
            if rng.random() < 0.3:
                image = coarsen(rng, image, len(text), rows or 1)
            image = photometric(rng, image, blur=0.3, longest=4.5, lowest_quality=20)
        slots = self.alphabet.encode(text if self.texts else "", self.slots)
        colour_class = COLOURS.index(colour) if colour in COLOURS else -1
        tensor = torch.from_numpy(np.ascontiguousarray(image.transpose(2, 0, 1)))
        return tensor, slots, len(text), colour_class, -1 if rows is None else rows - 1

    def _real(self, rng: np.random.Generator) -> tuple[Image, str, str | None, int | None]:
        k = int(np.searchsorted(self.cumulative, rng.random(), side="right").clip(0, len(self.crops) - 1))
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
        return cut(image, draw_cut(rng, crop, w, h)), text, crop.colour, rows

    @staticmethod
    def _plate_of(crop: Crop, width: int, height: int) -> FloatArray | None:
        """Where the plate itself lies in the crop: its corners, or all of a crop that was cut to the edge."""
        if crop.quad is not None:
            return crop.quad
        if crop.box is None and width >= ONE_ROW_RATIO * height:
            return box_quad(np.array([0, 0, width, height], float))
        return None

    def _drawn(self, rng: np.random.Generator) -> tuple[Image, str, str | None, int | None]:
        plate, image = self._bank_plate(rng)
        h, w = image.shape[:2]
        text = plate.text
        if not self.as_they_are and rng.random() < COVERED:
            text = cover(rng, image, text, plate.char_boxes, box_quad(np.array([0, 0, w, h], float)))
        around, quad = surrounded(rng, image)
        crop = Crop(text, "", plate.colour, plate.rows, quad, None)
        return lens(rng, cut(around, draw_cut(rng, crop, w, h))), text, plate.colour, plate.rows

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
        smeared = cv2.GaussianBlur(around, (0, 0), pad / 2)
        smeared[pad : pad + h, pad : pad + w] = plate
        around = smeared
    return around, box_quad(np.array([pad, pad, pad + w, pad + h], float))


def collate(batch: Sequence[tuple[torch.Tensor, list[int], int, int, int]]) -> tuple[torch.Tensor, ReaderTargets]:
    """Images (N, 3, 48, 128) uint8 and their targets."""
    images = torch.stack([b[0] for b in batch])
    slots, length, colour, rows = (torch.tensor([b[k] for b in batch]) for k in (1, 2, 3, 4))
    return images, ReaderTargets(slots, length, colour, rows)
