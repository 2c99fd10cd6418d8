from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamer.passages.course import Box, direction_deg, event_id, movement


def box(x: float, y: float, w: float = 40, h: float = 12) -> Box:
    return x - w / 2, y - h / 2, x + w / 2, y + h / 2


@pytest.mark.parametrize(
    ("first", "last", "degrees", "kind"),
    [
        (box(100, 100), box(100, 100), None, "still"),
        (box(100, 100), box(119, 100), None, "still"),  # less than half a plate
        (box(100, 100), box(200, 100), 0, "crossing"),
        (box(200, 100), box(100, 100), 180, "crossing"),
        (box(100, 200), box(100, 100), 90, "crossing"),
        (box(100, 100), box(100, 200), 270, "crossing"),
        (box(100, 100), box(200, 200), 315, "crossing"),
        (box(100, 100, 40, 12), box(100, 160, 80, 24), 270, "approaching"),
        (box(100, 160, 80, 24), box(100, 100, 40, 12), 90, "leaving"),
        (box(100, 100, 40, 12), box(100, 101, 80, 24), None, "approaching"),  # straight at the camera
    ],
)
def test_course(first: Box, last: Box, degrees: float | None, kind: str) -> None:
    found = direction_deg(first, last)
    assert found == (degrees if degrees is None else pytest.approx(degrees))
    assert movement(first, last) == kind


@given(st.tuples(*[st.floats(-1e4, 1e4)] * 4), st.tuples(*[st.floats(-1e4, 1e4)] * 4))
def test_any_boxes_have_a_course(first: Box, last: Box) -> None:
    found = direction_deg(first, last)
    assert found is None or 0 <= found <= 360
    assert movement(first, last) in ("approaching", "leaving", "crossing", "still")


def test_ids_come_from_content() -> None:
    one = event_id("gate", 3, 0.12, box(10, 10))
    assert one == event_id("gate", 3, 0.12, box(10, 10))
    assert len(one) == 16
    others = [
        event_id("yard", 3, 0.12, box(10, 10)),
        event_id("gate", 4, 0.12, box(10, 10)),
        event_id("gate", 3, 0.16, box(10, 10)),
        event_id("gate", 3, 0.12, box(11, 10)),
        event_id("\udcff", 3, 0.12, box(10, 10)),
    ]
    assert len({one, *others}) == 6
