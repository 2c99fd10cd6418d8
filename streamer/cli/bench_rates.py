"""Frames per second and processor time of a run and of its parts."""

from __future__ import annotations

import re
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

from streamer.config.urls import redact
from streamer.errors import InputError

if TYPE_CHECKING:
    from streamer.config.models import RunConfig
    from streamer.pipeline.engines import Engines
    from streamer.types import Frame

_FRAMES = 48  # decoded frames that the networks alone are measured on


@dataclass(frozen=True)
class Rate:
    """Frames per second, and processor milliseconds per frame over all cores."""

    fps: float
    cpu_ms: float


class _Stopwatch:
    """Wall and processor time within the context."""

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


def decoded_frames(source: Path) -> list[Frame]:
    """The first decoded frames of a file."""
    from streamer.source.file import VideoSource

    video = VideoSource(source)
    video.open()
    frames = [frame for frame, _ in zip(video.frames(), range(_FRAMES), strict=False)]
    video.close()
    return frames


def repeat(frames: list[Frame], work: Callable[[Frame], object]) -> Rate:
    """Calls `work` with one frame after another in this thread, for at least a second."""
    with _Stopwatch() as watch:
        while watch.seconds < 1.0:
            for frame in frames:
                work(frame)
                watch.frames += 1
    return watch.rate


def decode_once(source: Path, decode: str = "cpu") -> Rate:
    """Decoding only, on the CPU or on some hardware (the copy to main memory included)."""
    with _Stopwatch() as watch:
        for _ in _decoded(source, decode):
            watch.frames += 1
    return watch.rate


def recode_once(source: Path, target: Path, config: RunConfig) -> Rate:
    """Decoding, and encoding the same frames with the settings of the annotated video."""
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


def _decoded(source: Path, decode: str = "cpu") -> Iterator[Any]:
    import av

    from streamer.source.hardware_decoder import decoder_of

    try:
        container = av.open(str(source.absolute()))
    except (av.FFmpegError, OSError) as error:
        raise InputError(redact(f"{source}: cannot be opened ({error.strerror})")) from None
    with container:
        video = container.streams.video[0]
        video.thread_type = "AUTO"
        decoder = decoder_of(video, decode, source.name)
        for packet in container.demux(video):
            yield from decoder.decode(packet)


def run_once(source: Path, config: RunConfig, engines: Engines, sinks: Callable[[], list[Any]] = list) -> Rate:
    """A whole run with loaded networks; without outputs unless `sinks` makes some."""
    from streamer.pipeline.runner import run_stream

    with _Stopwatch() as watch:
        watch.frames = run_stream(source, sinks(), config, engines=engines).frames
    if not watch.frames:
        raise InputError(f"{source}: holds no frame to measure on", at=source)
    return watch.rate


def fresh_run(source: Path) -> tuple[float, float]:
    """A run in a new process: seconds from its start to the first provisional row, and its peak memory in MB; both 0
    without a row."""
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
    """The peak memory of a process. (On Linux its resource usage would include its parent's.)"""
    try:
        status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    except OSError:
        peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
        return peak / 1e6 if sys.platform == "darwin" else peak / 1e3
    found = re.search(r"VmHWM:\s*(\d+) kB", status)
    return float(found[1]) / 1e3 if found else 0.0
