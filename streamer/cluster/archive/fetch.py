"""Copies of remote files on the machine that reads them: one for all tasks there, dropped for want of room."""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path, PurePosixPath

from streamer.cluster.archive.files import file_system
from streamer.config.urls import redact
from streamer.errors import InputError

try:
    import fcntl
except ImportError:  # Windows: run one worker for remote files there
    fcntl = None  # type: ignore[assignment]

_MOST_BYTES = 20 << 30  # of copies that nobody reads


def spool_folder() -> Path:
    """Where copies are kept: $ALPR_SPOOL, or a folder for temporary files."""
    own = os.environ.get("ALPR_SPOOL")
    return (
        Path(own) if own else Path(tempfile.gettempdir()) / f"alpr-spool-{os.getuid() if hasattr(os, 'getuid') else 0}"
    )


@contextmanager
def local_copy(path: str) -> Iterator[str]:
    """The path of a file on this machine: its own, or that of a copy, which is kept while it is used. InputError where
    it cannot be fetched."""
    if "://" not in path:
        yield path
        return
    spool = spool_folder()
    spool.mkdir(mode=0o700, parents=True, exist_ok=True)
    key = hashlib.sha256(path.encode("utf-8", "surrogateescape")).hexdigest()[:24]
    with (spool / f"{key}.lock").open("a") as lock:
        _lock(lock.fileno(), exclusive=True)
        target = spool / key / PurePosixPath(path).name  # its name is part of its identity
        if not target.exists():
            make_room(spool)
            _fetch(path, target)
        os.utime(target)
        _lock(lock.fileno(), exclusive=False)
        yield str(target)


def _fetch(url: str, target: Path) -> None:
    files, path = file_system(url)
    target.parent.mkdir(exist_ok=True)
    part = target.with_name(target.name + ".part")
    try:
        files.get_file(path, str(part))
        part.replace(target)
    except FileNotFoundError:
        raise InputError(f"{redact(url)}: no such file: it is gone", at=redact(url)) from None
    except Exception as error:  # each file system has errors of its own
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        raise InputError(f"{redact(url)}: cannot be fetched ({reason})", at=redact(url)) from None
    finally:
        with suppress(OSError):
            part.unlink()


def forget(path: str) -> None:
    """Drops the copy of a file here, unless it is in use."""
    key = hashlib.sha256(path.encode("utf-8", "surrogateescape")).hexdigest()[:24]
    _drop(spool_folder() / key)


def make_room(spool: Path, most: int = _MOST_BYTES) -> None:
    """Drops the copies used longest ago until the others have at most so many bytes."""
    copies = sorted((one for one in spool.glob("*/*") if one.is_file()), key=lambda one: one.stat().st_mtime)
    left = sum(one.stat().st_size for one in copies)
    for one in copies:
        if left <= most:
            return
        size = one.stat().st_size
        if _drop(one.parent):
            left -= size


def _drop(folder: Path) -> bool:
    lock = folder.with_name(folder.name + ".lock")
    if not folder.is_dir():
        return False
    with lock.open("a") as file:
        try:
            _lock(file.fileno(), exclusive=True, wait=False)
        except OSError:
            return False
        shutil.rmtree(folder, ignore_errors=True)
        return True


def _lock(number: int, *, exclusive: bool, wait: bool = True) -> None:
    if fcntl is not None:
        fcntl.flock(number, (fcntl.LOCK_EX if exclusive else fcntl.LOCK_SH) | (0 if wait else fcntl.LOCK_NB))
