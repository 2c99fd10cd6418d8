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
        from streamer.store.kept import final_passages

        found += final_passages(url)
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
