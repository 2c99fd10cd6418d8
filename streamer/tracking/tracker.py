"""The tracker of type `kalman`: a Kalman filter predicts boxes, the Hungarian method assigns detections to them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from streamer.config.models import TrackConfig
from streamer.config.trackers import TrackerSettings
from streamer.process.imports import load_tracker
from streamer.tracking.association import associate
from streamer.tracking.kalman import PlateMotion
from streamer.tracking.lifecycle import BaseTracker
from streamer.tracking.track import Track
from streamer.types import FloatArray, Frame, Plates


class KalmanTracker(BaseTracker):
    """A Kalman filter for each track; detections are matched by overlap with and distance to its prediction."""

    Settings = TrackerSettings  # no options
    prepare = staticmethod(load_tracker)

    def __init__(self, config: TrackConfig, *, high_score: float = 0.0, first_id: int = 1) -> None:
        load_tracker()
        super().__init__(config, high_score=high_score, first_id=first_id)
        self._motion: dict[Track, PlateMotion] = {}

    def match(self, tracks: Sequence[Track], plates: Plates, frame: Frame) -> Iterable[tuple[int, int]]:
        dt = 0.0 if self.now_s is None else frame.pts - self.now_s
        expected = np.array([self._motion[t].predict(dt) for t in tracks]).reshape(-1, 4)
        strong = plates.score >= self.high_score
        return associate(expected, plates.box_xyxy, strong, self.config.max_jump, self.config.max_growth)

    def expected(self, track: Track, now_s: float) -> FloatArray:
        return self._motion[track].at(0.0 if self.now_s is None else now_s - self.now_s)

    def started(self, track: Track) -> None:
        self._motion[track] = PlateMotion(track.first.box_xyxy)

    def continued(self, track: Track) -> None:
        self._motion[track].update(track.last.box_xyxy)

    def replaced(self, track: Track, by: Track) -> None:
        self._motion[by] = self._motion.pop(track)

    def ended(self, tracks: Sequence[Track]) -> None:
        for track in tracks:
            del self._motion[track]
