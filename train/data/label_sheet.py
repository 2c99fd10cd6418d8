"""A table of crops and what was read on them, which a user corrects in a spreadsheet.

Columns `image_path` (relative to the sheet), `plate_text`, `checked`, `read`, `confidence`; more may be added. A row is
a label once something stands in `checked` or the text differs from what was read; until then it is a guess. A label
with an empty text means that nothing can be read there.
"""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import cv2

from streamer.errors import InputError, OutputError
from streamer.plates.alphabet import Alphabet
from streamer.sink.csv import guard, unguard
from streamer.types import Image
from train.data.crops_csv import RowFaults, clean, is_label, text_fault

COLUMNS = ("image_path", "plate_text", "checked", "read", "confidence")
SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".bmp", ".webp"})
DELIMITERS = ",;\t"  # what spreadsheets write, by language
Guess = tuple[str, float]  # text, confidence


@dataclass
class Sheet:
    """The rows of a sheet: cells by column, all as texts."""

    rows: list[dict[str, str]] = field(default_factory=list)
    columns: tuple[str, ...] = COLUMNS
    delimiter: str = ","

    def labels(self) -> list[dict[str, str]]:
        """The rows that a person has decided on and that hold a text."""
        return [row for row in self.rows if is_label(row) and clean(row["plate_text"])]

    def order(self) -> None:
        """Unchecked rows first, by rising confidence."""
        self.rows.sort(key=lambda row: (is_label(row), _number(row["confidence"]), row["image_path"]))

    def text(self) -> str:
        out = io.StringIO()
        table = csv.DictWriter(out, self.columns, delimiter=self.delimiter, lineterminator="\n", extrasaction="ignore")
        table.writeheader()
        table.writerows({key: guard(value) for key, value in row.items()} for row in self.rows)
        return out.getvalue()


def read_sheet(file: Path) -> Sheet:
    """The sheet, empty where the file is not there. InputError where a column is missing or it is no CSV in UTF-8."""
    if not file.exists():
        return Sheet()
    try:
        content = file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{file}: cannot be read ({error}); save it as CSV in UTF-8") from None
    first = content.partition("\n")[0]
    delimiter = max(DELIMITERS, key=first.count)
    table = csv.DictReader(io.StringIO(content, newline=""), delimiter=delimiter)
    columns = tuple(table.fieldnames or ())
    if missing := [c for c in COLUMNS if c not in columns]:
        raise InputError(
            f"{file}:1: column {missing[0]} is missing (found {', '.join(columns) or 'nothing'}); expected "
            f"{', '.join(COLUMNS)}: restore it, or move the file away to start a new sheet"
        )
    rows = [{c: unguard((row.get(c) or "").strip()) for c in columns} for row in table]
    return Sheet([row for row in rows if row["image_path"]], columns, delimiter)


def write_sheet(sheet: Sheet, file: Path) -> bool:
    """Writes it whole, where it has changed; whether it had."""
    data = sheet.text().encode("utf-8-sig")  # spreadsheets take UTF-8 without a mark for something else
    try:
        if file.exists() and file.read_bytes() == data:
            return False
        partial = file.with_name(file.name + ".tmp")
        partial.write_bytes(data)
        partial.replace(file)
    except OSError as error:
        raise OutputError(f"{file}: cannot be written ({error.strerror}); close it elsewhere and try again") from None
    return True


def crops_of(folder: Path) -> list[Path]:
    """The pictures in the folder and those in it. InputError without any."""
    if not folder.is_dir():
        raise InputError(f"{folder}: no such folder; name the one that alpr run --crops FOLDER wrote")
    found = sorted(p for p in folder.rglob("*") if p.suffix.lower() in SUFFIXES and p.is_file())
    if not found:
        raise InputError(f"{folder}: holds no picture; alpr run SOURCE --crops {folder} --csv rows.csv writes them")
    return found


def rows_read(files: Sequence[Path]) -> dict[str, Guess]:
    """What the CSVs of `alpr run` say by event_id. InputError where a file is no such table."""
    found: dict[str, Guess] = {}
    for file in files:
        try:
            with file.open(encoding="utf-8-sig", newline="") as lines:
                table = csv.DictReader(lines)
                if missing := [c for c in ("event_id", "plate", "confidence") if c not in (table.fieldnames or ())]:
                    raise InputError(f"{file}:1: column {missing[0]} is missing; expected the CSV of alpr run --csv")
                for row in table:
                    found[row["event_id"]] = unguard(row["plate"] or ""), _number(row["confidence"] or "")
        except (OSError, UnicodeDecodeError, csv.Error) as error:
            raise InputError(f"{file}: cannot be read as the CSV of alpr run ({error})") from None
    return found


def update(
    sheet: Sheet, folder: Path, file: Path, known_texts: Mapping[str, Guess], read: Callable[[list[Image]], list[Guess]]
) -> tuple[int, list[str]]:
    """Adds the crops that the sheet lacks and puts it in order; how many there were, and the pictures left out because
    they cannot be opened. What stands in the sheet stays. Crops without a row in `known_texts` are read by `read`.

    InputError where rows were given and none of them is of a crop.
    """
    known = {os.path.normpath(row["image_path"]) for row in sheet.rows}
    crops = crops_of(folder)
    if known_texts and not any(crop.stem in known_texts for crop in crops):
        raise InputError(
            f"{folder}: no picture is named by an event_id of the rows (first picture {crops[0].name}); give --csv the "
            "rows of the same run as --crops, or leave it out"
        )
    broken, added = [], 0
    for crop in crops:
        name = os.path.relpath(crop, file.parent)
        if os.path.normpath(name) in known:
            continue
        image = cv2.imread(str(crop))
        if image is None:
            broken.append(name)
            continue
        text, confidence = known_texts[crop.stem] if crop.stem in known_texts else read([image])[0]
        cells = {"image_path": name, "plate_text": text, "read": text, "confidence": f"{confidence:.4f}"}
        sheet.rows.append(dict.fromkeys(sheet.columns, "") | cells)
        added += 1
    sheet.order()
    return added, broken


def faults(sheet: Sheet, file: Path, alphabet: Alphabet, longest: int) -> None:
    """RowFaults naming each label that cannot be used, by its crop: a spreadsheet may have sorted the lines."""
    found = [
        f"{file}: {row['image_path']}: {fault}; correct it, or empty plate_text to leave the crop out"
        for row in sheet.labels()
        if (fault := text_fault(clean(row["plate_text"]), alphabet, longest))
    ]
    if found:
        raise RowFaults(found)


def _number(text: str) -> float:
    try:
        return float(text.replace(",", "."))
    except ValueError:
        return 0.0
