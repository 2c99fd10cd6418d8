"""A stream's decoder on hardware, which falls back to the CPU's without losing a frame."""

from __future__ import annotations

import logging
from collections import deque
from typing import TYPE_CHECKING, Any

from streamer.image.planes import frame_orientation
from streamer.source.damage import damage
from streamer.source.hardware import Devices, Unusable, context_for

if TYPE_CHECKING:
    import av

_log = logging.getLogger(__name__)
_LEAST_KEPT, _MOST_KEPT = 32, 1500  # packets
_MOST_BYTES = 32_000_000  # of kept packets: keyframes two minutes apart at 2 Mbit/s
_SILENT = 64  # packets without a picture
_MOST_FAILED = 3  # damaged packets in a row; the CPU then says whether they are
_told: set[tuple[str, str]] = set()


def decoder_of(stream: Any, decode: str, name: str, devices: Devices | None = None) -> Any:
    """What decodes the stream's packets (`decode`, `flush_buffers`): its own decoder on the CPU, or with `decode` other
    than "cpu" one on hardware. Where that is not possible, one log line of each source says why."""
    software = stream.codec_context
    if decode == "cpu":
        return software
    try:
        kind, hardware = context_for(decode, software.codec.canonical_name, software.extradata, devices)
    except Unusable as error:
        _tell(logging.WARNING, name, f"decode {decode}: {error}: it is decoded on the CPU")
        return software
    return HardwareDecoder(software, hardware, kind, name)


def _tell(level: int, name: str, text: str) -> None:
    """Logs it once for each source: a camera is opened again after every fault."""
    if (name, text) not in _told:
        _told.add((name, text))
        _log.log(level, "%s: %s", name, text)


class HardwareDecoder:
    """Decodes packets as a codec context of PyAV does.

    The stream's first picture comes from the CPU: its orientation is stored beside the stream, where a decoder that was
    made apart does not see it, so a turned video stays on the CPU. Packets are kept back to the keyframe before the
    last one. If the hardware fails, the CPU decodes those again, and only pictures that were not handed out yet follow.
    """

    def __init__(self, software: Any, hardware: Any, kind: str, name: str) -> None:
        self._software, self._kind, self._name = software, kind, name
        self._hardware: Any = hardware  # None after it has failed
        self._kept: deque[av.Packet[Any]] = deque()
        self._bytes = 0
        self._keys = 0  # keyframes among the kept
        self._started = False  # whether the hardware has the stream
        self._came = 0  # pictures from the hardware
        self._since = 0  # packets since its last one
        self._failed = 0  # damaged packets in a row
        self._last: int | None = None  # time stamp of the last picture handed out
        self._again = 0  # pictures at most that the CPU may decode again (its threads are late by some)

    @property
    def kind(self) -> str:
        """Where it decodes just now."""
        return "cpu" if self._hardware is None else self._kind

    def decode(self, packet: av.Packet[Any] | None = None) -> list[av.VideoFrame]:
        """The pictures that follow from a packet; None or an empty packet for those that are left at the end."""
        if self._hardware is None:
            return self._of_software(packet)
        if packet is not None and packet.size:
            self._keep(packet)
        if not self._started:
            return self._first(packet)
        return self._of_hardware(packet)

    def flush_buffers(self) -> None:
        """Forgets what was decoded so far: the next packet comes from another place of the stream."""
        self._software.flush_buffers()
        if self._hardware is not None:
            self._hardware.flush_buffers()
        self._forget()
        self._last, self._since, self._again = None, 0, 0

    def _of_software(self, packet: av.Packet[Any] | None) -> list[av.VideoFrame]:
        frames: list[av.VideoFrame] = self._software.decode(packet)
        if self._again and self._last is not None:
            fresh = [f for f in frames if f.pts is None or f.pts > self._last]
            self._again = 0 if fresh else self._again - len(frames)
            return fresh
        return frames

    def _first(self, packet: av.Packet[Any] | None) -> list[av.VideoFrame]:
        """Waits for the first picture of the CPU, then gives the hardware all packets from the beginning."""
        try:
            frames = self._of_software(packet)
        except damage():
            if packet is not None and packet.size:  # as where the stream begins between keyframes
                self._kept.pop()
            raise
        if packet is None or not packet.size:  # it ends already
            return frames
        if not frames:
            return []
        if frame_orientation(frames[0]):
            self._give_up("the video is stored turned, which only the CPU's decoder sees")
            return frames
        self._software.flush_buffers()
        self._started = True
        return [frame for kept in list(self._kept) for frame in self._of_hardware(kept, len(self._kept))]

    def _of_hardware(self, packet: av.Packet[Any] | None, before: int = 0) -> list[av.VideoFrame]:
        """`before`: packets that the hardware was late by from the beginning."""
        import av

        if self._hardware is None:  # failed at one of several packets; the CPU had them all
            return []
        try:
            frames: list[av.VideoFrame] = self._hardware.decode(packet)
        except av.error.EOFError:
            raise
        except damage() as error:
            self._failed += 1
            if self._came and self._failed < _MOST_FAILED:
                raise  # a damaged packet, as on the CPU
            return self._fall_back(str(error.strerror or error), packet)
        except (av.FFmpegError, OSError, RuntimeError, ValueError) as error:
            return self._fall_back(str(getattr(error, "strerror", None) or error or type(error).__name__), packet)
        self._failed = 0
        self._since = 0 if frames else self._since + 1
        if not self._came and self._since >= _SILENT + before:
            return self._fall_back(f"no picture came of {self._since} packets", packet)
        if frames:
            if not self._came:
                _tell(logging.INFO, self._name, f"decoded by {self._kind}")
            self._came += len(frames)
            self._last = frames[-1].pts
        return frames

    def _fall_back(self, reason: str, packet: av.Packet[Any] | None) -> list[av.VideoFrame]:
        """The pictures of the kept packets that were not handed out yet, from the CPU."""
        kept: list[av.Packet[Any] | None] = list(self._kept)
        if packet is None or not packet.size:
            kept.append(packet)
        lost = self._came and self._last is None
        self._give_up(reason)
        self._software.flush_buffers()
        if lost:  # without time stamps, which of them were handed out is not known
            return []
        self._again = len(kept)
        frames = []
        for one in kept:
            try:
                frames += self._of_software(one)
            except damage():
                continue  # as the stream begins in the middle, or a packet is damaged
        return frames

    def _give_up(self, reason: str) -> None:
        _tell(logging.WARNING, self._name, f"decode {self._kind}: {reason}: it is decoded on the CPU")
        self._hardware = None
        self._forget()

    def _keep(self, packet: av.Packet[Any]) -> None:
        self._kept.append(packet)
        self._bytes += packet.size
        self._keys += packet.is_keyframe
        while self._came and (
            len(self._kept) > _MOST_KEPT
            or self._bytes > _MOST_BYTES
            or (len(self._kept) > _LEAST_KEPT and self._keys - self._kept[0].is_keyframe >= 2)
        ):
            first = self._kept.popleft()
            self._bytes -= first.size
            self._keys -= first.is_keyframe

    def _forget(self) -> None:
        self._kept.clear()
        self._bytes = self._keys = 0
