"""A camera's frames through all faults: connects, watches each connection, abandons one that hangs, and reconnects.

Each connection has a source and a thread of its own (connection.py). PyAV may hang beyond its time-outs, so connections
are watched from outside that thread: one that does not answer is abandoned (it closes its source once it wakes up) and
replaced.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import replace

from streamer.config.models import LiveConfig
from streamer.errors import InputError
from streamer.process.camera_log import CameraLog
from streamer.process.clock import Clock, SystemClock
from streamer.process.memory import trim_heaps
from streamer.source.backoff import LOCKING, Backoff
from streamer.source.connection import Connection
from streamer.source.faults import PERMANENT
from streamer.source.frozen import StillPicture
from streamer.source.health import Health
from streamer.source.packet_activity import PacketActivity
from streamer.source.sleeper import LONGEST_S, CameraFrame, Sleeper, is_glimpse
from streamer.source.source import Reopening, StreamInfo
from streamer.types import Frame

_POLL_S = 0.1
_IDLE_S = 0.5  # without a frame, the interval at which None is yielded
_REMIND_S = 60.0  # between two warnings of one outage
_STEADY_S = 10.0  # a shorter connection counts as failed, so that the wait grows
_STEP_S = 1.0  # time stamps that differ from the clock by more are shifted anew
_TRIM_S = 30.0  # between two returns of free memory to the system
_TRIES = 2  # with a refused password at the start, before a run of one camera ends
_MOST_HANGING = 8  # abandoned connections that have not ended; with this many no other is started


class LiveFeed:
    """Iterate over it for frames, and for None at intervals without one.

    Frames are numbered over all connections; `pts` counts seconds since the first one and only rises. `info` is that of
    the first connection that answered. Ends when `stop` is set, when a finite stream ends, or, with `live.give_up_s`,
    by an InputError when the camera was lost for that long. `name`: its name in the log. `alone`: it is the run's only
    stream, so that a permanent fault (a refused password, no such device) ends it before its first frame. `changed` is
    called, by the thread that iterates, when the camera was connected (True, "") and lost (False and the kind of fault,
    see faults.py). `sleeps`: the camera may sleep, as `sleeper` (of the present connection) is told.
    """

    def __init__(
        self,
        source: Reopening,
        config: LiveConfig,
        stop: threading.Event,
        *,
        name: str | None = None,
        alone: bool = False,
        clock: Clock | None = None,
        changed: Callable[[bool, str], None] = lambda up, reason: None,
        sleeps: bool = False,
    ) -> None:
        self._clock = clock or SystemClock()
        self._log, self._alone = CameraLog(name or _short(source.name)), alone
        self.health = Health(began=self._clock.monotonic())
        self.info: StreamInfo | None = None
        self._source, self._config, self._stop = source, config, stop
        self._condition = threading.Condition()
        self.sleeper: Sleeper | None = None
        self._activity = PacketActivity() if sleeps and config.sleep != "never" else None
        self._hanging: list[Connection] = []
        self._backoff = Backoff(config)
        self._changed = changed
        self._state: tuple[bool, str] | None = None
        self._index = 0
        self._yielded = self._clock.monotonic()  # when a frame or None was last yielded
        self._trimmed = self._clock.monotonic()
        self._last_pts = -1e-3
        self._sleepless = False  # whether it was logged that the camera cannot sleep
        self._began: float | None = None  # by the clock, of the first frame
        self._shift: float | None = None  # from the connection's time stamps to the clock

    def __iter__(self) -> Iterator[Frame | None]:
        failures, away_since, warned_at, warned, came = 0, self._clock.monotonic(), 0.0, False, False
        refusals = 0
        source = self._source
        self._log.info("connecting (time-out %g s)", self._config.connect_s)
        while not self._stop.is_set():
            began = self._clock.monotonic()
            longest_s = LONGEST_S.get(self._config.sleep, 0.0)
            connection = Connection(source, self._condition, self.health, self._clock, self._activity, longest_s)
            self.sleeper = connection.sleeper
            seen, self._shift = False, None
            for frame in self._watch(connection):
                if frame is not None:
                    self.health.away = False
                    self._change(True)
                    if warned and not seen:
                        self._log.warning("connected again")
                    seen, warned, came = True, False, True
                yield frame
            reason = self._end(connection)
            self.health.away = True
            trim_heaps()
            if reason is None or self._stop.is_set():
                return
            self._change(False, reason)
            now = self._clock.monotonic()
            away_since = now if seen else away_since
            failures = 1 if seen and now - began >= _STEADY_S else failures + 1
            self.health.faults[reason] = self.health.faults.get(reason, 0) + 1
            refusals = refusals + 1 if reason in LOCKING else 0
            if self._alone and not came and reason in PERMANENT and (reason not in LOCKING or refusals >= _TRIES):
                assert connection.error is not None
                raise connection.error
            pause = self._backoff.seconds(failures, reason, refusals, sure=came or not self._alone)
            if failures == 1 or now - warned_at >= _REMIND_S or refusals == 1:
                warned_at, warned = now, True
                fault = connection.describe(reason, self._config)
                self._log.warning("reconnecting in %.1f s (%s)", pause, fault)
            if self._config.give_up_s is not None:
                pause = min(pause, max(0.0, self._config.give_up_s - (now - away_since)))
            if self._config.give_up_s is not None and now - away_since >= self._config.give_up_s:
                away = f"away for {now - away_since:.0f} s ({reason})"
                raise InputError(f"{source.name}: {away}: check the camera and the network", at=source.name)
            yield from self._wait(pause)
            source = source.again()
            self.health.reconnects += 1

    def _watch(self, connection: Connection) -> Iterator[Frame | None]:
        """The frames of one connection until it ends, hangs or is frozen, or the run is stopped."""
        config, heard = self._config, self._clock.monotonic()
        still = StillPicture()
        while not self._stop.is_set():
            with self._condition:
                self._condition.wait_for(lambda: connection.has_update, timeout=_POLL_S)
                frame, came = connection.waiting.popleft() if connection.waiting else (None, 0.0)
                opened = connection.info is not None and not connection.taken
                connection.taken |= opened
                over = connection.over and frame is None
            now = self._clock.monotonic()
            heard = max(heard, getattr(connection.source, "heard", 0.0))  # also an answer without a new picture
            if connection.sleeper is not None and connection.taken:
                heard = max(heard, self.health.last or 0.0)  # also a packet that is not decoded
            if opened:
                if self.info is None and connection.info is not None:
                    self._log.info("connected: %s", _described(connection.info))
                self.info, heard = self.info or connection.info, now
            if self.health.sleepless and not self._sleepless:
                self._sleepless = True
                self._log.info("every frame is decoded: it cannot sleep (%s)", self.health.sleepless)
            if now - self._trimmed >= _TRIM_S:
                self._trimmed = now
                trim_heaps()
            if frame is not None:
                heard = self._yielded = now
                frozen_s = still.after(frame, came)
                yield self._placed(frame, came)
                if not is_glimpse(frame):
                    self.health.done(self._clock.monotonic() - came, late=isinstance(frame, CameraFrame) and frame.late)
                if config.frozen_s is not None and frozen_s >= config.frozen_s:
                    connection.frozen = True
                    return
            elif over or now - heard >= (config.silence_s if connection.taken else config.connect_s):
                return
            elif self._is_idle(now):
                yield None

    def _is_idle(self, now: float) -> bool:
        """Whether it is time to yield None."""
        due = now - self._yielded >= _IDLE_S
        self._yielded = now if due else self._yielded
        return due

    def _placed(self, frame: Frame, came: float) -> Frame:
        """The frame with its index and time in the stream. The time follows the frame's time stamp, which is steadier
        than its arrival, as long as the two agree."""
        self._began = came if self._began is None else self._began
        if self._shift is None or abs(frame.pts + self._shift - came) > _STEP_S:
            self._shift = came - frame.pts
        pts = max(frame.pts + self._shift - self._began, self._last_pts + 1e-3)
        index = self._index + (frame.passed_over if isinstance(frame, CameraFrame) else 0)
        if not is_glimpse(frame):
            self._index, self._last_pts = index + 1, pts
        return replace(frame, index=index, pts=pts)

    @property
    def now_s(self) -> float:
        """The current time in the stream, seconds."""
        return 0.0 if self._began is None else max(self._clock.monotonic() - self._began, self._last_pts)

    def _end(self, connection: Connection) -> str | None:
        """Abandons the connection; returns why it ended, None for a regular end."""
        self.health.asleep = False
        over = connection.abandon()
        if not over:
            self._hanging.append(connection)
        return connection.fault(over)

    def _change(self, up: bool, reason: str = "") -> None:
        """Calls `changed` where the camera was connected, or lost for another reason than before."""
        if self._state != (up, reason):
            self._state = up, reason
            self._changed(up, reason)

    def _wait(self, seconds: float) -> Iterator[None]:
        """Waits for that time, and until enough of the abandoned connections have ended."""
        until = self._clock.monotonic() + seconds
        while not self._clock.wait(self._stop, min(_POLL_S, max(0.001, until - self._clock.monotonic()))):
            now = self._clock.monotonic()
            if self._is_idle(now):
                yield None
            self._hanging = [c for c in self._hanging if not c.over]
            if now >= until and len(self._hanging) < _MOST_HANGING:
                return


def _short(name: str) -> str:
    """A name for the log, made from an address."""
    return name.partition("://")[2].removeprefix("***@") or name


def _described(info: StreamInfo) -> str:
    """Size, and rate where the camera declares one."""
    rate = f", {float(info.rate):.3g} frames/s" if info.rate else ""
    return f"{info.width}x{info.height}{rate}"
