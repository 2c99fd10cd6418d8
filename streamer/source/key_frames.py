"""Where a video file can be cut: key frames from which its pictures are decoded as in one go."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from streamer.errors import InputError
from streamer.source.duration import declared_duration
from streamer.source.file import VideoSource
from streamer.source.timeline import Timeline

_TAIL_S = 0.5  # that may be missing at a file's end


@dataclass(frozen=True)
class KeyFrames:
    """The time stamps of the key frames at which a file can be cut, in ticks of `time_base`, and its length in seconds.
    `reason`: why it must be read in one piece, empty where it need not."""

    stamps: tuple[int, ...] = ()
    time_base: Fraction = Fraction(1, 90000)
    seconds: float = 0.0
    reason: str = ""


@dataclass(frozen=True)
class _Stamp:
    pts: int | None


class KeyFrameScan(VideoSource):
    """Reads a file's packets and decodes only its first picture."""

    def scan(self) -> KeyFrames:
        """The key frames; InputError where the file cannot be opened."""
        import av

        info = self.open()
        if info.still or self._piped or self._input is None:
            return KeyFrames(reason="is a picture or a pipe")
        self._container.close()
        self._input.close()
        self._container = self._input.open()
        self._choose_track()
        base = Fraction(self._stream.time_base)
        stamps: list[int] = []
        keys: list[int] = []
        latest: int | None = None
        try:
            for packet in self._container.demux(self._stream):
                if packet.size == 0:
                    continue  # the end
                if packet.pts is None or packet.is_corrupt:
                    return KeyFrames(reason="has pictures without a time stamp, or damaged ones")
                if packet.is_keyframe and (latest is None or packet.pts > latest):
                    keys.append(packet.pts)
                latest = packet.pts if latest is None else max(latest, packet.pts)
                stamps.append(packet.pts)
        except (av.FFmpegError, OSError) as error:
            return KeyFrames(reason=f"is damaged ({getattr(error, 'strerror', None) or error})")
        if self._input.advance():
            return KeyFrames(reason="holds several recordings")
        stamps.sort()
        if not stamps or len(set(stamps)) < len(stamps):
            return KeyFrames(reason="has time stamps that occur twice")
        timeline = Timeline(self._stream, self._rate(), resets=self._resets())
        seconds = 0.0
        for stamp in stamps:
            seconds = timeline.seconds(_Stamp(stamp))  # type: ignore[arg-type]
        if timeline.discontinuities:
            return KeyFrames(reason="holds several recordings")
        seconds += timeline.step_s
        declared = declared_duration(self._container, self._stream)
        if declared is not None and declared - seconds > _TAIL_S:
            return KeyFrames(reason="is truncated")
        return KeyFrames(tuple(keys), base, seconds)


def key_frames_of(path: str, *, video_track: int | None = None) -> KeyFrames:
    """Where a file can be cut; InputError where it cannot be opened."""
    scan = KeyFrameScan(path, threads=1, video_track=video_track)
    try:
        return scan.scan()
    except InputError:
        raise
    finally:
        scan.close()
