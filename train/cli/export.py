"""`alpr export`."""

from __future__ import annotations

from pathlib import Path

import click


@click.command()
@click.argument("weights")
@click.option(
    "--data", multiple=True, required=True, help="Calibrate INT8 on this data set, as in alpr train; repeatable."
)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    help="Write the model to the folder NAME in this one. [default: models/zoo, where models are found by name]",
)
@click.option("--name", help="Name of the model. [default: name of the training configuration]")
@click.option(
    "--min-score",
    type=click.FloatRange(0, 1, True, True),
    help="Score threshold of a detector, written into its card. [default: that of the best F1 on the validation part]",
)
@click.option(
    "--refiner",
    default="plate-refiner",
    show_default=True,
    help="Write this refiner into the card of a detector: a name in models/zoo, or none.",
)
@click.option(
    "--keep-weights", is_flag=True, help="Keep the PyTorch weights beside the model, for alpr train --init NAME."
)
@click.option("--replace", is_flag=True, help="Overwrite a shipped model of that name; refused otherwise.")
def export(
    weights: str,
    data: tuple[str, ...],
    out: Path | None,
    name: str | None,
    min_score: float | None,
    refiner: str,
    keep_weights: bool,
    replace: bool,
) -> None:
    """Convert WEIGHTS to an OpenVINO model in f32 and INT8, with its card.

    WEIGHTS is a weights.pt that alpr train wrote, or the name of a shipped model.
    """
    from streamer.engine.zoo import zoo_folder
    from train.export.export import export as convert
    from train.loop.weights import weights_path

    folder = convert(
        weights_path(weights),
        data,
        out or zoo_folder(),
        name,
        min_score,
        None if refiner == "none" else refiner,
        keep_weights,
        replace,
    )
    for file in sorted(folder.iterdir()):
        click.echo(f"{file}  {file.stat().st_size / 1e6:.2f} MB")
