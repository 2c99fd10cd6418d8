"""Kept passages for `alpr watch`: of a recording, of JSON lines, of a store."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from collections.abc import Sequence

    from streamer.types import Passage


@dataclass(frozen=True)
class Kept:
    """`passages`, each with its distributions where they were kept."""

    passages: Sequence[Passage]
    where: str


def kept(recordings: Sequence[str], jsonl: Sequence[str], stores: Sequence[str]) -> Kept:
    """The passages of all that is given; UsageError where nothing is."""
    names = [*recordings, *jsonl, *stores]
    if not names:
        raise click.UsageError("passages are missing: give --recording FILE, --jsonl FILE or --store URL")
    found: list[Passage] = []
    for path in recordings:
        found += _of_recording(Path(path))
    for path in jsonl:
        from streamer.watch.history import read_jsonl

        found += read_jsonl(Path(path))
    for url in stores:
        found += _of_store(url)
    from streamer.config.urls import redact

    return Kept(found, ", ".join(map(redact, names)))


def _of_recording(path: Path) -> list[Passage]:
    from streamer.replay.rerun import replay
    from streamer.sink.sink import BaseSink

    class Keep(BaseSink):
        wants_posteriors = True

        def __init__(self) -> None:
            self.passages: list[Passage] = []

        def passage(self, passage: Passage) -> None:
            self.passages.append(passage)

    keep = Keep()
    replay(path, [keep])
    return keep.passages


def _of_store(url: str) -> list[Passage]:
    from streamer.store.database import open_database
    from streamer.store.extras import extra

    extra("sqlalchemy", "store")
    from sqlalchemy import select

    from streamer.store.posteriors import unpack
    from streamer.store.rows import record_of_row
    from streamer.store.schema import passages, plates, posteriors
    from streamer.store.write import with_names
    from streamer.watch.history import passage_of_record

    found = []
    with open_database(url) as database, database.read() as connection:
        final = with_names().where(passages.c.status == "final", ~plates.c.hashed).order_by(passages.c.at)
        for row in connection.execution_options(yield_per=1000).execute(final).mappings():
            slots = connection.execute(
                select(posteriors.c.slots).where(posteriors.c.passage_id == row["id"])
            ).scalar_one_or_none()
            found.append(passage_of_record(record_of_row(dict(row)), None if slots is None else unpack(slots)))
    return found
