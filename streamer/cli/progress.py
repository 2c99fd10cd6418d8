"""Progress of a run on a terminal."""

from __future__ import annotations

import os
import stat
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING, Any

from streamer.errors import one_line
from streamer.sink.screen import plain

if TYPE_CHECKING:
    from streamer.sink.screen import Screen
    from streamer.source.source import StreamInfo
    from streamer.types import RunSummary

    ProgressCallback = Callable[[StreamInfo, RunSummary], None]

_EVERY_S = 0.2
_BAR, _LEAST_BAR, _MOST_NAME = 30, 8, 30


@contextmanager
def screen_for(*, rows: bool) -> Iterator[Screen | None]:
    """The screen within the context, where there is a terminal. `rows`: standard output shows the rows, so that rows
    and progress are drawn on the same stream."""
    stderr = not (rows and sys.stdout.isatty())
    if (rows and _is_pipe(sys.stdout)) or plain(sys.stderr if stderr else sys.stdout):
        yield None
        return
    from streamer.sink.screen import Screen

    screen = Screen(stderr=stderr)
    screen.start()
    try:
        yield screen
    finally:
        screen.stop()


def _is_pipe(stream: IO[str]) -> bool:
    """Whether it is a pipe to another program, which may draw on the same terminal (`alpr run ... | less`)."""
    try:
        return stat.S_ISFIFO(os.fstat(stream.fileno()).st_mode)
    except (OSError, ValueError):
        return False


def progress_on(screen: Screen, sources: int) -> ProgressCallback:
    """The callback for every frame of a run: draws one progress line for all of its sources."""
    return _Progress(screen, sources).update


class _Progress:
    def __init__(self, screen: Screen, sources: int) -> None:
        self._screen, self._sources = screen, sources
        self._info: StreamInfo | None = None
        self._number, self._before = 0, 0  # of the source, and the frames of those before it
        self._began = self._shown = time.monotonic()
        self._rate, self._counted = 0.0, (self._began, 0)

    def update(self, info: StreamInfo, summary: RunSummary) -> None:
        now = time.monotonic()
        if info is not self._info:
            self._info, self._before, self._began = info, summary.frames - 1, now
            self._number += 1
        if now - self._shown < _EVERY_S and self._screen.progress is not None:
            return
        self._shown = now
        since, frames = self._counted
        if now - since >= 1:
            self._rate, self._counted = (summary.frames - frames) / (now - since), (now, summary.frames)
        self._screen.progress = self._line(info, summary, now)
        self._screen.draw()

    def _line(self, info: StreamInfo, summary: RunSummary, now: float) -> Any:
        from rich.progress_bar import ProgressBar
        from rich.table import Table
        from rich.text import Text

        from streamer.pipeline.status import plates_and_rows

        parts, share = [], None
        frames = summary.frames - self._before
        if self._sources > 1:
            parts.append(f"{self._number} of {self._sources}")
            share = self._number / self._sources
        if info.frames and not info.live and not info.still:
            share = share if self._sources > 1 else min(frames / info.frames, 1.0)
            parts.append(f"{min(frames, info.frames)}/{info.frames} frames")
            if self._sources == 1 and frames < info.frames and now - self._began > 1:
                parts.append(f"{duration_text((info.frames - frames) * (now - self._began) / frames)} left")
        elif not info.still:
            parts.append(f"{frames} frames, {self._rate:.0f}/s" if self._rate else f"{frames} frames")
        parts.append(plates_and_rows(summary))
        counts = Text(", ".join(parts), no_wrap=True, overflow="crop")
        name = Text(one_line(info.name), no_wrap=True, overflow="ellipsis")
        name.truncate(_MOST_NAME)
        line = Table.grid(padding=(0, 1))
        room = self._screen.width - counts.cell_len - 1
        cells: list[Any] = [counts]
        if share is not None and room - name.cell_len - 1 >= _LEAST_BAR:
            cells.insert(0, ProgressBar(1.0, share, width=min(_BAR, room - name.cell_len - 1)))
        if name.cell_len <= room:
            cells.insert(0, name)
        for _ in cells:
            line.add_column(no_wrap=True)
        line.add_row(*cells)
        return line


def duration_text(seconds: float) -> str:
    """Minutes and seconds, with hours where there are any."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"
