"""Protection of inputs: a run registers them, and no output is opened over one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from streamer.errors import ConfigError

_inputs: Counter[tuple[int, int]] = Counter()  # by device and inode, so that all names of a file count


@contextmanager
def protected(paths: Iterable[str | Path]) -> Iterator[None]:
    """Registers the files among `paths` as inputs within the context."""
    keys = [key for path in paths if (key := _key(path)) is not None]
    _inputs.update(keys)
    try:
        yield
    finally:
        _inputs.subtract(keys)


def check_no_input(path: str | Path) -> None:
    """ConfigError where the path is an input, under any of its names."""
    key = _key(path)
    if key is not None and _inputs[key] > 0:
        raise ConfigError(f"{path}: is the source as well as an output: give the output another name", at=path)


def _key(path: str | Path) -> tuple[int, int] | None:
    try:
        path = Path(path)
        found = path.stat() if path.is_file() else None  # a device or pipe cannot be overwritten
    except (OSError, ValueError):
        return None
    return None if found is None else (found.st_dev, found.st_ino)
