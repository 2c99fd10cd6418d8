"""`alpr train detector|refiner|reader`."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import click

from train.cli.finetune import finetune


def options(function):  # type: ignore[no-untyped-def]
    """What both verbs take."""
    for option in reversed(
        [
            click.option(
                "--config",
                "config_path",
                type=click.Path(path_type=Path),
                required=True,
                help="Read the training configuration from this YAML file (see configs/).",
            ),
            click.option(
                "--data",
                multiple=True,
                required=True,
                help="Folder with a manifest, ccpd:DIR, or CSV of crops; repeatable.",
            ),
            click.option(
                "--out",
                type=click.Path(path_type=Path),
                help="Write checkpoints, log and plots to this folder. [default: out/train/NAME]",
            ),
            click.option("--init", help="Start from this weights.pt, or from shipped weights by their name."),
            click.option("--fresh", is_flag=True, help="Start over instead of resuming the run in --out."),
            click.option(
                "--device",
                default="auto",
                show_default=True,
                help="Device to train on: cpu, cuda, cuda:1 ... or auto (a GPU where there is one).",
            ),
            click.option(
                "--samples", type=int, help="Number of pictures to train on in all. [default: the configuration's]"
            ),
            click.option(
                "--hours",
                type=click.FloatRange(min=0, min_open=True),
                help="End after this many hours, by a schedule that fits, or after --samples where that is sooner.",
            ),
            click.option(
                "--workers", type=int, help="Number of processes that load pictures. [default: the configuration's]"
            ),
            click.option(
                "--loader-only", is_flag=True, help="Measure how many samples a second are loaded, and train nothing."
            ),
            click.option(
                "--compile/--no-compile", default=None, help="Fuse operations by torch.compile; needs a C++ compiler."
            ),
            click.option(
                "--bf16/--no-bf16", default=None, help="Compute in half precision or not. [default: as configured]"
            ),
        ]
    ):
        function = option(function)
    return function


def hard_option(default: str = ""):  # type: ignore[no-untyped-def]
    """--hard-from, of the verbs that are shown scenes; `default` ends its help."""
    text = "A detector's weights (as --init) whose false detections in the data are shown more often."
    return click.option("--hard-from", help=text + default)


def _weights(name_or_path: str | None) -> Path | None:
    from train.loop.weights import weights_path

    return weights_path(name_or_path) if name_or_path else None


@click.group()
def train() -> None:
    """Teach the detector, its refiner or the reader from labelled pictures.

    A killed run goes on where its last checkpoint was. Several GPUs: torchrun --nproc-per-node N --no-python alpr ...
    """


train.add_command(finetune)


@train.command()
@options
@hard_option(" [default: those of --init]")
def detector(hard_from: str | None, **kwargs) -> None:  # type: ignore[no-untyped-def]
    """Boxes and corners of plates. Scenes with boxes are enough; corners help."""
    from train.data.detection import collate
    from train.loop.config import DetectorTrainConfig
    from train.recipes.detector import detector_data, train_detector

    hard = _weights(hard_from)
    teach = partial(train_detector, hard_from=hard)
    prepare = partial(detector_data, hard_from=hard or _weights(kwargs["init"]))
    _run(DetectorTrainConfig, teach, prepare, collate, **kwargs)


@train.command()
@options
@hard_option()
def refiner(hard_from: str | None, **kwargs) -> None:  # type: ignore[no-untyped-def]
    """A closer look at what the detector finds: better corners, fewer false plates. Data as for the detector."""
    from train.data.refining import collate
    from train.loop.config import RefinerTrainConfig
    from train.recipes.refiner import refiner_data, train_refiner

    hard = _weights(hard_from)
    teach, prepare = partial(train_refiner, hard_from=hard), partial(refiner_data, hard_from=hard)
    _run(RefinerTrainConfig, teach, prepare, collate, **kwargs)


@train.command()
@options
@click.option(
    "--strict", is_flag=True, help="Refuse data with a crop that cannot be taught, in place of leaving it out."
)
def reader(strict: bool, **kwargs) -> None:  # type: ignore[no-untyped-def]
    """The text of plates, from crops with text."""
    from train.data.reading import collate
    from train.loop.config import ReaderTrainConfig
    from train.recipes.reader import reader_data, train_reader

    teach, prepare = (
        partial(train_reader, strict=strict),
        partial(reader_data, strict=strict, init=_weights(kwargs["init"])),
    )
    _run(ReaderTrainConfig, teach, prepare, collate, **kwargs)


@train.command()
@click.argument("weights", nargs=-1, required=True)
@click.option(
    "--out", type=click.Path(path_type=Path, dir_okay=False), required=True, help="Write the mean to this weights.pt."
)
def average(weights: tuple[str, ...], out: Path) -> None:
    """The mean of several WEIGHTS of one network: of a training and of those that went on from it."""
    from train.loop.fit import Checkpoint
    from train.loop.weights import average as mean
    from train.loop.weights import weights_path

    Checkpoint(out).save(mean([weights_path(w) for w in weights]))
    click.echo(out)


@train.command("pretrain-visual")
@options
def pretrain_visual(**kwargs) -> None:  # type: ignore[no-untyped-def]
    """Before the reader, phase 1: its encoder learns what hidden parts of plates look like, from crops without text."""
    from train.data.masking import collate
    from train.loop.config import VisualTrainConfig
    from train.recipes.pretrain import pretrain_visual, visual_data

    then = "alpr train pretrain-language --init {weights} --config configs/reader/language.yaml --data {data}"
    _run(VisualTrainConfig, pretrain_visual, visual_data, collate, then=then, **kwargs)


@train.command("pretrain-language")
@options
def pretrain_language(**kwargs) -> None:  # type: ignore[no-untyped-def]
    """Phase 2: its decoder learns what stands at hidden places, from drawn plates; --init takes phase 1's weights."""
    from train.data.masking import collate
    from train.loop.config import LanguageTrainConfig
    from train.recipes.pretrain import language_data, pretrain_language

    then = "alpr train reader --init {weights} --config configs/reader/base.yaml --data {data}"
    _run(LanguageTrainConfig, pretrain_language, language_data, collate, then=then, **kwargs)


def _run(  # type: ignore[no-untyped-def]
    schema,
    teach,
    prepare,
    collate,
    config_path,
    data,
    out,
    init,
    fresh,
    device,
    samples,
    hours,
    workers,
    compile,
    bf16,
    loader_only,
    then="alpr export {weights} --data {data} --name {name}",
) -> None:
    import torch

    from train.loop.config import load_config
    from train.loop.distributed import join, leave, rank, share_of
    from train.loop.fit import loader_rate
    from train.loop.weights import own_name

    config = load_config(config_path, schema)
    given = {"samples": samples, "hours": hours, "workers": workers, "compile": compile, "bf16": bf16}
    changed = {k: v for k, v in given.items() if v is not None}
    config = config.model_copy(update=changed)
    out = out or Path("out/train") / config.name
    if loader_only:
        rate = loader_rate(prepare(config, list(data), out)[0], config, collate)
        click.echo(f"loader: {rate:.0f} samples a second with {config.workers} workers")
        return
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    own = join(torch.device(device))
    try:
        share_of(config.batch)  # a batch that does not divide is told before the hour of preparation
        weights = teach(config, list(data), out, own, resume=not fresh, init=_weights(init))
        if rank() == 0:
            following = then.format(weights=weights, data=data[0], name=own_name(config.name))
            click.echo(f"weights: {weights}\nnext: {following}")
    finally:
        leave()
