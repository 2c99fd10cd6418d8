"""`alpr run` without SOURCE: the cameras of the configuration, until it is stopped."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from streamer.cli.console import log_status
from streamer.cli.earlier import check_kept
from streamer.cli.loading import loaded_engines
from streamer.cli.output_options import check_for_cameras, paths_of
from streamer.cli.paths import check_apart
from streamer.cli.report import conclude, reported
from streamer.cli.run_request import RunRequest
from streamer.cli.signals import Stop
from streamer.cli.watch_option import check_lists, warn_unseen

if TYPE_CHECKING:
    from streamer.sink.screen import Screen
    from streamer.sink.sink import Sink


def run_cameras(request: RunRequest) -> None:
    """Checks the paths of inputs and outputs, and reads all cameras."""
    from streamer.sink.guard import protected

    config = request.config
    outputs = [*paths_of(request.outputs), *paths_of([o for c in config.cameras.values() for o in c.outputs])]
    inputs = [path for path in (request.config_path, *(Path(c.url) for c in config.cameras.values())) if path]
    check_apart(inputs, outputs)
    click.get_current_context().with_resource(protected(inputs))
    with request.screen(outputs) if request.prints_rows else nullcontext() as screen:
        _read(request, screen)


def _read(request: RunRequest, screen: Screen | None) -> None:
    from streamer.pipeline.site import run_site
    from streamer.sink.registry import OutputPlace, open_outputs
    from streamer.source.recording import Networks
    from streamer.source.registry import check_sources

    config = request.config
    per_camera = [o for o in request.outputs if o.writes.per_stream]
    check_for_cameras(per_camera, len(config.cameras))
    config.check_addresses()  # a variable that is not set is reported before anything is opened
    check_sources(camera.address() for camera in config.cameras.values())
    if request.append is not False:
        check_kept(request.outputs, list(config.cameras))
        for name, camera in config.cameras.items():
            check_kept(camera.outputs, [name])
    check_lists(config)
    if not request.quiet:
        warn_unseen(config, request.outputs)
    engines = loaded_engines(config)
    stop = Stop()
    place = OutputPlace(
        config,
        live=True,
        append=request.append,
        networks=Networks(engines.high_score, tuple(engines.reader.alphabet.symbols)),
        on_quit=stop.event.set,
        terminal=request.terminal(screen),
    )
    opened: list[Sink] = []

    def own(camera: str) -> list[Sink]:
        settings = config.of_camera(camera)
        sinks = open_outputs([*per_camera, *settings.outputs], replace(place, config=settings, camera=camera))
        opened.extend(sinks)
        return sinks

    with stop.on_signals(), request.served(stop.event, len(config.cameras)) as streams:
        shared = open_outputs([o for o in request.outputs if o not in per_camera], place)
        summary = reported(
            lambda: run_site(
                config, shared, engines=engines, stop=stop.event, status=log_status, streams=streams, own=own
            ),
            request.quiet,
        )
    conclude(summary, stop, request.quiet, [*shared, *opened])
