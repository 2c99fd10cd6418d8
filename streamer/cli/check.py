"""`alpr check`: checks a configuration file without a run."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from streamer.cli.options import set_option


@click.command()
@click.argument("config", type=click.Path(path_type=Path))
@set_option
def check(config: Path, sets: tuple[str, ...]) -> None:
    """Check CONFIG, a YAML file of settings, and list what differs from the defaults.

    Also checks that the variables in camera addresses are set and that the networks exist. Reports every fault; exit
    code 2 (5 where a network is missing).
    """
    from streamer.cli.console import print_line, warn
    from streamer.config.models import RunConfig, load_config
    from streamer.config.secrets import Secrets
    from streamer.engine.zoo import config_folder, find_model
    from streamer.errors import AlprError
    from streamer.plates.grammar import check_countries
    from streamer.source.registry import check_sources
    from streamer.source.resolve import open_source
    from streamer.tracking.trackers import check_tracker

    checked = load_config(config, sets)
    checked.check_addresses()
    check_sources(camera.address() for camera in checked.cameras.values())
    check_tracker(checked.track)
    check_countries(checked.all_countries(), config_folder() / "plates")
    for model, kind in ((checked.detector, "detector"), (checked.reader, "reader")):
        find_model(model, "int8" if checked.precision == "int8" else "f32", kind)
    for name, camera in checked.cameras.items():
        try:
            open_source(camera.address())
        except AlprError as error:  # it may be reachable later
            warn(f"{config}: cameras.{name}.url: {error}")
    secrets = Secrets.of_settings(checked)
    changes = list(_changes(RunConfig().model_dump(), checked.model_dump()))
    print_line(f"{config}: valid, {len(changes)} of its settings differ from the defaults")
    for key, default, value in changes:
        print_line(secrets.hidden(f"  {key}: {value} (default {default})"))


def _changes(default: dict[str, Any], given: dict[str, Any], parent: str = "") -> Iterator[tuple[str, Any, Any]]:
    for key, value in given.items():
        before = default.get(key)
        if isinstance(value, dict) and isinstance(before, dict):
            yield from _changes(before, value, f"{parent}{key}.")
        elif value != before:
            yield f"{parent}{key}", "none" if before is None else before, value
