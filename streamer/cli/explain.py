"""`alpr explain`: why tracks have no row."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from streamer.cli.console import print_line, table_console
from streamer.errors import InputError, printable

_EXAMPLES = 3


@click.command()
@click.argument("ledger", type=click.Path(path_type=Path))
@click.option("--each", "--all", "every", is_flag=True, help="Also name each vehicle without a row, with its crop.")
def explain(ledger: Path, every: bool) -> None:
    """Show why tracks have no row, from LEDGER, the folder that alpr run --ledger wrote.

    Prints for each reason the number of tracks, the setting that decides it (- for none), what it asks for, the median
    of what was found (with the setting there about half of these tracks would pass it), and crops. With --each a line
    for every one: camera, time, reason, setting, what was found of what is needed, text so far, and its crop.
    """
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    file = ledger / "ledger.jsonl" if ledger.is_dir() else ledger
    rows = list(_rows(file))
    rejected: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in rows:
        if row["type"] == "rejection":
            rejected[row["reason"]].append(row)
    count = sum(len(v) for v in rejected.values())
    made = len(rows) - count
    print_line(f"{made} row{'' if made == 1 else 's'}; {count} track{'' if count == 1 else 's'} without a row")
    console = table_console(140)
    if rejected:
        table = Table(box=SIMPLE_HEAD)
        for name in ("reason", "tracks", "setting", "needed", "found (median)", "crops"):
            table.add_column(name, overflow="fold")
        for reason, those in sorted(rejected.items(), key=lambda item: -len(item[1])):
            crops = [r["crop"] for r in those if r.get("crop")][:_EXAMPLES]
            middle = sorted(r["found"] for r in those)[len(those) // 2]
            table.add_row(
                reason, str(len(those)), those[0]["setting"] or "-", f"{those[0]['needed']:g}",
                rounded(middle, those[0]["needed"]), ", ".join(crops),
            )  # fmt: skip
        console.print(table)
    if every and rejected:
        console.print(_each(rejected, file.parent))


def rounded(found: float, needed: float) -> str:
    """What was found, as exact as what is needed, and exact enough to show on which side of it it is."""
    first = len(f"{needed:g}".partition(".")[2])
    for places in range(first, 4):
        shown = f"{found:.{places}f}"
        if (float(shown) < needed) == (found < needed):
            return shown
    return f"{found:g}"


def _each(rejected: dict[str, list[dict[str, Any]]], folder: Path) -> Any:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    table = Table(box=SIMPLE_HEAD)
    for name in ("camera", "time", "frames", "reason", "setting", "found/needed", "text", "crop"):
        table.add_column(name, overflow="fold")
    for row in sorted((r for those in rejected.values() for r in those), key=lambda r: (r["camera"], r["first_frame"])):
        table.add_row(
            printable(row["camera"]), _time(row), f"{row['first_frame']}-{row['last_frame']}", row["reason"],
            row["setting"] or "-", f"{rounded(row['found'], row['needed'])}/{row['needed']:g}",
            printable(row["text"]) or "-", printable(str(folder / row["crop"])) if row.get("crop") else "-",
        )  # fmt: skip
    return table


def _time(row: dict[str, Any]) -> str:
    """When it was seen first: by the clock where that is known, and in the recording."""
    seen = str(row.get("first_seen") or "")[:19].replace("T", " ")
    span = f"{row['first_s']:.1f}-{row['last_s']:.1f} s"
    return f"{seen} ({span})" if seen else span


def _rows(file: Path) -> Iterator[dict[str, Any]]:
    try:
        text = file.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise InputError(f"{file}: does not exist; give the folder given to alpr run --ledger", at=file) from None
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(
            f"{file}: cannot be read ({error}); give the folder given to alpr run --ledger", at=file
        ) from None
    for number, line in enumerate(text.splitlines(), 1):
        try:
            row = json.loads(line)
            if row["type"] not in ("passage", "rejection"):
                raise ValueError(f"type {row['type']!r}")
        except (ValueError, KeyError, TypeError) as error:
            raise InputError(f"{file}:{number}: is no line of a ledger ({error}); remove it", at=file) from None
        yield row
