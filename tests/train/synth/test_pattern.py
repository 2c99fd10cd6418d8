"""Texts of drawn plates: within what recognition expects of the country, and the same for a seed for ever."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamer.errors import ConfigError
from streamer.plates.alphabet import Alphabet
from streamer.plates.formats import formats_of
from streamer.plates.grammar import Token, tokens
from train.synth.layouts import Catalogue
from train.synth.pattern import sample_rows
from train.synth.plate import CONFIGS

ALPHABET = Alphabet.load(CONFIGS / "alphabet.yaml")
CATALOGUE = Catalogue(CONFIGS)
COUNTRIES = sorted({layout.country for layout in CATALOGUE.layouts.values()})
# Of the first 20 texts of every layout. Drawn banks and clips are made from them: a change here changes them all.
DRAWN = "c694e071ec1e2aee4abf074224cb5adfd80009ba445fa29f5bafc9e048d34615"


@pytest.mark.parametrize("country", COUNTRIES)
@settings(max_examples=8)
@given(seed=st.integers(0, 2**32 - 1))
def test_what_is_drawn_fits_the_formats_of_the_country(country: str, seed: int) -> None:
    formats = formats_of((country,), CONFIGS, ALPHABET.symbols, ALPHABET.size)
    for name, layout in CATALOGUE.layouts.items():
        if layout.country == country:
            rows = sample_rows(np.random.default_rng(seed), layout, CATALOGUE.family[name])
            text = "".join(item.label for k in layout.row_order if k < len(rows) for item in rows[k])
            assert formats.fits(ALPHABET.encode(text, len(text) + 1)[:-1]), (name, text)


def test_texts_are_drawn_as_ever() -> None:
    drawn = hashlib.sha256()
    for name, layout in CATALOGUE.layouts.items():
        for k in range(20):
            rng = np.random.default_rng((k, 7))
            rows = [[(i.draw, i.label) for i in row] for row in sample_rows(rng, layout, CATALOGUE.family[name])]
            drawn.update(repr((name, rows, int(rng.integers(10**9)))).encode())
    assert drawn.hexdigest() == DRAWN


def test_signs_of_a_pattern() -> None:
    found = tokens("{p}A·[B-DX]9*Z", "QW")
    assert found == (
        Token("list", "p"),
        Token("set", "QW"),
        Token("char", "·"),
        Token("set", "BCDX"),
        Token("set", "0123456789"),
        Token("set", "QW0123456789"),
        Token("char", "Z"),
    )


@pytest.mark.parametrize(
    ("pattern", "says"),
    [
        ("{q}9", "define 'q' under lists"),
        ("{empty}9", "define 'empty' under lists"),
        ("{q", "'{' is never closed"),
        ("A[BC", r"'\[' is never closed"),
        ("[]9", "holds no character"),
    ],
)
def test_a_faulty_pattern_is_named_before_anything_is_drawn(tmp_path: Path, pattern: str, says: str) -> None:
    layout = f"{{name: m, country: MO, colour: white, patterns: ['{pattern}']}}"
    (tmp_path / "moon.yaml").write_text(f"schema: 1\nlists: {{empty: []}}\nlayouts: [{layout}]\n")
    with pytest.raises(ConfigError, match=rf"moon\.yaml:3: layouts\.0\.patterns\.0: pattern .*{says}"):
        Catalogue(tmp_path)
