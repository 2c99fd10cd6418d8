"""`alpr train detector|reader`."""

from __future__ import annotations

from pathlib import Path

import click


def options(function):  # type: ignore[no-untyped-def]
    """What both verbs take."""
    for option in reversed(
        [
            click.option(
                "--config", "config_path", type=click.Path(path_type=Path), required=True, help="YAML of configs/."
            ),
            click.option(
                "--data", multiple=True, required=True, help="Folder with a manifest, or ccpd:DIR; repeatable."
            ),
            click.option(
                "--out", type=click.Path(path_type=Path), help="Checkpoints, log, plots. [default: out/train/NAME]"
            ),
            click.option("--fresh", is_flag=True, help="Start over; without it a broken run is resumed."),
            click.option("--device", default="auto", show_default=True, help="cpu, cuda, cuda:1 ... or auto."),
            click.option("--samples", type=int, help="Pictures to see in all, in place of the configuration's."),
            click.option("--workers", type=int, help="Loader processes, in place of the configuration's."),
            click.option("--bf16/--no-bf16", default=None, help="Half precision, in place of the configuration's."),
        ]
    ):
        function = option(function)
    return function


@click.group()
def train() -> None:
    """Teach the detector or the reader from labelled pictures. A killed run goes on where its last checkpoint was."""


@train.command()
@options
def detector(**kwargs) -> None:  # type: ignore[no-untyped-def]
    """Boxes and corners of plates. Scenes with boxes are enough; corners help."""
    from train.config import DetectorTrainConfig
    from train.detector import train_detector

    _run(DetectorTrainConfig, train_detector, **kwargs)


@train.command()
@options
def reader(**kwargs) -> None:  # type: ignore[no-untyped-def]
    """The text of plates, from crops with text."""
    from train.config import ReaderTrainConfig
    from train.reader import train_reader

    _run(ReaderTrainConfig, train_reader, **kwargs)


def _run(schema, teach, config_path, data, out, fresh, device, samples, workers, bf16) -> None:  # type: ignore[no-untyped-def]
    import torch

    from train.config import load_config

    config = load_config(config_path, schema)
    changed = {k: v for k, v in {"samples": samples, "workers": workers, "bf16": bf16}.items() if v is not None}
    config = config.model_copy(update=changed)
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    out = out or Path("out/train") / config.name
    weights = teach(config, list(data), out, torch.device(device), resume=not fresh)
    click.echo(f"weights: {weights}\nnext: alpr export {weights}")
