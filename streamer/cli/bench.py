"""`alpr bench`: speed on this machine, measured together with a baseline in the same process."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

import click

from streamer.cli.bench_stream import stream
from streamer.cli.machine import cpu_name
from streamer.errors import InputError

if TYPE_CHECKING:
    from streamer.types import Image


@click.group()
def bench() -> None:
    """Measure speed on this machine."""


bench.add_command(stream)


@bench.command()
@click.argument("image", type=click.Path(path_type=Path, dir_okay=False), required=False)
@click.option(
    "--rounds",
    type=click.IntRange(min=10),
    default=200,
    show_default=True,
    metavar="COUNT",
    help="Number of runs per precision and number of threads.",
)
@click.option(
    "--detector", default="plate-detector-s", show_default=True, metavar="NAME|XML", help="Detector to measure."
)
def detector(image: Path | None, rounds: int, detector: str) -> None:
    """Measure the detector from picture to plates: on IMAGE, or on a 1920x1080 picture without a plate.

    Prints milliseconds per precision and number of threads: median and 95th percentile of the whole, and medians of its
    parts: resizing, the network, decoding of its outputs with suppression, and the refiner.
    """
    import cv2

    from streamer.engine.detector import Detector, net_size
    from streamer.image.warp import frame_of, letterbox

    picture = _empty_street() if image is None else cv2.imread(str(image))
    if picture is None:
        raise InputError(f"{image}: cannot be read as a picture: give a JPEG or PNG file")
    frame = frame_of(picture)
    click.echo(f"cpu {cpu_name()}, picture {frame.width}x{frame.height}")
    click.echo("precision threads   median      p95 | shrink network  decode  refine plates")
    for precision, threads in _variants():
        cv2.setNumThreads(threads)
        engine = Detector(detector, precision, threads)
        whole = times(lambda engine=engine: engine.detect(frame), rounds)  # type: ignore[misc]
        size = net_size(frame.width, frame.height, engine.input)
        shrink = median(times(lambda size=size: letterbox(frame, *size), rounds))  # type: ignore[misc]
        network = median(times(engine.infer_blank, rounds))
        refine, found = 0.0, engine.detect(frame)
        if engine.refiner is not None and len(finds := engine.finds(frame)):
            refine = median(times(lambda r=engine.refiner, f=finds: r.refine(frame, f), rounds))  # type: ignore[misc]
        decode = max(0.0, median(whole) - shrink - network - refine)
        click.echo(
            f"{precision:9s} {threads:7d} {_timing(whole)} | {shrink:6.3f} {network:7.3f} {decode:7.3f} {refine:7.3f} "
            f"{len(found):6d}"
        )


def _empty_street() -> Image:
    """A picture (1080, 1920, 3) with soft shapes and noise, without a plate."""
    import cv2
    import numpy as np

    rng = np.random.default_rng(0)
    soft = cv2.resize(rng.integers(60, 190, (9, 16, 3), np.uint8), (1920, 1080), interpolation=cv2.INTER_CUBIC)
    grain = rng.integers(0, 8, soft.shape, np.uint8)
    return np.asarray(cv2.add(soft, grain), np.uint8)


@bench.command()
@click.option(
    "--rounds",
    type=click.IntRange(min=10),
    default=300,
    show_default=True,
    metavar="COUNT",
    help="Number of runs per precision and number of threads.",
)
@click.option("--reader", default="plate-reader", show_default=True, metavar="NAME|XML", help="Reader to measure.")
def reader(rounds: int, reader: str) -> None:
    """Measure the reader on one rectified plate: milliseconds per precision and number of threads."""
    import numpy as np

    from streamer.engine.reader import Reader

    click.echo(f"cpu {cpu_name()}\nprecision threads   median      p95")
    for precision, threads in _variants():
        engine = Reader(reader, precision, threads)
        size = (engine.crop.height, engine.crop.width, 3)
        crop = np.random.default_rng(0).integers(0, 256, size, np.uint8)
        click.echo(f"{precision:9s} {threads:7d} {_timing(times(lambda r=engine, c=crop: r.read([c]), rounds))}")  # type: ignore[misc]


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
