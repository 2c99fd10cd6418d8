"""`alpr run`: its options, and from them the configuration and outputs of the run."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import click

from streamer.cli.console import start_log
from streamer.cli.options import (
    SHORT_FORMS,
    SectionedCommand,
    blur_option,
    cadence_option,
    country_option,
    decode_option,
    log_options,
    model_options,
    output_option,
    plates_option,
    set_option,
    video_track_option,
    watch_option,
)
from streamer.process.memory import keep_memory_small

_FILE = click.Path(dir_okay=True, path_type=Path)


# The headings of --help, with their parameters.
_SECTIONS = {
    "Input": ("video_track", "realtime", "loop", "start_time", "camera"),
    "Outputs": (
        "csv_path", "csv_dialect", "jsonl_path", "provisional", "video_path", "crops_path", "snapshots_path",
        "mot_path", "ledger_path", "store", "record_path", "show", "blur", "outputs",
        "append",
    ),
    "Recognition": (
        "countries", "plates", "watch_paths", "rejoin", "min_score", "cadence", "detector", "reader", "precision",
        "threads",
    ),
    "Hardware": ("device", "decode"),
    "Configuration and diagnostics": (
        "config_path", "sets", "metrics", "ready", "web", "log_level", "log_format", "quiet",
    ),
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
    "A camera's video is written in segments; the name may contain {camera}, {date}, {hour} and {time}.",
)
@click.option(
    "--jsonl", "jsonl_path", type=_FILE, metavar="FILE", help="Write one JSON object per passage and line to this file."
)
@click.option(
    "--provisional",
    is_flag=True,
    help="Also write provisional rows to --jsonl: as soon as a plate is read, and again when its text changes.",
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
    help="Write the reason for every track without a row to this folder, for alpr explain FOLDER.",
)
@click.option(
    "--store",
    metavar="FILE|ADDRESS",
    help="Keep the rows in this database, for alpr find: a file (SQLite), or postgresql://USER:PASSWORD@HOST/DATABASE "
    "(docs/store.md; needs the extra store).",
)
@click.option(
    "--record",
    "record_path",
    type=_FILE,
    metavar="FILE",
    help="Write all detections and readings to this file (.jsonl.gz), for alpr replay.",
)
@output_option
@click.option(
    "--metrics",
    metavar="[HOST:]PORT",
    help="Serve /metrics (Prometheus), /healthz and /readyz over HTTP on this port of this machine.",
)
@click.option(
    "--ready",
    type=click.Choice(["any", "all"]),
    help="With --metrics: /readyz returns 200 while any camera has frames, or only while all do. [default: any]",
)
@click.option(
    "--web",
    metavar="[HOST:]PORT",
    help="Serve the page in a browser on this port of this machine (needs the extra web). With HOST, others can reach "
    "it too: that needs users (alpr user add).",
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
    help="Time at which the recording starts, like 2026-01-31T08:00:00+08:00; sets the clock times of rows.",
)
@click.option("--realtime", is_flag=True, help="Play a file in real time like a camera; frames are dropped to keep up.")
@click.option("--loop", is_flag=True, help="Like --realtime, and start again at the end of the file, until stopped.")
@video_track_option
@click.option("--camera", metavar="NAME", help="Camera name in the rows. [default: the source's name]")
@country_option
@plates_option
@watch_option
@blur_option
@model_options
@cadence_option
@decode_option
@log_options
@click.option("--quiet", is_flag=True, help="Print only errors (and rows, where they go to the terminal).")
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
    store: str | None,
    record_path: Path | None,
    metrics: str | None,
    ready: Literal["any", "all"] | None,
    web: str | None,
    show: bool,
    outputs: tuple[str, ...],
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
    plates: str | None,
    watch_paths: tuple[str, ...],
    blur: str | None,
    log_level: str | None,
    log_format: Literal["text", "json"],
    quiet: bool,
    **models: Any,
) -> None:
    """Read the plates of SOURCE: a video file, a picture, a folder of these (without subfolders), or an address
    (rtsp://, http://, or a scheme that an installed package adds). Several files and folders are read in order, as one
    run.

    Without SOURCE all cameras listed in --config are read at once. Every output is optional; without one the rows are
    printed on the terminal. One row is written per passage: one vehicle that passes through the picture.

    Exit codes: 0 done (also when no plate was found, and after SIGTERM), 1 a bug, 2 usage or configuration, 3 an input
    failed (the others were done), 4 an output could not be written, 5 a model is missing or altered, 130 Ctrl-C.
    """
    from streamer.cli.output_options import OutputOptions, merged, with_terminal
    from streamer.cli.run_cameras import run_cameras
    from streamer.cli.run_request import RunRequest
    from streamer.cli.run_sources import run_sources
    from streamer.cli.watch_option import with_lists
    from streamer.config.models import load_config
    from streamer.source.start_time import parse_start_time

    keep_memory_small()
    start_log(log_level or ("error" if quiet else "info"), log_format)
    if provisional and jsonl_path is None:
        raise click.UsageError("--provisional writes provisional rows to --jsonl FILE: give that file too")
    if ready and metrics is None:
        raise click.UsageError("--ready sets when /readyz returns 200: give --metrics PORT too")
    start = parse_start_time(start_time) if start_time else None
    values = {
        "start_time": start, "video_track": video_track, "camera": camera, "countries": countries or None,
        "plates": plates, "blur": blur, "vote.rejoin_s": rejoin, "live.ready": ready, "web.at": web, **models,
    }  # fmt: skip
    options = {key: (SHORT_FORMS[key], value) for key, value in values.items()}
    config = with_lists(load_config(config_path, sets, options), watch_paths)
    flags = OutputOptions(
        csv=csv_path, csv_dialect=csv_dialect, jsonl=jsonl_path, provisional=provisional, video=video_path,
        crops=crops_path, snapshots=snapshots_path, mot=mot_path, ledger=ledger_path, record=record_path, store=store,
        show=show,
        outputs=outputs,
    )  # fmt: skip
    chosen = with_terminal(merged(config.outputs, flags.entries()))
    request = RunRequest(config, config_path, chosen, append, metrics, quiet)
    if sources_given:
        run_sources(request, sources_given, realtime=realtime, loop=loop)
        return
    if not config.cameras:
        raise click.UsageError("SOURCE is missing: give a video file, a folder or an address, or cameras in --config")
    single = {
        "--show": any(o.type == "window" for o in request.outputs), "--camera": camera, "--video-track": video_track,
        "--start-time": start, "--realtime": realtime, "--loop": loop,
    }  # fmt: skip
    if given := [name for name, value in single.items() if value]:
        raise click.UsageError(f"{', '.join(given)}: for one SOURCE only, not for the cameras of --config")
    run_cameras(request)
