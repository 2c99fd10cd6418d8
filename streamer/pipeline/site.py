"""Many cameras in one process: a thread each for tracking and voting, one pair of compiled networks for all, whose work
is done in the order it was asked for, and one set of outputs. A camera that fails touches no other.
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
from streamer.pipeline.outputs import Outputs
from streamer.pipeline.runner import IncompleteRun, StreamRun
from streamer.pipeline.status import StatusLines, Streams
from streamer.process.clock import Clock, SystemClock
from streamer.sink.base import Sink
from streamer.sink.events import Event
from streamer.source.address import local_path
from streamer.source.base import Source, cap_threads
from streamer.source.file import VideoSource
from streamer.source.live import is_live
from streamer.source.paced import PacedSource
from streamer.source.resolve import open_address
from streamer.types import RunSummary

_POLL_S = 0.2


class _CameraOutputs(Outputs):
    """The outputs of one camera: its own, and those that it shares. Its own fail alone."""

    def __init__(self, shared: Outputs, own: Sequence[Sink], camera: str) -> None:
        super().__init__(own, camera)
        self._shared = shared
        self.wants |= shared.wants

    @property
    def all_failed(self) -> bool:
        return self._shared.all_failed and all(d.failed for d in self.deliveries)

    def put(self, event: Event) -> None:
        super().put(event)
        self._shared.put(event)


@dataclass
class _Post:
    """A camera at work: its thread, what it counted, and what ended it."""

    name: str
    summary: RunSummary = field(default_factory=RunSummary)
    error: BaseException | None = None
    thread: threading.Thread | None = None
    outputs: _CameraOutputs | None = None


def camera_source(camera: CameraConfig, live: LiveConfig) -> Source:
    """An address or a device as it comes; a file is played at its own pace, also one behind an address."""
    address = local_path(camera.address())
    track = camera.video_track
    source = (
        open_address(address, live=live, ahead=False, video_track=track)
        if is_live(address)
        else VideoSource(address, ahead=False, video_track=track)
    )
    return source if source.live or not isinstance(source, VideoSource) else PacedSource(source, loop=camera.loop)


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

    `own` makes sinks for one camera alone, by its name. `status` gets a line about each camera once a minute; all are
    watched by `clock`. Raises as `pipeline.run_stream`; IncompleteRun where cameras were given up on, the others having
    been read on.
    """
    if not config.cameras:
        raise ConfigError("cameras: none is named; give each a name and a url, see configs/stream/site.yaml")
    stop, clock = stop or threading.Event(), clock or SystemClock()
    began = time.perf_counter()
    cap_threads(sinks, config.threads)
    outputs = Outputs(sinks)
    posts = [_Post(name) for name in config.cameras]
    streams = streams or Streams()
    streams.deliver(outputs.deliveries)
    try:
        engines = engines or load_engines(config)
        for post in posts:
            settings = config.of_camera(post.name)
            if own is not None:
                post.outputs = _CameraOutputs(outputs, own(post.name), post.name)
                streams.deliver(post.outputs.deliveries)
            run = StreamRun(
                settings,
                engines.of_camera(settings, config),
                post.outputs or outputs,
                post.summary,
                stop,
                None,
                vote,
                streams,
                alone=len(posts) == 1,
                clock=clock,
            )
            # An address is asked what it is in the camera's own thread: one that does not answer holds up no other.
            camera = config.cameras[post.name].model_copy(update={"video_track": settings.video_track})
            find = partial(source_of, camera, settings.live)
            post.thread = threading.Thread(target=_work, args=(post, run, find, stop), name=f"alpr-{post.name}")
            post.thread.start()
        _wait(posts, stop, StatusLines(streams, status, clock) if status else None)
    finally:
        stop.set()
        for post in posts:
            if post.thread is not None:
                post.thread.join()
        every = [outputs, *(post.outputs for post in posts if post.outputs is not None)]
        for one_of in every:
            one_of.begin_close()
        for one_of in every:
            one_of.finish_close()
    return _result(posts, outputs, time.perf_counter() - began)


def _work(post: _Post, run: StreamRun, find: Callable[[], Source], stop: threading.Event) -> None:
    try:
        run.stream(find())
    except InputError as error:
        post.error = error
    except BaseException as error:  # a bug, not a camera: everything stops
        post.error = error
        stop.set()


def _wait(posts: Sequence[_Post], stop: threading.Event, lines: StatusLines | None) -> None:
    while not stop.wait(_POLL_S) and any(p.thread is not None and p.thread.is_alive() for p in posts):
        if lines is not None:
            lines.tick()


def _result(posts: Sequence[_Post], outputs: Outputs, seconds: float) -> RunSummary:
    total = RunSummary(seconds=seconds, ended="stopped")
    for post in posts:
        total.add(post.summary)
    for one_of in (outputs, *(post.outputs for post in posts)):
        if one_of is not None:
            total.warnings += one_of.warnings
    for one_of in (outputs, *(post.outputs for post in posts)):
        if one_of is not None and one_of.error is not None:
            raise one_of.error
    for post in posts:
        if post.error is not None and not isinstance(post.error, InputError):
            raise post.error
    failed = [str(p.error) for p in posts if p.error is not None]
    if failed:
        raise IncompleteRun(
            f"{len(failed)} of {len(posts)} cameras were given up on: {'; '.join(failed)}", total, failed
        )
    return total
