"""`alpr train finetune`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from streamer import PlateReader
    from streamer.types import Image


@click.command()
@click.option(
    "--crops",
    type=click.Path(path_type=Path, file_okay=False),
    required=True,
    help="Train on the crops in this folder, which alpr run --crops wrote.",
)
@click.option(
    "--csv",
    "tables",
    multiple=True,
    type=click.Path(path_type=Path, dir_okay=False),
    help="Take first guesses of the texts from the CSV of that run; repeatable. [default: read the crops again]",
)
@click.option(
    "--labels",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Keep the label sheet in this CSV file. [default: labels.csv in --crops]",
)
@click.option(
    "--name", default="plate-reader-custom", show_default=True, help="Name of the new reader, for alpr run --reader."
)
@click.option(
    "--init",
    default="plate-reader",
    show_default=True,
    help="Start from these weights: the name of a shipped model, or a weights.pt.",
)
@click.option("--data", multiple=True, help="Train on this data set too, as in alpr train reader; repeatable.")
@click.option(
    "--config",
    "config_path",
    type=click.Path(path_type=Path),
    help="Read the training configuration from this YAML file. [default: configs/reader/finetune.yaml]",
)
@click.option("--samples", type=click.IntRange(min=1), help="Train on this many samples in all, at most.")
@click.option("--hours", type=click.FloatRange(min=0, min_open=True), help="Stop after this many hours.")
@click.option("--workers", type=click.IntRange(min=0), help="Load pictures in this many processes.")
@click.option(
    "--device",
    default="auto",
    show_default=True,
    help="Train on this device: cpu, cuda, cuda:1 ... or auto (a GPU where there is one).",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    help="Write weights and figures to this folder. [default: out/train/NAME]",
)
@click.option(
    "--zoo",
    type=click.Path(path_type=Path, file_okay=False),
    help="Write the model to the folder NAME in this one. [default: models/zoo]",
)
@click.option("--all-checked", is_flag=True, help="Mark every row of the sheet as checked.")
@click.option("--sheet-only", is_flag=True, help="Only update the label sheet; train nothing.")
@click.option("--replace", is_flag=True, help="Overwrite an earlier model of that name (never a shipped one).")
def finetune(
    crops: Path,
    tables: tuple[Path, ...],
    labels: Path | None,
    name: str,
    init: str,
    data: tuple[str, ...],
    config_path: Path | None,
    samples: int | None,
    hours: float | None,
    workers: int | None,
    device: str,
    out: Path | None,
    zoo: Path | None,
    all_checked: bool,
    sheet_only: bool,
    replace: bool,
) -> None:
    """Train a reader of your own on your crops; the shipped one stays.

    The first call writes a label sheet (CSV) with the text that was read in each crop, the least confident first.
    Correct its column plate_text and put an x into `checked`. The second call trains on the checked rows, exports the
    reader under --name, and reports whether it is better than the one it started from.
    """
    from streamer.engine.zoo import config_folder, zoo_folder
    from train.data import label_sheet
    from train.loop.config import ReaderTrainConfig, load_config
    from train.loop.weights import weights_path
    from train.recipes import finetune as core

    folder = core.check_name(name, zoo or zoo_folder(), replace or sheet_only)
    start = weights_path(init)
    file = labels or crops / "labels.csv"
    sheet = label_sheet.read_sheet(file)
    guesses = label_sheet.rows_read(tables)
    added, broken = label_sheet.update(sheet, crops, file, guesses, _lazy_reader())
    if all_checked:
        for row in sheet.rows:
            row["checked"] = row["checked"] or "x"
    label_sheet.write_sheet(sheet, file)
    for path in broken:
        click.echo(f"left out: {path} cannot be read as a picture", err=True)
    count = len(sheet.labels())
    click.echo(f"label sheet: {file}: {len(sheet.rows)} crops, {added} of them new, {count} labelled")
    if sheet_only or not count:
        click.echo(
            "next: correct plate_text, put an x into checked (or give --all-checked), and run this command again"
        )
        return
    label_sheet.faults(sheet, file, core.letters(), core.longest_text())
    given = {"samples": samples, "hours": hours, "workers": workers, "name": name}
    config = load_config(config_path or config_folder() / "reader" / "finetune.yaml", ReaderTrainConfig)
    config = config.model_copy(update={k: v for k, v in given.items() if v is not None})
    out = out or Path("out/train") / name
    usable, lost = core.opened(sheet, file)
    for path in lost:
        click.echo(f"left out: {path} is missing or cannot be read as a picture", err=True)
    core.write_divided(usable, out / "crops.csv")
    import torch

    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    verdict, figures, folder = core.finetune(out / "crops.csv", config, out, torch.device(device), start, data, zoo)
    click.echo(core.markdown(name, verdict, figures))
    click.echo(f"figures: {out / 'finetune.json'}, {out / 'finetune.md'}")
    if verdict.recommended:
        click.echo(f"next: alpr run SOURCE --reader {folder if zoo else name}")
    else:
        click.echo(f"not recommended: keep using {init}; the new reader is in {folder} nevertheless")


def _lazy_reader() -> Callable[[list[Image]], list[tuple[str, float]]]:
    """Reads crops with the shipped reader, which is loaded when the first is to be read."""
    kept: list[PlateReader] = []

    def read(images: list[Image]) -> list[tuple[str, float]]:
        from streamer import PlateReader

        if not kept:
            kept.append(PlateReader())
        return [(r.text, r.confidence) for r in kept[0].read_crops(images)]

    return read
