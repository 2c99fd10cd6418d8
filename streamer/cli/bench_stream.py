"""`alpr bench stream`: a whole run beside its parts, measured in one process, and how many cameras a machine takes."""

from __future__ import annotations

import re
import resource
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

import click

from streamer.cli.machine import cpu_name, spread
from streamer.cli.options import cadence_option, model_options
from streamer.config.urls import redact
from streamer.errors import InputError

if TYPE_CHECKING:
    from streamer.config.models import RunConfig
    from streamer.pipeline.engines import Engines
    from streamer.types import Frame

_HELD = 48  # decoded frames that the networks alone are measured on
_CAMERA_S = 20.0
_WARM_S = 3.0
_MOST_DROPPED = 0.01
_RATE = 25.0


@dataclass(frozen=True)
class Rate:
    """Frames a second, and milliseconds of all cores a frame."""

    fps: float
    cpu_ms: float


@click.command()
@click.argument("source", type=click.Path(path_type=Path))
@click.option(
    "--rounds",
    type=click.IntRange(min=1),
    default=3,
    show_default=True,
    metavar="COUNT",
    help="Number of times that each is measured, in turn.",
)
@click.option("--video", is_flag=True, help="Measure runs that write the annotated video, too.")
@click.option(
    "--streams",
    type=click.IntRange(min=1),
    metavar="COUNT",
    help="Measure this many cameras at 25 frames/s at once instead.",
)
@click.option("--most", is_flag=True, help="Search how many cameras can be read with under 1 % of the frames dropped.")
@model_options
@cadence_option
def stream(source: Path, rounds: int, video: bool, streams: int | None, most: bool, **options: Any) -> None:
    """Frames a second of `alpr run SOURCE`, beside bare decoding of the same file and the parts of the work.

    All alternate in one process, so that a busy or throttled machine slows all; medians are printed. The first run
    warms up caches and is not counted.
    """
    from streamer.config.models import RunConfig
    from streamer.engine.runtime import available_cores
    from streamer.pipeline.engines import load_engines

    if not source.is_file():
        raise InputError(f"{redact(str(source))}: is no file: give a video file to measure on")
    config = RunConfig().with_options(**options)
    engines = load_engines(config)
    click.echo(f"cpu      {cpu_name()}, {available_cores()} cores, threads {config.threads or 'all'}")
    click.echo(f"source   {source}")
    if streams or most:
        _cameras(source, config, engines, streams, most)
        return
    _parts(source, config, engines, rounds)
    if video:
        _with_video(source, config, engines, rounds)
    seconds, peak = fresh_run(source)
    click.echo(f"start    {seconds:8.2f} s from the command to the first reading, {peak:.0f} MB at most in that run")


def _parts(source: Path, config: RunConfig, engines: Engines, rounds: int) -> None:
    from streamer.engine.runtime import available_cores

    run_once(source, config, engines)
    frames = held(source)
    parts: dict[str, Callable[[], Rate]] = {
        "decode": lambda: decode_once(source),
        "shrink": lambda: each(frames, _shrink),
        "detect": lambda: each(frames, engines.detector.detect),
        "read": lambda: each(frames, lambda frame: engines.read(frame, [_somewhere(frame)])),
        "run": lambda: run_once(source, config, engines),
    }
    rates: dict[str, list[Rate]] = {name: [] for name in parts}
    for _ in range(rounds):
        for name, measure in parts.items():
            rates[name].append(measure())
    for name, found in rates.items():
        fps = [r.fps for r in found]
        unit = "plates/s" if name == "read" else "frames/s"
        cpu = median(r.cpu_ms for r in found)
        click.echo(f"{name:8s} {median(fps):8.1f} {unit}   {cpu:6.2f} ms of the cores each   ({spread(fps)})")
    bare, full = (median(r.fps for r in rates[name]) for name in ("decode", "run"))
    cpu = median(r.cpu_ms for r in rates["run"])
    click.echo(f"ratio    {full / bare:8.3f} of bare decoding")
    click.echo(f"busy     {cpu * full / 1e3 / available_cores():8.3f} of the cores' time while it runs")


def _with_video(source: Path, config: RunConfig, engines: Engines, rounds: int) -> None:
    """The run with its annotated video, beside decoding and encoding the same frames."""
    import tempfile

    from streamer.sink.video import VideoSink

    with tempfile.TemporaryDirectory(prefix="alpr-bench-") as folder:
        path = Path(folder) / "out.mp4"
        bare, full = [], []
        for _ in range(rounds):
            bare.append(recode_once(source, path, config))
            full.append(run_once(source, config, engines, lambda: [VideoSink(path, config.video)]))
    bare_fps, fps = median(r.fps for r in bare), median(r.fps for r in full)
    click.echo(f"recode   {bare_fps:8.1f} frames/s   {median(r.cpu_ms for r in bare):6.2f} ms of the cores each")
    click.echo(f"video    {fps:8.1f} frames/s   {median(r.cpu_ms for r in full):6.2f} ms of the cores each")
    click.echo(f"ratio    {fps / bare_fps:8.3f} of bare decoding and encoding")


def _cameras(source: Path, config: RunConfig, engines: Engines, streams: int | None, most: bool) -> None:
    click.echo("cameras  frames/s  dropped   delay ms p50    p99   cores busy")
    count = streams or 1
    while True:
        dropped = _camera_row(source, config, engines, count)
        if not most or dropped >= _MOST_DROPPED:
            return
        count += 1


def _camera_row(source: Path, config: RunConfig, engines: Engines, count: int) -> float:
    """Plays the file as so many cameras and prints what came of it; gives the share of frames that was dropped."""
    from streamer.config.models import CameraConfig
    from streamer.engine.runtime import available_cores
    from streamer.pipeline.site import run_site
    from streamer.pipeline.status import Streams

    site = config.model_copy(
        update={"cameras": {f"camera {k + 1}": CameraConfig(url=str(source), loop=True) for k in range(count)}}
    )
    streams = Streams()
    stop = threading.Event()
    work = partial(run_site, site, [], engines=engines, stop=stop, streams=streams)
    thread = threading.Thread(target=work)
    thread.start()
    time.sleep(_WARM_S)
    health = {w.name: w.health for w in streams.watched if w.health is not None}
    before = {name: (h.taken, h.dropped) for name, h in health.items()}
    for h in health.values():
        h.delays.clear()
    began, cpu = time.perf_counter(), time.process_time()
    time.sleep(_CAMERA_S)
    seconds, cpu = time.perf_counter() - began, time.process_time() - cpu
    done = sum(h.taken - before[name][0] for name, h in health.items())
    delays = sorted(d for h in health.values() for d in list(h.delays))
    stop.set()
    thread.join()
    expected = seconds * count * _frames_a_second(source)
    dropped = max(0.0, 1 - done / expected)
    p50, p99 = (1e3 * delays[int(q * (len(delays) - 1))] for q in (0.5, 0.99)) if delays else (0.0, 0.0)
    busy = cpu / seconds / available_cores()
    click.echo(f"{count:7d} {done / seconds:9.1f} {dropped:7.2%}   {p50:12.1f} {p99:6.1f}   {busy:10.2f}")
    return dropped


def _frames_a_second(source: Path) -> float:
    import av

    with av.open(str(source.absolute())) as container:
        return float(container.streams.video[0].average_rate or _RATE)


def _somewhere(frame: Frame) -> Any:
    """A quad of a plate's size in the middle of the picture."""
    import numpy as np

    from streamer.geometry import box_quad

    x, y = frame.width / 2, frame.height / 2
    return box_quad(np.array([x - 70, y - 22, x + 70, y + 22]))


def _shrink(frame: Frame) -> None:
    from streamer.engine.detector import net_size
    from streamer.image.warp import letterbox

    letterbox(frame, *net_size(frame.width, frame.height))


def held(source: Path) -> list[Frame]:
    """Some decoded frames of a file, from all over its beginning."""
    from streamer.source.file import VideoSource

    video = VideoSource(source)
    video.open()
    frames = [frame for frame, _ in zip(video.frames(), range(_HELD), strict=False)]
    video.close()
    return frames


def each(frames: list[Frame], work: Callable[[Frame], object]) -> Rate:
    """One after another in this thread, for a second at least."""
    with _Stopwatch() as watch:
        while watch.seconds < 1.0:
            for frame in frames:
                work(frame)
                watch.frames += 1
    return watch.rate


def decode_once(source: Path) -> Rate:
    """Decoding alone, nothing done with the pictures."""
    with _Stopwatch() as watch:
        for _ in _decoded(source):
            watch.frames += 1
    return watch.rate


def recode_once(source: Path, target: Path, config: RunConfig) -> Rate:
    """Decoding and encoding the same pictures with the annotated video's settings."""
    import av

    with _Stopwatch() as watch, av.open(str(target), "w") as out:
        video: Any = None
        for frame in _decoded(source):
            if video is None:
                options = {"preset": config.video.preset, "crf": str(config.video.crf), "bf": "0"}
                video = out.add_stream("libx264", rate=25, options=options)
                video.width, video.height, video.pix_fmt = frame.width, frame.height, "yuv420p"
                video.codec_context.gop_size = 50
            frame.pts, frame.time_base, frame.pict_type = watch.frames, Fraction(1, 25), 0
            out.mux(video.encode(frame))
            watch.frames += 1
        out.mux(video.encode(None))
    return watch.rate


def _decoded(source: Path) -> Iterator[Any]:
    import av

    try:
        container = av.open(str(source.absolute()))
    except (av.FFmpegError, OSError) as error:
        raise InputError(redact(f"{source}: cannot be opened ({error.strerror})")) from None
    with container:
        video = container.streams.video[0]
        video.thread_type = "AUTO"
        yield from container.decode(video)


def run_once(source: Path, config: RunConfig, engines: Engines, sinks: Callable[[], list[Any]] = list) -> Rate:
    """The whole stream, the networks being loaded already; without an output unless `sinks` makes some."""
    from streamer.pipeline.runner import run_stream

    with _Stopwatch() as watch:
        watch.frames = run_stream(source, sinks(), config, engines=engines).frames
    if not watch.frames:
        raise InputError(f"{source}: holds no frame to measure on", at=source)
    return watch.rate


class _Stopwatch:
    """Wall and processor time while inside."""

    frames = 0

    def __enter__(self) -> _Stopwatch:
        self._began, self._cpu = time.perf_counter(), time.process_time()
        return self

    def __exit__(self, *_: object) -> None:
        self._seconds, self._cpu = self.seconds, time.process_time() - self._cpu

    @property
    def seconds(self) -> float:
        return time.perf_counter() - self._began

    @property
    def rate(self) -> Rate:
        return Rate(self.frames / self._seconds, 1e3 * self._cpu / max(self.frames, 1))


def fresh_run(source: Path) -> tuple[float, float]:
    """Of a fresh process: seconds from the start of the command to the first provisional row, and the most memory
    it had, MB; both 0 where no row came."""
    command = [sys.executable, "-m", "streamer.cli", "run", str(source), "--jsonl", "/dev/stdout", "--provisional"]
    began = time.perf_counter()
    seconds = peak = 0.0
    with subprocess.Popen([*command, "--quiet"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        assert process.stdout is not None
        for _ in process.stdout:  # the last rows come at the end
            seconds = seconds or time.perf_counter() - began
            peak = max(peak, _peak_mb(process.pid))
    return seconds, peak


def _peak_mb(pid: int) -> float:
    """The most memory that a process has had. (On Linux its resource usage would count what its parent had.)"""
    try:
        status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    except OSError:
        peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
        return peak / 1e6 if sys.platform == "darwin" else peak / 1e3
    found = re.search(r"VmHWM:\s*(\d+) kB", status)
    return float(found[1]) / 1e3 if found else 0.0
