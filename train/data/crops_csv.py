"""Reads a list of plate crops: a CSV file with the columns image_path and plate_text, and if wanted country and split.

Paths are relative to the file's folder. A text may be written as it stands on the plate: it is put into upper case, and
separators are dropped. `split` is train (where the column is missing too) or dev. Of a label sheet (see label_sheet.py)
those rows have a text that somebody has checked.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from streamer.errors import InputError
from streamer.plates.alphabet import Alphabet
from train.data.manifest import PlateLabel, Sample

NEEDED, OPTIONAL = ("image_path", "plate_text"), ("country", "split")
SPLITS = ("train", "dev")
MOST_FAULTS = 10  # reported of a table at once
_NUMBER = re.compile(r"\d+([.,]?\d+)?E\+\d+")
_SEPARATORS = re.compile(r"[\s\-–·.•・:_/|]")


class RowFaults(InputError):
    """What is wrong with the rows of a table, a message each."""

    def __init__(self, faults: Sequence[str]) -> None:
        super().__init__("; ".join(faults))
        more = len(faults) - MOST_FAULTS
        self.messages = [*faults[:MOST_FAULTS], *([f"and {more} more"] if more > 0 else [])]


def clean(text: str) -> str:
    """A text as the reader is trained on it: upper case, without separators."""
    return _SEPARATORS.sub("", text.upper())


def is_label(row: Mapping[str, str | None]) -> bool:
    """Whether a row of a label sheet was labelled by a person, not only read; a row of another list always is."""
    if "checked" not in row or "read" not in row:
        return True
    checked = (row["checked"] or "").strip().lower() not in ("", "0", "no", "n", "false")
    return checked or clean(row["plate_text"] or "") != clean(row["read"] or "")


def text_fault(text: str, alphabet: Alphabet, longest: int) -> str:
    """Why a text cannot be used; empty where it can."""
    foreign = sorted({c for c in text if c not in alphabet.symbols and c != alphabet.unreadable_mark})
    if _NUMBER.fullmatch(text):
        return f"text {text!r} was turned into a number by a spreadsheet (import the column as text)"
    if foreign:
        return f"text {text!r}: not in the alphabet: {' '.join(foreign)} (? stands for what cannot be read)"
    return f"text {text!r}: {len(text)} characters, at most {longest} fit" if len(text) > longest else ""


def read_crops_csv(file: Path) -> list[Sample]:
    """The crops in file order. InputError naming file and line where it is no such list; pictures are not opened."""
    try:
        with file.open(encoding="utf-8-sig", newline="") as lines:
            first = lines.readline()
            lines.seek(0)
            return list(_samples(file, csv.DictReader(lines, delimiter=max(",;\t", key=first.count))))
    except FileNotFoundError:
        raise InputError(f"{file}: is not there; name a CSV file with {' and '.join(NEEDED)}") from None
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{file}: cannot be read as CSV in UTF-8 ({error}); save it again") from None


def read_measured(file: Path, alphabet: Alphabet, longest: int) -> list[Sample]:
    """The crops of a list that are to be measured on: those of the split dev, or all where no split is given.

    RowFaults naming each crop whose picture is missing, whose text cannot be read by any network, or that comes twice.
    """
    samples = read_crops_csv(file)
    dev = [s for s in samples if s.split == "dev"]
    chosen = [s for s in dev or samples if s.plates[0].text]
    if not chosen:
        what = "no row with a text" if samples else "no row"
        raise InputError(f"{file}: holds {what} to measure on; expected {' and '.join(NEEDED)} of each crop")
    faults, seen = [], set()
    for sample in chosen:
        fault = text_fault(sample.plates[0].text or "", alphabet, longest)
        if sample.relative in seen:
            faults.append(f"{file}: {sample.relative}: stands there more than once; remove one of the rows")
        elif not sample.path.is_file():
            faults.append(f"{file}: {sample.relative}: there is no such picture (paths are relative to the file)")
        elif fault:
            faults.append(f"{file}: {sample.relative}: {fault}; correct the row or remove it")
        seen.add(sample.relative)
    if faults:
        raise RowFaults(faults)
    return chosen


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
        plate = PlateLabel(text=(clean(row["plate_text"] or "") or None) if is_label(row) else None)
        yield Sample(file.parent / name, name, "crop", split, (0, 0), country, source=file.name, plates=(plate,))
