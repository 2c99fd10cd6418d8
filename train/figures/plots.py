"""Pictures to judge a training by: its losses, and samples with their labels drawn. Written to ignored folders only."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np

from train.figures.pyplot import pyplot, save
from train.figures.sheets import contact_sheet
from train.loop.fit import MetricLog

if TYPE_CHECKING:
    from streamer.plates.alphabet import Alphabet
    from train.data.detection import DetectionData
    from train.data.reading import ReadingData
    from train.data.refining import RefiningData


def plot_losses(log: Path, out: Path) -> None:
    """One panel a loss, over samples seen."""
    rows = [r for r in MetricLog(log).read() if "step" in r and "total" in r]
    if not rows:
        return
    names = [k for k in rows[0] if k not in {"step", "samples", "per_second", "lr"}]
    figure, axes = pyplot().subplots(1, len(names), figsize=(4 * len(names), 3), squeeze=False)
    for axis, name in zip(axes[0], names, strict=True):
        values = np.array([r[name] for r in rows])
        samples = [r["samples"] / 1000 for r in rows]
        axis.plot(samples, values, alpha=0.3)
        width = max(1, len(values) // 50)
        smooth = np.convolve(values, np.ones(width) / width, "valid")
        axis.plot(samples[len(samples) - len(smooth) :], smooth)
        axis.set(title=name, xlabel="thousand samples", yscale="log")
    save(figure, out)


def detector_sheet(dataset: DetectionData, out: Path, count: int = 24) -> None:
    """The first samples as the network sees them: boxes green, trusted corners red to yellow, ignored boxes grey,
    unknown places framed in red."""
    pictures = []
    for i in range(min(count, len(dataset))):
        image_chw, labels = dataset[i]
        picture = np.ascontiguousarray(image_chw.numpy().transpose(1, 2, 0))
        for box, quad, trust, ignore in zip(labels.box, labels.quad, labels.trust, labels.ignore, strict=True):
            colour = (128, 128, 128) if ignore else (0, 255, 0)
            x1, y1, x2, y2 = (int(v) for v in box)
            cv2.rectangle(picture, (x1, y1), (x2, y2), colour, 1)
            for k, (x, y) in enumerate(quad if trust > 0 else []):
                cv2.circle(picture, (int(x), int(y)), 2, (0, 60 * k, 255), -1)
        for box in labels.unknown:
            x1, y1, x2, y2 = (int(v) for v in box)
            cv2.rectangle(picture, (x1, y1), (x2 - 1, y2 - 1), (0, 0, 255), 3)
        pictures.append(picture)
    out.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(out), contact_sheet(pictures, [str(i) for i in range(len(pictures))], columns=6))


def reader_sheet(dataset: ReadingData, alphabet: Alphabet, out: Path, count: int = 64) -> None:
    """The first samples as the network sees them, each over its label."""
    pictures, captions = [], []
    for i in range(min(count, len(dataset))):
        image_chw, slots, _, colour, rows, region = dataset[i]
        pictures.append(np.ascontiguousarray(image_chw.numpy().transpose(1, 2, 0)))
        captions.append(f"{alphabet.decode(slots)} {colour} {rows} {region}")
    out.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(out), contact_sheet(pictures, captions, columns=8))


def refiner_sheet(dataset: RefiningData, out: Path, count: int = 24) -> None:
    """The cuts of the first samples: true corners green, on a cut that is no plate a red bar."""
    pictures = []
    for i in range(min(count, len(dataset))):
        for cut in dataset[i]:
            picture = cv2.resize(cut.image, None, fx=2, fy=2, interpolation=cv2.INTER_NEAREST)
            if cut.plate:
                cv2.polylines(picture, [np.round(cut.corners * 2).astype(np.int32)], True, (0, 255, 0), 1, cv2.LINE_AA)
            else:
                cv2.rectangle(picture, (0, 0), (picture.shape[1], 4), (0, 0, 255), -1)
            pictures.append(picture)
    out.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(out), contact_sheet(pictures, [str(i) for i in range(len(pictures))], columns=10))
