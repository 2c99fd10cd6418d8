"""Numbers fitted after training, on the held-out part of `train`: the reader's temperature, the detector's
threshold."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import TypeVar

import cv2
import numpy as np
import torch
from rich.progress import track
from torch import nn
from torch.nn import functional as F

from models.detector.network import normalise
from streamer.alphabet import Alphabet
from streamer.engine.detector import LONG, LOWEST_SCORE, SHORT, looked_at, net_size
from streamer.engine.reader import reading
from streamer.engine.refiner import Refiner
from streamer.geometry import box_quad, grow_quad
from streamer.pixels import MARGIN_ACROSS, MARGIN_ALONG, PAD, cut, frame_of, letterbox
from streamer.types import FloatArray, Image, Plate
from train.data.manifest import Sample
from train.golden import detect_in_torch
from train.measures import match_scene
from train.reader import crop_of, region_of

T = TypeVar("T")


def reader_crop(sample: Sample) -> Image | None:
    """A labelled crop as the pipeline would cut it: (48, 128, 3)."""
    image = cv2.imread(str(sample.path))
    if image is None:
        return None
    if (region := region_of(sample)) is not None:
        image = image[region[1] : region[3], region[0] : region[2]]
    crop = crop_of(sample, 1.0)
    h, w = image.shape[:2]
    if crop.quad is not None:
        return cut(image, grow_quad(crop.quad, MARGIN_ALONG, MARGIN_ACROSS))
    return cut(image, box_quad(crop.box if crop.box is not None else np.array([0, 0, w, h], float)))


def detector_input(sample: Sample) -> Image | None:
    """A picture as the pipeline would show it to the network: (384, 640, 3).

    Of portrait pictures, shown at the scale of portrait, the middle that fits into the landscape size.
    """
    image = cv2.imread(str(sample.path))
    if image is None:
        return None
    shown = letterbox(frame_of(image), *net_size(image.shape[1], image.shape[0]))[0]
    if shown.shape[:2] == (SHORT, LONG):
        return shown
    canvas = np.full((SHORT, LONG, 3), PAD, np.uint8)
    top = (shown.shape[0] - SHORT) // 2
    canvas[:, : shown.shape[1]] = shown[top : top + SHORT]
    return canvas


def spread(samples: Sequence[T], count: int) -> list[T]:
    """`count` samples evenly over the list, so that every source is among them."""
    if len(samples) <= count:
        return list(samples)
    return [samples[round(i * (len(samples) - 1) / (count - 1))] for i in range(count)]


def fit_confidence(
    module: nn.Module, samples: Sequence[Sample], alphabet: Alphabet, slots: int
) -> tuple[float, tuple[float, float]]:
    """The temperature that makes the labels of these crops most probable (golden-section search on the mean NLL), and
    scale and shift of the log-odds that the whole text is right, by logistic regression (Platt)."""
    crops, texts = [], []
    for s in samples:
        crop = reader_crop(s)
        if crop is not None:
            crops.append(crop)
            texts.append(s.plates[0].text or "")
    if not crops:
        return 1.0, (1.0, 0.0)
    images = torch.from_numpy(np.stack(crops).transpose(0, 3, 1, 2).copy())
    with torch.no_grad():
        logits = torch.cat([module(normalise(images[a:b]))[0] for a, b in pairwise(steps(len(images), 256))])
    truth = torch.tensor([alphabet.encode(text, slots) for text in texts])

    def nll(log_t: float) -> float:
        return float(F.cross_entropy(logits.flatten(0, 1) / float(np.exp(log_t)), truth.flatten()))

    temperature = round(float(np.exp(golden_section(nll, np.log(0.2), np.log(4.0)))), 3)
    readings = [reading(p, [], alphabet) for p in (logits / temperature).softmax(-1).numpy()]
    confidence = np.array([r.confidence for r in readings])
    right = np.array([r.text == text for r, text in zip(readings, texts, strict=True)], float)
    return temperature, platt(confidence, right)


def platt(confidence: FloatArray, right: FloatArray, rounds: int = 50) -> tuple[float, float]:
    """Scale and shift of the log-odds that make `right` (n,) most probable, by Newton's method with a weak pull
    towards 1 and 0; those where there is nothing to fit, or a scale that would turn the order around."""
    if len(right) < 20 or right.min() == right.max():
        return 1.0, 0.0
    p = np.clip(confidence, 1e-9, 1 - 1e-9)
    x = np.stack([np.log(p / (1 - p)), np.ones_like(p)], 1)
    start = np.array([1.0, 0.0])
    w = start.copy()
    for _ in range(rounds):
        q = 1 / (1 + np.exp(-(x @ w)))
        gradient = x.T @ (q - right) + (w - start)
        w = w - np.linalg.solve(x.T @ (x * (q * (1 - q))[:, None]) + np.eye(2), gradient)
    return (round(float(w[0]), 3), round(float(w[1]), 3)) if w[0] > 0.05 else (1.0, 0.0)


def fit_min_score(module: nn.Module, samples: Sequence[Sample], refiner: Refiner | None = None) -> float:
    """The score with the best F1 of found plates (IoU 0.5) on these pictures, to two decimals; 0.4 without any.
    `refiner`: who looks again at what the module finds.

    Pictures that may hold unlabelled plates are left out: their misses would count and their false ones would not.
    """
    rows: list[tuple[float, bool]] = []
    plates = 0
    for s in track([s for s in samples if s.complete], "fitting the threshold", transient=True):
        image = cv2.imread(str(s.path))
        if image is None:
            continue
        found = detect_in_torch(module, image, LOWEST_SCORE)
        if refiner is not None:
            h, w = image.shape[:2]
            found = looked_at(refiner.refine(frame_of(image), found), w, h, LOWEST_SCORE)
        detected = [Plate(found.box_xyxy[i], found.quad[i], float(found.score[i])) for i in range(len(found))]
        scene = match_scene(s.plates, s.complete, detected, 0.0)
        plates += len(scene.labels)
        rows += [(m.plate.score, m.label is not None) for m in scene.matches]
    return best_threshold(rows, plates)


def best_threshold(rows: Sequence[tuple[float, bool]], plates: int, beta: float = 1.0, default: float = 0.4) -> float:
    """The threshold of best F-beta among (score, right) rows: the last score that pays, to two decimals, within 0.1
    and 0.9. Lower ones would let in more than what was seen to pay."""
    if not rows or not plates:
        return default
    ordered = sorted(rows, reverse=True)
    hits = np.cumsum([right for _, right in ordered])
    f = (1 + beta**2) * hits / (np.arange(1, len(ordered) + 1) + beta**2 * plates)
    best = int(f.argmax())
    return float(np.clip(math.floor(ordered[best][0] * 100 + 1e-9) / 100, 0.1, 0.9))


def steps(n: int, size: int) -> list[int]:
    return [*range(0, n, size), n]


def golden_section(f, low: float, high: float, rounds: int = 40) -> float:  # type: ignore[no-untyped-def]
    """The minimum of a function with one valley."""
    ratio = (5**0.5 - 1) / 2
    a, b = low, high
    for _ in range(rounds):
        c, d = b - ratio * (b - a), a + ratio * (b - a)
        a, b = (a, d) if f(c) < f(d) else (c, b)
    return (a + b) / 2
