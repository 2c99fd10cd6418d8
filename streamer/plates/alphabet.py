"""The reader's classes, loaded from configs/plates/alphabet.yaml: text to class numbers and back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import yaml

from streamer.errors import ConfigError


@dataclass(frozen=True)
class Alphabet:
    """Classes 0..n-1 are `symbols`, then UNREADABLE, then EOS. `provinces`: those of mainland China among the
    symbols."""

    symbols: tuple[str, ...]
    unreadable_mark: str = "?"
    provinces: frozenset[str] = frozenset()

    @property
    def unreadable(self) -> int:
        return len(self.symbols)

    @property
    def eos(self) -> int:
        return len(self.symbols) + 1

    @property
    def size(self) -> int:
        return len(self.symbols) + 2

    @cached_property
    def _index(self) -> dict[str, int]:
        return {c: i for i, c in enumerate(self.symbols)} | {self.unreadable_mark: self.unreadable}

    def encode(self, text: str, slots: int) -> list[int]:
        """Classes of `text` padded with EOS to `slots`. ValueError names a foreign character or a text too long."""
        if foreign := [c for c in text if c not in self._index]:
            raise ValueError(f"text {text!r}: {', '.join(map(repr, foreign))} not in the alphabet")
        if len(text) >= slots:
            raise ValueError(f"text {text!r}: {len(text)} characters, at most {slots - 1} fit")
        return [self._index[c] for c in text] + [self.eos] * (slots - len(text))

    def decode(self, classes: Sequence[int]) -> str:
        """The text up to the first EOS."""
        out = []
        for k in classes:
            if k == self.eos:
                break
            out.append(self.unreadable_mark if k == self.unreadable else self.symbols[k])
        return "".join(out)

    @staticmethod
    def load(path: Path) -> Alphabet:
        """Reads the YAML file; ConfigError when it is missing, of another schema or names a symbol twice."""
        try:
            data = yaml.safe_load(path.read_text(encoding="utf-8"))
            symbols = tuple(data["digits"] + data["letters"] + data["provinces"] + data["specials"])
            mark = data["unreadable"]
        except (OSError, KeyError, TypeError, yaml.YAMLError) as error:
            raise ConfigError(f"alphabet {path}: cannot be used ({error}); expected schema 1") from error
        twice = sorted({c for c in symbols if symbols.count(c) > 1 or c == mark})
        if twice:
            raise ConfigError(f"alphabet {path}: {''.join(twice)} stands there more than once")
        return Alphabet(symbols, mark, frozenset(data["provinces"]))
