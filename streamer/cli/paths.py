"""Checks that the inputs and outputs of a run are distinct files, whatever their names."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from streamer.errors import ConfigError

if TYPE_CHECKING:
    from streamer.source.source import Source


def files_of(sources: Iterable[Source]) -> list[Path]:
    """The files that `sources` are read from."""
    named = [str(getattr(s, "address", None) or getattr(s, "path", None) or s.name) for s in sources]
    return [Path(name) for name in named if "://" not in name]


def check_paths(
    sources: Sequence[Source],
    inputs: Sequence[Path],
    *,
    camera: str | None,
    rows: Sequence[Path | None],
    videos: Sequence[Path],
    others: Sequence[Path | None],
) -> None:
    """ConfigError where an output, with its template filled in, is one of `inputs` or also another output, or one file
    is given for several videos."""
    from streamer.sink.names import Template
    from streamer.sink.rows import FIELDS
    from streamer.sink.video import annotated_names

    names = [camera] if camera else [s.name for s in sources]
    now, written = datetime.now(), list[Path]()
    for path in rows:
        if path is not None and "{" in str(path):
            template = Template(path, FIELDS)
            written += {template.filled(now, camera=name) for name in names}
    for video in filter(is_folder, videos):
        written += {video / n for s in sources for still in (False, True) for n in annotated_names(s.name, still=still)}
    check_apart(inputs, [p for p in (*rows, *videos, *others) if p is not None], written)
    for video in videos:
        if not is_folder(video) and "{" not in str(video) and len(sources) > 1:
            raise ConfigError(
                f"--video {video}: names one file but there are {len(sources)} sources: give a folder name, "
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


def is_folder(video: Path) -> bool:
    """Whether --video names a folder for many files: an existing one, or a name without a suffix."""
    return video.is_dir() or not video.suffix
