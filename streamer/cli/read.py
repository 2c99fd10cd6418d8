"""`alpr read`: pictures to a table or JSON."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from streamer.cli.console import ascii_only, print_line, warn
from streamer.cli.options import country_option, picture_model_options, plates_option
from streamer.errors import InputError, one_line

if TYPE_CHECKING:
    from streamer.types import Plate


@click.command()
@click.argument("images", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per picture and line instead of a table.")
@click.option("--quick", is_flag=True, help="Look at each picture once, and read each plate once.")
@country_option
@plates_option
@picture_model_options
def read(
    images: tuple[Path, ...], as_json: bool, quick: bool, countries: tuple[str, ...], plates: str | None, **models: Any
) -> None:
    """Read the plates of IMAGES: picture files, or folders of them (without subfolders).

    Prints one line per plate, separated by tabs: picture, text (- where nothing can be read, ? for a character that
    cannot be read), confidence of the text, score of the plate, and box as x1,y1,x2,y2 in pixels. Plates are printed
    also with low confidence; what the detector is not sure of and the reader sees nothing in is not. alpr run writes a
    row only from vote.min_confidence (0.5) on.

    A picture in which no plate or a small one is found is looked at again, and doubtful plates are read from six more
    cuts; a picture without a find may be of a plate alone.
    """
    from streamer import PlateReader
    from streamer.config.urls import redact
    from streamer.engine.zoo import plate_folders
    from streamer.plates.countries import replacements
    from streamer.source.images import load
    from streamer.source.suffixes import VIDEO_SUFFIXES

    paths, failures = _expand(images)
    total = len(paths) + len(failures)
    given = {name: value for name, value in models.items() if value is not None}
    reader = PlateReader(**given, countries=countries, plates=plates, thorough=not quick)
    for line in replacements(plate_folders(plates)):
        warn(line)
    if "threads" in given:
        import cv2

        cv2.setNumThreads(given["threads"])
    show = _print_json if as_json else _print_rows
    reported = 0
    for path in paths:
        shown = Path(redact(str(path)))  # an address may hold a password
        try:
            picture = load(path)
        except InputError as error:
            hint = "; alpr run reads videos" if path.suffix.lower() in VIDEO_SUFFIXES else ""
            failures.append(redact(f"{error}{hint}"))
            if as_json:
                print_line(
                    json.dumps({"image": str(shown), "plates": [], "error": failures[-1]}, ensure_ascii=ascii_only())
                )
        else:
            for note in picture.warnings:
                warn(note)
            show(shown, reader.read(picture.bgr))
        if total > 1:  # at once: there may be many pictures left
            for failure in failures[reported:]:
                warn(failure)
            reported = len(failures)
    if failures:
        raise InputError(failures[0] if total == 1 else f"{len(failures)} of {total} pictures failed: see above")


def _expand(images: Sequence[Path]) -> tuple[list[Path], list[str]]:
    """The picture files, those of folders by name; and messages about the rest."""
    from streamer.source.resolve import sources_in
    from streamer.source.suffixes import IMAGE_SUFFIXES

    paths: list[Path] = []
    failures: list[str] = []
    for path in images:
        if not path.is_dir():
            paths.append(path)
            continue
        try:
            found = sources_in(path, IMAGE_SUFFIXES)
        except OSError as error:
            failures.append(f"{path}: cannot be read ({error.strerror})")
            continue
        paths += found
        if not found:
            failures.append(f"{path}: the folder holds no picture (by suffix)")
    return paths, failures


def _print_json(path: Path, plates: Iterable[Plate]) -> None:
    row = {"image": str(path), "plates": [record_of(p) for p in plates]}
    print_line(json.dumps(row, ensure_ascii=ascii_only()))


def record_of(plate: Plate) -> dict[str, object]:
    """A plate as a JSON object."""
    return {
        "text": plate.text,
        "confidence": round(plate.confidence, 4),
        "char_confidence": [round(c, 4) for c in plate.char_confidence],
        "score": round(plate.score, 4),
        "box": [round(float(v), 1) for v in plate.box_xyxy],
        "quad": [[round(float(v), 1) for v in corner] for corner in plate.quad],
        "colour": plate.kind.colour,
        "rows": plate.kind.rows,
        "region": plate.kind.region,
    }


def _print_rows(path: Path, plates: Sequence[Plate]) -> None:
    """Prints tab-separated lines, for `cut` as well as for reading."""
    name = one_line(str(path))
    for plate in plates:
        box = ",".join(f"{v:.0f}" for v in plate.box_xyxy)
        more = "" if plate.text else "\tnothing legible (script not supported?)"
        print_line(f"{name}\t{plate.text or '-'}\t{plate.confidence:.3f}\t{plate.score:.3f}\t{box}{more}")
    if not plates:
        print_line(f"{name}\tno plate")
