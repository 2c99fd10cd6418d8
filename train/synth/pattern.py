"""Texts from patterns: what is drawn, character by character, and what of it belongs to the plate's text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from streamer.errors import ConfigError
from streamer.plates.grammar import ROW_BREAK, SEPARATORS, tokens
from train.synth.layouts import Family, Layout


@dataclass(frozen=True)
class Item:
    """One thing to draw: a character, a separator or a word. `label` is its part of the text, "" for none."""

    draw: str
    label: str


def sample_rows(rng: np.random.Generator, layout: Layout, family: Family) -> list[list[Item]]:
    """The rows of a random plate, top first. Lists are drawn evenly or by their weights, as the family says."""
    for _ in range(50):
        pattern = layout.patterns[int(rng.integers(len(layout.patterns)))]
        rows = [_items(layout, _fill(rng, part, layout, family)) for part in pattern.split(ROW_BREAK)]
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
    out = []
    for token in tokens(pattern, layout.charset):
        if token.kind == "list":
            out.append(_from_list(rng, layout.lists[token.value], family, token.value))
        elif token.kind == "set":
            out.append(token.value[int(rng.integers(len(token.value)))])
        else:
            out.append(token.value)
    return "".join(out)


def _from_list(rng: np.random.Generator, entries: Sequence[str], family: Family, name: str) -> str:
    weights = family.list_weights.get(name)
    if weights is None or rng.random() < family.uniform_share:
        return entries[int(rng.integers(len(entries)))]
    p = np.array([weights.get(e, 0.0) for e in entries])
    return entries[int(rng.choice(len(entries), p=p / p.sum()))] if p.sum() > 0 else entries[0]
