"""Readings of crops whose country is known, as `alpr eval reader --known-country` measures them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from streamer.plates.alphabet import Alphabet
from streamer.types import Reading
from train.data.manifest import Sample
from train.evaluate.known_country import in_their_country
from train.loop.config import ALPHABET

LETTERS = Alphabet.load(ALPHABET)


def reading() -> Reading:
    """0ZL2378, whose first character may be the letter O: in Brazil it must be a letter."""
    slots = np.full((16, LETTERS.size), 1e-6, np.float32)
    for k, symbol in enumerate(LETTERS.encode("0ZL2378", 16)):
        slots[k, symbol] = 0.99
    zero, letter = LETTERS.encode("0O", 3)[:2]
    slots[0, zero], slots[0, letter] = 0.8, 0.2
    return Reading("0ZL2378", 0.75, (0.8, *[0.99] * 6), slot_probs=slots / slots.sum(1, keepdims=True))


@pytest.mark.parametrize(("country", "text"), [("BR", "OZL2378"), ("XX", "0ZL2378"), (None, "0ZL2378")])
def test_the_formats_of_the_samples_country_count(country: str | None, text: str) -> None:
    sample = Sample(Path("a.png"), "a.png", "crop", "dev", (128, 48), country=country)
    assert in_their_country(reading(), sample).text == text
