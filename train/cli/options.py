"""The options that the trainings share, and what becomes of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypedDict, TypeVar

import click

if TYPE_CHECKING:
    import torch
    from torch.utils.data import Dataset

    from train.data.manifest import Sample
    from train.loop.config import TrainConfig
    from train.loop.fit import Collate

    C = TypeVar("C", bound=TrainConfig)
    D = TypeVar("D", bound=TrainConfig, contravariant=True)
    S = TypeVar("S")
    B = TypeVar("B")

    class Recipe(Protocol[D]):
        """A training: from a configuration and data to the path of its weights."""

        def __call__(
            self,
            config: D,
            data: Sequence[str],
            out: Path,
            device: torch.device,
            resume: bool = ...,
            init: Path | None = ...,
        ) -> Path: ...

    Prepare = Callable[[C, Sequence[str], Path], tuple[Dataset[S], list[Sample]]]

F = TypeVar("F", bound=Callable[..., object])


class TrainOptions(TypedDict):
    """The values of `train_options`, as click passes them."""

    config_path: Path
    data: tuple[str, ...]
    out: Path | None
    init: str | None
    fresh: bool
    device: str
    samples: int | None
    hours: float | None
    workers: int | None
    loader_only: bool
    compile: bool | None
    bf16: bool | None


_OPTIONS: tuple[Callable[[Any], Any], ...] = (
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
        help="Train on this data set: a folder with a manifest, ccpd:DIR, or a CSV of crops; repeatable.",
    ),
    click.option(
        "--out",
        type=click.Path(path_type=Path),
        help="Write checkpoint, log, plots and weights.pt to this folder. [default: out/train/NAME]",
    ),
    click.option(
        "--init", help="Start from these weights: a weights.pt, or the name of a shipped model. [default: random]"
    ),
    click.option("--fresh", is_flag=True, help="Start over instead of resuming from the checkpoint in --out."),
    click.option(
        "--device",
        default="auto",
        show_default=True,
        help="Train on this device: cpu, cuda, cuda:1 ... or auto (a GPU where there is one).",
    ),
    click.option(
        "--samples", type=int, help="Train on this many samples in all. [default: samples of the configuration]"
    ),
    click.option(
        "--hours",
        type=click.FloatRange(min=0, min_open=True),
        help="Stop after this many hours; the learning rate decays in time for it.",
    ),
    click.option(
        "--workers", type=int, help="Load pictures in this many processes. [default: workers of the configuration]"
    ),
    click.option(
        "--loader-only", is_flag=True, help="Only measure how many samples a second are loaded; train nothing."
    ),
    click.option(
        "--compile/--no-compile",
        default=None,
        help="Compile the network by torch.compile, which needs a C++ compiler. [default: as configured]",
    ),
    click.option("--bf16/--no-bf16", default=None, help="Compute in bfloat16 or in float32. [default: as configured]"),
)


def train_options(function: F) -> F:
    """Adds what every training takes."""
    for option in reversed(_OPTIONS):
        function = option(function)
    return function


def hard_option(default: str = "") -> Callable[[F], F]:
    """--hard-from, of the trainings on scenes; `default` ends its help."""
    text = "Show false detections of this detector more often: a weights.pt, or the name of a shipped model."
    return click.option("--hard-from", help=text + default)


def starting_weights(name_or_path: str | None) -> Path | None:
    from train.loop.weights import weights_path

    return weights_path(name_or_path) if name_or_path else None


def run_recipe(
    schema: type[C],
    recipe: Recipe[C],
    prepare: Prepare[C, S],
    collate: Collate[S, B],
    options: TrainOptions,
    following: str = "alpr export {weights} --data {data} --name {name}",
) -> None:
    """Trains by a recipe, or measures its loader. `following` is the command that is printed as the next one."""
    import torch

    from train.loop.config import load_config
    from train.loop.distributed import join, leave, rank, share_of
    from train.loop.fit import loader_rate
    from train.loop.weights import own_name

    config = load_config(options["config_path"], schema)
    given = {
        "samples": options["samples"],
        "hours": options["hours"],
        "workers": options["workers"],
        "compile": options["compile"],
        "bf16": options["bf16"],
    }
    config = config.model_copy(update={k: v for k, v in given.items() if v is not None})
    data, out = list(options["data"]), options["out"] or Path("out/train") / config.name
    if options["loader_only"]:
        rate = loader_rate(prepare(config, data, out)[0], config, collate)
        click.echo(f"loader: {rate:.0f} samples a second with {config.workers} workers")
        return
    device = options["device"]
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    own = join(torch.device(device))
    try:
        share_of(config.batch)  # a batch that does not divide is refused before the hour of preparation
        weights = recipe(config, data, out, own, resume=not options["fresh"], init=starting_weights(options["init"]))
        if rank() == 0:
            command = following.format(weights=weights, data=data[0], name=own_name(config.name))
            click.echo(f"weights: {weights}\nnext: {command}")
    finally:
        leave()
