"""Motion and tracks: birth, life, death, and that nothing depends on anything but the input."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from streamkit import frame_at, plates_of

from streamer.config.models import TrackConfig
from streamer.tracking.kalman import PlateMotion
from streamer.tracking.track import Track
from streamer.tracking.tracker import KalmanTracker

Box = tuple[float, float, float, float]


def box(x: float, y: float = 50.0, w: float = 40.0, h: float = 12.0) -> Box:
    return x, y, x + w, y + h


def follow(frames: Sequence[Sequence[Box]], fps: float = 25, **config: float) -> tuple[list[Track], KalmanTracker]:
    """All tracks that ended, those at the end of the stream included."""
    tracker = KalmanTracker(TrackConfig.model_validate(config), high_score=0.5)
    ended = []
    for index, boxes in enumerate(frames):
        ended += tracker.update(frame_at(index, index / fps), plates_of(list(boxes))).ended
    return ended + tracker.finish(), tracker


@pytest.mark.parametrize(
    ("frames", "expected"),
    [
        ([], []),
        ([[], []], []),
        ([[box(9)]], []),  # one hit is not believed
        ([[box(9)], [box(10)]], [(1, 0, 1)]),
        ([[box(9)], [], [box(10)]], [(1, 0, 2)]),  # a missed frame in between
        ([[box(9)], *[[]] * 12, [box(9)]], []),  # two flickers half a second apart
        ([[box(9)], [box(9)], *[[]] * 16, [box(9)]], [(1, 0, 18)]),  # silent for 0.68 s: lives
        ([[box(9)], [box(9)], *[[]] * 17, [box(9)], [box(9)]], [(1, 0, 1), (2, 19, 20)]),  # 0.72 s: another
        ([[box(9), box(200)]] * 3, [(1, 0, 2), (2, 0, 2)]),
        ([[box(5 + 30 * i)] for i in range(8)], [(1, 0, 7)]),  # fast: hardly any overlap between frames
        ([[box(5 + 4 * i), box(245 - 4 * i, 68)] for i in range(60)], [(1, 0, 59), (2, 0, 59)]),  # they meet and pass
        ([[box(9)]] * 3 + [[box(600, 300)]] * 3, [(1, 0, 2), (2, 3, 5)]),  # a cut
    ],
)
def test_tracks(frames: list[list[Box]], expected: list[tuple[int, int, int]]) -> None:
    ended, _ = follow(frames)
    assert sorted((t.id, t.first.frame, t.last.frame) for t in ended) == expected


@pytest.mark.parametrize("fps", [0.5, 1, 2, 3, 4, 12])
def test_slow_recordings_have_tracks_too(fps: float) -> None:
    ended, _ = follow([[box(9)]] * 6, fps)
    assert [(t.id, t.first.frame, t.last.frame) for t in ended] == [(1, 0, 5)]


def test_crossing_plates_keep_their_ids() -> None:
    ended, _ = follow([[box(5 + 4 * i, 50), box(245 - 4 * i, 56)] for i in range(60)])
    ends = {t.id: t.last.box_xyxy[0] for t in ended}
    assert ends == {1: 5 + 4 * 59, 2: 245 - 4 * 59}


def test_weak_detections_carry_a_track_but_begin_none() -> None:
    tracker = KalmanTracker(TrackConfig(), high_score=0.5)
    for index, score in enumerate([0.3, 0.3, 0.9, 0.9, 0.3, 0.3]):
        tracker.update(frame_at(index), plates_of([box(9 + index)], [score]))
    (track,) = tracker.finish()
    assert (track.first.frame, track.last.frame, track.hits) == (2, 5, 4)


def test_death_is_counted_in_seconds_not_frames() -> None:
    frames = [[box(9)], [box(9)], *[[]] * 5, [box(9)], [box(9)]]
    assert len(follow(frames, fps=25)[0]) == 1
    assert len(follow(frames, fps=5)[0]) == 2


def test_best_hit_is_large_and_sure() -> None:
    tracker = KalmanTracker(TrackConfig(), high_score=0.5)
    for index, (height, score) in enumerate([(12, 0.9), (20, 0.9), (21, 0.6), (12, 0.99)]):
        tracker.update(frame_at(index), plates_of([box(9, h=height)], [score]))
    (track,) = tracker.finish()
    assert (track.first.frame, track.best.frame, track.last.frame) == (0, 1, 3)


def test_ids_go_on_from_first_id() -> None:
    tracker = KalmanTracker(TrackConfig(), first_id=7)
    for index in range(2):
        tracker.update(frame_at(index), plates_of([box(9), box(200)]))
    assert [t.id for t in tracker.tracks] == [7, 8]
    assert tracker.next_id == 9


def test_time_that_stands_still_or_jumps_back_does_no_harm() -> None:
    tracker = KalmanTracker(TrackConfig())
    for index, pts in enumerate([0.0, 0.04, 0.04, 0.0, 5.0, 5.04]):
        tracker.update(frame_at(index, pts), plates_of([box(9)]))
    assert np.isfinite(tracker.expected(tracker.tracks[0], 6.0)).all()


def test_motion_predicts_a_steady_drive() -> None:
    motion = PlateMotion(np.array(box(0)))
    for step in range(1, 12):
        motion.predict(0.04)
        motion.update(np.array(box(8.0 * step)))
    np.testing.assert_allclose(motion.predict(0.12), box(8.0 * 14), atol=1.5)


def test_one_long_step_is_like_many_short_ones() -> None:
    together, apart = PlateMotion(np.array(box(0))), PlateMotion(np.array(box(0)))
    for motion in (together, apart):
        motion.predict(0.04)
        motion.update(np.array(box(10)))
    together.predict(0.4)
    for _ in range(10):
        apart.predict(0.04)
    np.testing.assert_allclose(together.box_xyxy, apart.box_xyxy, atol=1e-6)
