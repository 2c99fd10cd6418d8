"""Many cameras in one process: a thread each for tracking and voting, one pair of compiled networks for all, which
serve requests in order, and one set of outputs. A camera that fails affects no other.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence

from streamer.config.models import RunConfig
from streamer.errors import ConfigError, InputError
from streamer.pipeline.cameras import CameraRun, Cameras, SourceOf, camera_source
from streamer.pipeline.engines import Engines, load_engines
from streamer.pipeline.fanout import Outputs
from streamer.pipeline.relief import OverloadWatch, overload_of
from streamer.pipeline.runner import IncompleteRun
from streamer.pipeline.status import StatusLines, Streams
from streamer.process.clock import Clock, SystemClock
from streamer.sink.sink import Sink
from streamer.source.source import cap_threads
from streamer.types import RunSummary
from streamer.watch.watcher import WatchLists

_POLL_S = 0.2


def run_site(
    config: RunConfig,
    sinks: Sequence[Sink],
    *,
    engines: Engines | None = None,
    stop: threading.Event | None = None,
    status: Callable[[str], None] | None = None,
    source_of: SourceOf = camera_source,
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
    cameras = [CameraRun(name, stop) for name in config.cameras]
    streams.add_deliveries(outputs.deliveries)
    try:
        lists = WatchLists(config)
        lists.warn()
        engines = engines or load_engines(config)
        overload = overload_of(config)
        running = Cameras(
            engines, outputs, stop=stop, streams=streams, clock=clock, overload=overload, source_of=source_of
        )
        for one in cameras:
            running.add(one, config, lists, None if own is None else own(one.name), alone=len(cameras) == 1)
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


def _wait(
    cameras: Sequence[CameraRun], stop: threading.Event, lines: StatusLines | None, watch: OverloadWatch | None
) -> None:
    while not stop.wait(_POLL_S) and any(p.is_alive for p in cameras):
        if lines is not None:
            lines.tick()
        if watch is not None:
            watch.tick()


def _result(cameras: Sequence[CameraRun], outputs: Outputs, seconds: float) -> RunSummary:
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
