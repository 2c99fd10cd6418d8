"""New texts from real plates: the left part of one and the right part of another of its kind, joined between two
characters.

A reader that sees the same few thousand texts a hundred times memorises them and reads the nearest one into what
it has not seen. Where the characters stand is found by the CTC head of a reader that is already trained.
"""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import torch
from rich.progress import track

from models.detector.network import normalise
from models.reader.network import ReaderNet
from streamer.engine.zoo import sha256
from streamer.geometry import box_quad, grow_quad, homography, transform
from streamer.image.warp import CROP_HEIGHT, CROP_WIDTH, MARGIN_ACROSS, MARGIN_ALONG, cut
from streamer.plates.alphabet import Alphabet
from streamer.types import FloatArray, Image
from train.data.cache import PictureCache, write_whole
from train.data.plates import Crop
from train.loop.weights import load_weights, reader_of

SIZE = 2 * CROP_WIDTH, 2 * CROP_HEIGHT  # px of a plate while it is joined
AROUND = 0.12  # of the plate's width and height that is kept on each side, so that it can be cut again
SURE = -0.35  # log-probability a character from which an alignment is believed
CALM = 0.6  # a gap varies less from top to bottom than this share of the characters beside it
NEAR = 0.07  # of the width: joints farther apart than this would stretch the plate


def straight(crop: Crop, image: Image) -> FloatArray:
    """The quad (4, 2) of the plainest cut of a crop: by its corners, its box, or all of it."""
    if crop.quad is not None:
        return grow_quad(crop.quad, MARGIN_ALONG, MARGIN_ACROSS)
    box = np.array([0, 0, image.shape[1], image.shape[0]], float) if crop.box is None else crop.box
    return box_quad(box)


def aligned(log_p: FloatArray, classes: Sequence[int]) -> tuple[FloatArray, float] | None:
    """Where each class stands among the columns of CTC's log-probabilities (T, C + 1), blank last, by the best path:
    centres (n,) in columns, and the path's log-probability. None where the text does not fit."""
    blank = log_p.shape[1] - 1
    states = [blank]
    for k in classes:
        states += [k, blank]
    steps, n = len(log_p), len(states)
    best = np.full((steps, n), -np.inf)
    came = np.zeros((steps, n), int)
    best[0, :2] = log_p[0, states[:2]]
    for t in range(1, steps):
        for s in range(n):
            before = [s, s - 1] + ([s - 2] if s > 1 and states[s] not in (blank, states[s - 2]) else [])
            before = [k for k in before if k >= 0]
            came[t, s] = max(before, key=lambda k: best[t - 1, k])
            best[t, s] = best[t - 1, came[t, s]] + log_p[t, states[s]]
    last = n - 1 if best[-1, n - 1] >= best[-1, n - 2] else n - 2
    score = float(best[-1, last])
    if not np.isfinite(score):
        return None
    path = [last]
    for t in range(steps - 1, 0, -1):
        path.append(int(came[t, path[-1]]))
    path.reverse()
    where = np.array(path)
    return np.array([np.flatnonzero(where == 2 * k + 1).mean() + 0.5 for k in range(len(classes))]), score


def gaps(picture: Image, centres: FloatArray) -> FloatArray:
    """The joints (n - 1,) between neighbouring characters at `centres` (n,) px: the calmest column between them, NaN
    where none is calm."""
    grey = cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY)
    h = grey.shape[0]
    calm = cv2.blur(grey[h // 5 : -h // 5].astype(np.float32), (3, 1)).std(0)
    joints = []
    for a, b in pairwise(centres):
        low, high = a + 0.25 * (b - a), b - 0.25 * (b - a)
        columns = np.arange(int(low), max(int(low) + 1, int(high)) + 1).clip(0, len(calm) - 1)
        middle = np.abs(columns - (a + b) / 2) / max(b - a, 1)
        best = int(columns[np.argmin(calm[columns] * (1 + 0.5 * middle))])
        around = calm[max(0, int(a - 4)) : int(b + 5)].mean()
        joints.append(best + 0.5 if calm[best] < CALM * around else np.nan)
    return np.array(joints)


def joints_of(module: ReaderNet, alphabet: Alphabet, crop: Crop, image: Image) -> FloatArray | None:
    """The joints (n - 1,) of a crop's text as shares of its straight cut's width; None where it has two rows, or where
    the reader does not see the text in it."""
    quad = straight(crop, image)
    if crop.rows == 2 or len(crop.text) < 3 or alphabet.unreadable_mark in crop.text:
        return None
    shown = cut(image, quad)
    x = normalise(torch.from_numpy(shown.transpose(2, 0, 1).copy())[None])
    with torch.no_grad():
        _, one, _ = module.forward_training(x)
    found = aligned(one[0].log_softmax(-1).double().numpy(), alphabet.encode(crop.text, len(crop.text) + 1)[:-1])
    if found is None or found[1] < SURE * len(crop.text):
        return None
    joints = gaps(cut(image, quad, *SIZE), found[0] / one.shape[1] * SIZE[0]) / SIZE[0]
    return None if np.isnan(joints).all() else joints


@dataclass(frozen=True, eq=False)
class Joints:
    """The crops that can be joined: `at[k]` the joints of crop k (NaN where characters touch), None where it has none;
    `kin` the crops of each family."""

    at: list[FloatArray | None]
    kin: dict[str, list[int]]

    def partner(self, rng: np.random.Generator, k: int, crops: Sequence[Crop]) -> int | None:
        """Another crop that `k` can be joined with."""
        likes = self.kin.get(family(crops[k]), []) if self.at[k] is not None else []
        if len(likes) < 2:
            return None
        other = likes[int(rng.integers(len(likes)))]
        return None if other == k else other


def family(crop: Crop) -> str:
    """Crops that look and are written alike: of one country, in China of one colour and length too; cut in one way."""
    way = "corners" if crop.quad is not None else "whole" if crop.box is None else "box"
    return f"{crop.country}-{way}" + (f"-{crop.colour}-{len(crop.text)}" if crop.country == "CN" else "")


def find_joints(weights: Path, crops: Sequence[Crop], cache: PictureCache, alphabet: Alphabet, folder: Path) -> Joints:
    """The joints of all crops by the reader of these weights; kept in `folder`."""
    labels = hashlib.sha256(repr([c.text for c in crops]).encode()).hexdigest()[:12]
    kept = folder / f"joints-{sha256(weights)[:12]}-{cache.file.stem}-{labels}.json"
    if not kept.is_file():
        module = reader_of(load_weights(weights))
        found = (joints_of(module, alphabet, c, cache[k]) for k, c in enumerate(crops))
        rows = [
            None if at is None else [None if np.isnan(x) else round(float(x), 4) for x in at]
            for at in track(found, "looking for the gaps between characters", total=len(crops), transient=True)
        ]
        write_whole(kept, json.dumps(rows))
    at = [None if row is None else np.array(row, float) for row in json.loads(kept.read_text(encoding="utf-8"))]
    kin: dict[str, list[int]] = defaultdict(list)
    for k, crop in enumerate(crops):
        if at[k] is not None:
            kin[family(crop)].append(k)
    return Joints(at, dict(kin))


def joined(
    rng: np.random.Generator,
    left: tuple[Crop, Image, FloatArray],
    right: tuple[Crop, Image, FloatArray],
    longest: int,
) -> tuple[Crop, Image] | None:
    """The left part of one plate and the right part of another, as a crop and its picture; None where no joints are
    near enough, or where the text would be longer than `longest`. Each: crop, picture, joints."""
    (a, image_a, at_a), (b, image_b, at_b) = left, right
    i = int(rng.choice(np.flatnonzero(~np.isnan(at_a))))
    near = np.flatnonzero(np.abs(at_b - at_a[i]) < NEAR)  # never where there is no joint
    if a.country == "CN":  # every place has its own characters
        near = near[near == i]
    if not len(near):
        return None
    j = int(rng.choice(near))
    text = a.text[: i + 1] + b.text[j + 1 :]
    if not 3 <= len(text) <= longest:
        return None
    (one, box), (two, _) = spread(a, image_a), spread(b, image_b)
    left_end = round(box[0] + at_a[i] * (box[2] - box[0]))
    right_start = round(box[0] + at_b[j] * (box[2] - box[0]))
    picture = np.hstack([one[:, :left_end], toned(two, one)[:, right_start:]])
    seam = picture[:, max(0, left_end - 2) : left_end + 2]
    seam[:] = cv2.blur(seam, (3, 1))
    wide = picture.shape[1] - one.shape[1]
    plate = box + np.array([0, 0, wide, 0])
    return as_crop(a, text, plate), picture


def spread(crop: Crop, image: Image) -> tuple[Image, FloatArray]:
    """A crop cut straight with a margin (none where its source left none), and the box (4,) that its straight cut
    takes in there."""
    around = 0.0 if crop.quad is None and crop.box is None else AROUND
    w, h = SIZE
    dx, dy = round(around * w), round(around * h)
    return cut(image, grow_quad(straight(crop, image), around, around), w + 2 * dx, h + 2 * dy), np.array(
        [dx, dy, dx + w, dy + h], float
    )


def as_crop(crop: Crop, text: str, cut_box: FloatArray) -> Crop:
    """The joined plate as a crop like the one it came from: with corners, a box, or neither."""
    quad = box_quad(cut_box)
    if crop.quad is not None:  # the straight cut had a margin around the corners
        unit = homography(grow_quad(box_quad(np.array([0, 0, 1.0, 1])), MARGIN_ALONG, MARGIN_ACROSS), quad)
        corners = transform(unit, box_quad(np.array([0, 0, 1.0, 1])))
        return Crop(text, crop.country, crop.colour, 1, corners, None)
    return Crop(text, crop.country, crop.colour, 1, None, None if crop.box is None else cut_box)


def toned(image: Image, like: Image) -> Image:
    """The picture with the brightness, contrast and tint of another."""
    mean, deviation = (x.reshape(3) for x in cv2.meanStdDev(image))
    wanted, spread_wanted = (x.reshape(3) for x in cv2.meanStdDev(like))
    gain = np.clip(spread_wanted / np.maximum(deviation, 1), 0.4, 2.5)
    table = (np.arange(256)[:, None] - mean) * gain + wanted
    out: Image = cv2.LUT(image, np.clip(table, 0, 255).round().astype(np.uint8)[None])
    return out
