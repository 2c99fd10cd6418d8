"""Trained weights to files of the zoo: IR in f32 and INT8, and the card that says what they are."""

from __future__ import annotations

import datetime
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import cv2
import openvino as ov
import torch
import yaml

from models.export import detector_to_openvino, quantise, reader_to_openvino, refiner_to_openvino, save
from models.reader.network import ReaderNet
from streamer.engine.cards import PLATE_CROP
from streamer.engine.decoders import DECODERS, Certainty
from streamer.engine.detector import Detector
from streamer.engine.refiner import ACROSS, ALONG, HEIGHT, WIDTH, Refiner, cut_around
from streamer.engine.zoo import sha256
from streamer.errors import InputError
from streamer.image.warp import frame_of
from streamer.plates.alphabet import Alphabet
from streamer.types import Image
from train.data.open import open_datasets
from train.export.calibrate import detector_input, fit_confidence, fit_min_score, reader_crop, spread
from train.export.golden import GOLDEN_SCORE, detector_golden, path_of, reader_golden, refiner_golden
from train.loop.config import ALPHABET
from train.loop.weights import build, keep_shipped, kind_of, load_weights, reader_of, save_shipped
from train.recipes.reader import usable

CALIBRATION = 400  # pictures that INT8 is calibrated on
HELD_OUT = 2000  # pictures or crops at most that thresholds and temperatures are fitted on


@dataclass(frozen=True, eq=False)
class Converted:
    """A network in both precisions, its card without the files, and its golden outputs in PyTorch."""

    f32: ov.Model
    int8: ov.Model
    card: dict[str, object]
    golden: Sequence[object]


def export(
    weights: Path,
    data: Sequence[str],
    out: Path,
    name: str | None = None,
    min_score: float | None = None,
    refiner: str | None = None,
    keep_weights: bool = False,
    replace: bool = False,
    certainty: tuple[float, Certainty] | None = None,
) -> Path:
    """Writes `out/NAME/` with both precisions, a card and the golden answers, and the PyTorch weights where wanted;
    gives the folder.

    `data` is what INT8 is calibrated on and, its validation part, what the detector's operating point (`min_score`
    None) and the reader's temperature are fitted on. `refiner`: the refiner of the detector's finds, a name
    in the zoo; noted in its card. `certainty`: a reader's temperature and weighing, where they are not to be fitted.
    InputError where `data` holds no fitting picture; ConfigError where
    a shipped model would be written over without `replace`.
    """
    state = load_weights(weights)
    if not replace:
        keep_shipped(out / (name or str(state["config"]["name"])))
    name = name or str(state["config"]["name"])
    folder = out / name
    kind = kind_of(state)
    if kind == "reader":
        done = convert_reader(reader_of(state), data, certainty)
    elif kind == "detector":
        done = convert_detector(build(state), data, min_score, refiner)
    else:
        done = convert_refiner(build(state), data, state["config"]["detector"])
    files = {"f32": folder / f"{name}-f32.xml", "int8": folder / f"{name}-int8.xml"}
    save(done.f32, files["f32"])
    save(done.int8, files["int8"])
    path_of(folder).write_text(json.dumps(done.golden, ensure_ascii=False) + "\n", encoding="utf-8")
    card: dict[str, object] = {
        "name": name,
        "kind": kind,
        "date": datetime.date.today().isoformat(),
        "licence": "see LICENSE.md beside this folder",
        **done.card,
        "weights": "f32: stored as f16, computed in f32; int8: NNCF post-training quantisation",
        "files": {
            precision: {"xml": xml.name, "sha256_xml": sha256(xml), "sha256_bin": sha256(xml.with_suffix(".bin"))}
            for precision, xml in files.items()
        },
        "training": {"config": state["config"], **state.get("info", {})},
    }
    if keep_weights:
        kept = save_shipped(state, folder)
        card["pytorch"] = {"file": kept.name, "sha256": sha256(kept)}
    (folder / "card.yaml").write_text(yaml.safe_dump(card, sort_keys=False, allow_unicode=True), encoding="utf-8")
    return folder


def convert_detector(
    module: torch.nn.Module, data: Sequence[str], min_score: float | None, refiner: str | None
) -> Converted:
    """Free height and width in both precisions; quantised at the landscape size."""
    images = calibration_scenes(data)
    held_out = [s for s in open_datasets(data, "validation") if s.kind in ("scene", "background") and s.complete]
    held_out = spread(held_out, HELD_OUT)
    second = Refiner(refiner, "f32") if refiner else None
    chosen = fit_min_score(module, held_out, second) if min_score is None else min_score
    card: dict[str, object] = {
        "input": "u8 NHWC BGR, letterboxed to 640x384 or 384x640",
        "min_score": chosen,
        "min_score_from": "given" if min_score else f"best F1 on {len(held_out)} pictures of the validation part",
        "refiner": refiner,
    }
    network = detector_to_openvino(module)
    fixed = network.clone()
    fixed.reshape([1, 384, 640, 3])
    int8 = quantise(fixed, images, False, CALIBRATION)
    int8.reshape([1, -1, -1, 3])
    return Converted(network, int8, card, detector_golden(module, GOLDEN_SCORE))


def convert_refiner(module: torch.nn.Module, data: Sequence[str], detector: str) -> Converted:
    images = calibration_cuts(data, detector)
    card: dict[str, object] = {
        "input": f"u8 NHWC BGR, {HEIGHT}x{WIDTH}, rectified with a margin of {ALONG:.0%} and {ACROSS:.0%}",
        "detector": detector,
    }
    network = refiner_to_openvino(module)
    # The last layers output hundredths of a plate's height and cost next to nothing: bytes are too coarse for them.
    int8 = quantise(network, images, False, CALIBRATION, kept=["MatMul"])
    return Converted(network, int8, card, refiner_golden(module))


def convert_reader(
    module: ReaderNet, data: Sequence[str], certainty: tuple[float, Certainty] | None = None
) -> Converted:
    alphabet = Alphabet.load(ALPHABET)
    decoder, slots = module.decoded_by, module.slots
    images = calibration_crops(data, alphabet, slots)
    if certainty is None:
        held_out = spread(usable(open_datasets(data, "validation"), alphabet, slots, validation=True), HELD_OUT)
        temperature, whole = fit_confidence(module, held_out, alphabet, slots)
        fitted_on = f"{len(held_out)} crops of the validation part"
    else:
        temperature, whole = certainty
        fitted_on = "the model that this one began with"
    card: dict[str, object] = {
        "input": "u8 NHWC BGR, 48x128, rectified with a margin of 4 % and 6 %",
        "crop": PLATE_CROP.as_card(),
        "decoder": decoder,
        "outputs": list(DECODERS[decoder].outputs),
        "slots": slots,
        "classes": alphabet.size,
        "temperature": temperature,
        "whole": asdict(whole),
        "temperature_from": fitted_on,
    }
    network = reader_to_openvino(module)
    int8 = quantise(network, images, module.transformer, CALIBRATION)
    return Converted(network, int8, card, reader_golden(module, alphabet, temperature, whole))


def calibration_scenes(data: Sequence[str]) -> list[Image]:
    samples = open_datasets(data, "train")
    chosen = spread([s for s in samples if s.kind == "scene"], CALIBRATION * 9 // 10)
    chosen += spread([s for s in samples if s.kind == "background"], CALIBRATION // 10)
    images = [i[None] for s in chosen if (i := detector_input(s)) is not None]
    return _some(images, data)


def calibration_cuts(data: Sequence[str], detector: str) -> list[Image]:
    """What the refiner will see of training scenes: cuts around the detector's finds, up to three of each picture."""
    scenes = spread([s for s in open_datasets(data, "train") if s.kind == "scene"], CALIBRATION)
    finder = Detector(detector, "f32", min_score=0.1, refiner=None)
    images = []
    for sample in scenes:
        if (image := cv2.imread(str(sample.path))) is not None:
            frame = frame_of(image)
            images += [cut_around(frame, quad)[None] for quad in finder.detect(frame).quad[:3]]
    return _some(spread(images, CALIBRATION), data)


def calibration_crops(data: Sequence[str], alphabet: Alphabet, slots: int) -> list[Image]:
    crops = usable(open_datasets(data, "train"), alphabet, slots)
    images = [i[None] for s in spread(crops, CALIBRATION) if (i := reader_crop(s)) is not None]
    return _some(images, data)


def _some(images: list[Image], data: Sequence[str]) -> list[Image]:
    if not images:
        raise InputError(f"{', '.join(data)}: no training picture to calibrate INT8 on")
    return images
