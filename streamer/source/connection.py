"""One connection to a camera, in a thread of its own."""

from __future__ import annotations

import threading
from collections import deque

from streamer.config.models import LiveConfig
from streamer.config.urls import redact
from streamer.errors import InputError
from streamer.process.clock import Clock
from streamer.process.memory import trim_heaps
from streamer.source.faults import SourceFault
from streamer.source.health import Health
from streamer.source.packet_activity import PacketActivity
from streamer.source.sleeper import CATCH_UP, CameraFrame, Sleeper, Sleeps, is_glimpse
from streamer.source.source import Reopening, StreamInfo
from streamer.types import Frame

_WAITING = 3  # queued frames of a camera: with one, a short delay would drop a frame though there is capacity


class Connection:
    """One connection: opens its source and queues its newest frames until it is abandoned."""

    def __init__(
        self,
        source: Reopening,
        condition: threading.Condition,
        health: Health,
        clock: Clock,
        activity: PacketActivity | None = None,
        longest_s: float = 0.0,
    ) -> None:
        """`activity`: what is known of the camera's packets, where it may sleep; `longest_s`: as Sleeper has it."""
        self.source, self._condition, self._health, self._clock = source, condition, health, clock
        self.sleeper: Sleeper | None = None
        if isinstance(source, Sleeps):  # also to None: a source may be opened again
            if activity is not None:
                self.sleeper = Sleeper(health, activity, self._room, clock.monotonic, longest_s)
            source.sleeper = self.sleeper
        self.info: StreamInfo | None = None
        self.waiting: deque[tuple[Frame, float]] = deque()  # with their arrival times, by the monotonic clock
        self.frozen = False
        self.taken = False  # whether `info` was handled
        self.over = False
        self.error: BaseException | None = None
        self.abandoned = False
        self.thread = threading.Thread(target=self._run, name="alpr-camera", daemon=True)
        self.thread.start()

    @property
    def has_update(self) -> bool:
        """Whether there is a frame, an end or an `info` that was not handled yet."""
        return bool(self.waiting) or self.over or (self.info is not None and not self.taken)

    def fault(self, over: bool) -> str | None:
        """Why the connection ended (`over`) or was abandoned, None for a regular end; raises an unexpected error."""
        if not over:
            return "frozen" if self.frozen else "silent" if self.taken else "no answer"
        if getattr(self.source, "frozen", False):
            return "frozen"
        if isinstance(self.error, InputError):
            if isinstance(self.error, SourceFault):
                return self.error.kind
            return "broken" if self.taken else "cannot be opened"
        if self.error is not None:
            raise self.error
        return None if self.source.finite else "ended"

    def describe(self, reason: str, config: LiveConfig) -> str:
        """The fault, without the address."""
        if reason == "silent":
            return f"no frame for {config.silence_s:.1f} s"
        if reason == "no answer":
            return f"no answer for {config.connect_s:.1f} s"
        if reason == "frozen":
            return f"the same picture for {config.frozen_s or 0:.0f} s"
        if reason == "ended":
            return "the stream ended"
        if isinstance(self.error, SourceFault):
            return self.error.reason
        return redact(str(self.error).removeprefix(f"{self.source.name}: "))

    def abandon(self) -> bool:
        """Ends it, or as soon as it wakes up; whether it has ended."""
        with self._condition:
            self.abandoned = True
            if self.sleeper is not None:
                self.sleeper.abandoned = True
            return self.over

    def _room(self) -> int:
        """How many more frames of a camera that catches up may be queued."""
        return CATCH_UP - len(self.waiting)

    def _put(self, frame: Frame) -> None:
        """Queues a frame; a slow consumer loses the oldest, but for those of a camera that catches up."""
        now = self._health.last = self._clock.monotonic()
        self._health.arrived += not isinstance(frame, CameraFrame)  # of those, packets are counted
        self.waiting.append((frame, frame.arrived if isinstance(frame, CameraFrame) else now))
        oldest = self.waiting[0][0]
        most = 2 * CATCH_UP if isinstance(oldest, CameraFrame) and oldest.late else _WAITING
        if len(self.waiting) > most:
            self.waiting.popleft()
            self._health.dropped += not is_glimpse(oldest)

    def _run(self) -> None:
        self._work()
        if self.abandoned:  # nothing else does before the next connection ends
            self.waiting.clear()
            trim_heaps()

    def _work(self) -> None:
        try:
            info = self.source.open()
            with self._condition:
                self.info = info
                self._condition.notify_all()
            for frame in self.source.frames():
                with self._condition:
                    if self.abandoned:
                        return
                    self._put(frame)
                    self._condition.notify_all()
        except SourceFault as error:
            self.error = SourceFault(str(error), error.kind, error.reason, error.url or error.path)
        except InputError as error:
            self.error = InputError(
                str(error), at=error.url or error.path
            )  # a new exception: the traceback of this one keeps pictures in memory
        except BaseException as error:  # a bug: raised in the watching thread
            self.error = error
        finally:
            self.source.close()
            with self._condition:
                self.over = True
                self._condition.notify_all()
