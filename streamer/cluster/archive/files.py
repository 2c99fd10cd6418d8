"""The files of an archive: folders with all that is below them, patterns, lists, and what fsspec opens."""

from __future__ import annotations

import glob
import hashlib
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path, PurePosixPath
from typing import Any

from streamer.config.urls import redact
from streamer.errors import ConfigError, InputError
from streamer.source.address import local_path
from streamer.source.suffixes import VIDEO_SUFFIXES

_WILD = frozenset("*?[")
# Schemes of cameras and of the run's own sources: they have no files to list.
_LIVE = ("rtsp", "rtsps", "rtmp", "rtp", "udp", "srt", "v4l2", "camera")
_EXTRAS = {"s3": "pip install 'alpr-streamer[s3]'", "gs": "pip install gcsfs", "az": "pip install adlfs"}


@dataclass(frozen=True)
class Entry:
    """One file: its path or URL, the name of its rows (the path below the folder that was given), its size in bytes,
    and what changes where its content does."""

    path: str
    name: str
    size: int
    stamp: str

    @property
    def key(self) -> str:
        """What identifies the file by its path."""
        return hashlib.sha256(self.path.encode("utf-8", "surrogateescape")).hexdigest()[:16]

    @property
    def remote(self) -> bool:
        return "://" in self.path


def entries_of(sources: Sequence[str], lists: Sequence[Path] = ()) -> list[Entry]:
    """All files that `sources` and the lines of `lists` name, each once, in a fixed order. InputError names a source
    that is not there, or has no video in it."""
    found: dict[str, Entry] = {}
    for text in [*sources, *(line for one in lists for line in _lines(one))]:
        texts = _lines(Path(text[1:])) if text.startswith("@") else iter([text])
        for one in texts:
            for entry in _entries(one):
                found.setdefault(entry.path, entry)
    return list(found.values())


def of_shard(entries: Sequence[Entry], shard: tuple[int, int] | None) -> list[Entry]:
    """The entries of shard (i, n): decided by the hash of each name alone, so that files that come or go move no
    other."""
    if shard is None:
        return list(entries)
    number, count = shard
    return [one for one in entries if _place(one.name) % count == number - 1]


def shard_of(text: str) -> tuple[int, int]:
    """`2/8` as (2, 8); ConfigError where it is no such thing."""
    number, _, count = text.partition("/")
    if not (number.isdigit() and count.isdigit() and 1 <= int(number) <= int(count)):
        raise ConfigError(f"--shard {text}: expected I/N with I from 1 to N, like 2/8")
    return int(number), int(count)


def _place(name: str) -> int:
    return int.from_bytes(hashlib.sha256(name.encode("utf-8", "surrogateescape")).digest()[:8], "big")


def _lines(path: Path) -> Iterator[str]:
    try:
        text = path.read_text(encoding="utf-8", errors="surrogateescape")
    except OSError as error:
        raise InputError(f"list {path}: cannot be read ({error.strerror}): check the path", at=path) from None
    lines = [line.strip() for line in text.splitlines()]
    kept = [line for line in lines if line and not line.startswith("#")]
    if not kept:
        raise InputError(f"list {path}: names no file", at=path)
    yield from kept


def _entries(text: str) -> list[Entry]:
    text = local_path(text)
    if "://" in text:
        return _remote(text)
    if set(text) & _WILD and not Path(text).exists():
        matches = [Path(one) for one in sorted(glob.glob(text, recursive=True))]
        if not matches:
            raise InputError(f"{text}: no file matches: check the path")
        root = Path(os.path.commonpath([one.absolute().parent for one in matches]))
        below = [(one.absolute(), one.absolute().relative_to(root)) for one in matches if not one.is_dir()]
        found = [*below, *((p, p.relative_to(root)) for one in matches if one.is_dir() for p in _below(one.absolute()))]
        return [_local(path, name) for path, name in found]
    path = Path(text)
    if path.is_dir():
        root = path.absolute()
        files = [_local(one, one.relative_to(root)) for one in _below(root)]
        if not files:
            raise InputError(f"{path}: no video is in it or below (by suffix): give a folder that has one", at=path)
        return files
    if not path.exists():
        raise InputError(f"{path}: no such file or folder: check the path", at=path)
    return [_local(path.absolute(), Path(path.name))]


def _below(folder: Path) -> Iterator[Path]:
    """The videos of a folder and of those in it, by name, without hidden ones."""
    for here, folders, files in os.walk(folder):
        folders[:] = sorted(one for one in folders if not one.startswith("."))
        for name in sorted(files):
            if not name.startswith(".") and Path(name).suffix.lower() in VIDEO_SUFFIXES:
                yield Path(here) / name


def _local(path: Path, name: Path) -> Entry:
    try:
        facts = path.stat()
    except OSError:  # it vanished, or may not be read: its turn says so
        return Entry(str(path), name.as_posix(), 0, "")
    return Entry(str(path), name.as_posix(), facts.st_size, str(facts.st_mtime_ns))


def file_system(url: str) -> tuple[Any, str]:
    """fsspec's file system for a URL, and the path in it; ConfigError where its library is missing."""
    scheme = url.partition("://")[0]
    if scheme in _LIVE:
        raise ConfigError(f"{redact(url)}: is a camera, no archive: use alpr run", at=redact(url))
    try:
        fsspec = import_module("fsspec")
        return fsspec.core.url_to_fs(url)  # type: ignore[no-any-return]
    except (ImportError, ValueError) as error:
        needed = _EXTRAS.get(scheme)
        if isinstance(error, ImportError) or needed:
            told = needed or f"install the package of fsspec for {scheme}:// ({error})"
            raise ConfigError(f"{redact(url)}: {scheme}:// is not installed: {told}", at=redact(url)) from None
        raise ConfigError(f"{redact(url)}: no file system is known for {scheme}://", at=redact(url)) from None


def _remote(url: str) -> list[Entry]:
    files, path = file_system(url)
    try:
        if set(path) & _WILD:
            found = {name: facts for name, facts in files.glob(path, detail=True).items() if facts["type"] == "file"}
            root = os.path.commonpath([PurePosixPath(name).parent for name in found]) if found else ""
        elif files.isfile(path):
            found, root = {path: files.info(path)}, str(PurePosixPath(path).parent)
        else:
            found, root = files.find(path, detail=True), path.rstrip("/")
            found = {
                name: facts for name, facts in found.items() if PurePosixPath(name).suffix.lower() in VIDEO_SUFFIXES
            }
    except FileNotFoundError:
        raise InputError(f"{redact(url)}: no such file or folder: check the address", at=redact(url)) from None
    except Exception as error:  # each file system has errors of its own
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        raise InputError(
            f"{redact(url)}: cannot be listed ({reason}): check address and rights", at=redact(url)
        ) from None
    if not found:
        raise InputError(f"{redact(url)}: no video is there (by suffix)", at=redact(url))
    return [
        Entry(files.unstrip_protocol(name), os.path.relpath(name, root), int(facts.get("size") or 0), _stamp(facts))
        for name, facts in sorted(found.items())
    ]


def _stamp(facts: dict[str, Any]) -> str:
    return str(facts.get("ETag") or facts.get("etag") or facts.get("mtime") or facts.get("LastModified") or "")
