"""`alpr export`."""

from __future__ import annotations

from pathlib import Path

import click


@click.command()
@click.argument("weights")
@click.option(
    "--data", multiple=True, required=True, help="Pictures to calibrate INT8 on: as in alpr train; repeatable."
)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    help="Write the model to a folder of its name in this one. [default: models/zoo, where names are looked for]",
)
@click.option("--name", help="Name of the model in the zoo. [default: the training's]")
@click.option(
    "--min-score",
    type=click.FloatRange(0, 1, True, True),
    help="Score from which a detection counts; kept in the card. [default: that of the best F1 on the validation part]",
)
@click.option(
    "--refiner",
    default="plate-refiner",
    show_default=True,
    help="Who looks again at what a detector finds: a name in the zoo, or none.",
)
@click.option("--keep-weights", is_flag=True, help="Put the PyTorch weights beside the files, for --init by name.")
@click.option("--replace", is_flag=True, help="Write over a shipped model of that name; refused otherwise.")
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
    """Convert WEIGHTS (a training's weights.pt, or shipped ones by name) to OpenVINO, f32 and INT8, with a card."""
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
