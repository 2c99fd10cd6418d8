"""The three standard streams as a command finds them: closed, of an encoding without Chinese, without colour."""

from __future__ import annotations

import contextlib
import io
import os
import sys
from typing import IO, TYPE_CHECKING, Any

import click

from streamer.errors import printable
from streamer.sink.screen import console, plain

if TYPE_CHECKING:
    import logging

    from streamer.cli.log import Form


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


def notice(text: str, level: int = 20, colour: str | None = None) -> None:
    """A line on standard error, at this level of logging (20 is INFO), in the form that the log has; nothing happens
    where nobody takes it."""
    if level < _Log.level:
        return
    if _Log.form == "json":
        import time

        from streamer.cli.log import json_line

        text, colour = json_line(level, text, at=time.time(), logger="alpr"), None
    _put(text, colour)


def _put(text: str, colour: str | None) -> None:
    line = printable(text)
    if colour is not None and not plain(sys.stderr):
        line = click.style(line, fg=colour)
    with contextlib.suppress(OSError, ValueError):
        click.echo(line, file=sys.stderr)


class _Log:
    """How lines are written on standard error, for this process."""

    level = 0
    form: Form = "text"
    handler: logging.Handler | None = None


def start_log(level: str = "info", form: Form = "text") -> None:
    """From now on log records are lines on standard error, with time and level; of a lower level none are written."""
    import logging

    from streamer.cli.log import JsonLines, TextLines

    class Lines(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            yellow = record.levelno >= logging.WARNING and form == "text"
            _put(self.format(record), "yellow" if yellow else None)

    stop_log()
    log = logging.getLogger("streamer")
    _Log.handler = lines = Lines()
    lines.setFormatter(JsonLines() if form == "json" else TextLines())
    log.addHandler(lines)
    log.setLevel(level.upper())
    _Log.level, _Log.form = log.level, form


def stop_log() -> None:
    """Undoes `start_log`: records go where the program that called us has them go."""
    if _Log.handler is not None:
        import logging

        log = logging.getLogger("streamer")
        log.removeHandler(_Log.handler)
        log.setLevel(logging.NOTSET)
    _Log.level, _Log.form, _Log.handler = 0, "text", None


def log_status(line: str) -> None:
    """The log line of a camera's state, once a minute."""
    import logging

    logging.getLogger("streamer.status").info("%s", line)


def warn(text: str) -> None:
    line = " ".join(text.splitlines())
    notice(line if _Log.form == "json" else f"alpr: warning: {line}", 30, "yellow")


def report_error(text: str) -> None:
    line = " ".join(text.splitlines())
    notice(line if _Log.form == "json" else f"alpr: error: {line}", 40, "red")
