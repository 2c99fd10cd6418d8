"""Reads CCPD as downloaded: the file names hold the labels, `splits/*.txt` (2019) the division.

A name: area - tilt - box - four corners - plate - brightness - blurriness, e.g.
`025-95_113-154&383_386&473-386&473_177&454_154&383_363&402-0_0_22_27_27_33_16-37-15.jpg`. Coordinates are kept as they
stand in the name: pixels of the 720 x 1160 picture.
"""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from streamer.errors import ConfigError, InputError
from train.data.manifest import Box, PlateLabel, Quad, Sample

Protocol = Literal["2019", "seed"]
Part = Literal["train", "val", "test"]

# The lists of the data set's own page. Each ends with the letter O, which no Chinese plate carries: "no character".
PROVINCES = tuple("皖沪津渝冀晋蒙辽吉黑苏浙京闽赣鲁豫鄂湘粤桂琼川贵云藏陕甘青宁新警学O")
ALPHABET = tuple("ABCDEFGHJKLMNPQRSTUVWXYZO")
ADS = tuple("ABCDEFGHJKLMNPQRSTUVWXYZ0123456789O")
NO_CHARACTER = "O"
PICTURE_SIZE = (720, 1160)  # every CCPD picture, width and height
EXPECTED = "area-tilt-box-corners-plate-brightness-blurriness.jpg"

_POINT = r"\d{1,5}&\d{1,5}"
_NAME = re.compile(
    r"(?P<area>\d+(?:\.\d+)?)-(?P<tilt>\d+_\d+)"
    rf"-(?P<box>{_POINT}_{_POINT})-(?P<corners>{_POINT}(?:_{_POINT}){{3}})"
    r"-(?P<plate>\d+(?:_\d+)+)-(?P<brightness>\d+)-(?P<blur>\d+)"
)
_PICTURES = (".jpg", ".jpeg", ".png")
_SEED_FOLDERS: dict[Part, str] = {"train": "ccpd_base", "val": "ccpd_weather", "test": "ccpd_challenge"}
SPLIT_NAMES: dict[Part, str] = {"train": "train", "val": "validation", "test": "dev"}
_SHOWN = 10  # bad names shown in full; the rest only counted

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class CcpdName:
    """Content of a file name. `area`: the plate's share of the picture; `tilt`: horizontal and vertical, degrees; `box`
    and `quad` (TL TR BR BL) in px of the picture; `brightness` and `blur` as the data set's authors computed them."""

    area: float
    tilt: tuple[int, int]
    box: Box
    quad: Quad
    text: str
    brightness: int
    blur: int


@dataclass
class BadNames:
    """File names that could not be used: how many, and the first of the messages. `missing` counts pictures that a list
    of `splits` names and that are not there."""

    count: int = 0
    messages: list[str] = field(default_factory=list)
    missing: int = 0

    def add(self, message: str) -> None:
        self.count += 1
        if len(self.messages) < _SHOWN:
            self.messages.append(message)

    def __bool__(self) -> bool:
        return bool(self.count or self.missing)

    def lines(self) -> list[str]:
        """One line a problem, the ones not shown as a count; empty where all was well."""
        out = list(self.messages)
        if self.count > len(out):
            out.append(f"and {self.count - len(out)} more names that are not CCPD's")
        if self.count:
            out.append(f"{self.count} pictures left out because of their names")
        if self.missing:
            out.append(f"{self.missing} pictures named in splits/ are not in the folder and were left out")
        return out


def parse_name(name: str) -> CcpdName:
    """The labels in a CCPD file name (without folder). Raises InputError with the name and what is wrong in it."""
    stem, dot, ending = name.rpartition(".")
    found = _NAME.fullmatch(stem)
    if not dot or f".{ending.lower()}" not in _PICTURES or not found:
        raise InputError(f"{name}: not a CCPD file name; expected {EXPECTED}")
    box = _box(name, found["box"])
    return CcpdName(
        # The digits of the share stand without "0.": 025 is 0.025, 0359 is 0.0359.
        area=float(found["area"]) if "." in found["area"] else float(f"0.{found['area']}"),
        tilt=_pair(found["tilt"], "_"),
        box=box,
        quad=_quad(name, found["corners"]),
        text=_plate_text(name, [int(k) for k in found["plate"].split("_")]),
        brightness=int(found["brightness"]),
        blur=int(found["blur"]),
    )


def _pair(text: str, separator: str) -> tuple[int, int]:
    a, b = text.split(separator)
    return int(a), int(b)


def _box(name: str, text: str) -> Box:
    (x1, y1), (x2, y2) = (_pair(p, "&") for p in text.split("_"))
    width, height = PICTURE_SIZE
    if not (x1 < x2 <= width and y1 < y2 <= height):
        raise InputError(f"{name}: box {x1},{y1} - {x2},{y2} is no box in a {width}x{height} picture; a damaged name")
    return float(x1), float(y1), float(x2), float(y2)


def _quad(name: str, text: str) -> Quad:
    """The name gives bottom right, bottom left, top left, top right."""
    br, bl, tl, tr = ((float(x), float(y)) for x, y in (_pair(p, "&") for p in text.split("_")))
    quad = (tl, tr, br, bl)
    twice_area = sum(a[0] * b[1] - b[0] * a[1] for a, b in zip(quad, quad[1:] + quad[:1], strict=True))
    if twice_area <= 0:  # y points down: clockwise is positive
        raise InputError(f"{name}: corners do not go round a plate from the bottom right; a damaged name")
    return quad


def _plate_text(name: str, indices: Sequence[int]) -> str:
    if len(indices) not in (7, 8):
        raise InputError(f"{name}: plate of {len(indices)} characters; CCPD has 7, CCPD-Green 8")
    lists = [PROVINCES, ALPHABET] + [ADS] * (len(indices) - 2)
    for place, (k, symbols) in enumerate(zip(indices, lists, strict=True), 1):
        if k >= len(symbols):
            raise InputError(f"{name}: character {place} has index {k}, at most {len(symbols) - 1} exist")
    text = "".join(s for k, symbols in zip(indices, lists, strict=True) if (s := symbols[k]) != NO_CHARACTER)
    if not text:
        raise InputError(f"{name}: names a plate without a character")
    return text


def read_ccpd(folder: Path | str, protocol: Protocol = "2019", part: Part = "train") -> tuple[list[Sample], BadNames]:
    """The samples of one part of CCPD, ordered by name within a folder, and the names that could not be used.

    `2019`: the data set's own lists divide Base into train and val and test on the other subsets; CCPD-Green (2020),
    where it is there, adds its own train, val and test, and `ccpd_np` adds pictures without a plate to test. `seed`:
    Base trains, Weather validates, Challenge tests, which also serves the 2018 download that has no lists.

    Every picture is taken as fully annotated, as the data set does, though about 4 % show another plate too. Raises
    InputError when the folder does not hold what the protocol needs.
    """
    if protocol not in ("2019", "seed"):
        raise ConfigError(f"protocol {protocol!r}: expected 2019 or seed")
    if part not in _SEED_FOLDERS:
        raise ConfigError(f"CCPD part {part!r}: expected train, val or test")
    root, green = _root(Path(folder)), _green_root(Path(folder))
    bad = BadNames()
    samples: list[Sample] = []
    if protocol == "seed":
        subset = _SEED_FOLDERS[part]
        if root is None or not (root / subset).is_dir():
            raise InputError(f"{folder}: {subset} is not there; protocol seed needs it, unpack CCPD whole")
        return _samples(root, _pictures(root / subset, root), part, bad), bad
    if root is not None:
        samples += _samples(root, _listed(root, part, bad), part, bad)
        if part == "test":
            samples += [_background(root, name, part) for name in _pictures(root / "ccpd_np", root)]
    if green is not None:
        samples += _samples(green, _pictures(green / part, green), part, bad)
    if root is None and green is None:
        raise InputError(f"{folder}: holds no CCPD; expected ccpd_base/ and splits/, or ccpd_green/, in it")
    return samples, bad


def _root(folder: Path) -> Path | None:
    """Where the `ccpd_*` folders of CCPD lie: in the folder, or in the one that the archive makes in it."""
    for place in (folder, *(folder / n for n in ("CCPD2019", "CCPD2018", "ccpd_dataset", "CCPD"))):
        if any((place / f).is_dir() for f in (*_SEED_FOLDERS.values(), "splits", "ccpd_db")):
            return place
    return None


def _green_root(folder: Path) -> Path | None:
    if folder.name == "ccpd_green":
        return folder if folder.is_dir() else None
    places = (folder / "CCPD2020" / "ccpd_green", folder / "ccpd_green")
    return next((p for p in places if p.is_dir()), None)


def _pictures(folder: Path, root: Path) -> list[str]:
    """Names relative to root, sorted; hidden and system files left out. An absent folder has none."""
    if not folder.is_dir():
        return []
    prefix = folder.relative_to(root).as_posix()
    with os.scandir(folder) as entries:
        return sorted(f"{prefix}/{e.name}" for e in entries if e.name[0] != "." and e.name != "Thumbs.db")


def _listed(root: Path, part: Part, bad: BadNames) -> list[str]:
    """The names of a list in `splits` that are in the folder."""
    file = root / "splits" / f"{part}.txt"
    try:
        names = [line.strip().replace("\\", "/") for line in file.read_text(encoding="utf-8").splitlines()]
    except FileNotFoundError:
        raise InputError(f"{file}: is not there; CCPD-2019 has it; the 2018 download serves --protocol seed") from None
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{file}: cannot be read ({error}); unpack CCPD again") from None
    names = [n for n in dict.fromkeys(names) if n]
    # One look at each folder is far quicker than one at each of 300,000 files.
    there = {n for folder in {n.rpartition("/")[0] for n in names} for n in _pictures(root / folder, root)}
    bad.missing += sum(n not in there for n in names)
    return [n for n in names if n in there]


def _samples(root: Path, names: Iterable[str], part: Part, bad: BadNames) -> list[Sample]:
    out = []
    for relative in names:
        try:
            out.append(_sample(root, relative, part))
        except InputError as error:
            bad.add(str(error))
    return out


def _sample(root: Path, relative: str, part: Part) -> Sample:
    folder, _, name = relative.rpartition("/")
    label = parse_name(name)
    subset = "green" if root.name == "ccpd_green" else folder.rpartition("/")[2].removeprefix("ccpd_")
    plate = PlateLabel(
        text=label.text,
        box=label.box,
        quad=label.quad,
        colour="green" if len(label.text) == 8 else "blue",
        rows=1,
        text_source="file name",
    )
    return _ccpd(root, relative, part, subset, "scene", (plate,))


def _background(root: Path, relative: str, part: Part) -> Sample:
    return _ccpd(root, relative, part, "np", "background", ())


def _ccpd(root: Path, relative: str, part: Part, subset: str, kind: str, plates: tuple[PlateLabel, ...]) -> Sample:
    return Sample(
        path=root / relative,
        relative=relative,
        kind=kind,
        split=SPLIT_NAMES[part],
        size=PICTURE_SIZE,
        country="CN",
        set=f"ccpd-{subset}",
        source="detectRecog/CCPD",
        dataset="CCPD",
        subset=subset,
        plates=plates,
    )
