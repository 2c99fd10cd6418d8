"""Rows on the terminal, for a run without an output file."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import IO

from streamer.errors import one_line
from streamer.sink.csv import time_text
from streamer.sink.events import WatchHit
from streamer.sink.screen import Screen, plain
from streamer.sink.sink import BaseSink
from streamer.types import Passage, Rejection

# Each column: its name, its width, and its rank in being left out of a narrow terminal (highest first; 0: never).
_COLUMNS = (("camera", 24, 0), ("plate", 12, 0), ("conf", 6, 2), ("from", 12, 3), ("to", 12, 4), ("reads", 5, 5))
_GAP = "  "
_LEAST_CAMERA = 10
_MOST_OPEN = 1000


class TerminalSink(BaseSink):
    """Prints each passage as a line of a table when it becomes final; with a `screen`, above its status area."""

    def __init__(self, stream: IO[str] | None = None, screen: Screen | None = None) -> None:
        self._stream, self._screen = stream, screen
        self._head: tuple[tuple[str, int], ...] = ()
        self._unsure = self._illegible = 0
        self._closed = self._any = False

    def passage(self, passage: Passage) -> None:
        self._row(passage)

    def rejection(self, rejection: Rejection) -> None:
        self._unsure += rejection.reason != "seen too rarely"
        self._illegible += rejection.reason == "nothing legible"

    def watched(self, hit: WatchHit) -> None:
        if hit.status == "final":
            self._hit(hit)

    def close(self) -> None:
        if not self._any and not self._closed:
            reason = "nothing legible on them (script not supported?)"
            if self._illegible != self._unsure:
                reason = "none read with enough confidence (alpr run --ledger writes the reasons)"
            unsure = f": {self._unsure} seen, {reason}"
            self._print("no plate was read" + (unsure if self._unsure else ""))
        self._closed = True

    def _row(self, passage: Passage, mark: str = "") -> None:
        columns = self._headed()
        self._print(_row(passage, columns, self._width(), mark))
        self._any = True

    def _hit(self, hit: WatchHit) -> None:
        self._print(hit_line(hit), bold=True)

    def _headed(self) -> tuple[tuple[str, int], ...]:
        """The columns; prints the heading before the first row, and where the terminal's width has changed."""
        columns = columns_of(self._width())
        if columns != self._head:
            self._head = columns
            self._print(_line({name: name for name, _ in columns}, columns).rstrip(), bold=True)
        return columns

    def _print(self, line: str, *, bold: bool = False) -> None:
        if self._screen is not None:
            self._screen.print(line, bold=bold)
            return
        stream = self._stream or sys.stdout
        stream.write(line + "\n")
        stream.flush()

    def _width(self) -> int | None:
        """The width of the terminal; None where it is none."""
        if self._screen is not None:
            return self._screen.width
        stream = self._stream or sys.stdout
        if not stream.isatty():
            return None
        from shutil import get_terminal_size

        return get_terminal_size().columns


class ProvisionalTerminalSink(TerminalSink):
    """Shows provisional rows, too: in the status area of the screen until they are final, or, without a screen, as
    lines marked `open` in the last column."""

    def __init__(self, screen: Screen | None = None) -> None:
        super().__init__(None, screen)
        self._open: dict[str, _OpenRow] = {}  # by event
        self._hits: dict[tuple[str, str], tuple[str, str]] = {}  # by event and list: the plate and the text, as shown

    def provisional(self, passage: Passage, *, withdrawn: bool = False) -> None:
        before = self._open.pop(passage.event_id, None)
        if withdrawn:
            if before is not None and self._screen is None:
                self._row(passage, "gone")
        else:
            events = self._same(passage)
            self._open[passage.event_id] = _OpenRow(passage.camera, passage.plate, events, self._render(passage))
            if len(self._open) > _MOST_OPEN:
                del self._open[next(iter(self._open))]
            if self._screen is None:
                self._row(passage, "open")
        self._show()

    def passage(self, passage: Passage) -> None:
        events = {passage.event_id, *passage.parts}
        for key, row in list(self._open.items()):
            if events & row.events:
                del self._open[key]
        self._update_screen()
        self._row(passage)
        self._show()

    def watched(self, hit: WatchHit) -> None:
        """At once; a final one only where it says something new."""
        key = hit.passage.event_id, hit.match.list
        last = self._hits.pop(key, None)
        new = hit.match.plate, hit.passage.plate
        if hit.status != "final" or new != last:
            self._hit(hit)
        if hit.status != "final":
            self._hits[key] = new
            if len(self._hits) > _MOST_OPEN:
                del self._hits[next(iter(self._hits))]

    def tick(self) -> None:
        if self._screen is not None:
            self._screen.draw()

    def close(self) -> None:
        self._open.clear()
        self._update_screen()
        super().close()

    def _same(self, passage: Passage) -> frozenset[str]:
        """The events that this row stands for: a plate that comes back is shown once while its row is open."""
        events = {passage.event_id}
        for key, row in list(self._open.items()):
            if (row.camera, row.plate) == (passage.camera, passage.plate):
                events |= row.events
                del self._open[key]
        return frozenset(events)

    def _render(self, passage: Passage) -> Callable[[int | None], str]:
        passage = replace(passage, crop=None, snapshot=None)  # a row may be open for hours
        return lambda width: _row(passage, columns_of(width), width, "open")

    def _show(self) -> None:
        if self._screen is not None:
            self._headed()
            self._update_screen()
            self._screen.draw()

    def _update_screen(self) -> None:
        if self._screen is not None:
            width = self._width()
            self._screen.rows = [row.line(width) for row in self._open.values()]


@dataclass(frozen=True)
class _OpenRow:
    camera: str
    plate: str
    events: frozenset[str]
    line: Callable[[int | None], str]


def hit_line(hit: WatchHit) -> str:
    """A report of a list in one line."""
    match, passage = hit.match, hit.passage
    what = match.plate if match.kind == "watch" else f"{passage.plate} is not on the list"
    if match.kind == "watch" and match.plate != passage.plate:
        what += f" (read {passage.plate})"
    known = ", ".join(text for text in (match.name, match.note, match.colour) if text)
    score = f" {match.score:.1f} of {match.threshold:.1f}" if match.mode == "likelihood" and match.threshold else ""
    parts = [f"{match.list}: {what}", known, f"{match.mode}{score}", f"confidence {passage.confidence:.3f}"]
    parts += [passage.camera, time_text(passage.first_seen) or _moment(passage.first_s)]
    status = "" if hit.status == "final" else f" ({hit.status})"
    return one_line(f"watch{status}  " + " | ".join(part for part in parts if part))


def terminal_sink(screen: Screen | None = None, *, provisional: bool = True) -> TerminalSink:
    """The sink for rows on standard output; with `provisional`, also provisional rows where it is a terminal."""
    if screen is not None or (provisional and sys.stdout.isatty() and plain(sys.stdout)):
        return ProvisionalTerminalSink(screen)
    return TerminalSink()


def columns_of(width: int | None) -> tuple[tuple[str, int], ...]:
    """The columns that fit, with their widths; all of them without a width."""
    chosen = list(_COLUMNS)
    while width is not None:
        room = width - sum(size for name, size, _ in chosen if name != "camera") - len(_GAP) * (len(chosen) - 1)
        if room >= _LEAST_CAMERA or len(chosen) == 2:
            return tuple((name, max(min(size, room), 4) if name == "camera" else size) for name, size, _ in chosen)
        chosen.remove(max(chosen, key=lambda column: column[2]))
    return tuple((name, size) for name, size, _ in chosen)


def _row(passage: Passage, columns: tuple[tuple[str, int], ...], width: int | None, mark: str = "") -> str:
    """A line of the table; `mark` replaces the last column where the row is not final."""
    cells = _cells(passage)
    if mark:
        cells[columns[-1][0]] = mark
    line = _line(cells, columns)
    seen = time_text(passage.first_seen)
    if seen and (width is None or width >= len(line) + len(_GAP) + len(seen)):
        line += _GAP + seen
    return line.rstrip()


def _cells(passage: Passage) -> dict[str, str]:
    return {
        "camera": one_line(passage.camera),
        "plate": one_line(passage.plate),
        "conf": f"{passage.confidence:.3f}",
        "from": _moment(passage.first_s),
        "to": _moment(passage.last_s),
        "reads": str(passage.n_reads),
    }


def _line(cells: dict[str, str], columns: tuple[tuple[str, int], ...]) -> str:
    """The cells, padded by their width on screen (a Chinese character is two columns wide)."""
    from rich.cells import set_cell_size

    return _GAP.join(set_cell_size(cells[name], width) for name, width in columns)


def _moment(seconds: float) -> str:
    hours, rest = divmod(max(seconds, 0.0), 3600)
    minutes, seconds = divmod(rest, 60)
    return f"{int(hours)}:{int(minutes):02d}:{seconds:06.3f}"
