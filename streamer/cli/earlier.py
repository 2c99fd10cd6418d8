"""Protection of an earlier run's outputs: they are not overwritten without asking."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from streamer.cli.console import notice, warn
from streamer.cli.output_options import single_files
from streamer.errors import ConfigError, InputError

if TYPE_CHECKING:
    from streamer.config.outputs import Output
    from streamer.source.source import Source

_MOST_OPENED = 8


def check_earlier(
    cameras: Sequence[str],
    rows: Sequence[Path | None],
    others: Sequence[Path | None],
    *,
    quiet: bool,
    notes: Callable[[], Sequence[str]] = tuple,
    again: bool = True,
) -> None:
    """Where a run would overwrite the output of other sources: asks on a terminal, raises ConfigError elsewhere.

    `rows`: the row files (name templates). Those with rows of these `cameras` only are replaced, since the run writes
    them again, and then the `others` beside them, too; not so where it does not write them all `again`. `notes` on the
    sources are printed before the question, as they may affect the answer."""
    own, replaced = set(cameras), False
    conflicts: list[tuple[Path, str]] = []
    for path in _files(rows, cameras):
        names = set(_cameras(path))
        if foreign := sorted(str(name) for name in names - own):
            conflicts.append((path, f"holds rows of {foreign[0]}" if foreign[0] != "None" else "holds other data"))
        elif names and not again:
            conflicts.append((path, f"holds rows of {min(map(str, names))}"))
        elif names:
            replaced = True
            if not quiet:
                notice(f"{path}: its rows of an earlier run are replaced")
    if not replaced:
        existing = [p for p in others if p is not None and p.is_file() and p.stat().st_size]
        conflicts += [(path, "exists already") for path in existing]
    for note in notes() if conflicts and not quiet else ():
        warn(note)
    for path, reason in conflicts:
        if _agreed(path, reason):
            continue
        raise ConfigError(
            f"{path}: {reason}: add --append to keep that, --replace to overwrite it, or give another name", at=path
        )


def check_new(files: Sequence[Path]) -> None:
    """Where one of these would be overwritten: asks on a terminal, raises ConfigError elsewhere."""
    for path in files:
        if path.is_file() and path.stat().st_size and not _agreed(path, "exists already"):
            raise ConfigError(f"{path}: exists already: add --replace to overwrite it, or give another name", at=path)


def _agreed(path: Path, reason: str) -> bool:
    """What somebody at the terminal says; False without one."""
    asked = sys.stdin.isatty() and sys.stderr.isatty()
    return asked and click.confirm(f"{path} {reason}: overwrite it?", err=True)


def check_kept(outputs: Sequence[Output], cameras: Sequence[str]) -> None:
    """ConfigError where one of these would overwrite a file that is to be kept, as it cannot continue one."""
    for output in outputs:
        for path in () if output.can_continue else single_files([output], cameras):
            if path.is_file() and path.stat().st_size:
                raise ConfigError(
                    f"{path}: exists already, and outputs of type {output.type} cannot continue a file: add --replace "
                    "to overwrite it, or give another name",
                    at=path,
                )


def notes_on(sources: Sequence[Source]) -> list[str]:
    """The warnings of the first files that are to be read; InputError where the only one cannot be opened."""
    from streamer.source.file import VideoSource

    notes: list[str] = []
    for source in sources[:_MOST_OPENED]:
        if isinstance(source, VideoSource) and Path(source.address).is_file():
            opened = source.again()
            opened.name = source.name
            try:
                opened.open()
            except InputError:
                if len(sources) == 1:
                    raise
            finally:
                opened.close()
            notes += opened.warnings
    return notes


def _files(rows: Sequence[Path | None], cameras: Sequence[str]) -> Iterator[Path]:
    """The existing row files, with all their parts."""
    from streamer.sink.names import Template, last_number, numbered
    from streamer.sink.opening import descriptor_of
    from streamer.sink.rows import FIELDS

    now = datetime.now()
    for given in rows:
        if given is None or descriptor_of(given) is not None:
            continue
        template = Template(given, FIELDS)
        for named in dict.fromkeys(template.filled(now, camera=camera) for camera in cameras):
            for number in range(1, last_number(named) + 1):
                path = numbered(named, number)
                if path.is_file():
                    yield path


def _cameras(path: Path) -> Iterator[str | None]:
    """The camera of each row in a file; None for other data."""
    from streamer.sink.csv import unguard

    with path.open(encoding="utf-8-sig", errors="replace", newline="") as stream:
        lines = (line.replace("\0", "") for line in stream)
        first = next(lines, "")
        if first.startswith("{"):
            for line in (first, *lines):
                try:
                    yield str(json.loads(line)["camera"])
                except (ValueError, KeyError, TypeError):
                    if line.strip():
                        yield None
            return
        header = next(csv.reader([first]), [])
        column = next((header.index(name) for name in ("camera", "file") if name in header), None)
        if column is None:
            yield from [None] if first else []
            return
        try:
            yield from (unguard(row[column]) for row in csv.reader(lines) if len(row) > column)
        except csv.Error:
            yield None
