"""What the texts of a country's plates look like, and a vote that knows it.

The formats are those of configs/plates. A text that fits none may still be right (vanity plates, plates of elsewhere,
series that nobody wrote down): knowing the country makes the nearest text that does fit likelier, and no more.
"""

from __future__ import annotations

import itertools
import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from streamer.errors import ConfigError
from streamer.tracking.vote import AlphabetLike, Ballot, Verdict, VoteRule, vote
from streamer.types import FloatArray, Reading

LETTERS, DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ", "0123456789"
# How much likelier a text is that fits than one that does not. Fitted to crops of plates whose country is known.
_ODDS = 100.0
_SEPARATORS = str.maketrans("", "", " -.·|")
_TOKEN = re.compile(r"\{(?P<list>[^}]*)\}|\[(?P<one>[^]]*)\]|(?P<char>.)")

Places = tuple[str, ...]  # of a text: the characters that may stand in each


@dataclass(frozen=True)
class _Length:
    """All formats of one length: `allowed` (sets, classes) bool, `places` (formats, length) of its rows."""

    allowed: np.ndarray[Any, np.dtype[np.bool_]]
    places: np.ndarray[Any, np.dtype[np.intp]]


@dataclass(frozen=True)
class Nearest:
    """A text that fits, as classes of the alphabet, its probability, and that of all texts of its format together."""

    classes: tuple[int, ...]
    likely: float
    mass: float


class Formats:
    """The texts of some countries' plates, as classes of an alphabet with those symbols and `size` classes in all.
    `folder`: of the layouts; ConfigError as `check_countries`."""

    def __init__(self, countries: Sequence[str], folder: Path, symbols: Sequence[str], size: int) -> None:
        check_countries(countries, folder)
        by_length: defaultdict[int, list[Places]] = defaultdict(list)
        for text in {t for layout in _layouts(folder) if layout["country"] in countries for t in _texts(layout)}:
            by_length[len(text)].append(text)
        self._lengths = {length: _table(found, symbols, size) for length, found in by_length.items()}

    def fits(self, classes: Sequence[int]) -> bool:
        """Whether a text, as classes of the alphabet, has one of the formats."""
        known = self._lengths.get(len(classes))
        return known is not None and bool(known.allowed[:, classes][known.places, np.arange(len(classes))].all(1).any())

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
        return Nearest(classes, float(likely[winner]), float(best.sum(2)[known.places[winner], at].prod()))


@cache
def formats_of(countries: tuple[str, ...], folder: Path, symbols: tuple[str, ...], size: int) -> Formats:
    """As Formats, made once for all cameras."""
    return Formats(countries, folder, symbols, size)


def check_countries(countries: Sequence[str], folder: Path) -> None:
    """ConfigError names a country (two letters, ISO 3166) without a layout in the folder."""
    known = {layout["country"] for layout in _layouts(folder)} if countries else set()
    for country in countries:
        if country not in known:
            codes = ", ".join(sorted(code for code in known if len(code) == 2))
            raise ConfigError(f"countries: {country}: no plates of it in {folder}; known: {codes}")


def knowing(rule: VoteRule, formats: Formats) -> VoteRule:
    """`rule`, and what the country makes likelier. Where another text wins by that, the first one is still told among
    the alternatives; what nobody can read stays unreadable."""

    def voted(ballots: Sequence[Ballot], alphabet: AlphabetLike) -> Verdict:
        told = any(ballot.reading.slot_probs is not None for ballot in ballots)
        verdict = rule(ballots, alphabet)
        return _weighed(verdict, formats, alphabet) if told else verdict

    return voted


def read_knowing(reading: Reading, formats: Formats, alphabet: AlphabetLike) -> Reading:
    """One reading with what the country makes likelier; as it is where it does not tell what else it may be."""
    if reading.slot_probs is None:
        return reading
    verdict = _weighed(vote([Ballot(reading, 0.0)], alphabet), formats, alphabet)
    if verdict.text == reading.text:
        return reading
    return replace(reading, text=verdict.text, confidence=verdict.confidence, char_confidence=verdict.char_confidence)


def _weighed(verdict: Verdict, formats: Formats, alphabet: AlphabetLike) -> Verdict:
    length = len(verdict.text)
    if not length or verdict.slots is None or "?" in verdict.text:
        return verdict
    slots = verdict.slots[:length]
    read = [int(k) for k in slots.argmax(1)]
    if formats.fits(read):
        return verdict
    found = formats.nearest(slots)
    before = float(slots.max(1).prod())
    if found is None or found.likely * _ODDS <= before:
        return verdict
    weighed = verdict.slots.copy()
    changed = [k for k in range(length) if found.classes[k] != read[k]]
    for k in changed:  # each is lifted over what was read there; together they are as likely as the odds make them
        lift = slots[k, read[k]] / slots[k, found.classes[k]]
        weighed[k, found.classes[k]] *= lift * (_ODDS * found.likely / before) ** (1 / len(changed))
        weighed[k] /= weighed[k].sum()
    ratio = found.likely / before
    others = max(0.0, found.mass - found.likely) / max(1 - before - found.likely, 1e-9)
    return replace(
        verdict,
        text="".join(alphabet.symbols[k] for k in found.classes),
        confidence=_posterior(verdict.confidence, ratio, others),
        char_confidence=tuple(
            float(weighed[k, found.classes[k]]) if k in changed else sure
            for k, sure in enumerate(verdict.char_confidence)
        ),
        settled=_posterior(verdict.settled, ratio, others),
        slots=weighed,
    )


def _posterior(confidence: float, ratio: float, others: float) -> float:
    """Of a text that fits and is `ratio` times as likely as one of that confidence that does not (Bayes); `others`: how
    much of the rest fits too."""
    fitting = min(confidence * ratio, 1 - confidence)
    rest = 1 - confidence - fitting
    return fitting * _ODDS / (confidence + fitting * _ODDS + rest * (1 - others + others * _ODDS))


def _table(texts: Sequence[Places], symbols: Sequence[str], size: int) -> _Length:
    sets = sorted({place for text in texts for place in text})
    index = {place: k for k, place in enumerate(sets)}
    allowed = np.zeros((len(sets), size), bool)
    for place, k in index.items():
        allowed[k, [symbols.index(c) for c in place if c in symbols]] = True
    return _Length(allowed, np.array([[index[place] for place in text] for text in texts]))


@cache
def _layouts(folder: Path) -> tuple[dict[str, Any], ...]:
    """The layouts of all files in the folder, with what their file says for all of them."""
    found: list[dict[str, Any]] = []
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # eight times as fast, where libyaml is there
    for path in sorted(folder.glob("*.yaml")):
        try:
            data = yaml.load(path.read_text(encoding="utf-8"), Loader=loader)
            shared = {"lists": data.get("lists", {}), "charset": data.get("charset", LETTERS)}
            found += [{**shared, **layout} for layout in data.get("layouts", [])]
        except (OSError, yaml.YAMLError, AttributeError, TypeError) as error:
            raise ConfigError(f"plate layouts {path}: cannot be read ({error}); expected schema 1") from error
    return tuple(found)


def _texts(layout: Mapping[str, Any]) -> Iterator[Places]:
    """Every text of a layout, as what may stand in each place."""
    letters = str(layout["charset"])
    order = layout.get("row_order", (0, 1))
    for pattern in layout["patterns"]:
        for word, letter in layout.get("words", {}).items():
            pattern = pattern.replace(word, letter)
        rows = pattern.split(" / ")
        text = "".join(rows[k] for k in order if k < len(rows))
        for parts in itertools.product(*_choices(text, letters, layout["lists"])):
            places = tuple(place for part in parts for place in part)
            yield tuple(p.replace("O", "0") for p in places) if layout.get("zero_for_o") else places


def _choices(pattern: str, letters: str, lists: Mapping[str, Iterable[str]]) -> Iterator[list[Places]]:
    """What each sign of a pattern may stand for: entries of a list are several places each."""
    for token in _TOKEN.finditer(pattern):
        if token["list"] is not None:
            yield sorted({tuple(_plain(str(entry))) for entry in lists[token["list"]]})
        elif token["one"] is not None:
            yield [(_class(token["one"]),)]
        elif token["char"].translate(_SEPARATORS):
            yield [({"A": letters, "9": DIGITS, "*": letters + DIGITS}.get(token["char"], token["char"]),)]


def _plain(entry: str) -> str:
    """As it is read: upper case, without separators and dots over letters."""
    apart = unicodedata.normalize("NFKD", entry.upper())
    return "".join(c for c in apart if not unicodedata.combining(c)).translate(_SEPARATORS)


def _class(inner: str) -> str:
    """The characters of [A-DX]."""
    return re.sub(r"(.)-(.)", lambda m: "".join(map(chr, range(ord(m[1]), ord(m[2]) + 1))), inner)
