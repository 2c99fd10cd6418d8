"""Which plates the traffic has: how often each symbol stands in each place, by the length of the text."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from streamer.types import FloatArray

# Without traffic to learn from: every letter and digit alike, half of the plates that begin with a Chinese character
# from one province, a third of those from one of its cities.
_ANY, _PROVINCE, _CITY = 1 / 34, 1 / 2, 1 / 3
_PRIOR = 20.0  # how many plates the assumption above weighs as much as, beside those counted
_LENGTH_PRIOR = 1.0

Counts = Mapping[int, Sequence[Mapping[str, float]]]  # by length, place and symbol


def is_ideograph(symbol: str) -> bool:
    """Whether a symbol is Chinese."""
    return symbol > "\u2e80"


@dataclass(frozen=True)
class Background:
    """`counts`: of plates by length, place and symbol; empty: nothing is known of the traffic."""

    counts: Counts = field(default_factory=dict)

    @staticmethod
    def of(texts: Iterable[str]) -> Background:
        """That of these plates; texts with an unreadable character count by the others."""
        counts: dict[int, list[Counter[str]]] = defaultdict(list)
        for text in texts:
            places = counts[len(text)]
            places.extend(Counter() for _ in range(len(text) - len(places)))
            for place, symbol in enumerate(text):
                if symbol != "?":
                    places[place][symbol] += 1
        return Background({length: [dict(place) for place in places] for length, places in counts.items()})

    def places(self, length: int, symbols: Sequence[str], *, chinese: bool) -> FloatArray:
        """(length, n) probability of each symbol in each place; `chinese`: plates that begin with such a character."""
        key = length, tuple(symbols), chinese
        if key not in self._made:
            self._made[key] = self._places(length, symbols, chinese)
        return self._made[key]

    @cached_property
    def _made(self) -> dict[tuple[int, tuple[str, ...], bool], FloatArray]:
        return {}

    def _places(self, length: int, symbols: Sequence[str], chinese: bool) -> FloatArray:
        classes = np.array([is_ideograph(s) for s in symbols])
        out = np.full((length, len(symbols)), _ANY)
        out[:, classes] = _ANY / 10
        if chinese and length:
            out[0] = np.where(classes, _PROVINCE, _ANY / 10)
            out[1:2, ~classes] = _CITY
        for place, counted in enumerate(self.counts.get(length, ())):
            total = sum(counted.values())
            if total:
                seen = np.array([counted.get(s, 0.0) for s in symbols])
                out[place] = (seen + _PRIOR * out[place] / max(out[place].sum(), 1.0)) / (total + _PRIOR)
        return out

    def log_of(self, text: str) -> float:
        """Log-probability that a plate of the traffic with this length has this text."""
        symbols = list(dict.fromkeys(text))
        rows = self.places(len(text), symbols, chinese=is_ideograph(text[:1]))
        return float(sum(math.log(rows[place, symbols.index(symbol)]) for place, symbol in enumerate(text)))

    @cached_property
    def _lengths(self) -> dict[int, float]:
        return {
            length: max((sum(place.values()) for place in places), default=0.0)
            for length, places in self.counts.items()
        }

    def of_length(self, length: int) -> float:
        """The share of the traffic's plates that are so long."""
        if not self._lengths:
            return 1.0
        total = sum(self._lengths.values())
        return (self._lengths.get(length, 0.0) + _LENGTH_PRIOR) / (total + _LENGTH_PRIOR * 10)


def crowding(texts: Iterable[str]) -> float:
    """How many times more often two plates differ in a single place than places that are independent would have it
    (numbers given out in sequence, fleets); at least 1."""
    distinct = sorted({text for text in texts if text and "?" not in text})
    observed = expected = 0.0
    by_length: dict[int, list[str]] = defaultdict(list)
    for text in distinct:
        by_length[len(text)].append(text)
    for length, group in by_length.items():
        n = len(group)
        if n < 2:
            continue
        same = [sum((c / n) ** 2 for c in Counter(text[k] for text in group).values()) for k in range(length)]
        for k in range(length):
            rest = Counter(text[:k] + "\0" + text[k + 1 :] for text in group)
            observed += sum(c * (c - 1) / 2 for c in rest.values())
            others = math.prod(same[:k]) * math.prod(same[k + 1 :])
            expected += n * (n - 1) / 2 * others * (1 - same[k])
    # One pair more on both sides: few plates prove no crowd.
    return max(1.0, (observed + 1) / (expected + 1))
