"""The readings of one track: the vote over them, and the passage that they make."""

from __future__ import annotations

from collections.abc import Sequence

from streamer.config.models import ReadConfig, VoteConfig
from streamer.geometry import quad_height
from streamer.passages.course import event_id
from streamer.passages.posterior import posterior
from streamer.passages.read_policy import ReadState, should_read
from streamer.passages.succession import HeldReading, Succession
from streamer.passages.vote import AlphabetLike, Ballot, Verdict, VoteRule, alternatives, vote
from streamer.source.source import StreamInfo
from streamer.tracking.track import Hit, Track
from streamer.types import Flag, Frame, Image, Kind, Passage, Reading

# A parked car is read for hours; the vote keeps its best readings only.
_MAX_BALLOTS = 64
# A plate that stays where it is for so long (s), to a share of its height, and in so many hits, is static.
_STATIC_S, _STATIC_HEIGHTS, _STATIC_HITS = 3.0, 0.2, 5
_STATIC_DOUBT = 2.0  # how much likelier its text is not a plate's
# The same for each hard cut that it stayed in place over, as no plate does: one that is read surely keeps its row over
# one cut, so that a change of light which looks like one costs none.
_CUT_DOUBT, _MOST_CUTS = 8.0, 3
_FEW = 3  # readings; fewer than these are flagged where more than one was required


class TrackReadings:
    """The readings of one track and the vote over them by `rule`. `min_reads`: how many a row needs; `stream`: its
    `StreamInfo`, where event ids and the source's address come from;
    `with_posterior`: its passage carries the fused distributions."""

    def __init__(
        self,
        alphabet: AlphabetLike,
        min_reads: int,
        rule: VoteRule = vote,
        stream: StreamInfo | None = None,
        *,
        with_posterior: bool = False,
    ) -> None:
        self._events, self._address = ("", "") if stream is None else (stream.events, stream.address)
        self._alphabet, self._with_posterior = alphabet, with_posterior
        self._ballots: list[Ballot] = []
        self._best_weight = 0.0
        self._min_reads = min_reads
        self._rule = rule
        self.voted = 0  # readings with a text
        self.best: Hit | None = None
        self.crop: Image | None = None  # what was read at `best`
        self.view: Image | None = None  # the same, larger, where an output wants it
        self.snapshot: bytes | None = None  # the whole frame then as JPEG, where an output wants it
        self.kind = Kind()  # as read at `best`
        self.provisional_text = ""  # of the last provisional row
        self.cuts = 0  # hard cuts since the track was confirmed
        self.tallest = 0.0  # px, over all hits that `wants` was asked about
        self.verdict = Verdict()
        self.state = ReadState()
        self.succession = Succession()
        self._settled = 1.0  # `read.settled`: from where a text counts as settled

    def wants(self, track: Track, config: ReadConfig) -> bool:
        """Whether this frame of the track should be read."""
        height = quad_height(track.last.quad)
        self.tallest = max(self.tallest, height)
        self._settled = config.settled
        doubt = track.apart or self.succession.undecided
        return should_read(self.state, height, track.last.frame, track.last.pts, config, doubt)

    def would_read(self, track: Track, height: float, frame: Frame, config: ReadConfig) -> bool:
        """Whether a plate of this height (px) would be read if this frame's detection continued the track."""
        doubt = track.apart_at(frame.pts) or self.succession.undecided
        return should_read(self.state, height, frame.index, frame.pts, config, doubt)

    def take(self, track: Track, reading: Reading, crop: Image | None = None, whole: bool = True) -> bool:
        """Adds what was read at the last hit of the track; False where it may be of the next vehicle in the same place,
        so that it does not count here yet."""
        new, before = HeldReading(track.last, reading, crop, whole), track.previous or track.last
        current = self.verdict.text, self.verdict.confidence
        if reading.text and self.succession.hold(current, new, before, track.apart):
            return False
        if reading.text:
            self._count(self.succession.release())
        self._count([new])
        return True

    @property
    def succeeded(self) -> bool:
        """Whether the next vehicle has taken the place of this one."""
        return self.succession.decided(self.verdict.text)

    def finish(self) -> None:
        """At the end of the track: counts held readings that cannot be of another vehicle."""
        if not self.succession.differs(self.verdict.text):
            self._count(self.succession.release())

    def _count(self, readings: Sequence[HeldReading]) -> None:
        for held in readings:
            self.add(held.hit, held.reading, held.crop, held.whole)

    def add(self, hit: Hit, reading: Reading, crop: Image | None = None, whole: bool = True) -> None:
        """Counts a reading of a hit and votes again. `whole`: the plate lay within the picture."""
        if self.crop is None:
            self.crop = crop
        height = quad_height(hit.quad)
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
        """The row of an ended track; None where its readings do not make one, or where a smaller share than
        `min_strong` of its hits were strong detections, as with text burnt into the picture."""
        if is_weak(track, min_strong):
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
            posterior=posterior(self.verdict, self._alphabet) if self._with_posterior else None,
        )

    def confidence(self, track: Track) -> float:
        """Of the row: the verdict's, lowered for a static track, which may be text drawn over the picture."""
        sure = self.verdict.confidence
        doubt = _STATIC_DOUBT if _is_static(track) else 1.0
        if self._is_overlay(track):
            doubt = _STATIC_DOUBT * _CUT_DOUBT ** min(self.cuts, _MOST_CUTS)
        return sure / (sure + (1 - sure) * doubt)

    def _is_overlay(self, track: Track) -> bool:
        return self.cuts > 0 and track.hits >= _STATIC_HITS and track.moved <= _STATIC_HEIGHTS

    def _flags(self, track: Track) -> tuple[Flag, ...]:
        few = self._min_reads > 1 and self.voted < _FEW and self.verdict.settled < self._settled
        present: dict[Flag, bool] = {
            "country": self.verdict.foreign, "edge": self.verdict.cut,
            "static": _is_static(track) or self._is_overlay(track), "few_reads": few,
        }  # fmt: skip
        return tuple(flag for flag, is_set in present.items() if is_set)

    def provisional(self, track: Track, camera: str, config: VoteConfig, min_strong: float = 0.0) -> Passage | None:
        """The row of a living track as it would be now; None where its text is that of the last provisional row."""
        if self.verdict.text == self.provisional_text or self.verdict.confidence < config.min_confidence:
            return None
        passage = self.passage(track, camera, config, min_strong)
        if passage is not None:
            self.provisional_text = passage.plate
        return passage

    def withdrawn(self, track: Track, camera: str, config: VoteConfig) -> Passage | None:
        """The row that withdraws the provisional ones where the track ends without one; None where there was none."""
        if not self.provisional_text:
            return None
        loose = config.model_copy(update={"min_confidence": 0.0})
        return self.passage(track, camera, loose)


def _is_static(track: Track) -> bool:
    lasted = track.last.pts - track.first.pts
    return lasted >= _STATIC_S and track.hits >= _STATIC_HITS and track.moved <= _STATIC_HEIGHTS


def is_weak(track: Track, min_strong: float) -> bool:
    """Whether a smaller share of the track's hits than `min_strong` were strong detections."""
    return track.strong < min_strong * track.hits
