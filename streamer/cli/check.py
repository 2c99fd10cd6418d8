"""`alpr check`: checks a configuration file without a run."""

from __future__ import annotations

from pathlib import Path

import click

from streamer.cli.options import plates_option, set_option


@click.command()
@click.argument("config", type=click.Path(path_type=Path))
@set_option
@plates_option
def check(config: Path, sets: tuple[str, ...], plates: str | None) -> None:
    """Check CONFIG, a YAML file of settings, and list what differs from the defaults.

    Reports every fault with its line and key: of keys and values, variables that are not set and lists; where keys and
    values are right, also of countries, the folder of plates, files that cameras play, packages, outputs and networks.
    Outputs are not opened. Exit code 2 (5 where networks alone are missing).
    """
    from streamer.cli.console import print_line, warn
    from streamer.cli.differences import differences
    from streamer.cli.first_faults import first_faults
    from streamer.cli.settings_faults import check_settings
    from streamer.config.models import load_config
    from streamer.engine.zoo import plate_folders
    from streamer.errors import AlprError, ConfigError
    from streamer.plates.countries import replacements
    from streamer.source.resolve import open_source
    from streamer.watch.watcher import WatchLists

    try:
        checked = load_config(config, sets, {"plates": ("--plates", plates)})
    except ConfigError as error:
        if not error.messages:
            raise
        raise ConfigError(*dict.fromkeys((*error.messages, *first_faults(config))), at=config, key=error.key) from None
    check_settings(checked, config, sets)
    for name, camera in checked.cameras.items():
        try:
            open_source(camera.address())
        except AlprError as error:  # it may be reachable later
            warn(f"{config}: cameras.{name}.url: {error}")
    for line in WatchLists(checked).warnings():
        warn(line)
    changes = differences(checked)
    print_line(f"{config}: valid, {len(changes)} of its settings differ from the defaults")
    for line in (*replacements(plate_folders(checked.plates)), *(f"  {change}" for change in changes)):
        print_line(line)
