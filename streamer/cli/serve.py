"""`alpr serve`: the page of a store, without cameras."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import click

from streamer.cli.console import start_log
from streamer.cli.options import log_options, set_option

_FILE = click.Path(path_type=Path)


@click.command()
@click.option("--store", metavar="FILE|ADDRESS", help="The store to show. [default: that of --config]")
@click.option(
    "--web", metavar="[HOST:]PORT", help="Serve the page there; on this machine alone without HOST. [default: 8080]"
)
@click.option("--files", metavar="FOLDER", help="Folder of the store's pictures. [default: STORE.files]")
@click.option(
    "--config", "config_path", type=_FILE, metavar="FILE", help="Settings of the page (web), its outputs and lists."
)
@set_option
@log_options
def serve(
    store: str | None,
    web: str | None,
    files: str | None,
    config_path: Path | None,
    sets: tuple[str, ...],
    log_level: str | None,
    log_format: Literal["text", "json"],
) -> None:
    """Show a store in a browser, without cameras: search, watchlists, targets.

    Beside cameras the page is a part of the run: alpr run ... --web [HOST:]PORT. On an address that others can reach it
    needs users (alpr user add), and refuses to start without one.
    """
    from streamer.cli.page import check_extra, page_of_store
    from streamer.cli.signals import EXIT_INTERRUPTED, Stop
    from streamer.config.models import load_config
    from streamer.config.outputs import StoreOutput

    check_extra()
    start_log(log_level or "info", log_format)
    config = load_config(config_path, sets, {"web.at": ("--web", web)})
    if config.web.at is None:
        config = config.model_copy(update={"web": config.web.model_copy(update={"at": "8080"})})
    kept = next((one for one in config.outputs if isinstance(one, StoreOutput)), None)
    if store is None and kept is None:
        raise click.UsageError("--store is missing: give the file or address that alpr run --store writes to")
    stop = Stop()
    where = store or (kept.path if kept is not None else "")
    with stop.on_signals():
        server = page_of_store(config, config_path, where, files or (kept.files if kept is not None else None))
        try:
            stop.event.wait()
        finally:
            server.close()
    if stop.interrupted:
        raise SystemExit(EXIT_INTERRUPTED)
