"""`alpr run`: a source to its outputs."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from streamer.cli.console import log_status, notice, start_log, warn
from streamer.cli.earlier import check_earlier, notes_on
from streamer.cli.options import (
    SectionedCommand,
    cadence_option,
    country_option,
    log_options,
    model_options,
    set_option,
    video_track_option,
)
from streamer.cli.paths import check_apart, check_paths, files_of, is_folder
from streamer.cli.written import pictures_first, written_lines
from streamer.process.memory import keep_memory_small

if TYPE_CHECKING:
    from streamer.config.models import RowsConfig, RunConfig
    from streamer.pipeline.engines import Engines
    from streamer.pipeline.status import Streams
    from streamer.sink.base import Sink
    from streamer.sink.screen import Screen
    from streamer.source.address import Kind
    from streamer.source.base import Source
    from streamer.types import RunSummary

_EXIT_INTERRUPTED, _EXIT_TERMINATED = 130, 143
_IMPATIENT_S = 0.5  # `timeout` and others send one wish twice
_FILE = click.Path(dir_okay=True, path_type=Path)


# What --help shows together: the parameters of each heading.
_SECTIONS = {
    "Input": ("video_track", "realtime", "loop", "start_time", "camera"),
    "Outputs": (
        "csv_path", "csv_dialect", "jsonl_path", "provisional", "video_path", "crops_path", "snapshots_path",
        "mot_path", "ledger_path", "record_path", "append", "show",
    ),
    "Recognition": ("countries", "rejoin", "min_score", "cadence", "detector", "reader", "precision", "threads"),
    "Configuration and diagnostics": ("config_path", "sets", "metrics", "ready", "log_level", "log_format", "quiet"),
}  # fmt: skip


@click.command(cls=SectionedCommand, sections=_SECTIONS)
@click.argument("sources_given", metavar="[SOURCE]...", nargs=-1)
@click.option("--csv", "csv_path", type=_FILE, metavar="FILE", help="Write one CSV row per passage to this file.")
@click.option(
    "--csv-dialect",
    type=click.Choice(["alpr", "platerecognizer"]),
    default="alpr",
    show_default=True,
    help="Columns of the CSV: this program's own, or those of Plate Recognizer's CSV (see docs/outputs.md).",
)
@click.option(
    "--video",
    "video_path",
    type=_FILE,
    metavar="FILE|FOLDER",
    help="Write the video with boxes and texts drawn into it (.mp4 or .mkv), or one video per source to this folder. "
    "That of a camera comes in segments; {camera}, {date}, {hour} and {time} may stand in the name.",
)
@click.option(
    "--jsonl", "jsonl_path", type=_FILE, metavar="FILE", help="Write one JSON object per passage and line to this file."
)
@click.option(
    "--provisional",
    is_flag=True,
    help="Write rows to --jsonl as soon as a plate is read, and again when the text changes; each has a status.",
)
@click.option(
    "--crops",
    "crops_path",
    type=_FILE,
    metavar="FOLDER",
    help="Write one picture of the plate per passage, from its best reading, to this folder, or to names like "
    "'DIR/{camera}/{date}/{plate}-{event_id}.png'.",
)
@click.option(
    "--snapshots",
    "snapshots_path",
    type=_FILE,
    metavar="FOLDER",
    help="Write one picture of the whole frame per passage, from its best reading, to this folder, or to names as "
    "for --crops (.jpg).",
)
@click.option(
    "--mot",
    "mot_path",
    type=_FILE,
    metavar="FILE",
    help="Write the boxes of all tracks, frame by frame, to this file (format of the MOT challenge).",
)
@click.option(
    "--ledger",
    "ledger_path",
    type=_FILE,
    metavar="FOLDER",
    help="Write why tracks have no row to this folder; alpr explain FOLDER shows it.",
)
@click.option(
    "--record",
    "record_path",
    type=_FILE,
    metavar="FILE",
    help="Write all detections and readings to this file (.jsonl.gz), for alpr replay.",
)
@click.option(
    "--metrics",
    metavar="[HOST:]PORT",
    help="Serve /metrics (Prometheus), /healthz and /readyz over HTTP on this port of this machine.",
)
@click.option(
    "--ready",
    type=click.Choice(["any", "all"]),
    help="With --metrics: /readyz answers 200 while any camera has frames, or only while all do. [default: any]",
)
@click.option("--show", is_flag=True, help="Show the video with boxes and texts in a window; the key q ends the run.")
@click.option(
    "--config",
    "config_path",
    type=_FILE,
    metavar="FILE",
    help="Read settings and cameras from this YAML file; options on the command line take precedence.",
)
@set_option
@click.option(
    "--append/--replace",
    default=None,
    help="Keep the rows that are in the output files, or overwrite them. [default: keep for cameras; for files "
    "ask, or refuse, where they hold rows of other sources]",
)
@click.option(
    "--rejoin",
    type=click.FloatRange(min=0),
    metavar="SECONDS",
    help="Count the same plate as one passage if it comes back within this many seconds; a row becomes final that "
    "much later. [default: 60]",
)
@click.option(
    "--start-time",
    metavar="ISO-TIME",
    help="Time at which the recording starts, like 2026-01-31T08:00:00+08:00; gives rows their clock times.",
)
@click.option(
    "--realtime", is_flag=True, help="Play a file at its own speed like a camera; frames are dropped to keep up."
)
@click.option("--loop", is_flag=True, help="Like --realtime, and start again at the end of the file, until stopped.")
@video_track_option
@click.option("--camera", metavar="NAME", help="Write this name in the rows instead of the source's own name.")
@country_option
@model_options
@cadence_option
@log_options
@click.option("--quiet", is_flag=True, help="Print nothing but errors (and rows, where they go to the terminal).")
def run(
    sources_given: tuple[str, ...],
    csv_path: Path | None,
    csv_dialect: str,
    video_path: Path | None,
    jsonl_path: Path | None,
    provisional: bool,
    crops_path: Path | None,
    snapshots_path: Path | None,
    mot_path: Path | None,
    ledger_path: Path | None,
    record_path: Path | None,
    metrics: str | None,
    ready: Literal["any", "all"] | None,
    show: bool,
    config_path: Path | None,
    sets: tuple[str, ...],
    append: bool | None,
    rejoin: float | None,
    start_time: str | None,
    realtime: bool,
    loop: bool,
    video_track: int | None,
    camera: str | None,
    countries: tuple[str, ...],
    log_level: str | None,
    log_format: Literal["text", "json"],
    quiet: bool,
    **models: Any,
) -> None:
    """Read the plates of SOURCE: a video file, a picture, a folder of either (not of folders inside), or an address
    (rtsp://, http://). Several files and folders are read one after the other, as one run.

    Without SOURCE all cameras listed in --config are read at once. Every output is optional; without one the rows are
    printed on the terminal. One row is written per passage: one vehicle that passes through the picture.

    Exit codes: 0 done (also when no plate was found, and after SIGTERM), 1 a bug, 2 usage or configuration, 3 an input
    failed (the others were done), 4 an output could not be written, 5 a model is missing or altered, 130 Ctrl-C.
    """
    from streamer.cli.progress import progress_on
    from streamer.config.models import load_config
    from streamer.pipeline.engines import load_engines
    from streamer.pipeline.runner import run_stream
    from streamer.sink.guard import protected
    from streamer.source.clock import parse_start_time
    from streamer.source.many import open_many
    from streamer.source.resolve import open_source

    keep_memory_small()
    start_log(log_level or ("error" if quiet else "info"), log_format)
    if provisional and jsonl_path is None:
        raise click.UsageError("--provisional writes rows early to --jsonl FILE: give that file too")
    if ready and metrics is None:
        raise click.UsageError("--ready sets when /readyz answers 200: give --metrics PORT too")
    start = parse_start_time(start_time) if start_time else None
    options = {
        "start_time": ("--start-time", start), "video_track": ("--video-track", video_track),
        "camera": ("--camera", camera), "countries": ("--country", countries or None),
        "vote.rejoin_s": ("--rejoin", rejoin), "live.ready": ("--ready", ready),
        **{key: (f"--{key.replace('_', '-')}", value) for key, value in models.items()},
    }  # fmt: skip
    config = load_config(config_path, sets, options)
    rows = partial(open_rows, csv_path, jsonl_path, ledger_path, config.rows, dialect=csv_dialect, early=provisional)
    if not sources_given:
        if not config.cameras:
            raise click.UsageError(
                "SOURCE is missing: give a video file, a folder or an address, or cameras in --config"
            )
        alone = {
            "--mot": mot_path, "--record": record_path, "--show": show, "--camera": camera,
            "--video-track": video_track, "--start-time": start, "--realtime": realtime, "--loop": loop,
        }  # fmt: skip
        if given_alone := [name for name, value in alone.items() if value]:
            raise click.UsageError(f"{', '.join(given_alone)}: for one SOURCE only, not for the cameras of --config")
        outputs = (csv_path, jsonl_path, ledger_path, crops_path, snapshots_path, video_path)
        inputs = [path for path in (config_path, *(Path(c.url) for c in config.cameras.values())) if path]
        check_apart(inputs, [p for p in outputs if p is not None])
        click.get_current_context().with_resource(protected(inputs))
        told = not (csv_path or jsonl_path)
        with _screen(quiet, told, *outputs) if told else nullcontext() as screen:
            rows = partial(rows, terminal=partial(_terminal, screen, early=not quiet))
            _site(config, rows, video_path, crops_path, snapshots_path, append, metrics, quiet)
        return
    if config.cameras and not quiet:
        warn(f"{config_path}: its cameras ({len(config.cameras)}) are not read, as SOURCE is given: leave SOURCE out")
    unsure: Kind = "recording" if realtime or loop else "live"
    sources = open_many(
        sources_given,
        lambda source: open_source(
            source, start_time=config.start_time, live=config.live, unsure=unsure, video_track=config.video_track
        ),
    )
    if len(sources) > 1 and config.start_time is not None:
        raise click.UsageError("--start-time: give recordings one by one, each with its own")
    if len(sources) > 1 and mot_path is not None:
        raise click.UsageError(f"--mot {mot_path}: is for one SOURCE, {len(sources)} are given")
    if realtime or loop:
        sources = [_paced(one, loop) for one in sources]
    others = (ledger_path, record_path, mot_path, crops_path, snapshots_path)
    given = (csv_path, video_path, jsonl_path, *others)
    inputs = files_of(sources) + [path for path in (config_path, Path(config.detector), Path(config.reader)) if path]
    check_paths(sources, inputs, camera=config.camera, rows=(csv_path, jsonl_path), video=video_path, others=others)
    click.get_current_context().with_resource(protected(inputs))
    engines = load_engines(config)  # before the outputs: a missing model must not empty the rows of an earlier run
    if append is None and not all(one.live for one in sources):
        ledger = None if ledger_path is None else ledger_path / "ledger.jsonl"
        names = [config.camera] if config.camera else [one.name for one in sources]
        single = None if video_path is None or is_folder(video_path) else video_path
        earlier = (ledger, single, mot_path, record_path)
        check_earlier(names, (csv_path, jsonl_path), earlier, quiet=quiet, notes=partial(notes_on, sources))
    stop = _Stop()
    pictures = (video_path, crops_path, snapshots_path, mot_path)
    told = not (csv_path or jsonl_path or video_path or show)
    # Before the outputs too: a port that is taken must not empty them.
    with stop.on_signals(), _served(metrics, config.live.ready) as watched, _screen(quiet, told, *given) as screen:
        rows = partial(rows, terminal=partial(_terminal, screen, early=not quiet))
        sinks = _open_sinks(rows, pictures, record_path, show, append, config, engines, sources, stop)
        summary = _reported(
            lambda: run_stream(
                sources,
                sinks,
                config,
                engines=engines,
                stop=stop.event,
                progress=progress_on(screen, len(sources)) if screen else None,
                streams=watched,
                status=log_status,
            ),
            quiet,
        )
    _conclude(summary, stop, quiet, sinks)


def _paced(source: Source, loop: bool) -> Source:
    from streamer.source.file import VideoSource
    from streamer.source.paced import PacedSource

    if not isinstance(source, VideoSource) or source.live:
        raise click.UsageError(f"--realtime and --loop are for video files: {source.name} is none")
    return PacedSource(source, loop=loop)


def _site(
    config: RunConfig,
    rows: Callable[..., list[Sink]],
    video_path: Path | None,
    crops_path: Path | None,
    snapshots_path: Path | None,
    append: bool | None,
    metrics: str | None,
    quiet: bool,
) -> None:
    """Reads the cameras of a configuration until it is stopped."""
    from streamer.pipeline.engines import load_engines
    from streamer.pipeline.site import run_site
    from streamer.sink.segments import SegmentedVideoSink, check_for_cameras

    if video_path is not None:
        check_for_cameras(video_path, len(config.cameras))
    config.check_addresses()  # a variable that is not set is told before anything is begun
    engines = load_engines(config)
    stop = _Stop()
    more: list[Callable[[], Sink]] = [lambda: _crops(crops_path, config)] if crops_path else []
    if snapshots_path:
        more.append(lambda: _snapshots(snapshots_path, config))
    goes_on = True if append is None else append
    status = log_status
    videos: list[Sink] = []

    def own(camera: str) -> list[Sink]:
        if video_path is not None:
            videos.append(SegmentedVideoSink(video_path, config.video, camera=camera, keep=goes_on))
        return videos[-1:]

    with stop.on_signals(), _served(metrics, config.live.ready) as watched:
        sinks = rows(append=goes_on, more=more, shown=video_path is not None)
        summary = _reported(
            lambda: run_site(config, sinks, engines=engines, stop=stop.event, status=status, streams=watched, own=own),
            quiet,
        )
    _conclude(summary, stop, quiet, [*sinks, *videos])


def _reported(work: Callable[[], RunSummary], quiet: bool) -> RunSummary:
    """Does the work; where it fails, what was done until then is told all the same."""
    try:
        return work()
    except Exception as error:
        report(getattr(error, "summary", None), quiet)
        raise


def _conclude(summary: RunSummary, stop: _Stop, quiet: bool, sinks: Sequence[Sink]) -> None:
    report(summary, quiet)
    for line in () if quiet else written_lines(sinks):
        notice(line)
    if stop.interrupted and quiet:
        raise SystemExit(_EXIT_INTERRUPTED)
    if stop.interrupted:
        raise KeyboardInterrupt


def _screen(quiet: bool, rows: bool, *outputs: Path | None) -> AbstractContextManager[Screen | None]:
    """The screen to draw on; none where an output is a terminal itself, or nothing is to be told."""
    from streamer.cli.progress import screen_for

    if quiet or any(p is not None and (str(p) == "-" or (p.is_char_device() and p.name != "null")) for p in outputs):
        return nullcontext()
    return screen_for(rows=rows)


@contextmanager
def _served(at: str | None, ready: Literal["any", "all"]) -> Iterator[Streams | None]:
    """Metrics that are served while inside, where it is said at which port."""
    if at is None:
        yield None
        return
    from streamer.serve.metrics import Metrics, MetricsServer

    metrics = Metrics(ready)
    server = MetricsServer(metrics, at)
    try:
        yield metrics
    finally:
        server.close()


def _open_sinks(
    rows: Callable[..., list[Sink]],
    pictures: tuple[Path | None, ...],
    record_path: Path | None,
    show: bool,
    append: bool | None,
    config: RunConfig,
    engines: Engines,
    sources: Sequence[Source],
    stop: _Stop,
) -> list[Sink]:
    """The sinks asked for; the terminal, where none shows the rows."""
    # A camera's rows go on where they ended, a file's begin anew, unless said otherwise.
    goes_on = all(source.live for source in sources) if append is None else append
    makers: list[Callable[[], Sink]] = []
    video_path, crops_path, snapshots_path, mot_path = pictures
    if video_path:
        makers.append(lambda: _video(video_path, config, sources, keep=goes_on))
    if crops_path:
        makers.append(lambda: _crops(crops_path, config))
    if snapshots_path:
        makers.append(lambda: _snapshots(snapshots_path, config))
    if mot_path:
        makers.append(lambda: _mot(mot_path, keep=goes_on))
    if record_path:
        makers.append(lambda: _record(record_path, engines, keep=goes_on))
    if show:
        makers.append(lambda: _window(stop))
    return rows(append=goes_on, more=makers, shown=bool(video_path or show))


def open_rows(
    csv_path: Path | None,
    jsonl_path: Path | None,
    ledger_path: Path | None,
    config: RowsConfig,
    *,
    dialect: str = "alpr",
    early: bool = False,
    append: bool = False,
    more: Sequence[Callable[[], Sink]] = (),
    shown: bool = False,
    terminal: Callable[[], Sink] | None = None,
) -> list[Sink]:
    """The sinks of rows, and `more`; those opened already are closed where a later one fails. Rows that go nowhere go
    to the terminal, unless they are `shown`."""
    makers: list[Callable[[], Sink]] = []
    if csv_path:
        makers.append(lambda: _csv(csv_path, dialect, append=append, config=config))
    if jsonl_path:
        makers.append(lambda: _jsonl(jsonl_path, append=append, early=early, config=config))
    if ledger_path:
        makers.append(lambda: _ledger(ledger_path, append=append))
    makers += more
    if not (csv_path or jsonl_path or shown):
        makers.append(terminal or _terminal)
    sinks: list[Sink] = []
    try:
        for make in makers:
            sinks.append(make())  # noqa: PERF401 - a comprehension would lose those to close
    except BaseException:
        for sink in sinks:
            sink.close()
        raise
    return pictures_first(sinks)


def _csv(path: Path, dialect: str, **options: Any) -> Sink:
    from streamer.sink.csv import CsvSink
    from streamer.sink.platerecognizer import PlateRecognizerSink

    return (PlateRecognizerSink if dialect == "platerecognizer" else CsvSink)(path, **options)


def _jsonl(path: Path, **options: Any) -> Sink:
    from streamer.sink.jsonl import JsonlSink

    return JsonlSink(path, **options)


def _crops(path: Path, config: RunConfig) -> Sink:
    from streamer.sink.crops import CropSink

    return CropSink(path, config.pictures)


def _snapshots(path: Path, config: RunConfig) -> Sink:
    from streamer.sink.snapshots import SnapshotSink

    return SnapshotSink(path, config.pictures)


def _mot(path: Path, *, keep: bool) -> Sink:
    from streamer.sink.mot import MotSink

    return MotSink(path, keep=keep)


def _ledger(path: Path, *, append: bool) -> Sink:
    from streamer.sink.ledger import LedgerSink

    return LedgerSink(path, append=append)


def _record(path: Path, engines: Engines, *, keep: bool) -> Sink:
    from streamer.sink.record import RecordSink
    from streamer.source.recording import Networks

    return RecordSink(path, Networks(engines.high_score, tuple(engines.reader.alphabet.symbols)), keep=keep)


def _video(path: Path, config: RunConfig, sources: Sequence[Source], *, keep: bool) -> Sink:
    if any(source.live for source in sources) or "{" in str(path):
        from streamer.sink.segments import SegmentedVideoSink

        camera = config.camera or (sources[0].name if len(sources) == 1 else None)
        return SegmentedVideoSink(path, config.video, camera=camera, keep=keep)
    from streamer.sink.video import VideoFolderSink, VideoSink

    return VideoFolderSink(path, config.video) if is_folder(path) else VideoSink(path, config.video)


def _window(stop: _Stop) -> Sink:
    from streamer.sink.window import WindowSink

    return WindowSink(on_quit=stop.event.set)


def _terminal(screen: Screen | None = None, *, early: bool = False) -> Sink:
    from streamer.sink.terminal import terminal_sink

    return terminal_sink(screen, early=early)


class _Stop:
    """The wish to end, from SIGTERM, Ctrl-C or a terminal that went away (SIGHUP). A second SIGTERM or Ctrl-C ends at
    once; rows are whole even then. A hangup comes more than once, and beside SIGTERM at a shutdown: it never hurries.
    """

    def __init__(self) -> None:
        self.event = threading.Event()
        self.interrupted = False
        self._asked_at: float | None = None

    @contextmanager
    def on_signals(self) -> Iterator[None]:
        """Takes the signals over while inside, where this is the main thread."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        numbers = [signal.SIGINT, signal.SIGTERM]
        if hasattr(signal, "SIGHUP") and signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # nohup ignores it
            numbers.append(signal.SIGHUP)
        before = {number: signal.signal(number, self._handle) for number in numbers}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _handle(self, number: int, _: object) -> None:
        if number in (signal.SIGINT, signal.SIGTERM):
            now = time.monotonic()
            if self._asked_at is not None and now - self._asked_at >= _IMPATIENT_S:
                os._exit(_EXIT_INTERRUPTED if number == signal.SIGINT else _EXIT_TERMINATED)
            self._asked_at = self._asked_at or now
            self.interrupted = self.interrupted or number == signal.SIGINT
        self.event.set()


def report(summary: RunSummary | None, quiet: bool) -> None:
    """What was done, on stderr: rows on stdout stay clean."""
    if summary is None or quiet:
        return
    for warning in summary.warnings:
        warn(warning)
    rate = summary.frames / summary.seconds if summary.seconds else 0.0
    without = sum(n for reason, n in summary.rejected.items() if reason != "seen too rarely")
    notice(
        f"{summary.passages} passages from {summary.tracks} tracks "
        f"({without} without a sure text), "
        f"{summary.detections} detections and {summary.reads} reads in {summary.frames} frames, "
        f"{summary.seconds:.1f} s ({rate:.0f} frames/s)"
    )
    if without and not summary.passages:
        notice(
            "plates were detected, none was read surely enough for a row: use --ledger FOLDER and alpr explain FOLDER"
        )
