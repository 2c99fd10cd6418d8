"""Reads openalpr's end-to-end benchmark as downloaded: pictures, and beside each a .txt file with a line a plate,
`picture<TAB>x<TAB>y<TAB>width<TAB>height<TAB>text`, in folders named by country (`endtoend/eu`, `us`, `br`).

The set only measures: it has no part to train on. Every picture is taken as fully annotated, as the benchmark's own
script does, though some show a second plate that nobody labelled; what finds it is charged with a false plate.
"""

from __future__ import annotations

import hashlib
import math
import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from streamer.errors import InputError
from train.data.crops_csv import clean
from train.data.manifest import Box, PlateLabel, Sample

COLUMNS = ("picture", "x", "y", "width", "height", "text")
_PICTURES = (".jpg", ".jpeg", ".png", ".bmp", ".webp")
_TEXT = re.compile(r"[0-9A-Z\u4e00-\u9fff]+")  # what the measures compare
_SHOWN = 10  # faults shown in full; the rest only counted


@dataclass
class Faults:
    """What of the folders could not be used: the first of the messages, and how many there were."""

    count: int = 0
    messages: list[str] = field(default_factory=list)

    def add(self, message: str) -> None:
        self.count += 1
        if len(self.messages) < _SHOWN:
            self.messages.append(message)

    def lines(self) -> list[str]:
        """One line a fault, those not shown as a count; empty where all was well."""
        more = self.count - len(self.messages)
        return [*self.messages, *([f"and {more} more faults in the labels"] if more else [])]


def read_openalpr(folder: Path | str) -> tuple[list[Sample], Faults]:
    """The pictures of all country folders in order of their names, and what could not be used.

    `folder`: the repository, its `endtoend`, or one country's folder. A picture that was copied under another name for
    each further plate is one picture with all of the plates. Raises InputError where no labels are in the folder.
    """
    root = Path(folder)
    if not root.is_dir():
        raise InputError(f"{folder}: is no folder; name openalpr's benchmarks, or endtoend/eu in it")
    root = root / "endtoend" if (root / "endtoend").is_dir() else root
    places = [root] if any(root.glob("*.txt")) else sorted(p for p in root.iterdir() if p.is_dir())
    faults, samples = Faults(), []
    for place in places:
        if any(place.glob("*.txt")):
            samples += _country(place, root.parent if place == root else root, faults)
    if not samples:
        raise InputError(
            f"{folder}: holds no picture with a label; expected endtoend/eu, us, br with pictures and .txt files"
            + (f" ({faults.messages[0]})" if faults.messages else "")
        )
    return samples, faults


def parse_line(line: str) -> tuple[str, Box, str]:
    """Picture, box and text (as compared: upper case, without separators) of a line. ValueError says what is wrong."""
    parts = line.split("\t")
    if len(parts) not in (5, 6):
        raise ValueError(f"{len(parts)} columns; expected {', '.join(COLUMNS)} with tabs between them")
    name = parts[0].strip()
    if not name or Path(name).name != name or "\\" in name:
        raise ValueError(f"picture {name!r}: expected the name of a file in the same folder")
    try:
        x, y, width, height = (float(v) for v in parts[1:5])
    except ValueError:
        raise ValueError(f"box {' '.join(parts[1:5])!r}: expected x, y, width and height in pixels") from None
    if not all(map(math.isfinite, (x, y, width, height))) or min(width, height, x + width, y + height) <= 0:
        raise ValueError(f"box {' '.join(parts[1:5])!r}: is no box in a picture")
    return name, (x, y, x + width, y + height), clean(parts[5]) if len(parts) == 6 else ""


def _country(folder: Path, root: Path, faults: Faults) -> list[Sample]:
    pictures = {p.name: p for p in sorted(folder.iterdir()) if p.suffix.lower() in _PICTURES and p.name[0] != "."}
    by_stem: dict[str, Path] = {}
    for path in pictures.values():
        by_stem.setdefault(path.stem, path)
    plates: dict[Path, list[PlateLabel]] = defaultdict(list)
    labelled = set()  # stems with a label file, good or not
    for file in sorted(p for p in folder.glob("*.txt") if p.name[0] != "."):
        labelled.add(file.stem)
        for name, plate in _labels(file, faults):
            picture = pictures.get(name) or by_stem.get(file.stem)
            if picture is None:
                faults.add(f"{file}: {name}: there is no such picture; its label was left out")
            else:
                plates[picture].append(plate)
    for path in pictures.values():
        if path.stem not in labelled and path not in plates:
            faults.add(f"{path}: has no {path.stem}.txt beside it; the picture was left out")
    country = folder.name.upper() if re.fullmatch(r"[A-Za-z]{2}", folder.name) else None
    return [
        Sample(
            path=path,
            relative=path.relative_to(root).as_posix(),
            kind="scene",
            split="dev",
            size=(0, 0),  # not opened
            country=country,
            set=f"openalpr-{folder.name.lower()}",
            source="openalpr/benchmarks",
            dataset="openalpr",
            subset=folder.name,
            plates=_distinct(found),
        )
        for path, found in _copies_joined(plates)
    ]


def _labels(file: Path, faults: Faults) -> Iterator[tuple[str, PlateLabel]]:
    try:
        lines = file.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        faults.add(f"{file}: cannot be read as UTF-8 text ({error}); its picture was left out")
        return
    found = False
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        found = True
        try:
            name, box, text = parse_line(line)
        except ValueError as problem:
            faults.add(f"{file}:{number}: {problem}; the label was left out")
            continue
        known = bool(_TEXT.fullmatch(text))
        if text and not known:
            faults.add(f"{file}:{number}: text {text!r}: holds what is not compared; the plate is only to be found")
        yield name, PlateLabel(text=text if known else None, box=box, text_source="annotation")
    if not found:
        faults.add(f"{file}: holds no label; its picture was left out")


def _copies_joined(plates: dict[Path, list[PlateLabel]]) -> list[tuple[Path, list[PlateLabel]]]:
    """The pictures by name; copies of one, byte for byte, are joined to the first."""
    same_size: dict[int, list[Path]] = defaultdict(list)
    for path in sorted(plates):
        same_size[path.stat().st_size].append(path)
    out: dict[Path, list[PlateLabel]] = {}
    for paths in same_size.values():
        first: dict[str, Path] = {}
        for path in paths:
            key = hashlib.sha256(path.read_bytes()).hexdigest() if len(paths) > 1 else ""
            out.setdefault(first.setdefault(key, path), []).extend(plates[path])
    return sorted(out.items())


def _distinct(plates: list[PlateLabel]) -> tuple[PlateLabel, ...]:
    """Each box once, with a text where one of its labels has one."""
    kept: dict[Box | None, PlateLabel] = {}
    for plate in plates:
        before = kept.setdefault(plate.box, plate)
        if not before.text:
            kept[plate.box] = replace(before, text=plate.text)
    return tuple(kept.values())
