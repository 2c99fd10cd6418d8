"""`alpr synth plates`, `alpr synth scenes`, `alpr synth clip` and `alpr synth compare`."""

from __future__ import annotations

import json
from pathlib import Path

import click

from streamer.cli.options import plates_option


def synth_plates(
    count: int,
    out: Path,
    assets: Path | None = None,
    layout: str | None = None,
    seed: int = 0,
    damaged: bool = False,
    own: str | None = None,
) -> Path:
    """Draws `count` plates into `out` as PNG pictures with a table `plates.jsonl`, and returns the table's path.

    One line a picture: `path`, `text`, `colour`, `rows`, `country`, `layout` and `char_boxes`. `damaged`: as a camera
    sees them. `own`: a folder with layout files of more countries. OutputError when the folder cannot be written.
    """
    import cv2
    import numpy as np
    from rich.progress import track

    from streamer.engine.zoo import plate_folders
    from streamer.errors import OutputError
    from train.synth.degrade import degrade
    from train.synth.plate import PlateRenderer

    renderer = PlateRenderer(assets, plate_folders(own))
    try:
        out.mkdir(parents=True, exist_ok=True)
        with (out / "plates.jsonl").open("w", encoding="utf-8") as table:
            seeds = np.random.SeedSequence(seed).spawn(count)
            for k, one in enumerate(track(seeds, "drawing plates", transient=True)):
                rng = np.random.default_rng(one)
                plate = renderer.render(rng, layout)
                image = degrade(rng, plate.image_bgr) if damaged else plate.image_bgr
                name = f"{k:06d}.png"
                if not cv2.imwrite(str(out / name), image):
                    raise OutputError(f"picture {out / name}: cannot be written; is there room on the disk?")
                row = {"path": name, "text": plate.text, "colour": plate.colour, "rows": plate.rows}
                row |= {"country": plate.country, "layout": plate.layout, "char_boxes": plate.char_boxes.tolist()}
                table.write(json.dumps(row, ensure_ascii=False) + "\n")
    except OSError as error:
        raise OutputError(f"folder {out}: cannot be written ({error.strerror}); name another with --out") from error
    return out / "plates.jsonl"


@click.group()
def synth() -> None:
    """Draw synthetic plates, pictures and videos with exact labels."""


@synth.command()
@click.option("--count", type=click.IntRange(min=0), required=True, help="Number of plates to draw.")
@click.option(
    "--out", type=click.Path(path_type=Path, file_okay=False), required=True, help="Write the pictures to this folder."
)
@click.option(
    "--assets",
    type=click.Path(path_type=Path),
    help="Use the fonts, glyphs and blank plates in this folder. [default: what is built in]",
)
@click.option(
    "--layout",
    help="Draw these: layouts, country codes or files of layouts, separated by commas (cn,de,latin). [default: all]",
)
@click.option(
    "--seed", type=int, default=0, show_default=True, help="Seed of the random numbers; the same seed draws the same."
)
@click.option(
    "--damaged/--clean", default=False, show_default=True, help="Draw plates with blur, noise and dirt, or without."
)
@plates_option
def plates(
    count: int, out: Path, assets: Path | None, layout: str | None, seed: int, damaged: bool, plates: str | None
) -> None:
    """Draw pictures of plates, and write their texts to plates.jsonl."""
    click.echo(synth_plates(count, out, assets, layout, seed, damaged, plates))


def _size(_context: click.Context, _option: click.Parameter, value: str) -> tuple[int, int]:
    width, _, height = value.partition("x")
    if not (width.isdigit() and height.isdigit()):
        raise click.BadParameter(f"{value!r}: expected WIDTHxHEIGHT in pixels, such as 1280x720")
    return int(width), int(height)


@synth.command()
@click.option("--count", type=click.IntRange(min=1), default=100, show_default=True, help="Number of pictures to draw.")
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    required=True,
    help="Write the pictures and their manifest to this new folder.",
)
@click.option(
    "--size",
    callback=_size,
    default="1280x720",
    show_default=True,
    metavar="WIDTHxHEIGHT",
    help="Size of the picture in px, both even.",
)
@click.option(
    "--seed",
    type=int,
    default=1000,
    show_default=True,
    help="Seed of the random numbers; the same seed draws the same.",
)
def scenes(count: int, out: Path, size: tuple[int, int], seed: int) -> None:
    """Draw pictures of streets with labelled plates, as a data folder for alpr eval detector."""
    from train.synth.clip import synth_scenes

    click.echo(synth_scenes(out, count, size, seed))


@synth.command()
@click.option(
    "--out", type=click.Path(path_type=Path, dir_okay=False), required=True, help="Write the video to this file (.mp4)."
)
@click.option("--seconds", type=click.FloatRange(min=0.2), default=6.0, show_default=True, help="Length in seconds.")
@click.option("--fps", type=click.IntRange(1, 120), default=25, show_default=True, help="Frames a second.")
@click.option(
    "--size",
    callback=_size,
    default="1280x720",
    show_default=True,
    metavar="WIDTHxHEIGHT",
    help="Size of the picture in px, both even.",
)
@click.option("--vehicles", type=click.IntRange(1, 12), default=3, show_default=True, help="Number of vehicles.")
@click.option(
    "--seed", type=int, default=1, show_default=True, help="Seed of the random numbers; the same seed draws the same."
)
def clip(out: Path, seconds: float, fps: int, size: tuple[int, int], vehicles: int, seed: int) -> None:
    """Draw one video of traffic, and write its labels to NAME.truth.json beside it."""
    from train.synth.clip import synth_clip

    click.echo(synth_clip(out, seconds, fps, size, vehicles, seed))


@synth.command()
@click.option(
    "--out", type=click.Path(path_type=Path, file_okay=False), required=True, help="Write the videos to this folder."
)
@click.option("--count", type=click.IntRange(min=1), default=24, show_default=True, help="Number of clips to draw.")
@click.option(
    "--vehicles", type=click.IntRange(1, 60), default=10, show_default=True, help="Number of vehicles in each clip."
)
@click.option("--fps", type=click.IntRange(1, 120), default=8, show_default=True, help="Frames a second.")
@click.option(
    "--size",
    callback=_size,
    default="640x360",
    show_default=True,
    metavar="WIDTHxHEIGHT",
    help="Size of the picture in px, both even.",
)
@click.option(
    "--seed",
    type=int,
    default=5000,
    show_default=True,
    help="Seed of the random numbers; the same seed draws the same.",
)
@click.option(
    "--hard/--easy", default=False, show_default=True, help="Draw night, rain, blur and poles, or a fine day."
)
def clips(out: Path, count: int, vehicles: int, fps: int, size: tuple[int, int], seed: int, hard: bool) -> None:
    """Draw labelled videos of traffic, as a data folder for alpr eval videos and alpr eval votes."""
    from train.synth.clip import synth_clips

    click.echo(synth_clips(out, count, vehicles, fps, size, seed, hard))


@synth.command()
@click.option(
    "--data",
    multiple=True,
    required=True,
    help="Take real crops from this data set: a folder with a manifest, ccpd:DIR, or a CSV of crops; repeatable.",
)
@click.option(
    "--out", type=click.Path(path_type=Path, file_okay=False), required=True, help="Write the plots to this folder."
)
@click.option(
    "--count", type=click.IntRange(min=10), default=2000, show_default=True, help="Compare this many of each."
)
def compare(data: tuple[str, ...], out: Path, count: int) -> None:
    """Compare synthetic crops with real ones: brightness, contrast, sharpness, noise, colour."""
    from train.synth.compare import compare as measure

    for name, distance in measure(list(data), out, count).items():
        click.echo(f"{name:12s} {distance:.2f}")
    click.echo(f"plots: {out / 'statistics.png'}, {out / 'crops.png'}")
