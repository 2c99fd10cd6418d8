"""`alpr doctor`: whether this machine and a camera are fit, and what to do where not."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

import click

from streamer.cli.console import say

_LEAST_FREE = 1e9  # bytes on the disk
_OPENCVS = ("opencv-python", "opencv-python-headless", "opencv-contrib-python", "opencv-contrib-python-headless")
_CODECS = ("h264", "hevc", "mjpeg", "vp9", "av1")
_EARLIEST = 1_700_000_000  # 2023: a clock before that was never set


@dataclass(frozen=True)
class Finding:
    """What was looked at, what was found, and, where it is not good, what to do."""

    what: str
    found: str
    remedy: str = ""


@click.command()
@click.argument("source", required=False)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default=Path(),
    metavar="FOLDER",
    help="Check the free space of this folder. [default: the current one]",
)
def doctor(source: str | None, out: Path) -> None:
    """Check this machine, and SOURCE (a camera's address or a file) where one is given.

    Prints one line per check, and what to do where something is wrong; the exit code is then 3.
    """
    checks: list[Callable[[], Iterator[Finding]]] = [
        processor,
        networks,
        packages,
        codecs,
        lambda: disk(out),
        lambda: clock(time.time()),
    ]
    if source is not None:
        checks.append(lambda: answer(source))
    bad = 0
    for check in checks:
        for finding in check():
            bad += bool(finding.remedy)
            mark = click.style("!!", fg="red") if finding.remedy else click.style("ok", fg="green")
            say(f"{mark}  {finding.what}: {finding.found}")
            if finding.remedy:
                say(f"    {finding.remedy}")
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
            yield Finding(name, str(error), "install again: the weights must lie as they were shipped")
            continue
        yield Finding(name, f"ready in {time.perf_counter() - began:.1f} s")


def packages() -> Iterator[Finding]:
    found = [name for name in _OPENCVS if _installed(name)]
    remedy = ""
    if len(found) > 1:
        remedy = f"several lie over each other: pip uninstall -y {' '.join(found)}, then pip install {found[0]}"
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
    place = next((p for p in (out.absolute(), *out.absolute().parents) if p.is_dir()), Path("/"))
    free = shutil.disk_usage(place).free
    yield Finding(f"disk at {place}", f"{free / 1e9:.0f} GB free", "" if free > _LEAST_FREE else "free some space")


def clock(now: float) -> Iterator[Finding]:
    from datetime import datetime

    told = datetime.fromtimestamp(now).astimezone().isoformat(timespec="seconds")
    yield Finding("clock", told, "" if now > _EARLIEST else "set the clock (NTP): rows of cameras carry its time")


def answer(source: str) -> Iterator[Finding]:
    """What a source says of itself, and how many frames came in two seconds."""
    from streamer.errors import InputError
    from streamer.source.resolve import open_source

    for one in open_source(source)[:1]:
        began = time.perf_counter()
        try:
            info = one.open()
            opened, count = time.perf_counter(), 0
            for _ in one.frames():
                count += 1
                if time.perf_counter() - opened > 2:
                    break
            rate = f", {float(info.rate):.1f} frames/s declared" if info.rate else ""
            took = time.perf_counter() - opened
            yield Finding(
                one.name,
                f"{info.width}x{info.height}{rate}, opened in {opened - began:.1f} s, {count / took:.0f} frames/s came",
            )
        except InputError as error:
            yield Finding(one.name, str(error), "see above; try the address in another player from this machine")
        finally:
            one.close()
