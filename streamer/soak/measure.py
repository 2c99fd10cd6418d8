"""A run of the whole pipeline on cameras with broken connections, sampled over time."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from streamer.config.models import CameraConfig, RunConfig
from streamer.pipeline.engines import Engines
from streamer.pipeline.site import run_site
from streamer.pipeline.status import Streams
from streamer.sink.csv import CsvSink
from streamer.sink.jsonl import JsonlSink
from streamer.soak.breaking_camera import BreakingCamera
from streamer.soak.probe import Probe, Resources, Sample, current_resources
from streamer.soak.trend import Trend, trend
from streamer.source.file import VideoSource

_WAKES_S = 2.0  # a silent connection ends this long after it was abandoned
_REJOIN_S = 0.5
_LEAVES_S = 15.0  # time limit for threads to end


@dataclass(frozen=True)
class Plan:
    """Clips, played as one camera each at `speed` times real time for `seconds`; a connection breaks every
    `reconnect_s`."""

    clips: tuple[Path, ...]
    seconds: float
    speed: float
    reconnect_s: float
    sample_s: float
    warm_s: float


@dataclass(frozen=True)
class SoakResult:
    """The samples, and the resources before and after the run."""

    samples: tuple[Sample, ...]
    before: Resources
    after: Resources
    warm_s: float

    @property
    def settled(self) -> tuple[Sample, ...]:
        """The samples after warming up."""
        return tuple(s for s in self.samples if s.at_s >= self.warm_s)

    def trend(self, name: str) -> Trend | None:
        """The trend of one of the samples' values after warming up."""
        of = self.settled
        return trend(np.array([s.at_s for s in of]), np.array([getattr(s, name) for s in of], float))


def soak(
    plan: Plan,
    config: RunConfig,
    engines: Engines,
    folder: Path,
    stop: threading.Event,
    on_sample: Callable[[Sample], None],
) -> SoakResult:
    """Runs the plan with rows into `folder` until its time is over or `stop` is set; calls `on_sample` with each
    sample."""
    names = {f"camera-{k + 1}": clip for k, clip in enumerate(plan.clips)}
    cameras = {name: CameraConfig(url=str(clip)) for name, clip in names.items()}
    # A looped clip shows the same vehicles again: they must make new rows.
    vote = config.vote.model_copy(update={"rejoin_s": _REJOIN_S})
    site = config.model_copy(update={"cameras": cameras, "vote": vote})
    silent_s = config.live.silence_s + _WAKES_S

    def source_of(camera: CameraConfig, live: object) -> BreakingCamera:
        clip = VideoSource(camera.address(), ahead=False)
        return BreakingCamera(clip, speed=plan.speed, every_s=plan.reconnect_s, silent_s=silent_s)

    sinks = [CsvSink(folder / "rows.csv", config=config.rows), JsonlSink(folder / "rows.jsonl", provisional=True)]
    streams, samples, before = Streams(), [], current_resources()
    errors: list[BaseException] = []

    def work() -> None:
        try:
            run_site(site, sinks, engines=engines, stop=stop, streams=streams, source_of=source_of)
        except BaseException as error:  # raised in the caller's thread
            errors.append(error)

    thread = threading.Thread(target=work, name="alpr-soak")
    thread.start()
    probe, until = Probe(streams), time.monotonic() + plan.seconds
    while thread.is_alive() and not stop.is_set() and time.monotonic() < until:
        stop.wait(min(plan.sample_s, max(0.0, until - time.monotonic())))
        samples.append(probe.sample())
        on_sample(samples[-1])
    stop.set()
    thread.join()
    if errors:
        raise errors[0]
    return SoakResult(tuple(samples), before, _resources_after(before), plan.warm_s)


def _resources_after(before: Resources) -> Resources:
    """The resources at the end, after abandoned connections had time to end."""
    until = time.monotonic() + _LEAVES_S
    while current_resources().threads > before.threads and time.monotonic() < until:
        time.sleep(0.1)
    return current_resources()
