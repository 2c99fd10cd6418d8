"""Training configurations: frozen, validated, loaded from YAML. An experiment is a short file over these defaults."""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import Annotated, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from streamer.config.messages import read_settings
from streamer.engine.zoo import config_folder

ALPHABET = config_folder() / "plates" / "alphabet.yaml"


class TrainConfig(BaseModel):
    """What both trainings share. `samples` is the number of pictures (or crops) seen in all."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    samples: int = Field(gt=0)
    batch: int = Field(gt=0)
    hours: float | None = Field(
        None, gt=0, description="stop after so long, with the learning rate decayed; None: after `samples`"
    )
    lr: float = Field(gt=0)
    weight_decay: float = Field(0.05, ge=0)
    warmup: float = Field(0.03, ge=0, lt=1, description="share of the steps with a rising learning rate")
    ema: float = Field(0.998, gt=0, lt=1)
    clip: float = Field(10.0, gt=0, description="largest norm of the gradient")
    seed: int = 0
    workers: int = Field(2, ge=0)
    threads: int | None = Field(None, description="threads of the network; None: all cores")
    bf16: bool = True
    checkpoint_seconds: float = Field(120, gt=0)
    log_steps: int = Field(20, gt=0)
    compile: bool = Field(False, description="fuse the network's operations by torch.compile; needs a C++ compiler")
    synthetic: int = Field(20000, ge=0, description="synthetic plates drawn once before training")
    synthetic_assets: bool = Field(True, description="use DATA/assets (fonts, glyphs, blanks) where it is there")


class DetectorTrainConfig(TrainConfig):
    size: str = "s"
    image: int = Field(448, gt=0, multiple_of=32)
    mosaic: float = Field(0.25, ge=0, le=1)
    mirror: float = Field(0.5, ge=0, le=1, description="chance of a mirrored picture")
    narrowest: float = Field(14, gt=0, description="px; plates of pictures drawn around one are wider")
    paste: float = Field(0.25, ge=0, le=0.5, description="chance that plates are pasted in; twice that where none is")
    distract: float = Field(0.3, ge=0, le=1, description="chance of things that look like plates but are not")
    background_weight: float = Field(2.0, ge=0, description="how often a plate-free picture comes, beside a scene")
    corner_weight: float = Field(0.5, ge=0)
    reg_max: int = Field(16, ge=0, description="bins of the integral less one; 0: plain distances")
    anchor_ratio: float = Field(2.0, gt=0, description="width over height of the anchors")
    anchor_scale: float = Field(6.0, gt=0, description="square root of an anchor's area, in strides")
    tighten: str | None = Field(None, description="a detector of the zoo that adds corners to plates without")
    hard: float = Field(0.15, ge=0, le=1, description="chance of a crop at a spot that --init took for a plate")
    hard_score: float = Field(0.3, gt=0, lt=1, description="score from which a false detection is such a spot")


class RefinerTrainConfig(DetectorTrainConfig):
    """Over the detector's, whose pictures it uses."""

    image: int = Field(320, gt=0, multiple_of=32)
    mirror: float = Field(0.0, ge=0, le=1, description="chance of a mirrored picture; labels lean to one side")
    narrowest: float = Field(24, gt=0, description="px; plates of pictures drawn around one are wider")
    detector: str = Field(
        "plate-detector-s", description="detector whose detections are refined: a name in the zoo, or an .xml"
    )


def _known_network(name: str) -> str:
    from models.reader.networks import NETWORKS  # takes PyTorch

    if name not in NETWORKS:
        near = difflib.get_close_matches(name, NETWORKS, 1)
        hint = f"did you mean {near[0]!r}?" if near else f"expected one of {', '.join(NETWORKS)}"
        raise ValueError(f"unknown network: {hint}")
    return name


class ReaderTrainConfig(TrainConfig):
    network: Annotated[str, AfterValidator(_known_network)] = Field(
        "maskocr",
        description="the reader by its name in models/reader/networks.py: maskocr, or another",
    )
    synthetic_share: float = Field(0.4, ge=0, le=1)
    country_power: float = Field(0.5, ge=0, le=1, description="0: every country equally often, 1: as the data has them")
    splice: float = Field(
        0.35, ge=0, le=1, description="chance that a real crop is joined with another, where --init finds the gaps"
    )
    stack: float = Field(0.1, ge=0, le=1, description="chance that a real crop of one row is made one of two rows")
    empty: float = Field(
        0.05, ge=0, lt=1, description="share of pictures without a plate, whose label is an empty text"
    )
    empty_from: str | None = Field(
        None, description="a detector of the zoo whose false finds in fully labelled pictures are among them"
    )
    dropout: float = Field(0.0, ge=0, lt=1)
    teachers: tuple[str, ...] = Field(
        (), description="weights of readers whose mean answer is learned beside the texts: files, or names in the zoo"
    )
    taught: float = Field(0.5, ge=0, le=1, description="the teachers' share of the characters' loss")
    ctc_weight: float = Field(1.0, ge=0)
    smoothing: float = Field(0.05, ge=0, lt=1)


class VisualTrainConfig(TrainConfig):
    """Phase 1 of the reader's pre-training."""

    hidden: float = Field(0.45, ge=0.0625, le=0.9, description="share of a plate that is hidden")
    latent_weight: float = Field(0.05, ge=0)
    synthetic_share: float = Field(0.0, ge=0, le=1)
    country_power: float = Field(0.5, ge=0, le=1)


class LanguageTrainConfig(TrainConfig):
    """Phase 2: on drawn plates alone."""

    hidden_characters: float = Field(0.15, gt=0, le=1, description="share of the characters that are hidden")


C = TypeVar("C", bound=TrainConfig)


def load_config(path: Path, schema: type[C]) -> C:
    """Reads a YAML file; ConfigError names the file, and of every fault the line, the key and what was expected."""
    return read_settings(path, schema)
