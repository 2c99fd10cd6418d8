"""What an earlier run wrote is not overwritten without a word."""

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
from streamer.errors import ConfigError, InputError

if TYPE_CHECKING:
    from streamer.source.base import Source

_MOST_LOOKED_AT = 8


def check_earlier(
    cameras: Sequence[str],
    rows: Sequence[Path | None],
    others: Sequence[Path | None],
    *,
    quiet: bool,
    notes: Callable[[], Sequence[str]] = tuple,
    again: bool = True,
) -> None:
    """Asks on a terminal, and is a ConfigError elsewhere, where a run would overwrite what other sources gave. `rows`:
    the files of rows (name templates); those that hold rows of these `cameras` only are replaced, as the run gives
    them again, and so are then the `others` beside them; unless it does not give them all `again`. `notes` on the
    sources are told before the question: they may change the answer."""
    own, replaced = set(cameras), False
    doubtful: list[tuple[Path, str]] = []
    for path in _files(rows, cameras):
        names = set(_cameras(path))
        if strange := sorted(str(name) for name in names - own):
            doubtful.append((path, f"holds rows of {strange[0]}" if strange[0] != "None" else "holds something"))
        elif names and not again:
            doubtful.append((path, f"holds rows of {min(map(str, names))}"))
        elif names:
            replaced = True
            if not quiet:
                notice(f"{path}: its rows of an earlier run are replaced")
    if not replaced:
        there = [p for p in others if p is not None and p.is_file() and p.stat().st_size]
        doubtful += [(path, "is there already") for path in there]
    for note in notes() if doubtful and not quiet else ():
        warn(note)
    for path, why in doubtful:
        if sys.stdin.isatty() and sys.stderr.isatty() and click.confirm(f"{path} {why}: overwrite it?", err=True):
            continue
        raise ConfigError(
            f"{path}: {why}: add --append to keep that, --replace to overwrite it, or give another name", at=path
        )


def notes_on(sources: Sequence[Source]) -> list[str]:
    """What is to be said of the first of the files that are to be read; InputError where the only one cannot be."""
    from streamer.source.file import VideoSource

    notes: list[str] = []
    for source in sources[:_MOST_LOOKED_AT]:
        if isinstance(source, VideoSource) and Path(source.address).is_file():
            looked_at = source.again()
            looked_at.name = source.name
            try:
                looked_at.open()
            except InputError:
                if len(sources) == 1:
                    raise
            finally:
                looked_at.close()
            notes += looked_at.warnings
    return notes


def _files(rows: Sequence[Path | None], cameras: Sequence[str]) -> Iterator[Path]:
    """The files of rows, with all their parts, that are there."""
    from streamer.sink.base import descriptor_of
    from streamer.sink.names import Template, last_number, numbered
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
    """Whose rows a file holds; None for what is no row."""
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
