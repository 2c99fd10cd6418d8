"""Lines about the written outputs at the end of a run."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from streamer.errors import one_line

if TYPE_CHECKING:
    from streamer.sink.sink import Sink


def written_lines(sinks: Sequence[Sink]) -> Iterator[str]:
    """A line for each output: what was written, and where."""
    for sink in sinks:
        result = getattr(sink, "result", None)
        if result is not None and (text := result()):
            yield f"written: {one_line(text)}"
