"""The life of tracks, whatever matches them: birth, confirmation, silence, end. Deterministic, and free of clocks."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Iterable, Sequence
from statistics import median

import numpy as np

from streamer.config.models import TrackConfig
from streamer.tracking.base import Hit, Track, TrackUpdate
from streamer.types import FloatArray, Frame, Plates

# A track that was not confirmed yet ends sooner: flicker must not take the detections of real plates.
_TENTATIVE_GAP_S = 0.25
# A gap is never shorter than this many usual frame intervals: at one frame a second the next frame is the next hit.
_FEWEST_FRAMES = 2.2
_RECENT = 25  # intervals whose median is the usual one


class BaseTracker(ABC):
    """A `TrackerLike` but for one decision: subclasses match detections to tracks.

    A strong detection (score of `high_score` and more) that is left over begins a track; a track is confirmed after
    `birth_hits` and ends after `max_gap_s` without one. Subclasses that keep something of each track also override
    `started`, `continued`, `replaced` and `ended`.
    """

    def __init__(self, config: TrackConfig, *, high_score: float = 0.0, first_id: int = 1) -> None:
        self.config, self.high_score = config, high_score
        self.next_id = first_id
        self._tracks: list[Track] = []
        self._now: float | None = None
        self._intervals: deque[float] = deque(maxlen=_RECENT)
        self._flickers: list[Track] = []

    @abstractmethod
    def match(self, tracks: Sequence[Track], plates: Plates, frame: Frame) -> Iterable[tuple[int, int]]:
        """(track, plate) pairs of rows: which detection continues which of these tracks, each at most once."""

    def expected(self, track: Track, now_s: float) -> FloatArray:
        """Where it was last, box (4,): a subclass that knows of motion says better."""
        return track.last.box_xyxy

    def started(self, track: Track) -> None:  # noqa: B027
        """A track was begun with `track.first`."""

    def continued(self, track: Track) -> None:  # noqa: B027
        """`track.last` was added to it."""

    def replaced(self, track: Track, by: Track) -> None:  # noqa: B027
        """Another vehicle's track goes on in the same place."""

    def ended(self, tracks: Sequence[Track]) -> None:  # noqa: B027
        """They are over."""

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
        # Those whose silence is too long end first: a plate that comes at that moment is another passage.
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

    @property
    def now_s(self) -> float | None:
        """The second of the last frame that was taken in; None before the first."""
        return self._now

    def expire(self, now_s: float) -> list[Track]:
        shortest = _FEWEST_FRAMES * median(self._intervals) if self._intervals else 0.0

        def over(track: Track) -> bool:
            gap = self.config.max_gap_s
            limit = max(gap if track.id else min(gap, _TENTATIVE_GAP_S), shortest)
            # 1e-9: a gap of exactly the limit must not depend on rounding
            return now_s - track.last.pts > limit + 1e-9

        return self._bury([t for t in self._tracks if over(t)])

    def finish(self) -> list[Track]:
        return self._bury(list(self._tracks))

    def take_flickers(self) -> list[Track]:
        taken, self._flickers = self._flickers, []
        return taken

    def succeed(self, track: Track, hits: Sequence[Hit], before: Hit) -> Track:
        begun = Track(hits[0], hits[-1], max(hits, key=_worth), self.next_id, len(hits))
        begun.strong = sum(hit.score >= self.high_score for hit in hits)
        begun.previous = hits[-2] if len(hits) > 1 else None
        begun.moved = max(_moved(hits[0].box_xyxy, hit.box_xyxy) for hit in hits)
        track.last = before
        self.next_id += 1
        self._tracks[self._tracks.index(track)] = begun
        self.replaced(track, begun)
        return begun

    def _bury(self, over: Sequence[Track]) -> list[Track]:
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
        """Whether it was confirmed by this hit."""
        track.previous, track.last = track.last, hit
        track.moved = max(track.moved, _moved(track.first.box_xyxy, hit.box_xyxy))
        track.hits += 1
        track.strong += hit.score >= self.high_score
        if _worth(hit) > _worth(track.best):
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
