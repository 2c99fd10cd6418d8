"""A line about each camera once a minute."""

from __future__ import annotations

from collections import deque

import pytest
from clockkit import ManualClock

from streamer.pipeline.status import StatusLines, Streams, quantiles
from streamer.source.health import Health
from streamer.types import RunSummary


def told(streams: Streams, clock: ManualClock, minutes: int = 1) -> list[str]:
    lines: list[str] = []
    status = StatusLines(streams, lines.append, clock)
    for _ in range(minutes):
        clock.move(60.0)
        status.tick()
        status.tick()  # not again so soon
    return lines


def test_one_camera() -> None:
    clock, streams = ManualClock(), Streams()
    health = Health(dropped=3, reconnects=2, faults={"silent": 1, "ended": 1}, last=clock.monotonic() + 59.9)
    health.delays = deque([0.02, 0.03, 0.5])
    streams.watch("gate", RunSummary(frames=1500, passages=4, waiting=2, reads=10), health)
    (line,) = told(streams, clock)
    assert line == (
        "camera=gate 25.0 frames/s, 6 plates, 4 final, 2.5 reads per row, frame age 30 ms (99 %: 30), 3 dropped, "
        "reconnected 2 times (ended 1, silent 1)"
    )


def test_several_cameras_and_a_file() -> None:
    clock, streams = ManualClock(), Streams()
    streams.watch("a", RunSummary(), Health())
    streams.watch("b", RunSummary(frames=600, passages=1), Health(last=clock.monotonic() + 30))
    streams.watch("file.mp4", RunSummary(frames=5))
    lines = told(streams, clock, minutes=2)
    assert lines[:3] == [
        "camera=a 0.0 frames/s, 0 plates, 0 final, no frame yet",
        "camera=b 10.0 frames/s, 1 plate, 1 final, 0.0 reads per row, no frame for 30 s",
        "cameras=2 10.0 frames/s, 1 plate, 1 final",
    ]
    assert lines[4].startswith("camera=b 0.0 frames/s")  # only what came since the last line counts


@pytest.mark.parametrize(
    ("values", "expected"),
    [([], {}), ([3.0], {"0.5": 3.0, "0.99": 3.0}), ([*map(float, range(101))], {"0.5": 50.0, "0.99": 99.0})],
)
def test_quantiles(values: list[float], expected: dict[str, float]) -> None:
    assert quantiles(values) == expected
