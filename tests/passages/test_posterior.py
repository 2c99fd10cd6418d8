"""The fused distributions that a passage carries where an output wants them."""

from __future__ import annotations

import numpy as np

from streamer.passages.posterior import posterior
from streamer.passages.vote import Verdict
from streamer.pipeline.ports import Wanted
from streamer.plates.alphabet import Alphabet

ALPHABET = Alphabet(("A", "8", "B"))


def test_likely_symbols_of_each_place_and_the_end() -> None:
    slots = np.array(
        [[0.97, 0.02, 0.0, 0.01, 0.0], [0.0, 0.6, 0.4, 0.0, 0.0], [0.0, 0.0, 0.1, 0.0, 0.9], [1, 0, 0, 0, 0]]
    )
    found = posterior(Verdict("A8", 0.5, (0.97, 0.6), 0.5, slots=slots), ALPHABET)
    assert found == ((("A", 0.97), ("8", 0.02), ("?", 0.01)), (("8", 0.6), ("B", 0.4)), (("", 0.9), ("B", 0.1)))


def test_none_without_distributions_or_text() -> None:
    assert posterior(Verdict("A8", 0.5), ALPHABET) is None
    assert posterior(Verdict(), ALPHABET) is None
    assert not Wanted().posteriors
