"""`alpr train`: a verb for each network."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Unpack

import click

from train.cli.finetune import finetune
from train.cli.options import TrainOptions, hard_option, run_recipe, starting_weights, train_options


@click.group()
def train() -> None:
    """Train the detector, the refiner or the reader on labelled pictures.

    An interrupted training is resumed from its last checkpoint by the same command. On several GPUs: torchrun
    --nproc-per-node N --no-python alpr train ...
    """


train.add_command(finetune)


@train.command()
@train_options
@hard_option(" [default: those of --init]")
def detector(hard_from: str | None, **options: Unpack[TrainOptions]) -> None:
    """Train the detector, which finds plates and their corners.

    The data are whole pictures with labelled boxes; corners make it more exact.
    """
    from train.data.detection import collate
    from train.loop.config import DetectorTrainConfig
    from train.recipes.detector import detector_data, train_detector

    hard = starting_weights(hard_from)
    recipe = partial(train_detector, hard_from=hard)
    prepare = partial(detector_data, hard_from=hard or starting_weights(options["init"]))
    run_recipe(DetectorTrainConfig, recipe, prepare, collate, options)


@train.command()
@train_options
@hard_option()
def refiner(hard_from: str | None, **options: Unpack[TrainOptions]) -> None:
    """Train the refiner, which corrects the corners of detections.

    It also lowers the score of false detections. The data are those of the detector.
    """
    from train.data.refining import collate
    from train.loop.config import RefinerTrainConfig
    from train.recipes.refiner import refiner_data, train_refiner

    hard = starting_weights(hard_from)
    recipe, prepare = partial(train_refiner, hard_from=hard), partial(refiner_data, hard_from=hard)
    run_recipe(RefinerTrainConfig, recipe, prepare, collate, options)


@train.command()
@train_options
@click.option("--strict", is_flag=True, help="Refuse data with a crop that cannot be used, instead of leaving it out.")
def reader(strict: bool, **options: Unpack[TrainOptions]) -> None:
    """Train the reader, which reads the text of a plate.

    The data are crops of plates with their text.
    """
    from train.data.reading import collate
    from train.loop.config import ReaderTrainConfig
    from train.recipes.reader import reader_data, train_reader

    recipe = partial(train_reader, strict=strict)
    prepare = partial(reader_data, strict=strict, init=starting_weights(options["init"]))
    run_recipe(ReaderTrainConfig, recipe, prepare, collate, options)


@train.command()
@click.argument("weights", nargs=-1, required=True)
@click.option(
    "--out", type=click.Path(path_type=Path, dir_okay=False), required=True, help="Write the mean to this weights.pt."
)
def average(weights: tuple[str, ...], out: Path) -> None:
    """Write the mean of several weights of one network.

    WEIGHTS are weights.pt files, or names of shipped models: those of a training, and of others that started from it.
    """
    from train.loop.fit import Checkpoint
    from train.loop.weights import average as mean
    from train.loop.weights import weights_path

    Checkpoint(out).save(mean([weights_path(w) for w in weights]))
    click.echo(out)


@train.command("pretrain-visual")
@train_options
def pretrain_visual(**options: Unpack[TrainOptions]) -> None:
    """Pre-train the reader, phase 1: on hidden parts of plates.

    The encoder learns to predict them. The data are crops of plates; they need no text.
    """
    from train.data.masking import collate
    from train.loop.config import VisualTrainConfig
    from train.recipes.pretrain import pretrain_visual, visual_data

    following = "alpr train pretrain-language --init {weights} --config configs/reader/language.yaml --data {data}"
    run_recipe(VisualTrainConfig, pretrain_visual, visual_data, collate, options, following)


@train.command("pretrain-language")
@train_options
def pretrain_language(**options: Unpack[TrainOptions]) -> None:
    """Pre-train the reader, phase 2: on hidden characters.

    The decoder learns to predict them on synthetic plates. --init takes the weights of phase 1; of the data set only
    fonts and blank plates are used.
    """
    from train.data.masking import collate
    from train.loop.config import LanguageTrainConfig
    from train.recipes.pretrain import language_data, pretrain_language

    following = "alpr train reader --init {weights} --config configs/reader/base.yaml --data {data}"
    run_recipe(LanguageTrainConfig, pretrain_language, language_data, collate, options, following)
