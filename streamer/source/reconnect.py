"""A camera's frames, whatever happens to the camera: connects, watches, abandons what hangs, and reconnects.

Each connection is a source of its own in a thread of its own (connection.py). PyAV's time-outs can hang, so the watch
is kept outside that thread: one that does not answer is abandoned (it closes its source whenever it wakes up) and
another begins.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import replace

from streamer.config.models import LiveConfig
from streamer.errors import InputError
from streamer.process.clock import Clock, SystemClock
from streamer.process.log import CameraLog
from streamer.process.memory import trim_heaps
from streamer.source.backoff import LOCKING, Backoff
from streamer.source.base import Reopening, StreamInfo
from streamer.source.connection import Connection
from streamer.source.faults import HOPELESS
from streamer.source.frozen import StillPicture
from streamer.source.health import Health
from streamer.types import Frame

_POLL_S = 0.1
_IDLE_S = 0.5  # of silence, between two signs that time goes on
_REMIND_S = 60.0  # between two warnings of an outage that lasts
_STEADY_S = 10.0  # a connection that lasted less counts as failed: one that breaks at once is not begun at once
_STEP_S = 1.0  # farther from the clock than this, the stream's own time stamps are laid anew
_GIVE_BACK_S = 30.0  # between two times that free memory goes back
_TRIES = 2  # of a refused password at the start, before a run of one camera ends
_MOST_HANGING = 8  # abandoned connections that have not woken up; with so many no other is begun


class LiveFeed:
    """Iterate over it for frames, and for None where time goes on without one.

    Frames are numbered on over all connections, `pts` counts seconds since the first one on a clock that only rises.
    `info` is of the first connection that answered. Ends when `stop` is set, when a finite stream ends, or, with
    `live.give_up_s`, by an InputError when the camera was away for so long. `name`: what the log calls it. `alone`:
    nothing else would go on, so that a fault which no waiting mends (a refused password, no such device) ends it before
    its first frame. `changed` is called, by the thread that iterates, when the camera was connected (True, "") and lost
    (False and the kind of fault, see faults.py).
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
    ) -> None:
        self._clock = clock or SystemClock()
        self._log, self._alone = CameraLog(name or _short(source.name)), alone
        self.health = Health(began=self._clock.monotonic())
        self.info: StreamInfo | None = None
        self._source, self._config, self._stop = source, config, stop
        self._bell = threading.Condition()
        self._hanging: list[Connection] = []
        self._backoff = Backoff(config)
        self._changed = changed
        self._state: tuple[bool, str] | None = None
        self._index = 0
        self._sign = self._clock.monotonic()  # when there was last a frame, or a sign that there is none
        self._gave_back = self._clock.monotonic()
        self._last_pts = -1e-3
        self._began: float | None = None  # by the clock, of the first frame
        self._shift: float | None = None  # from the connection's time stamps to the clock

    def __iter__(self) -> Iterator[Frame | None]:
        failures, away_since, warned, told, came = 0, self._clock.monotonic(), 0.0, False, False
        refusals = 0
        source = self._source
        self._log.info("connecting (time-out %g s)", self._config.connect_s)
        while not self._stop.is_set():
            began, connection = self._clock.monotonic(), Connection(source, self._bell, self.health, self._clock)
            seen, self._shift = False, None
            for frame in self._watch(connection):
                if frame is not None:
                    self.health.away = False
                    self._change(True)
                    if told and not seen:
                        self._log.warning("connected again")
                    seen, told, came = True, False, True
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
            if self._alone and not came and reason in HOPELESS and (reason not in LOCKING or refusals >= _TRIES):
                assert connection.error is not None
                raise connection.error
            pause = self._backoff.seconds(failures, reason, refusals, sure=came or not self._alone)
            if failures == 1 or now - warned >= _REMIND_S or refusals == 1:
                warned, told = now, True
                words = connection.in_words(reason, self._config)
                self._log.warning("reconnecting in %.1f s (%s)", pause, words)
            if self._config.give_up_s is not None:
                pause = min(pause, max(0.0, self._config.give_up_s - (now - away_since)))
            if self._config.give_up_s is not None and now - away_since >= self._config.give_up_s:
                away = f"away for {now - away_since:.0f} s ({reason})"
                raise InputError(f"{source.name}: {away}: check the camera and the network", at=source.name)
            yield from self._wait(pause)
            source = source.again()
            self.health.reconnects += 1

    def _watch(self, connection: Connection) -> Iterator[Frame | None]:
        """The frames of one connection until it is over, hangs, shows a still picture or is not wanted any more."""
        config, heard = self._config, self._clock.monotonic()
        still = StillPicture()
        while not self._stop.is_set():
            with self._bell:
                self._bell.wait_for(lambda: connection.news, timeout=_POLL_S)
                frame, came = connection.waiting.popleft() if connection.waiting else (None, 0.0)
                opened = connection.info is not None and not connection.taken
                connection.taken |= opened
                over = connection.over and frame is None
            now = self._clock.monotonic()
            heard = max(heard, getattr(connection.source, "heard", 0.0))  # an answer that was no new picture
            if opened:
                if self.info is None and connection.info is not None:
                    self._log.info("connected: %s", _described(connection.info))
                self.info, heard = self.info or connection.info, now
            if now - self._gave_back >= _GIVE_BACK_S:
                self._gave_back = now
                trim_heaps()
            if frame is not None:
                heard = self._sign = now
                frozen_s = still.after(frame, came)
                yield self._placed(frame, came)
                self.health.done(self._clock.monotonic() - came)
                if config.frozen_s is not None and frozen_s >= config.frozen_s:
                    connection.frozen = True
                    return
            elif over or now - heard >= (config.silence_s if connection.taken else config.connect_s):
                return
            elif self._signs(now):
                yield None

    def _signs(self, now: float) -> bool:
        """Whether it is time for a sign that time goes on."""
        due = now - self._sign >= _IDLE_S
        self._sign = now if due else self._sign
        return due

    def _placed(self, frame: Frame, came: float) -> Frame:
        """The frame with its number and second in the whole of the stream: by its time stamp, which is steadier than
        its arrival, as long as the two go together."""
        self._began = came if self._began is None else self._began
        if self._shift is None or abs(frame.pts + self._shift - came) > _STEP_S:
            self._shift = came - frame.pts
        pts = max(frame.pts + self._shift - self._began, self._last_pts + 1e-3)
        placed = replace(frame, index=self._index, pts=pts)
        self._index, self._last_pts = self._index + 1, pts
        return placed

    @property
    def now_s(self) -> float:
        """Seconds of the stream by now."""
        return 0.0 if self._began is None else max(self._clock.monotonic() - self._began, self._last_pts)

    def _end(self, connection: Connection) -> str | None:
        """Abandons the connection; why it ended, None where nothing is wrong."""
        with self._bell:
            connection.abandoned, over = True, connection.over
        if not over:
            self._hanging.append(connection)
        return connection.fault(over)

    def _change(self, up: bool, reason: str = "") -> None:
        """Reports the camera connected, or lost for another reason than before."""
        if self._state != (up, reason):
            self._state = up, reason
            self._changed(up, reason)

    def _wait(self, seconds: float) -> Iterator[None]:
        """Waits so long, and until enough of the abandoned connections have woken up."""
        until = self._clock.monotonic() + seconds
        while not self._clock.wait(self._stop, min(_POLL_S, max(0.001, until - self._clock.monotonic()))):
            now = self._clock.monotonic()
            if self._signs(now):
                yield None
            self._hanging = [c for c in self._hanging if not c.over]
            if now >= until and len(self._hanging) < _MOST_HANGING:
                return


def _short(name: str) -> str:
    """A name for the log of what has none but its address."""
    return name.partition("://")[2].removeprefix("***@") or name


def _described(info: StreamInfo) -> str:
    """Size, and rate where the camera declares one."""
    rate = f", {float(info.rate):.3g} frames/s" if info.rate else ""
    return f"{info.width}x{info.height}{rate}"
