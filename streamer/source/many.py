"""Several sources of one run: patterns, duplicates, and distinct names."""

from __future__ import annotations

import glob
import os
from collections.abc import Callable, Sequence
from pathlib import Path

from streamer.config.urls import redact
from streamer.errors import ConfigError, InputError
from streamer.source.source import Source
from streamer.source.tracks import name_of

_WILD = frozenset("*?[")


def open_many(texts: Sequence[str], opened: Callable[[str], list[Source]]) -> list[Source]:
    """The sources that `texts` name, in their order, each file once; `opened` makes those of one text.

    A pattern (*.mp4, also **/) that no shell has expanded stands for the files it matches. Files of the same name are
    named by their paths from their common folder, so that their rows can be distinguished.
    """
    sources: list[Source] = []
    seen: set[Path] = set()
    for text in (one for given in texts for one in _expanded(given)):
        for source in opened(text):
            file = _file(source)
            if file is None or file not in seen:
                sources.append(source)
            if file is not None:
                seen.add(file)
    if len(sources) > 1 and (live := [s.name for s in sources if s.live]):
        raise ConfigError(f"{live[0]}: a camera has no end: give it alone, or all as cameras of --config")
    make_names_distinct(sources)
    return sources


def make_names_distinct(sources: Sequence[Source]) -> None:
    """Names files of the same name by their paths below their common folder."""
    groups: dict[str, list[tuple[Source, Path]]] = {}
    for source in sources:
        if (file := _file(source)) is not None:
            groups.setdefault(source.name, []).append((source, file))
    for group in groups.values():
        if len(group) > 1:
            root = os.path.commonpath([file.parent for _, file in group])
            for source, file in group:
                path = Path(os.path.relpath(file, root)).as_posix()
                source.name = name_of(path, getattr(source, "video_track", None))


def _expanded(text: str) -> list[str]:
    if not _WILD & set(text) or "://" in text or Path(text).exists():
        return [text]
    found = sorted(glob.glob(text, recursive=True))
    if not found:
        raise InputError(f"{redact(text)}: no file matches: check the path")
    return found


def _file(source: Source) -> Path | None:
    """The resolved file of a source; None for an address."""
    given = str(getattr(source, "address", None) or getattr(source, "path", ""))
    return None if source.live or not given or "://" in given or not Path(given).is_file() else Path(given).resolve()
