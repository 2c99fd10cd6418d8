"""Trained weights to files of the zoo: IR in f32 and INT8, and the card that says what they are."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
import yaml

from models.detector.network import SIZES, PlateDetector
from models.export import detector_to_openvino, quantise, reader_to_openvino, save
from models.reader.network import PlateReaderNet, ReaderSize
from streamer.alphabet import Alphabet
from streamer.engine.zoo import sha256
from streamer.errors import InputError, ModelError
from train.calibrate import detector_input, fit_temperature, reader_crop, spread
from train.data.open import open_datasets
from train.reader import ALPHABET, usable

CALIBRATION = 400


def load_weights(path: Path) -> dict[str, Any]:
    """`weights.pt` of a training; ModelError when it is not one."""
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except (OSError, RuntimeError, ValueError, EOFError, Exception) as error:  # torch raises many kinds here
        raise ModelError(
            f"{path}: cannot be read as weights ({type(error).__name__}); expected a training's weights.pt"
        ) from error
    if not isinstance(state, dict) or not {"model", "config"} <= state.keys():
        raise ModelError(f"{path}: is not a training's weights.pt (no model and config in it)")
    return state


def build(state: dict[str, Any]) -> torch.nn.Module:
    """The network of these weights, in evaluation mode."""
    module: torch.nn.Module
    if "size" in state["config"]:
        module = PlateDetector(SIZES[state["config"]["size"]])
    else:
        module = PlateReaderNet(Alphabet.load(ALPHABET).size)
    module.load_state_dict(state["model"])
    return module.eval()


def export(weights: Path, data: Sequence[str], out: Path, name: str | None = None, min_score: float = 0.4) -> Path:
    """Writes `out/NAME/` with both precisions and a card; gives the folder. Needs pictures to calibrate INT8 on."""
    state = load_weights(weights)
    module = build(state)
    name = name or str(state["config"]["name"])
    folder = out / name
    detector = isinstance(module, PlateDetector)
    card: dict[str, Any] = {
        "name": name,
        "kind": "detector" if detector else "reader",
        "date": datetime.date.today().isoformat(),
        "licence": "see LICENSE.md beside this folder",
    }
    if detector:
        images = calibration_scenes(data)
        card |= {"input": "u8 NHWC BGR, letterboxed to 640x384 or 384x640", "min_score": min_score}
        network = detector_to_openvino(module)
    else:
        alphabet, slots = Alphabet.load(ALPHABET), ReaderSize().slots
        images = calibration_crops(data, alphabet, slots)
        held_out = [s for d in data for s in open_datasets([d], "validation")]
        held_out = usable(held_out, alphabet, slots, validation=True)
        card |= {
            "input": "u8 NHWC BGR, 48x128, rectified with a margin of 4 % and 6 %",
            "classes": alphabet.size,
            "temperature": fit_temperature(module, held_out, alphabet, slots),
            "temperature_from": f"{len(held_out)} crops of the validation part of train",
        }
        network = reader_to_openvino(module)
    files = {"f32": folder / f"{name}-f32.xml", "int8": folder / f"{name}-int8.xml"}
    save(network, files["f32"])
    if detector:
        network.reshape([1, 384, 640, 3])
    quantised = quantise(network, images, not detector, CALIBRATION)
    if detector:
        quantised.reshape([1, -1, -1, 3])
    save(quantised, files["int8"])
    card["files"] = {
        precision: {"xml": xml.name, "sha256_xml": sha256(xml), "sha256_bin": sha256(xml.with_suffix(".bin"))}
        for precision, xml in files.items()
    }
    card["training"] = {"config": state["config"], **state.get("info", {})}
    (folder / "card.yaml").write_text(yaml.safe_dump(card, sort_keys=False, allow_unicode=True), encoding="utf-8")
    return folder


def calibration_scenes(data: Sequence[str]) -> list[Any]:
    scenes = [s for s in open_datasets(data, "train") if s.kind == "scene"]
    images = [i[None] for s in spread(scenes, CALIBRATION) if (i := detector_input(s)) is not None]
    return _some(images, data)


def calibration_crops(data: Sequence[str], alphabet: Alphabet, slots: int) -> list[Any]:
    crops = usable(open_datasets(data, "train"), alphabet, slots)
    images = [i[None] for s in spread(crops, CALIBRATION) if (i := reader_crop(s)) is not None]
    return _some(images, data)


def _some(images: list[Any], data: Sequence[str]) -> list[Any]:
    if not images:
        raise InputError(f"{', '.join(data)}: no training picture to calibrate INT8 on")
    return images
