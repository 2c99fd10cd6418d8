"""`alpr store purge`: deletes what is too old, or too much, and reports it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from streamer.cli.console import notice

_FILE = click.Path(path_type=Path)
_HELP = {
    "passages_days": "Delete passages older than this.",
    "listed_days": "Those that a watchlist reports, instead of --passages-days.",
    "pictures_days": "Delete pictures older than this, keep their rows.",
    "listed_pictures_days": "Those of rows that a watchlist reports, instead of --pictures-days.",
    "rejections_days": "Delete tracks without a row that are older than this.",
    "health_days": "Delete the cameras' health that is older than this.",
    "audit_days": "Delete entries of the audit log older than this.",
    "passages_mb": "Delete the oldest passages until the database, pictures apart, is no larger.",
    "pictures_mb": "Delete the oldest pictures until all together are no larger.",
}


def _rules(command: Any) -> Any:
    for name, text in reversed(_HELP.items()):
        option = f"--{name.replace('_', '-')}"
        metavar = "DAYS" if name.endswith("days") else "MB"
        kind = click.FloatRange(0, min_open=True)
        command = click.option(option, name, type=kind, metavar=metavar, help=text)(command)
    return command


@click.command()
@click.argument("where", metavar="STORE")
@_rules
@click.option(
    "--plate", "erase", multiple=True, metavar="PLATE", help="Delete all passages of this plate. May be repeated."
)
@click.option(
    "--keys", metavar="FILE", help="With --plate: also where it was stored as a hash with the keys in this file."
)
@click.option("--files", "folder", type=_FILE, metavar="FOLDER", help="Folder of the pictures. [default: STORE.files]")
@click.option("--dry-run", is_flag=True, help="Delete nothing, report what would be deleted.")
@click.option("--report", type=_FILE, metavar="FILE", help="Write the report to this file as JSON, too.")
def purge(
    where: str,
    erase: tuple[str, ...],
    keys: str | None,
    folder: Path | None,
    dry_run: bool,
    report: Path | None,
    **rules: float | None,
) -> None:
    """Delete from STORE what is older than given, or more. Runs may go on writing to it.

    The report tells what was deleted, a SHA-256 over the event ids of deleted passages in their order (one a line), and
    whether nothing is left that the rules forbid. It is also in the audit log, where each report has the hash of the
    one before; alpr store verify checks them.
    """
    if not erase and all(value is None for value in rules.values()):
        raise click.UsageError("nothing to delete: give a limit like --passages-days 90, or --plate")
    from streamer.config.keep import KeepConfig
    from streamer.plates.look_alikes import as_plate
    from streamer.store.database import open_database
    from streamer.store.files import default_folder
    from streamer.store.hashing import Keys
    from streamer.store.purge import purge as purged

    plates = [as_plate(text) for text in erase]
    if keys is not None:
        plates += [one for text in tuple(plates) for one in Keys(keys, create=False).all_of(text)]
    with open_database(where) as database:
        place = database.place.path
        pictures = folder or (None if place is None else default_folder(place))
        found = purged(database, KeepConfig(**rules), pictures, erase=plates, dry_run=dry_run)
    if report is not None:
        _write(report, found)
    deleted = ", ".join(f"{count:,} {name.replace('_', ' ')}" for name, count in found["deleted"].items() if count)
    verb = "would be deleted" if dry_run else "deleted"
    notice(f"{found['store']}: {deleted or 'nothing'} {verb}")


def _write(path: Path, found: dict[str, Any]) -> None:
    from streamer.sink.opening import open_output, output_errors, write_whole

    with open_output(path) as stream, output_errors(path):
        write_whole(stream, (json.dumps(found, ensure_ascii=False, indent=2) + "\n").encode())
