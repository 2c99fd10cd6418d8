"""The foot of a terminal: rows that may change yet, and one line of progress. What is printed goes above it."""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from typing import IO, Any

_EVERY_S = 0.2  # between two drawings: a terminal must not cost more than the work
_LEAST_ABOVE = 4  # lines of the terminal that stay for what was printed


def plain(stream: IO[str]) -> bool:
    """Whether no escape sequences may go there: it is no terminal, or NO_COLOR or TERM say so."""
    unfit = ("dumb", "unknown") if os.name == "nt" else ("", "dumb", "unknown")
    unwanted = bool(os.environ.get("NO_COLOR")) or os.environ.get("CLICOLOR") == "0"
    return not _is_terminal(stream) or unwanted or os.environ.get("TERM", "").lower() in unfit


def _is_terminal(stream: IO[str]) -> bool:
    try:
        return stream.isatty()
    except ValueError:  # closed
        return False


def console(**options: Any) -> Any:
    """A console of rich that leaves a closed pipe to its caller (its own way is to end the process with 1)."""
    from rich.console import Console

    class _Calm(Console):
        def on_broken_pipe(self) -> None:
            raise BrokenPipeError

    return _Calm(**options)


class _Foot:
    """Is asked anew whenever something is printed above it."""

    def __init__(self, made: Callable[[], Any]) -> None:
        self._made = made

    def __rich__(self) -> Any:
        return self._made()


class Screen:
    """Draws its foot while started, at most five times a second and only where something was told to it."""

    def __init__(self, *, stderr: bool = False) -> None:
        from rich.live import Live

        self.rows: Sequence[str] = ()
        self.progress: Any = None  # a renderable of one line
        self._drawn = 0.0
        self._gone = False
        # The terminal itself was looked at (`plain`): rich's own guesses (CI, TTY_COMPATIBLE) must not differ. Long
        # messages are broken by the terminal alone, so that they can be copied.
        self._console: Any = console(stderr=stderr, highlight=False, force_terminal=True, soft_wrap=True)
        self._live = Live(
            _Foot(self.foot),
            console=self._console,
            auto_refresh=False,
            transient=True,
            vertical_overflow="crop",
            redirect_stdout=_is_terminal(sys.stdout),  # what goes to a file stays there
            redirect_stderr=_is_terminal(sys.stderr),
        )

    @property
    def width(self) -> int:
        return int(self._console.width)

    def start(self) -> None:
        self._live.start()
        self._console.show_cursor(True)  # whoever is killed leaves a terminal with a cursor

    def stop(self) -> None:
        """Takes the foot away; what was printed stays."""
        self.rows, self.progress = (), None
        with self._calm():
            self._live.stop()

    def print(self, line: str, *, bold: bool = False) -> None:
        """A line that stays; OSError where the terminal is gone."""
        from rich.text import Text

        self._console.print(Text(line, style="bold" if bold else ""), soft_wrap=True)

    def draw(self) -> None:
        """Shows what is new, if it is not too soon."""
        now = time.monotonic()
        if not self._gone and now - self._drawn >= _EVERY_S:
            self._drawn = now
            with self._calm():
                self._live.refresh()

    @contextlib.contextmanager
    def _calm(self) -> Iterator[None]:
        """A terminal that went away ends no run."""
        try:
            yield
        except (OSError, ValueError):
            self._gone = True

    def foot(self) -> Any:
        """What is drawn: the last rows that fit, and the progress."""
        from rich.console import Group
        from rich.text import Text

        most = max(1, min(10, self._console.height - _LEAST_ABOVE))
        shown = list(self.rows[-most:])
        if len(shown) < len(self.rows):
            shown[0] = f"... and {len(self.rows) - most + 1} more"
        lines: list[Any] = [Text(row, style="dim", no_wrap=True, overflow="crop") for row in shown]
        return Group(*lines, *([self.progress] if self.progress is not None else []))
