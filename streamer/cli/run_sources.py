"""`alpr run SOURCE...`: files, folders and addresses, one after the other."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from streamer.cli.console import log_status, warn
from streamer.cli.earlier import check_earlier, check_kept, notes_on
from streamer.cli.loading import loaded_engines
from streamer.cli.output_options import check_joined, paths_of, row_files, single_files
from streamer.cli.paths import check_paths, files_of
from streamer.cli.report import conclude, reported
from streamer.cli.run_request import RunRequest
from streamer.cli.signals import Stop
from streamer.cli.watch_option import check_lists, warn_unseen

if TYPE_CHECKING:
    from streamer.source.address import Kind
    from streamer.source.source import Source


def run_sources(request: RunRequest, texts: Sequence[str], *, realtime: bool, loop: bool) -> None:
    """Opens the sources that `texts` name, checks paths and outputs of earlier runs, and reads them."""
    from streamer.cli.progress import progress_on
    from streamer.pipeline.runner import run_stream
    from streamer.sink.registry import OutputPlace, open_outputs
    from streamer.source.recording import Networks

    config, outputs = request.config, request.outputs
    if config.cameras and not request.quiet:
        count = len(config.cameras)
        warn(f"{request.config_path}: its cameras ({count}) are not read, as SOURCE is given: leave SOURCE out")
    sources = _opened(request, texts, realtime=realtime, loop=loop)
    _check_paths(request, sources)
    check_lists(config)
    if not request.quiet:
        warn_unseen(config, request.outputs)
    engines = loaded_engines(config)  # before the outputs: a missing model must not empty the rows of an earlier run
    live = all(one.live for one in sources)
    names = [config.camera] if config.camera else [one.name for one in sources]
    if request.append or (request.append is None and live):
        check_kept(outputs, names)
    elif request.append is None:
        asked = [o for o in outputs if getattr(o, "append", None) is None]
        check_earlier(
            names, row_files(asked), single_files(asked, names), quiet=request.quiet, notes=partial(notes_on, sources)
        )
    stop = Stop()
    # Metrics before the outputs, too: a port that is taken must not empty them.
    with stop.on_signals(), request.served(stop.event) as streams, request.screen(paths_of(outputs)) as screen:
        place = OutputPlace(
            config,
            config.camera or (sources[0].name if len(sources) == 1 else None),
            live=live,
            append=request.append,
            networks=Networks(engines.high_score, tuple(engines.reader.alphabet.symbols)),
            on_quit=stop.event.set,
            terminal=request.terminal(screen),
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
                streams=streams,
                status=log_status,
            ),
            request.quiet,
        )
    conclude(summary, stop, request.quiet, sinks)


def _opened(request: RunRequest, texts: Sequence[str], *, realtime: bool, loop: bool) -> list[Source]:
    from streamer.source.many import open_many
    from streamer.source.resolve import open_source

    config = request.config
    unsure: Kind = "recording" if realtime or loop else "live"
    sources = open_many(
        texts,
        lambda text: open_source(
            text, start_time=config.start_time, live=config.live, unsure=unsure, video_track=config.video_track
        ),
    )
    if len(sources) > 1 and config.start_time is not None:
        raise click.UsageError("--start-time: give recordings one by one, each with its own")
    check_joined(request.outputs, len(sources))
    return [_paced(one, loop) for one in sources] if realtime or loop else sources


def _paced(source: Source, loop: bool) -> Source:
    from streamer.source.paced import PacedSource
    from streamer.source.source import Repeatable

    if source.live or not isinstance(source, Repeatable):
        raise click.UsageError(f"--realtime and --loop are for video files: {source.name} is none")
    return PacedSource(source, loop=loop)


def _check_paths(request: RunRequest, sources: Sequence[Source]) -> None:
    """ConfigError where inputs and outputs are not distinct; protects the inputs from then on."""
    from streamer.sink.guard import protected

    config, outputs = request.config, request.outputs
    models = Path(config.detector), Path(config.reader)
    inputs = files_of(sources) + [path for path in (request.config_path, *models) if path]
    check_paths(sources, inputs, outputs, camera=config.camera)
    click.get_current_context().with_resource(protected(inputs))
