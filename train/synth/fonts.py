"""Glyphs for drawn plates: fonts and glyph pictures behind one face, as masks of one master size.

What is used, best first:

- glyph pictures and font files of an asset folder (`glyphs.jsonl`, `glyphs/`, `plates/fonts/`, `*.ttf`), where given;
- fonts of the system under /usr/share/fonts that look like plates or at least like signs. On Debian the packages
  `fonts-liberation`, `fonts-roadgeek`, `fonts-opendin` and `fonts-noto-cjk` give good ones;
- OpenCV's two built-in fonts, `sans` (Latin) and `uni` (everything), so that nothing has to be installed.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np

from streamer.errors import ConfigError, InputError
from streamer.types import Image
from train.synth.word import tunisia

MASTER = 110  # cap height of a master glyph in px: a little more than plates are drawn with, so that glyphs only shrink
SYSTEM_FONTS = Path("/usr/share/fonts")
# Parts of file names of system fonts that serve, by script. Serif and italic faces are left out on purpose.
SYSTEM_LATIN = (
    "LiberationSans-Bold",
    "LiberationSansNarrow-Bold",
    "Roadgeek2014-",
    "opendin",
    "DejaVuSansCondensed-Bold.",
)
SYSTEM_CJK = ("NotoSansCJK-Medium", "NotoSansCJK-Bold", "NotoSansCJK-Regular", "wqy-microhei", "wqy-zenhei")
# Words that are drawn as one glyph, by strokes.
WORDS = {"تونس": tunisia}


@dataclass(frozen=True, eq=False)
class Glyph:
    """The ink of one character. `mask` (h, w) uint8, 255 where inked; `left`, `top`, `advance` in master px.

    `top` counts down from the cap line. `cell`: the picture is the whole character cell, margins included.
    """

    mask: Image
    left: float
    top: float
    advance: float
    cell: bool = False


class Face:
    """A font file or a built-in font (`sans`, `uni`) at one weight and stroke.

    `stroke` grows (+) or thins (-) the ink by so many master pixels, for one font to look like several.
    """

    def __init__(self, font: str, weight: int = 0, stroke: int = 0) -> None:
        self.name, self.stroke, self._weight = f"{Path(font).name}:{weight}:{stroke}", stroke, weight
        if font not in ("sans", "uni") and not Path(font).is_file():
            raise InputError(f"font {font}: no such file; name a TrueType file, or one of sans, uni")
        self._face = cv2.FontFace(font)
        self._slashed_zero = font == "sans"
        self._glyphs: dict[str, Glyph] = {}
        self._size = 100
        # The higher of letters and digits: some plate fonts draw their letters smaller.
        cap = max(self._ink(c)[0].shape[0] for c in "H8")
        self._size = round(100 * MASTER / max(cap, 1))
        self._cap_top = min(self._ink(c)[2] for c in "H8")

    def _ink(self, text: str) -> tuple[Image, int, int, float]:
        """The inked part of `text` with its left and top (from the baseline, up is negative) and the advance, in px."""
        pad = self._size
        canvas = np.zeros((3 * self._size, 2 * pad + 2 * self._size * len(text)), np.uint8)
        pen, _ = cv2.putText(canvas, text, (pad, 2 * self._size), 255, self._face, self._size, self._weight)
        x, y, w, h = cv2.boundingRect(canvas)
        return canvas[y : y + h, x : x + w], x - pad, y - 2 * self._size, float(pen[0] - pad)

    def glyph(self, char: str, row: int = 0) -> Glyph:
        """The master glyph of a character or of a word that is drawn as one (see WORDS); empty ink for a blank."""
        if char not in self._glyphs:
            self._glyphs[char] = self._draw(char)
        return self._glyphs[char]

    def _draw(self, char: str) -> Glyph:
        # The built-in Latin font strikes its zero through, which no plate does.
        if char in WORDS:
            mask = WORDS[char](round(0.92 * MASTER), 9 + max(self.stroke, -2))
            return Glyph(mask, 6.0, 0.1 * MASTER, mask.shape[1] + 12.0)
        shown = "O" if char == "0" and self._slashed_zero else char
        mask, left, top, advance = self._ink(shown)
        if not mask.size:
            return Glyph(np.zeros((1, 1), np.uint8), 0.0, 0.0, advance)
        mask = _restroke(mask, self.stroke)
        if shown != char and char == "0":
            mask = cv2.resize(mask, None, fx=0.82, fy=1.0, interpolation=cv2.INTER_AREA)
            advance *= 0.82
        grown = max(self.stroke, 0)
        return Glyph(mask, left - grown, float(top - self._cap_top - grown), advance)


def _restroke(mask: Image, stroke: int) -> Image:
    if not stroke:
        return mask
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * abs(stroke) + 1,) * 2)
    if stroke > 0:
        wider: Image = cv2.dilate(cv2.copyMakeBorder(mask, stroke, stroke, stroke, stroke, cv2.BORDER_CONSTANT), kernel)
        return wider
    thin: Image = cv2.erode(mask, kernel)
    return thin if thin.any() else mask


class PictureFace:
    """Glyph pictures (black on white, each a whole character cell), with a Face for characters that have none.

    `sets` names the picture sets to look in, one tuple for each row of the plate.
    """

    def __init__(self, pictures: dict[tuple[str, str], Image], sets: tuple[tuple[str, ...], ...], spare: Face) -> None:
        self.name, self._pictures, self._sets, self._spare = "pictures:" + sets[0][0], pictures, sets, spare

    def glyph(self, char: str, row: int = 0) -> Glyph:
        for name in self._sets[min(row, len(self._sets) - 1)]:
            if (name, char) in self._pictures:
                mask = self._pictures[name, char]
                return Glyph(mask, 0.0, 0.0, float(mask.shape[1]), cell=True)
        return self._spare.glyph(char)


AnyFace = Face | PictureFace
PICTURE_SETS = {
    "140": (("140",),),
    "220": (("220_up", "220"), ("220_down", "220", "140")),
    "green": (("green", "140"),),
}


def _load_pictures(assets: Path) -> dict[tuple[str, str], Image]:
    table = assets / "glyphs.jsonl"
    if not table.is_file():
        return {}
    out: dict[tuple[str, str], Image] = {}
    for line in table.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        if "set" not in row:  # a blank plate, not a glyph
            continue
        picture = cv2.imread(str(assets / row["file"]), cv2.IMREAD_GRAYSCALE)
        if picture is None:
            name = assets / row["file"]
            raise InputError(f"glyph {name}: cannot be read as a picture; restore it or drop its line in {table}")
        fy = MASTER / picture.shape[0]
        out[row["set"], row["char"]] = 255 - cv2.resize(picture, None, fx=fy, fy=fy, interpolation=cv2.INTER_AREA)
    return out


@dataclass
class FontBook:
    """All faces that can be had. `assets`: folder with fonts and glyph pictures; `system`: look for system fonts."""

    assets: Path | None = None
    system: bool = True
    _faces: dict[tuple[str, int, int], Face] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.assets is not None and not self.assets.is_dir():
            raise InputError(f"assets {self.assets}: no such folder; leave it out to draw with built-in fonts")
        self._pictures = _load_pictures(self.assets) if self.assets else {}
        self._files: dict[str, str] = {}
        if self.assets:
            found = sorted([*self.assets.glob("*.[to]tf"), *self.assets.glob("plates/fonts/*.[to]tf")])
            self._files = {p.name: str(p) for p in found}
        self._system = self._find(SYSTEM_LATIN) if self.system else []
        self._cjk = self._find(SYSTEM_CJK) if self.system else []

    @staticmethod
    def _find(wanted: tuple[str, ...]) -> list[str]:
        if not SYSTEM_FONTS.is_dir():
            return []
        files = sorted(
            p for p in SYSTEM_FONTS.rglob("*.[to]t[fc]") if not {"Italic", "Oblique"} & set(p.stem.split("-"))
        )
        return [str(p) for p in files if any(w in p.name for w in wanted)]

    def face(self, font: str, weight: int = 0, stroke: int = 0) -> Face:
        """A face by path or name (`sans`, `uni`), made once."""
        key = (font, weight, stroke)
        if key not in self._faces:
            self._faces[key] = Face(font, weight, stroke)
        return self._faces[key]

    def latin(self, rng: np.random.Generator, wanted: tuple[str, ...] = ()) -> AnyFace:
        """A face for Latin letters and digits: one of `wanted` (file names) where the assets have it, or a
        look-alike."""
        stroke = int(rng.choice([-2, -1, 0, 0, 0, 1, 2, 3]))
        names = [self._files[n] for n in wanted if n in self._files]
        if names:
            # The first is the right one; the others look alike.
            font = names[0] if rng.random() < 0.5 else names[int(rng.integers(len(names)))]
            return self.face(font, 0, stroke)
        if self._system and rng.random() < 0.6:
            return self.face(self._system[int(rng.integers(len(self._system)))], 0, stroke)
        if rng.random() < 0.5:
            return self.face("uni", 0, 3 + max(stroke, 0))  # its Latin is thin at any weight
        return self.face("sans", int(rng.choice([400, 500, 600, 700])), min(stroke, 1))

    def chinese(self, rng: np.random.Generator, pictures: str) -> AnyFace:
        """A face for Chinese plates. `pictures`: the set of glyph pictures the layout takes, 140 | 220 | green."""
        if pictures not in PICTURE_SETS:
            raise ConfigError(f"glyph set {pictures}: unknown; expected one of {', '.join(PICTURE_SETS)}")
        stroke = int(rng.integers(1, 4))
        spare = self.face(self._cjk[int(rng.integers(len(self._cjk)))] if self._cjk else "uni", 0, stroke)
        if self._pictures and rng.random() < 0.8:
            return PictureFace(self._pictures, PICTURE_SETS[pictures], spare)
        if self._files.get("platechar.ttf") and rng.random() < 0.7:
            return self.face(self._files["platechar.ttf"], 0, stroke)
        if rng.random() < 0.4:
            return self.face("sans", 500, 0)
        return spare

    def arabic(self, rng: np.random.Generator) -> Face:
        return self.face("uni", int(rng.choice([400, 600, 800])), int(rng.integers(0, 3)))
