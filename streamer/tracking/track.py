"""Tracks, and the protocol of a tracker (`track.type` names one)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

from streamer.config.models import TrackConfig
from streamer.types import FloatArray, Frame, Plates, TimeSource

# After a gap of this length between two hits another plate may have taken the place.
_APART_S = 0.3


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
    """One plate through time. `id` is 0 until the track is confirmed, then counts from 1 in that order."""

    first: Hit
    last: Hit
    best: Hit
    id: int = 0
    hits: int = 1
    strong: int = 1  # hits with a score that may begin a track
    previous: Hit | None = None  # the hit before the last
    moved: float = 0.0  # greatest distance from its first box, in plate heights; a change of size counts too

    def hit_in(self, frame: int) -> bool:
        """Whether the track was detected in that frame."""
        return self.last.frame == frame

    @property
    def apart(self) -> bool:
        """Whether it was out of sight for a while before the last hit."""
        return self.previous is not None and self.last.pts - self.previous.pts > _APART_S

    def apart_at(self, pts: float) -> bool:
        """Whether it will have been out of sight for a while when it is detected at that second."""
        return pts - self.last.pts > _APART_S

    def seen(self) -> tuple[datetime | None, datetime | None, TimeSource]:
        """Times of the first and last hit and their source: both by one clock, the camera's where it sent its time."""
        first, last = self.first, self.last
        if first.time_source == last.time_source or first.seen is None or last.seen is None:
            return first.seen, last.seen, first.time_source
        lasted = timedelta(seconds=last.pts - first.pts)
        if last.time_source == "rtcp":
            return last.seen - lasted, last.seen, "rtcp"
        return first.seen, first.seen + lasted, first.time_source


@dataclass(frozen=True)
class TrackUpdate:
    """The effect of one frame on the confirmed tracks, each list in the order of their ids.

    `hits`: detected in this frame; `born`: those of them that it confirmed; `ended`: ended before it, so that none of
    its detections belongs to them."""

    hits: list[Track]
    born: list[Track]
    ended: list[Track]


class TrackerLike(Protocol):
    """What the pipeline requires of a tracker: one per stream, called by one thread.

    Tracks are numbered when they are confirmed (`Track.id`), and read from then on. A tracker may keep tracks that are
    not confirmed yet; those that end so are returned by `take_flickers`. `lifecycle.BaseTracker` does all of this for
    a tracker that only matches detections to tracks.
    """

    @property
    def tracks(self) -> list[Track]:
        """The living confirmed tracks, in the order of their ids."""

    @property
    def tentative(self) -> bool:
        """Whether there is a track that is not confirmed yet."""

    @property
    def next_id(self) -> int:
        """The number that the next confirmed track will have."""

    def update(self, frame: Frame, plates: Plates) -> TrackUpdate:
        """Processes one frame's detections, weak ones included; `high_score` divides them."""

    def keep(self, frame: Frame) -> None:
        """Nothing has moved up to this frame, which the detector did not run on: every track is where it was."""

    def expire(self, now_s: float) -> list[Track]:
        """Without a frame: ends the tracks that are over by that second of the stream; returns the confirmed ones."""

    def expected(self, track: Track, now_s: float) -> FloatArray:
        """The predicted box (4,) in frame_xy of a living track at that second. Changes nothing."""

    def finish(self) -> list[Track]:
        """Ends all tracks; returns the confirmed ones. The tracker is used again where a new recording follows."""

    def take_flickers(self) -> list[Track]:
        """The tracks that ended unconfirmed since the last call."""

    def succeed(self, track: Track, hits: Sequence[Hit], before: Hit) -> Track:
        """Replaces a living track, whose readings changed to another plate, by a new confirmed track with these of its
        `hits`; the old one ends with the hit `before`."""


class TrackerFactory(Protocol):
    """What `track.type` names: makes the tracker of one stream.

    Detections with a score of `high_score` and more may begin a track, weaker ones only continue one. `first_id`: the
    number of its first track.
    """

    def __call__(self, config: TrackConfig, *, high_score: float = 0.0, first_id: int = 1) -> TrackerLike: ...
