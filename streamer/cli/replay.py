"""`alpr replay`: rows from a recording, without the networks."""

from __future__ import annotations

from pathlib import Path

import click

from streamer.cli.options import country_option, output_option, plates_option, set_option, watch_option

_FILE = click.Path(dir_okay=True, path_type=Path)


@click.command()
@click.argument("recording", type=click.Path(path_type=Path))
@click.option("--csv", "csv_path", type=_FILE, metavar="FILE", help="Write one CSV row per passage to this file.")
@click.option(
    "--jsonl", "jsonl_path", type=_FILE, metavar="FILE", help="Write one JSON object per passage and line to this file."
)
@click.option(
    "--ledger",
    "ledger_path",
    type=_FILE,
    metavar="FOLDER",
    help="Write the reason for every track without a row to this folder, for alpr explain FOLDER.",
)
@output_option
@click.option(
    "--config",
    "config_path",
    type=_FILE,
    metavar="FILE",
    help="Read settings from this YAML file; sources, networks, cameras and entries of outputs in it are ignored.",
)
@set_option
@click.option(
    "--append/--replace",
    default=None,
    help="Keep the rows that are in the output files, or overwrite them. [default: ask, or refuse, where they hold "
    "rows of other sources]",
)
@click.option("--camera", metavar="NAME", help="Camera name in the rows. [default: the source's name]")
@country_option
@plates_option
@watch_option
@click.option(
    "--min-score",
    type=float,
    metavar="SHARE",
    help="Detections with a score below this, between 0 and 1, do not begin a track. [default: as recorded]",
)
@click.option("--quiet", is_flag=True, help="Print only errors (and rows, where they go to the terminal).")
def replay(
    recording: Path,
    csv_path: Path | None,
    jsonl_path: Path | None,
    ledger_path: Path | None,
    outputs: tuple[str, ...],
    config_path: Path | None,
    sets: tuple[str, ...],
    append: bool | None,
    camera: str | None,
    countries: tuple[str, ...],
    plates: str | None,
    watch_paths: tuple[str, ...],
    min_score: float | None,
    quiet: bool,
) -> None:
    """Write the rows of RECORDING, a file that alpr run --record wrote, without running the networks.

    The same settings give the same rows; other settings show their effect in seconds. Only recorded readings can be
    used: record with read.every 1 and read.confirm_s 0.01 to have a reading of every frame.
    """
    from streamer.cli.earlier import check_earlier, check_kept
    from streamer.cli.output_options import (
        OutputOptions,
        check_frames,
        check_joined,
        paths_of,
        row_files,
        single_files,
        with_terminal,
    )
    from streamer.cli.paths import check_apart
    from streamer.cli.report import finished, reported
    from streamer.cli.watch_option import check_lists, with_lists
    from streamer.config.models import load_config
    from streamer.engine.zoo import plate_folders
    from streamer.plates.countries import check_countries
    from streamer.replay.rerun import replay as replay_sources
    from streamer.sink.guard import protected
    from streamer.sink.registry import OutputPlace, open_outputs
    from streamer.source.recording import read_recording
    from streamer.tracking.trackers import check_tracker

    options = {
        "camera": ("--camera", camera), "countries": ("--country", countries or None),
        "min_score": ("--min-score", min_score), "plates": ("--plates", plates),
    }  # fmt: skip
    config = with_lists(load_config(config_path, sets, options), watch_paths)
    check_lists(config)
    check_tracker(config.track)
    check_countries(config.all_countries(), plate_folders(config.plates))
    flags = OutputOptions(csv=csv_path, jsonl=jsonl_path, ledger=ledger_path, outputs=outputs).entries()
    check_frames(flags)
    sources = read_recording(recording)  # before the outputs: a wrong name must not empty the rows of an earlier run
    check_joined(flags, len(sources))
    inputs = [path for path in (recording, config_path) if path]
    check_apart(inputs, paths_of(flags))
    click.get_current_context().with_resource(protected(inputs))
    names = [config.camera] if config.camera else [one.name for one in sources]
    if append:
        check_kept(flags, names)
    elif append is None:
        asked = [output for output in flags if getattr(output, "append", None) is None]
        whole = not any(one.of_camera for one in sources)  # a camera's rows come from several runs
        check_earlier(names, row_files(asked), single_files(asked, names), quiet=quiet, again=whole)
    one = config.camera or (sources[0].name if len(sources) == 1 else None)
    place = OutputPlace(config, one, append=append, networks=sources[0].networks)
    sinks = open_outputs(with_terminal(flags), place)
    finished(reported(lambda: replay_sources(sources, sinks, config), quiet), quiet, sinks)
