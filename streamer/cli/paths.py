"""Checks that the inputs and outputs of a run are distinct files, whatever their names."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from streamer.cli.output_options import flag_of, paths_of, row_files
from streamer.errors import ConfigError

if TYPE_CHECKING:
    from streamer.config.outputs import Output
    from streamer.source.source import Source


def files_of(sources: Iterable[Source]) -> list[Path]:
    """The files that `sources` are read from."""
    named = [str(getattr(s, "address", None) or getattr(s, "path", None) or s.name) for s in sources]
    return [Path(name) for name in named if "://" not in name]


def check_paths(
    sources: Sequence[Source],
    inputs: Sequence[Path],
    outputs: Sequence[Output],
    *,
    camera: str | None,
) -> None:
    """ConfigError where an output, with its template filled in, is one of `inputs` or also another output, or one file
    is given for several videos."""
    from streamer.sink.names import Template
    from streamer.sink.rows import FIELDS
    from streamer.sink.video import annotated_names

    names = [camera] if camera else [s.name for s in sources]
    now, written = datetime.now(), list[Path]()
    for path in row_files(outputs):
        if "{" in str(path):
            template = Template(path, FIELDS)
            written += {template.filled(now, camera=name) for name in names}
    many = [(output, path) for output in outputs if output.writes.folder for path in output.places()]
    folders = [path for output, path in many if output.is_folder(path)]
    files = {name for s in sources for still in (False, True) for name in annotated_names(s.name, still=still)}
    written += [folder / name for folder in folders for name in files]
    check_apart(inputs, paths_of(outputs), written)
    for output, path in many:
        if path not in folders and "{" not in str(path) and len(sources) > 1:
            raise ConfigError(
                f"{flag_of(output)} {path}: names one file but there are {len(sources)} sources: give a folder name, "
                "or a name with {camera} in it"
            )


def check_apart(inputs: Sequence[Path], given: Sequence[Path], written: Sequence[Path] = ()) -> None:
    """ConfigError where one of the outputs `given`, or of the files `written` by them, is an input, or two of `given`
    are the same file."""
    read = {key for path in inputs for key in _keys(path)}
    for path in (*given, *sorted(written)):
        if read & _keys(path):
            raise ConfigError(f"{path}: is the source as well as an output: give the output another name", at=path)
    seen: set[object] = set()
    for path in given:
        if path.is_char_device():  # /dev/null may be given several times
            continue
        if seen & _keys(path):
            raise ConfigError(f"{path}: is used for two outputs: give each its own name", at=path)
        seen |= _keys(path)


def _keys(path: Path) -> set[object]:
    """The identities of a file: its name without case, and its device and inode, which all its names share."""
    resolved = path.resolve()
    keys: set[object] = {(resolved.parent, resolved.name.casefold())}
    if resolved.exists() and not resolved.is_char_device():
        found = resolved.stat()
        keys.add((found.st_dev, found.st_ino))
    return keys
