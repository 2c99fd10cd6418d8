"""The reader's pre-training: MaskOCR's visual and language phases (see models.reader.masked)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import torch
from torch import Tensor
from torch.utils.data import Dataset

from models.detector.network import normalise
from models.reader.masked import MaskedCharacters, MaskedPlates, masked_character_loss, masked_image_loss
from models.reader.network import PlateReaderNet, ReaderSize
from streamer.errors import ConfigError, InputError
from streamer.plates.alphabet import Alphabet
from train.data.cache import build_cache
from train.data.check import decodable
from train.data.manifest import PlateLabel, Sample, is_validation
from train.data.masking import LanguageData, VisualData, collate
from train.data.open import open_datasets
from train.data.reading import ReadingData, crop_weights
from train.figures.plots import plot_losses
from train.loop.config import ALPHABET, LanguageTrainConfig, TrainConfig, VisualTrainConfig
from train.loop.distributed import first_alone, rank
from train.loop.fit import M, StepLoss, fit
from train.recipes.detector import data_hash
from train.recipes.reader import CACHE_SIDE, crop_of, drawn_bank, reader_part, region_of, single_plate

S = TypeVar("S", bound=tuple[Tensor, ...])


def visual_data(config: VisualTrainConfig, data: Sequence[str], out: Path) -> tuple[VisualData, list[Sample]]:
    """Crops of the data sets, with a text or without. InputError where there is none."""
    alphabet, slots = Alphabet.load(ALPHABET), ReaderSize().slots
    samples = [s for s in open_datasets(data, "train") if s.kind == "crop" or single_plate(s)]
    samples = [s if s.plates else replace(s, plates=(PlateLabel(),)) for s in samples if not is_validation(s)]
    samples = decodable(samples)
    if not samples:
        raise InputError(f"{', '.join(data)}: no crop of a plate to train on")
    cache = build_cache([s.path for s in samples], out / "cache", CACHE_SIDE, [region_of(s) for s in samples])
    crops = [crop_of(s, float(cache.scale[i])) for i, s in enumerate(samples)]
    weights = crop_weights(crops, config.country_power)
    drawn, bank = drawn_bank(config, data, out / "cache") if config.synthetic_share else ([], None)
    share, seed = config.synthetic_share, config.seed
    reading = ReadingData(crops, weights, cache, drawn, bank, alphabet, config.samples, slots, share, seed, texts=False)
    return VisualData(reading, config.hidden), samples


def language_data(config: LanguageTrainConfig, data: Sequence[str], out: Path) -> tuple[LanguageData, list[Sample]]:
    """Drawn plates. InputError where none is to be drawn; of `data` only its fonts and blank plates are used."""
    if not config.synthetic:
        raise InputError("synthetic is 0: the language phase learns from drawn plates alone")
    alphabet, slots = Alphabet.load(ALPHABET), ReaderSize().slots
    drawn, bank = drawn_bank(config, data, out / "cache")
    none = crop_weights([], 1.0)
    nothing = build_cache([], out / "cache", CACHE_SIDE)
    reading = ReadingData([], none, nothing, drawn, bank, alphabet, config.samples, slots, 1.0, config.seed)
    return LanguageData(reading, config.hidden_characters), []


def pretrain_visual(
    config: VisualTrainConfig,
    data: Sequence[str],
    out: Path,
    device: torch.device,
    resume: bool = True,
    init: Path | None = None,
) -> Path:
    """Phase 1; gives the path of weights that the language phase or the reader starts from."""
    with first_alone():
        dataset, samples = visual_data(config, data, out)

    def step_loss(model: MaskedPlates, batch: tuple[Tensor, ...]) -> dict[str, Tensor]:
        image, hidden = normalise(batch[0].to(device)), batch[1].to(device)
        return masked_image_loss(model(image, hidden), image, hidden, config.latent_weight)

    return _pretrain(MaskedPlates, dataset, step_loss, samples, config, out, device, resume, init)


def pretrain_language(
    config: LanguageTrainConfig,
    data: Sequence[str],
    out: Path,
    device: torch.device,
    resume: bool = True,
    init: Path | None = None,
) -> Path:
    """Phase 2, from the weights of phase 1 (`init`); gives the path of weights that the reader starts from.
    ConfigError without them: the encoder is frozen, and would stay as it was thrown."""
    if init is None:
        raise ConfigError("--init is missing: the language phase starts from the weights of alpr train pretrain-visual")
    with first_alone():
        dataset, samples = language_data(config, data, out)

    def step_loss(model: MaskedCharacters, batch: tuple[Tensor, ...]) -> dict[str, Tensor]:
        image, hidden, slots, asked = (x.to(device) for x in batch)
        return masked_character_loss(model(normalise(image), hidden), slots, asked)

    return _pretrain(MaskedCharacters, dataset, step_loss, samples, config, out, device, resume, init)


def _pretrain(
    around: Callable[[PlateReaderNet], M],
    dataset: Dataset[S],
    step_loss: StepLoss[M, tuple[Tensor, ...]],
    samples: list[Sample],
    config: TrainConfig,
    out: Path,
    device: torch.device,
    resume: bool,
    init: Path | None,
) -> Path:
    classes = Alphabet.load(ALPHABET).size
    torch.manual_seed(config.seed)
    model, ema = (around(PlateReaderNet(classes)) for _ in range(2))
    info: dict[str, Any] = {"data_hash": data_hash(samples), "crops": len(samples), "torch": str(torch.__version__)}
    weights = fit(model, ema, dataset, collate, step_loss, config, out, device, resume, info, init, reader_part)
    if rank() == 0:
        plot_losses(out / "metrics.jsonl", out / "losses.png")
    return weights
