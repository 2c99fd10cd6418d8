"""Decoding of a camera that sleeps: while nothing happens only its key pictures are decoded, each alone; packets since
the last one that showed nothing are kept, and decoded when it wakes up, so that no frame of an event is lost.

It wakes up where a key picture shows something (the thread that looks at frames decides) or where packets are unusually
large (packet_activity.py), which shows what passes between two key pictures.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, NamedTuple

from streamer.source.sleeper import CameraFrame, Sleeper
from streamer.source.slices import Slices
from streamer.source.turns import BEGIN, CATCH_UP, Turn, Turns
from streamer.types import Frame

if TYPE_CHECKING:
    import av

_MOST_BYTES = 16 << 20
_MOST_S = 20.0  # of kept packets, where the other thread does not answer
_INTRA = 0.5  # share of key pictures from which a stream counts as one of key pictures only
_COUNTED = 50  # packets in which that is decided
_AT_ONCE = 8  # late frames decoded between two packets, so that the camera is read on
_POLL_S = 0.005
_ALARM = 12  # frames after what woke the camera up that must show nothing before it falls asleep again


class Decoded(NamedTuple):
    """A decoded picture; `arrived` is None where the stream cannot sleep, the rest as in CameraFrame. `quiet_pts`: the
    time stamp up to which nothing happened."""

    frame: av.VideoFrame
    number: int = 0
    arrived: float | None = None
    glimpse: bool = False
    late: bool = False
    passed_over: int = 0
    quiet_pts: int | None = None


def camera_frame(frame: Frame, one: Decoded) -> CameraFrame:
    """The frame, with what is known of its packet."""
    assert one.arrived is not None
    return CameraFrame(
        **{f.name: getattr(frame, f.name) for f in fields(frame)},
        arrived=one.arrived,
        glimpse=one.glimpse,
        number=one.number,
        late=one.late,
        passed_over=one.passed_over,
    )


@dataclass(frozen=True, eq=False)
class _Held:
    packet: Any
    number: int
    arrived: float


class SleepingDecoder:
    """The frames of one connection, after the packets `begun` that gave its first one.

    `decode` returns the pictures of a packet (None: those the decoder still holds) and survives damage; `reset` makes
    the decoder forget what it had. `slices`: of the stream, None where packets have only sizes.
    """

    def __init__(
        self,
        sleeper: Sleeper,
        decode: Callable[[Any], list[av.VideoFrame]],
        reset: Callable[[], None],
        slices: Slices | None,
        begun: Sequence[Any],
        turns: tuple[Turns, Turns] = (CATCH_UP, BEGIN),
    ) -> None:
        """`turns`: to catch up and to begin."""
        self._sleeper, self._decode, self._reset, self._slices = sleeper, decode, reset, slices
        self._monotonic = sleeper.monotonic
        self._held: deque[_Held] = deque()  # from a key picture on
        self._key_numbers: deque[int] = deque()  # of the key pictures among them
        self._bytes = 0
        self._arrived: deque[float] = deque(maxlen=64)  # of the packets whose pictures have not come yet
        self._count = self._keys = 0  # packets so far, and key pictures among them
        self._coming = 1  # number of the next picture that comes out of the decoder
        self._emitted = 1  # pictures so far, with those that were passed over
        self._last_key: float | None = None  # seconds, as _seconds
        self._regular = False  # key pictures come often enough
        self._alarm = -1  # number of the last packet that may show something
        self._turn, self._beginning = (Turn(each, sleeper.monotonic) for each in turns)
        # With many cameras some sleep from the beginning: fewer of their frames are lost than if all were awake.
        self._early = not self._beginning.is_mine()
        for packet in begun:
            self._keep(packet, self._monotonic())
        self._next = self._count  # number of the next packet to decode

    def frames(self, packets: Iterable[Any]) -> Iterator[Decoded]:
        """Decodes them; ends with them, after what is still kept."""
        try:
            yield from self._frames(packets)
        finally:
            self._turn.end()
            self._beginning.end()

    def _frames(self, packets: Iterable[Any]) -> Iterator[Decoded]:
        yield from self._perhaps_sleep()
        for packet in packets:
            if packet is not None and packet.size:
                self._keep(packet, self._monotonic())
                yield from self._after(self._held[-1])
        if self._sleeper.asleep:
            self._forget_quiet()
            self._wake_up("end")
        while self._behind and not self._sleeper.abandoned:
            yield from self._catch_up()
            time.sleep(_POLL_S)
        for picture in self._decode(None):
            yield from self._numbered(picture, late=False)

    @property
    def _behind(self) -> int:
        """Kept packets that are still to be decoded."""
        return self._count - self._next

    def _keep(self, packet: Any, now: float) -> None:
        self._sleeper.health.last = now
        self._sleeper.health.arrived += 1
        self._held.append(_Held(packet, self._count, now))
        self._bytes += packet.size
        self._count += 1
        at = now if packet.pts is None else float(packet.pts * packet.time_base)
        since = None if self._last_key is None else at - self._last_key
        if packet.is_keyframe or since is None:
            self._regular = since is not None and 0 < since <= self._sleeper.longest_s
            self._last_key, self._keys = at, self._keys + 1
            if packet.is_keyframe:
                self._key_numbers.append(self._count - 1)
        elif since > self._sleeper.longest_s:
            self._sleeper.never(
                f"more than {self._sleeper.longest_s:g} s between its key frames: set it to one a second"
            )
        if self._keys > _INTRA * _COUNTED and self._keys > _INTRA * self._count:
            self._sleeper.never("its video has key frames only: set it to H.264 or H.265")

    def _after(self, held: _Held) -> Iterator[Decoded]:
        sleeper, packet = self._sleeper, held.packet
        unusual = not sleeper.off and self._is_unusual(packet)
        if unusual:
            self._alarm = held.number
        if sleeper.asleep:
            self._forget_quiet()
            if reason := sleeper.called or ("packets" if unusual else "") or ("off" if sleeper.off else self._full()):
                self._wake_up(reason)
            elif packet.is_keyframe:
                yield from self._glimpse(held)
        if sleeper.asleep:
            return
        yield from self._catch_up()
        yield from self._perhaps_sleep()

    def _perhaps_sleep(self) -> Iterator[Decoded]:
        """Falls asleep where nothing happens; the pictures are those to be looked at meanwhile."""
        sleeper = self._sleeper
        self._forget_decoded()
        known = self._regular and self._count >= _COUNTED and sleeper.may_sleep
        if self._held[0].packet.is_keyframe and (
            not self._behind if self._early else known and (not self._behind or self._was_nothing)
        ):
            # Pictures that the decoder still holds, from before what is kept, are not waited for.
            sleeper.health.slept += max(0, self._held[0].number - self._emitted)
            sleeper.fall_asleep()
            self._early = False
            self._turn.end()
            self._beginning.end()
            for key in [h for h in self._held if h.number >= self._next and h.packet.is_keyframe]:
                yield from self._glimpse(key)

    @property
    def _was_nothing(self) -> bool:
        """Whether a camera that still catches up has shown nothing of what woke it up: the rest of what is kept is
        then as quiet as if it had slept on. Where the machine has much to do, a false alarm costs little that way."""
        seen = self._sleeper.seen
        return seen >= self._alarm + _ALARM and seen >= self._emitted - 1

    def _is_unusual(self, packet: Any) -> bool:
        sleeper = self._sleeper
        first = None if self._slices is None else self._slices.first(bytes(packet))
        return sleeper.activity.add(
            packet.size, first, key=packet.is_keyframe, learn=sleeper.learns, fast=not sleeper.asleep
        )

    def _glimpse(self, held: _Held) -> Iterator[Decoded]:
        """Decodes a key picture alone."""
        self._reset()
        pictures = self._decode(held.packet) or self._decode(None)
        self._reset()
        if pictures:
            quiet = self._held[0].packet.pts
            over = held.number - self._emitted
            yield Decoded(pictures[0], held.number, held.arrived, glimpse=True, passed_over=over, quiet_pts=quiet)
        else:  # damaged: the other thread must not wait for it
            self._sleeper.judge(held.number, "")

    def _wake_up(self, reason: str) -> None:
        """Goes back to the first kept packet, a key picture."""
        if reason not in ("packets", "end"):
            self._alarm = max(self._alarm, *self._key_numbers, -1)
        self._reset()
        self._arrived.clear()
        self._sleeper.wake_up(reason, self._count - 1)
        self._next = self._coming = self._held[0].number

    def _catch_up(self) -> Iterator[Decoded]:
        """Decodes what is kept: all of it, or as much as there is room for."""
        late = self._behind > 1
        if late and self._full():
            self._skip()
        if not late:
            self._turn.end()
        elif not self._turn.is_mine():
            return
        done = 0
        while self._behind and (not late or (done < _AT_ONCE and self._sleeper.room() > 0)):
            held = self._held[self._next - self._held[0].number]
            self._next += 1
            self._arrived.append(held.arrived)
            for picture in self._decode(held.packet):
                done += held.number >= self._emitted
                yield from self._numbered(picture, late)

    def _numbered(self, picture: av.VideoFrame, late: bool) -> Iterator[Decoded]:
        """A picture in presentation order; nothing for one that came before the camera slept."""
        number, self._coming = self._coming, self._coming + 1
        arrived = self._arrived.popleft() if self._arrived else self._monotonic()
        if number < self._emitted:
            return
        passed_over, self._emitted = number - self._emitted, number + 1
        yield Decoded(picture, number, arrived, late=late, passed_over=passed_over)

    def _forget_decoded(self) -> None:
        """Lets go of the packets before the last decoded key picture, or of all where they will not be needed."""
        off = bool(self._sleeper.off)
        while self._key_numbers and (off or (len(self._key_numbers) > 1 and self._key_numbers[1] < self._next)):
            self._key_numbers.popleft()
        first = self._key_numbers[0] if self._key_numbers else self._next
        while len(self._held) > 1 and self._held[0].number < min(first, self._next):
            self._drop_first()

    def _forget_quiet(self) -> None:
        """Lets go of the packets before the last key picture that showed nothing."""
        quiet = self._sleeper.quiet
        while self._held[0].number < quiet:
            if self._held[0].number >= self._emitted:
                self._sleeper.health.slept += 1
            self._drop_first()

    def _drop_first(self) -> None:
        first = self._held.popleft()
        self._bytes -= first.packet.size
        if self._key_numbers and self._key_numbers[0] <= first.number:
            self._key_numbers.popleft()

    def _full(self) -> str:
        """Why no more can be kept, "" where it can."""
        long = self._held[-1].arrived - self._held[0].arrived > _MOST_S
        return "full" if long or self._bytes > _MOST_BYTES else ""

    def _skip(self) -> None:
        """Gives up catching up: goes on at the newest key picture, if it has not been decoded."""
        newest = max((h.number for h in self._held if h.packet.is_keyframe), default=0)
        if newest <= self._next:
            return
        self._sleeper.health.dropped += newest - self._next
        while self._held[0].number < newest:
            self._drop_first()
        self._reset()
        self._arrived.clear()
        self._next = self._coming = newest
