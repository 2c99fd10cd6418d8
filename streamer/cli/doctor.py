"""`alpr doctor`: checks of this machine and of cameras, with remedies."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

import click

from streamer.cli.console import print_line
from streamer.cli.finding import Finding
from streamer.cli.hardware import asked_for, hardware
from streamer.cli.options import set_option

if TYPE_CHECKING:
    from streamer.config.models import LiveConfig, RunConfig

_LEAST_FREE = 1e9  # bytes on the disk
_OPENCVS = ("opencv-python", "opencv-python-headless", "opencv-contrib-python", "opencv-contrib-python-headless")
_CODECS = ("h264", "hevc", "mjpeg", "vp9", "av1")
_WATCH_S = 5.0  # reading a camera
_LEAST_FRAMES = 3
_EARLIEST = 1_700_000_000  # 2023: an earlier time means that the clock was never set


@click.command()
@click.argument("source", required=False)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default=Path(),
    metavar="FOLDER",
    help="Check the free space of this folder. [default: the current one]",
)
@click.option(
    "--config",
    "config_path",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Check each camera of this YAML file, too.",
)
@click.option(
    "--camera",
    "camera",
    metavar="ADDRESS|NAME",
    help="Report how fit this camera (an address, a video, or the name of a camera of --config) is for plates, and the "
    "one change most worth making, in place of the checks of the machine.",
)
@click.option(
    "--seconds",
    type=click.FloatRange(1, 3600),
    default=30.0,
    show_default=True,
    metavar="SECONDS",
    help="With --camera: measure for this long.",
)
@set_option
def doctor(
    source: str | None,
    out: Path,
    config_path: Path | None,
    camera: str | None,
    seconds: float,
    sets: tuple[str, ...],
) -> None:
    """Check this machine, and SOURCE (a camera's address or a file) or the cameras of --config where given.

    Prints one line per check (-- for what is not there and need not be), and a remedy for each fault; exit code 3 where
    there is a fault. With --camera: reads the camera for half a minute and reports codec, rate, key frames, height,
    sharpness and exposure of its plates.
    """
    if camera is not None:
        from streamer.cli.fit import report_fit
        from streamer.config.models import load_config

        if source is not None:
            raise click.UsageError("--camera takes the place of SOURCE: give one of them")
        config = load_config(config_path, sets)
        if camera in config.cameras:
            address, config = config.cameras[camera].address(), config.of_camera(camera)
        else:
            address = camera
        raise SystemExit(0 if report_fit(address, seconds, config) else 3)
    checks: list[Callable[[], Iterator[Finding]]] = [
        processor,
        networks,
        packages,
        codecs,
        hardware,
        lambda: disk(out),
        lambda: clock(time.time()),
    ]
    if source is not None:
        checks.append(lambda: answer(source))
    if config_path is not None:
        from streamer.config.models import load_config

        config = load_config(config_path, sets)
        checks.append(partial(asked_for, config))
        checks += [partial(camera_answer, name, config) for name in config.cameras]
    bad = 0
    for check in checks:
        for finding in check():
            is_fault = finding.bad or bool(finding.remedy)
            bad += is_fault
            mark = click.style("!!", fg="red") if is_fault else "--" if finding.lacks else click.style("ok", fg="green")
            print_line(f"{mark}  {finding.what}: {finding.found}")
            if finding.remedy:
                print_line(f"    {finding.remedy}")
    raise SystemExit(3 if bad else 0)


def processor() -> Iterator[Finding]:
    from streamer.engine.runtime import available_cores, multiplies_bytes

    cores = available_cores()
    yield Finding("cores", str(cores))
    fast = multiplies_bytes()
    yield Finding("8-bit products", "yes: INT8 is used" if fast else "no (VNNI, AMX or dot products): f32 is used")


def networks() -> Iterator[Finding]:
    from streamer.engine.detector import Detector
    from streamer.engine.reader import Reader
    from streamer.errors import AlprError

    yield Finding("openvino", metadata.version("openvino"))
    for name, make in (("detector", Detector), ("reader", Reader)):
        began = time.perf_counter()
        try:
            make().prepare()
        except AlprError as error:
            yield Finding(name, str(error), "install again: the weights must be those that were shipped")
            continue
        yield Finding(name, f"ready in {time.perf_counter() - began:.1f} s")


def packages() -> Iterator[Finding]:
    found = [name for name in _OPENCVS if _installed(name)]
    remedy = ""
    if len(found) > 1:
        remedy = (
            f"several are installed over one another: pip uninstall -y {' '.join(found)}, then pip install {found[0]}"
        )
    yield Finding("opencv", ", ".join(found) or "none", remedy if found else "pip install opencv-python")


def _installed(name: str) -> bool:
    try:
        metadata.version(name)
    except metadata.PackageNotFoundError:
        return False
    return True


def codecs() -> Iterator[Finding]:
    import av

    lacking = [name for name in _CODECS if name not in av.codecs_available]
    here = ", ".join(name for name in _CODECS if name not in lacking)
    remedy = f"{', '.join(lacking)} cannot be decoded: pip install --force-reinstall av" if lacking else ""
    yield Finding("decoders", here, remedy)
    can = "libx264" in av.codecs_available
    yield Finding("encoder", "libx264" if can else "none", "" if can else "pip install --force-reinstall av")


def disk(out: Path) -> Iterator[Finding]:
    """Free space in the folder of outputs, and whether a file can be written there."""
    place = next((p for p in (out.absolute(), *out.absolute().parents) if p.exists()), Path("/"))
    if not place.is_dir():
        yield Finding(f"disk at {place}", "is a file, no folder", "give the name of a folder")
        return
    free = shutil.disk_usage(place).free
    yield Finding(f"disk at {place}", f"{free / 1e9:.0f} GB free", "" if free > _LEAST_FREE else "free some space")
    try:
        with tempfile.TemporaryFile(dir=place) as file:
            file.write(b"x")
    except OSError as error:
        yield Finding(f"writing to {place}", f"not possible ({error.strerror})", "let this user write there (chown)")


def clock(now: float) -> Iterator[Finding]:
    from datetime import datetime

    time_text = datetime.fromtimestamp(now).astimezone().isoformat(timespec="seconds")
    yield Finding("clock", time_text, "" if now > _EARLIEST else "set the clock (NTP): rows of cameras have its time")


def camera_answer(name: str, config: RunConfig) -> Iterator[Finding]:
    """As `answer`, for one camera of a configuration."""
    from streamer.errors import ConfigError

    try:
        address = config.cameras[name].address()
    except ConfigError as error:
        yield Finding(name, str(error), "correct its url in the configuration")
        return
    yield from answer(address, name, config.live)


def answer(source: str, name: str | None = None, live: LiveConfig | None = None) -> Iterator[Finding]:
    """The size and declared rate of a source, and the measured rate over some seconds."""
    from streamer.errors import ConfigError, InputError
    from streamer.source.resolve import open_source

    try:
        sources = open_source(source, live=live)
    except (ConfigError, InputError) as error:
        if name is None:
            raise
        yield Finding(name, str(error), bad=True)
        return
    for one in sources[:1]:
        began = time.perf_counter()
        try:
            info = one.open()
            opened = time.perf_counter()
            came: list[tuple[float, float]] = []
            for frame in one.frames():
                came.append((frame.pts, time.perf_counter()))
                if came[-1][1] - opened > (_WATCH_S if one.live else _WATCH_S / 2):
                    break
            declared = f", {float(info.rate):.1f} frames/s declared" if info.rate else ""
            rate = rate_of(came, skip_buffered=one.live)
            measured = "too few frames arrived to measure a rate"
            if rate is not None:
                measured = f"{rate:.1f} frames/s {'received' if one.live else 'decoded'}"
            size = f"{info.width}x{info.height}{declared}, opened in {opened - began:.1f} s, {measured}"
            remedy = "check the camera's frame rate and the network" if rate is None and one.live else ""
            yield Finding(name or one.name, size, remedy)
        except InputError as error:
            what = name or one.name
            told = str(error).removeprefix(f"{what}: ")
            yield Finding(what, told, f"try the {'address' if one.live else 'file'} in another player on this machine")
        finally:
            one.close()


def rate_of(came: Sequence[tuple[float, float]], *, skip_buffered: bool) -> float | None:
    """Frames per second by (time in the stream, arrival) of each frame; None for too few. `skip_buffered`: leave out
    those that a camera had buffered, which arrive at once."""
    first = 0
    while skip_buffered and first + 1 < len(came):
        step, gap = (after - before for before, after in zip(came[first], came[first + 1], strict=True))
        first += 1
        if gap >= step / 2:
            break
    rest = came[first:]
    if len(rest) < _LEAST_FRAMES or rest[-1][1] <= rest[0][1]:
        return None
    return (len(rest) - 1) / (rest[-1][1] - rest[0][1])
