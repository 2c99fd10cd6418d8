"""Outputs of a run that belong together, and what they say at its end."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from streamer.errors import one_line

if TYPE_CHECKING:
    from streamer.sink.base import Sink


def pictures_first(sinks: Sequence[Sink]) -> list[Sink]:
    """The sinks in an order in which a passage's pictures are there when its row is written, which may name them."""
    pictures = [s for s in sinks if hasattr(s, "path_of")]
    pictures.sort(key=lambda s: not getattr(s, "wants_snapshots", False))  # the whole frame is the better answer
    for sink in sinks:
        if hasattr(sink, "pictures"):
            sink.pictures = tuple(pictures)
    return [*pictures, *(s for s in sinks if s not in pictures)]


def written_lines(sinks: Sequence[Sink]) -> Iterator[str]:
    """A line for each output: what was written, and where."""
    for sink in sinks:
        result = getattr(sink, "result", None)
        if result is not None and (text := result()):
            yield f"written: {one_line(text)}"
