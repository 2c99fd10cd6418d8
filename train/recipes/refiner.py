"""Trains the plate refiner, which corrects what the detector finds."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor, nn

from models.detector.network import normalise
from models.refiner.loss import RefinerTargets, refiner_loss
from models.refiner.network import PlateRefinerNet, nominal_corners
from streamer.engine.refiner import ACROSS, ALONG, PLATE_HEIGHT
from train.data.manifest import Sample
from train.data.refining import RefiningData, collate
from train.figures.plots import plot_losses, refiner_sheet
from train.loop.config import RefinerTrainConfig
from train.loop.distributed import first_alone, mean_over_processes, rank
from train.loop.fit import channels_last, fit
from train.recipes.detector import detector_data, training_info


def refiner_data(
    config: RefinerTrainConfig, data: Sequence[str], out: Path, hard_from: Path | None = None
) -> tuple[RefiningData, list[Sample]]:
    """The training samples of the refiner, and the pictures they are cut from; as `detector_data`."""
    pictures, samples = detector_data(config, data, out, hard_from)
    return RefiningData(pictures, config.detector), samples


def train_refiner(
    config: RefinerTrainConfig,
    data: Sequence[str],
    out: Path,
    device: torch.device,
    resume: bool = True,
    init: Path | None = None,
    hard_from: Path | None = None,
) -> Path:
    """Trains from the data sets and returns the path of the weights. `hard_from`: weights of a detector whose false
    detections come more often."""
    with first_alone():
        dataset, samples = refiner_data(config, data, out, hard_from)
        if rank() == 0:
            refiner_sheet(dataset, out / "samples.png")
    nominal = nominal_corners(ALONG, ACROSS).to(device)

    def step_loss(model: nn.Module, batch: tuple[Tensor, RefinerTargets]) -> dict[str, Tensor]:
        images, t = batch
        x = normalise(images.to(device)).contiguous(memory_format=torch.channels_last)
        targets = to_device(t, device, config.image)
        return refiner_loss(model(x), nominal, PLATE_HEIGHT, targets, mean_over_processes)

    torch.manual_seed(config.seed)
    model, ema = PlateRefinerNet(), PlateRefinerNet()
    channels_last(model)
    info = training_info(samples, hard_from)
    weights = fit(model, ema, dataset, collate, step_loss, config, out, device, resume, info, init)
    if rank() == 0:
        plot_losses(out / "metrics.jsonl", out / "losses.png")
    return weights


def to_device(targets: RefinerTargets, device: torch.device, size: float) -> RefinerTargets:
    """The targets on the device, for square pictures of `size` px."""
    t = targets
    return RefinerTargets(
        t.to_frame.to(device),
        t.corners.to(device),
        t.box.to(device),
        t.trust.to(device),
        t.edge.to(device),
        t.plate.to(device),
        t.weight.to(device),
        size,
    )
