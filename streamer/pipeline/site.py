"""Many cameras in one process: a thread each for tracking and voting, one pair of compiled networks for all, which
serve requests in order, and one set of outputs. A camera that fails affects no other.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial

from streamer.config.models import CameraConfig, LiveConfig, RunConfig
from streamer.errors import ConfigError, InputError
from streamer.passages.vote import vote
from streamer.pipeline.engines import Engines, load_engines
from streamer.pipeline.fanout import Outputs
from streamer.pipeline.relief import OverloadWatch, overload_of
from streamer.pipeline.runner import IncompleteRun, StreamRun
from streamer.pipeline.status import StatusLines, Streams
from streamer.process.clock import Clock, SystemClock
from streamer.sink.events import Event
from streamer.sink.sink import Sink
from streamer.source.address import local_path
from streamer.source.file import VideoSource
from streamer.source.live import is_live
from streamer.source.paced import PacedSource
from streamer.source.resolve import open_address
from streamer.source.source import Repeatable, Source, cap_threads
from streamer.types import RunSummary
from streamer.watch.watcher import WatchLists

_POLL_S = 0.2


class _CameraOutputs(Outputs):
    """The outputs of one camera: its own, and those that it shares. A failure of its own stops no other camera."""

    def __init__(self, shared: Outputs, own: Sequence[Sink], camera: str, stop: threading.Event) -> None:
        super().__init__(own, camera, stop)
        self._shared = shared
        self.wants |= shared.wants

    @property
    def all_failed(self) -> bool:
        return self._shared.all_failed and all(d.failed for d in self.deliveries)

    def put(self, event: Event) -> None:
        super().put(event)
        self._shared.put(event)


@dataclass
class _CameraRun:
    """One camera: its thread, its counts, and the error that ended it."""

    name: str
    summary: RunSummary = field(default_factory=RunSummary)
    error: BaseException | None = None
    thread: threading.Thread | None = None
    outputs: _CameraOutputs | None = None


def camera_source(camera: CameraConfig, live: LiveConfig) -> Source:
    """The source of a camera's address or device; a recording that can be read again is played at its own rate."""
    address = local_path(camera.address())
    track = camera.video_track
    source: Source = (
        open_address(address, live=live, ahead=False, video_track=track)
        if is_live(address)
        else VideoSource(address, ahead=False, video_track=track)
    )
    if source.live:
        return source
    if isinstance(source, Repeatable):
        return PacedSource(source, loop=camera.loop)
    if camera.loop:
        raise ConfigError(f"{source.name}: loop: this source cannot be read again (it has no again()): leave loop out")
    return source


def run_site(
    config: RunConfig,
    sinks: Sequence[Sink],
    *,
    engines: Engines | None = None,
    stop: threading.Event | None = None,
    status: Callable[[str], None] | None = None,
    source_of: Callable[[CameraConfig, LiveConfig], Source] = camera_source,
    streams: Streams | None = None,
    own: Callable[[str], Sequence[Sink]] | None = None,
    clock: Clock | None = None,
) -> RunSummary:
    """Reads the plates of all `cameras` of the configuration into `sinks` until `stop` is set; closes the sinks.

    `own` makes sinks for one camera alone, by its name. `status` gets a line about each camera once a minute; `clock`
    times all. Raises as `run_stream`; IncompleteRun where cameras failed for good, after the others were read to the
    end.
    """
    if not config.cameras:
        raise ConfigError("cameras: there is none; give each a name and a url, see configs/stream/site.yaml")
    stop, clock = stop or threading.Event(), clock or SystemClock()
    began = time.perf_counter()
    cap_threads(sinks, config.threads)
    streams = streams or Streams()
    outputs = Outputs([*sinks, *streams.onlookers], stop=stop)
    cameras = [_CameraRun(name) for name in config.cameras]
    streams.add_deliveries(outputs.deliveries)
    try:
        lists = WatchLists(config)
        lists.warn()
        engines = engines or load_engines(config)
        overload = overload_of(config)
        for one in cameras:
            settings = config.of_camera(one.name)
            if own is not None:
                one.outputs = _CameraOutputs(outputs, own(one.name), one.name, stop)
                streams.add_deliveries(one.outputs.deliveries)
            run = StreamRun(
                settings,
                engines.of_camera(settings, config),
                one.outputs or outputs,
                one.summary,
                stop,
                None,
                vote,
                streams,
                alone=len(cameras) == 1,
                clock=clock,
                overload=overload,
                watcher=lists.of(settings),
            )
            # The camera's own thread opens its address: one that does not answer delays no other.
            camera = config.cameras[one.name].model_copy(update={"video_track": settings.video_track})
            find = partial(source_of, camera, settings.live)
            one.thread = threading.Thread(target=_read_camera, args=(one, run, find, stop), name=f"alpr-{one.name}")
            one.thread.start()
        watch = None if overload is None else OverloadWatch(overload, streams, clock)
        _wait(cameras, stop, StatusLines(streams, status, clock) if status else None, watch)
    finally:
        stop.set()
        for one in cameras:
            if one.thread is not None:
                one.thread.join()
        all_outputs = [outputs, *(c.outputs for c in cameras if c.outputs is not None)]
        for each in all_outputs:
            each.begin_close()
        for each in all_outputs:
            each.finish_close()
    return _result(cameras, outputs, time.perf_counter() - began)


def _read_camera(one: _CameraRun, run: StreamRun, find: Callable[[], Source], stop: threading.Event) -> None:
    try:
        source = find()
        try:
            run.stream(source)
        finally:
            one.summary.warnings += [f"{one.name}: {warning}" for warning in source.warnings]
    except InputError as error:
        one.error = error
    except BaseException as error:  # a bug, not a fault of the camera: the run ends
        one.error = error
        stop.set()


def _wait(
    cameras: Sequence[_CameraRun], stop: threading.Event, lines: StatusLines | None, watch: OverloadWatch | None
) -> None:
    while not stop.wait(_POLL_S) and any(p.thread is not None and p.thread.is_alive() for p in cameras):
        if lines is not None:
            lines.tick()
        if watch is not None:
            watch.tick()


def _result(cameras: Sequence[_CameraRun], outputs: Outputs, seconds: float) -> RunSummary:
    total = RunSummary(seconds=seconds, ended="stopped")
    for one in cameras:
        total.add(one.summary)
    all_outputs = [outputs, *(c.outputs for c in cameras if c.outputs is not None)]
    for each in all_outputs:
        total.warnings += each.warnings
    for each in all_outputs:
        if each.error is not None:
            raise each.error
    for one in cameras:
        if one.error is not None and not isinstance(one.error, InputError):
            raise one.error
    failed = [str(p.error) for p in cameras if p.error is not None]
    if failed:
        raise IncompleteRun(f"{len(failed)} of {len(cameras)} cameras failed: {'; '.join(failed)}", total, failed)
    return total
