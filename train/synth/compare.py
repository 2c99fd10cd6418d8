"""Do drawn plates look like real ones? Simple statistics of both, as the reader is shown them, on one plot."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np

from streamer.errors import InputError
from streamer.types import F32Array, FloatArray, Image
from train.figures.pyplot import pyplot, save

if TYPE_CHECKING:
    from torch import Tensor

SAMPLES = 2000  # crops of each kind at most


def brightness(image: Image) -> float:
    return float(_luma(image).mean())


def contrast(image: Image) -> float:
    """Between the darkest and the brightest twentieth."""
    low, high = np.percentile(_luma(image), [5, 95])
    return float(high - low)


def sharpness(image: Image) -> float:
    """How steep the steepest edges are: the 95th percentile of the gradient over the contrast."""
    luma = _luma(image)
    steep = np.hypot(cv2.Sobel(luma, cv2.CV_32F, 1, 0), cv2.Sobel(luma, cv2.CV_32F, 0, 1)) / 4
    return float(np.percentile(steep, 95) / max(contrast(image), 8.0))


def noise(image: Image) -> float:
    """Deviation of what a median takes away, where the picture is flat."""
    luma = _luma(image)
    rest = luma - cv2.medianBlur(luma.astype(np.uint8), 3)
    steep = cv2.blur(np.hypot(cv2.Sobel(luma, cv2.CV_32F, 1, 0), cv2.Sobel(luma, cv2.CV_32F, 0, 1)), (3, 3))
    flat = steep <= np.percentile(steep, 30)
    return float(rest[flat].std())


def saturation(image: Image) -> float:
    return float(cv2.cvtColor(image, cv2.COLOR_BGR2HSV)[..., 1].mean())


def cast(image: Image) -> float:
    """Mean of blue less mean of red: how cold the light is, and the plate's own colour."""
    return float(image[..., 0].mean() - image[..., 2].mean())


MEASURES: dict[str, Callable[[Image], float]] = {
    f.__name__: f for f in (brightness, contrast, sharpness, noise, saturation, cast)
}


def _luma(image: Image) -> F32Array:
    return np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), np.float32)


def statistics(images: Sequence[Image]) -> dict[str, FloatArray]:
    """Each measure of each picture."""
    return {name: np.array([measure(i) for i in images], float) for name, measure in MEASURES.items()}


def distance(a: FloatArray, b: FloatArray) -> float:
    """The largest gap between two cumulative distributions (Kolmogorov and Smirnov): 0 alike, 1 apart."""
    points = np.sort(np.concatenate([a, b]))
    below = [np.searchsorted(np.sort(v), points, side="right") / len(v) for v in (a, b)]
    return float(np.abs(below[0] - below[1]).max())


def plot(real: dict[str, FloatArray], drawn: dict[str, FloatArray], file: Path) -> None:
    """One panel a measure, both as densities."""
    figure, axes = pyplot().subplots(2, 3, figsize=(10, 5))
    for axis, name in zip(axes.flat, MEASURES, strict=True):
        both = np.concatenate([real[name], drawn[name]])
        low, high = np.percentile(both, [0.5, 99.5])
        edges = np.linspace(low, high, 41)
        for values, label in ((real[name], "real"), (drawn[name], "drawn")):
            axis.hist(values, edges, density=True, histtype="step", label=label)
        axis.set(title=f"{name}, distance {distance(real[name], drawn[name]):.2f}", yticks=[])
    axes[0, 0].legend()
    save(figure, file)


def compare(data: Sequence[str], out: Path, count: int = SAMPLES, drawn: int = 4000) -> dict[str, float]:
    """Writes `statistics.png` and `crops.png` (real ones, then drawn ones) into `out`; gives the distance of each
    measure. Real crops are the training part as the pipeline would cut them, drawn ones with the mildest camera; what
    the reader is shown of both has further damage."""
    from train.figures.sheets import contact_sheet
    from train.loop.config import ReaderTrainConfig
    from train.recipes.reader import reader_data

    config = ReaderTrainConfig(name="compare", samples=count, batch=1, lr=1.0, synthetic=drawn)
    dataset, samples = reader_data(config, data, out)
    if not samples:
        raise InputError(f"{', '.join(data)}: no crop with a text to compare with")
    pictures: dict[str, list[Image]] = {}
    for kind, share in (("real", 0.0), ("drawn", 1.0)):
        dataset.share, dataset.as_they_are = share, True
        pictures[kind] = [_picture(dataset[i][0]) for i in range(count)]
    found = {kind: statistics(images) for kind, images in pictures.items()}
    plot(found["real"], found["drawn"], out / "statistics.png")
    shown = [image for kind in pictures for image in pictures[kind][:48]]
    cv2.imwrite(str(out / "crops.png"), contact_sheet(shown, [""] * len(shown), 8, (128, 48)))
    return {name: distance(found["real"][name], found["drawn"][name]) for name in MEASURES}


def _picture(tensor: Tensor) -> Image:
    image: Image = np.ascontiguousarray(tensor.numpy().transpose(1, 2, 0))
    return image
