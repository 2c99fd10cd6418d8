"""Identities of streams, so that the same recording gives the same event ids and no other recording gives them."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

from streamer.process.clock import Clock, SystemClock
from streamer.source.source import StreamInfo

_ENDS = 1_000_000  # bytes hashed at either end of a file: files that differ in between differ there, too


def file_identity(path: str | Path, within: str) -> str:
    """Identity of a file by its size, both ends, and its path `within` the given folder. Empty where it cannot be read
    twice (a pipe, an address)."""
    path = Path(path)
    try:
        if not path.is_file():
            return ""
        with path.open("rb") as stream:
            size = stream.seek(0, 2)
            stream.seek(0)
            content = hashlib.sha256(stream.read(_ENDS))
            stream.seek(max(0, size - _ENDS))
            content.update(stream.read(_ENDS))
    except OSError:
        return ""
    return _digest("file", within, str(size), content.hexdigest())


def stream_identity(name: str, first_plane: Any) -> str:
    """Identity of a recording that can be read only once, by its first picture."""
    return _digest("stream", name, hashlib.sha256(bytes(first_plane)).hexdigest())


def connection_identity(now: datetime) -> str:
    """Identity of a camera connected `now`: unique over all connections and runs."""
    return f"{now.isoformat()}-{secrets.token_hex(8)}"


class Identities:
    """Makes the streams of one run distinct: a recording that is read twice is two streams."""

    def __init__(self, clock: Clock | None = None) -> None:
        self._clock = clock or SystemClock()
        self._counts: dict[str, int] = {}

    def of(self, info: StreamInfo, camera: str | None) -> StreamInfo:
        """`info` with `events`, the basis of its event ids; that of a replayed recording is kept."""
        if info.events:
            return info
        own = info.identity or (connection_identity(self._clock.now()) if info.live else info.name)
        events = _digest(camera or "", own)
        self._counts[events] = times = self._counts.get(events, 0) + 1
        return replace(info, events=events if times == 1 else f"{events}-{times}")


def _digest(*parts: str) -> str:
    content = "\0".join(parts).encode("utf-8", "surrogateescape")
    return hashlib.sha256(content).hexdigest()[:32]
