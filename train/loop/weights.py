"""Trained weights as PyTorch keeps them: a training's weights.pt, and the copy that is shipped beside the IR, from
which further trainings can start."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NotRequired, TypedDict, cast

import torch
from torch.nn import functional as F

from models.detector.network import SIZES, PlateDetector
from models.reader.network import TOKEN_ROWS, ReaderNet
from models.reader.networks import NETWORKS
from models.refiner.network import PlateRefinerNet
from streamer.engine.cards import PLATE_CROP
from streamer.engine.decoders import DECODERS, class_counts
from streamer.engine.zoo import zoo_folder
from streamer.errors import ConfigError, ModelError
from streamer.plates.alphabet import Alphabet
from train.loop.config import ALPHABET


class Weights(TypedDict):
    """What a weights.pt holds."""

    model: dict[str, torch.Tensor]
    config: dict[str, Any]  # of the training: one of train.loop.config, of this version or an earlier one
    info: NotRequired[dict[str, Any]]


SHIPPED = frozenset({"plate-detector-m", "plate-detector-s", "plate-reader", "plate-refiner"})
PRETRAINING = ("hidden", "hidden_characters")  # what only a pre-training's configuration holds


def weights_path(name_or_path: str) -> Path:
    """The file of a path, or of a name in the zoo (`plate-detector-s`). ConfigError where there is neither."""
    path, shipped = Path(name_or_path), shipped_path(zoo_folder() / name_or_path)
    if path.is_file():
        return path
    if shipped.is_file():
        return shipped
    known = ", ".join(sorted(p.stem for p in zoo_folder().glob("*/*.pt"))) or "none"
    raise ConfigError(
        f"{name_or_path}: there is no such file; expected the weights.pt that alpr train wrote, "
        f"or one of the shipped weights by name ({known})"
    )


def shipped_path(folder: Path) -> Path:
    return folder / f"{folder.name}.pt"


def save_shipped(state: Weights, folder: Path) -> Path:
    """Writes `NAME.pt` into the model's folder: matrices in half precision, the rest as it is."""
    model = {k: v.half() if v.is_floating_point() and v.ndim > 1 else v for k, v in state["model"].items()}
    path = shipped_path(folder)
    torch.save({"model": model, "config": state["config"], "info": state.get("info", {})}, path)
    return path


def keep_shipped(folder: Path) -> None:
    """ConfigError where `folder` is that of a shipped model: in this project's zoo, or in a copy of it."""
    folder = folder.resolve()
    if folder.name in SHIPPED and (folder.parent == zoo_folder().resolve() or (folder / "card.yaml").exists()):
        raise ConfigError(
            f"{folder}: this is a shipped model; give --name NAME to export beside it, or --replace to write over it"
        )


def own_name(name: str) -> str:
    """The name itself, or one of the user's own for that of a shipped model."""
    return f"my-{name.removeprefix('plate-')}" if name in SHIPPED else name


def load_weights(path: Path) -> Weights:
    """The content of a weights.pt: model, config, info. ModelError when it is not one."""
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises many kinds here
        raise ModelError(
            f"{path}: cannot be read as weights ({type(error).__name__}); expected a training's weights.pt"
        ) from error
    if not isinstance(state, dict) or not {"model", "config"} <= state.keys():
        raise ModelError(f"{path}: is not a training's weights.pt (no model and config in it)")
    return cast(Weights, state)


def average(paths: Sequence[Path]) -> Weights:
    """The mean of several weights of one network, as one (model soups, arXiv 2203.05482): of a training and of others
    that started from it. The configuration is the last one's. ConfigError where they are not of one network."""
    states = [load_weights(p) for p in paths]
    last = states[-1]["model"]
    for path, state in zip(paths, states, strict=True):
        if {k: v.shape for k, v in state["model"].items()} != {k: v.shape for k, v in last.items()}:
            raise ConfigError(f"{path}: holds another network than {paths[-1]}; only weights of one can be averaged")
    model = {
        k: torch.stack([s["model"][k].float() for s in states]).mean(0) if v.is_floating_point() else v
        for k, v in last.items()
    }
    info = {**states[-1].get("info", {}), "averaged": len(paths)}
    return {"model": model, "config": states[-1]["config"], "info": info}


def kind_of(state: Weights) -> str:
    """detector | refiner | reader | pre-training, by the configuration the weights were trained with."""
    config = state["config"]
    for key, kind in (("detector", "refiner"), ("size", "detector"), *((k, "pre-training") for k in PRETRAINING)):
        if key in config:
            return kind
    return "reader"


def require_detector(weights: Path, option: str) -> None:
    """ConfigError, naming the option, unless the file holds a detector's weights."""
    try:
        kind = kind_of(load_weights(weights))
    except ModelError as error:
        raise ConfigError(f"{option} {error}") from None
    if kind != "detector":
        raise ConfigError(f"{option} {weights}: holds the weights of a {kind}, expected a detector's")


def build_reader(network: str, dropout: float = 0.0, model: dict[str, torch.Tensor] | None = None) -> ReaderNet:
    """A reader with random weights, by its name in `NETWORKS`. `model`: the parameters that it is to hold, whose number
    of slots and of CTC steps it then has. ConfigError where there is no such network, or it does not fit the run
    time."""
    if network not in NETWORKS:
        raise ConfigError(f"network {network!r}: there is no such reader; expected one of {', '.join(NETWORKS)}")
    alphabet = Alphabet.load(ALPHABET)
    module = NETWORKS[network](alphabet.size, dropout, model)
    check_network(network, module, alphabet)
    return module


def check_network(name: str, module: torch.nn.Module, alphabet: Alphabet) -> None:
    """ConfigError where a reader's network says too little of itself, or its outputs are not those that the decoder it
    names reads: before a training, not at the export after it."""
    where = f"network {name!r} ({type(module).__name__})"
    if not isinstance(module, ReaderNet):
        raise ConfigError(f"{where}: must derive from models.reader.network.ReaderNet")
    if module.decoded_by not in DECODERS:
        raise ConfigError(f"{where}: decoded_by is {module.decoded_by!r}, expected one of {', '.join(DECODERS)}")
    training = module.training
    with torch.no_grad():
        outputs = module.eval()(torch.zeros(1, 3, PLATE_CROP.height, PLATE_CROP.width))
    module.train(training)
    wanted, classes = DECODERS[module.decoded_by].outputs, class_counts(alphabet)
    found = [output.shape[-1] for output in outputs]
    if found != [classes[output] for output in wanted]:
        expected = ", ".join(f"{output} ({classes[output]})" for output in wanted)
        raise ConfigError(
            f"{where}: outputs of {', '.join(map(str, found))} classes, but {module.decoded_by} decodes {expected}"
        )


def grown(mine: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """The parameters of a reader with fewer slots, CTC steps or tokens, made to fit one with the shapes of `mine`: the
    further queries begin as `mine` has them, every step of a token as the single one did, and a token between two as
    one that sees half of each."""
    fitting = dict(other)
    for key, value in other.items():
        wanted = mine.get(key)
        if wanted is None or wanted.shape == value.shape:
            continue
        if key.endswith("queries") and wanted.shape[1] > value.shape[1]:  # the last one asks for the kind of plate
            further = wanted[:, value.shape[1] - 1 : -1].to(value.dtype)
            fitting[key] = torch.cat([value[:, :-1], further, value[:, -1:]], 1)
        elif ".ctc." in f".{key}" and wanted.shape[0] % value.shape[0] == 0:
            fitting[key] = torch.cat([value] * (wanted.shape[0] // value.shape[0]))
        elif ".ctc." in f".{key}" and value.shape[0] % wanted.shape[0] == 0:
            fitting[key] = value.unflatten(0, (-1, wanted.shape[0])).mean(0)
        elif key.endswith("encoder.tokens.weight") and wanted.shape[3] > value.shape[3]:
            fitting[key] = F.pad(value, (1, 0))
        elif key.endswith("encoder.position") and wanted.shape[1] == 2 * value.shape[1]:
            grid = value.unflatten(1, (TOKEN_ROWS, -1))
            after = torch.cat([grid[:, :, 1:], grid[:, :, -1:]], 2)
            fitting[key] = torch.stack([grid, (grid + after) / 2], 3).flatten(1, 3)
    return fitting


def build(state: Weights) -> torch.nn.Module:
    """The network of these weights, in evaluation mode. ModelError for a pre-training's, which is no model yet."""
    module: torch.nn.Module
    if kind_of(state) == "pre-training":
        raise ModelError(f"{state['config']['name']}: holds a pre-training; train a reader from it first (--init)")
    if kind_of(state) == "refiner":
        module = PlateRefinerNet()
    elif kind_of(state) == "detector":
        size = SIZES[state["config"]["size"]]
        module = PlateDetector(replace(size, reg_max=state["config"].get("reg_max", size.reg_max)))
    else:
        return reader_of(state)
    module.load_state_dict(state["model"])
    return module.eval()


def reader_of(state: Weights) -> ReaderNet:
    """The reader of these weights, in evaluation mode."""
    module = build_reader(state["config"].get("network", "maskocr"), model=state["model"])
    module.load_state_dict(state["model"])
    module.eval()
    return module
