"""Names of output files: templates, and names that are not taken."""

from __future__ import annotations

import os
import string
from datetime import datetime
from pathlib import Path

from streamer.errors import ConfigError
from streamer.sink.file_names import FileNames, file_name
from streamer.sink.guard import check_no_input
from streamer.sink.opening import output_errors

# Names used by this process: an empty file of an earlier run may be used again, one of these may not.
_taken: dict[Path, object] = {}


class Template:
    """A path that may hold some of `fields` in braces."""

    def __init__(self, path: Path, fields: tuple[str, ...]) -> None:
        self.path = path
        self._names = FileNames()
        try:
            self.fields = {name for _, name, _, _ in string.Formatter().parse(str(path)) if name is not None}
        except ValueError as error:
            raise ConfigError(f"{path}: not a valid name template ({error}): write {{{{ for a brace", at=path) from None
        if unknown := sorted(self.fields - set(fields)):
            known = ", ".join(f"{{{name}}}" for name in fields)
            raise ConfigError(f"{path}: {{{unknown[0]}}} is not known: expected {known}", at=path)

    def filled(self, now: datetime, **values: str) -> Path:
        """The path with the time and `values` filled in; no value can add or leave a folder."""
        clock = {"date": f"{now:%Y-%m-%d}", "hour": f"{now:%H}", "time": f"{now:%H%M%S}"}
        # Cameras are few, so that their names are remembered; plates and events are unlimited.
        names = {key: self._names.of(v, key) if key == "camera" else file_name(v, key) for key, v in values.items()}
        return Path(str(self.path).format(**clock, **names))

    @property
    def folder(self) -> Path:
        """The folder before the first field, which contains all files."""
        parts: list[str] = []
        for part in self.path.parts[:-1]:
            if "{" in part or "}" in part:
                break
            parts.append(part)
        return Path(*parts)


def numbered(named: Path, number: int) -> Path:
    """NAME, NAME-2, NAME-3 ..., the number before all suffixes of .jsonl.gz."""
    if number == 1:
        return named
    stem, suffix = named.stem, named.suffix
    if suffix == ".gz" and (inner := Path(stem).suffix):
        stem, suffix = Path(stem).stem, inner + suffix
    return named.with_name(f"{stem}-{number}{suffix}")


def last_number(named: Path) -> int:
    """The number of the last existing part, 1 without any."""
    number = 1
    while numbered(named, number + 1).exists():
        number += 1
    return number


def literal(path: Path) -> Path:
    """A template without fields for this path."""
    return Path(str(path).replace("{", "{{").replace("}", "}}"))


def free_name(named: Path) -> Path:
    """`named`, or the first of NAME-2, NAME-3 ... that is new or empty; creates the file, so that no other output takes
    it. Devices and pipes are returned unchanged."""
    if named.exists() and not named.is_file():
        return named
    number, mine = 1, object()
    with output_errors(named):
        named.parent.mkdir(parents=True, exist_ok=True)
        while True:
            path = numbered(named, number)
            if _taken.setdefault(path.absolute(), mine) is mine and _claimed(path):
                return path
            number += 1


def new_name(named: Path) -> Path:
    """`named`, or the first of NAME-2, NAME-3 ... that does not exist; creates the file."""
    number = 1
    while True:
        path = numbered(named, number)
        try:
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
            return path
        except FileExistsError:
            number += 1


def _claimed(path: Path) -> bool:
    """Creates the file; True where it is new, or exists and is empty."""
    try:
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
    except FileExistsError:
        if not path.is_file() or path.is_symlink() or path.stat().st_size:
            return False
        check_no_input(path)
    return True
