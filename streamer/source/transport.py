"""MPEG-TS whose video changes in the middle: split into parts where its tables name other video streams.

FFmpeg's demuxer adds a stream or changes one, and PyAV returns the packets of neither; so each part is opened as a
stream of its own. The tables are parsed while the file is read, so this works through a pipe as well.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Protocol

import numpy as np

_SYNC, _PACKET = 0x47, 188
# Packet size -> offset of its sync byte: plain, with a time code before it (M2TS), with a checksum after it.
_LAYOUTS = {188: 0, 192: 4, 204: 0}
_LEAST = 5  # packets that identify a transport stream
_CHUNK = 340  # packets
# MPEG-1, MPEG-2, MPEG-4, H.264 and its extensions, JPEG 2000, HEVC and its extensions, VVC, AVS, VC-1, Dirac.
_VIDEO = frozenset({0x01, 0x02, 0x10, 0x1B, 0x1F, 0x20, 0x21, 0x24, 0x25, 0x33, 0x42, 0xD1, 0xD2, 0xD4, 0xEA})
HEAD = 204 * _LEAST

Change = tuple[int, bytes]  # its offset in a chunk, and the table that must be repeated before it


class ByteStream(Protocol):
    """A file or pipe opened for reading."""

    def read(self, size: int, /) -> bytes: ...

    def close(self) -> None: ...


def layout_of(head: bytes) -> int | None:
    """The packet size; None where this is no transport stream."""
    for size, place in _LAYOUTS.items():
        marks = head[place : place + size * _LEAST : size]
        if len(marks) == _LEAST and set(marks) == {_SYNC}:
            return size
    return None


class TransportParts:
    """A transport stream as one or more files to read from: `part` is the current one."""

    def __init__(self, stream: ByteStream, size: int) -> None:
        self._stream, self._size, self._place = stream, size, _LAYOUTS[size]
        self._raw = b""  # read and not parsed yet
        self._ahead = b""  # the beginning of the next part
        self._over = False
        self._tables = _Tables()
        self.part = _Part(self._data())

    def next(self) -> _Part | None:
        """The next part, None at the end."""
        while self.part.read(1 << 16):  # what the demuxer did not read
            pass
        if not self._ahead:
            return None
        self._tables = _Tables()
        self._over, self._raw, self._ahead = False, self._ahead + self._raw, b""
        self.part = _Part(self._data())
        return self.part

    def close(self) -> None:
        self._stream.close()

    def _data(self) -> Iterator[bytes]:
        """The bytes of one part."""
        want = self._size * _CHUNK
        ended = False
        while not self._over:
            while len(self._raw) < self._size * _LEAST and not ended:  # a pipe returns what has arrived
                more = self._stream.read(want)
                ended = not more
                self._raw += more or b""
            if not self._raw:
                return
            skip = self._to_sync(self._raw)
            if skip:
                yield self._take(skip)
                continue
            chunk = self._take(self._in_sync(len(self._raw) if ended else len(self._raw) // self._size * self._size))
            change = self._change(chunk)
            if change is None:
                yield chunk
                continue
            at, table = change
            self._over, self._ahead = True, table + chunk[at:]
            if at:
                yield chunk[:at]

    def _take(self, count: int) -> bytes:
        taken, self._raw = self._raw[:count], self._raw[count:]
        return taken

    def _in_sync(self, count: int) -> int:
        """The number of bytes before the first packet without a sync byte."""
        marks = np.frombuffer(self._raw, np.uint8, count)[self._place :: self._size]
        wrong = np.flatnonzero(marks != _SYNC)
        return int(wrong[0]) * self._size if len(wrong) else count

    def _to_sync(self, data: bytes) -> int:
        """Bytes up to the next packet, 0 where one begins here."""
        if data[self._place : self._place + 1] == b"\x47":
            return 0
        for skip in range(1, min(len(data), self._size)):
            marks = data[skip + self._place : skip + self._place + self._size * _LEAST : self._size]
            if marks and set(marks) == {_SYNC}:
                return skip
        return min(len(data), self._size)

    def _change(self, chunk: bytes) -> Change | None:
        """The first packet of a table that announces other video."""
        rows = np.frombuffer(chunk, np.uint8, len(chunk) // self._size * self._size).reshape(-1, self._size)
        head = rows[:, self._place :]
        pids = (head[:, 1] & 0x1F).astype(np.int32) << 8 | head[:, 2]
        begins = (head[:, 0] == _SYNC) & (head[:, 1] & 0x40 > 0)
        while True:  # the pids of interest change with the first table
            known = [0, *self._tables.programs]
            for row in np.flatnonzero(begins & np.isin(pids, known)):
                begins[row] = False
                packet = rows[row].tobytes()
                if self._tables.differ(int(pids[row]), packet[self._place : self._place + _PACKET], packet):
                    return int(row) * self._size, self._tables.listing if pids[row] else b""
                if [0, *self._tables.programs] != known:
                    break
            else:
                return None


class _Part:
    """A part, as read by the demuxer; not seekable, so that the demuxer cannot read beyond it."""

    def __init__(self, data: Iterator[bytes]) -> None:
        self._data, self._rest = data, b""

    def read(self, size: int) -> bytes:
        if not self._rest:
            self._rest = next(self._data, b"")
        taken, self._rest = self._rest[:size], self._rest[size:]
        return taken

    def readable(self) -> bool:
        return True


class _Tables:
    """The programs and their video streams, from the tables so far."""

    def __init__(self) -> None:
        self.programs: tuple[int, ...] = ()
        self.listing = b""  # the packet with the programs
        self._video: dict[int, tuple[tuple[int, int], ...]] = {}

    def differ(self, pid: int, packet: bytes, whole: bytes) -> bool:
        """Parses a table; whether it names other programs or video streams than the last of its kind."""
        section = _section(packet)
        if section is None or len(section) < 12:
            return False
        if pid == 0:
            programs = tuple(sorted(_programs(section)))
            known, self.programs = self.programs, programs
            self.listing = whole
            return bool(known) and known != programs
        if section[0] != 2:
            return False
        video = tuple(sorted(_video(section)))
        before = self._video.setdefault(pid, video)
        return before != video


def _section(packet: bytes) -> bytes | None:
    """The table in a packet, without its checksum; a long one as far as the packet goes."""
    field = packet[3] >> 4 & 3
    at = 4 + (1 + packet[4] if field == 3 else 0)
    if not field & 1 or at >= len(packet):
        return None
    at += 1 + packet[at]
    if at + 3 > len(packet):
        return None
    length = (packet[at + 1] & 0x0F) << 8 | packet[at + 2]
    current = at + 5 < len(packet) and packet[at + 5] & 1  # otherwise it applies later
    return packet[at : at + 3 + length - 4] if current else None


def _programs(section: bytes) -> Iterator[int]:
    if section[0] != 0:
        return
    for at in range(8, len(section) - 3, 4):
        if section[at] << 8 | section[at + 1]:  # 0 is the network table
            yield (section[at + 2] & 0x1F) << 8 | section[at + 3]


def _video(section: bytes) -> Iterator[tuple[int, int]]:
    at = 12 + ((section[10] & 0x0F) << 8 | section[11])
    while at + 5 <= len(section):
        if section[at] in _VIDEO:
            yield (section[at + 1] & 0x1F) << 8 | section[at + 2], section[at]
        at += 5 + ((section[at + 3] & 0x0F) << 8 | section[at + 4])


def as_stream(part: Any) -> dict[str, Any]:
    """The arguments of `av.open` for a part."""
    return {"file": part, "format": "mpegts"}
