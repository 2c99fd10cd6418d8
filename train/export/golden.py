"""Outputs of a network in PyTorch on drawn pictures, kept beside its exported files.

Every exported precision is held to it by a test: the pictures are drawn again, read by the files of the zoo, and
compared as decoded plates. The pictures depend on nothing but their seeds, so none has to be stored.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypedDict

import numpy as np

from streamer.engine.decoders import DECODERS, Certainty, Classes
from streamer.engine.detector import net_size, plates_of_levels
from streamer.engine.refiner import cut_around
from streamer.geometry import box_quad, grow_quad
from streamer.image.warp import MARGIN_ACROSS, MARGIN_ALONG, cut, frame_of, letterbox
from streamer.plates.alphabet import Alphabet
from streamer.types import F32Array, Image, Plates, Reading
from train.synth.clip import ClipScene
from train.synth.degrade import degrade
from train.synth.plate import PlateRenderer

if TYPE_CHECKING:
    from torch import Tensor, nn

    from models.reader.network import ReaderNet

FILE = "golden.json"
SCENE_SIZE = (960, 540)
CROPS = 64
FILES = {"asia", "br", "cn", "latin", "tn", "us"}  # of layouts; others may come and go
GOLDEN_SCORE = 0.4  # plates from here on are compared, whatever the operating point


class GoldenPlate(TypedDict):
    score: float
    box: list[float]
    quad: list[list[float]]


class GoldenText(TypedDict):
    text: str
    confidence: float


def golden_scenes() -> Iterator[Image]:
    """Ten pictures (540, 960, 3) of two drawn streets, with plates near and far."""
    for seed in (11, 12):
        clip = ClipScene(5.0, 5, SCENE_SIZE, 3, seed)
        for k in range(4, clip.frames, 5):
            yield clip.frame(k)


def _drawn_plates(seed: int) -> Iterator[tuple[np.random.Generator, Image]]:
    """Flat drawn plates, every second one as a bad camera sees it, each with the generator that drew it."""
    renderer = PlateRenderer(None, system_fonts=False)
    layouts = ",".join(name for name, file in renderer.catalogue.file.items() if file in FILES)
    for k in range(CROPS):
        rng = np.random.default_rng((seed, k))
        plate = renderer.render(rng, layouts).image_bgr
        yield rng, degrade(rng, plate) if k % 2 else plate


def golden_crops() -> Iterator[Image]:
    """Rectified crops (48, 128, 3) of drawn plates, every second one as a bad camera sees it."""
    for _, image in _drawn_plates(2024):
        h, w = image.shape[:2]
        around = np.pad(image, ((h // 4, h // 4), (w // 8, w // 8), (0, 0)), "edge")
        quad = box_quad(np.array([w // 8, h // 4, w // 8 + w, h // 4 + h], float))
        yield cut(around, grow_quad(quad, MARGIN_ALONG, MARGIN_ACROSS))


def golden_cuts() -> Iterator[Image]:
    """Cuts (48, 96, 3) around drawn plates as the refiner gets them, their corners displaced."""
    for rng, image in _drawn_plates(2025):
        h, w = image.shape[:2]
        around = np.pad(image, ((h, h), (w // 2, w // 2), (0, 0)), "edge")
        quad = box_quad(np.array([w // 2, h, w // 2 + w, 2 * h], float)) + rng.normal(0, 0.1 * h, (4, 2))
        yield cut_around(frame_of(around), quad)


def refine_in_torch(module: nn.Module, cuts: Sequence[Image]) -> F32Array:
    """The refiner's outputs (n, 9) by the PyTorch network."""
    import torch

    from models.detector.network import normalise

    with torch.no_grad():
        outputs: Tensor = module(normalise(torch.from_numpy(np.stack(cuts).transpose(0, 3, 1, 2).copy())))
    found: F32Array = outputs.float().numpy()
    return found


def detect_in_torch(module: nn.Module, image: Image, min_score: float) -> Plates:
    """The plates of a picture by the PyTorch network, decoded as the run time decodes them."""
    import torch

    from models.detector.network import normalise

    frame = frame_of(image)
    shown, scale = letterbox(frame, *net_size(frame.width, frame.height))
    with torch.no_grad():
        levels = module(normalise(torch.from_numpy(shown.transpose(2, 0, 1).copy())[None]))
    maps = [level[0].float().permute(1, 2, 0).numpy() for level in levels]
    return plates_of_levels(maps, scale, frame.width, frame.height, min_score)


def read_in_torch(
    module: ReaderNet,
    crop: Image,
    alphabet: Alphabet,
    temperature: float,
    whole: Certainty = Certainty(),  # noqa: B008 - frozen
) -> Reading:
    """The reading of a crop by the PyTorch network, decoded as the run time decodes it."""
    import torch

    from models.detector.network import normalise

    with torch.no_grad():
        outputs = module(normalise(torch.from_numpy(crop.transpose(2, 0, 1).copy())[None]))
    decoder = DECODERS[module.decoded_by]
    named = dict(zip(decoder.outputs, (o[0].float().numpy() for o in outputs), strict=True))
    return decoder.read(named, Classes(alphabet, temperature, whole))


def detector_golden(module: nn.Module, min_score: float) -> list[list[GoldenPlate]]:
    """One list a picture, one object a plate."""
    return [_plates(detect_in_torch(module, image, min_score)) for image in golden_scenes()]


def refiner_golden(module: nn.Module) -> list[list[float]]:
    """One row of outputs a cut."""
    return [[round(float(v), 4) for v in row] for row in refine_in_torch(module, list(golden_cuts()))]


def reader_golden(module: ReaderNet, alphabet: Alphabet, temperature: float, whole: Certainty) -> list[GoldenText]:
    """One object a crop."""
    found = (read_in_torch(module, crop, alphabet, temperature, whole) for crop in golden_crops())
    return [{"text": r.text, "confidence": round(r.confidence, 4)} for r in found]


def _plates(plates: Plates) -> list[GoldenPlate]:
    return [
        {
            "score": round(float(plates.score[i]), 4),
            "box": plates.box_xyxy[i].round(3).tolist(),
            "quad": plates.quad[i].round(3).tolist(),
        }
        for i in range(len(plates))
    ]


def path_of(folder: Path) -> Path:
    return folder / FILE
