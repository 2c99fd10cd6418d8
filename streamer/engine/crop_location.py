"""Pictures of one plate each, as people cut them: tight, squeezed, or with a margin, in which the plate is found."""

from __future__ import annotations

import math
from copy import copy

import cv2
import numpy as np

from streamer.engine.detector import Detector
from streamer.geometry import quad_box
from streamer.image.warp import frame_of, resize
from streamer.types import FloatArray, Frame, Image, Plates, Reading

# Fitted to plates held out of training, cut with 0, 12 and 25 % of margin.
LOOK_INTO = 0.97  # a picture whose whole is read less surely is looked into
_PREFER = 0.9  # what was found inside is believed from this share of the confidence that the whole was read with
_FIND_SCORE = 0.2  # one plate is there: a weak find is good enough to look at
# Share of the picture's width and height that a plate has at least, and how far off the middle it may be.
_LEAST_WIDTH, _LEAST_HEIGHT, _OFF_MIDDLE = 0.4, 0.3, 0.2
# Detectors know plates with a street around them: the picture is put into the middle of one three times as wide.
_AROUND = 1.0
# A picture without a find is taken for one of a plate from this confidence on. Of 469 dev crops the detector misses 26:
# 23 of these are read so, all rightly. The 66 dev scenes without a find are all read with a confidence of 0.
PICTURE_OF_A_PLATE = 0.9
_LARGEST = 320  # px; more of the picture is not needed to find a plate that fills half of it


def locate(detector: Detector, crop: Image) -> FloatArray | None:
    """The corners (4, 2) of the plate that a picture was cut around; None where the picture says of no part that it is
    one. `crop`: (H, W, 3) uint8 BGR."""
    height, width = crop.shape[:2]
    shrink = min(1.0, _LARGEST / max(height, width))
    small = crop
    if shrink < 1:
        small = resize(crop, max(1, round(width * shrink)), max(1, round(height * shrink)))
    scale = np.array([small.shape[1] / width, small.shape[0] / height])
    pad = math.ceil(_AROUND * max(small.shape[:2]))
    finder = copy(detector)
    finder.min_score = _FIND_SCORE
    plates = finder.detect(frame_of(cv2.copyMakeBorder(small, pad, pad, pad, pad, cv2.BORDER_REPLICATE)))
    for found in plates.quad:
        quad: FloatArray = (found - pad) / scale
        box = np.clip(quad_box(quad) / np.tile([width, height], 2), 0.0, 1.0)
        size, middle = box[2:] - box[:2], (box[:2] + box[2:]) / 2
        if (size >= (_LEAST_WIDTH, _LEAST_HEIGHT)).all() and (np.abs(middle - 0.5) <= _OFF_MIDDLE).all():
            return quad
    return None


def better(whole: Reading, inner: Reading) -> Reading:
    """The reading of the whole picture, or of the plate that was found in it."""
    believed = bool(inner.text) and inner.confidence >= _PREFER * whole.confidence
    return inner if believed else whole


def picture_of(quad: FloatArray, frame: Frame, score: float) -> Plates:
    """The one plate of a picture that shows nothing else, with that score."""
    box = np.clip(quad_box(quad), 0.0, [frame.width, frame.height] * 2)
    return Plates(box[None], np.array([score]), quad[None], np.array([False]))
