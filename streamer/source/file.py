"""The source of a video file, a pipe or an address: frames in presentation order, by PyAV."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

from streamer.config.models import LiveConfig
from streamer.config.urls import redact
from streamer.errors import InputError
from streamer.image.planes import PlaneReader, frame_orientation
from streamer.process.imports import load_video
from streamer.source.address import local_path
from streamer.source.containers import ContainerInput
from streamer.source.duration import declared_duration, declared_rate, expected_frames
from streamer.source.hardware_decoder import decoder_of
from streamer.source.identity import file_identity, stream_identity
from streamer.source.live import CaptureTimes, is_live
from streamer.source.pipes import is_pipe, is_stdin
from streamer.source.sleeper import Sleeper
from streamer.source.sleeping import Decoded, camera_frame
from streamer.source.source import StreamInfo
from streamer.source.start_time import Clock, container_clock
from streamer.source.timeline import Timeline
from streamer.source.track_decoder import TrackDecoder
from streamer.source.tracks import choose_track, name_of, unread_tracks, video_tracks
from streamer.types import Frame, Image, YuvPlanes

if TYPE_CHECKING:
    import av

_MISSING_TAIL_S = 0.5
_FALLBACK_RATE = Fraction(25)
_TS_DISCONT = 0x200  # AVFMT_TS_DISCONT


class VideoSource:
    """A video file, pipe, live address or (`recorded`) remote file, in presentation order.

    Frames are upright; `pts` counts seconds from the stream's start, and a frame without a time stamp follows its
    predecessor by one frame interval. A truncated file yields what can be decoded, then raises InputError with the
    second at which it ends. `ahead`: several frames of a file are decoded at once. `threads`: limit of decoding
    threads, None for FFmpeg's choice. `video_track`: the number of the track among several, from 1. `decode`: where
    pictures are decoded (RunConfig.decode), None for the CPU.
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
        decode: str | None = None,
    ) -> None:
        load_video()  # imported here: connections of a camera open it in other threads
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
        self.decode = decode
        self._input: ContainerInput | None = None
        self._container: Any = None
        self._stream: Any = None
        self._decoder: Any = None  # of its packets: decode(packet), flush_buffers()
        self._first: Decoded | None = None
        self._decoded: Iterator[Decoded] = iter(())
        self.sleeper: Sleeper | None = None  # of a camera that may sleep
        self.observer: Callable[[Any], None] | None = None  # is shown every packet before it is decoded
        self._track: TrackDecoder | None = None  # of the present part
        self._bad_packets = 0  # of all parts
        self._has_duration = False  # whether the container declares a duration

    def open(self) -> StreamInfo:
        """Opens the container and decodes the first frame, whose size and rotation are reliable."""
        import av

        av.logging.set_level(None)  # FFmpeg's log lines would mix with our one-line errors
        self._input = ContainerInput(
            self.address, self.name, self._config, live=self.live, recorded=self._recorded, piped=self._piped
        )
        self._container = self._input.open()
        try:
            self._choose_track()
        except InputError:
            if not self._next_part():  # a recording may begin with sound only
                raise
        self._has_duration = self.address.startswith("http") and bool(self._container.duration)
        self._clock = self._make_clock()
        reports = self._config.clock == "sender"
        self._times = CaptureTimes(stamped=self.address.startswith("rtsp"), reports=reports) if self.live else None
        self._decoded = self._all_parts()
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
        return self._info(self._first.frame)

    def _choose_track(self) -> None:
        """Sets the track that is read; InputError where there is none."""
        tracks = video_tracks(self._container)
        if not tracks:
            raise InputError(
                f"{self.name}: has no video stream (only {self._stream_kinds()}): give a file with pictures",
                at=self.name,
            )
        self._stream = choose_track(tracks, self.video_track, self.name)
        if (unread := unread_tracks(tracks, self._stream)) is not None and not self.live:
            self._warn(unread)
        # Frame threading delays each frame and costs a seventh more; of a camera's frames only slices are threaded.
        self._stream.thread_type = "AUTO" if self._ahead and not self.live else "SLICE"
        self._stream.codec_context.thread_count = self.threads or 0
        self._decoder = decoder_of(self._stream, self.decode or "cpu", self.name)

    def _warn(self, note: str) -> None:
        text = f"{self.name}: {note}"
        if text not in self.warnings:
            self.warnings.append(text)

    def frames(self) -> Iterator[Frame]:
        """The frames; InputError after the last good one where the file ends early."""
        planes = PlaneReader()
        timeline = Timeline(self._stream, self._rate(), resets=self._resets())
        pts, duration, index, stream = 0.0, 0.0, 0, self._stream
        for index, one in enumerate(self._with_first()):
            decoded = one.frame
            if self._stream is not stream:
                stream, planes = self._stream, PlaneReader()
                timeline.continue_with(stream, self._rate(), resets=self._resets())
            timeline.pass_over(one.quiet_pts)
            pts = timeline.glance(decoded) if one.glimpse else timeline.seconds(decoded)
            part = 0 if self.live else timeline.part  # reconnect.py handles the time stamps of a camera
            duration = float((decoded.duration or 0) * (decoded.time_base or 0))
            yuv, bgr = self._converted(planes, decoded)
            height, width = (bgr if yuv is None else yuv.y).shape[:2]  # type: ignore[union-attr]
            seen, how = self._captured(pts, decoded.pts)
            frame = Frame(index, pts, width, height, planes=yuv, bgr=bgr, captured_at=seen, time_source=how, part=part)
            yield frame if one.arrived is None else camera_frame(frame, one)
        if (note := timeline.warning()) is not None and not self.live:
            self._warn(note)
        self._report_damage(pts + max(timeline.step_s, duration), index + 1)

    def _converted(self, planes: PlaneReader, decoded: av.VideoFrame) -> tuple[YuvPlanes | None, Image | None]:
        """The frame's planes or BGR; InputError where its format cannot be converted (as after a damaged header)."""
        import av

        try:
            return planes.read(decoded)
        except (av.FFmpegError, OSError, ValueError, MemoryError) as error:
            reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
            pictures = f"{decoded.width}x{decoded.height} {decoded.format.name}"
            raise InputError(
                f"{self.name}: pictures of {pictures} cannot be converted ({reason}): convert the video or record it "
                "again",
                at=self.name,
            ) from None

    def again(self) -> VideoSource:
        """A fresh source of the same address."""
        if self._piped:
            raise InputError(f"{self.name}: cannot be read twice: give a file", at=self.name)
        fresh = VideoSource(
            self.address,
            start_time=self._given,
            live=self._config,
            ahead=self._ahead,
            recorded=self._recorded,
            threads=self.threads,
            video_track=self.video_track,
            decode=self.decode,
        )
        fresh.observer = self.observer
        return fresh

    @property
    def finite(self) -> bool:
        """Whether its end is a regular end: that of a recording, also a remote one."""
        return not self.live or self._has_duration

    def close(self) -> None:
        """Frees the decoder."""
        self._decoded, self._first, self._stream, self._decoder = iter(()), None, None, None
        container, self._container = self._container, None
        if container is not None:
            container.close()
        if self._input is not None:
            self._input.close()

    def _stream_kinds(self) -> str:
        kinds = sorted({stream.type for stream in self._container.streams})
        return " and ".join(kinds) or "nothing at all"

    def _make_clock(self) -> Clock:
        if self._given is not None:
            return Clock(self._given, "given")
        return Clock() if self.live else container_clock(self._container.metadata, self._stream.metadata)

    def _captured(self, pts: float, stamp: int | None) -> tuple[datetime | None, Any]:
        if self._times is not None and self._clock.start is None:
            return self._times.of(stamp)  # live only: rows of a file must not depend on the current time
        return self._clock.at(pts), self._clock.source

    def _rate(self) -> Fraction:
        return declared_rate(self._stream) or _FALLBACK_RATE

    def _resets(self) -> bool:
        """Whether time stamps may restart in this container."""
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
            rate=declared_rate(self._stream),
            frames=expected_frames(self._container, self._stream, live=self.live),
            live=self.live,
            still=self._piped and self._container.format.name.endswith("_pipe"),  # a picture
            sample_aspect=1 / aspect if turned else aspect,
            identity="" if self.live else self._identity(first),
            address=redact(self.address),
        )

    def _identity(self, first: av.VideoFrame) -> str:
        within = name_of(Path(self.address).name, self.video_track)  # only files directly in a folder are read
        return file_identity(self.address, within) or stream_identity(redact(self.address), first.planes[0])

    def _with_first(self) -> Iterator[Decoded]:
        if self._first is not None:
            first, self._first = self._first, None
            yield first
        yield from self._decoded

    def _all_parts(self) -> Iterator[Decoded]:
        """The frames of all parts, where the video changes in the middle."""
        while True:
            self._track = TrackDecoder(
                self._container,
                self._stream,
                self._decoder,
                live=self.live,
                ends=self._recorded,
                times=self._times,
                observer=self.observer,
            )
            yield from self._track.frames(self.sleeper)
            self._bad_packets += self._track.bad
            if not self._next_part():
                return

    def _next_part(self) -> bool:
        """Opens the next part that has pictures; adds a warning for each that cannot be read."""
        assert self._input is not None
        while self._input.advance():
            before = self._container
            try:
                self._container = self._input.open_part()
                self._choose_track()
            except InputError as error:
                self._warn(f"a part of it after another video stream begins was not read ({error})")
                continue
            before.close()
            return True
        return False

    def _report_damage(self, end_s: float, frames: int) -> None:
        error = None if self._track is None else self._track.error
        if error is not None:
            state = "lost" if self.live else "broken off" if self._recorded else "damaged"
            raise InputError(f"{self.name}: {state} at {end_s:.2f} s ({error}): {_kept(frames)}", at=self.name)
        declared = None if self.live else declared_duration(self._container, self._stream)
        if declared is not None and declared - end_s > _MISSING_TAIL_S:
            raise InputError(
                f"{self.name}: truncated at {end_s:.2f} s of {declared:.2f} s: {_kept(frames)}", at=self.name
            )
        if self._bad_packets:
            self.warnings.append(f"{self.name}: {self._bad_packets} damaged packets were skipped")


def _kept(frames: int) -> str:
    return f"the {frames} frame{'s' if frames != 1 else ''} before it were processed and all outputs are whole"
