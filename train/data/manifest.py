"""Reads the manifest format: a folder with `manifest.jsonl`, one line a picture, and the pictures it names.

A line: `path` (relative to the folder), `kind`, `country`, `split`, `size` [width, height], `plates` (list of `text`,
`box` [x1, y1, x2, y2], `quad` 4 x [x, y] TL TR BR BL, `colour`, `rows`, `ignore`), `complete`, `source`, and where
known `region`, `set`, `dataset`, `subset`, `note`, `real`, `scene`.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from streamer.errors import InputError

Box = tuple[float, float, float, float]
Quad = tuple[tuple[float, float], tuple[float, float], tuple[float, float], tuple[float, float]]

MANIFEST = "manifest.jsonl"
KINDS = ("scene", "crop", "background")
VALIDATION_BYTES = 13  # first bytes of SHA-256 below this are held out: 13 / 256, about 5 %


@dataclass(frozen=True)
class PlateLabel:
    """One annotated plate. `box` x1 y1 x2 y2 and `quad` TL TR BR BL in the plate's reading order, in pixels of the
    stored file, origin at the top left corner of the top left pixel; None where not annotated.

    `quad_machine`: corners a detector found, for training where there is no `quad`. `ignore`: a real plate that counts
    neither as a hit nor as a miss. `agreed`: the readers that agreed on a text found by agreement.
    """

    text: str | None = None
    box: Box | None = None
    quad: Quad | None = None
    quad_machine: Quad | None = None
    colour: str | None = None
    rows: int | None = None
    ignore: bool = False
    difficult: bool = False
    text_source: str | None = None
    agreed: tuple[str, ...] = ()


@dataclass(frozen=True)
class Sample:
    """One labelled picture. `path` opens it, `relative` is its name in the data set; `size` is (width, height) px.

    `complete`: every legible plate is annotated; False means unknown. `real` False: drawn or pasted. `scene`: the
    scene a crop was cut from, where that is stored too.
    """

    path: Path
    relative: str
    kind: str
    split: str
    size: tuple[int, int]
    country: str | None = None
    region: str | None = None
    set: str | None = None
    complete: bool = True
    source: str = ""
    dataset: str | None = None
    subset: str | None = None
    note: str | None = None
    real: bool = True
    scene: str | None = None
    box_source: str | None = None
    quad_quality: str | None = None
    plates: tuple[PlateLabel, ...] = ()


def read_manifest(folder: Path | str, kind: str | None = None, split: str | None = None) -> list[Sample]:
    """The samples of a manifest folder in file order, of that kind (scene | crop | background) and split.

    Raises InputError naming file and line when the manifest is missing or a line is broken; the pictures themselves are
    not opened.
    """
    samples = iter_manifest(Path(folder))
    return [s for s in samples if (kind is None or s.kind == kind) and (split is None or s.split == split)]


def iter_manifest(folder: Path) -> Iterator[Sample]:
    """All samples of the folder's manifest, one after another; errors as in `read_manifest`."""
    file = folder / MANIFEST
    for number, row in json_lines(file):
        try:
            yield _sample(row, folder)
        except _Broken as problem:
            raise InputError(f"{file}:{number}: {problem}; correct the line or remove it") from None


def json_lines(file: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """(line number from 1, object) of a JSON Lines file; InputError naming the file and line when it is not one."""
    try:
        with file.open(encoding="utf-8") as lines:
            for number, line in enumerate(lines, 1):
                if line.strip():
                    yield number, _object(line, file, number)
    except FileNotFoundError:
        raise InputError(f"{file}: is not there; name a data folder that holds {file.name}") from None
    except NotADirectoryError:
        raise InputError(f"{file.parent}: is a file; name the data folder that holds {file.name}") from None
    except UnicodeDecodeError as error:
        raise InputError(f"{file}: is not UTF-8 text (byte {error.start}: {error.reason}); restore it") from None
    except OSError as error:
        raise InputError(f"{file}: cannot be read ({error.strerror}); check the path and its permissions") from None


def _object(line: str, file: Path, number: int) -> dict[str, Any]:
    try:
        row = json.loads(line)
    except json.JSONDecodeError as error:
        raise InputError(
            f"{file}:{number}: is not JSON ({error.msg} at column {error.colno}); correct the line or remove it"
        ) from None
    if not isinstance(row, dict):
        raise InputError(f"{file}:{number}: expected a JSON object, found {type(row).__name__}; correct the line")
    return row


def first_text(sample: Sample) -> str | None:
    """The first plate text of the picture, or None."""
    return next((p.text for p in sample.plates if p.text), None)


def is_validation(sample: Sample) -> bool:
    """Whether a row of the train split is held out for early stopping, thresholds and calibration.

    By plate text, so that no plate is on both sides: SHA-256 of the first text (of the path, without one) whose first
    byte is under 13, about 5 %.
    """
    key = first_text(sample) or sample.relative
    return hashlib.sha256(key.encode()).digest()[0] < VALIDATION_BYTES


def evaluation_set(sample: Sample) -> str:
    """The set that a picture is counted in: its own `set` where it has one, else by country and, in China, by data."""
    if sample.set:
        return sample.set
    if sample.country != "CN":
        return (sample.country or "none").lower()
    if sample.kind == "crop":
        return "cn-lpr" if sample.source.startswith("sirius-ai") else "cn-rare"
    if sample.dataset != "CCPD":
        return "cn-other"
    first = sample.plates[0] if sample.plates else PlateLabel()
    if first.quad:
        return "cn-ccpd"
    return "cn-green" if first.colour == "green" else "cn-blue"


class _Broken(Exception):
    """What is wrong with a line; the caller adds file and number."""


def _sample(row: Mapping[str, Any], folder: Path) -> Sample:
    relative = _text(row, "path", required=True)
    kind = _text(row, "kind", required=True)
    if kind not in KINDS:
        raise _Broken(f"kind {kind!r}: expected one of {', '.join(KINDS)}")
    plates = row.get("plates", [])
    if not isinstance(plates, list) or not all(isinstance(p, dict) for p in plates):
        raise _Broken("plates: expected a list of objects")
    return Sample(
        path=folder / str(relative),
        relative=str(relative),
        kind=kind,
        split=str(_text(row, "split", required=True)),
        size=_size(row.get("size")),
        country=_text(row, "country"),
        region=_text(row, "region"),
        set=_text(row, "set"),
        complete=_flag(row, "complete", True),
        source=_text(row, "source") or "",
        dataset=_text(row, "dataset"),
        subset=_text(row, "subset"),
        note=_text(row, "note"),
        real=_flag(row, "real", True),
        scene=_text(row, "scene"),
        box_source=_text(row, "box_source"),
        quad_quality=_text(row, "quad_quality"),
        plates=tuple(_plate(p) for p in plates),
    )


def _plate(row: Mapping[str, Any]) -> PlateLabel:
    rows = row.get("rows")
    if rows not in (None, 1, 2):
        raise _Broken(f"rows {rows!r}: expected 1, 2 or null")
    return PlateLabel(
        text=_text(row, "text"),
        box=_box(row.get("box")),
        quad=_quad(row.get("quad"), "quad"),
        quad_machine=_quad(row.get("quad_machine"), "quad_machine"),
        colour=_text(row, "colour"),
        rows=rows,
        ignore=_flag(row, "ignore", False),
        difficult=_flag(row, "difficult", False),
        text_source=_text(row, "text_source"),
        agreed=tuple(row.get("agreed") or ()),
    )


def _text(row: Mapping[str, Any], key: str, required: bool = False) -> str | None:
    value = row.get(key)
    if value is None and not required:
        return None
    if not isinstance(value, str) or (required and not value):
        raise _Broken(f"{key} {value!r}: expected a text" if key in row else f"{key} is missing")
    return value


def _flag(row: Mapping[str, Any], key: str, default: bool) -> bool:
    value = row.get(key, default)
    if not isinstance(value, bool):
        raise _Broken(f"{key} {value!r}: expected true or false")
    return value


def _size(value: object) -> tuple[int, int]:
    match value:
        case [int(width), int(height)] if width > 0 and height > 0:
            return width, height
    raise _Broken(f"size {value!r}: expected [width, height] in pixels")


def _box(value: Any) -> Box | None:
    if value is None:
        return None
    match value:
        case [x1, y1, x2, y2] if _finite(value) and x1 < x2 and y1 < y2:
            return float(x1), float(y1), float(x2), float(y2)
    raise _Broken(f"box {value!r}: expected [x1, y1, x2, y2] with x1 < x2 and y1 < y2, or null")


def _quad(value: Any, key: str) -> Quad | None:
    if value is None:
        return None
    match value:
        case [[_, _], [_, _], [_, _], [_, _]] if all(_finite(point) for point in value):
            a, b, c, d = ((float(x), float(y)) for x, y in value)
            return a, b, c, d
    raise _Broken(f"{key} {value!r}: expected four corners [x, y], top left first and clockwise, or null")


def _finite(values: Sequence[Any]) -> bool:
    return all(isinstance(v, int | float) and not isinstance(v, bool) and math.isfinite(v) for v in values)
