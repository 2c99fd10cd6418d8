from __future__ import annotations

import pytest

from train.evaluate.measures import PassageTruth
from train.evaluate.track_identity import Identity, identity_of

HERE, THERE = (0.0, 0.0, 10.0, 5.0), (100.0, 0.0, 110.0, 5.0)


@pytest.mark.parametrize(
    ("ids", "switches", "fragments"),
    [
        ([1, 1, 1], 0, 0),
        ([1, 1, 2, 2], 1, 0),
        ([1, None, 1], 0, 1),
        ([1, None, 2, None, 1], 2, 2),
        ([None, 1, 1, None], 0, 0),  # late to begin and early to end breaks nothing
        ([None, None], 0, 0),
    ],
)
def test_switches_and_fragments(ids: list[int | None], switches: int, fragments: int) -> None:
    truth = [PassageTruth("A1", 0, len(ids) - 1, dict.fromkeys(range(len(ids)), HERE))]
    tracks = {f: [(9, THERE), *([(i, HERE)] if i else [])] for f, i in enumerate(ids)}
    covered = sum(i is not None for i in ids)
    assert identity_of(truth, tracks) == Identity(1, switches, fragments, covered, len(ids))


def test_only_the_legible_span_counts() -> None:
    truth = [PassageTruth("A1", 1, 1, {0: HERE, 1: HERE, 2: HERE}), PassageTruth("B2", 0, 2)]
    assert identity_of(truth, {1: [(1, HERE)]}) == Identity(1, 0, 0, 1, 1)
    assert identity_of([], {}) == Identity()
