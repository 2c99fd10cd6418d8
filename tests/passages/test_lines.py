from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamer.config.models import LineConfig
from streamer.passages.lines import Lines

# From left to right at half the height: its right side, seen along it, is below.
ACROSS = LineConfig(start=(0.0, 0.5), end=(1.0, 0.5))
SHORT = LineConfig(start=(0.4, 0.5), end=(0.6, 0.5))


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ((50, 40), (50, 60), ["a+", "s+"]),
        ((50, 60), (50, 40), ["a-", "s-"]),
        ((10, 40), (10, 60), ["a+"]),  # past the short line's end
        ((50, 10), (50, 40), []),
        ((50, 40), (50, 50), []),  # on the line is not over it
        ((50, 50), (50, 60), ["a+", "s+"]),
        ((50, 50), (50, 50), []),
    ],
)
def test_crossings(before: tuple[float, float], after: tuple[float, float], expected: list[str]) -> None:
    lines = Lines({"a": ACROSS, "s": SHORT})
    assert lines.crossed(np.array(before, float), np.array(after, float), 100, 100) == expected


def test_without_lines_nothing_is_crossed() -> None:
    assert not Lines({})
    assert Lines({}).crossed(np.zeros(2), np.ones(2), 10, 10) == []


@given(st.lists(st.floats(0, 100), min_size=2, max_size=20))
def test_there_and_back_cancel(heights: list[float]) -> None:
    lines = Lines({"a": ACROSS})
    ways = [lines.crossed(np.array([50.0, a]), np.array([50.0, b]), 100, 100) for a, b in pairwise(heights)]
    signs = [1 if c == "a+" else -1 for way in ways for c in way]
    assert all(a != b for a, b in pairwise(signs))  # never twice the same way in a row
    assert abs(sum(signs)) <= 1
