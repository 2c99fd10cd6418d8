"""Rows on the terminal, for a run without an output file."""

from __future__ import annotations

from typing import IO, Any

from streamer.errors import printable
from streamer.sink.base import BaseSink
from streamer.sink.csv import time_text
from streamer.types import Passage

_WIDTHS = {"camera": 24, "plate": 12, "conf": 6, "from": 12, "to": 12, "reads": 5}


class TerminalSink(BaseSink):
    """Prints each passage as a line of a table, as it becomes final."""

    def __init__(self, stream: IO[str] | None = None) -> None:
        from rich.console import Console

        class _Quiet(Console):
            def on_broken_pipe(self) -> None:
                raise BrokenPipeError  # rich's own would end the process

        self._console: Any = _Quiet(file=stream, highlight=False, soft_wrap=True)
        self._started = False

    def passage(self, passage: Passage) -> None:
        from rich.markup import escape

        if not self._started:
            self._console.print(f"[bold]{_line({name: name for name in _WIDTHS})}[/bold]")
            self._started = True
        cells = {
            "camera": printable(passage.camera),
            "plate": passage.plate,
            "conf": f"{passage.confidence:.3f}",
            "from": _moment(passage.first_s),
            "to": _moment(passage.last_s),
            "reads": str(passage.n_reads),
        }
        self._console.print(escape(_line(cells) + "  " + time_text(passage.first_seen)).rstrip())

    def close(self) -> None:
        if not self._started:
            self._console.print("no plate was read")
            self._started = True


def _line(cells: dict[str, str]) -> str:
    """Cells padded by what they fill on screen (a Chinese character fills two columns)."""
    from rich.cells import set_cell_size

    return "  ".join(set_cell_size(cells[name], width) for name, width in _WIDTHS.items())


def _moment(seconds: float) -> str:
    hours, rest = divmod(max(seconds, 0.0), 3600)
    minutes, seconds = divmod(rest, 60)
    return f"{int(hours)}:{int(minutes):02d}:{seconds:06.3f}"
