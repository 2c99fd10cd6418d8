"""`alpr find`: passages of a store."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

from streamer.cli.console import ascii_only, print_line
from streamer.cli.when import When

if TYPE_CHECKING:
    from streamer.store.search import Found, How


@click.command()
@click.argument("pattern")
@click.option(
    "--store", "where", envvar="ALPR_STORE", metavar="FILE|ADDRESS", help="The store, as given to alpr run --store. "
    "[default: $ALPR_STORE]",
)  # fmt: skip
@click.option(
    "--since", type=When(), metavar="TIME", help="First seen then or later: 2026-01-31T08:00, or 12h, 7d ago."
)
@click.option("--until", type=When(), metavar="TIME", help="First seen before that time.")
@click.option("--camera", metavar="NAME", help="Rows of this camera only.")
@click.option("--exact", "how", flag_value="exact", help="The whole plate, as it was read; ? is any one character.")
@click.option("--alike", "how", flag_value="alike", help="Look-alikes count as one: O0 I1 B8 S5 Z2 G6.")
@click.option(
    "--edits",
    type=click.IntRange(1, 3),
    metavar="N",
    help="Plates within so many changed, missing or added characters.",
)
@click.option(
    "--likely",
    type=click.FloatRange(0, 1, min_open=True),
    metavar="RATIO",
    is_flag=False,
    flag_value=0.01,
    help="Plates that may have been this one: at least so likely beside what was read (0.01 where no number is given), "
    "the likeliest first.",
)
@click.option(
    "--limit",
    type=click.IntRange(1, 100_000),
    default=50,
    show_default=True,
    metavar="ROWS",
    help="Most rows to print.",
)
@click.option(
    "--keys", metavar="FILE", help="With --exact: also where the plate was stored as a hash with the keys in this file."
)
@click.option("--json", "as_json", is_flag=True, help="Print each row as a JSON object, as --jsonl writes them.")
def find(
    pattern: str,
    where: str | None,
    since: int | None,
    until: int | None,
    camera: str | None,
    how: How | None,
    edits: int | None,
    likely: float | None,
    limit: int,
    keys: str | None,
    as_json: bool,
) -> None:
    """Find passages of PATTERN in a store: any part of a plate, or with wildcards the whole of it ('B?3*7': ? is one
    character, * any number). The newest come first. Each search is noted in the store's audit log.

    Times are printed by this machine's clock; with --json as the rows have them.
    """
    given = [name for name, value in (("--exact or --alike", how), ("--edits", edits), ("--likely", likely)) if value]
    if len(given) > 1:
        raise click.UsageError(f"{', '.join(given)}: are ways to compare plates: give one")
    if keys and (how != "exact" or set("*?") & set(pattern)):
        raise click.UsageError("--keys: hashes are of whole plates: add --exact, without * and ?")
    if where is None:
        raise click.UsageError("--store is missing: give the store of alpr run --store, or set ALPR_STORE")
    from streamer.store.database import open_database
    from streamer.store.search import Query
    from streamer.store.search import find as search

    hashes: tuple[str, ...] = ()
    if keys is not None:
        from streamer.plates.look_alikes import as_plate
        from streamer.store.hashing import Keys

        hashes = tuple(Keys(keys, create=False).all_of(as_plate(pattern)))
    chosen: How = "likely" if likely else "edits" if edits else how or "pattern"
    query = Query(
        pattern, chosen, edits=edits or 1, ratio=likely or 0.01, since=since, until=until, camera=camera, limit=limit,
        hashes=hashes,
    )  # fmt: skip
    with open_database(where) as database:
        found = search(database, query)
    if as_json:
        for one in found:
            score = {} if one.score is None else {"match": round(one.score, 3)}
            print_line(json.dumps({**one.record, **score}, ensure_ascii=ascii_only()))
    elif found:
        _print(found, chosen)
    else:
        click.echo("no passage matches", err=True)


def _print(found: list[Found], how: How) -> None:
    from rich import box
    from rich.table import Table

    from streamer.cli.console import table_console

    table = Table(box=box.SIMPLE_HEAD)
    for name in ("first seen", "camera", "plate", "confidence", "seconds", "event_id"):
        table.add_column(name, no_wrap=True)
    if how in ("edits", "likely"):
        table.add_column("edits" if how == "edits" else "likely", justify="right")
    for one in found:
        r = one.record
        cells = [_local(r["first_seen"]), r["camera"], r["plate"], f"{r['confidence']:.2f}", f"{r['dwell_s']:.1f}"]
        cells.append(r["event_id"])
        if one.score is not None:
            cells.append(f"{one.score:.0f}" if how == "edits" else _share(one.score))
        table.add_row(*cells)
    table_console(width=140).print(table)


def _share(log_ratio: float) -> str:
    import math

    return f"{math.exp(log_ratio):.3f}"


def _local(text: str | None) -> str:
    from datetime import datetime

    return "" if text is None else f"{datetime.fromisoformat(text).astimezone():%Y-%m-%d %H:%M:%S}"
