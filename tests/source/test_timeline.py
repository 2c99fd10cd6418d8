"""Seconds of frames whose time stamps begin anew, jump, stand still, wrap or are missing."""

from __future__ import annotations

from fractions import Fraction
from types import SimpleNamespace
from typing import Any

import pytest

from streamer.source.timeline import Timeline

RATE = Fraction(25)
HOUR = 3600 * 90000


def stream(base: Fraction = Fraction(1, 90000), start: int | None = None) -> Any:
    return SimpleNamespace(time_base=base, start_time=start)


def run(stamps: list[int | None], *, start: int | None = None, resets: bool = True) -> tuple[list[float], list[int]]:
    line = Timeline(stream(start=start), RATE, resets=resets)
    seconds, parts = [], []
    for stamp in stamps:
        seconds.append(round(line.seconds(SimpleNamespace(pts=stamp)), 4))  # type: ignore[arg-type]
        parts.append(line.part)
    return seconds, parts


def after(first: int, count: int = 4) -> list[int | None]:
    return [first + 3600 * k for k in range(count)]


@pytest.mark.parametrize(
    "second",
    [HOUR, HOUR + 3600, 40, HOUR + 5 * HOUR, 2**33 - 3, 2**45, -(2**40)],
    ids=["anew", "a frame later", "hours back", "hours ahead", "wrapped", "huge", "negative"],
)
def test_a_seam_takes_one_frame(second: int) -> None:
    seconds, parts = run(after(HOUR, 8) + after(second, 8), start=HOUR)
    assert seconds == [round(0.04 * k, 4) for k in range(16)]
    assert parts == [0] * 8 + [1] * 8


def test_recordings_that_follow_each_other_need_no_seam() -> None:
    assert run(after(HOUR) + after(HOUR + 4 * 3600), start=HOUR) == ([round(0.04 * k, 4) for k in range(8)], [0] * 8)


def test_a_pause_is_kept() -> None:
    assert run([0, 3600, 9 * 90000]) == ([0.0, 0.04, 9.0], [0, 0, 0])
    assert run([0, 3600, 2 * HOUR], resets=False) == ([0.0, 0.04, 7200.0], [0, 0, 0])  # a recorder that waits


def test_stamps_that_are_equal_missing_or_wrong_by_a_frame() -> None:
    for stamps in ([0, 0, 0, 0], [None] * 4, [0, 3600, None, 3600], [0, 3600, 0, 3600]):
        assert run(list(stamps)) == ([0.0, 0.04, 0.08, 0.12], [0] * 4)


@pytest.mark.parametrize("start", [HOUR, -HOUR, 3 * 3600])
def test_seconds_count_from_the_first_frame_where_the_declared_start_is_none(start: int) -> None:
    assert run(after(0), start=start)[0] == [0.0, 0.04, 0.08, 0.12]


def test_the_first_frame_after_a_declared_start_keeps_its_second() -> None:
    assert run(after(HOUR + 90000), start=HOUR)[0][0] == 1.0


def test_another_time_base_and_rate_continue() -> None:
    line = Timeline(stream(Fraction(1, 1000), 0), RATE, resets=False)
    first = [line.seconds(SimpleNamespace(pts=40 * k)) for k in range(3)]  # type: ignore[arg-type]
    line.continue_with(stream(Fraction(1, 90000), 10), Fraction(10), resets=True)
    then = [line.seconds(SimpleNamespace(pts=10 + 9000 * k)) for k in range(3)]  # type: ignore[arg-type]
    assert first + then == pytest.approx([0.0, 0.04, 0.08, 0.18, 0.28, 0.38])
    assert line.part == 1
