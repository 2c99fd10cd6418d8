"""Tracks: born from detections, carried by motion, ended by silence. Deterministic, and free of clocks."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from statistics import median

import numpy as np

from streamer.config.models import TrackConfig
from streamer.process.imports import load_tracker
from streamer.tracking.association import associate
from streamer.tracking.kalman import PlateMotion
from streamer.types import FloatArray, Frame, Plates, TimeSource

# A track that was not believed yet ends sooner: flicker must not wait in the way of real plates.
_TENTATIVE_GAP_S = 0.25
# A gap is never shorter than this many usual frame intervals: at one frame a second the next frame is the next hit.
_FEWEST_FRAMES = 2.2
# So long between two hits anything may have taken the place of a plate.
_APART_S = 0.3
_RECENT = 25  # intervals that tell which is usual


@dataclass(frozen=True)
class Hit:
    """One detection of a track: where and when. `box_xyxy` (4,), `quad` (4, 2) in frame_xy."""

    frame: int
    pts: float
    seen: datetime | None
    box_xyxy: FloatArray = field(repr=False)
    quad: FloatArray = field(repr=False)
    score: float
    time_source: TimeSource = "unknown"

    @property
    def box(self) -> tuple[float, float, float, float]:
        """x1 y1 x2 y2 as plain numbers."""
        x1, y1, x2, y2 = (float(v) for v in self.box_xyxy)
        return x1, y1, x2, y2


@dataclass(eq=False)
class Track:
    """One plate through time. `id` is 0 until the track is believed, then counts from 1 in that order."""

    motion: PlateMotion
    first: Hit
    last: Hit
    best: Hit
    id: int = 0
    hits: int = 1
    strong: int = 1  # hits with a score that may begin a track
    previous: Hit | None = None  # the hit before the last
    moved: float = 0.0  # farthest from where it was first, in its heights; a change of size counts too

    def hit_in(self, frame: int) -> bool:
        """Whether the track was detected in that frame."""
        return self.last.frame == frame

    @property
    def apart(self) -> bool:
        """Whether it was out of sight for a while before the last hit."""
        return self.previous is not None and self.last.pts - self.previous.pts > _APART_S

    def seen(self) -> tuple[datetime | None, datetime | None, TimeSource]:
        """When it was first and last seen, and how that is known: by one clock, the camera's where it told the time."""
        first, last = self.first, self.last
        if first.time_source == last.time_source or first.seen is None or last.seen is None:
            return first.seen, last.seen, first.time_source
        lasted = timedelta(seconds=last.pts - first.pts)
        if last.time_source == "rtcp":
            return last.seen - lasted, last.seen, "rtcp"
        return first.seen, first.seen + lasted, first.time_source


class Tracker:
    """Turns each frame's Plates into tracks. `first_id`: the number of its first track."""

    def __init__(self, config: TrackConfig, *, high_score: float = 0.0, first_id: int = 1) -> None:
        load_tracker()
        self._config = config
        self._high_score = high_score
        self._tracks: list[Track] = []
        self._now: float | None = None
        self._intervals: deque[float] = deque(maxlen=_RECENT)
        self.next_id = first_id
        self._flickers: list[Track] = []

    @property
    def tracks(self) -> list[Track]:
        """The living tracks that are believed, in the order of their ids."""
        return sorted((t for t in self._tracks if t.id), key=lambda t: t.id)

    @property
    def tentative(self) -> bool:
        """Whether there is a track that is not believed yet."""
        return any(not t.id for t in self._tracks)

    def update(self, frame: Frame, plates: Plates) -> list[Track]:
        """Takes in one frame's detections; gives the believed tracks that ended with it, in the order of their ids."""
        dt = 0.0 if self._now is None else frame.pts - self._now
        self._now = frame.pts
        if dt > 0:
            self._intervals.append(dt)
        # Those whose silence is too long end first: a plate that comes at that moment is another passage.
        ended = self._bury(frame.pts)
        expected = np.array([t.motion.predict(dt) for t in self._tracks]).reshape(-1, 4)
        high = plates.score >= self._high_score
        matches = associate(expected, plates.box_xyxy, high, self._config.max_jump, self._config.max_growth)
        for track_row, plate_row in matches.pairs:
            self._continue(self._tracks[track_row], _hit(frame, plates, plate_row))
        for plate_row in matches.new:
            self._begin(_hit(frame, plates, plate_row))
        return ended

    def expected(self, track: Track, now: float) -> FloatArray:
        """Where a living track should be at that second, box (4,) in frame_xy, before anything is detected then."""
        return track.motion.at(0.0 if self._now is None else now - self._now)

    def expire(self, now: float) -> list[Track]:
        """Gives the believed tracks that are over by `now` (s), where no frame comes."""
        return self._bury(now)

    def finish(self) -> list[Track]:
        """Ends all tracks."""
        ended = self.tracks
        self._flickers += [t for t in self._tracks if not t.id]
        self._tracks = []
        return ended

    def take_flickers(self) -> list[Track]:
        """The tracks that ended without being believed since this was last called."""
        taken, self._flickers = self._flickers, []
        return taken

    def succeed(self, track: Track, hits: Sequence[Hit], before: Hit) -> Track:
        """Begins another track with the hits of `track` that were of the next vehicle in its place; `track` ends with
        `before`."""
        begun = Track(track.motion, hits[0], hits[-1], max(hits, key=_worth), self.next_id, len(hits))
        begun.strong = sum(hit.score >= self._high_score for hit in hits)
        begun.previous = hits[-2] if len(hits) > 1 else None
        begun.moved = max(_moved(hits[0].box_xyxy, hit.box_xyxy) for hit in hits)
        track.last = before
        self.next_id += 1
        self._tracks[self._tracks.index(track)] = begun
        return begun

    def _bury(self, now: float) -> list[Track]:
        shortest = _FEWEST_FRAMES * median(self._intervals) if self._intervals else 0.0

        def over(track: Track) -> bool:
            gap = self._config.max_gap_s
            limit = max(gap if track.id else min(gap, _TENTATIVE_GAP_S), shortest)
            # 1e-9: a gap of exactly the limit must not depend on rounding
            return now - track.last.pts > limit + 1e-9

        ended = [t for t in self._tracks if over(t)]
        self._tracks = [t for t in self._tracks if not over(t)]
        self._flickers += [t for t in ended if not t.id]
        return sorted((t for t in ended if t.id), key=lambda t: t.id)

    def _begin(self, hit: Hit) -> None:
        track = Track(PlateMotion(hit.box_xyxy), hit, hit, hit)
        self._tracks.append(track)
        self._believe(track)

    def _continue(self, track: Track, hit: Hit) -> None:
        track.motion.update(hit.box_xyxy)
        track.previous, track.last = track.last, hit
        track.moved = max(track.moved, _moved(track.first.box_xyxy, hit.box_xyxy))
        track.hits += 1
        track.strong += hit.score >= self._high_score
        if _worth(hit) > _worth(track.best):
            track.best = hit
        self._believe(track)

    def _believe(self, track: Track) -> None:
        if not track.id and track.hits >= self._config.birth_hits:
            track.id = self.next_id
            self.next_id += 1


def _worth(hit: Hit) -> float:
    """How good a picture of the plate a hit is, before anything was read: large and sure."""
    return hit.score * float(hit.box_xyxy[3] - hit.box_xyxy[1])


def _moved(first: FloatArray, now: FloatArray) -> float:
    """How far a box is from where it was first, and how much its size changed, in heights."""
    height = max(float(first[3] - first[1]), 1.0)
    return float(np.abs(now - first).max()) / height


def _hit(frame: Frame, plates: Plates, row: int) -> Hit:
    box, quad, score = plates.box_xyxy[row], plates.quad[row], float(plates.score[row])
    return Hit(frame.index, frame.pts, frame.captured_at, box, quad, score, frame.time_source)
