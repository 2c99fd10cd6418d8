"""A camera that sleeps: what the thread that decodes it and the one that watches it tell each other."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from streamer.source.health import Health
from streamer.source.packet_activity import PacketActivity
from streamer.types import Frame

# The longest interval between key frames (s), by `live.sleep`: with a longer one what passes within less than a second,
# between two of them, may go unnoticed (docs/streams.md).
LONGEST_S = {"auto": 1.25, "always": 5.0}
CATCH_UP = 12  # frames that wait while a camera that woke up catches up: more are decoded as they are taken


@dataclass(frozen=True, eq=False)
class CameraFrame(Frame):
    """A frame of a camera that may sleep.

    `arrived`: when its packet came, by the monotonic clock. `glimpse`: a key picture decoded alone while the camera
    sleeps, which is no frame of the stream; `number` names it to `Sleeper.judge`. `late`: from before the camera woke
    up, not to be dropped. `passed_over`: frames between the last one that was no glimpse
    and this one.
    """

    arrived: float = 0.0
    glimpse: bool = False
    number: int = 0
    late: bool = False
    passed_over: int = 0


def is_glimpse(frame: Frame) -> bool:
    """Whether it is no frame of the stream."""
    return isinstance(frame, CameraFrame) and frame.glimpse


@runtime_checkable
class Sleeps(Protocol):
    """A source that leaves frames undecoded while its sleeper says so."""

    sleeper: Sleeper | None


class Sleeper:
    """One connection's sleep. `rest`, `judge` and `confirm` are called by the thread that looks at the frames, the rest
    by the one that decodes. `room`: how many more frames may wait for the former; `longest_s`: see
    LONGEST_S."""

    def __init__(
        self,
        health: Health,
        activity: PacketActivity,
        room: Callable[[], int],
        monotonic: Callable[[], float] = time.monotonic,
        longest_s: float = LONGEST_S["always"],
    ) -> None:
        self.longest_s = longest_s
        self.health, self.activity, self.room, self.monotonic = health, activity, room, monotonic
        self.off = ""  # why this camera never sleeps
        self.woke_at = -1  # number of the newest packet when it woke up
        self.abandoned = False
        self.begin()

    def begin(self) -> None:
        """Packets are counted from 0 from now on."""
        self.asleep = self.health.asleep = self._rests = self._learns = False
        self._wake = self._reason = ""
        self._quiet = self._seen = self.woke_at = -1

    def rest(self, may_sleep: bool, learns: bool, number: int = -1) -> None:
        """After the frame of that number: whether nothing has happened for long enough to sleep, and whether nothing
        happens now, so that packets set the band of quiet ones."""
        self._rests, self._learns, self._seen = may_sleep, learns, number

    def judge(self, number: int, wake: str) -> None:
        """What a glimpse showed: a reason to wake up, "" for none."""
        if wake:
            self._wake = wake
        else:
            self._quiet = max(self._quiet, number)

    def take_reason(self) -> str:
        """Why it woke up last, once."""
        reason, self._reason = self._reason, ""
        return reason

    @property
    def may_sleep(self) -> bool:
        return self._rests and not self.off

    @property
    def seen(self) -> int:
        """The number of the last frame that `rest` was told of."""
        return self._seen

    @property
    def learns(self) -> bool:
        """Whether packets set the band of quiet ones."""
        return self.asleep or self._learns

    @property
    def quiet(self) -> int:
        """The number of the last glimpse that showed nothing."""
        return self._quiet

    @property
    def called(self) -> str:
        """The reason to wake up that a glimpse gave."""
        return self._wake

    def fall_asleep(self) -> None:
        self._wake = ""  # an answer that came too late
        self.asleep = self.health.asleep = True

    def wake_up(self, reason: str, number: int) -> None:
        """For what the packet of that number, or one before it, showed."""
        self.woke_at = number
        self.asleep = self.health.asleep = self._rests = False
        self._wake, self._reason = "", reason
        self.health.wakes[reason] = self.health.wakes.get(reason, 0) + 1

    def never(self, reason: str) -> None:
        """This camera cannot sleep, and why."""
        self.off = self.off or reason
        self.health.sleepless = self.off
