"""Trains the plate detector."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from models.detector.grow import grown
from models.detector.loss import DetectorLoss, LossWeights, Targets
from models.detector.network import SIZES, PlateDetector, normalise
from streamer.engine.zoo import sha256
from streamer.errors import ConfigError, InputError
from train.data.assets import assets_of, plate_bank
from train.data.cache import build_cache
from train.data.detection import DetectionData, collate
from train.data.manifest import Sample, is_validation
from train.data.mine import hard_spots
from train.data.open import open_datasets
from train.data.tighten import tightened
from train.data.views import real_views
from train.figures.plots import detector_sheet, plot_losses
from train.loop.config import DetectorTrainConfig
from train.loop.distributed import first_alone, mean_over_processes, rank
from train.loop.fit import channels_last, fit
from train.loop.weights import Weights

CACHE_SIDE = 640


def build_model(config: DetectorTrainConfig) -> PlateDetector:
    if config.size not in SIZES:
        raise ConfigError(f"size: {config.size!r} is not known; expected one of {', '.join(SIZES)}")
    return PlateDetector(replace(SIZES[config.size], reg_max=config.reg_max))


def same_or_grown(model: nn.Module, state: Weights) -> dict[str, Tensor]:
    """The parameters of a detector's weights.pt for `model`: as they are, or, from a smaller one, grown to its size."""
    there = state["config"].get("size")
    if not isinstance(model, PlateDetector) or there not in SIZES:
        return dict(state["model"])
    small = PlateDetector(replace(SIZES[there], reg_max=state["config"].get("reg_max", SIZES[there].reg_max)))
    if small.size == model.size:
        return dict(state["model"])
    small.load_state_dict(state["model"])
    parameters: dict[str, Tensor] = grown(small, model.size).state_dict()
    return parameters


def usable(samples: Sequence[Sample]) -> list[Sample]:
    """Scenes with boxes and plate-free backgrounds, without the validation part."""

    def fits(s: Sample) -> bool:
        return s.kind == "background" or (s.kind == "scene" and any(p.box is not None for p in s.plates))

    return [s for s in samples if fits(s) and not is_validation(s)]


def sampling_weights(samples: Sequence[Sample], background: float, grey: np.ndarray | None = None) -> np.ndarray:
    """Every scene alike, but the many pictures of one kind of plate a little less often than they are there.

    `grey` (n,) bool: pictures without colour; plate-free ones come less often (no camera of today sees the world so).
    """
    counts: dict[str, int] = {}
    for s in samples:
        counts[s.country or "-"] = counts.get(s.country or "-", 0) + 1
    weights = np.array([counts[s.country or "-"] ** -0.3 for s in samples])
    is_background = np.array([s.kind == "background" for s in samples])
    weights[is_background] *= background
    if grey is not None:
        weights[is_background & grey] *= 0.3
    return weights


def is_grey(image: np.ndarray) -> bool:
    """Whether a picture (H, W, 3) has next to no colour."""
    few = image[::8, ::8].astype(int)
    return float((few.max(-1) - few.min(-1)).mean()) < 4


def data_hash(samples: Sequence[Sample]) -> str:
    """Identifies what was trained on: paths and labels, not pixels."""
    digest = hashlib.sha256()
    for s in samples:
        digest.update(
            f"{s.path.name}|{[(p.text, None if p.box is None else tuple(p.box)) for p in s.plates]}\n".encode()
        )
    return digest.hexdigest()


def training_info(samples: Sequence[Sample], hard_from: Path | None = None) -> dict[str, Any]:
    """What is recorded with the weights: the data, the version of PyTorch, and whose hard negatives."""
    info: dict[str, Any] = {"data_hash": data_hash(samples), "pictures": len(samples), "torch": str(torch.__version__)}
    if hard_from is not None:
        info["hard_sha256"] = sha256(hard_from)
    return info


def detector_data(
    config: DetectorTrainConfig, data: Sequence[str], out: Path, hard_from: Path | None = None
) -> tuple[DetectionData, list[Sample]]:
    """The training samples of the detector from the data sets (folders with a manifest, or `ccpd:DIR`), and the
    pictures they are made of. Caches are kept in `out/cache`. InputError where no scene has a box.

    `hard_from`: weights of a detector whose false detections in these pictures are shown more often.
    """
    samples = usable(open_datasets(data, "train"))
    if not any(s.kind == "scene" for s in samples):
        raise InputError(f"{', '.join(data)}: no scene with a labelled box to train on")
    if config.tighten is not None:
        samples = tightened(samples, config.tighten, out / "cache")
    cache = build_cache([s.path for s in samples], out / "cache", CACHE_SIDE)
    bank = plate_bank(config, data, out / "cache")
    grey = np.array([s.kind == "background" and is_grey(cache[i]) for i, s in enumerate(samples)])
    weights = sampling_weights(samples, config.background_weight, grey)
    views = real_views([a] if (a := assets_of(config, data)) else [])
    hard = hard_spots(hard_from, samples, cache, out / "cache", config.hard_score) if hard_from and config.hard else []
    c = config
    return DetectionData(
        samples,
        weights,
        cache,
        bank,
        c.samples,
        c.image,
        c.seed,
        c.mosaic,
        c.paste,
        c.distract,
        views,
        hard,
        c.hard,
        c.mirror,
        c.narrowest,
    ), samples


def train_detector(
    config: DetectorTrainConfig,
    data: Sequence[str],
    out: Path,
    device: torch.device,
    resume: bool = True,
    init: Path | None = None,
    hard_from: Path | None = None,
) -> Path:
    """Trains from the data sets and returns the path of the weights. `hard_from` as in `detector_data`."""
    with first_alone():
        dataset, samples = detector_data(config, data, out, hard_from or init)
        if rank() == 0:
            detector_sheet(dataset, out / "samples.png")
    anchor = (config.anchor_ratio, config.anchor_scale)
    criterion = DetectorLoss(config.reg_max, LossWeights(corner=config.corner_weight), anchor, mean_over_processes)

    def step_loss(model: nn.Module, batch: tuple[Tensor, Targets]) -> dict[str, Tensor]:
        images, targets = batch
        x = normalise(images.to(device)).contiguous(memory_format=torch.channels_last)
        return criterion(model(x), to_device(targets, device))

    torch.manual_seed(config.seed)
    model, ema = build_model(config), build_model(config)
    channels_last(model)
    info = training_info(samples, hard_from or init)
    weights_path = fit(model, ema, dataset, collate, step_loss, config, out, device, resume, info, init, same_or_grown)
    if rank() == 0:
        plot_losses(out / "metrics.jsonl", out / "losses.png")
    return weights_path


def to_device(targets: Targets, device: torch.device) -> Targets:
    t = targets
    return Targets(*(x.to(device) for x in (t.boxes, t.valid, t.quads, t.has_quad, t.edge, t.ignore, t.unknown)))
