"""`alpr run`: a source to its outputs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from streamer.cli.console import log_status, start_log, warn
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
from streamer.cli.paths import check_apart, check_paths, files_of
from streamer.cli.report import conclude, reported
from streamer.cli.signals import Stop
from streamer.process.memory import keep_memory_small

if TYPE_CHECKING:
    from streamer.config.models import RunConfig
    from streamer.config.outputs import Output
    from streamer.pipeline.status import Streams
    from streamer.sink.base import Sink
    from streamer.sink.screen import Screen
    from streamer.source.address import Kind
    from streamer.source.base import Source

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
    (rtsp://, http://, or a scheme that an installed package adds). Several files and folders are read one after the
    other, as one run.

    Without SOURCE all cameras listed in --config are read at once. Every output is optional; without one the rows are
    printed on the terminal. One row is written per passage: one vehicle that passes through the picture.

    Exit codes: 0 done (also when no plate was found, and after SIGTERM), 1 a bug, 2 usage or configuration, 3 an input
    failed (the others were done), 4 an output could not be written, 5 a model is missing or altered, 130 Ctrl-C.
    """
    from streamer.cli.outputs import ROWS, flagged, merged, paths_of, single_files, with_terminal
    from streamer.cli.progress import progress_on
    from streamer.config.models import load_config
    from streamer.pipeline.engines import load_engines
    from streamer.pipeline.runner import run_stream
    from streamer.sink.guard import protected
    from streamer.sink.registry import OutputPlace, open_outputs
    from streamer.source.clock import parse_start_time
    from streamer.source.many import open_many
    from streamer.source.recording import Networks
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
    flags = flagged(
        csv_path, csv_dialect, jsonl_path, provisional, video_path, crops_path, snapshots_path, mot_path, ledger_path,
        record_path, show,
    )  # fmt: skip
    outputs = with_terminal(merged(config.outputs, flags))
    if not sources_given:
        if not config.cameras:
            raise click.UsageError(
                "SOURCE is missing: give a video file, a folder or an address, or cameras in --config"
            )
        alone = {
            "--show": any(o.type == "window" for o in outputs), "--camera": camera, "--video-track": video_track,
            "--start-time": start, "--realtime": realtime, "--loop": loop,
        }  # fmt: skip
        if given_alone := [name for name, value in alone.items() if value]:
            raise click.UsageError(f"{', '.join(given_alone)}: for one SOURCE only, not for the cameras of --config")
        own = [o for c in config.cameras.values() for o in c.outputs]
        inputs = [path for path in (config_path, *(Path(c.url) for c in config.cameras.values())) if path]
        check_apart(inputs, [*paths_of(outputs), *paths_of(own)])
        click.get_current_context().with_resource(protected(inputs))
        told = any(o.type == "terminal" for o in outputs)
        with _screen(quiet, told, *paths_of([*outputs, *own])) if told else nullcontext() as screen:
            _site(config, outputs, append, metrics, quiet, partial(_terminal, screen, early=not quiet))
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
    for path in paths_of(outputs, "mot") if len(sources) > 1 else ():
        raise click.UsageError(f"--mot {path}: is for one SOURCE, {len(sources)} are given")
    if realtime or loop:
        sources = [_paced(one, loop) for one in sources]
    rows, videos = paths_of(outputs, *ROWS), paths_of(outputs, "video")
    others = [path for path in paths_of(outputs) if path not in (*rows, *videos)]
    inputs = files_of(sources) + [path for path in (config_path, Path(config.detector), Path(config.reader)) if path]
    check_paths(sources, inputs, camera=config.camera, rows=rows, videos=videos, others=others)
    click.get_current_context().with_resource(protected(inputs))
    engines = load_engines(config)  # before the outputs: a missing model must not empty the rows of an earlier run
    live = all(one.live for one in sources)
    if append is None and not live:
        names = [config.camera] if config.camera else [one.name for one in sources]
        asked = [o for o in outputs if getattr(o, "append", None) is None]
        check_earlier(names, paths_of(asked, *ROWS), single_files(asked), quiet=quiet, notes=partial(notes_on, sources))
    stop = Stop()
    told = any(o.type == "terminal" for o in outputs)
    # Before the outputs too: a port that is taken must not empty them.
    with (
        stop.on_signals(),
        _served(metrics, config.live.ready) as watched,
        _screen(quiet, told, *paths_of(outputs)) as screen,
    ):
        place = OutputPlace(
            config,
            config.camera or (sources[0].name if len(sources) == 1 else None),
            live=live,
            append=append,
            networks=Networks(engines.high_score, tuple(engines.reader.alphabet.symbols)),
            on_quit=stop.event.set,
            terminal=partial(_terminal, screen, early=not quiet),
        )
        sinks = open_outputs(outputs, place)
        summary = reported(
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
    conclude(summary, stop, quiet, sinks)


def _paced(source: Source, loop: bool) -> Source:
    from streamer.source.base import Repeatable
    from streamer.source.paced import PacedSource

    if source.live or not isinstance(source, Repeatable):
        raise click.UsageError(f"--realtime and --loop are for video files: {source.name} is none")
    return PacedSource(source, loop=loop)


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


def _site(
    config: RunConfig,
    outputs: Sequence[Output],
    append: bool | None,
    metrics: str | None,
    quiet: bool,
    terminal: Callable[[], Sink],
) -> None:
    """Reads the cameras of a configuration until it is stopped."""
    from streamer.cli.outputs import check_for_cameras
    from streamer.pipeline.engines import load_engines
    from streamer.pipeline.site import run_site
    from streamer.sink.registry import PER_STREAM, OutputPlace, open_outputs
    from streamer.source.recording import Networks
    from streamer.source.registry import check_sources

    each = [o for o in outputs if o.type in PER_STREAM]
    check_for_cameras(each, len(config.cameras))
    config.check_addresses()  # a variable that is not set is reported before anything is opened
    check_sources(camera.address() for camera in config.cameras.values())
    engines = load_engines(config)
    stop = Stop()
    networks = Networks(engines.high_score, tuple(engines.reader.alphabet.symbols))
    place = OutputPlace(config, live=True, append=append, networks=networks, on_quit=stop.event.set, terminal=terminal)
    status = log_status
    opened: list[Sink] = []

    def own(camera: str) -> list[Sink]:
        settings = config.of_camera(camera)
        sinks = open_outputs([*each, *settings.outputs], replace(place, config=settings, camera=camera))
        opened.extend(sinks)
        return sinks

    with stop.on_signals(), _served(metrics, config.live.ready) as watched:
        sinks = open_outputs([o for o in outputs if o not in each], place)
        summary = reported(
            lambda: run_site(config, sinks, engines=engines, stop=stop.event, status=status, streams=watched, own=own),
            quiet,
        )
    conclude(summary, stop, quiet, [*sinks, *opened])


def _terminal(screen: Screen | None, *, early: bool) -> Sink:
    from streamer.sink.terminal import terminal_sink

    return terminal_sink(screen, early=early)
