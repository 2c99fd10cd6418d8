"""What texts state against what was measured."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from train.benchmarks.places import ROOT, NoPlace, Stated
from train.benchmarks.registry import Figure

ACCURACY = 0.002  # of a share, beyond rounding: what another processor's arithmetic may change
SPEED = 0.25  # of the larger one


@dataclass(frozen=True)
class Compared:
    """A figure as stated and as measured; `measured` is None where it has not been measured."""

    figure: Figure
    stated: Stated
    measured: float | None

    @property
    def agrees(self) -> bool:
        """Also where nothing was measured."""
        if self.measured is None:
            return True
        apart = abs(self.stated.value - self.measured)
        if self.figure.kind == "speed":
            return apart <= SPEED * max(self.stated.value, self.measured)
        allowed = 0.0 if self.figure.kind == "count" else ACCURACY * self.figure.scale + self.stated.half_digit
        return apart <= allowed + 1e-9

    def __str__(self) -> str:
        where = f"{self.stated.file}:{self.stated.line}"
        if self.measured is None:
            return f"{where}: states {self.stated.text}; {self.figure.name} was not measured"
        return f"{where}: states {self.stated.text}; measured {self.measured:.6g} ({self.figure.name})"


def compare(
    figures: Iterable[Figure], found: Mapping[str, Mapping[str, Any]], root: Path = ROOT
) -> tuple[list[Compared], list[str]]:
    """Every figure, and what the texts or the measurements lack."""
    compared, lacking = [], []
    for figure in figures:
        try:
            stated = figure.place.find(root)
        except NoPlace as error:
            lacking.append(f"{error} ({figure.name}; registry: train/benchmarks/registry.py)")
            continue
        measured = None
        if (measure := found.get(figure.measure)) is not None:
            value = measure["values"].get(figure.key)
            if value is None:
                lacking.append(f"{figure.name}: stated in {stated.file}:{stated.line}, but the measurement has none")
                continue
            measured = value * figure.scale
        compared.append(Compared(figure, stated, measured))
    return compared, lacking


def write_measured(compared: Iterable[Compared], root: Path = ROOT) -> int:
    """Writes what was measured into the texts wherever its digits are others; how many figures that were. Only digits
    change: what a text concludes from them is for its author to read again."""
    by_file: dict[str, list[tuple[int, str, str]]] = {}
    for one in compared:
        if one.measured is not None and (new := one.stated.written(one.measured)) != one.stated.text:
            by_file.setdefault(one.stated.file, []).append((one.stated.start, one.stated.text, new))
    texts: dict[str, str] = {}
    for file, changes in by_file.items():
        text = (root / file).read_text(encoding="utf-8")
        for start, old, new in sorted(set(changes), reverse=True):
            if text[start : start + len(old)] != old:
                raise NoPlace(f"{file}: {old} is not at character {start}, nothing was written")
            text = text[:start] + new + text[start + len(old) :]
        texts[file] = text
    for file, text in texts.items():
        (root / file).write_text(text, encoding="utf-8")
    return sum(len(set(changes)) for changes in by_file.values())
