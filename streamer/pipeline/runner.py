"""From a source to its sinks: one stream's frames through its state, and its events to the outputs.

One thread decodes (feed.py, or source/connection.py for a camera); the caller's thread tracks, reads and votes. A file
waits for the slowest part and loses nothing, so two runs write the same rows. A live source never waits: the newest
frame wins and drops are counted.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

from streamer.config.models import RunConfig
from streamer.engine.large import LARGE, shrunk_by
from streamer.engine.zoo import plate_folders
from streamer.errors import ConfigError, InputError
from streamer.passages.country import with_country_prior
from streamer.passages.vote import AlphabetLike, VoteRule, vote
from streamer.pipeline.camera_steps import CameraSteps
from streamer.pipeline.detect import with_detections
from streamer.pipeline.engines import DetectorLike, Engines, LooksTwice, ReaderLike, load_engines
from streamer.pipeline.fanout import Outputs
from streamer.pipeline.feed import Feed
from streamer.pipeline.found import finder, found_in
from streamer.pipeline.hiding import Hiding
from streamer.pipeline.looks import Look
from streamer.pipeline.overload import Overload
from streamer.pipeline.ports import Ports, StreamSettings, Wanted
from streamer.pipeline.relief import OverloadWatch, overload_of
from streamer.pipeline.state import StreamState
from streamer.pipeline.status import Pulse, StatusLines, Streams
from streamer.plates.formats import Formats, formats_of
from streamer.process.clock import Clock, SystemClock
from streamer.sink.events import Event, HealthChanged, WatchHit
from streamer.sink.sink import Sink
from streamer.source.health import Health
from streamer.source.identity import Identities
from streamer.source.reconnect import LiveFeed
from streamer.source.resolve import open_source
from streamer.source.source import Reopening, Source, StreamInfo, cap_threads, choose_decoder
from streamer.tracking.trackers import check_tracker
from streamer.types import Frame, Plates, RunSummary
from streamer.watch.watcher import Watcher, WatchLists


class IncompleteRun(InputError):
    """Some input failed; everything else was done and written. `summary` has the counts, `failures` one message
    each."""

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
    clock: Clock | None = None,
) -> RunSummary:
    """Reads every plate of `source` (a path, an address or Source objects) into `sinks`, which it closes at the end.

    `stop`, once set, ends the run after the frames that are decoded already; tracks so far still make their rows.
    `progress` is called after every frame, `status` with a line about a camera once a minute; each stream is
    registered in `streams` as it begins. `detector` and `reader` replace the configured ones, `engines` both, as
    `load_engines` made them. `rule` is the vote: it turns a track's readings into its text. `clock` times cameras.
    Raises ModelError before anything is decoded; IncompleteRun (an InputError) after all outputs are complete, where a
    source could not be opened or ended early; OutputError where a sink failed, after the others were closed.
    """
    config = config or RunConfig()
    began = time.perf_counter()
    cap_threads(sinks, config.threads)
    stop = stop or threading.Event()
    outputs = Outputs([*sinks, *(streams.onlookers if streams is not None else ())], stop=stop)
    if streams is not None:
        streams.add_deliveries(outputs.deliveries)
    summary = RunSummary()
    failures: list[str] = []
    try:
        sources = _sources_of(source, config)
        lists = WatchLists(config)
        lists.warn()
        engines = engines or load_engines(config, detector, reader)
        run = StreamRun(
            config,
            engines,
            outputs,
            summary,
            stop,
            progress,
            rule,
            streams,
            status,
            alone=len(sources) == 1,
            clock=clock or SystemClock(),
            watcher=lists.of(config),
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
    summary.warnings += outputs.warnings
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


@dataclass(eq=False)
class StreamRun:
    """What all streams of a run share. `summary`: of the streams that ended; `alone`: it is the only stream.
    `overload`: the ladder of all cameras, which is judged elsewhere; None for one of its own."""

    config: RunConfig
    engines: Engines
    outputs: Outputs
    summary: RunSummary
    stop: threading.Event
    progress: Callable[[StreamInfo, RunSummary], None] | None
    rule: VoteRule
    streams: Streams | None = None
    status: Callable[[str], None] | None = None
    alone: bool = False
    next_id: int = 1
    clock: Clock = field(default_factory=SystemClock)
    watcher: Watcher | None = None
    overload: Overload | None = None

    def __post_init__(self) -> None:
        check_tracker(self.config.track)
        self.identities = Identities(self.clock)
        self._looker: LooksTwice | None = None
        self._own = self.summary
        self._hiding = None if self.config.blur == "none" else Hiding(self.config.blur)
        formats = _formats(self.config, self.engines.reader.alphabet)
        if formats is not None:
            self.rule = with_country_prior(self.rule, formats)

    def stream(self, source: Source) -> None:
        """Reads one source to its end; InputError after its rows are written, where it ended early."""
        cap_threads([source], self.config.threads)
        choose_decoder([source], self.config.decode)
        if not source.live:
            self._recording(source)
        elif isinstance(source, Reopening):
            self._camera(source)
        else:
            raise ConfigError(
                f"{source.name}: a live source must have again() and finite, so that it can be reconnected (see "
                "streamer.Reopening); otherwise set live = False: it is then read like a file"
            )

    def _recording(self, source: Source) -> None:
        feed: Feed | None = None
        own, pulse = RunSummary(), Pulse()
        try:
            info = self.identities.of(source.open(), self.config.camera)
            if self.streams is not None:
                pulse = self.streams.watch(self.config.camera or info.name, own)
            state = self._begin(info, own)
            feed = Feed(source, self.config.queue, self.stop)
            pulse.waiting = True
            for frame, found in self._with_detections(feed, state):
                pulse.turns, pulse.waiting = pulse.turns + 1, False
                self._put(state.step(frame, found))
                self._show(frame, state)
                if self.outputs.error is not None:
                    self.stop.set()
                self._progress(info, own)
                pulse.waiting = True
            self._put(state.finish())
            self.next_id = state.next_id
            if feed.error is not None:
                raise feed.error
        finally:
            pulse.ended = True
            self.summary.add(own)
            if feed is None or feed.join():
                source.close()

    def _with_detections(self, frames: Iterable[Frame], state: StreamState) -> Iterator[tuple[Frame, Plates | None]]:
        if self.config.cadence == "auto":  # the next decision depends on the tracks so far
            for frame in frames:
                yield frame, found_in(frame, state, self.engines.detector)
        else:
            low, found_by = self.outputs.wants_frames, finder(state)
            yield from with_detections(frames, self.engines, low_priority=low, found_by=found_by)

    def _camera(self, source: Reopening) -> None:
        """Reads a camera, through all its faults, until the run is stopped or the camera ends for good."""
        state: StreamState | None = None
        steps: CameraSteps | None = None
        own = RunSummary()
        name = self.config.camera or source.name
        feed = LiveFeed(
            source,
            self.config.live,
            self.stop,
            name=self.config.camera,
            alone=self.alone,
            clock=self.clock,
            changed=lambda up, reason: self.outputs.put(HealthChanged(name, up, reason)),
            sleeps=not (self.outputs.wants_frames or self.outputs.wants_readings),  # they want every frame
        )
        streams = self.streams or Streams()
        pulse = streams.watch(name, own, feed.health)
        lines = None if self.status is None else StatusLines(streams, self.status, self.clock)
        ladder = self.overload or overload_of(self.config, name)
        watch = OverloadWatch(ladder, streams, self.clock) if ladder is not None and self.overload is None else None
        try:
            for frame in feed:
                pulse.turns += 1
                if lines is not None:
                    lines.tick()
                if watch is not None:
                    watch.tick()
                if state is None and feed.info is not None:
                    state = self._begin(self.identities.of(feed.info, self.config.camera), own)
                    steps = CameraSteps(state, self.engines, self.config.live.sleep_after_s, feed.health)
                if steps is None or feed.info is None:
                    continue
                if ladder is not None and state is not None:
                    state.relief = ladder.relief(name)
                self._put(steps.after(frame, feed))
                self.outputs.tick()
                if self.outputs.all_failed:  # while one output works, the camera is read on
                    self.stop.set()
                if frame is not None:
                    self._show(frame, state)
                    self._progress(feed.info, own)
        finally:
            pulse.ended = True
            if state is not None:
                self._put(state.finish())
                self.next_id = state.next_id
            _add_health(name, feed.health, own)
            self.summary.add(own)

    def _begin(self, info: StreamInfo, own: RunSummary) -> StreamState:
        # Several files under one camera name: numbering continues, so that (camera, track_id) stays unique.
        first_id = self.next_id if self.config.camera else 1
        settings = StreamSettings(self.config, info, self.engines.high_score, self.rule, first_id)
        look = self._look_at(info)
        hide = None if self._hiding is None else self._hiding.frame
        reports = self.watcher is not None and (self.config.blur == "others" or WatchHit in self.outputs.wants.events)
        wanted = _wanted(self.outputs, self.watcher, reports=reports)
        ports = Ports(self.engines.read, self.engines.reader.alphabet, wanted, look, hide)
        state, self._own = StreamState(settings, ports, own), own
        self._put(state.begin())
        return state

    def _look_at(self, info: StreamInfo) -> Look | None:
        """Who looks again at finds of this stream; None where the detector does at once: pictures, and sizes that are
        looked at in tiles."""
        detector = self.engines.detector
        if info.still or shrunk_by(info.width, info.height) > LARGE or not isinstance(detector, LooksTwice):
            return None
        if self._looker is None:  # its own: the detector works in other threads meanwhile
            looker = detector.another()
            assert isinstance(looker, LooksTwice)
            self._looker = looker
        return self._looker.look

    def _put(self, events: Iterable[Event]) -> None:
        for event in events:
            for one in (event,) if self.watcher is None else self.watcher.apply(event):
                if isinstance(one, WatchHit) and one.status == "final":
                    hits = self._own.watch_hits
                    hits[one.match.list] = hits.get(one.match.list, 0) + 1
                self.outputs.put(one if self._hiding is None else self._hiding.apply(one))

    def _show(self, frame: Frame, state: StreamState | None) -> None:
        """Shows a frame and its tracks to who looks at the stream just now."""
        viewer = None if self.streams is None else self.streams.viewer
        if viewer is not None and state is not None and viewer.wants(state.name):
            viewer.put(state.name, frame, state.views(frame))

    def _progress(self, info: StreamInfo, own: RunSummary) -> None:
        if self.progress is not None:
            self.progress(info, RunSummary().add(self.summary).add(own))


def _wanted(outputs: Outputs, watcher: Watcher | None, *, reports: bool) -> Wanted:
    return Wanted(
        frames=outputs.wants_frames,
        readings=outputs.wants_readings,
        provisional=outputs.wants_provisional or reports,
        crops=outputs.wants_crops,
        snapshots=outputs.wants_snapshots,
        waiting=True,
        posteriors=outputs.wants_posteriors or (watcher is not None and watcher.wants_posteriors),
    )


def _formats(config: RunConfig, alphabet: AlphabetLike) -> Formats | None:
    """The formats of the expected countries' plates; None where no country is set."""
    if not config.countries:
        return None
    return formats_of(config.countries, plate_folders(config.plates), tuple(alphabet.symbols), alphabet.size)


def _add_health(name: str, health: Health, own: RunSummary) -> None:
    own.reconnects += health.reconnects
    own.slept += health.slept
    if health.dropped:
        own.warnings.append(f"{name}: {health.dropped} frames dropped to keep up")
    if health.reconnects:
        own.warnings.append(f"{name}: reconnected {health.reconnects} times ({health.fault_counts})")
