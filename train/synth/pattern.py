"""Texts from patterns: what is drawn, character by character, and what of it belongs to the plate's text."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from streamer.errors import ConfigError
from train.synth.layouts import DIGITS, LETTERS, Family, Layout

SEPARATORS = " -.·|"


@dataclass(frozen=True)
class Item:
    """One thing to draw: a character, a separator or a word. `label` is its part of the text, "" for none."""

    draw: str
    label: str


def sample_rows(rng: np.random.Generator, layout: Layout, family: Family) -> list[list[Item]]:
    """The rows of a random plate, top first. Lists are drawn evenly or by their weights, as the family says."""
    for _ in range(50):
        pattern = layout.patterns[int(rng.integers(len(layout.patterns)))]
        rows = [_items(layout, _fill(rng, part, layout, family)) for part in pattern.split(" / ")]
        # Umlauts and other letters outside the alphabet come from lists; texts with them are drawn again.
        if all(len(i.label) == 1 for row in rows for i in row if i.label != ""):
            return rows
    raise ConfigError(f"plate layout {layout.name}: 50 texts in a row held characters that no plate text may hold")


def _items(layout: Layout, text: str) -> list[Item]:
    out: list[Item] = []
    k = 0
    while k < len(text):
        word = next((w for w in layout.words if text.startswith(w, k)), None)
        if word:
            out.append(Item(word, layout.words[word]))
            k += len(word)
            continue
        out.append(Item(text[k], _label(layout, text[k])))
        k += 1
    return out


def _label(layout: Layout, char: str) -> str:
    if char in SEPARATORS:
        return ""
    if char == "O" and layout.zero_for_o:
        return "0"
    foreign = char.isalpha() and (not char.isascii() and ord(char) < 0x2E80)
    return "foreign" if foreign or char.islower() else char


def _fill(rng: np.random.Generator, pattern: str, layout: Layout, family: Family) -> str:
    out, k = [], 0
    while k < len(pattern):
        c = pattern[k]
        if c in "{[":
            end = pattern.find("}" if c == "{" else "]", k)
            if end < 0:
                raise ConfigError(f"plate layout {layout.name}: pattern {pattern!r}: {c!r} is never closed")
            inner = pattern[k + 1 : end]
            out.append(_from_list(rng, inner, layout, family) if c == "{" else _from_class(rng, inner))
            k = end + 1
            continue
        out.append(_one(rng, c, layout))
        k += 1
    return "".join(out)


def _one(rng: np.random.Generator, c: str, layout: Layout) -> str:
    pool = {"A": layout.charset, "9": DIGITS, "*": layout.charset + DIGITS}.get(c)
    return pool[int(rng.integers(len(pool)))] if pool else c


def _from_class(rng: np.random.Generator, inner: str) -> str:
    pool, k = "", 0
    while k < len(inner):
        if inner[k + 1 : k + 2] == "-" and k + 2 < len(inner):
            pool += "".join(map(chr, range(ord(inner[k]), ord(inner[k + 2]) + 1)))
            k += 3
        else:
            pool += inner[k]
            k += 1
    return pool[int(rng.integers(len(pool)))]


def _from_list(rng: np.random.Generator, name: str, layout: Layout, family: Family) -> str:
    entries = layout.lists.get(name)
    if not entries:
        raise ConfigError(f"plate layout {layout.name}: list {{{name}}} is not defined; define it under lists")
    weights = family.list_weights.get(name)
    if weights is None or rng.random() < family.uniform_share:
        return entries[int(rng.integers(len(entries)))]
    p = np.array([weights.get(e, 0.0) for e in entries])
    return entries[int(rng.choice(len(entries), p=p / p.sum()))] if p.sum() > 0 else entries[0]


__all__ = ["LETTERS", "SEPARATORS", "Item", "sample_rows"]
