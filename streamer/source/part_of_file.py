"""A part of a video file, decoded from one of its key frames on, with the time stamp of every picture."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from streamer.errors import InputError
from streamer.source.containers import ContainerInput
from streamer.source.file import VideoSource
from streamer.source.source import StreamInfo

if TYPE_CHECKING:
    from streamer.source.sleeping import Decoded

# Containers that are sought by an index or by their time stamps; in others packets up to the place are passed over.
_SOUGHT = ("mp4", "matroska", "avi")


class UnevenError(InputError):
    """The part is not what it is in the file read in one go: it must be read so."""


class Stamp(NamedTuple):
    """When a picture is shown: in ticks, as the file has it; its duration in ticks."""

    pts: int
    duration: int


class PartOfFile(VideoSource):
    """The pictures of a file from time stamp `begin`, that of a key frame (None: from the first on), to before `end`
    (None: to the last). `stamps` has those of all pictures so far, by their index; `uneven`: why the part is not to be
    trusted."""

    def __init__(
        self,
        address: str | Path,
        *,
        begin: int | None = None,
        end: int | None = None,
        threads: int | None = None,
        video_track: int | None = None,
        decode: str | None = None,
    ) -> None:
        super().__init__(address, threads=threads, video_track=video_track, decode=decode)
        self._begin, self._end = begin, end
        self.stamps: list[Stamp] = []
        self.uneven = ""
        self._sought = False

    def open(self) -> StreamInfo:
        info = super().open()
        if self._begin is not None:
            self._restart()
        return info

    def _restart(self) -> None:
        """Opens the file again, at the key frame: by its index where it has one."""
        assert self._input is not None
        assert self._begin is not None
        self._decoded, self._first = iter(()), None
        seek = any(name in self._container.format.name for name in _SOUGHT)
        for by_index in (True, False) if seek else (False,):
            self._container.close()
            self._input.close()
            self._input = ContainerInput(self.address, self.name, self._config, live=False, recorded=False, piped=False)
            self._container = self._input.open()
            self._choose_track()
            place = _Place(self._container, self._stream, self._begin)
            if place.found(by_index=by_index):
                self._container = place
                break
        else:
            raise self._uneven("its key frames cannot be found again")
        self._sought = True
        self.stamps.clear()
        self._decoded = self._all_parts()

    def _all_parts(self) -> Iterator[Decoded]:
        for one in super()._all_parts():
            pts = one.frame.pts
            if pts is None:
                raise self._uneven("has pictures without a time stamp")
            if self._sought and self._begin is not None:
                if pts < self._begin:
                    continue  # pictures before a key frame that need those before it
                if not self.stamps and pts != self._begin:
                    raise self._uneven("a key frame of it shows no picture")
            if self._end is not None and pts >= self._end:
                return
            self.stamps.append(Stamp(pts, one.frame.duration or 0))
            yield one

    def _next_part(self) -> bool:
        if super()._next_part():
            raise self._uneven("holds several recordings")
        return False

    def _report_damage(self, end_s: float, frames: int) -> None:
        track = self._track
        if track is not None and (track.bad or track.error is not None):
            raise self._uneven("is damaged")
        if self._end is None:
            super()._report_damage(end_s, frames)

    def _uneven(self, reason: str) -> UnevenError:
        self.uneven = reason
        return UnevenError(f"{self.name}: {reason}", at=self.name)


class _Place:
    """An open container from one of its key frames on."""

    def __init__(self, container: Any, stream: Any, begin: int) -> None:
        self._container, self._stream, self._begin = container, stream, begin
        self._packets: Iterator[Any] = iter(())
        self._first: Any = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._container, name)

    def found(self, *, by_index: bool) -> bool:
        """Moves to the key frame, or to an earlier one; False where it is not there."""
        import av

        try:
            if by_index:
                self._container.seek(self._begin, stream=self._stream)
            self._packets = iter(self._container.demux(self._stream))
            for packet in self._packets:
                if packet.size == 0 or packet.pts is None:
                    continue
                if by_index:
                    self._first = packet
                    return bool(packet.is_keyframe) and packet.pts <= self._begin
                if packet.is_keyframe and packet.pts == self._begin:
                    self._first = packet
                    return True
        except (av.FFmpegError, OSError):
            return False
        return False

    def demux(self, _: Any) -> Iterator[Any]:
        first, self._first = self._first, None
        if first is not None:
            yield first
        yield from self._packets

    def close(self) -> None:
        self._container.close()
