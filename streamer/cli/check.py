"""`alpr check`: checks a configuration file without a run."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from streamer.cli.options import plates_option, set_option


@click.command()
@click.argument("config", type=click.Path(path_type=Path))
@set_option
@plates_option
def check(config: Path, sets: tuple[str, ...], plates: str | None) -> None:
    """Check CONFIG, a YAML file of settings, and list what differs from the defaults.

    Also checks that the variables in camera addresses are set, that the networks exist, and the files of the
    user's own folder of plates. Reports every fault; exit
    code 2 (5 where a network is missing).
    """
    from streamer.cli.console import print_line, warn
    from streamer.config.models import RunConfig, load_config
    from streamer.config.secrets import Secrets
    from streamer.engine.zoo import find_model, plate_folders
    from streamer.errors import AlprError
    from streamer.plates.countries import check_countries, replacements
    from streamer.source.registry import check_sources
    from streamer.source.resolve import open_source
    from streamer.tracking.trackers import check_tracker

    checked = load_config(config, sets, {"plates": ("--plates", plates)})
    checked.check_addresses()
    check_sources(camera.address() for camera in checked.cameras.values())
    check_tracker(checked.track)
    folders = plate_folders(checked.plates)
    check_countries(checked.all_countries(), folders)
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
    for line in replacements(folders):
        print_line(line)
    for key, default, value in changes:
        print_line(secrets.hidden(f"  {key}: {value} (default {default})"))


def _changes(default: dict[str, Any], given: dict[str, Any], parent: str = "") -> Iterator[tuple[str, Any, Any]]:
    for key, value in given.items():
        before = default.get(key)
        if isinstance(value, dict) and isinstance(before, dict):
            yield from _changes(before, value, f"{parent}{key}.")
        elif value != before:
            yield f"{parent}{key}", "none" if before is None else before, value
