"""From a source to its sinks: the only place that knows of threads and queues.

One thread decodes into a bounded queue; the caller's thread detects, tracks, reads and votes; every sink that draws
frames works in a thread of its own behind another bounded queue. A file waits for the slowest of them and loses
nothing, so two runs give the same rows. A live source never waits: the newest frame wins and drops are counted.
"""

from __future__ import annotations

import contextlib
import logging
import os
import queue
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Protocol, cast

import numpy as np

from streamer.config.models import RunConfig
from streamer.engine.large import find
from streamer.engine.runtime import available_cores
from streamer.engine.zoo import config_folder
from streamer.errors import InputError
from streamer.passages.book import MOST_CROSSED, Ongoing, PassageBook, TrackReadings
from streamer.passages.country import with_country_prior
from streamer.passages.lines import Lines
from streamer.passages.rejections import rejection_of
from streamer.passages.vote import AlphabetLike, VoteRule, vote
from streamer.passages.zones import Zones
from streamer.pipeline.outputs import Outputs
from streamer.pipeline.status import StatusLines, Streams
from streamer.plates.formats import Formats, formats_of
from streamer.plates.grammar import check_countries
from streamer.process.imports import load_networks, load_tracker, settle_process
from streamer.sink.base import Sink
from streamer.sink.events import TrackView
from streamer.source.base import Source, StreamInfo, cap_threads
from streamer.source.identity import Identities
from streamer.source.reconnect import Health, LiveFeed, Reopening
from streamer.source.resolve import open_source
from streamer.tracking.cadence import Cadence
from streamer.tracking.edge import inside
from streamer.tracking.tracker import Track, Tracker
from streamer.types import FloatArray, Frame, Image, Passage, Plates, Reading, RunSummary

_log = logging.getLogger(__name__)

_POLL_S = 0.1
# How long a file's decoder may be silent after a stop before it is left behind.
_PATIENCE_S = 1.0
# Longer than a live source's own read time-out.
_JOIN_S = 15.0
_SINK_QUEUE = 4
_BEHIND = 15  # of 19
_TICK_S = 1.0
# The plate as it is kept for people: margins along and across as shares of its size, width and height in px.
_VIEW = 0.2, 0.35, 320, 120


class DetectorLike(Protocol):
    """What the stream needs of a detector."""

    min_score: float

    def detect(self, frame: Frame) -> Plates: ...

    def another(self) -> DetectorLike:
        """The same for another thread."""


class ReaderLike(Protocol):
    """What the stream needs of a reader."""

    @property
    def alphabet(self) -> AlphabetLike: ...

    def read(self, crops: Sequence[Image]) -> list[Reading]: ...

    def another(self) -> ReaderLike:
        """The same for another thread."""


@dataclass(frozen=True)
class Engines:
    """Both networks, and the score from which a detection may begin a track. `seats`: how many frames are worth being
    looked at at once."""

    detector: DetectorLike
    reader: ReaderLike
    high_score: float
    seats: int = 1

    def another(self) -> Engines:
        """The same networks for another thread."""
        return Engines(self.detector.another(), self.reader.another(), self.high_score, self.seats)

    def read(self, frame: Frame, quads: Sequence[FloatArray]) -> list[tuple[Reading, Image | None] | None]:
        """What is read of the plates in those quads, and the crops it was read from; None for one that cannot be."""
        from streamer.image.warp import rectify

        crops = [rectify(frame, quad) for quad in quads]
        return list(zip(self.reader.read(crops), crops, strict=True))


class IncompleteRun(InputError):
    """Some input failed; everything else was done and written. `summary` tells what, `failures` has a message each."""

    def __init__(self, message: str, summary: RunSummary, failures: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.summary, self.failures = summary, tuple(failures)


def run_stream(
    source: str | Path | Source | Sequence[Source],
    sinks: Sequence[Sink],
    config: RunConfig | None = None,
    *,
    detector: DetectorLike | None = None,
    reader: ReaderLike | None = None,
    engines: Engines | None = None,
    stop: threading.Event | None = None,
    progress: Callable[[StreamInfo, RunSummary], None] | None = None,
    rule: VoteRule = vote,
    streams: Streams | None = None,
    status: Callable[[str], None] | None = None,
) -> RunSummary:
    """Reads every plate of `source` (a path, an address or Source objects) into `sinks`, which it closes at the end.

    `stop`, once set, ends the run after the frames that are decoded already; tracks so far still give their rows.
    `progress` is called after every frame, `status` with a line about a camera once a minute; `streams` is told of each
    stream as it begins. `detector` and `reader` stand in for the configured ones, `engines` for
    both as `load_engines` made them. `rule` turns a track's readings into its text. Raises ModelError before
    anything is decoded; IncompleteRun (an InputError) after all outputs are whole, where a source could not be
    opened or ended early; OutputError where a sink failed, the other sinks having been closed whole.
    """
    config = config or RunConfig()
    began = time.perf_counter()
    cap_threads(sinks, config.threads)
    outputs = Outputs(sinks)
    summary = RunSummary()
    failures: list[str] = []
    stop = stop or threading.Event()
    try:
        sources = _sources_of(source, config)
        engines = engines or load_engines(config, detector, reader)
        run = StreamRun(
            config, engines, outputs, summary, stop, progress, rule, streams, status, alone=len(sources) == 1
        )
        for one in sources:
            if stop.is_set():
                break
            try:
                run.stream(one)
            except InputError as error:
                failures.append(str(error))
            summary.warnings += one.warnings
    finally:
        outputs.close()
    summary.seconds = time.perf_counter() - began
    if outputs.error is not None:
        raise outputs.error
    summary.ended = "stopped" if stop.is_set() else "end of stream"
    if failures:
        head = f"{len(failures)} of {len(sources)} inputs failed: " if len(sources) > 1 else ""
        raise IncompleteRun(head + "; ".join(failures), summary, failures)
    return summary


def _sources_of(source: str | Path | Source | Sequence[Source], config: RunConfig) -> list[Source]:
    if isinstance(source, str | Path):
        return open_source(source, start_time=config.start_time, live=config.live, video_track=config.video_track)
    return list(source) if isinstance(source, list | tuple) else [cast("Source", source)]


def load_engines(config: RunConfig, detector: DetectorLike | None = None, reader: ReaderLike | None = None) -> Engines:
    """The networks that `config` names (or those given), ready for `run_stream`; ModelError where one is not usable,
    ConfigError where nothing is known of a country.

    A detector made here is asked for weaker plates too: they may continue a track (see association.associate).
    Several frames are worked on at once, a core each: together that is faster than all cores on one. Where it makes one
    of the networks itself it sets two things for the whole process: OpenCV works in one thread, and Python's threads
    take shorter turns.
    """
    check_countries(config.all_countries(), config_folder() / "plates")
    seats = available_cores() if config.threads is None else config.threads
    if detector is not None and reader is not None:
        load_tracker()
        return Engines(detector, reader, config.min_score or detector.min_score)
    load_networks()
    settle_process()
    import streamer.engine.detector
    import streamer.engine.reader  # noqa: F401

    # Compiling both takes about as long as the imports of the tracker. Imports are left to this thread.
    with ThreadPoolExecutor(2, "alpr-load") as pool:
        looking = pool.submit(_detector, config, seats) if detector is None else None
        reading = pool.submit(_reader, config, seats) if reader is None else None
        load_tracker()
        if looking is None:
            assert detector is not None
            seats, found = 1, (detector, config.min_score or detector.min_score)
        else:
            found = looking.result()
        read = reading.result() if reading is not None else reader
    assert read is not None
    return Engines(found[0], read, found[1], seats)


def _formats(config: RunConfig, alphabet: AlphabetLike) -> Formats | None:
    """What the plates of the countries look like that are to be expected, None where any may come."""
    if not config.countries:
        return None
    return formats_of(config.countries, config_folder() / "plates", tuple(alphabet.symbols), alphabet.size)


def _detector(config: RunConfig, seats: int) -> tuple[DetectorLike, float]:
    """The detector, and its operating point: it is asked for weaker plates as well."""
    from streamer.engine.detector import Detector

    detector = Detector(config.detector, config.precision, config.threads, config.min_score, streams=seats)
    detector.prepare()
    high_score = detector.min_score
    detector.min_score = high_score * config.track.low_score
    return detector, high_score


def _reader(config: RunConfig, seats: int) -> ReaderLike:
    from streamer.engine.reader import Reader

    reader = Reader(config.reader, config.precision, config.threads, streams=seats)
    reader.prepare()
    return reader


@dataclass(eq=False)
class StreamRun:
    """What all streams of a run share."""

    config: RunConfig
    engines: Engines
    outputs: Outputs
    summary: RunSummary  # of the streams that ended
    stop: threading.Event
    progress: Callable[[StreamInfo, RunSummary], None] | None
    rule: VoteRule
    streams: Streams | None = None
    status: Callable[[str], None] | None = None
    alone: bool = False  # whether nothing else is read
    next_id: int = 1
    identities: Identities = field(default_factory=Identities)

    def __post_init__(self) -> None:
        formats = _formats(self.config, self.engines.reader.alphabet)
        if formats is not None:
            self.rule = with_country_prior(self.rule, formats)

    def stream(self, source: Source) -> None:
        """One source from its first frame to its last; InputError after its rows are out, where it ended early."""
        cap_threads([source], self.config.threads)
        if source.live and isinstance(source, Reopening):
            self._hold(source)
            return
        feed: _Feed | None = None
        own = RunSummary()
        try:
            info = self.identities.of(source.open(), self.config.camera)
            if self.streams is not None:
                self.streams.watch(self.config.camera or info.name, own)
            self.outputs.begin(info)
            camera = _Camera(self, info, own)
            feed = _Feed(source, 1 if info.live else self.config.queue, self.stop)
            detect = partial(find, self.engines.detector)
            frames: Iterator[tuple[Frame, Plates | None]]
            if info.live or self.config.cadence == "auto":  # what is next depends on what is there
                frames = ((frame, detect(frame) if camera.looks_at(frame) else None) for frame in feed)
            else:
                frames = _detected(feed, self.engines, patient=self.outputs.shows)
            for frame, found in frames:
                camera.step(frame, found)
                if self.outputs.error is not None:
                    self.stop.set()
                if self.progress is not None:
                    self.progress(info, RunSummary().add(self.summary).add(own))
            camera.finish()
            if feed.dropped:
                own.warnings.append(f"{info.name}: {feed.dropped} frames dropped to keep up")
            if feed.error is not None:
                raise feed.error
        finally:
            self.summary.add(own)
            if feed is None or feed.join():
                source.close()

    def _hold(self, source: Reopening) -> None:
        """A camera, over all its faults, until the run is stopped or it ends for good."""
        camera: _Camera | None = None
        own = RunSummary()
        feed = LiveFeed(source, self.config.live, self.stop, name=self.config.camera, alone=self.alone)
        streams = self.streams or Streams()
        streams.watch(self.config.camera or source.name, own, feed.health)
        lines = None if self.status is None else StatusLines(streams, self.status)
        try:
            for frame in feed:
                if lines is not None:
                    lines.tick()
                if camera is None and feed.info is not None:
                    info = self.identities.of(feed.info, self.config.camera)
                    self.outputs.begin(info)
                    camera = _Camera(self, info, own)
                if camera is None or feed.info is None:
                    continue
                if frame is None:
                    camera.idle(feed.now_s)
                else:
                    camera.step(frame, self.engines.detector.detect(frame) if camera.looks_at(frame) else None)
                self.outputs.tick()
                if self.outputs.all_failed:  # as long as one is left, a camera is watched on
                    self.stop.set()
                if frame is not None and self.progress is not None:
                    self.progress(feed.info, RunSummary().add(self.summary).add(own))
        finally:
            if camera is not None:
                camera.finish()
            self._note(source.name, feed.health, own)
            self.summary.add(own)

    def _note(self, name: str, health: Health, own: RunSummary) -> None:
        own.reconnects += health.reconnects
        if health.dropped:
            own.warnings.append(f"{name}: {health.dropped} frames dropped to keep up")
        if health.reconnects:
            faults = ", ".join(f"{reason} {count}" for reason, count in sorted(health.faults.items()))
            own.warnings.append(f"{name}: connected anew {health.reconnects} times ({faults})")


class _Camera:
    """One stream's tracks, readings and waiting passages."""

    def __init__(self, run: StreamRun, info: StreamInfo, summary: RunSummary) -> None:
        self._run, self._info, config = run, info, run.config
        self._summary = summary
        self._size = info.width, info.height
        self._part = 0
        self._cadence = Cadence() if config.cadence == "auto" and not info.still else None
        track, self._vote = config.track, config.vote
        if info.still:  # one picture: what is seen once is all there is
            track = track.model_copy(update={"birth_hits": 1})
            self._vote = self._vote.model_copy(update={"min_reads": 1})
        # One camera name over several files: the numbers go on, so that (camera, track_id) stays unique.
        first_id = run.next_id if config.camera else 1
        self._name = config.camera or info.name
        self._tracker = Tracker(track, high_score=run.engines.high_score, first_id=first_id)
        self._readings: dict[int, TrackReadings] = {}
        self._book = PassageBook(self._vote.rejoin_s, self._vote.min_confidence)
        self._zones, self._lines = Zones(config.zones), Lines(config.lines)
        self._way: dict[int, tuple[FloatArray, list[str]]] = {}  # of each track: where it was, what it crossed
        self._kept: tuple[Passage, ...] | None = None
        self._keep()

    def looks_at(self, frame: Frame) -> bool:
        """Whether the detector should see this frame."""
        if self._cadence is None:
            return True
        tracks = self._tracker.tracks
        settled = self._run.config.read.settled
        told = all(t.id in self._readings and self._of(t).state.settled >= settled for t in tracks)
        open_ = not told or self._tracker.tentative
        return self._cadence.wants(frame, "open" if open_ else "settled" if tracks else "nothing")

    def step(self, frame: Frame, found: Plates | None) -> None:
        """Takes one frame and what was detected in it to the sinks; None where nobody looked."""
        summary = self._summary
        if frame.part != self._part:
            self._part = frame.part
            self._end(self._tracker.finish())  # what was here before was recorded at another time
            self._book.seam(frame.pts)
        if found is None:
            self._pass_over(frame)
            return
        if (frame.width, frame.height) != self._size:
            self._end(self._tracker.finish())  # places in a picture of another size mean nothing in this one
            self._size = frame.width, frame.height
        plates = self._zones.kept(found, frame.width, frame.height)
        summary.outside += len(found) - len(plates)
        ended = self._tracker.update(frame, plates)
        hit = [t for t in self._tracker.tracks if t.hit_in(frame.index)]
        readings = self._read(frame, hit)
        hit = [t for t in self._tracker.tracks if t.hit_in(frame.index)]  # one may be another vehicle now
        if self._run.outputs.keeps:
            self._run.outputs.seen(frame, found, _by_row(found, readings))
        if self._lines:
            self._follow(hit)
        self._announce(hit)
        summary.frames += 1
        summary.detections += int((plates.score >= self._run.engines.high_score).sum())
        self._end(ended)
        self._keep()
        self._emit(self._book.release(frame.pts, self._ongoing()))
        self._keep()
        self._run.outputs.frame(frame, plates, [self._view(t) for t in hit], wait=not self._info.live)

    def _pass_over(self, frame: Frame) -> None:
        """A frame that nobody looked at: the tracks are where they should be by now."""
        self._summary.frames += 1
        self._summary.passed_over += 1
        self.idle(frame.pts)
        if self._run.outputs.shows:
            moved = [self._view(t, self._tracker.expected(t, frame.pts)) for t in self._tracker.tracks]
            self._run.outputs.frame(frame, Plates.empty(), moved, wait=not self._info.live)

    def idle(self, now_s: float) -> None:
        """Time goes on and no frame comes: tracks end, and rows become final."""
        self._end(self._tracker.expire(now_s))
        self._emit(self._book.release(now_s, self._ongoing()))
        self._keep()

    def finish(self) -> None:
        """Ends all tracks and gives out every row that waits."""
        self._end(self._tracker.finish())
        self._emit(self._book.finish())
        self._keep()
        self._summary.joined += self._book.joined
        self._run.next_id = self._tracker.next_id

    def _read(self, frame: Frame, hit: list[Track]) -> list[tuple[Track, Reading]]:
        """Reads the plates of this frame that are worth it, in one batch."""
        wanted = [t for t in hit if self._of(t).wants(t, self._run.config.read)]
        if not wanted:
            return []
        done = []
        for track, found in zip(wanted, self._run.engines.read(frame, [t.last.quad for t in wanted]), strict=True):
            if found is not None:
                reading, crop = found
                of, now = self._of(track), track
                whole = inside(track.last.box_xyxy, frame.width, frame.height)
                if not of.take(track, reading, crop, whole) and of.succeeded:
                    now = self._succeed(track, of)
                    of = self._of(now)
                if of.best is now.last and crop is not None:
                    self._picture(of, frame, now)
                done.append((now, reading))
        self._summary.reads += len(done)
        return done

    def _succeed(self, track: Track, of: TrackReadings) -> Track:
        """Ends a track whose place another vehicle has taken, and begins that one's with what was read of it."""
        held, before = of.succession.release(), of.succession.before or track.first
        begun = self._tracker.succeed(track, [one.hit for one in held], before)
        self._end([track])
        for one in held:
            self._of(begun).add(one.hit, one.reading, one.crop, one.whole)
        return begun

    def _picture(self, of: TrackReadings, frame: Frame, track: Track) -> None:
        """Keeps what people shall see of the best reading so far, where somebody wants it."""
        from streamer.image.warp import rectify, to_jpeg

        if self._run.outputs.wants_crops:
            of.view = rectify(frame, track.last.quad, *_VIEW)
        if self._run.outputs.wants_snapshots:
            of.snapshot = to_jpeg(frame)

    def _follow(self, hit: list[Track]) -> None:
        """Notes the lines that the plates crossed since they were last seen."""
        for track in hit:
            before, crossed = self._way.get(track.id, (_centre(track.first.box_xyxy), []))
            after = _centre(track.last.box_xyxy)
            if len(crossed) < MOST_CROSSED:
                crossed += self._lines.crossed(before, after, *self._size)[: MOST_CROSSED - len(crossed)]
            self._way[track.id] = after, crossed

    def _announce(self, hit: list[Track]) -> None:
        """Tells the rows of living tracks whose text is new."""
        if not self._run.outputs.wants_news:
            return
        for track in hit:
            news = self._of(track).news(track, self._name, self._vote, self._run.config.track.min_strong)
            if news is not None:
                self._run.outputs.provisional(self._placed(news))

    def _placed(self, passage: Passage) -> Passage:
        """The passage with its zone and the lines that it crossed."""
        crossed = tuple(self._way[passage.track_id][1]) if passage.track_id in self._way else ()
        zone = self._zones.name_at(np.array(passage.box), *self._size)
        return replace(passage, zone=zone, crossed=crossed)

    def _of(self, track: Track) -> TrackReadings:
        if track.id not in self._readings:
            self._readings[track.id] = TrackReadings(
                self._run.engines.reader.alphabet, self._vote.min_reads, self._run.rule, self._info
            )
        return self._readings[track.id]

    def _end(self, tracks: list[Track]) -> None:
        for track in tracks:
            self._summary.tracks += 1
            readings = self._of(track)
            readings.finish()
            passage = readings.passage(track, self._name, self._vote, self._run.config.track.min_strong)
            del self._readings[track.id]
            if passage is None:
                withdrawn = readings.withdrawn(track, self._name, self._vote)
                if withdrawn is not None:
                    self._run.outputs.provisional(self._placed(withdrawn), withdrawn=True)
                self._reject(track, readings)
            else:
                self._book.add(self._placed(passage))
            self._way.pop(track.id, None)
        for track in self._tracker.take_flickers():
            self._reject(track, None)

    def _reject(self, track: Track, readings: TrackReadings | None) -> None:
        config = self._run.config
        rejection = rejection_of(track, readings, self._name, (config.track, config.read, self._vote))
        rejected = self._summary.rejected
        rejected[rejection.reason] = rejected.get(rejection.reason, 0) + 1
        self._run.outputs.rejection(rejection)

    def _ongoing(self) -> list[Ongoing]:
        return [Ongoing(t.first.pts, self._of(t).verdict.text) for t in self._tracker.tracks]

    def _keep(self) -> None:
        """Tells the outputs which rows of a camera wait, where these are others than before."""
        if not self._info.live:
            return
        pending = self._book.pending
        if self._kept is None or [*map(id, pending)] != [*map(id, self._kept)]:
            self._kept = pending
            self._run.outputs.waiting(self._name, pending)

    def _emit(self, passages: list[Passage]) -> None:
        for passage in passages:
            self._summary.passages += 1
            self._run.outputs.passage(passage)
        sure = self._vote.min_confidence
        verdicts = [readings.verdict for readings in self._readings.values()]
        self._summary.waiting = self._book.waiting(v.text for v in verdicts if v.confidence >= sure)

    def _view(self, track: Track, box_xyxy: FloatArray | None = None) -> TrackView:
        """How a track is drawn: where it was hit, or in a box that stands for it."""
        verdict, confidence = self._of(track).verdict, self._of(track).confidence(track)
        # What would give no row is not shown as a text either.
        text = verdict.text if confidence >= self._vote.min_confidence else ""
        last = track.last
        box = last.box_xyxy if box_xyxy is None else box_xyxy
        quad = last.quad if box_xyxy is None else last.quad + (_centre(box) - _centre(last.box_xyxy))
        return TrackView(track.id, box, quad, text, confidence, last.score)


def _centre(box_xyxy: FloatArray) -> FloatArray:
    return np.asarray((box_xyxy[:2] + box_xyxy[2:]) / 2)


def _by_row(plates: Plates, readings: list[tuple[Track, Reading]]) -> dict[int, Reading]:
    """The readings by the row of the plate that each was read of."""
    rows = {quad.tobytes(): k for k, quad in enumerate(plates.quad)}
    return {rows[track.last.quad.tobytes()]: reading for track, reading in readings}


def _detected(frames: Iterable[Frame], engines: Engines, *, patient: bool) -> Iterator[tuple[Frame, Plates]]:
    """Each frame with its detections, in order; the next ones are looked at meanwhile, in threads of their own.
    `patient`: those let others go first (see _go_behind)."""
    if engines.seats == 1:
        for frame in frames:
            yield frame, find(engines.detector, frame)
        return
    free: queue.SimpleQueue[DetectorLike] = queue.SimpleQueue()
    free.put(engines.detector)
    for _ in range(engines.seats - 1):
        free.put(engines.detector.another())

    def look(frame: Frame) -> Plates:
        detector = free.get()
        try:
            return find(detector, frame)
        finally:
            free.put(detector)

    pending: deque[tuple[Frame, Future[Plates]]] = deque()
    with ThreadPoolExecutor(engines.seats, "alpr-detect", _go_behind if patient else None) as pool:
        for frame in frames:
            pending.append((frame, pool.submit(look, frame)))
            if len(pending) > engines.seats:
                first, found = pending.popleft()
                yield first, found.result()
        for first, found in pending:
            yield first, found.result()


def _go_behind() -> None:
    """Lets other threads go before this one, where a thread has a priority of its own (Linux). An encoder's threads
    wait for one another: where they run whenever they can and detecting fills the gaps, both are done a tenth sooner.
    """
    if sys.platform == "linux":
        with contextlib.suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _BEHIND)


class _Feed:
    """A source decoded in a thread: iterate over it for its frames.

    `error` is the InputError it ended with, `dropped` the frames that a live source threw away.
    """

    def __init__(self, source: Source, size: int, stop: threading.Event) -> None:
        self.error: InputError | None = None
        self.dropped = 0
        self._bug: BaseException | None = None
        self._source = source
        self._queue: queue.Queue[Frame | None] = queue.Queue(size)
        self._stop = stop
        self._abandoned = threading.Event()
        self._thread = threading.Thread(target=self._decode, name="alpr-decode", daemon=True)
        self._thread.start()

    def __iter__(self) -> Iterator[Frame]:
        waited = 0.0
        while True:
            try:
                frame = self._queue.get(timeout=_POLL_S)
            except queue.Empty:
                # The decoder may sit in a read for ever: after a stop nothing more will come that was asked for.
                waited += _POLL_S
                if self._stop.is_set() and (self._source.live or waited >= _PATIENCE_S):
                    return
                continue
            waited = 0.0
            if frame is None:
                break
            yield frame
        if self._bug is not None:
            raise self._bug

    def join(self) -> bool:
        """Ends the thread; False where it hangs in a read, so that its source must be left alone."""
        self._abandoned.set()
        self._thread.join(_JOIN_S if self._source.live or not self._stop.is_set() else _PATIENCE_S)
        return not self._thread.is_alive()

    def _decode(self) -> None:
        try:
            for frame in self._source.frames():
                if not self._put(frame) or self._stop.is_set():
                    return
        except InputError as error:
            self.error = error
        except BaseException as error:  # carried to the caller's thread, which raises it
            self._bug = error
        finally:
            self._put(None)

    def _put(self, frame: Frame | None) -> bool:
        """Waits for room (a live source makes it); False where nobody takes frames any more."""
        while not self._abandoned.is_set():
            try:
                self._queue.put(frame, timeout=_POLL_S if not self._source.live or frame is None else 0)
                return True
            except queue.Full:
                if self._source.live and frame is not None:
                    self._drop_oldest()
        return False

    def _drop_oldest(self) -> None:
        try:
            self._queue.get_nowait()
            self.dropped += 1
        except queue.Empty:
            pass
