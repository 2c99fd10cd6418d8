"""Where the outboxes lie, and what they are called."""

from __future__ import annotations

import hashlib
import os
import sys
from pathlib import Path
from urllib.parse import urlsplit

from streamer.config.notify import NotifyOutput
from streamer.config.references import resolved
from streamer.errors import ConfigError
from streamer.sink.file_names import file_name

SUFFIX = ".db"
_NETWORK = frozenset(("nfs", "nfs4", "cifs", "smb3", "smbfs", "fuse.sshfs", "fuse.glusterfs", "ceph", "afs", "ncpfs"))


def state_folder() -> Path:
    """The folder of outboxes: of $ALPR_STATE, of the service (systemd's StateDirectory), else of the user."""
    if given := os.environ.get("ALPR_STATE") or os.environ.get("STATE_DIRECTORY", "").split(":")[0]:
        return Path(given) / "outbox"
    try:
        if sys.platform == "win32":
            base = Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
        else:
            base = Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state")
    except RuntimeError:
        raise ConfigError(
            "outbox: this user has no home folder: give outbox: FILE, or a folder in the variable ALPR_STATE"
        ) from None
    return base / "alpr" / "outbox"


def identity(output: NotifyOutput) -> str:
    """Eight digits that differ where the address does; what lies in an outbox is for one address."""
    dialect = getattr(output, "dialect", "")
    text = "\n".join((output.type, resolved(output.address()), dialect))
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()[:8]


def target_name(output: NotifyOutput) -> str:
    """The name of a target: the one given, else its type, host and identity."""
    if output.name is not None:
        return output.name
    try:
        host = urlsplit(resolved(output.address()).partition(" ")[0]).hostname or ""
    except ValueError:
        host = ""
    if output.type == "apprise":
        host = ""  # a part of some addresses' secrets
    return "-".join(part for part in (output.type, file_name(host) if host else "", identity(output)) if part)


def outbox_path(output: NotifyOutput) -> Path:
    """The file of a target's outbox."""
    path = Path(output.outbox) if output.outbox is not None else state_folder() / f"{target_name(output)}{SUFFIX}"
    if kind := network_file_system(path):
        raise ConfigError(
            f"outbox: {path} is on a network file system ({kind}), where SQLite files get damaged: give outbox: FILE "
            "on a disk of this machine"
        )
    return path


def network_file_system(path: Path) -> str:
    """The type of the network file system that a path is on; empty where it is on none, or nothing is known."""
    try:
        mounts = Path("/proc/mounts").read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    except OSError:
        return ""
    place = Path(os.path.realpath(path))
    best, found = -1, ""
    for line in mounts:
        fields = line.split(" ")
        mount = fields[1].replace("\\040", " ")
        if (place == Path(mount) or Path(mount) in place.parents) and len(mount) >= best:
            best, found = len(mount), fields[2]
    return found if found in _NETWORK else ""
