"""What was read of a passage as a distribution over symbols for each place."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from streamer.plates.look_alikes import ZERO_FOR_O
from streamer.types import FloatArray, Passage, Posterior
from streamer.watch.background import Background, is_ideograph

# Probability of each symbol that is not listed in a place: a reading is never surer than that of one symbol alone.
_FLOOR = 1e-5
_OTHER = "\0"  # all symbols that have no place of their own
_ASCII = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"


class Symbols:
    """Those that are told apart: digits, letters, what is given, and one for all others."""

    def __init__(self, more: Iterable[str] = ()) -> None:
        self.all: tuple[str, ...] = (*dict.fromkeys([*_ASCII, *sorted(set(more))]), _OTHER)
        self.index = {symbol: k for k, symbol in enumerate(self.all)}
        self.other = self.index[_OTHER]

    def codes(self, text: str) -> list[int]:
        return [self.index.get(symbol, self.other) for symbol in text]


@dataclass(frozen=True, eq=False)
class Evidence:
    """`likely` (n, C): the distribution of each place; `usual` (n, C): the background's; `gain` (n, C): by how many
    nats a symbol there is likelier to be read as this was than what the background would have there."""

    text: str
    confidence: float
    likely: FloatArray
    usual: FloatArray
    gain: FloatArray


def evidence_of(passage: Passage, symbols: Symbols, background: Background) -> Evidence:
    """The evidence of a passage; from its text, confidences and alternatives where it carries no distributions."""
    text = passage.plate
    posterior = passage.posterior or ()
    if len(posterior) < len(text):  # none, or of another text
        posterior = _from_row(passage)
    places = posterior[: len(text)]
    usual = background.places(len(places), symbols.all, chinese=is_ideograph(text[:1]))
    likely = _filled(places, symbols)
    unreadable, likely = likely[:, -1:], likely[:, :-1]
    share = usual / np.maximum(usual.sum(1, keepdims=True), 1e-12)
    likely = likely + unreadable * share  # what cannot be read speaks for no symbol
    if passage.kind.region in ZERO_FOR_O:  # what was read says the same of O as of 0
        likely[:, symbols.index["O"]] = likely[:, symbols.index["0"]]
    gain = np.log(likely) - np.log((usual * likely).sum(1, keepdims=True))
    return Evidence(text, passage.confidence, likely, usual, gain)


def _filled(places: Sequence[Sequence[tuple[str, float]]], symbols: Symbols) -> FloatArray:
    """(n, C + 1) with the unreadable last."""
    out = np.zeros((len(places), len(symbols.all) + 1))
    for k, place in enumerate(places):
        for symbol, p in place:
            if symbol == "?":
                out[k, -1] += p
            elif symbol:  # that the text ends there is another length
                out[k, symbols.index.get(symbol, symbols.other)] += p
    out[:, :-1] = np.maximum(out[:, :-1], _FLOOR)
    return np.asarray(out / out.sum(1, keepdims=True))


def _from_row(passage: Passage) -> Posterior:
    """From what a row has."""
    text, sure = passage.plate, passage.char_confidence
    if len(sure) != len(text):
        sure = (max(passage.confidence, 1e-6) ** (1 / max(len(text), 1)),) * len(text)
    places: list[dict[str, float]] = [{c: p} for c, p in zip(text, sure, strict=True)]
    for other, p in passage.alternatives:
        differing = [k for k in range(len(text)) if len(other) == len(text) and other[k] != text[k]]
        for k in differing:
            ratio = (min(p, 1.0) / max(passage.confidence, 1e-6)) ** (1 / len(differing))
            places[k][other[k]] = max(places[k].get(other[k], 0.0), ratio * sure[k])
    return tuple(tuple(place.items()) for place in places)
