"""Plate layouts as data: the YAML files of configs/plates."""

from __future__ import annotations

from collections.abc import Container
from pathlib import Path
from typing import Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from streamer.errors import ConfigError
from streamer.plates.countries import Folders, read_file, read_order
from streamer.plates.grammar import LETTERS, ROW_BREAK, Region, TextLayout

Rgb = tuple[int, int, int]
Box = tuple[float, float, float, float]
Colour = Literal["blue", "green", "yellow", "white", "black"]
PROTOTYPES: dict[Colour, tuple[Rgb, ...]] = {
    "blue": ((15, 40, 130), (30, 90, 180)),
    "green": ((20, 130, 60), (100, 200, 140)),
    "yellow": ((248, 200, 10), (250, 225, 120)),
    "white": ((255, 255, 255), (190, 190, 190)),
    "black": ((0, 0, 0), (40, 40, 40)),
}


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Band(_Part):
    """A coloured strip along one edge with a code, and a ring of stars where it is the European one."""

    side: Literal["left", "right", "top"]
    rgb: Rgb = (0, 51, 153)
    code: str = ""
    stars: bool = False
    share: float = Field(0.085, gt=0, lt=0.5, description="of the plate's width (left, right) or height (top)")


class Border(_Part):
    rgb: Rgb
    width: float = Field(2.0, gt=0, description="mm")
    inset: float = Field(2.0, ge=0, description="mm from the edge")
    chance: float = Field(1.0, ge=0, le=1)


class Layout(TextLayout):
    """One sort of plate. Lengths are in mm unless said otherwise.

    `cells`: one box (x, y, w, h) a character; without it characters flow and are centred.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    colour: Colour
    weight: float = Field(1.0, ge=0)
    rows: Literal[1, 2] = 1
    size: tuple[float, float] = (520, 110)
    background: Rgb = (250, 250, 250)
    background_bottom: Rgb | None = None
    left: tuple[float, Rgb] | None = Field(None, description="share of the width and colour of a part on the left")
    foreground: Rgb = (10, 10, 10)
    accent: Rgb = (200, 20, 30)
    accent_cells: tuple[int, ...] = ()
    border: Border | None = None
    band: Band | None = None
    band_right: Band | None = None
    cells: tuple[Box, ...] = ()
    dots: tuple[tuple[float, float, float], ...] = Field((), description="x, y, diameter of painted dots")
    seals: tuple[tuple[float, float, float], ...] = Field((), description="x, y, diameter of stickers and emblems")
    fonts: tuple[str, ...] = ()
    glyphs: Literal["140", "220", "green"] | None = Field(None, description="draw with Chinese glyphs of this set")
    blank: str = Field("", description="file name of a picture of the blank plate in the assets")
    text_box: Box | None = Field(None, description="where the text flows, as shares of width and height")
    cap: float = Field(0.68, gt=0, le=1, description="cap height as a share of the row's height")
    captions_top: tuple[str, ...] = ()
    captions_bottom: tuple[str, ...] = ()
    arabic_twin: bool = Field(False, description="a row with the same in Arabic above, which is not in the text")

    @model_validator(mode="after")
    def _check(self) -> Layout:
        if self.rows == 1 and not self.arabic_twin and any(ROW_BREAK in p for p in self.patterns):
            raise ValueError("a pattern has a row break, and rows is 1")
        return self


class Family(_Part):
    """A file of configs/plates: layouts of one country or region, with what they share."""

    schema_: Literal[1] = Field(alias="schema")
    lists: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    list_weights: dict[str, dict[str, float]] = Field(default_factory=dict)
    uniform_share: float = Field(1.0, ge=0, le=1, description="share of draws from lists that ignore list_weights")
    charset: str = LETTERS
    region: Region | None = None
    weight: float = Field(1.0, gt=0, description="of all layouts of this file together")
    layouts: tuple[dict[str, Any], ...] = Field(min_length=1)


class Catalogue:
    """All layouts with their weights. `lists` weights and the share of uniform draws come with each layout's family."""

    def __init__(self, configs: Folders) -> None:
        files = read_order(configs)
        if not files:
            raise ConfigError(f"plate layouts {configs}: no YAML file there; expected cn.yaml and others")
        self.layouts: dict[str, Layout] = {}
        self.family: dict[str, Family] = {}
        self.weight: dict[str, float] = {}
        self.file: dict[str, str] = {}
        for path, without in files:
            self._add(path, without)

    def _add(self, path: Path, without: Container[str]) -> None:
        data, all_layouts = read_file(path, Layout)
        layouts = [layout for layout in all_layouts if layout.country not in without]
        try:
            family = Family.model_validate(data)
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(map(str, first["loc"])) or "the file"
            raise ConfigError(f"plate layouts {path}: {where}: {first['msg']}") from error
        total = sum(layout.weight for layout in layouts) or 1.0
        for layout in layouts:
            self._put(layout, family, family.weight * layout.weight / total, path.stem)

    def _put(self, layout: Layout, family: Family, weight: float, file: str) -> None:
        name = layout.name
        while name in self.layouts:
            name += "+"
        self.layouts[name] = layout.model_copy(update={"name": name})
        self.family[name], self.weight[name], self.file[name] = family, weight, file

    def select(self, wanted: str | None) -> tuple[list[str], np.ndarray]:
        """Names and chances of the layouts meant by `wanted`: layouts, countries, files (cn, latin), separated by
        commas; None for all."""
        words = None if wanted is None else [word.strip() for word in wanted.lower().split(",") if word.strip()]
        known = {word for name in self.layouts for word in self._words(name)}
        for word in words or ():
            if word not in known:
                files = ", ".join(sorted(set(self.file.values())))
                raise ConfigError(f"plate layout {word}: unknown; name a layout, a country code or one of {files}")
        names = [n for n in self.layouts if words is None or self._words(n) & set(words)]
        weights = np.array([self.weight[n] for n in names])
        weights = weights if weights.sum() > 0 else np.ones(len(names))
        return names, weights / weights.sum()

    def _words(self, name: str) -> set[str]:
        return {name.lower(), self.file[name], self.layouts[name].country.lower()}


def colour_of(rgb: Rgb) -> Colour | None:
    """The nearest colour class; None for red, brown and others that belong to none."""
    r, g, b = rgb
    if r > 120 and g < 90 and b < 90:
        return None

    def far(c: Colour) -> float:
        return min(sum((x - y) ** 2 for x, y in zip(rgb, p, strict=True)) for p in PROTOTYPES[c])

    return min(PROTOTYPES, key=far)
