"""From ended tracks to rows: what a track's readings say, whether that makes a row, and tracks that belong together."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from streamer.config.models import ReadConfig, VoteConfig
from streamer.geometry import plate_height
from streamer.passages.course import event_id
from streamer.passages.policy import ReadState, should_read
from streamer.passages.repeats import REPEAT_S, beside, doubted, shown_whole, with_flags
from streamer.passages.succession import Held, Succession
from streamer.passages.vote import AlphabetLike, Ballot, Verdict, VoteRule, alternatives, vote
from streamer.plates.texts import distance
from streamer.source.base import StreamInfo
from streamer.tracking.base import Hit, Track
from streamer.types import Flag, Image, Kind, Passage, Reading

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
# Texts of so much confidence are of two vehicles if they differ at all.
_SURE = 0.9
# A plate that stays where it is for so long (s), to a share of its height, and in so many hits, is a still thing.
_STILL_S, _STILL_HEIGHTS, _STILL_HITS = 3.0, 0.2, 5
_DOUBT_STILL = 2.0  # how much likelier its text is not a plate's
_FEW = 3  # readings; fewer are few where more were wanted


class TrackReadings:
    """The readings of one track and the vote over them by `rule`. `min_reads`: how many a row needs; `stream`: its
    `StreamInfo`, where event ids and the source's address come from."""

    def __init__(
        self, alphabet: AlphabetLike, min_reads: int, rule: VoteRule = vote, stream: StreamInfo | None = None
    ) -> None:
        self._events, self._address = ("", "") if stream is None else (stream.events, stream.address)
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
        self.succession = Succession()
        self._settled = 1.0  # what counts as settled

    def wants(self, track: Track, config: ReadConfig) -> bool:
        """Whether this frame of the track should be read."""
        height = float(plate_height(track.last.quad))
        self.tallest = max(self.tallest, height)
        self._settled = config.settled
        doubt = track.apart or self.succession.waits
        return should_read(self.state, height, track.last.frame, track.last.pts, config, doubt)

    def take(self, track: Track, reading: Reading, crop: Image | None = None, whole: bool = True) -> bool:
        """Takes in what was read at the last hit of the track; False where it may be of the next vehicle in the same
        place, so that it does not count here yet."""
        new, before = Held(track.last, reading, crop, whole), track.previous or track.last
        told = self.verdict.text, self.verdict.confidence
        if reading.text and self.succession.takes(told, new, before, track.apart):
            return False
        if reading.text:
            self._count(self.succession.release())
        self._count([new])
        return True

    @property
    def succeeded(self) -> bool:
        """Whether the next vehicle is in the place of this one."""
        return self.succession.decided(self.verdict.text)

    def finish(self) -> None:
        """At the end of the track: what may have been the next vehicle's and cannot be counts after all."""
        if not self.succession.far(self.verdict.text):
            self._count(self.succession.release())

    def _count(self, readings: Sequence[Held]) -> None:
        for one in readings:
            self.add(one.hit, one.reading, one.crop, one.whole)

    def add(self, hit: Hit, reading: Reading, crop: Image | None = None, whole: bool = True) -> None:
        """Counts what was read of a crop at a hit, and votes again. `whole`: the plate lay within the picture."""
        if self.crop is None:
            self.crop = crop
        height = float(plate_height(hit.quad))
        ballot = Ballot(reading, height, whole, hit.box)
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
        confidence = self.confidence(track)
        if too_few or not self.verdict.text or confidence < config.min_confidence:
            return None
        best = self.best or track.best
        first_seen, last_seen, time_source = track.seen()
        return Passage(
            camera=camera,
            track_id=track.id,
            plate=self.verdict.text,
            confidence=confidence,
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
            event_id=event_id(self._events or camera, track.first.frame, track.first.pts, track.first.box),
            char_confidence=self.verdict.char_confidence,
            alternatives=alternatives(self.verdict, self._alphabet),
            flags=self._flags(track),
            kind=self.kind,
            source=self._address,
            crop=self.view,
            snapshot=self.snapshot,
        )

    def confidence(self, track: Track) -> float:
        """Of the row: of the verdict, less where the thing never moved, as what is drawn over a picture does not."""
        sure = self.verdict.confidence
        return sure / (sure + (1 - sure) * _DOUBT_STILL) if _still(track) else sure

    def _flags(self, track: Track) -> tuple[Flag, ...]:
        few = self._min_reads > 1 and self.voted < _FEW and self.verdict.settled < self._settled
        told: dict[Flag, bool] = {
            "country": self.verdict.foreign, "edge": self.verdict.cut, "static": _still(track), "few_reads": few,
        }  # fmt: skip
        return tuple(flag for flag, there in told.items() if there)

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


def _still(track: Track) -> bool:
    lasted = track.last.pts - track.first.pts
    return lasted >= _STILL_S and track.hits >= _STILL_HITS and track.moved <= _STILL_HEIGHTS


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
    other become one row, under the earlier id. One whose text is like that of a surer one of the same time says so, and
    is less sure, down to `least`.
    """

    def __init__(self, rejoin_s: float, least: float = 0.0) -> None:
        self._rejoin_s, self._least = rejoin_s, least
        self._pending: list[Passage] = []
        self._seams: list[float] = []
        self._given: list[Passage] = []  # not long ago
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
        if not final:
            return []
        out = self._judged(final)
        self._pending = [p for p in self._pending if self._held(p, now_s, living)]
        self._given = [p for p in (*self._given, *final) if now_s - p.last_s <= self._rejoin_s + 2 * REPEAT_S]
        return out

    @property
    def pending(self) -> tuple[Passage, ...]:
        """The rows that are not final yet, as they would be now."""
        return tuple(self._pending)

    def waiting(self, living: Iterable[str]) -> int:
        """How many vehicles have no final row yet: passages that wait, and living tracks by their texts so far, where
        none of those passages has the same."""
        texts = {passage.plate for passage in self._pending}
        return len(self._pending) + sum(bool(text) and text not in texts for text in living)

    def finish(self) -> list[Passage]:
        """All that wait, at the end of the stream."""
        out, self._pending = self._judged(self._pending), []
        return out

    def _judged(self, final: Sequence[Passage]) -> list[Passage]:
        """In the order of their ids, each with what the others of its time say about it."""
        others = [*self._pending, *self._given]
        return [doubted(p, others, self._least) for p in sorted(final, key=lambda p: p.track_id)]

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
    any), or one is cut by the picture's edge: one track that was lost for a moment, and misread in one half. Two texts
    that were read surely are two vehicles."""
    early, late = (a, b) if a.first_s <= b.first_s else (b, a)
    (x1, y1, x2, y2), (u1, v1, u2, v2) = early.last_box, late.first_box
    away = math.hypot((u1 + u2 - x1 - x2) / 2, (v1 + v2 - y1 - y2) / 2)
    if away > _SPLIT_WIDTHS * max(x2 - x1, u2 - u1):
        return False
    if shown_whole(a, b) or shown_whole(b, a):
        return True
    if len(a.plate) != len(b.plate):
        return False
    unlike = distance(a.plate, b.plate)
    return not unlike or (unlike == 1 and min(a.confidence, b.confidence) < _SURE)


def _last_seen(early: Passage, last: Passage) -> datetime | None:
    """By the clock that the early one went by."""
    if early.time_source == last.time_source or early.first_seen is None:
        return last.last_seen
    return early.first_seen + timedelta(seconds=last.last_s - early.first_s)


def _rank(passage: Passage) -> tuple[bool, float]:
    return "edge" not in passage.flags, passage.confidence


def merge(a: Passage, b: Passage) -> Passage:
    """Two passages of one vehicle as one: the earlier id, the whole span, the better evidence, all readings."""
    early, late = (a, b) if a.first_s <= b.first_s else (b, a)
    last = a if a.last_s >= b.last_s else b
    best, other = (a, b) if _rank(a) >= _rank(b) else (b, a)
    flags = tuple(f for f in best.flags if f not in ("static", "few_reads") or f in other.flags)
    if a.plate != b.plate and not shown_whole(other, best) and distance(a.plate, b.plate):
        best = beside(best, other)
        flags = with_flags(replace(best, flags=flags), "near_repeat").flags
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
        flags=flags,
        kind=best.kind,
        crop=best.crop,
        snapshot=best.snapshot,
    )
