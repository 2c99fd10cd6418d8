"""The three standard streams as a command finds them: closed, of an encoding without Chinese, without colour."""

from __future__ import annotations

import contextlib
import io
import os
import sys
from collections.abc import Iterator
from typing import IO, Any

import click

from streamer.errors import printable
from streamer.sink.screen import console, plain


def settle_streams() -> None:
    """Makes the standard streams fit for use; to be called before any file is opened.

    One that is closed becomes the null device, or the next file would get its number and take what is printed. What an
    encoding lacks is printed as an escape like `\\u6d25`: a run must not end because of a character.
    """
    for number in (0, 1, 2):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # gets the lowest number that is free: this one
    if sys.stdin is None:
        sys.stdin = open(os.devnull, encoding="utf-8")  # noqa: SIM115 - as long as the process
    if sys.stdout is None:
        sys.stdout = _nowhere()
    if sys.stderr is None:
        sys.stderr = _nowhere()
    for stream in (sys.stdout, sys.stderr):
        # An error handler that was asked for (PYTHONIOENCODING=latin-1:replace) stays.
        if isinstance(stream, io.TextIOWrapper) and stream.errors in ("strict", "surrogateescape"):
            stream.reconfigure(errors="backslashreplace")


def _nowhere() -> IO[str]:
    return open(os.devnull, "w", encoding="utf-8")


def table_console(width: int) -> Any:
    """Where tables go: standard output; `width` where it has none of its own, being a file or a pipe."""
    if not sys.stdout.isatty():
        return console(width=width)
    return console(force_terminal=not plain(sys.stdout))


def ascii_only() -> bool:
    """Whether JSON on standard output must escape all beyond ASCII, as the encoding has not every character."""
    encoding = (getattr(sys.stdout, "encoding", None) or "utf-8").lower().replace("-", "")
    return not encoding.startswith(("utf", "cp65001"))


def say(text: str) -> None:
    """A line on standard output, in its own encoding (click would write UTF-8 where that is ASCII)."""
    click.echo(printable(text), file=sys.stdout, color=None if not plain(sys.stdout) else False)


def tell(text: str, colour: str | None = None) -> None:
    """A line on standard error; nothing happens where nobody takes it."""
    line = printable(text)
    if colour is not None and not plain(sys.stderr):
        line = click.style(line, fg=colour)
    with contextlib.suppress(OSError, ValueError):
        click.echo(line, file=sys.stderr)


def log_lines() -> None:
    """From now on what the log says are lines on standard error, with time and level."""
    import logging

    class Lines(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            tell(self.format(record), "yellow" if record.levelno >= logging.WARNING else None)

    log = logging.getLogger("streamer")
    if not log.handlers:
        lines = Lines()
        lines.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s", "%Y-%m-%d %H:%M:%S"))
        log.addHandler(lines)


@contextlib.contextmanager
def hushed() -> Iterator[None]:
    """Without warnings of the log while inside (--quiet)."""
    import logging

    log = logging.getLogger("streamer")
    before = log.level
    log.setLevel(logging.ERROR)
    try:
        yield
    finally:
        log.setLevel(before)


def warn(text: str) -> None:
    tell(f"alpr: warning: {' '.join(text.splitlines())}", "yellow")
