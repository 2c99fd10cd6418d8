"""From ended tracks to rows: what a track's readings say, whether that makes a row, and tracks that belong together."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from streamer.config import ReadConfig, VoteConfig
from streamer.geometry import plate_height
from streamer.tracking.course import event_id
from streamer.tracking.policy import ReadState, should_read
from streamer.tracking.tracker import Hit, Track
from streamer.tracking.vote import AlphabetLike, Ballot, Verdict, VoteRule, alternatives, vote
from streamer.types import Image, Kind, Passage, Reading

# A parked car is read for hours; the vote keeps its best readings only.
_MAX_BALLOTS = 64
# A parked car is lost and found, and trembles across a line, for days: after so many parts its row is full and the next
# begins, and no more crossings are told than these, the first ones.
MOST_PARTS, MOST_CROSSED = 500, 100
# A track that is lost for so long, and found again no farther than so many plate widths away, may be one vehicle though
# a character differs.
_SPLIT_S, _SPLIT_WIDTHS = 1.5, 1.5
# How long a track without a text yet may hold back an ended one that it might continue.
_UNDECIDED_S = 2.0


class TrackReadings:
    """The readings of one track and the vote over them by `rule`. `min_reads`: how many a row needs."""

    def __init__(self, alphabet: AlphabetLike, min_reads: int, rule: VoteRule = vote) -> None:
        self._alphabet = alphabet
        self._ballots: list[Ballot] = []
        self._best_weight = 0.0
        self._min_reads = min_reads
        self._rule = rule
        self.voted = 0  # readings with a text
        self.best: Hit | None = None
        self.crop: Image | None = None  # what was read at `best`
        self.view: Image | None = None  # the same, larger, where somebody wants it
        self.snapshot: bytes | None = None  # the whole frame then as JPEG, where somebody wants it
        self.kind = Kind()  # as read at `best`
        self.announced = ""  # the text of the last provisional row
        self.tallest = 0.0  # px, of all hits asked about
        self.verdict = Verdict()
        self.state = ReadState()

    def wants(self, track: Track, config: ReadConfig) -> bool:
        """Whether this frame of the track should be read."""
        height = float(plate_height(track.last.quad))
        self.tallest = max(self.tallest, height)
        return should_read(self.state, height, track.last.frame, track.last.pts, config)

    def add(self, hit: Hit, reading: Reading, crop: Image | None = None, whole: bool = True) -> None:
        """Takes in what was read of a crop at a hit, and votes again. `whole`: the plate lay within the picture."""
        if self.crop is None:
            self.crop = crop
        height = float(plate_height(hit.quad))
        ballot = Ballot(reading, height, whole)
        if reading.text:
            self.voted += 1
            self._ballots = sorted([*self._ballots, ballot], key=lambda b: -b.weight)[:_MAX_BALLOTS]
            self.verdict = self._rule(self._ballots, self._alphabet)
            if self.best is None or ballot.weight > self._best_weight:
                self.best, self._best_weight, self.crop = hit, ballot.weight, crop
                self.kind = reading.kind
        self.state = ReadState(
            reads=self.state.reads + 1,
            enough=self.voted >= self._min_reads,
            best_height=max(self.state.best_height, height),
            last_frame=hit.frame,
            last_s=hit.pts,
            settled=self.verdict.settled,
        )

    def passage(self, track: Track, camera: str, config: VoteConfig, min_strong: float = 0.0) -> Passage | None:
        """The row of an ended track, None where its readings do not make one, or where fewer than `min_strong` of its
        hits were sure finds: so are texts that were burnt into the picture."""
        if too_weak(track, min_strong):
            return None
        too_few = self.voted < self._min_reads
        if too_few or not self.verdict.text or self.verdict.confidence < config.min_confidence:
            return None
        best = self.best or track.best
        first_seen, last_seen, time_source = track.seen()
        return Passage(
            camera=camera,
            track_id=track.id,
            plate=self.verdict.text,
            confidence=self.verdict.confidence,
            first_frame=track.first.frame,
            last_frame=track.last.frame,
            best_frame=best.frame,
            first_s=track.first.pts,
            last_s=track.last.pts,
            first_seen=first_seen,
            last_seen=last_seen,
            time_source=time_source,
            box=best.box,
            n_reads=self.state.reads,
            first_box=track.first.box,
            last_box=track.last.box,
            score=best.score,
            event_id=event_id(camera, track.first.frame, track.first.pts, track.first.box),
            char_confidence=self.verdict.char_confidence,
            alternatives=alternatives(self.verdict, self._alphabet),
            kind=self.kind,
            crop=self.view,
            snapshot=self.snapshot,
        )

    def news(self, track: Track, camera: str, config: VoteConfig, min_strong: float = 0.0) -> Passage | None:
        """The row of a living track as it would be now, where its text has not been told yet; else None."""
        if self.verdict.text == self.announced or self.verdict.confidence < config.min_confidence:
            return None
        passage = self.passage(track, camera, config, min_strong)
        if passage is not None:
            self.announced = passage.plate
        return passage

    def withdrawn(self, track: Track, camera: str, config: VoteConfig) -> Passage | None:
        """What takes a told row back, where the track ends without one; None where nothing was told."""
        if not self.announced:
            return None
        loose = config.model_copy(update={"min_confidence": 0.0})
        return self.passage(track, camera, loose)


def too_weak(track: Track, min_strong: float) -> bool:
    return track.strong < min_strong * track.hits


@dataclass(frozen=True)
class Ongoing:
    """A living track as the book sees it: since when (s), and what it says so far."""

    first_s: float
    text: str


class PassageBook:
    """Holds passages of one camera back until nothing can rejoin them, then gives them out as final.

    A track that is split (a pillar, a missed second) gives two passages with one text; those within `rejoin_s` of each
    other become one row, under the earlier id. Over a seam of joined recordings only equal texts belong together.
    """

    def __init__(self, rejoin_s: float) -> None:
        self._rejoin_s = rejoin_s
        self._pending: list[Passage] = []
        self._seams: list[float] = []
        self.joined = 0  # passages that became part of another

    def seam(self, second: float) -> None:
        """From that second on another recording follows: a place in the picture means nothing across it."""
        self._seams.append(second)

    def add(self, passage: Passage) -> None:
        """Takes in the passage of an ended track, merged with every waiting one that it belongs to."""
        for other in [p for p in self._pending if self._belong(p, passage)]:
            self._pending.remove(other)
            self.joined += 1
            passage = merge(other, passage)
        self._pending.append(passage)

    def release(self, now_s: float, ongoing: Iterable[Ongoing]) -> list[Passage]:
        """The passages that became final by `now_s`, in the order of their ids."""
        living = list(ongoing)
        final = [p for p in self._pending if not self._held(p, now_s, living)]
        self._pending = [p for p in self._pending if self._held(p, now_s, living)]
        return sorted(final, key=lambda p: p.track_id)

    def finish(self) -> list[Passage]:
        """All that wait, at the end of the stream."""
        final, self._pending = sorted(self._pending, key=lambda p: p.track_id), []
        return final

    def _belong(self, a: Passage, b: Passage) -> bool:
        if len(a.parts) + len(b.parts) >= MOST_PARTS:  # the join would be a part more
            return False
        gap = max(a.first_s, b.first_s) - min(a.last_s, b.last_s)
        if gap > self._rejoin_s:
            return False
        return a.plate == b.plate or (0 < gap <= _SPLIT_S and not self._parted(a, b) and split(a, b))

    def _parted(self, a: Passage, b: Passage) -> bool:
        """Whether a seam lies between two passages."""
        return bisect_right(self._seams, min(a.last_s, b.last_s)) < bisect_right(self._seams, max(a.first_s, b.first_s))

    def _held(self, passage: Passage, now_s: float, living: Iterable[Ongoing]) -> bool:
        if len(passage.parts) >= MOST_PARTS:
            return False
        if self._rejoin_s > 0 and now_s - passage.last_s <= self._rejoin_s:
            return True
        return any(self._may_continue(track, passage, now_s) for track in living)

    def _may_continue(self, track: Ongoing, passage: Passage, now_s: float) -> bool:
        if track.first_s > passage.last_s + self._rejoin_s:
            return False
        if track.text == passage.plate:  # also one that began long before: a short track may lie inside it
            return True
        return not track.text and passage.first_s <= track.first_s and now_s - track.first_s <= _UNDECIDED_S


def split(a: Passage, b: Passage) -> bool:
    """Whether one passage goes on where the other ended, and their texts differ by a character at most (`?` stands for
    any): one track that was lost for a moment, and misread in one half."""
    early, late = (a, b) if a.first_s <= b.first_s else (b, a)
    (x1, y1, x2, y2), (u1, v1, u2, v2) = early.last_box, late.first_box
    away = math.hypot((u1 + u2 - x1 - x2) / 2, (v1 + v2 - y1 - y2) / 2)
    if away > _SPLIT_WIDTHS * max(x2 - x1, u2 - u1):
        return False
    unlike = sum(x != y and "?" not in (x, y) for x, y in zip(a.plate, b.plate, strict=False))
    return len(a.plate) == len(b.plate) and unlike <= 1


def _last_seen(early: Passage, last: Passage) -> datetime | None:
    """By the clock that the early one went by."""
    if early.time_source == last.time_source or early.first_seen is None:
        return last.last_seen
    return early.first_seen + timedelta(seconds=last.last_s - early.first_s)


def merge(a: Passage, b: Passage) -> Passage:
    """Two passages of one vehicle as one: the earlier id, the whole span, the better evidence, all readings."""
    early, late = (a, b) if a.first_s <= b.first_s else (b, a)
    last = a if a.last_s >= b.last_s else b
    best = a if a.confidence >= b.confidence else b
    return replace(
        early,
        track_id=min(early.track_id, late.track_id),
        plate=best.plate,
        confidence=best.confidence,
        last_frame=last.last_frame,
        last_s=last.last_s,
        last_seen=_last_seen(early, last),
        last_box=last.last_box,
        score=best.score,
        best_frame=best.best_frame,
        box=best.box,
        n_reads=a.n_reads + b.n_reads,
        crossed=(early.crossed + late.crossed)[:MOST_CROSSED],
        parts=(*early.parts, late.event_id, *late.parts),
        char_confidence=best.char_confidence,
        alternatives=best.alternatives,
        flags=best.flags,
        kind=best.kind,
        crop=best.crop,
        snapshot=best.snapshot,
    )
