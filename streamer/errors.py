"""Errors a user can cause or meet. The message names what is wrong and what to do; the class has the exit
code of the command line."""

from __future__ import annotations

from pathlib import Path


class AlprError(Exception):
    """Base of all expected errors; the message is one line. Anything else is a bug of this program (exit code 1).

    For programs: `path`, the file concerned; `url`, the address without user and password; `key`, the key of the
    configuration; each None where the error concerns none. `at`: a file or a redacted address, which sets one of them.
    """

    exit_code = 1

    def __init__(self, *messages: str, at: object = None, key: str | None = None) -> None:
        super().__init__(*messages)
        text = None if at is None else str(at)
        self.url = text if text is not None and "://" in text else None
        self.path = Path(text) if text is not None and self.url is None else None
        self.key = key


class ConfigError(AlprError):
    """Usage or configuration: an unknown key, a value out of range, a clash of options. `messages`: each fault's line,
    where there are several."""

    exit_code = 2

    def __init__(self, *messages: str, at: object = None, key: str | None = None) -> None:
        super().__init__("; ".join(messages), at=at, key=key)
        self.messages = messages


class InputError(AlprError):
    """A source, an image or a data set could not be read."""

    exit_code = 3


class OutputError(AlprError):
    """An output could not be written."""

    exit_code = 4


class ModelError(AlprError):
    """A model is missing, altered or unknown."""

    exit_code = 5


def one_line(text: str) -> str:
    """`text` without what would break a line, move a terminal's cursor or change its colours: `?` in its place."""
    return "".join(c if c.isprintable() else "?" for c in printable(text))


def printable(text: str) -> str:
    """`text` fit for a terminal: file names that are not UTF-8 get `?` for what cannot be shown. One that is, and was
    taken for ASCII by the locale, is shown as it is."""
    try:
        return text.encode("utf-8", "surrogateescape").decode("utf-8")
    except UnicodeError:
        return text.encode("utf-8", "replace").decode("utf-8")
