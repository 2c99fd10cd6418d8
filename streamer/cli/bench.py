"""`alpr bench`: speed on this machine, with what it is compared to measured in the same process."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

import click

from streamer.cli.options import model_options
from streamer.errors import InputError
from streamer.source.base import redact

if TYPE_CHECKING:
    from streamer.config import RunConfig
    from streamer.pipeline import Engines
    from streamer.types import Image


@click.group()
def bench() -> None:
    """Measure speed on this machine."""


@bench.command()
@click.argument("source", type=click.Path(path_type=Path))
@click.option("--rounds", type=click.IntRange(min=1), default=3, show_default=True, help="Rounds of each, in turn.")
@model_options
def stream(source: Path, rounds: int, **models: Any) -> None:
    """Frames a second of `alpr run SOURCE` without annotated video, beside bare decoding of the same file.

    The two alternate in one process, so that a busy or throttled machine slows both; medians are printed. The first run
    warms up caches and is not counted.
    """
    from streamer.config import RunConfig
    from streamer.pipeline import load_engines

    config = RunConfig().with_options(**models)
    engines = load_engines(config)
    run_once(source, config, engines)
    decoded: list[float] = []
    processed: list[float] = []
    for _ in range(rounds):
        decoded.append(decode_once(source))
        processed.append(run_once(source, config, engines))
    bare, full = median(decoded), median(processed)
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    click.echo(f"cpu      {cpu_name()}, {cores} cores, threads {config.threads or 'all'}, precision {config.precision}")
    click.echo(f"source   {redact(str(source))}")
    click.echo(f"decode   {bare:8.1f} frames/s   ({spread(decoded)})")
    click.echo(f"run      {full:8.1f} frames/s   ({spread(processed)})")
    click.echo(f"ratio    {full / bare:8.3f}")


@bench.command()
@click.argument("image", type=click.Path(path_type=Path, dir_okay=False), required=False)
@click.option("--rounds", type=click.IntRange(min=10), default=200, show_default=True, help="Runs of each.")
@click.option("--detector", default="plate-detector-s", show_default=True, metavar="NAME|XML")
def detector(image: Path | None, rounds: int, detector: str) -> None:
    """Milliseconds of the detector, from picture to plates: on IMAGE, or on 1920x1080 without a plate.

    Per precision and number of threads: median and 95th percentile of the whole, and the medians of its parts:
    shrinking the picture, the network, decoding its maps with suppression, and the second look at what was found.
    """
    import cv2

    from streamer.engine.detector import Detector, net_size
    from streamer.pixels import frame_of, letterbox

    picture = _empty_street() if image is None else cv2.imread(str(image))
    if picture is None:
        raise InputError(f"{image}: cannot be read as a picture; name a JPEG or PNG file")
    frame = frame_of(picture)
    click.echo(f"cpu {cpu_name()}, picture {frame.width}x{frame.height}")
    click.echo("precision threads   median      p95 | shrink network  decode    look plates")
    for precision, threads in _variants():
        cv2.setNumThreads(threads)
        engine = Detector(detector, precision, threads)
        whole = times(lambda engine=engine: engine.detect(frame), rounds)  # type: ignore[misc]
        size = net_size(frame.width, frame.height, engine.input)
        shrink = median(times(lambda size=size: letterbox(frame, *size), rounds))  # type: ignore[misc]
        network = median(times(engine.infer_blank, rounds))
        look, found = 0.0, engine.detect(frame)
        if engine.refiner is not None and len(finds := engine.finds(frame)):
            look = median(times(lambda r=engine.refiner, f=finds: r.refine(frame, f), rounds))  # type: ignore[misc]
        decode = max(0.0, median(whole) - shrink - network - look)
        click.echo(
            f"{precision:9s} {threads:7d} {_timing(whole)} | {shrink:6.3f} {network:7.3f} {decode:7.3f} {look:7.3f} "
            f"{len(found):6d}"
        )


def _empty_street() -> Image:
    """A picture (1080, 1920, 3) with soft shapes and noise, in which nothing is found."""
    import cv2
    import numpy as np

    rng = np.random.default_rng(0)
    soft = cv2.resize(rng.integers(60, 190, (9, 16, 3), np.uint8), (1920, 1080), interpolation=cv2.INTER_CUBIC)
    grain = rng.integers(0, 8, soft.shape, np.uint8)
    return np.asarray(cv2.add(soft, grain), np.uint8)


@bench.command()
@click.option("--rounds", type=click.IntRange(min=10), default=300, show_default=True, help="Runs of each.")
@click.option("--reader", default="plate-reader", show_default=True, metavar="NAME|XML")
def reader(rounds: int, reader: str) -> None:
    """Milliseconds of the reader on one rectified plate, per precision and number of threads."""
    import numpy as np

    from streamer.engine.reader import Reader

    crop = np.random.default_rng(0).integers(0, 256, (48, 128, 3), np.uint8)
    click.echo(f"cpu {cpu_name()}\nprecision threads   median      p95")
    for precision, threads in _variants():
        engine = Reader(reader, precision, threads)
        click.echo(f"{precision:9s} {threads:7d} {_timing(times(lambda engine=engine: engine.read([crop]), rounds))}")  # type: ignore[misc]


def _variants() -> list[tuple[str, int]]:
    """Each precision on one thread and on all."""
    from streamer.engine.runtime import available_cores

    counts = sorted({1, available_cores()})
    return [(precision, threads) for precision in ("int8", "bf16", "f32") for threads in counts]


def times(call: Callable[[], object], rounds: int) -> list[float]:
    """Milliseconds of each of `rounds` calls, after a tenth as many to warm up."""
    for _ in range(max(3, rounds // 10)):
        call()
    out = []
    for _ in range(rounds):
        began = time.perf_counter()
        call()
        out.append((time.perf_counter() - began) * 1e3)
    return out


def _timing(milliseconds: list[float]) -> str:
    p95 = sorted(milliseconds)[int(0.95 * len(milliseconds))]
    return f"{median(milliseconds):8.3f} {p95:8.3f}"


def decode_once(source: Path) -> float:
    """Frames a second of decoding alone, nothing done with the pictures."""
    import av

    try:
        container = av.open(str(source.absolute()))
    except (av.FFmpegError, OSError) as error:
        raise InputError(redact(f"{source}: cannot be opened ({error.strerror})")) from None
    with container:
        video = container.streams.video[0]
        video.thread_type = "AUTO"
        began, frames = time.perf_counter(), 0
        for _ in container.decode(video):
            frames += 1
        return frames / (time.perf_counter() - began)


def run_once(source: Path, config: RunConfig, engines: Engines) -> float:
    """Frames a second of the whole stream without an output, the networks being loaded already."""
    from streamer.pipeline import run_stream

    summary = run_stream(source, [], config, engines=engines)
    if not summary.frames:
        raise InputError(f"{source}: holds no frame to measure on")
    return summary.frames / summary.seconds


def spread(values: list[float]) -> str:
    """`lowest-highest of n rounds`."""
    return f"{min(values):.1f}-{max(values):.1f} of {len(values)} rounds"


def cpu_name() -> str:
    """The processor's name as its maker writes it, where the system tells."""
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()
