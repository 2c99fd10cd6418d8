"""Cameras that are read side by side in one process, each in a thread. One may be added or given up while others are
read."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial

from streamer.config.models import CameraConfig, LiveConfig, RunConfig
from streamer.errors import ConfigError, InputError
from streamer.passages.vote import vote
from streamer.pipeline.engines import Engines
from streamer.pipeline.fanout import Outputs
from streamer.pipeline.overload import Overload
from streamer.pipeline.runner import StreamRun
from streamer.pipeline.status import Streams
from streamer.process.clock import Clock
from streamer.sink.events import Event
from streamer.sink.sink import Sink
from streamer.source.address import local_path
from streamer.source.file import VideoSource
from streamer.source.live import is_live
from streamer.source.paced import PacedSource
from streamer.source.resolve import open_address
from streamer.source.source import Repeatable, Source
from streamer.types import RunSummary
from streamer.watch.watcher import WatchLists

SourceOf = Callable[[CameraConfig, LiveConfig], Source]


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


class CameraOutputs(Outputs):
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


@dataclass(eq=False)
class CameraRun:
    """One camera: its thread, its counts, and the error that ended it. `closes`: it closes its own outputs once it is
    stopped."""

    name: str
    stop: threading.Event
    summary: RunSummary = field(default_factory=RunSummary)
    error: BaseException | None = None
    thread: threading.Thread | None = None
    outputs: CameraOutputs | None = None
    closes: bool = False

    @property
    def is_alive(self) -> bool:
        return self.thread is not None and self.thread.is_alive()

    @property
    def failed(self) -> str:
        """Why it ended, where it was not told to."""
        return "" if self.error is None else str(self.error)


class Cameras:
    """The cameras of a process. `outputs`: shared by all; `stop`: of all; `overload`: the ladder of all."""

    def __init__(
        self,
        engines: Engines,
        outputs: Outputs,
        *,
        stop: threading.Event,
        streams: Streams,
        clock: Clock,
        overload: Overload | None = None,
        source_of: SourceOf = camera_source,
    ) -> None:
        self._engines, self._outputs, self._stop, self._streams = engines, outputs, stop, streams
        self._clock, self._overload, self._source_of = clock, overload, source_of

    def add(
        self, one: CameraRun, config: RunConfig, lists: WatchLists, own: Sequence[Sink] | None = None,
        *, alone: bool = False,
    ) -> None:  # fmt: skip
        """Begins to read a camera of `config`, into the shared outputs and its `own`."""
        settings = config.of_camera(one.name)
        if own is not None:
            one.outputs = CameraOutputs(self._outputs, own, one.name, one.stop)
            self._streams.add_deliveries(one.outputs.deliveries)
        run = StreamRun(
            settings,
            self._engines.of_camera(settings, config),
            one.outputs or self._outputs,
            one.summary,
            one.stop,
            None,
            vote,
            self._streams,
            alone=alone,
            clock=self._clock,
            overload=self._overload,
            watcher=lists.of(settings),
        )
        # The camera's own thread opens its address: one that does not answer delays no other.
        camera = config.cameras[one.name].model_copy(update={"video_track": settings.video_track})
        find = partial(self._source_of, camera, settings.live)
        one.thread = threading.Thread(target=self._read, args=(one, run, find), name=f"alpr-{one.name}")
        one.thread.start()

    def _read(self, one: CameraRun, run: StreamRun, find: Callable[[], Source]) -> None:
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
            one.stop.set()
        finally:
            if one.closes and one.outputs is not None:
                one.outputs.close()
