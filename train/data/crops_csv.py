"""Reads a list of plate crops: a CSV file with the columns image_path and plate_text, and if wanted country and split.

Paths are relative to the file's folder. A text may be written as it stands on the plate: it is put into upper case, and
separators are dropped. `split` is train (where the column is missing too) or dev.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from pathlib import Path

from streamer.errors import InputError
from train.data.manifest import PlateLabel, Sample

NEEDED, OPTIONAL = ("image_path", "plate_text"), ("country", "split")
SPLITS = ("train", "dev")
_SEPARATORS = re.compile(r"[\s\-–·.•・:_/|]")


def read_crops_csv(file: Path) -> list[Sample]:
    """The crops in file order. InputError naming file and line where it is no such list; pictures are not opened."""
    try:
        with file.open(encoding="utf-8-sig", newline="") as lines:
            return list(_samples(file, csv.DictReader(lines)))
    except FileNotFoundError:
        raise InputError(f"{file}: is not there; name a CSV file with {' and '.join(NEEDED)}") from None
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{file}: cannot be read as CSV in UTF-8 ({error}); save it again") from None


def _samples(file: Path, rows: csv.DictReader[str]) -> Iterator[Sample]:
    columns = rows.fieldnames or []
    if missing := [c for c in NEEDED if c not in columns]:
        found = ", ".join(columns) or "nothing"
        raise InputError(f"{file}:1: column {missing[0]} is missing (found {found}); expected {', '.join(NEEDED)}")
    for row in rows:
        at = f"{file}:{rows.line_num}"
        name, split = (row["image_path"] or "").strip(), (row.get("split") or "train").strip()
        if not name:
            raise InputError(f"{at}: image_path is empty; correct the line or remove it")
        if split not in SPLITS:
            raise InputError(f"{at}: split {split!r}: expected {' or '.join(SPLITS)}")
        country = (row.get("country") or "").strip().upper() or None
        plate = PlateLabel(text=_SEPARATORS.sub("", (row["plate_text"] or "").upper()) or None)
        yield Sample(file.parent / name, name, "crop", split, (0, 0), country, source=file.name, plates=(plate,))
