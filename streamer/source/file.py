"""Video files in any container and codec PyAV reads, and one connection to a live address through the same path."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

from streamer.config.models import LiveConfig
from streamer.config.urls import redact
from streamer.errors import InputError
from streamer.image.planes import PlaneReader, frame_orientation
from streamer.process.imports import load_video
from streamer.source.address import cannot_be_had, ends_so, local_path
from streamer.source.base import StreamInfo
from streamer.source.clock import Clock, container_clock
from streamer.source.faults import fault_of
from streamer.source.fields import deinterlaced
from streamer.source.identity import file_identity, stream_identity
from streamer.source.live import CaptureTimes, is_live, opening
from streamer.source.pipes import is_pipe, is_stdin, open_pipe
from streamer.source.timeline import Timeline
from streamer.source.tracks import chosen, left_out, name_of, video_tracks
from streamer.source.transport import HEAD, TransportParts, as_stream, layout_of
from streamer.types import Frame, Image, YuvPlanes

if TYPE_CHECKING:
    import av

# Containers whose declared duration comes from an index or header and not from a guess by bit rate.
_TRUSTED_DURATION = ("mp4", "matroska", "avi")
_MISSING_TAIL_S = 0.5
_FALLBACK_RATE = Fraction(25)
_LIST = b"ffconcat"
_TS_DISCONT = 0x200  # AVFMT_TS_DISCONT


class VideoSource:
    """One video file, live address, or (`recorded`) file behind an address, in presentation order.

    Frames are upright, `pts` counts seconds from the stream's start, a frame without a time stamp gets the one after
    its predecessor's. A file cut short yields what can be decoded, then raises InputError with the second it ends at.
    `ahead`: a file's pictures are decoded several at once. `threads`: that decode at most, None for what FFmpeg finds.
    `video_track`: which one of several, counted from 1.
    """

    def __init__(
        self,
        address: str | Path,
        *,
        start_time: datetime | None = None,
        live: LiveConfig | None = None,
        ahead: bool = True,
        recorded: bool = False,
        threads: int | None = None,
        video_track: int | None = None,
    ) -> None:
        load_video()  # where it is made: a camera's connections open it in threads of their own
        self.address = local_path(str(address))
        self._recorded = recorded and is_live(self.address)
        self.live = is_live(self.address) and not recorded
        self._piped = not is_live(self.address) and is_pipe(self.address)
        self._config = live or LiveConfig()
        self.video_track = video_track
        self.name = redact(self.address) if is_live(self.address) else name_of(Path(self.address).name, video_track)
        if self._piped and is_stdin(self.address):
            self.name = "stdin"
        self.warnings: list[str] = []
        self._given, self._ahead, self.threads = start_time, ahead, threads
        self._container: Any = None
        self._file: Any = None  # what the container is read from, where that is not FFmpeg's own
        self._parts: TransportParts | None = None
        self._stream: Any = None
        self._first: av.VideoFrame | None = None
        self._decoded: Iterator[av.VideoFrame] = iter(())
        self._bad_packets = 0
        self._lasts = False  # whether the container says how long it is

    def open(self) -> StreamInfo:
        """Opens the container and decodes the first frame (only it knows size and rotation for sure)."""
        import av

        av.logging.set_level(None)  # FFmpeg's own lines would tear the one-line errors apart
        self._container = self._open_container(av)
        try:
            self._choose()
        except InputError:
            if self._parts is None or not self._next_part(av):  # a recording may begin with sound alone
                raise
        self._lasts = self.address.startswith("http") and bool(self._container.duration)
        self._clock = self._make_clock()
        reports = self._config.clock == "sender"
        self._times = CaptureTimes(stamped=self.address.startswith("rtsp"), reports=reports) if self.live else None
        self._decoded = self._all_parts(av)
        self._first = next(self._decoded, None)
        if self._first is None:
            more = (
                " or its index is at its end and the server sends no parts (download it first)"
                if self._recorded
                else ""
            )
            raise InputError(
                f"{self.name}: no frame could be decoded: the file is damaged or its codec is unknown{more}",
                at=self.name,
            )
        return self._info(self._first)

    def _choose(self) -> None:
        """The track that is read; InputError where there is none."""
        tracks = video_tracks(self._container)
        if not tracks:
            raise InputError(
                f"{self.name}: has no video stream (only {self._stream_kinds()}): give a file with pictures",
                at=self.name,
            )
        self._stream = chosen(tracks, self.video_track, self.name)
        if (told := left_out(tracks, self._stream)) is not None and not self.live:
            self._warn(told)
        # Threads that each take a picture hold it back by one, and cost a seventh more: of a camera's pictures, parts
        # are shared out at most.
        self._stream.thread_type = "AUTO" if self._ahead and not self.live else "SLICE"
        self._stream.codec_context.thread_count = self.threads or 0

    def _warn(self, what: str) -> None:
        text = f"{self.name}: {what}"
        if text not in self.warnings:
            self.warnings.append(text)

    def frames(self) -> Iterator[Frame]:
        """The frames; InputError after the last good one where the file ends early."""
        planes = PlaneReader()
        line = Timeline(self._stream, self._rate() or _FALLBACK_RATE, resets=self._resets())
        pts, lasts, index, stream = 0.0, 0.0, 0, self._stream
        for index, decoded in enumerate(self._with_first()):
            if self._stream is not stream:
                stream, planes = self._stream, PlaneReader()
                line.go_on(stream, self._rate() or _FALLBACK_RATE, resets=self._resets())
            pts = line.seconds(decoded)
            part = 0 if self.live else line.part  # a camera's stamps are watched from outside (reconnect.py)
            lasts = float((decoded.duration or 0) * (decoded.time_base or 0))
            yuv, bgr = self._converted(planes, decoded)
            height, width = (bgr if yuv is None else yuv.y).shape[:2]  # type: ignore[union-attr]
            seen, how = self._captured(pts, decoded.pts)
            yield Frame(index, pts, width, height, planes=yuv, bgr=bgr, captured_at=seen, time_source=how, part=part)
        if (told := line.told()) is not None and not self.live:
            self._warn(told)
        self._report_damage(pts + max(line.step_s, lasts), index + 1)

    def _converted(self, planes: PlaneReader, decoded: av.VideoFrame) -> tuple[YuvPlanes | None, Image | None]:
        """The frame's planes or BGR; InputError where its format cannot be converted (a damaged header makes such)."""
        import av

        try:
            return planes.read(decoded)
        except (av.FFmpegError, OSError, ValueError, MemoryError) as error:
            reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
            what = f"{decoded.width}x{decoded.height} {decoded.format.name}"
            raise InputError(
                f"{self.name}: pictures of {what} cannot be converted ({reason}): convert the video or record it again",
                at=self.name,
            ) from None

    def again(self) -> VideoSource:
        """A fresh source of the same address."""
        if self._piped:
            raise InputError(f"{self.name}: cannot be read twice: give a file", at=self.name)
        return VideoSource(
            self.address,
            start_time=self._given,
            live=self._config,
            ahead=self._ahead,
            recorded=self._recorded,
            threads=self.threads,
            video_track=self.video_track,
        )

    @property
    def finite(self) -> bool:
        """Whether the end of the stream is its end: a recording, also one behind an address."""
        return not self.live or self._lasts

    def close(self) -> None:
        """Frees the decoder."""
        self._decoded, self._first, self._stream = iter(()), None, None
        container, self._container = self._container, None
        if container is not None:
            container.close()
        file, self._file, self._parts = self._file, None, None
        if file is not None:
            file.close()

    def _open_container(self, av: Any) -> Any:
        address = self.address
        where: dict[str, Any] = {"file": address}
        if self.live or self._recorded:
            where |= opening(address, self._config, recorded=self._recorded)
        elif self._piped:
            self._file, head = open_pipe(address, self.name)
            where = self._readable(head)
        else:
            _check_file(Path(address), self.name)
            where["file"] = str(Path(address).absolute())  # a name with a colon must not look like a protocol
            with Path(address).open("rb") as file:
                head = file.read(HEAD)
            if layout_of(head) is not None:
                self._file = Path(address).open("rb")  # noqa: SIM115 - closed with the container
                where = self._readable(head)
        return self._opened(av, where)

    def _readable(self, head: bytes) -> dict[str, Any]:
        """The arguments of `av.open` for the open file: by parts, where it is a transport stream."""
        size = layout_of(head)
        if size is None:
            return {"file": self._file}
        self._parts = TransportParts(self._file, size)
        return as_stream(self._parts.part)

    def _opened(self, av: Any, where: dict[str, Any]) -> Any:
        try:
            return av.open(metadata_errors="replace", **where)
        except (av.FFmpegError, OSError, ValueError) as error:
            if self.live:
                raise fault_of(self.name, self.address, error) from None
            raise InputError(self._open_message(error)) from None

    def _open_message(self, error: Exception) -> str:
        if self._recorded:
            return cannot_be_had(self.name, error)
        reason = redact(getattr(error, "strerror", None) or str(error))
        return f"{self.name}: not a video that can be read ({reason}): damaged, cut off before its index, or no video"

    def _stream_kinds(self) -> str:
        kinds = sorted({stream.type for stream in self._container.streams})
        return " and ".join(kinds) or "nothing at all"

    def _make_clock(self) -> Clock:
        if self._given is not None:
            return Clock(self._given, "given")
        return Clock() if self.live else container_clock(self._container.metadata, self._stream.metadata)

    def _captured(self, pts: float, stamp: int | None) -> tuple[datetime | None, Any]:
        if self._times is not None and self._clock.start is None:
            return self._times.of(stamp)  # a file never comes here: its rows must not depend on now
        return self._clock.at(pts), self._clock.source

    def _rate(self) -> Fraction | None:
        rate = self._stream.average_rate or self._stream.guessed_rate
        return Fraction(rate) if rate and 0 < rate <= 1000 else None

    def _resets(self) -> bool:
        """Whether time stamps may begin anew in this container."""
        return bool(self._container.format.flags & _TS_DISCONT)

    def _info(self, first: av.VideoFrame) -> StreamInfo:
        turned = frame_orientation(first).transpose
        width, height = (first.height, first.width) if turned else (first.width, first.height)
        aspect = Fraction(self._stream.sample_aspect_ratio or 1) or Fraction(1)
        return StreamInfo(
            name=self.name,
            width=width,
            height=height,
            time_base=self._stream.time_base,
            rate=self._rate(),
            frames=self._expected_frames(),
            live=self.live,
            still=self._piped and self._container.format.name.endswith("_pipe"),  # a picture
            sample_aspect=1 / aspect if turned else aspect,
            identity="" if self.live else self._identity(first),
            address=redact(self.address),
        )

    def _identity(self, first: av.VideoFrame) -> str:
        within = name_of(Path(self.address).name, self.video_track)  # folders inside of a folder are not read
        return file_identity(self.address, within) or stream_identity(redact(self.address), first.planes[0])

    def _expected_frames(self) -> int | None:
        if self._stream.frames:
            return int(self._stream.frames)
        duration, rate = self._declared_duration(), self._rate()
        return round(duration * float(rate)) if duration and rate else None

    def _with_first(self) -> Iterator[av.VideoFrame]:
        if self._first is not None:
            first, self._first = self._first, None
            yield first
        yield from self._decoded

    def _all_parts(self, av: Any) -> Iterator[av.VideoFrame]:
        """The frames of one part after another, where the video changes in the middle."""
        while True:
            yield from deinterlaced(self._decode(av))
            if self._parts is None or not self._next_part(av):
                return

    def _next_part(self, av: Any) -> bool:
        """Opens the next part with pictures; one that cannot be read is told."""
        assert self._parts is not None
        while (part := self._parts.next()) is not None:
            before = self._container
            try:
                self._container = self._opened(av, as_stream(part))
                self._choose()
            except InputError as error:
                self._warn(f"a part of it after another video stream begins was not read ({error})")
                continue
            before.close()
            return True
        return False

    def _decode(self, av: Any) -> Iterator[av.VideoFrame]:
        """Frames in presentation order; a packet that cannot be decoded is skipped and counted."""
        self._demux_error: str | None = None
        try:
            for packet in self._container.demux(self._stream):
                if self._times is not None:
                    self._times.note(packet)
                try:
                    decoded = packet.decode()
                except (av.error.InvalidDataError, av.error.PatchWelcomeError):
                    self._bad_packets += 1
                    continue
                yield from decoded
        except (av.FFmpegError, OSError) as error:
            if self._recorded and self._container.size <= 0 and ends_so(error):
                yield from self._stream.codec_context.decode(None)
                return
            self._demux_error = redact(getattr(error, "strerror", None) or str(error))

    def _declared_duration(self) -> float | None:
        """Seconds of video that the container says it has, None where it does not or cannot be trusted."""
        if self.live or not any(name in self._container.format.name for name in _TRUSTED_DURATION):
            return None
        if self._container.format.name == "avi" and self._stream.frames and self._stream.average_rate:
            # A cut AVI has lost its index; FFmpeg then makes up a duration from what is left.
            return float(self._stream.frames / self._stream.average_rate)
        if self._stream.duration:
            return float(self._stream.duration * self._stream.time_base)
        # Both of these count from second 0, our times from the stream's first stamp.
        begins = float((self._stream.start_time or 0) * self._stream.time_base)
        tag = {k.upper(): v for k, v in self._stream.metadata.items()}.get("DURATION", "")
        if clock := re.fullmatch(r"(\d+):(\d+):(\d+(?:\.\d+)?)", tag):
            hours, minutes, seconds = clock.groups()
            return int(hours) * 3600 + int(minutes) * 60 + float(seconds) - begins
        alone = len(self._container.streams) == 1
        return self._container.duration / 1e6 - begins if alone and self._container.duration else None

    def _report_damage(self, end_s: float, frames: int) -> None:
        if self._demux_error is not None:
            what = "lost" if self.live else "broken off" if self._recorded else "damaged"
            raise InputError(
                f"{self.name}: {what} at {end_s:.2f} s ({self._demux_error}): {_kept(frames)}", at=self.name
            )
        declared = self._declared_duration()
        if declared is not None and declared - end_s > _MISSING_TAIL_S:
            raise InputError(
                f"{self.name}: truncated at {end_s:.2f} s of {declared:.2f} s: {_kept(frames)}", at=self.name
            )
        if self._bad_packets:
            self.warnings.append(f"{self.name}: {self._bad_packets} damaged packets were skipped")


def _check_file(path: Path, name: str) -> None:
    """The failures that FFmpeg words badly."""
    if not path.exists():
        raise InputError(f"{path}: no such file: check the path", at=path)
    if path.is_fifo():
        return  # opening it here would take its first bytes
    if not path.is_file():
        raise InputError(f"{path}: is not a file that can be read as a video", at=path)
    try:
        with path.open("rb") as stream:
            first = stream.read(len(_LIST))
        if not first:
            raise InputError(f"{name}: is empty (0 bytes): copy or record it again", at=name)
        if first == _LIST:  # FFmpeg would follow it to any file, and round in circles
            raise InputError(
                f"{name}: is a list of other files, no video: give those one by one, or their folder", at=name
            )
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}): check its permissions", at=path) from None


def _kept(frames: int) -> str:
    return f"the {frames} frame{'s' if frames != 1 else ''} before it were processed and all outputs are whole"
