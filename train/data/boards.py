"""Boards with words: names of streets and places, shops, warnings. Flat, bright, framed and lettered as plates are, and
none: what tells them apart is what is written on them."""

from __future__ import annotations

from functools import cache

import cv2
import numpy as np

from streamer.types import Image

# Before or after a name; what stands on a board of its own.
_KINDS = (
    "RUE", "rue de", "rue du", "AVENUE", "Avenue", "Street", "STREET", "ROAD", "Road", "Lane", "St", "Ave", "Strasse",
    "Weg", "Platz", "Allee", "Calle", "CALLE", "Avenida", "Rua", "RUA", "Via", "VIA", "Piazza", "ulica", "ul.",
    "gatan", "vej", "straat", "laan", "Jalan", "JALAN", "Soi", "Place", "des", "de la", "Quai", "Passage", "Hotel",
)  # fmt: skip
_WHOLE = (
    "EXIT", "NO PARKING", "PARKING", "TAXI", "POLICE", "BUS STOP", "Reserved", "PRIVATE", "CAUTION", "DANGER", "OPEN",
    "CLOSED", "NOTICE", "FOR SALE", "SALE", "Welcome", "Reception", "STOP", "SLOW", "ONE WAY", "KEEP OUT", "WARNING",
    "Entrance", "Eingang", "Ausgang", "Sortie", "Entrada", "Salida", "Visitors", "Customers only", "Toilets", "School",
)  # fmt: skip
_OPEN = ("b", "br", "d", "f", "g", "gr", "h", "k", "l", "m", "n", "p", "r", "s", "st", "t", "tr", "v", "w", "b", "ch")
_VOWELS = ("a", "e", "i", "o", "u", "au", "ei", "ie", "ou")
_CLOSE = ("", "l", "n", "r", "s", "t", "nd", "rt", "ll", "m", "ck", "il")
# Ground and letters, RGB.
_PAINT = (
    ((25, 45, 130), (245, 245, 245)), ((20, 60, 150), (255, 255, 255)), ((0, 100, 60), (250, 250, 250)),
    ((245, 245, 240), (20, 20, 20)), ((245, 245, 245), (20, 40, 120)), ((250, 205, 30), (15, 15, 15)),
    ((110, 60, 25), (250, 250, 245)), ((190, 25, 30), (255, 255, 255)), ((250, 250, 250), (180, 20, 25)),
    ((25, 25, 25), (235, 235, 230)),
)  # fmt: skip


def board(rng: np.random.Generator, height: int = 96) -> Image:
    """A board (height, w, 3) BGR with one to three lines of words."""
    lines = _lines(rng)
    ground, ink = (np.array(c, float)[::-1] for c in _PAINT[int(rng.integers(len(_PAINT)))])
    ground, ink = ground + rng.normal(0, 12, 3), ink + rng.normal(0, 8, 3)
    masks = [_line(rng, text) for text in lines]
    row = height / (len(lines) + 0.6)
    small = rng.random() < 0.4  # the first line smaller than the rest, as the kind of street often is
    sizes = [row * (0.55 if small and k == 0 and len(lines) > 1 else 0.78) for k in range(len(lines))]
    widths = [
        max(2, round(m.shape[1] * s / m.shape[0] * float(rng.uniform(0.85, 1.1))))
        for m, s in zip(masks, sizes, strict=True)
    ]
    width = round(max(widths) * float(rng.uniform(1.08, 1.35)) + 4)
    out = np.empty((height, width, 3), np.float32)
    out[:] = ground
    frame = int(rng.integers(0, 5)) if rng.random() < 0.7 else 0
    if frame:
        inset = int(rng.integers(0, 5))
        cv2.rectangle(out, (inset, inset), (width - 1 - inset, height - 1 - inset), ink.tolist(), frame)
    y = (height - row * len(lines)) / 2
    for mask, size, w in zip(masks, sizes, widths, strict=True):
        letters = cv2.resize(mask, (w, max(2, round(size))), interpolation=cv2.INTER_AREA)[..., None] / np.float32(255)
        left = (width - w) // 2 if rng.random() < 0.8 else 3
        top = int(np.clip(round(y + (row - letters.shape[0]) / 2), 0, height - letters.shape[0]))
        there = out[top : top + letters.shape[0], left : left + w]
        there[:] = there * (1 - letters) + ink.astype(np.float32) * letters
        y += row
    return np.asarray(np.clip(out, 0, 255), np.uint8)


def _lines(rng: np.random.Generator) -> list[str]:
    """What stands on it. Few characters in capitals might as well be a plate of somebody's choice: they are not."""
    if rng.random() < 0.25:
        words = str(rng.choice(_WHOLE)).split()
        one = [" ".join(words)] if rng.random() < 0.5 else words
        return one if len("".join(one)) > 8 else [part.title() for part in one]
    kind, name = str(rng.choice(_KINDS)), " ".join(_word(rng) for _ in range(int(rng.integers(1, 3))))
    case = rng.random()
    name = name.upper() if case < 0.55 else name.title()
    if rng.random() < 0.25:
        name = f"{name} {rng.integers(1, 200)}"
    arrangement = rng.random()
    if arrangement < 0.6:
        return [kind, *([name] if rng.random() < 0.7 else name.split(" ", 1))]
    return [f"{kind} {name}"] if arrangement < 0.8 else [name if len(name) > 9 else name.title()]


def _word(rng: np.random.Generator) -> str:
    parts = (f"{rng.choice(_OPEN)}{rng.choice(_VOWELS)}{rng.choice(_CLOSE)}" for _ in range(int(rng.integers(2, 4))))
    return "".join(parts)


def _line(rng: np.random.Generator, text: str) -> Image:
    """The ink of a line (h, w), 255 where inked."""
    face, weight = _face(str(rng.choice(["sans", "uni"]))), int(rng.choice([300, 400, 600, 700, 800]))
    canvas = np.zeros((120, 90 * len(text) + 60, 3), np.uint8)
    cv2.putText(canvas, text, (20, 85), (255, 255, 255), face, 64, weight)
    ink = canvas[..., 0]
    x, y, w, h = cv2.boundingRect(ink)
    return ink[y : y + max(h, 1), x : x + max(w, 1)]


@cache
def _face(name: str) -> cv2.FontFace:
    return cv2.FontFace(name)
