"""Trains the plate reader."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from models.detector.network import normalise
from models.reader.loss import ReaderTargets, reader_loss
from models.reader.network import ReaderNet, ReaderSize
from streamer.errors import InputError
from streamer.plates.alphabet import Alphabet
from streamer.plates.look_alikes import as_read
from train.data.assets import assets_of, store
from train.data.cache import PictureCache, Region, build_cache
from train.data.check import decodable, trainable
from train.data.grounds import Grounds, false_finds
from train.data.manifest import Sample, is_validation
from train.data.open import open_datasets
from train.data.plates import Crop, Drawn
from train.data.reading import ReadingData, collate, crop_weights
from train.data.regions import region_name
from train.data.splice import find_joints
from train.figures.plots import plot_losses, reader_sheet
from train.loop.config import ALPHABET, ReaderTrainConfig, TrainConfig
from train.loop.distributed import first_alone, rank
from train.loop.fit import fit
from train.loop.weights import Weights, build_reader, grown, kind_of, load_weights
from train.recipes.detector import data_hash
from train.recipes.teachers import Teachers
from train.synth.bank import drawn_plates

CACHE_SIDE = 320
GROUND_SIDE = 640


def usable(
    samples: Sequence[Sample], alphabet: Alphabet, slots: int, validation: bool = False, strict: bool = False
) -> list[Sample]:
    """Crops (and CCPD pictures) of one readable plate, of the validation part or without it; what cannot be used is
    logged as a warning, or refused where `strict`."""
    chosen = [s for s in samples if single_plate(s) and is_validation(s) is validation]
    return trainable(chosen, alphabet, slots, strict)


def single_plate(sample: Sample) -> bool:
    """A crop with a text, or a CCPD picture (one labelled plate each)."""
    if not sample.plates or not sample.plates[0].text:
        return False
    whole = sample.dataset == "CCPD" and len(sample.plates) == 1 and sample.plates[0].box is not None
    return sample.kind == "crop" or whole


def region_of(sample: Sample) -> Region | None:
    """The part of a whole CCPD picture that is worth keeping: the plate's box, grown by a good margin. None: all of
    it."""
    box = sample.plates[0].box
    if sample.kind == "crop" or box is None:
        return None
    x1, y1, x2, y2 = box
    w, h = sample.size
    mx, my = 0.3 * (x2 - x1), 0.4 * (y2 - y1)
    return max(0, int(x1 - mx)), max(0, int(y1 - my)), min(w, round(x2 + mx)), min(h, round(y2 + my))


def crop_of(sample: Sample, scale: float) -> Crop:
    """The first plate of a sample, in the pixels of its region shrunk by `scale`."""
    x0, y0 = (region_of(sample) or (0, 0, 0, 0))[:2]
    plate = sample.plates[0]
    corners = plate.quad if plate.quad is not None and sample.quad_quality is None else plate.quad_machine
    return Crop(
        as_read(plate.text or "", region_name(sample.country)),
        sample.country or "",
        plate.colour,
        plate.rows,
        None if corners is None else (np.array(corners, float) - (x0, y0)) * scale,
        None if plate.box is None else (np.array(plate.box, float) - (x0, y0, x0, y0)) * scale,
    )


def drawn_bank(config: TrainConfig, data: Sequence[str], folder: Path) -> tuple[list[Drawn], PictureCache | None]:
    """The drawn plates and their pictures, kept beside the other caches."""
    if not config.synthetic:
        return [], None
    labels = folder / f"drawn-plates-{config.synthetic}-{config.seed}-{config.synthetic_assets}.json"

    def make() -> list[np.ndarray]:
        plates = drawn_plates(config.synthetic, config.seed, assets_of(config, data))
        rows = []
        for p in plates:
            h, w = p.image_bgr.shape[:2]
            boxes = (np.asarray(p.char_boxes) / (w, h, w, h)).round(4).tolist()
            rows.append([p.text, p.country, p.colour, p.rows, boxes])
        labels.write_text(json.dumps(rows), encoding="utf-8")
        return [p.image_bgr for p in plates]

    key = ["drawn plates", config.synthetic, config.seed, config.synthetic_assets]
    bank = store(folder / "drawn", key, make)
    rows = json.loads(labels.read_text(encoding="utf-8"))
    return [Drawn(text, c, colour, r, np.array(b).reshape(-1, 4)) for text, c, colour, r, b in rows], bank


def reader_data(
    config: ReaderTrainConfig, data: Sequence[str], out: Path, strict: bool = False, init: Path | None = None
) -> tuple[ReadingData, list[Sample]]:
    """The training samples of the reader, and the real crops it is made of. Caches are kept in `out/cache`.

    `init`: the weights that the training starts from; those of a reader find the places where crops can be joined.
    InputError where there is neither a crop with a text nor a drawn plate, and, where `strict`, for any crop that
    cannot be used.
    """
    alphabet, size = Alphabet.load(ALPHABET), ReaderSize()
    samples = usable(open_datasets(data, "train"), alphabet, size.slots, strict=strict)
    if not samples and not config.synthetic:
        raise InputError(f"{', '.join(data)}: no crop with a text to train on, and synthetic is 0")
    cache = build_cache([s.path for s in samples], out / "cache", CACHE_SIDE, [region_of(s) for s in samples])
    crops = [crop_of(s, float(cache.scale[i])) for i, s in enumerate(samples)]
    drawn, bank = drawn_bank(config, data, out / "cache")
    weights = crop_weights(crops, config.country_power)
    joints = None
    if init is not None and (config.splice or config.stack) and kind_of(load_weights(init)) == "reader":
        joints = find_joints(init, crops, cache, alphabet, out / "cache")
    dataset = ReadingData(
        crops,
        weights,
        cache,
        drawn,
        bank,
        alphabet,
        config.samples,
        size.slots,
        config.synthetic_share,
        config.seed,
        joints=joints,
        splice=config.splice,
        stack=config.stack,
        grounds=plate_free(config, data, out / "cache"),
        empty=config.empty,
    )
    return dataset, samples


def plate_free(config: ReaderTrainConfig, data: Sequence[str], folder: Path) -> Grounds | None:
    """Places without a plate: in the plate-free pictures, and where a detector has found what is none. None where there
    are none or none are wanted."""
    if not config.empty:
        return None
    samples = open_datasets(data, "train")
    free = decodable([s for s in samples if s.kind == "background"])
    pictures, finds = free, []
    if config.empty_from is not None:
        pictures = [*free, *(s for s in samples if s.kind == "scene" and not is_validation(s))]
        finds = false_finds(pictures, config.empty_from, folder)
    used = [*range(len(free)), *sorted({f.sample for f in finds if f.sample >= len(free)})]
    if not used:
        return None
    cache = build_cache([pictures[k].path for k in used], folder, GROUND_SIDE)
    number = {k: i for i, k in enumerate(used)}
    moved = (f.moved(number[f.sample], float(cache.scale[number[f.sample]])) for f in finds)
    return Grounds(cache, len(free), tuple(moved))


def reader_part(model: nn.Module, state: Weights) -> dict[str, Tensor]:
    """The parameters for `model`, whose reader is that of a weights.pt: of a reader's, or of a pre-training's (which
    hold one as `reader`). What the model has around its reader stays as it is."""
    inner = {k.removeprefix("reader."): v for k, v in state["model"].items() if k.startswith("reader.")}
    inner = inner or state["model"]
    mine = model.state_dict()
    if any(k.startswith("reader.") for k in mine):
        return mine | grown(mine, {f"reader.{k}": v for k, v in inner.items()})
    return grown(mine, dict(inner))


def train_reader(
    config: ReaderTrainConfig,
    data: Sequence[str],
    out: Path,
    device: torch.device,
    resume: bool = True,
    init: Path | None = None,
    strict: bool = False,
) -> Path:
    """Trains from the data sets and returns the path of the weights. `strict` as in `reader_data`."""
    teachers = Teachers(config.teachers, ReaderSize.slots, device) if config.teachers else None
    with first_alone():
        dataset, samples = reader_data(config, data, out, strict, init)
        if rank() == 0:
            reader_sheet(dataset, dataset.alphabet, out / "samples.png")

    def step_loss(model: ReaderNet, batch: tuple[Tensor, ReaderTargets]) -> dict[str, Tensor]:
        images, t = batch
        x = normalise(images.to(device)).contiguous(memory_format=torch.channels_last)
        outputs = model.forward_training(x)
        targets = ReaderTargets(*(v.to(device) for v in (t.slots, t.length, t.colour, t.rows, t.region)))
        answers = teachers.answers(x) if teachers is not None else None
        return reader_loss(
            outputs,
            targets,
            ctc_weight=config.ctc_weight,
            smoothing=config.smoothing,
            answers=answers,
            taught=config.taught,
        )

    torch.manual_seed(config.seed)
    model, ema = (build_reader(config.network, config.dropout) for _ in range(2))
    info: dict[str, Any] = {"data_hash": data_hash(samples), "crops": len(samples), "torch": str(torch.__version__)}
    weights = fit(model, ema, dataset, collate, step_loss, config, out, device, resume, info, init, reader_part)
    if rank() == 0:
        plot_losses(out / "metrics.jsonl", out / "losses.png")
    return weights
