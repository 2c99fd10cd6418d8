"""The texts that the plate layouts of countries allow: the patterns of configs/plates, written out."""

from __future__ import annotations

import itertools
import re
import unicodedata
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from streamer.errors import ConfigError

LETTERS, DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ", "0123456789"
_SEPARATORS = str.maketrans("", "", " -.·|")
_TOKEN = re.compile(r"\{(?P<list>[^}]*)\}|\[(?P<one>[^]]*)\]|(?P<char>.)")

Places = tuple[str, ...]  # of a text: the characters that may stand in each


class _Layout(BaseModel):
    """What a layout says about texts; how plates look concerns only who draws them."""

    model_config = ConfigDict(frozen=True, strict=True, extra="ignore")

    country: str
    patterns: list[str] = Field(min_length=1)
    charset: str = LETTERS
    lists: dict[str, list[str]] = {}
    words: dict[str, str] = {}
    row_order: list[int] = [0, 1]
    zero_for_o: bool = False


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


@cache
def _layouts(folder: Path) -> tuple[_Layout, ...]:
    """The layouts of all files in the folder, with what their file says for all of them."""
    return tuple(layout for path in sorted(folder.glob("*.yaml")) for layout in _file(path))


def _file(path: Path) -> list[_Layout]:
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # eight times as fast, where libyaml is there
    try:
        data = yaml.load(path.read_text(encoding="utf-8"), Loader=loader)
        shared = {key: data[key] for key in ("lists", "charset") if key in data}
        layouts = [_Layout.model_validate({**shared, **layout}) for layout in data.get("layouts", [])]
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        truth = isinstance(first.get("input"), bool)
        quotes = " (YAML takes NO, ON and YES for truths: put them in quotes)" if truth else ""
        raise ConfigError(f"plate layouts {path}: {where}: {first['msg'].lower()}{quotes}") from error
    except (OSError, ValueError, yaml.YAMLError, AttributeError, TypeError) as error:
        raise ConfigError(f"plate layouts {path}: cannot be read ({error}); expected schema 1") from error
    for layout in layouts:
        for pattern in layout.patterns:
            for name in (token["list"] for token in _TOKEN.finditer(pattern)):
                if name is not None and name not in layout.lists:
                    raise ConfigError(f"plate layouts {path}: pattern {pattern!r}: define {name!r} under lists")
    return layouts


def _texts(layout: _Layout) -> Iterator[Places]:
    for pattern in layout.patterns:
        for word, letter in layout.words.items():
            pattern = pattern.replace(word, letter)
        rows = pattern.split(" / ")
        text = "".join(rows[k] for k in layout.row_order if k < len(rows))
        for parts in itertools.product(*_choices(text, layout)):
            places = tuple(place for part in parts for place in part)
            yield tuple(p.replace("O", "0") for p in places) if layout.zero_for_o else places


def _choices(pattern: str, layout: _Layout) -> Iterator[list[Places]]:
    """What each sign of a pattern may stand for: entries of a list are several places each."""
    several = {"A": layout.charset, "9": DIGITS, "*": layout.charset + DIGITS}
    for token in _TOKEN.finditer(pattern):
        if token["list"] is not None:
            yield sorted({tuple(_plain(entry)) for entry in layout.lists[token["list"]]})
        elif token["one"] is not None:
            yield [(_class(token["one"]),)]
        elif token["char"].translate(_SEPARATORS):
            yield [(several.get(token["char"], token["char"]),)]


def _plain(entry: str) -> str:
    """As it is read: upper case, without separators and dots over letters."""
    apart = unicodedata.normalize("NFKD", entry.upper())
    return "".join(c for c in apart if not unicodedata.combining(c)).translate(_SEPARATORS)


def _class(inner: str) -> str:
    """The characters of [A-DX]."""
    return re.sub(r"(.)-(.)", lambda m: "".join(map(chr, range(ord(m[1]), ord(m[2]) + 1))), inner)
