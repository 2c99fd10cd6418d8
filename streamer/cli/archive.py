"""`alpr archive`: recordings read by many processes, on this machine or on a cluster."""

from __future__ import annotations

import re
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from streamer.cli.console import notice, report_error, start_log
from streamer.cli.options import (
    archive_model_options,
    cadence_option,
    country_option,
    log_options,
    plates_option,
    set_option,
    video_track_option,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from streamer.cluster.archive.driver import Progress
    from streamer.cluster.pool import Pool

_UNITS = {"": 1, "s": 1, "sec": 1, "m": 60, "min": 60, "h": 3600}
_LINE_S = 10.0  # between two lines of progress where there is no terminal
_MOST_LISTED = 20  # failed files
_EXIT_TERMINATED = 143  # 0 would tell a batch system that all is done
_MEMORY = 600 << 20  # of a task, where Ray counts memory


class Duration(click.ParamType[float]):
    """Seconds, or with a unit: 90, 30s, 5min, 1h."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, context: click.Context | None) -> float:
        if isinstance(value, int | float):
            return float(value)
        found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*(|s|sec|m|min|h)", str(value).strip())
        if found is None:
            self.fail(f"{value!r}: expected seconds or a number with s, min or h, like 5min", param, context)
        return float(found.group(1)) * _UNITS[found.group(2)]


@click.command()
@click.argument("sources_given", metavar="SOURCE...", nargs=-1)
@click.option(
    "--list",
    "lists",
    type=click.Path(path_type=Path),
    metavar="FILE",
    multiple=True,
    help="Read the files, folders and addresses that this file names, one a line (also as @FILE among the sources). "
    "May be repeated.",
)
@click.option(
    "--out",
    "out",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    required=True,
    help="Write rows and the manifest of what is done to this folder; a run that was stopped goes on from there.",
)
@click.option(
    "--address",
    default="local",
    show_default=True,
    metavar="local|auto|HOST:PORT",
    help="Work in processes of this machine, on the Ray cluster that runs on it, or on that of a head node (also "
    "ray://HOST:10001).",
)
@click.option(
    "--segment",
    "segment_s",
    type=Duration(),
    default="5min",
    show_default=True,
    metavar="DURATION",
    help="Cut files at the first key frame after this long; 0 never.",
)
@click.option(
    "--overlap",
    "overlap_s",
    type=Duration(),
    default="10s",
    show_default=True,
    metavar="DURATION",
    help="Begin each segment this long before its border: as long as most vehicles are in sight. It decides how much "
    "is read twice, never the rows.",
)
@click.option("--shard", metavar="I/N", help="Read part I of N of the files only, for batch systems without a cluster.")
@click.option(
    "--workers",
    type=click.IntRange(min=1),
    metavar="N",
    help="Processes on this machine. [default: as many as there are cores for]",
)
@click.option("--retry-failed", is_flag=True, help="Read files again that failed in an earlier run.")
@click.option(
    "--config",
    "config_path",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Read settings from this YAML file; cameras, outputs and lists of plates in it are ignored.",
)
@set_option
@video_track_option
@click.option(
    "--camera",
    metavar="NAME",
    help="Camera name in the rows; {parent} in it is the folder of a file. [default: the file's path below SOURCE]",
)
@country_option
@plates_option
@archive_model_options
@cadence_option
@log_options
@click.option("--quiet", is_flag=True, help="Print only errors.")
def archive(
    sources_given: tuple[str, ...],
    lists: tuple[Path, ...],
    out: Path,
    address: str,
    segment_s: float,
    overlap_s: float,
    shard: str | None,
    workers: int | None,
    retry_failed: bool,
    config_path: Path | None,
    sets: tuple[str, ...],
    video_track: int | None,
    camera: str | None,
    countries: tuple[str, ...],
    plates: str | None,
    threads: int | None,
    log_level: str | None,
    log_format: Any,
    quiet: bool,
    **models: Any,
) -> None:
    """Read the plates of every recording in SOURCE: folders with all that is below them, files, patterns, lists of
    these (@FILE), and addresses like s3://bucket/folder. One CSV a file is written to DIR/rows (and Parquet, with the
    extra parquet): the rows that alpr run writes, however a file was cut.

    A run that was stopped or killed goes on where it was: give the same command again.

    Exit codes: 0 done, 1 a bug, 2 usage, configuration or cluster, 3 a file failed (the others were done), 4 an output
    could not be written, 5 a model is missing or altered, 130 Ctrl-C, 143 SIGTERM before all was done.
    """
    from streamer.cli.signals import EXIT_INTERRUPTED, Stop
    from streamer.cluster.archive.driver import Archive, Settings
    from streamer.cluster.archive.files import entries_of, of_shard, shard_of
    from streamer.cluster.archive.manifest import Manifest
    from streamer.cluster.archive.settings import config_of_archive, settings_of
    from streamer.config.models import load_config
    from streamer.engine.zoo import plate_folders
    from streamer.plates.countries import check_countries
    from streamer.tracking.trackers import check_tracker

    start_log(log_level or ("error" if quiet else "info"), log_format)
    if not sources_given and not lists:
        raise click.UsageError("SOURCE is missing: give folders, files, patterns or addresses, or --list FILE")
    part = None if shard is None else shard_of(shard)
    values = {"video_track": video_track, "countries": countries or None, "plates": plates, **models}
    names = {"countries": "--country", "min_score": "--min-score", "video_track": "--video-track"}
    config = load_config(config_path, sets, {k: (names.get(k, f"--{k}"), v) for k, v in values.items()})
    camera = camera or config.camera
    config = config_of_archive(config, threads or 1)
    check_tracker(config.track)
    check_countries(config.all_countries(), plate_folders(config.plates))
    facts = settings_of(config, camera)
    entries = of_shard(entries_of(sources_given, lists), part)
    settings = Settings(config, facts["networks"], segment_s or 1e12, overlap_s, camera, retry_failed)
    manifest = Manifest(out, facts, part)
    stop = Stop()
    try:
        with stop.on_signals(), _shown(quiet) as show:
            pool = _pool(address, workers, threads or 1, config)
            try:
                run = Archive(entries, manifest, settings, pool)
                manifest.undo_success()
                done = run.run(show, stop.event.is_set)
            finally:
                pool.close()
        complete = done.done + done.kept == done.files and not done.failed
        if complete and not stop.event.is_set():
            manifest.succeed(entries, part)
    finally:
        manifest.close()
    _conclude(done, out, quiet)
    if stop.event.is_set() and done.done + done.kept < done.files:
        raise SystemExit(EXIT_INTERRUPTED if stop.interrupted else _EXIT_TERMINATED)
    if done.failed:
        raise SystemExit(1 if done.bugs else 3)


def _pool(address: str, workers: int | None, cores: int, config: Any) -> Pool:
    from streamer.cluster.local import LocalPool

    if address == "local":
        return LocalPool(workers, cores)
    if workers is not None:
        raise click.UsageError("--workers: is for --address local; on a cluster its cores decide")
    from streamer.cluster.ray_engine import check_nodes, connect, disconnect
    from streamer.cluster.ray_pool import RayPool

    ray = connect(address)
    try:
        check_nodes(
            ray,
            {"detector": config.detector, "reader": config.reader, "precision": config.precision,
             "device": config.device},
        )  # fmt: skip
    except BaseException:
        disconnect()
        raise
    return RayPool(ray, cores, _MEMORY)


class _shown:
    """The progress: one line at the bottom of a terminal, or a line of the log every ten seconds."""

    def __init__(self, quiet: bool) -> None:
        self._quiet = quiet

    def __enter__(self) -> Callable[[Progress], None]:
        from streamer.cli.progress import screen_for

        if self._quiet:
            return lambda progress: None
        self._context = screen_for(rows=False)
        self._screen = self._context.__enter__()
        self._logged = 0.0
        return self._show

    def __exit__(self, *error: Any) -> None:
        if not self._quiet:
            with suppress(OSError):
                self._context.__exit__(*error)

    def _show(self, progress: Progress) -> None:
        line = line_of(progress)
        if self._screen is not None:
            from rich.text import Text

            self._screen.progress = Text(line, no_wrap=True, overflow="crop")
            self._screen.draw()
        elif progress.seconds - self._logged >= _LINE_S:
            self._logged = progress.seconds
            notice(line)


def line_of(p: Progress) -> str:
    """The progress in one line."""
    from streamer.cli.progress import duration_text

    left = "" if p.left_s is None else f", {duration_text(p.left_s)} left"
    again = f", {p.again} tasks tried again" if p.again else ""
    failed = f", {p.failed} failed" if p.failed else ""
    share = p.bytes_done / max(1, p.bytes)
    return (
        f"{p.done + p.kept} of {p.files} files ({share:.0%}), {p.rows} rows, {duration_text(p.video_s)} of video at "
        f"{p.times_real:.1f} times real time{left}{failed}{again}"
    )


def _conclude(p: Progress, out: Path, quiet: bool) -> None:
    """The summary, and the files that failed."""
    for path, reason in p.failures[:_MOST_LISTED]:
        report_error(reason if path in reason or Path(path).name in reason else f"{path}: {reason}")
    if len(p.failures) > _MOST_LISTED:
        report_error(f"... and {len(p.failures) - _MOST_LISTED} more: see {out}/manifest.jsonl")
    if quiet:
        return
    missing = p.files - p.done - p.kept
    kept = f" ({p.kept} by an earlier run)" if p.kept else ""
    stopped = f", {missing} left: the same command goes on" if missing else ""
    failed = f", {p.failed} failed (--retry-failed reads them again)" if p.failed else ""
    notice(
        f"{p.rows} rows of {p.done + p.kept} files{kept} in {out}/rows, {p.frames} frames in {p.seconds:.1f} s "
        f"({p.times_real:.1f} times real time, {p.cpu_s:.0f} s of cores){failed}{stopped}"
    )
