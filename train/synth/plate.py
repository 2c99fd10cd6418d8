"""Draws clean, flat licence plates with exact labels: Chinese ones of every kind, and Latin ones of many countries."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np

from streamer.errors import ConfigError, InputError
from streamer.plates.alphabet import Alphabet
from streamer.plates.countries import Folders
from streamer.plates.grammar import SEPARATORS
from streamer.types import FloatArray, Image
from train.synth import emblem
from train.synth.fonts import MASTER, WORDS, AnyFace, FontBook, Glyph
from train.synth.layouts import Band, Box, Catalogue, Layout, Rgb, colour_of
from train.synth.pattern import Item, sample_rows

CONFIGS = Path(__file__).resolve().parents[2] / "configs" / "plates"
HEIGHT = {1: 140, 2: 220}
# The letters of Saudi plates and the Arabic-Indic digits, as they stand above their Latin twins.
ARABIC = dict(zip("ABJDRSXTEGKLZNHUV0123456789", "ابحدرسصطعقكلمنهوى٠١٢٣٤٥٦٧٨٩", strict=True))


@dataclass(frozen=True, eq=False)
class RenderedPlate:
    """A drawn plate. `image_bgr` (h, w, 3) uint8: the picture's edge is the plate's edge. `text` upper case, without
    separators; `char_boxes` (n, 4) float64 x1 y1 x2 y2 in px of the picture, in the order of `text`."""

    image_bgr: Image
    text: str
    colour: str
    rows: int
    country: str
    char_boxes: FloatArray
    layout: str = ""


@dataclass
class _Sheet:
    """A plate being drawn: the picture, the ink still to be put on it, and the boxes of the labelled characters."""

    picture: Image
    ink: Image
    accent: Image
    boxes: dict[tuple[int, int], tuple[int, int, int, int]] = field(default_factory=dict)

    def stamp(self, mask: Image, x: float, y: float, accent: bool = False) -> tuple[int, int, int, int] | None:
        """Puts a mask at (x, y); what lies outside is cut off. Returns the box of what was put, or None."""
        target = self.accent if accent else self.ink
        h, w = target.shape
        x0, y0 = round(x), round(y)
        x1, y1, x2, y2 = max(x0, 0), max(y0, 0), min(x0 + mask.shape[1], w), min(y0 + mask.shape[0], h)
        if x1 >= x2 or y1 >= y2:
            return None
        view = target[y1:y2, x1:x2]
        np.maximum(view, mask[y1 - y0 : y2 - y0, x1 - x0 : x2 - x0], out=view)
        return x1, y1, x2, y2


class PlateRenderer:
    """Draws random plates.

    `assets`: a folder with fonts, glyph pictures and blank plates, or None to draw with what is built in;
    `configs`: the folder of the layouts; `system_fonts`: whether fonts of this machine may be used (without them a
    plate depends on nothing but its seed and the version of OpenCV). ConfigError and InputError name a file that does
    not serve.
    """

    def __init__(self, assets: Path | None = None, configs: Folders = CONFIGS, system_fonts: bool = True) -> None:
        self.catalogue = Catalogue(configs)
        self.fonts = FontBook(assets, system_fonts)
        self._alphabet = set(Alphabet.load(CONFIGS / "alphabet.yaml").symbols)
        self._assets = assets
        self._blanks: dict[str, Image | None] = {}
        self._choices: dict[str | None, tuple[list[str], np.ndarray]] = {}
        # Relief and dirt of metal: one field, drawn once, of which every plate takes a piece.
        grain = np.random.default_rng(0).normal(0, 1, (600, 1200)).astype(np.float32)
        self._grain = cv2.GaussianBlur(grain, (0, 0), 1.2) * 4 + cv2.GaussianBlur(grain, (0, 0), 12) * 40

    def render(self, rng: np.random.Generator, layout: str | None = None) -> RenderedPlate:
        """A random plate of `layout`: layouts, country codes, files of layouts (cn, latin), separated by commas; None
        for any."""
        if layout not in self._choices:
            self._choices[layout] = self.catalogue.select(layout)
        names, chances = self._choices[layout]
        name = names[int(rng.choice(len(names), p=chances))]
        chosen = self.catalogue.layouts[name]
        rows = sample_rows(rng, chosen, self.catalogue.family[name])
        return self.draw(rng, chosen, rows)

    def draw_text(self, rng: np.random.Generator, layout: str, text: str) -> RenderedPlate:
        """A plate of exactly this text on the layout named. `text` has separators and row break, as a pattern has."""
        if layout not in self.catalogue.layouts:
            raise ConfigError(f"plate layout {layout}: unknown; name one of {', '.join(self.catalogue.layouts)}")
        chosen = self.catalogue.layouts[layout]
        rows = [[Item(c, "" if c in SEPARATORS else c) for c in part] for part in text.split(" / ")]
        return self.draw(rng, chosen, rows)

    def draw(self, rng: np.random.Generator, layout: Layout, rows: list[list[Item]]) -> RenderedPlate:
        """Draws these rows on this layout; ConfigError when a character is not in the alphabet."""
        text = "".join(i.label for k in _order(layout, rows) for i in rows[k])
        if foreign := sorted(set(text) - self._alphabet):
            raise ConfigError(f"plate layout {layout.name}: {''.join(foreign)} not in the alphabet; put it there first")
        picture, blank = self._background(rng, layout)
        h, w = picture.shape[:2]
        sheet = _Sheet(picture, np.zeros((h, w), np.uint8), np.zeros((h, w), np.uint8))
        face = self._face(rng, layout)
        if layout.cells:
            self._in_cells(rng, sheet, layout, rows, face, w / layout.size[0], dots=not blank)
        else:
            self._flowing(rng, sheet, layout, rows, face)
        image = self._inked(rng, sheet, layout)
        colour = layout.colour
        if blank and not layout.glyphs:
            b, g, r = (int(v) for v in np.median(picture[h // 4 : -h // 4].reshape(-1, 3), axis=0))
            colour = colour_of((r, g, b)) or "white"
        keys = [(k, n) for k in _order(layout, rows) for n, i in enumerate(rows[k]) if i.label]
        boxes = np.array([sheet.boxes[k] for k in keys], np.float64).reshape(-1, 4)
        return RenderedPlate(image, text, colour, layout.rows, layout.country, boxes, layout.name)

    def _face(self, rng: np.random.Generator, layout: Layout) -> AnyFace:
        return self.fonts.chinese(rng, layout.glyphs) if layout.glyphs else self.fonts.latin(rng, layout.fonts)

    # -- what lies under the characters -------------------------------------------------------------------------------

    def _background(self, rng: np.random.Generator, layout: Layout) -> tuple[Image, bool]:
        """The plate without characters, and whether a picture of a blank was taken.

        Pictures of Chinese blanks and drawn ones take turns; other pictures belong to their layout.
        """
        picture = self._blank(layout) if layout.blank and (not layout.glyphs or rng.random() < 0.5) else None
        if picture is not None:
            gain = rng.normal(1, 0.05, 3) * rng.uniform(0.85, 1.06)
            table = np.clip(np.arange(256)[:, None] * gain + rng.normal(0, 4), 0, 255).astype(np.uint8)
            return cv2.LUT(picture, table[None]), True
        scale = HEIGHT[layout.rows] / layout.size[1]
        h, w = HEIGHT[layout.rows], round(layout.size[0] * scale)
        top = _shade(rng, layout.background)
        plate = np.empty((h, w, 3), np.uint8)
        plate[:] = _bgr(top)
        if layout.background_bottom is not None:
            ramp = np.clip(np.linspace(-0.15, 1.1, h), 0, 1)[:, None]
            column = (1 - ramp) * _bgr(top) + ramp * _bgr(_shade(rng, layout.background_bottom))
            plate[:] = column.astype(np.uint8)[:, None]
        if layout.left is not None:
            plate[:, : round(layout.left[0] * w)] = _bgr(_shade(rng, layout.left[1]))
        self._decorate(rng, plate, layout, scale)
        return plate, False

    def _decorate(self, rng: np.random.Generator, plate: Image, layout: Layout, scale: float) -> None:
        for band in (layout.band, layout.band_right):
            if band is not None:
                self._band(rng, plate, band, layout)
        for captions, at in ((layout.captions_top, 0.13), (layout.captions_bottom, 0.93)):
            if captions and (words := captions[int(rng.integers(len(captions)))]):
                self._caption(rng, plate, words, at, layout)
        border = layout.border
        if border is not None and rng.random() < border.chance:
            h, w = plate.shape[:2]
            width = max(1, round(border.width * scale * rng.uniform(0.7, 1.3)))
            inset = round(border.inset * scale * rng.uniform(0.6, 1.4)) + width // 2
            box = (inset, inset, w - 1 - inset, h - 1 - inset)
            _rounded(plate, box, round(6 * scale), _bgr(_shade(rng, border.rgb)), width)

    def _blank(self, layout: Layout) -> Image | None:
        if layout.blank not in self._blanks:
            self._blanks[layout.blank] = self._load_blank(layout)
        return self._blanks[layout.blank]

    def _load_blank(self, layout: Layout) -> Image | None:
        if self._assets is None:
            return None
        places = (self._assets / "blanks" / layout.blank, self._assets / "plates" / layout.blank)
        path = next((p for p in places if p.is_file()), None)
        if path is None:
            return None
        picture: Image | None = cv2.imread(str(path))
        if picture is None:
            raise InputError(f"blank plate {path}: cannot be read as a picture; restore it or take it away")
        if layout.glyphs is None:
            return picture
        h = HEIGHT[layout.rows]
        m = 4 * picture.shape[0] // 480  # these pictures have a thin margin
        size = (round(layout.size[0] * h / layout.size[1]), h)
        fitted: Image = cv2.resize(picture[m : -m or None, m : -m or None], size, interpolation=cv2.INTER_AREA)
        return fitted

    def _band(self, rng: np.random.Generator, plate: Image, band: Band, layout: Layout) -> None:
        h, w = plate.shape[:2]
        ground = _shade(rng, band.rgb)
        pale = (245, 245, 245) if sum(ground) < 380 else (20, 20, 20)
        if band.side == "top":
            height = round(band.share * h)
            plate[:height] = _bgr(ground)
            self._small(plate, band.code, (w / 2, height / 2), 0.45 * height, 0.7 * w, pale)
            return
        width = round(band.share * w)
        x = 0 if band.side == "left" else w - width
        plate[:, x : x + width] = _bgr(ground)
        codes = layout.lists.get("code", ())
        code = band.code or (codes[int(rng.integers(len(codes)))] if codes else "")
        centre = x + width / 2
        if band.stars:
            for k in range(12):
                angle = 2 * np.pi * k / 12
                p = (round(centre + 0.3 * width * np.cos(angle)), round(0.3 * h + 0.3 * width * np.sin(angle)))
                cv2.circle(plate, p, max(1, width // 22), (40, 200, 240), -1, cv2.LINE_AA)
        if code:
            self._small(plate, code, (centre, 0.78 * h), 0.16 * h, 0.8 * width, pale)

    def _caption(self, rng: np.random.Generator, plate: Image, words: str, at: float, layout: Layout) -> None:
        h, w = plate.shape[:2]
        at = min(at, 0.9)
        ink = layout.foreground if rng.random() < 0.6 else tuple(int(v) for v in rng.integers(0, 200, 3))
        self._small(plate, words, (w / 2, at * h), h * rng.uniform(0.08, 0.12), 0.8 * w, (ink[0], ink[1], ink[2]))

    def _small(self, plate: Image, words: str, centre: tuple[float, float], cap: float, room: float, ink: Rgb) -> None:
        """Small print around a centre, narrowed to `room` px where it is longer."""
        face = self.fonts.face("sans", 500)
        glyphs = [face.glyph(c) for c in words]
        factor = cap / MASTER
        wide = min(1.0, room / max(1.0, factor * sum(g.advance for g in glyphs)))
        mask = np.zeros(plate.shape[:2], np.uint8)
        sheet = _Sheet(plate, mask, mask)
        x = centre[0] - factor * wide * sum(g.advance for g in glyphs) / 2
        for g in glyphs:
            if g.mask.any():
                piece = _resized(g.mask, factor * wide * g.mask.shape[1], factor * g.mask.shape[0])
                sheet.stamp(piece, x + factor * wide * g.left, centre[1] - cap / 2 + factor * g.top)
            x += factor * wide * g.advance
        _blend(plate, mask, ink)

    # -- characters ---------------------------------------------------------------------------------------------------

    def _in_cells(
        self,
        rng: np.random.Generator,
        sheet: _Sheet,
        layout: Layout,
        rows: list[list[Item]],
        face: AnyFace,
        scale: float,
        dots: bool,
    ) -> None:
        shown = [(k, n, i) for k, row in enumerate(rows) for n, i in enumerate(row) if i.draw not in SEPARATORS]
        if len(shown) != len(layout.cells):
            raise ConfigError(f"plate layout {layout.name}: {len(layout.cells)} cells for {len(shown)} characters")
        shift = rng.normal(0, 0.8, 2)
        for at, ((k, n, item), cell) in enumerate(zip(shown, layout.cells, strict=True)):
            x, y, w, h = (v * scale for v in cell)
            jitter = rng.normal(0, 0.4, 2) + shift
            mask, left = _in_cell(face, item.draw, k, w, h)
            box = sheet.stamp(mask, x + left + jitter[0], y + jitter[1], at in layout.accent_cells)
            if box is not None and item.label:
                sheet.boxes[k, n] = box
        for x, y, d in layout.seals:
            emblem.seal(rng, sheet.picture, x * scale, y * scale, d * scale)
        if dots:
            for x, y, d in layout.dots:
                centre = (round((x + shift[0]) * scale * 8), round((y + shift[1]) * scale * 8))
                cv2.circle(sheet.ink, centre, round(d * scale * 4), 255, -1, cv2.LINE_AA, 3)

    def _flowing(
        self, rng: np.random.Generator, sheet: _Sheet, layout: Layout, rows: list[list[Item]], face: AnyFace
    ) -> None:
        h, w = sheet.ink.shape
        x, y, wide, high = _text_area(layout, w, h)
        if layout.arabic_twin:
            self._twin(rng, sheet, rows[0], (x, y, wide, high / 2))
            middle = round(y + high / 2)
            cv2.line(sheet.ink, (round(x), middle), (round(x + wide), middle), 255, max(1, h // 80))
            self._row(rng, sheet, rows[0], 0, (x, y + high / 2, wide, high / 2), layout.cap, face)
            return
        pale = layout.colour in ("white", "yellow")
        if pale and len(rows) == 1 and rng.random() < 0.15:
            x, wide = self._beside(rng, sheet, (x, y, wide, high))
        spacing = rng.uniform(0.2, 0.55)
        for k, row in enumerate(rows):
            box = (x, y + k * high / len(rows), wide, high / len(rows))
            self._row(rng, sheet, row, k, box, layout.cap, face, spacing, pale)

    def _beside(self, rng: np.random.Generator, sheet: _Sheet, box: Box) -> tuple[float, float]:
        """Arms with a country's code below them, a symbol, or two small letters at the left or right end of the row;
        gives where the text may start and how wide it is."""
        x, y, wide, high = box
        room = 0.11 * wide
        left = rng.random() < 0.8
        middle = x + room / 2 if left else x + wide - room / 2
        kind = rng.random()
        if kind < 0.55:
            emblem.arms(rng, sheet.picture, middle, y + 0.38 * high, rng.uniform(0.3, 0.45) * high)
            code = "".join(rng.choice(list("ABDEFHIKLMNRSU"), int(rng.integers(1, 4))))
            self._small(sheet.picture, code, (middle, y + 0.78 * high), 0.16 * high, 0.8 * room, (20, 20, 20))
        elif kind < 0.75:
            emblem.symbol(rng, sheet.picture, middle, y + 0.5 * high, min(0.9 * room, 0.5 * high))
        else:
            for at in (0.35, 0.65):
                letter = str(rng.choice(list("ABCDEHLPRSTV")))
                self._small(sheet.picture, letter, (middle, y + at * high), 0.22 * high, room, (20, 20, 60))
        return (x + room if left else x), wide - room

    def _twin(self, rng: np.random.Generator, sheet: _Sheet, row: list[Item], box: Box) -> None:
        above = [Item(ARABIC.get(i.draw, i.draw), "") for i in row]
        self._row(rng, sheet, above, -1, box, 0.55, self.fonts.arabic(rng))

    def _row(
        self,
        rng: np.random.Generator,
        sheet: _Sheet,
        row: list[Item],
        k: int,
        box: Box,
        cap_share: float,
        face: AnyFace,
        spacing: float = 0.4,
        stickers: bool = False,
    ) -> None:
        """Characters side by side, centred in the box, narrowed where they would not fit.

        `spacing`: a space's width in cap heights; `stickers`: some gaps hold seals, arms or pictures, as on
        many European and American plates.
        """
        x, y, wide, high = box
        cap = cap_share * high * rng.uniform(0.92, 1.06)
        track = cap * rng.uniform(0.0, 0.1)
        factor, stretch = cap / MASTER, rng.uniform(0.88, 1.08)
        glyphs = [None if i.draw in SEPARATORS else face.glyph(i.draw) for i in row]
        lengths = [_length(i.draw, g, cap, factor * stretch, spacing) + track for i, g in zip(row, glyphs, strict=True)]
        total = sum(lengths) - track
        squeeze = min(1.0, wide / total)
        if squeeze < 0.62:  # no plate is squeezed more than this: smaller characters then
            factor, cap = factor * squeeze / 0.62, cap * squeeze / 0.62
            lengths, squeeze = [n * squeeze / 0.62 for n in lengths], 0.62
        lengths = [n * squeeze for n in lengths]
        pen = x + (wide - (sum(lengths) - track * squeeze)) / 2
        top = y + (high - cap) / 2
        for n, (item, glyph, length) in enumerate(zip(row, glyphs, lengths, strict=True)):
            if glyph is None:
                if item.draw in " -" and stickers and rng.random() < 0.25:
                    emblem.between(rng, sheet.picture, pen, top, length, cap)
                _separator(sheet.ink, item.draw, pen, top, length, cap)
            else:
                across = factor * stretch * squeeze
                mask = _resized(glyph.mask, glyph.mask.shape[1] * across, glyph.mask.shape[0] * factor)
                stamped = sheet.stamp(mask, pen + glyph.left * across, top + glyph.top * factor)
                if item.label:
                    sheet.boxes[k, n] = stamped or (round(pen), round(top), round(pen + length), round(top + cap))
            pen += length

    # -- ink on metal -------------------------------------------------------------------------------------------------

    def _inked(self, rng: np.random.Generator, sheet: _Sheet, layout: Layout) -> Image:
        picture = sheet.picture
        _blend(picture, sheet.ink, _shade(rng, layout.foreground))
        if sheet.accent.any():
            _blend(picture, sheet.accent, _shade(rng, layout.accent))
        h, w = sheet.ink.shape
        y, x = int(rng.integers(0, self._grain.shape[0] - h)), int(rng.integers(0, self._grain.shape[1] - w))
        relief = self._grain[y : y + h, x : x + w] * float(rng.uniform(0, 1.2))
        if rng.random() < 0.6:
            # Embossed characters: light from above brightens upper edges and darkens lower ones.
            both = np.maximum(sheet.ink, sheet.accent)
            step = int(rng.integers(1, 3))
            edges = cv2.subtract(np.roll(both, -step, 0), np.roll(both, step, 0), dtype=cv2.CV_32F)
            relief = relief + edges * float(rng.uniform(-0.12, 0.16))
        inked: Image = cv2.add(picture, cv2.merge([relief] * 3), dtype=cv2.CV_8U)
        return inked


def _order(layout: Layout, rows: list[list[Item]]) -> list[int]:
    return [k for k in layout.row_order if k < len(rows)]


def _bgr(rgb: Rgb) -> np.ndarray:
    return np.array(rgb[::-1], np.float32)


def _shade(rng: np.random.Generator, rgb: Rgb) -> Rgb:
    """The colour as it ages: a little brighter or darker, and off in hue."""
    tone = np.clip(np.array(rgb) * rng.uniform(0.86, 1.08) + rng.normal(0, 6, 3), 0, 255).astype(int)
    return int(tone[0]), int(tone[1]), int(tone[2])


def _blend(picture: Image, mask: Image, ink: Rgb) -> None:
    """Puts ink on the picture in place, as thick as the mask says."""
    share = mask.astype(np.uint16)[..., None]
    mixed = picture * (255 - share) + _bgr(ink).astype(np.uint16) * share
    picture[:] = ((mixed + 127) // 255).astype(np.uint8)


def _resized(mask: Image, w: float, h: float) -> Image:
    size = (max(1, round(w)), max(1, round(h)))
    how = cv2.INTER_AREA if size[1] < mask.shape[0] else cv2.INTER_LINEAR
    resized: Image = cv2.resize(mask, size, interpolation=how)
    return resized


def _in_cell(face: AnyFace, char: str, row: int, w: float, h: float) -> tuple[Image, float]:
    """A character's mask fitted to its cell, with its left edge in it. Narrow ones (1, I, J) keep their look."""
    glyph = face.glyph(char, row)
    if glyph.cell or not char.isascii():
        return _resized(glyph.mask, w, h), 0.0
    share = glyph.mask.shape[1] / max(1, face.glyph("8", row).mask.shape[1])
    width = w * (share if share < 0.8 else 1.0)
    return _resized(glyph.mask, width, h), (w - width) / 2


def _text_area(layout: Layout, w: int, h: int) -> Box:
    if layout.text_box is not None:
        x, y, wide, high = layout.text_box
        return x * w, y * h, wide * w, high * h
    left, top, right = 0.03 * w, 0.02 * h, 0.97 * w
    for band in (layout.band, layout.band_right):
        if band is None:
            continue
        if band.side == "left":
            left += band.share * w
        elif band.side == "right":
            right -= band.share * w
        else:
            top += band.share * h
    return left, top, right - left, 0.98 * h - top


def _length(draw: str, glyph: Glyph | None, cap: float, factor: float, spacing: float) -> float:
    if glyph is not None:
        return float(max(glyph.advance, glyph.mask.shape[1]) * factor)
    return {" ": spacing, "-": 0.45, "|": 0.35}.get(draw, 0.22) * cap


def _separator(ink: Image, mark: str, x: float, top: float, length: float, cap: float) -> None:
    middle = x + length / 2
    if mark == "-":
        p, q = (round(x + 0.12 * length), round(top + 0.46 * cap)), (round(x + 0.82 * length), round(top + 0.56 * cap))
        cv2.rectangle(ink, p, q, 255, -1)
    elif mark == "|":
        p, q = (round(middle), round(top - 0.2 * cap)), (round(middle), round(top + 1.2 * cap))
        cv2.line(ink, p, q, 255, max(1, round(cap / 30)))
    elif mark in "·.":
        y = top + (0.5 if mark == "·" else 0.94) * cap
        cv2.circle(ink, (round(8 * middle), round(8 * y)), round(8 * 0.075 * cap), 255, -1, cv2.LINE_AA, 3)


def _rounded(image: Image, box: tuple[int, int, int, int], radius: int, colour: np.ndarray, width: int) -> None:
    """A rectangle with rounded corners, drawn as a line."""
    x1, y1, x2, y2 = box
    r, c = max(1, min(radius, (y2 - y1) // 3)), tuple(float(v) for v in colour)
    for cx, cy, start in ((x1 + r, y1 + r, 180), (x2 - r, y1 + r, 270), (x2 - r, y2 - r, 0), (x1 + r, y2 - r, 90)):
        cv2.ellipse(image, (cx, cy), (r, r), 0, start, start + 90, c, width, cv2.LINE_AA)
    for y in (y1, y2):
        cv2.line(image, (x1 + r, y), (x2 - r, y), c, width, cv2.LINE_AA)
    for x in (x1, x2):
        cv2.line(image, (x, y1 + r), (x, y2 - r), c, width, cv2.LINE_AA)


__all__ = ["CONFIGS", "HEIGHT", "WORDS", "PlateRenderer", "RenderedPlate"]
