"""Patterns of plate layouts, and the texts that these allow. Drawing plates (train/synth) and weighing readings by
country go by the same patterns."""

from __future__ import annotations

import itertools
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

LETTERS, DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ", "0123456789"
SEPARATORS = " -.·|"  # are drawn, and are not in the text
ROW_BREAK = " / "
_TOKEN = re.compile(r"\{(?P<list>[^}]*)\}|\[(?P<set>[^]]*)\]|(?P<char>.)")

Places = tuple[str, ...]  # of a text: the characters that may stand in each
Region = Literal["china", "europe", "north-america", "latin-america", "asia", "africa"]


class TextLayout(BaseModel):
    """What a layout says about texts; the rest of its keys says how such plates look.

    `patterns`: `A` a letter of `charset`, `9` a digit, `*` either, `[..]` one of, `{name}` an entry of `lists`, ` / ` a
    row break; space `-` `.` `·` `|` are drawn, and not in the text; the rest stands for itself. `words` maps a word
    that is drawn as one glyph to its letter in the text. `row_order`: the rows in the order of the text.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    country: str = Field(pattern="^([A-Z]{2}|MIXED)$")
    region: Region | None = Field(None, description="the group of countries that the reader outputs for such plates")
    patterns: tuple[str, ...] = Field(min_length=1)
    charset: str = LETTERS
    lists: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    words: dict[str, str] = Field(default_factory=dict)
    row_order: tuple[int, ...] = (0, 1)
    zero_for_o: bool = Field(False, description="the country's texts write 0 for every letter O")


@dataclass(frozen=True)
class Token:
    """One sign of a pattern: the name of a `list`, a `set` of characters that may stand there, or a `char` alone."""

    kind: Literal["list", "set", "char"]
    value: str


@lru_cache(4096)
def tokens(pattern: str, charset: str) -> tuple[Token, ...]:
    """The signs of a pattern in order, with the characters that each stands for."""
    sets = {"A": charset, "9": DIGITS, "*": charset + DIGITS}
    out = []
    for found in _TOKEN.finditer(pattern):
        if found["list"] is not None:
            out.append(Token("list", found["list"]))
        elif found["set"] is not None:
            out.append(Token("set", _expanded(found["set"])))
        else:
            several = sets.get(found["char"])
            out.append(Token("char", found["char"]) if several is None else Token("set", several))
    return tuple(out)


def fault_of_pattern(pattern: str, layout: TextLayout) -> str:
    """What is wrong with a pattern of the layout; empty where nothing is."""
    for token in tokens(pattern, layout.charset):
        if token.kind == "list" and not layout.lists.get(token.value):
            return f"pattern {pattern!r}: define {token.value!r} under lists"
        if token.kind == "char" and token.value in "{[":
            return f"pattern {pattern!r}: {token.value!r} is never closed"
        if token.kind == "set" and not token.value:
            return f"pattern {pattern!r}: [] holds no character"
    return ""


def texts_of_layout(layout: TextLayout) -> Iterator[Places]:
    """Every text that its patterns allow."""
    for pattern in layout.patterns:
        for word, letter in layout.words.items():
            pattern = pattern.replace(word, letter)
        rows = pattern.split(ROW_BREAK)
        text = "".join(rows[k] for k in layout.row_order if k < len(rows))
        for parts in itertools.product(*_choices(text, layout)):
            places = tuple(place for part in parts for place in part)
            yield tuple(p.replace("O", "0") for p in places) if layout.zero_for_o else places


def _choices(pattern: str, layout: TextLayout) -> Iterator[list[Places]]:
    """What each sign of a pattern may stand for: entries of a list are several places each."""
    for token in tokens(pattern, layout.charset):
        if token.kind == "list":
            yield sorted({tuple(_plain(entry)) for entry in layout.lists[token.value]})
        elif token.kind == "set" or token.value not in SEPARATORS:
            yield [(token.value,)]


def _plain(entry: str) -> str:
    """As it is read: upper case, without separators and dots over letters."""
    apart = unicodedata.normalize("NFKD", entry.upper())
    return "".join(c for c in apart if not unicodedata.combining(c) and c not in SEPARATORS)


def _expanded(inner: str) -> str:
    """The characters of [A-DX]."""
    return re.sub(r"(.)-(.)", lambda m: "".join(map(chr, range(ord(m[1]), ord(m[2]) + 1))), inner)
