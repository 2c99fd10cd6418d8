"""Where a store is: a file for SQLite, or the address of a PostgreSQL database."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

from streamer.config.urls import VARIABLE, redact
from streamer.errors import ConfigError

_ADDRESS = re.compile(r"(postgres(?:ql)?)(?:\+\w+)?://(.*)", re.DOTALL)
_EXPECTED = "expected a file like plates.db, or postgresql://USER:PASSWORD@HOST/DATABASE"
# Their locks and shared memory do not reach other machines: SQLite's log (WAL) would be damaged there.
_NETWORK = {
    "nfs", "nfs4", "cifs", "smb3", "smbfs", "ncpfs", "afs", "9p", "ceph", "glusterfs", "lustre", "beegfs", "gpfs",
    "fuse.ceph", "fuse.glusterfs", "fuse.sshfs", "fuse.rclone", "fuse.davfs", "davfs", "fuse.s3fs", "fuse.gcsfuse",
}  # fmt: skip


@dataclass(frozen=True)
class Place:
    """`path` of an SQLite file, or `address` of a PostgreSQL database (with its password: show `name`)."""

    path: Path | None = None
    address: str = ""

    @property
    def name(self) -> str:
        """For messages."""
        return str(self.path) if self.path is not None else redact(self.address.replace("+psycopg", "", 1))

    @staticmethod
    def of(text: str | Path) -> Place:
        """Of a path or an address; ConfigError where it is neither, or a variable in it is not set."""
        if isinstance(text, Path):
            return Place(text)
        given = VARIABLE.sub(_value, text) if "://" in text else text
        if found := _ADDRESS.fullmatch(given):
            if not found.group(2):
                raise ConfigError(f"{redact(given)}: names no database: {_EXPECTED}")
            return Place(address=f"postgresql+psycopg://{found.group(2)}")
        if given.startswith("sqlite:///"):
            return Place(Path(given.removeprefix("sqlite:///")))
        if "://" in given:
            raise ConfigError(f"{redact(given)}: no address of a store: {_EXPECTED}", at=redact(given))
        if not given:
            raise ConfigError(f"the store's path is empty: {_EXPECTED}")
        return Place(Path(given))


def _value(found: re.Match[str]) -> str:
    name = found.group(1)
    if name not in os.environ:
        raise ConfigError(f"${{{name}}} of the store's address is not set in the environment: export {name}=... first")
    return os.environ[name]


def check_file_system(path: Path, mounts: Path = Path("/proc/self/mountinfo")) -> None:
    """ConfigError where the file would lie on a network file system. Only known on Linux."""
    kind = file_system_of(path, mounts)
    if kind in _NETWORK:
        raise ConfigError(
            f"{path}: lies on a network file system ({kind}), where SQLite files get damaged: give a path on a local "
            "disk, or a PostgreSQL address",
            at=path,
        )


def file_system_of(path: Path, mounts: Path = Path("/proc/self/mountinfo")) -> str | None:
    """The type of the file system that the file lies on, or would; None where that is not known."""
    try:
        lines = mounts.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return None
    best, kind = -1, None
    where = path.absolute().parent.resolve() / path.name
    for line in lines:
        head, separator, tail = line.partition(" - ")
        if not separator:
            continue
        point = Path(re.sub(r"\\(\d{3})", lambda m: chr(int(m.group(1), 8)), head.split()[4]))
        if (where == point or point in where.parents) and len(point.parts) >= best:
            best, kind = len(point.parts), tail.split()[0]
    return kind
