"""Where a figure is stated: a phrase or a cell of a table in a text, or a value of a model's card."""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[2]
_NUMBER = re.compile(r"-?(?:\d[\d,]*\d|\d)(?:\.\d+)?|-?\.\d+")


class NoPlace(Exception):
    """A text no longer states the figure where the registry looks for it."""


@dataclass(frozen=True)
class Stated:
    """A number as a text writes it: file, line (from 1), the digits, of which the last one is rounded, and the place of
    the first in the text."""

    file: str
    line: int
    text: str
    start: int

    @property
    def value(self) -> float:
        return float(self.text.replace(",", ""))

    @property
    def half_digit(self) -> float:
        """Half a unit of the last digit: how far rounding alone may lie from what was measured."""
        decimals = self.text.partition(".")[2]
        return float(0.5 * 10 ** -len(decimals))

    def written(self, value: float) -> str:
        """Another value with as many decimals, and commas or a leading point as this one has them."""
        decimals = len(self.text.partition(".")[2])
        digits = f"{value:{',' if ',' in self.text else ''}.{decimals}f}"
        return digits.removeprefix("0") if self.text.startswith(".") else digits


@dataclass(frozen=True)
class Phrase:
    """The first group of a regular expression that matches exactly once in a text."""

    file: str
    pattern: str

    def find(self, root: Path = ROOT) -> Stated:
        text = (root / self.file).read_text(encoding="utf-8")
        matches = list(re.finditer(self.pattern, text, re.M))
        if len(matches) != 1:
            raise NoPlace(f"{self.file}: {len(matches)} places match {self.pattern!r}, expected one")
        found = matches[0]
        if not _NUMBER.fullmatch(found[1]):
            raise NoPlace(f"{self.file}: {found[1]!r}, which {self.pattern!r} found, is no number")
        return Stated(self.file, text.count("\n", 0, found.start(1)) + 1, found[1], found.start(1))


@dataclass(frozen=True)
class Cell:
    """A number of a table's cell: the table by the start of its head line, the row by a part of its first cell."""

    file: str
    head: str
    row: str
    column: int
    number: int = 0

    def find(self, root: Path = ROOT) -> Stated:
        lines = (root / self.file).read_text(encoding="utf-8").split("\n")
        heads = [i for i, line in enumerate(lines) if line.startswith(self.head)]
        if len(heads) != 1:
            raise NoPlace(f"{self.file}: {len(heads)} tables begin with {self.head!r}, expected one")
        for i in range(heads[0] + 1, len(lines)):
            if not lines[i].startswith("|"):
                break
            cells = lines[i].strip().strip("|").split("|")
            if self.row in cells[0]:
                return self._number(i, cells, sum(len(line) + 1 for line in lines[:i]))
        raise NoPlace(f"{self.file}:{heads[0] + 1}: the table has no row {self.row!r}")

    def _number(self, i: int, cells: list[str], start: int) -> Stated:
        numbers = list(_NUMBER.finditer(cells[self.column])) if self.column < len(cells) else []
        if len(numbers) <= self.number:
            raise NoPlace(f"{self.file}:{i + 1}: column {self.column} of row {self.row!r} has no number {self.number}")
        found = numbers[self.number]
        before = sum(len(cell) + 1 for cell in cells[: self.column]) + 1  # and the first bar
        return Stated(self.file, i + 1, found[0], start + before + found.start())


@dataclass(frozen=True)
class CardValue:
    """A value of `models/zoo/NAME/card.yaml`."""

    card: str
    keys: tuple[str, ...]

    @property
    def file(self) -> str:
        return f"models/zoo/{self.card}/card.yaml"

    def find(self, root: Path = ROOT) -> Stated:
        node = _tree((root / self.file).read_text(encoding="utf-8"))
        for key in self.keys:
            below = dict(_children(node)) if isinstance(node, yaml.MappingNode) else {}
            if key not in below:
                raise NoPlace(f"{self.file}: has no {'.'.join(self.keys)}")
            node = below[key]
        assert isinstance(node, yaml.ScalarNode)
        return Stated(self.file, node.start_mark.line + 1, node.value, node.start_mark.index)


@functools.lru_cache(maxsize=8)
def _tree(text: str) -> yaml.Node | None:
    return yaml.compose(text)


def _children(node: yaml.MappingNode) -> list[tuple[str, yaml.Node]]:
    return [(str(key.value), value) for key, value in node.value]


Place = Phrase | Cell | CardValue
