"""One stream as a state machine: frames and detections in, events out. No thread, clock, file or sink."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from streamer.geometry import box_centre
from streamer.passages.book import Ongoing, PassageBook
from streamer.passages.places import Places
from streamer.passages.readings import TrackReadings
from streamer.passages.rejections import rejection_of
from streamer.pipeline.looks import TRUSTED_HITS, Followed, look_again
from streamer.pipeline.overload import NO_RELIEF
from streamer.pipeline.ports import Ports, StreamSettings
from streamer.sink.events import (
    Event,
    FrameSeen,
    PassageFinal,
    PassageProvisional,
    PassagesWaiting,
    PassageWithdrawn,
    StreamClosed,
    StreamOpened,
    TrackRejected,
    TrackView,
)
from streamer.tracking.cadence import Cadence
from streamer.tracking.cuts import Cuts
from streamer.tracking.edge import inside
from streamer.tracking.track import Track, TrackerLike
from streamer.tracking.trackers import tracker_factory
from streamer.types import FloatArray, Frame, Passage, Plates, Reading, RunSummary

# The plate crop of an output: margins along and across as shares of its size, width and height in px.
_VIEW = 0.2, 0.35, 320, 120


class StreamState:
    """The tracks, readings and waiting passages of one stream.

    Call `begin` once, then `step` for every frame in order (with None where the detector did not run, see
    `needs_detection`), `idle` where time passes without a frame, and `finish` at the end. Each returns the events in
    order. `summary` holds the counts."""

    def __init__(self, settings: StreamSettings, ports: Ports, summary: RunSummary | None = None) -> None:
        config, info = settings.config, settings.info
        self.summary = RunSummary() if summary is None else summary
        self._settings, self._ports, self._wanted = settings, ports, ports.wanted
        self._config, self._info, self._name = config, info, settings.camera
        self._size = info.width, info.height
        self._part = 0
        self._cadence = Cadence() if config.cadence == "auto" and not info.still else None
        self._relieved = Cadence()
        self.relief = NO_RELIEF  # what is left out for it while the cores do not suffice
        track, self._vote = config.track, config.vote
        if info.still:  # a picture has a single frame: one hit and one reading suffice
            track = track.model_copy(update={"birth_hits": 1})
            self._vote = self._vote.model_copy(update={"min_reads": 1})
        make_tracker = tracker_factory(track)
        self._tracker: TrackerLike = make_tracker(track, high_score=settings.high_score, first_id=settings.first_id)
        self._readings: dict[int, TrackReadings] = {}
        self._revisions: dict[int, int] = {}  # of the provisional rows, by track
        self._book = PassageBook(self._vote.rejoin_s, self._vote.min_confidence)
        self._places, self._cuts = Places(config), Cuts()
        self._reported: tuple[Passage, ...] | None = None  # the rows of the last PassagesWaiting
        self._events: list[Event] = []

    @property
    def looks_again(self) -> bool:
        """Whether `step` takes the finds of a first look and has those looked at again that decide something."""
        return self._ports.look is not None

    @property
    def next_id(self) -> int:
        """The number that the next track will have."""
        return self._tracker.next_id

    def needs_detection(self, frame: Frame) -> bool:
        """Whether the detector should run on this frame; call it once for each, in order."""
        if self.relief.paused:
            return False
        cadence = self._cadence or (self._relieved if self.relief.cadence else None)
        if cadence is None:
            return True
        tracks = self._tracker.tracks
        settled = self._config.read.settled
        if self._tracker.tentative:
            return cadence.wants(frame, "unsettled")
        if not tracks:
            return cadence.wants(frame, "none")
        all_settled = all(t.id in self._readings and self._of(t).state.settled >= settled for t in tracks)
        return cadence.wants(frame, "settled" if all_settled else "unsettled")

    def boxes(self, now_s: float) -> list[FloatArray]:
        """Where the tracks are expected at that second, (4,) each."""
        return [self._tracker.expected(track, now_s) for track in self._tracker.tracks]

    def keep(self, frame: Frame) -> None:
        """Nothing has moved up to this frame: the tracks are where they were."""
        self._tracker.keep(frame)

    def in_zones(self, plates: Plates) -> Plates:
        """Those that zones do not exclude."""
        return self._places.kept(plates, self._size)

    def begin(self) -> list[Event]:
        """The stream is open; rows of an earlier stream of its name no longer wait."""
        self._events.append(StreamOpened(self._name, self._info))
        self._report_waiting()
        return self._take()

    @property
    def name(self) -> str:
        """The stream's name in its events."""
        return self._name

    def views(self, frame: Frame) -> tuple[TrackView, ...]:
        """The living tracks as they are in this frame, which was stepped: where they were found in it, or expected."""
        tracks = [t for t in self._tracker.tracks if not t.apart_at(frame.pts)]
        return tuple(
            self._view(t, None if t.hit_in(frame.index) else self._tracker.expected(t, frame.pts)) for t in tracks
        )

    def step(self, frame: Frame, plates: Plates | None) -> list[Event]:
        """Processes one frame and its detections; `plates` is None where the detector did not run."""
        if frame.part != self._part:
            self._part = frame.part
            self._end(self._tracker.finish())  # the frames before were recorded at another time
            self._book.add_discontinuity(frame.pts)
        self.summary.frames += 1
        if plates is None:
            self._pass_over(frame)
        else:
            self._track(frame, plates)
        return self._take()

    def idle(self, now_s: float) -> list[Event]:
        """Time passes without a frame: tracks end, and rows become final."""
        self._expire(now_s)
        return self._take()

    def finish(self) -> list[Event]:
        """Ends all tracks; every row that waits becomes final."""
        self._end(self._tracker.finish())
        self._emit(self._book.finish())
        self._report_waiting()
        self.summary.joined += self._book.joined
        self._events.append(StreamClosed(self._name))
        return self._take()

    def _take(self) -> list[Event]:
        events, self._events = self._events, []
        return events

    def _track(self, frame: Frame, found: Plates) -> None:
        """A frame that the detector ran on."""
        if (frame.width, frame.height) != self._size:
            self._end(self._tracker.finish())  # positions do not carry over to a picture of another size
            self._size = frame.width, frame.height
        if not self._info.still and self._cuts.at(frame):
            frame = replace(frame, cut=True)
        if frame.cut:
            for track in self._tracker.tracks:
                self._of(track).cuts += 1
        if self._ports.look is not None:
            tracks = [self._followed(t, frame) for t in self._tracker.tracks]
            high, near = self._settings.high_score, self._tracker.tentative
            least = high * self._config.track.low_score if self.relief.looks else None
            found = look_again(frame, found, tracks, high, self._ports.look, all_near=near, sparing_from=least)
        plates = self._places.kept(found, self._size)
        self.summary.outside += len(found) - len(plates)
        update = self._tracker.update(frame, plates)
        readings = self._read(frame, update.hits, found)
        hit = [
            t for t in self._tracker.tracks if t.hit_in(frame.index)
        ]  # a track may have been replaced by its successor
        self._places.note(hit, self._size)
        self._report_provisional(hit)
        self.summary.detections += int((plates.score >= self._settings.high_score).sum())
        self._end(update.ended)
        self._release(frame.pts)
        if self._wanted.frames or self._wanted.readings:
            by_row = _by_row(found, readings) if self._wanted.readings else {}
            views = tuple(self._view(t) for t in hit) if self._wanted.frames else ()
            lost = [t for t in self._tracker.tracks if not t.hit_in(frame.index)] if self._wanted.frames else []
            missed = tuple(self._view(t, self._tracker.expected(t, frame.pts)) for t in lost)
            self._report_frame(frame, found, plates, by_row, views, missed)

    def _followed(self, track: Track, frame: Frame) -> Followed:
        of, config = self._of(track), self._config.read
        return Followed(
            self._tracker.expected(track, frame.pts),
            track.strong >= TRUSTED_HITS,
            lambda height: of.would_read(track, height, frame, config),
        )

    def _pass_over(self, frame: Frame) -> None:
        """A frame that the detector did not run on: tracks are shown at their predicted boxes."""
        self.summary.passed_over += 1
        self._expire(frame.pts)
        if self._wanted.frames:
            views = [self._view(t, self._tracker.expected(t, frame.pts)) for t in self._tracker.tracks]
            self._report_frame(frame, None, Plates.empty(), {}, tuple(views))

    def _report_frame(
        self,
        frame: Frame,
        found: Plates | None,
        kept: Plates,
        readings: Mapping[int, Reading],
        views: tuple[TrackView, ...],
        missed: tuple[TrackView, ...] = (),
    ) -> None:
        live = self._info.live
        self._events.append(FrameSeen(self._name, frame, found, kept, readings, views, missed, may_skip=live))

    def _expire(self, now_s: float) -> None:
        self._end(self._tracker.expire(now_s))
        self._release(now_s)

    def _release(self, now_s: float) -> None:
        """Emits the rows that are final by now. Waiting rows are reported before, too, so that a row that is final at
        once is among them first."""
        self._report_waiting()
        self._emit(self._book.release(now_s, self._ongoing()))
        self._report_waiting()

    def _read(self, frame: Frame, hit: Sequence[Track], found: Plates) -> list[tuple[Track, Reading]]:
        """Reads the plates of this frame that the policy selects, in one batch."""
        wanted = [t for t in hit if self._of(t).wants(t, self._config.read)]
        if not wanted:
            return []
        done = []
        for track, read in zip(wanted, self._ports.read(frame, [t.last.quad for t in wanted]), strict=True):
            if read is not None:
                reading, crop = read
                of, now = self._of(track), track
                whole = inside(track.last.box_xyxy, frame.width, frame.height)
                if not of.take(track, reading, crop, whole) and of.succeeded:
                    now = self._succeed(track, of)
                    of = self._of(now)
                if of.best is now.last and crop is not None:
                    self._keep_pictures(of, frame, now, found)
                done.append((now, reading))
        self.summary.reads += len(done)
        return done

    def _succeed(self, track: Track, of: TrackReadings) -> Track:
        """Ends a track whose place another vehicle has taken, and begins one for that vehicle with its readings."""
        held, before = of.succession.release(), of.succession.before or track.first
        successor = self._tracker.succeed(track, [h.hit for h in held], before)
        self._end([track])
        for h in held:
            self._of(successor).add(h.hit, h.reading, h.crop, h.whole)
        return successor

    def _keep_pictures(self, of: TrackReadings, frame: Frame, track: Track, found: Plates) -> None:
        """Keeps the pictures of the best reading so far that the outputs want."""
        from streamer.image.warp import rectify, to_jpeg

        if self._ports.hide is not None and (self._wanted.crops or self._wanted.snapshots):
            others = [t for t in self._tracker.tracks if not t.hit_in(frame.index)]
            expected = [self._view(t, self._tracker.expected(t, frame.pts)).quad for t in others]
            frame = self._ports.hide(frame, [*found.quad, *expected], track.last.quad)
        if self._wanted.crops:
            of.view = rectify(frame, track.last.quad, *_VIEW)
        if self._wanted.snapshots:
            of.snapshot = to_jpeg(frame)

    def _report_provisional(self, hit: Sequence[Track]) -> None:
        """Emits provisional rows of the living tracks whose text changed."""
        if not self._wanted.provisional:
            return
        for track in hit:
            row = self._of(track).provisional(track, self._name, self._vote, self._config.track.min_strong)
            if row is not None:
                revision = self._revisions[track.id] = self._revisions.get(track.id, 0) + 1
                self._events.append(PassageProvisional(self._name, self._places.placed(row, self._size), revision))

    def _of(self, track: Track) -> TrackReadings:
        if track.id not in self._readings:
            self._readings[track.id] = TrackReadings(
                self._ports.alphabet,
                self._vote.min_reads,
                self._settings.rule,
                self._info,
                with_posterior=self._wanted.posteriors,
            )
        return self._readings[track.id]

    def _end(self, tracks: Sequence[Track]) -> None:
        for track in tracks:
            self.summary.tracks += 1
            readings = self._of(track)
            readings.finish()
            passage = readings.passage(track, self._name, self._vote, self._config.track.min_strong)
            del self._readings[track.id]
            revision = self._revisions.pop(track.id, 0) + 1
            if passage is None:
                withdrawn = readings.withdrawn(track, self._name, self._vote)
                if withdrawn is not None:
                    self._events.append(
                        PassageWithdrawn(self._name, self._places.placed(withdrawn, self._size), revision)
                    )
                self._reject(track, readings)
            else:
                self._book.add(self._places.placed(passage, self._size))
            self._places.forget(track)
        for track in self._tracker.take_flickers():
            self._reject(track, None)

    def _reject(self, track: Track, readings: TrackReadings | None) -> None:
        limits = self._config.track, self._config.read, self._vote
        rejection = rejection_of(track, readings, self._name, limits)
        self.summary.rejected[rejection.reason] = self.summary.rejected.get(rejection.reason, 0) + 1
        self._events.append(TrackRejected(self._name, rejection))

    def _ongoing(self) -> list[Ongoing]:
        return [Ongoing(t.first.pts, self._of(t).verdict.text) for t in self._tracker.tracks]

    def _report_waiting(self) -> None:
        """Reports the waiting rows of a live camera where they changed."""
        if not (self._info.live and self._wanted.waiting):
            return
        pending = self._book.pending
        if self._reported is None or [*map(id, pending)] != [*map(id, self._reported)]:
            self._reported = pending
            self._events.append(PassagesWaiting(self._name, pending))

    def _emit(self, passages: Sequence[Passage]) -> None:
        for passage in passages:
            self.summary.passages += 1
            self._events.append(PassageFinal(self._name, passage))
        threshold = self._vote.min_confidence
        verdicts = [readings.verdict for readings in self._readings.values()]
        self.summary.waiting = self._book.waiting(v.text for v in verdicts if v.confidence >= threshold)

    def _view(self, track: Track, box_xyxy: FloatArray | None = None) -> TrackView:
        """How a track is drawn: at its last hit, or at the given box."""
        verdict, confidence = self._of(track).verdict, self._of(track).confidence(track)
        # A text that would not make a row is not shown.
        text = verdict.text if confidence >= self._vote.min_confidence else ""
        last = track.last
        box = last.box_xyxy if box_xyxy is None else box_xyxy
        quad = last.quad if box_xyxy is None else last.quad + (box_centre(box) - box_centre(last.box_xyxy))
        return TrackView(track.id, box, quad, text, confidence, last.score)


def _by_row(plates: Plates, readings: Sequence[tuple[Track, Reading]]) -> dict[int, Reading]:
    """The readings by the row of their plate in `plates`."""
    rows = {quad.tobytes(): k for k, quad in enumerate(plates.quad)}
    return {rows[track.last.quad.tobytes()]: reading for track, reading in readings}
