"""Which of several processes sends what an outbox holds: the one that has the lock of the file beside it. The system
gives it back where a process is killed."""

from __future__ import annotations

import io
import os
from pathlib import Path

from streamer.errors import ConfigError, OutputError

try:
    import fcntl
except ImportError:  # Windows has no such lock: run one process for a target there
    fcntl = None  # type: ignore[assignment]


class Lease:
    """The right to send, by a lock of the file at `path`. `identity`: of the address that is sent to; processes that
    send to different ones must not share an outbox."""

    def __init__(self, path: Path, name: str, identity: str) -> None:
        self._path, self._name, self._identity = path, name, identity
        self._file: io.FileIO | None = None

    def taken(self) -> bool:
        """Takes it where it is free; whether this process has it. ConfigError where a process has it that sends
        elsewhere."""
        if self._file is not None or fcntl is None:
            return True
        try:
            file = io.FileIO(os.open(self._path, os.O_CREAT | os.O_RDWR, 0o600), "r+")
        except OSError as error:
            raise OutputError(
                f"{self._path}: cannot be made ({error.strerror}): give outbox: FILE where you may write", at=self._path
            ) from None
        try:
            fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            other = file.read(8).decode("ascii", "replace")
            file.close()
            if other and other != self._identity:
                raise ConfigError(
                    f"{self._name}: another run sends to another address under this name: give each target a name of "
                    "its own (name: ...)"
                ) from None
            return False
        file.truncate(0)
        file.write(self._identity.encode())
        self._file = file
        return True

    def give_back(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None
