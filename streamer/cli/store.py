"""`alpr store`: import, export and upkeep of a store."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import click

from streamer.cli.console import notice, print_line
from streamer.cli.store_purge import purge
from streamer.cli.when import When
from streamer.errors import InputError

if TYPE_CHECKING:
    from streamer.store.database import Database

_FILE = click.Path(path_type=Path)
_FILES = click.option(
    "--files", "folder", type=_FILE, metavar="FOLDER", help="Folder of the pictures. [default: STORE.files]"
)
_WHERE = click.argument("where", metavar="STORE")


@click.group()
def store() -> None:
    """Import, export and upkeep of STORE: a file (SQLite), or postgresql://USER:PASSWORD@HOST/DATABASE. `${NAME}` in an
    address is taken from the environment."""


@store.command("import")
@_WHERE
@click.argument("paths", metavar="FILE...", type=_FILE, nargs=-1, required=True)
def import_(where: str, paths: tuple[Path, ...]) -> None:
    """Add the rows of FILE: a CSV or JSON lines that alpr run wrote. Rows that are there already stay as they are."""
    from streamer.store.transfer import import_file

    with _opened(where, create=True) as database:
        for path in paths:
            done = import_file(database, path)
            notice(f"{path}: {done.read} rows, {done.written} of them new or changed")


@store.command()
@_WHERE
@click.option("--csv", "csv_path", type=_FILE, metavar="FILE", help="As alpr run --csv writes rows (- prints them).")
@click.option("--jsonl", "jsonl_path", type=_FILE, metavar="FILE", help="As alpr run --jsonl writes rows.")
@click.option("--parquet", "parquet_path", type=_FILE, metavar="FILE", help="For data frames (the extra parquet).")
@click.option(
    "--since", type=When(), metavar="TIME", help="First seen then or later: 2026-01-31T08:00, or 12h, 7d ago."
)
@click.option("--until", type=When(), metavar="TIME", help="First seen before that time.")
@click.option("--camera", metavar="NAME", help="Rows of this camera only.")
@click.option(
    "--labels", type=_FILE, metavar="FOLDER", help="Corrected and confirmed readings with their crops, for training."
)
@click.option("--replace", is_flag=True, help="Overwrite files that exist. [default: ask, or refuse]")
@_FILES
def export(
    where: str,
    csv_path: Path | None,
    jsonl_path: Path | None,
    parquet_path: Path | None,
    since: int | None,
    until: int | None,
    camera: str | None,
    labels: Path | None,
    replace: bool,
    folder: Path | None,
) -> None:
    """Write the final rows of STORE to files, in the order in which they became final. Each export is noted in the
    audit log."""
    from streamer.cli.earlier import check_new
    from streamer.store.labels import export_labels
    from streamer.store.transfer import Format, Selection, export_file

    files = dict(zip(get_args(Format), (csv_path, jsonl_path, parquet_path), strict=True))
    if not any(files.values()) and labels is None:
        raise click.UsageError("nothing to write: give --csv, --jsonl or --parquet FILE, or --labels FOLDER")
    if not replace:
        check_new([path for path in files.values() if path is not None])
    with _opened(where) as database:
        for form, path in files.items():
            if path is not None:
                count = export_file(database, path, form, Selection(since, until, camera))
                notice(f"{path}: {count} rows")
        if labels is not None:
            done = export_labels(database, labels, folder or _folder(database))
            left = f", {done.without_crop} left out, whose crops are not kept" if done.without_crop else ""
            notice(f"{labels}: {done.labels} labels{left}; alpr train finetune --crops {labels} trains on them")


@store.command()
@_WHERE
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def stats(where: str, as_json: bool) -> None:
    """Show what STORE holds, and its size."""
    from streamer.store.stats import stats as counted

    with _opened(where) as database:
        found = counted(database)
    if as_json:
        print_line(json.dumps(found))
    else:
        _print(found)


@store.command()
@_WHERE
def vacuum(where: str) -> None:
    """Give the space that deleted rows left back to the disk. A run that writes to STORE waits for it."""
    from streamer.store.maintain import vacuum as cleaned

    with _opened(where) as database:
        before, after = cleaned(database)
    notice(f"{database.name}: {before / 1e6:.1f} MB before, {after / 1e6:.1f} MB now")


@store.command()
@_WHERE
def migrate(where: str) -> None:
    """Bring STORE to the tables of this version: all of it or nothing. Stop the runs that write to it first."""
    from streamer.store.database import connect
    from streamer.store.migrate import migrate as migrated

    with connect(where, run=True) as database:
        before, after = migrated(database)
    notice(f"{database.name}: is of version {after}" + ("" if before == after else f" now, was {before or 'empty'}"))


@store.command()
@_WHERE
@_FILES
def verify(where: str, folder: Path | None) -> None:
    """Check STORE: the database's own checks, rows against the schema, pictures against their hashes. Exit code 3 where
    something is wrong."""
    from streamer.store.verify import verify as faults_of

    count = 0
    with _opened(where) as database:
        for fault in faults_of(database, folder or _folder(database)):
            count += 1
            print_line(fault)
    if count:
        raise InputError(
            f"{database.name}: {count} fault{'s' if count != 1 else ''}: restore a copy, or keep what is left"
        )
    notice(f"{database.name}: no fault")


def _opened(where: str, *, create: bool = False) -> Database:
    from streamer.store.database import open_database

    return open_database(where, create=create)


def _folder(database: Database) -> Path | None:
    from streamer.store.files import default_folder

    path = database.place.path
    folder = None if path is None else default_folder(path)
    return folder if folder is not None and folder.is_dir() else None


def _print(found: dict[str, Any]) -> None:
    lines = {
        "passages": f"{found['passages']:,}", "plates": f"{found['plates']:,}",
        **{f"  {status}": f"{n:,}" for status, n in found["by_status"].items() if status != "final"},
        "rejections": f"{found['rejections']:,}", "on lists": f"{found['hits']:,}",
        "pictures": f"{found['pictures']['files']:,} ({found['pictures']['bytes'] / 1e6:.1f} MB)",
        **{f"deliveries {state}": f"{n:,}" for state, n in found["outbox"].items()},
        "size": f"{found['bytes'] / 1e6:.1f} MB", "schema": found["schema"],
    }  # fmt: skip
    for name, value in lines.items():
        print_line(f"{name:12} {value}")
    for one in found["cameras"]:
        print_line(f"{one['camera']:12} {one['passages']:,} passages, {one['first']} to {one['last']}")


store.add_command(purge)
