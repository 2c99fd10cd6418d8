"""The status area at the bottom of a terminal: provisional rows and one line of progress. Output is printed above
it."""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from typing import IO, Any

_EVERY_S = 0.2  # between two updates, to limit their cost
_LEAST_ABOVE = 4  # lines of the terminal that are left for printed output


def plain(stream: IO[str]) -> bool:
    """Whether no escape sequences may be written: it is no terminal, or NO_COLOR or TERM forbid them."""
    unfit = ("dumb", "unknown") if os.name == "nt" else ("", "dumb", "unknown")
    unwanted = bool(os.environ.get("NO_COLOR")) or os.environ.get("CLICOLOR") == "0"
    return not _is_terminal(stream) or unwanted or os.environ.get("TERM", "").lower() in unfit


def _is_terminal(stream: IO[str]) -> bool:
    try:
        return stream.isatty()
    except ValueError:  # closed
        return False


def console(**options: Any) -> Any:
    """A console of rich that raises BrokenPipeError for a closed pipe (rich itself ends the process with 1)."""
    from rich.console import Console

    class _RaisingConsole(Console):
        def on_broken_pipe(self) -> None:
            raise BrokenPipeError

    return _RaisingConsole(**options)


class _Foot:
    """Renders the current content whenever something is printed above it."""

    def __init__(self, content: Callable[[], Any]) -> None:
        self._content = content

    def __rich__(self) -> Any:
        return self._content()


class Screen:
    """Draws the status area while started, at most five times a second, when `draw` or `print` is called."""

    def __init__(self, *, stderr: bool = False) -> None:
        from rich.live import Live

        self.rows: Sequence[str] = ()
        self.progress: Any = None  # a renderable of one line
        self._drawn = 0.0
        self._gone = False
        # `plain` has decided about the terminal: rich's own detection (CI, TTY_COMPATIBLE) must not differ. Long
        # messages are wrapped by the terminal only, so that they can be copied.
        self._console: Any = console(stderr=stderr, highlight=False, force_terminal=True, soft_wrap=True)
        self._live = Live(
            _Foot(self.foot),
            console=self._console,
            auto_refresh=False,
            transient=True,
            vertical_overflow="crop",
            redirect_stdout=_is_terminal(sys.stdout),  # not where it goes to a file
            redirect_stderr=_is_terminal(sys.stderr),
        )

    @property
    def width(self) -> int:
        return int(self._console.width)

    def start(self) -> None:
        self._live.start()
        self._console.show_cursor(True)  # so that a killed run leaves a visible cursor

    def stop(self) -> None:
        """Removes the status area; printed output stays."""
        self.rows, self.progress = (), None
        with self._ignore_errors():
            self._live.stop()

    def print(self, line: str, *, bold: bool = False) -> None:
        """A line that stays; OSError where the terminal is gone."""
        from rich.text import Text

        self._console.print(Text(line, style="bold" if bold else ""), soft_wrap=True)

    def draw(self) -> None:
        """Updates the status area, unless it was updated just before."""
        now = time.monotonic()
        if not self._gone and now - self._drawn >= _EVERY_S:
            self._drawn = now
            with self._ignore_errors():
                self._live.refresh()

    @contextlib.contextmanager
    def _ignore_errors(self) -> Iterator[None]:
        """A terminal that is closed does not end the run."""
        try:
            yield
        except (OSError, ValueError):
            self._gone = True

    def foot(self) -> Any:
        """The status area: the last rows that fit, and the progress."""
        from rich.console import Group
        from rich.text import Text

        most = max(1, min(10, self._console.height - _LEAST_ABOVE))
        shown = list(self.rows[-most:])
        if len(shown) < len(self.rows):
            shown[0] = f"... and {len(self.rows) - most + 1} more"
        lines: list[Any] = [Text(row, style="dim", no_wrap=True, overflow="crop") for row in shown]
        return Group(*lines, *([self.progress] if self.progress is not None else []))
