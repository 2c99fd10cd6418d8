"""From a reader's outputs to a reading, by the decoder that its card names: places, columns (CTC), or both."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from streamer.engine.columns import best_path, likelihood, places_likelihood, spelled
from streamer.plates.alphabet import Alphabet
from streamer.plates.look_alikes import ZERO_FOR_O
from streamer.types import F32Array, Kind, Reading

SLOTS = 16  # places that readings are told in where a card does not say
COLOURS = ("blue", "green", "yellow", "white", "black")
REGIONS = ("china", "europe", "north-america", "latin-america", "asia", "africa")
KIND_KNOWN = 0.6  # a colour, number of rows or region less probable than this is not told
KINDS: tuple[Sequence[Any], ...] = (COLOURS, (1, 2), REGIONS)
KIND_OUTPUTS = "colour", "rows", "region"
_REGION_SURE = 0.9  # probability of a region from which O is told as 0 where its texts hold 0 for O
_SLOTS, _COLUMNS = ("characters", *KIND_OUTPUTS), ("columns_one", "columns_two")  # of one row of text and of two
_KIND_OUTPUTS = 4  # the characters and the kinds come before the columns


@dataclass(frozen=True)
class Certainty:
    """The confidence of a whole text by logistic regression on held-out crops (after Platt): the log-odds of its
    probability by the queries times `scale`, of that by the columns times `columns`, of its least probable character
    times `weakest`, plus `shift`."""

    scale: float = 1.0
    shift: float = 0.0
    columns: float = 0.0
    weakest: float = 0.0

    @staticmethod
    def of_card(card: Mapping[str, Any]) -> Certainty:
        return Certainty(**{f.name: float(card[f.name]) for f in fields(Certainty) if f.name in card})

    def of(self, places: float, columns: float | None, weakest: float | None = None) -> float:
        """The confidence of a text with those probabilities; a part that is None is left out."""
        if (columns is None or not self.columns) and (weakest is None or not self.weakest):
            return calibrated(places, self.scale, self.shift)
        parts = (self.scale, places), (self.columns, columns), (self.weakest, weakest)
        return _sigmoid(self.shift + sum(weight * _log_odds(p) for weight, p in parts if p is not None))


def reading_of(
    characters: F32Array, others: Sequence[F32Array], alphabet: Alphabet, temperature: float, whole: Certainty
) -> Reading:
    """The reading of one crop by the network's outputs: logits (S, C) of the characters, then those of colour, rows,
    region, and of the columns of one row and of two where there are any."""
    found = weighed(characters, others, alphabet, temperature, whole)
    return reading(found, dict(zip(KIND_OUTPUTS, others, strict=False)), whole)


def softmax(logits: F32Array) -> F32Array:
    p = np.exp(logits - logits.max(-1, keepdims=True))
    result: F32Array = p / p.sum(-1, keepdims=True)
    return result


def _zero_for_o(region: F32Array | None) -> bool:
    """Whether these logits tell a region whose texts hold 0 for every letter O."""
    if region is None or len(region) != len(REGIONS):
        return False
    p = softmax(region)
    return bool(p.max() >= _REGION_SURE) and REGIONS[int(p.argmax())] in ZERO_FOR_O


def _characters(logits: F32Array, zero_for_o: bool, alphabet: Alphabet) -> F32Array:
    """Logits (n, C) of characters as probabilities; `zero_for_o`: what is O counts as 0."""
    p = softmax(logits)
    if zero_for_o and {"O", "0"} <= set(alphabet.symbols):
        letter, digit = alphabet.symbols.index("O"), alphabet.symbols.index("0")
        p[:, digit] += p[:, letter]
        p[:, letter] = 0.0
    return p


def calibrated(confidence: float, scale: float, shift: float) -> float:
    """A confidence after Platt: its log-odds scaled and shifted. Slots are not independent, so their product says too
    little or too much."""
    if (scale, shift) == (1.0, 0.0):
        return confidence
    return _sigmoid(scale * _log_odds(confidence) + shift)


def _log_odds(p: float) -> float:
    p = min(max(p, 1e-9), 1 - 1e-9)
    return float(np.log(p / (1 - p)))


def _sigmoid(x: float) -> float:
    return float(0.5 * (1 + np.tanh(0.5 * x)))


@dataclass(frozen=True, eq=False)
class Weighed:
    """The text that queries and columns find likeliest together. `slot_probs` (S, C): the distributions of its places;
    `places`, `columns`: its probability by each, the latter None where there are no columns."""

    text: str
    slot_probs: F32Array
    places: float
    columns: float | None

    @property
    def weakest(self) -> float:
        """The probability of the least probable character; 0.0 of no text."""
        return min((float(p) for p in self.slot_probs.max(-1)[: len(self.text)]), default=0.0)


def _as_written(
    classes: Sequence[int], slot_probs: F32Array, alphabet: Alphabet, places: float, columns: float | None
) -> Weighed:
    """Those classes as a text, with its distributions. A letter follows a province, and an O looks like the digit."""
    text = alphabet.decode(classes)
    if text[1:2] == "0" and text[0] in alphabet.provinces:
        text = f"{text[0]}O{text[2:]}"
        letter, digit = alphabet.symbols.index("O"), alphabet.symbols.index("0")
        slot_probs = slot_probs.copy()
        slot_probs[1, letter] += slot_probs[1, digit]
        slot_probs[1, digit] = 0.0
    return Weighed(text, slot_probs, places, columns)


def weighed(
    characters: F32Array, others: Sequence[F32Array], alphabet: Alphabet, temperature: float, whole: Certainty
) -> Weighed:
    """The most probable class of each slot up to the first EOS, or what the columns spell where that has more evidence
    of both. Arguments as of `reading_of`."""
    zero_for_o = _zero_for_o(others[2] if len(others) > 2 else None)  # colour, rows, region
    slot_probs = _characters(characters / temperature, zero_for_o, alphabet)
    best = slot_probs.argmax(-1).tolist()
    classes = best[: best.index(alphabet.eos)] if alphabet.eos in best else best
    places = places_likelihood(slot_probs, classes, alphabet.eos)
    if len(others) <= _KIND_OUTPUTS:
        return _as_written(classes, slot_probs, alphabet, places, None)
    two_rows = others[1][1] > others[1][0]
    columns = _characters(others[_KIND_OUTPUTS if two_rows else _KIND_OUTPUTS - 1], zero_for_o, alphabet)
    mine = places, likelihood(columns, classes)
    other, where = best_path(columns, alphabet.eos)
    if other != classes and len(other) < len(slot_probs):
        theirs = places_likelihood(slot_probs, other, alphabet.eos), likelihood(columns, other)
        if whole.of(*theirs) > whole.of(*mine):
            slots = spelled(columns, where, len(slot_probs), alphabet.eos)
            return _as_written(other, slots, alphabet, *theirs)
    return _as_written(classes, slot_probs, alphabet, *mine)


def reading(found: Weighed, kinds: Mapping[str, F32Array], whole: Certainty) -> Reading:
    """The reading of a weighed text. `kinds`: the logits of colour, rows and region, as far as there are any."""
    text = found.text
    if not text.strip("?"):  # nothing at all could be read
        text = ""
    known: list[Any] = []
    for name, values in zip(KIND_OUTPUTS, KINDS, strict=True):
        p = softmax(kinds[name]) if name in kinds else None
        known.append(values[int(p.argmax())] if p is not None and p.max() >= KIND_KNOWN else None)
    characters = tuple(float(p) for p in found.slot_probs.max(-1)[: len(text)])
    confidence = whole.of(found.places, found.columns, found.weakest) if text else 0.0
    return Reading(text, confidence, characters, Kind(*known), found.slot_probs)


@dataclass(frozen=True)
class Classes:
    """What a decoder must know: the alphabet, the temperature and certainty fitted to the network, and in how many
    places its readings are told (the longest text plus its end)."""

    alphabet: Alphabet
    temperature: float = 1.0
    whole: Certainty = Certainty()
    slots: int = SLOTS


def read_slots(outputs: Mapping[str, F32Array], classes: Classes) -> Reading:
    """By the places of the text, one query each."""
    others = [outputs.get(name, np.zeros(1, np.float32)) for name in KIND_OUTPUTS]
    found = weighed(outputs["characters"], others, classes.alphabet, classes.temperature, classes.whole)
    return reading(found, outputs, classes.whole)


def read_slots_and_columns(outputs: Mapping[str, F32Array], classes: Classes) -> Reading:
    """By both, the likelier text of the two."""
    others = [outputs.get(name, np.zeros(1, np.float32)) for name in (*KIND_OUTPUTS, *_COLUMNS)]
    found = weighed(outputs["characters"], others, classes.alphabet, classes.temperature, classes.whole)
    return reading(found, outputs, classes.whole)


def read_columns(outputs: Mapping[str, F32Array], classes: Classes) -> Reading:
    """By the columns alone (CTC), of one row of text or of two, whichever the network takes the plate for."""
    found = weighed_columns(outputs, classes)
    return reading(found, outputs, classes.whole)


def weighed_columns(outputs: Mapping[str, F32Array], classes: Classes) -> Weighed:
    """The best path of the columns, told in places as queries tell it, and the probability of its text."""
    two_rows = outputs["rows"][1] > outputs["rows"][0]
    logits = outputs["columns_two" if two_rows else "columns_one"] / classes.temperature
    columns = _characters(logits, _zero_for_o(outputs.get("region")), classes.alphabet)
    path, where = best_path(columns, classes.alphabet.eos)
    if len(path) >= classes.slots:  # no plate has so long a text
        path, where = [], []
    slot_probs = spelled(columns, where, classes.slots, classes.alphabet.eos)
    return _as_written(path, slot_probs, classes.alphabet, likelihood(columns, path), None)


@dataclass(frozen=True)
class Decoder:
    """How the outputs of a reader become a reading: those it needs, and all in the order in which networks of ours give
    them, where a card does not say."""

    needed: tuple[str, ...]
    outputs: tuple[str, ...]
    read: Callable[[Mapping[str, F32Array], Classes], Reading]


DECODERS = {
    "slots": Decoder(("characters",), _SLOTS, read_slots),
    "slots+columns": Decoder(("characters", "rows", *_COLUMNS), (*_SLOTS, *_COLUMNS), read_slots_and_columns),
    "ctc": Decoder(("rows", *_COLUMNS), (*_COLUMNS, *KIND_OUTPUTS), read_columns),
}
# Cards from before decoders were named: by the number of outputs. The first readers told no region.
UNNAMED = {6: ("slots+columns", (*_SLOTS, *_COLUMNS)), 4: ("slots", _SLOTS), 3: ("slots", _SLOTS[:3])}


def class_counts(alphabet: Alphabet) -> dict[str, int]:
    """How many classes each output has."""
    kinds = dict(zip(KIND_OUTPUTS, map(len, KINDS), strict=True))
    return {"characters": alphabet.size, **kinds, **dict.fromkeys(_COLUMNS, alphabet.size + 1)}
