"""The life cycle of tracks, independent of matching: birth, confirmation, gaps, end. Deterministic; reads no clock."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import replace
from statistics import median
from typing import Any, ClassVar

import numpy as np

from streamer.config.models import TrackConfig
from streamer.config.trackers import TrackerSettings
from streamer.tracking.track import Hit, Track, TrackUpdate
from streamer.types import FloatArray, Frame, Plates

# An unconfirmed track ends sooner, so that flicker does not take the detections of real plates.
_TENTATIVE_GAP_S = 0.25
# The longest gap is at least this many usual frame intervals, for streams of few frames a second.
_FEWEST_FRAMES = 2.2
_RECENT = 25  # intervals whose median is the usual one


class BaseTracker(ABC):
    """A `TrackerLike` whose subclasses only match detections to tracks.

    A strong detection (score of `high_score` and more) without a match begins a track; a track is confirmed after
    `birth_hits` and ends after `max_gap_s` without one. Subclasses that keep data of each track also override
    `started`, `continued`, `replaced` and `ended`.

    `Settings`: the options that it has (`track.options`), which are then checked with the configuration; an instance
    has them as `settings`. None: any, unchecked, in `config.options`.
    """

    Settings: ClassVar[type[TrackerSettings] | None] = None
    settings: Any = None

    def __init__(self, config: TrackConfig, *, high_score: float = 0.0, first_id: int = 1) -> None:
        self.config, self.high_score = config, high_score
        self.next_id = first_id
        if self.Settings is not None:
            self.settings = self.Settings.model_validate(config.options)
        self._tracks: list[Track] = []
        self._now: float | None = None
        self._intervals: deque[float] = deque(maxlen=_RECENT)
        self._flickers: list[Track] = []

    @abstractmethod
    def match(self, tracks: Sequence[Track], plates: Plates, frame: Frame) -> Iterable[tuple[int, int]]:
        """(track, plate) index pairs: which detection continues which of these tracks, each at most once."""

    @staticmethod  # noqa: B027
    def prepare() -> None:
        """Imports large libraries that it needs; called before the first frame, once or more."""

    def expected(self, track: Track, now_s: float) -> FloatArray:
        """The predicted box (4,); here the last one. A subclass with a motion model overrides it."""
        return track.last.box_xyxy

    def started(self, track: Track) -> None:  # noqa: B027
        """A track began with `track.first`."""

    def continued(self, track: Track) -> None:  # noqa: B027
        """`track.last` was added to the track."""

    def replaced(self, track: Track, by: Track) -> None:  # noqa: B027
        """Track `by`, of another vehicle in the same place, replaces `track`."""

    def ended(self, tracks: Sequence[Track]) -> None:  # noqa: B027
        """These tracks ended."""

    @property
    def tracks(self) -> list[Track]:
        return sorted((t for t in self._tracks if t.id), key=lambda t: t.id)

    @property
    def tentative(self) -> bool:
        return any(not t.id for t in self._tracks)

    def update(self, frame: Frame, plates: Plates) -> TrackUpdate:
        dt = 0.0 if self._now is None else frame.pts - self._now
        if dt > 0:
            self._intervals.append(dt)
        # Tracks whose gap is too long end first: a plate detected now is another passage.
        ended = self.expire(frame.pts)
        living = tuple(self._tracks)
        pairs = _checked(self.match(living, plates, frame), type(self).__name__)
        self._now = frame.pts
        born = [living[k] for k, row in pairs if self._continue(living[k], _hit(frame, plates, row))]
        used = {row for _, row in pairs}
        for row in np.flatnonzero(plates.score >= self.high_score).tolist():
            if row not in used:
                track = self._begin(_hit(frame, plates, row))
                born += [track] if track.id else []
        hits = [t for t in self.tracks if t.hit_in(frame.index)]
        return TrackUpdate(hits, sorted(born, key=lambda t: t.id), ended)

    def keep(self, frame: Frame) -> None:
        self._now = frame.pts
        for track in self._tracks:
            track.last = replace(
                track.last, frame=frame.index, pts=frame.pts, seen=frame.captured_at, time_source=frame.time_source
            )

    @property
    def now_s(self) -> float | None:
        """The time (s) of the last frame; None before the first."""
        return self._now

    def expire(self, now_s: float) -> list[Track]:
        shortest = _FEWEST_FRAMES * median(self._intervals) if self._intervals else 0.0

        def over(track: Track) -> bool:
            gap = self.config.max_gap_s
            limit = max(gap if track.id else min(gap, _TENTATIVE_GAP_S), shortest)
            # 1e-9: a gap of exactly the limit must not depend on rounding
            return now_s - track.last.pts > limit + 1e-9

        return self._remove([t for t in self._tracks if over(t)])

    def finish(self) -> list[Track]:
        return self._remove(list(self._tracks))

    def take_flickers(self) -> list[Track]:
        taken, self._flickers = self._flickers, []
        return taken

    def succeed(self, track: Track, hits: Sequence[Hit], before: Hit) -> Track:
        successor = Track(hits[0], hits[-1], max(hits, key=_quality), self.next_id, len(hits))
        successor.strong = sum(hit.score >= self.high_score for hit in hits)
        successor.previous = hits[-2] if len(hits) > 1 else None
        successor.moved = max(_moved(hits[0].box_xyxy, hit.box_xyxy) for hit in hits)
        track.last = before
        self.next_id += 1
        self._tracks[self._tracks.index(track)] = successor
        self.replaced(track, successor)
        return successor

    def _remove(self, over: Sequence[Track]) -> list[Track]:
        if not over:
            return []
        self._tracks = [t for t in self._tracks if t not in over]
        self._flickers += [t for t in over if not t.id]
        self.ended(over)
        return sorted((t for t in over if t.id), key=lambda t: t.id)

    def _begin(self, hit: Hit) -> Track:
        track = Track(hit, hit, hit)
        self._tracks.append(track)
        self.started(track)
        self._confirm(track)
        return track

    def _continue(self, track: Track, hit: Hit) -> bool:
        """Adds a hit; whether it confirmed the track."""
        track.previous, track.last = track.last, hit
        track.moved = max(track.moved, _moved(track.first.box_xyxy, hit.box_xyxy))
        track.hits += 1
        track.strong += hit.score >= self.high_score
        if _quality(hit) > _quality(track.best):
            track.best = hit
        self.continued(track)
        return self._confirm(track)

    def _confirm(self, track: Track) -> bool:
        if track.id or track.hits < self.config.birth_hits:
            return False
        track.id = self.next_id
        self.next_id += 1
        return True


def _checked(pairs: Iterable[tuple[int, int]], tracker: str) -> list[tuple[int, int]]:
    """In the order of the tracks; ValueError where a track or a detection was matched twice."""
    ordered = sorted(pairs)
    if any(len({pair[side] for pair in ordered}) < len(ordered) for side in (0, 1)):
        raise ValueError(f"{tracker}.match: {ordered}: expected each track and each detection at most once")
    return ordered


def _quality(hit: Hit) -> float:
    """How well a hit shows the plate, before it is read: its score times its height."""
    return hit.score * float(hit.box_xyxy[3] - hit.box_xyxy[1])


def _moved(first: FloatArray, now: FloatArray) -> float:
    """The greatest change of a box edge since the first box, in plate heights."""
    before, after = first.tolist(), now.tolist()
    edge: float = max(abs(b - a) for a, b in zip(before, after, strict=True))
    return edge / max(float(before[3] - before[1]), 1.0)


def _hit(frame: Frame, plates: Plates, row: int) -> Hit:
    box, quad, score = plates.box_xyxy[row], plates.quad[row], float(plates.score[row])
    return Hit(frame.index, frame.pts, frame.captured_at, box, quad, score, frame.time_source)
