"""The one reader of configs/plates: layout files, their patterns, and the texts that these allow.

Drawing plates (train/synth) and weighing readings by country go by the same files, read here.
"""

from __future__ import annotations

import itertools
import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import Any, Literal, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from streamer.errors import ConfigError

LETTERS, DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ", "0123456789"
SEPARATORS = " -.·|"  # are drawn, and are not in the text
ROW_BREAK = " / "
_TOKEN = re.compile(r"\{(?P<list>[^}]*)\}|\[(?P<set>[^]]*)\]|(?P<char>.)")

Places = tuple[str, ...]  # of a text: the characters that may stand in each
L = TypeVar("L", bound="TextLayout")


class TextLayout(BaseModel):
    """What a layout says about texts; the rest of its keys says how such plates look.

    `patterns`: `A` a letter of `charset`, `9` a digit, `*` either, `[..]` one of, `{name}` an entry of `lists`, ` / ` a
    row break; space `-` `.` `·` `|` are drawn, and not in the text; the rest stands for itself. `words` maps a word
    that is drawn as one glyph to its letter in the text. `row_order`: the rows in the order of the text.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    country: str
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


def check_countries(countries: Sequence[str], folder: Path) -> None:
    """ConfigError names a country (two letters, ISO 3166) without a layout in the folder, or a file of the folder that
    is not as it should be."""
    known = known_countries(folder) if countries else set()
    for country in countries:
        if country not in known:
            codes = ", ".join(sorted(code for code in known if len(code) == 2 and code != "EU"))
            raise ConfigError(
                f"countries: {country}: nothing is known of its plates: leave it out, or give one of those that are "
                f"known (ISO 3166, two letters): {codes}"
            )


def known_countries(folder: Path) -> set[str]:
    """The countries that have a layout. ConfigError for a file of the folder that is not as it should be."""
    return {layout.country for layout in _layouts(folder)}


def texts_of(countries: Sequence[str], folder: Path) -> set[Places]:
    """Every text that plates of these countries may have. ConfigError as `check_countries`."""
    check_countries(countries, folder)
    return {text for layout in _layouts(folder) if layout.country in countries for text in _texts(layout)}


def layout_files(folder: Path) -> list[Path]:
    """The files of layouts in the folder, in the order in which they are read."""
    return sorted(path for path in folder.glob("*.yaml") if path.name != "alphabet.yaml")


def read_file(path: Path, model: type[L]) -> tuple[dict[str, Any], list[L]]:
    """What a file says for all its layouts, and these, as `model`, with its lists and charset where they have none of
    their own. ConfigError names what is wrong."""
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # eight times as fast, where libyaml is there
    try:
        data = yaml.load(path.read_text(encoding="utf-8"), Loader=loader)
        shared = {key: data[key] for key in ("lists", "charset") if key in data}
        layouts = [model.model_validate({**shared, **layout}) for layout in data.get("layouts", [])]
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "the layout"
        truth = isinstance(first.get("input"), bool)
        quotes = " (YAML takes NO, ON and YES for truths: put them in quotes)" if truth else ""
        raise ConfigError(f"plate layouts {path}: {where}: {first['msg'].lower()}{quotes}") from error
    except (OSError, ValueError, yaml.YAMLError, AttributeError, TypeError) as error:
        raise ConfigError(f"plate layouts {path}: cannot be read ({error}); expected schema 1") from error
    for layout in layouts:
        for pattern in layout.patterns:
            _check_pattern(path, pattern, layout)
    return data, layouts


@cache
def _layouts(folder: Path) -> tuple[TextLayout, ...]:
    """The layouts of all files in the folder."""
    return tuple(layout for path in layout_files(folder) for layout in read_file(path, TextLayout)[1])


def _check_pattern(path: Path, pattern: str, layout: TextLayout) -> None:
    for token in tokens(pattern, layout.charset):
        if token.kind == "list" and not layout.lists.get(token.value):
            raise ConfigError(f"plate layouts {path}: pattern {pattern!r}: define {token.value!r} under lists")
        if token.kind == "char" and token.value in "{[":
            raise ConfigError(f"plate layouts {path}: pattern {pattern!r}: {token.value!r} is never closed")
        if token.kind == "set" and not token.value:
            raise ConfigError(f"plate layouts {path}: pattern {pattern!r}: [] holds no character")


def _texts(layout: TextLayout) -> Iterator[Places]:
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
