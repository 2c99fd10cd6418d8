"""A file of the user's that is replaced by a new version: whole or not at all, and only where nobody else changed it
meanwhile."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from streamer.errors import ConfigError, OutputError

try:
    import fcntl
except ModuleNotFoundError:  # Windows
    fcntl = None  # type: ignore[assignment]


def digest_of(data: bytes) -> str:
    """What an editor must give back, so that no change of somebody else is lost."""
    return hashlib.sha256(data).hexdigest()[:16]


def replace_file(
    path: Path, seen: str, edit: Callable[[bytes], bytes], check: Callable[[Path, bytes], None] | None = None
) -> str:
    """Puts `edit(content)` in place of the file and gives its digest. `seen`: the digest of the content that the editor
    showed; ConfigError where it is another by now. `check`: raises where the new content, in a file beside the old one,
    is not to be used."""
    path = Path(os.path.realpath(path))  # a link stays a link
    try:
        with _alone(path.parent):
            before = path.read_bytes()
            if digest_of(before) != seen:
                raise ConfigError(f"{path}: was changed meanwhile: look at it again, and repeat your change", at=path)
            try:
                after = edit(before)
            except UnicodeError:
                raise ConfigError(f"{path}: is no text in UTF-8, or would be none: save it as UTF-8", at=path) from None
            if after != before:
                _write(path, after, check)
            return digest_of(after)
    except OSError as error:
        raise OutputError(
            f"{path}: cannot be written ({error.strerror}): check that this program may write to it and its folder",
            at=path,
        ) from None


def _write(path: Path, data: bytes, check: Callable[[Path, bytes], None] | None) -> None:
    part = path.with_name(f".{path.stem}.{os.getpid()}.part{path.suffix}")
    old = path.stat()
    try:
        with open(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        if check is not None:
            check(part, data)
        part.chmod(stat.S_IMODE(old.st_mode))
        with suppress(OSError, AttributeError):
            os.chown(part, old.st_uid, old.st_gid)
        part.replace(path)
    except BaseException:
        with suppress(OSError):
            part.unlink()
        raise


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """One editor of a folder's files at a time."""
    if fcntl is None:
        yield
        return
    place = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(place, fcntl.LOCK_EX)
        yield
    finally:
        os.close(place)
