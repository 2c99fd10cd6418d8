from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from streamkit import plates_of

from streamer.config.models import ZoneConfig
from streamer.passages.zones import Zones, inside

SQUARE = [[0.2, 0.2], [0.8, 0.2], [0.8, 0.8], [0.2, 0.8]]
NOTCHED = [[0, 0], [1, 0], [1, 1], [0.5, 0.5], [0, 1]]  # an M turned over


@pytest.mark.parametrize(
    ("point", "polygon", "expected"),
    [
        ((0.5, 0.5), SQUARE, True),
        ((0.1, 0.5), SQUARE, False),
        ((0.9, 0.5), SQUARE, False),
        ((0.5, 0.9), SQUARE, False),
        ((0.5, 0.8), NOTCHED, False),
        ((0.1, 0.8), NOTCHED, True),
        ((0.5, 0.4), NOTCHED, True),
    ],
)
def test_inside(point: tuple[float, float], polygon: list[list[float]], expected: bool) -> None:
    assert inside(np.array([point]), np.array(polygon))[0] == expected
    assert inside(np.array([point]), np.array(polygon[::-1]))[0] == expected  # whichever way round


@given(st.lists(st.tuples(st.floats(-1, 2), st.floats(-1, 2)), max_size=20))
def test_a_box_contains_what_its_bounds_say(points: list[tuple[float, float]]) -> None:
    array = np.array(points, float).reshape(-1, 2)
    found = inside(array, np.array(SQUARE))
    clear = ((array > 0.2001) & (array < 0.7999)).all(1) | ((array < 0.1999) | (array > 0.8001)).any(1)
    expected = ((array > 0.2) & (array < 0.8)).all(1)
    assert (found == expected)[clear].all()


def zones(**given: tuple[str, list[list[float]]]) -> Zones:
    return Zones({n: ZoneConfig.model_validate({"polygon": p, "use": use}) for n, (use, p) in given.items()})


PLATES = plates_of([(40, 40, 60, 50), (5, 5, 15, 10), (60, 40, 64, 42)])  # in a picture of 100 x 100


@pytest.mark.parametrize(
    ("which", "rows"),
    [
        ({}, [0, 1, 2]),
        ({"a": ("read", SQUARE)}, [0, 2]),
        ({"a": ("ignore", SQUARE)}, [1]),
        ({"a": ("read", SQUARE), "b": ("ignore", [[0.55, 0], [1, 0], [1, 1], [0.55, 1]])}, [0]),
        ({"a": ("read", SQUARE), "b": ("read", [[0, 0], [0.2, 0], [0.2, 0.2], [0, 0.2]])}, [0, 1, 2]),
    ],
)
def test_what_is_kept(which: dict[str, tuple[str, list[list[float]]]], rows: list[int]) -> None:
    kept = zones(**which).kept(PLATES, 100, 100)
    assert kept.box_xyxy.tolist() == PLATES.box_xyxy[rows].tolist()
    assert zones(**which).kept(plates_of([]), 100, 100).score.tolist() == []


def test_the_zone_has_a_name() -> None:
    both = zones(lane=("read", SQUARE), all=("read", [[0, 0], [1, 0], [1, 1], [0, 1]]), off=("ignore", SQUARE))
    assert both.name_at(PLATES.box_xyxy[0], 100, 100) == "lane"
    assert both.name_at(PLATES.box_xyxy[1], 100, 100) == "all"
    assert zones().name_at(PLATES.box_xyxy[0], 100, 100) == ""
