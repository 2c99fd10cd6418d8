"""Standard streams of a command: closed ones, limited encodings, colour; and log lines on standard error."""

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
    """Makes the standard streams usable; call before any file is opened.

    A closed one becomes the null device; otherwise the next file opened would get its number and receive the output.
    Characters that the encoding lacks are printed as escapes like `\\u6d25`, so that no run fails at a character.
    """
    for number in (0, 1, 2):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # gets the lowest free number: this one
    if sys.stdin is None:
        sys.stdin = open(os.devnull, encoding="utf-8")  # noqa: SIM115 - as long as the process
    if sys.stdout is None:
        sys.stdout = _null()
    if sys.stderr is None:
        sys.stderr = _null()
    for stream in (sys.stdout, sys.stderr):
        # An error handler that was set (PYTHONIOENCODING=latin-1:replace) is kept.
        if isinstance(stream, io.TextIOWrapper) and stream.errors in ("strict", "surrogateescape"):
            stream.reconfigure(errors="backslashreplace")


def _null() -> IO[str]:
    return open(os.devnull, "w", encoding="utf-8")


def table_console(width: int) -> Any:
    """The console for tables on standard output; `width` where that is a file or a pipe."""
    if not sys.stdout.isatty():
        return console(width=width)
    return console(force_terminal=not plain(sys.stdout))


def ascii_only() -> bool:
    """Whether JSON on standard output must escape non-ASCII characters, because its encoding lacks some."""
    encoding = (getattr(sys.stdout, "encoding", None) or "utf-8").lower().replace("-", "")
    return not encoding.startswith(("utf", "cp65001"))


def print_line(text: str) -> None:
    """Prints a line on standard output in its encoding (click would write UTF-8 where it is ASCII)."""
    click.echo(printable(text), file=sys.stdout, color=None if not plain(sys.stdout) else False)


def notice(text: str, level: int = 20, colour: str | None = None) -> None:
    """Prints a line on standard error at this log level (20 is INFO), in the format of the log; errors of writing are
    ignored."""
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
    """The log settings of this process."""

    level = 0
    form: Form = "text"
    handler: logging.Handler | None = None


def start_log(level: str = "info", form: Form = "text") -> None:
    """Writes log records from `level` on to standard error, with time and level."""
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
    """Undoes `start_log`: records go to the handlers of the calling program again."""
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
