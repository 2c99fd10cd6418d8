"""Numbers fitted after training, on the held-out part of `train`: the reader's temperature, the detector's
threshold."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import TypeVar

import cv2
import numpy as np
import torch
from rich.progress import track
from torch import nn
from torch.nn import functional as F

from models.detector.network import normalise
from models.reader.network import ReaderNet
from streamer.engine.decoders import DECODERS, Certainty, Classes, weighed, weighed_columns
from streamer.engine.detector import LONG, LOWEST_SCORE, SHORT, looked_at, net_size
from streamer.engine.refiner import Refiner
from streamer.geometry import box_quad, grow_quad
from streamer.image.warp import MARGIN_ACROSS, MARGIN_ALONG, PAD, cut, frame_of, letterbox
from streamer.plates.alphabet import Alphabet
from streamer.types import FloatArray, Image, Plate
from train.data.manifest import Sample
from train.evaluate.measures import match_scene
from train.export.golden import detect_in_torch
from train.recipes.reader import crop_of, region_of

T = TypeVar("T")
KINDS = 3  # outputs beside the characters that say what kind of plate it is
CHOICES = 3  # times that the texts are chosen and the weighing is fitted


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
    module: ReaderNet, samples: Sequence[Sample], alphabet: Alphabet, slots: int
) -> tuple[float, Certainty]:
    """The temperature that makes the labels of these crops most probable (golden-section search on the mean NLL), and
    how sure a whole text is by what queries and columns say of it (logistic regression, after Platt).

    Which of the two texts is taken depends on that weighing itself, so it is fitted again on the texts it has chosen.
    """
    crops, texts = [], []
    for s in samples:
        crop = reader_crop(s)
        if crop is not None:
            crops.append(crop)
            texts.append(s.plates[0].text or "")
    if not crops:
        return 1.0, Certainty()
    images = torch.from_numpy(np.stack(crops).transpose(0, 3, 1, 2).copy())
    with torch.no_grad():
        parts = [module(normalise(images[a:b])) for a, b in pairwise(steps(len(images), 256))]
    if "characters" not in DECODERS[module.decoded_by].outputs:
        return 1.0, fit_columns(module.decoded_by, parts, texts, alphabet, slots)
    logits, *others = (torch.cat(output) for output in zip(*parts, strict=True))
    truth = torch.tensor([alphabet.encode(text, slots) for text in texts])

    def nll(log_t: float) -> float:
        return float(F.cross_entropy(logits.flatten(0, 1) / float(np.exp(log_t)), truth.flatten()))

    temperature = round(float(np.exp(golden_section(nll, np.log(0.2), np.log(4.0)))), 3)
    outputs = [[o[i].numpy() for o in (logits, *others)] for i in range(len(texts))]
    whole = Certainty(0.5, 0.0, 0.5) if len(others) > KINDS else Certainty()
    for _ in range(CHOICES):
        found = [weighed(characters, rest, alphabet, temperature, whole) for characters, *rest in outputs]
        right = np.array([f.text == text for f, text in zip(found, texts, strict=True)], float)
        by_columns = None if found[0].columns is None else np.array([f.columns for f in found], float)
        weakest = np.array([f.weakest for f in found], float)
        whole = fit_certainty(np.array([f.places for f in found]), by_columns, right, weakest)
    return temperature, whole


def fit_columns(
    decoder: str, parts: Sequence[Sequence[torch.Tensor]], texts: Sequence[str], alphabet: Alphabet, slots: int
) -> Certainty:
    """How sure a whole text is by what columns alone say of it. `parts`: the network's outputs, batch by batch."""
    outputs = (torch.cat(output) for output in zip(*parts, strict=True))
    named = dict(zip(DECODERS[decoder].outputs, (o.float().numpy() for o in outputs), strict=True))
    classes = Classes(alphabet, slots=slots)
    found = [weighed_columns({k: v[i] for k, v in named.items()}, classes) for i in range(len(texts))]
    right = np.array([f.text == text for f, text in zip(found, texts, strict=True)], float)
    return Certainty(*platt(np.array([f.places for f in found]), right))


def fit_certainty(
    places: FloatArray, columns: FloatArray | None, right: FloatArray, weakest: FloatArray | None = None
) -> Certainty:
    """The certainty that makes `right` (n,) most probable, from the probabilities (n,) of texts by the queries and,
    where there are any, by the columns and of the least probable character."""
    if columns is None:
        return Certainty(*platt(places, right))
    parts = [places, columns] if weakest is None else [places, columns, weakest]
    weights = regress(np.stack([log_odds(p) for p in parts], 1), right)
    if weights is None:
        return Certainty(0.5, 0.0, 0.5)
    scale, by_columns, *rest, shift = weights
    return Certainty(scale, shift, by_columns, *rest)


def log_odds(p: FloatArray) -> FloatArray:
    p = np.clip(p, 1e-9, 1 - 1e-9)
    return np.asarray(np.log(p / (1 - p)))


def regress(x: FloatArray, right: FloatArray, rounds: int = 50) -> list[float] | None:
    """Weights of the columns of `x` (n, k) and a shift by logistic regression (Newton's method, with a weak pull
    towards equal weights that sum to 1); None where there is nothing to fit or a weight would turn the order around."""
    if len(right) < 20 or right.min() == right.max():
        return None
    start = np.r_[np.full(x.shape[1], 1 / x.shape[1]), 0.0]
    x = np.c_[x, np.ones(len(x))]
    side = np.where(right > 0.5, 1.0, -1.0)

    def cost(w: FloatArray) -> float:
        return float(np.logaddexp(0.0, -side * (x @ w)).sum() + 0.5 * ((w - start) ** 2).sum())

    w = start.copy()
    for _ in range(rounds):
        q = 0.5 * (1 + np.tanh(0.5 * (x @ w)))
        gradient = x.T @ (q - right) + (w - start)
        step = np.linalg.solve(x.T @ (x * (q * (1 - q))[:, None]) + np.eye(len(w)), gradient)
        # Where most texts are next to certain the full step overshoots: halved until it helps.
        while np.abs(step).max() > 1e-9 and cost(w - step) > cost(w):
            step = step / 2
        w = w - step
    return [round(float(v), 3) for v in w] if w[:-1].min() >= 0 and w[:-1].max() > 0.05 else None


def platt(confidence: FloatArray, right: FloatArray) -> tuple[float, float]:
    """Scale and shift of the log-odds that make `right` (n,) most probable; 1 and 0 where there is nothing to fit."""
    weights = regress(log_odds(confidence)[:, None], right)
    return (1.0, 0.0) if weights is None else (weights[0], weights[1])


def fit_min_score(module: nn.Module, samples: Sequence[Sample], refiner: Refiner | None = None) -> float:
    """The score with the best F1 of found plates (IoU 0.5) on these pictures, to two decimals; 0.4 without any.
    `refiner`: the refiner of what the module finds.

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


def golden_section(f: Callable[[float], float], low: float, high: float, rounds: int = 40) -> float:
    """The minimum of a function with one valley."""
    ratio = (5**0.5 - 1) / 2
    a, b = low, high
    for _ in range(rounds):
        c, d = b - ratio * (b - a), a + ratio * (b - a)
        a, b = (a, d) if f(c) < f(d) else (c, b)
    return (a + b) / 2
