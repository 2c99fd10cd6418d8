"""What the texts of a country's plates look like: the formats of configs/plates as sets of characters by place."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from streamer.plates.countries import Folders, regions_of, texts_of
from streamer.plates.grammar import Places
from streamer.types import FloatArray, Reading


@dataclass(frozen=True)
class _Length:
    """All formats of one length: `allowed` (sets, classes) bool, `places` (formats, length) of its rows."""

    allowed: np.ndarray[Any, np.dtype[np.bool_]]
    places: np.ndarray[Any, np.dtype[np.intp]]


@dataclass(frozen=True)
class Nearest:
    """A text that fits, as classes of the alphabet, its probability, what its format `allowed` (L, C) bool, and the
    probability of all texts of the format together."""

    classes: tuple[int, ...]
    likely: float
    allowed: np.ndarray[Any, np.dtype[np.bool_]]
    mass: float


class Formats:
    """The texts of some countries' plates, as classes of an alphabet with those symbols and `size` classes in all.
    `folders`: of the layouts; ConfigError as
    `countries.texts_of`."""

    def __init__(self, countries: Sequence[str], folders: Folders, symbols: Sequence[str], size: int) -> None:
        by_length: defaultdict[int, list[Places]] = defaultdict(list)
        for text in texts_of(countries, folders):
            by_length[len(text)].append(text)
        self._lengths = {length: _table(found, symbols, size) for length, found in by_length.items()}

    def fits(self, classes: Sequence[int | None]) -> bool:
        """Whether a text, as classes of the alphabet (None: any), has one of the formats."""
        known = self._lengths.get(len(classes))
        if known is None:
            return False
        left = known.places  # those that all characters so far fit
        for place, one in enumerate(classes):
            if one is not None:
                left = left[known.allowed[left[:, place], one]]
        return len(left) > 0

    def nearest(self, slots: FloatArray) -> Nearest | None:
        """The likeliest text as long as `slots` (L, C) that fits; None where no format is so long."""
        known = self._lengths.get(len(slots))
        if known is None:
            return None
        at = np.arange(len(slots))
        best = np.where(known.allowed[:, None], slots, 0.0)  # (sets, L, C)
        likely = best.max(2)[known.places, at].prod(1)
        winner = int(likely.argmax())
        classes = tuple(int(best[k, place].argmax()) for place, k in enumerate(known.places[winner]))
        mass = float(best.sum(2)[known.places[winner], at].prod())
        return Nearest(classes, float(likely[winner]), known.allowed[known.places[winner]], mass)


class RegionFormats:
    """The formats of all countries that are known of each region, read when they are first asked for. `folders`: of
    the layouts; `symbols` and `size` as of Formats."""

    def __init__(self, folders: Folders, symbols: Sequence[str], size: int) -> None:
        self._folders, self._symbols, self._size = folders, tuple(symbols), size
        self._classes = {symbol: k for k, symbol in enumerate(self._symbols)}

    def fits(self, text: str, region: str | None) -> bool | None:
        """Whether plates of a country of the region may have this text. None where nobody knows: no text, a character
        that could not be read, no region or one without countries."""
        known = self._known(text, region)
        return None if known is None else known[0].fits(known[1])

    def nearest(self, reading: Reading, region: str | None) -> tuple[str, float] | None:
        """The likeliest text that a plate of the region may have, as long as the one that was read, and how much
        likelier it is than that. None where there is none, or nobody knows."""
        known = self._known(reading.text, region)
        if known is None or reading.slot_probs is None:
            return None
        formats, classes = known
        slots = reading.slot_probs[: len(classes)].astype(float)
        found = formats.nearest(slots)
        if found is None:
            return None
        read = float(slots[np.arange(len(classes)), classes].prod())
        return "".join(self._symbols[k] for k in found.classes), found.likely / max(read, 1e-12)

    def _known(self, text: str, region: str | None) -> tuple[Formats, list[int]] | None:
        """The formats of the region and the text as classes, where there are both."""
        countries = tuple(sorted(c for c, where in regions_of(self._folders).items() if where == region))
        classes = [self._classes[character] for character in text if character in self._classes]
        if not text or len(classes) < len(text) or not countries:
            return None
        return formats_of(countries, self._folders, self._symbols, self._size), classes


@cache
def formats_of(countries: tuple[str, ...], folders: Folders, symbols: tuple[str, ...], size: int) -> Formats:
    """As Formats, made once for all cameras."""
    return Formats(countries, folders, symbols, size)


def _table(texts: Sequence[Places], symbols: Sequence[str], size: int) -> _Length:
    sets = sorted({place for text in texts for place in text})
    index = {place: k for k, place in enumerate(sets)}
    allowed = np.zeros((len(sets), size), bool)
    for place, k in index.items():
        allowed[k, [symbols.index(c) for c in place if c in symbols]] = True
    return _Length(allowed, np.array([[index[place] for place in text] for text in texts]))
