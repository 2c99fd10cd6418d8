"""A camera's frames, whatever happens to the camera: connects, watches, gives up on what hangs, and connects anew.

Each connection is a source of its own in a thread of its own. PyAV's time-outs can hang, so the watch is kept outside
that thread: one that does not answer is left behind (it closes its source whenever it wakes up) and another begins.
"""

from __future__ import annotations

import bisect
import itertools
import logging
import random
import threading
import time
import zlib
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Protocol, runtime_checkable

import numpy as np

from streamer.config.models import LiveConfig
from streamer.config.urls import redact
from streamer.errors import InputError
from streamer.process.memory import give_back
from streamer.source.base import Source, StreamInfo
from streamer.source.faults import HOPELESS, SourceFault
from streamer.types import Frame, Image

_log = logging.getLogger(__name__)

_POLL_S = 0.1
_IDLE_S = 0.5  # of silence, between two signs that time goes on
_FIRST_WAIT_S = 0.25  # before the second attempt; doubled from then on, up to live.backoff_s
_JITTER = 0.3  # of the wait, so that a site's cameras do not knock all at once
_REMIND_S = 60.0  # between two warnings of an outage that lasts
_STEADY_S = 10.0  # a connection that lasted less counts as failed: one that breaks at once is not begun at once
_STEP_S = 1.0  # farther from the clock than this, the stream's own time stamps are laid anew
_FROZEN_FRAMES = 10  # without a new picture, at least: few pictures a second are no fault
_FORMS = 300  # in which a coder may show one picture
_SQUARE, _ALIKE = 4, 6.0  # samples, grey levels: what moves changes some square's mean by more than a coder does
_WAITING = 3  # frames of a camera that may wait: with one, a moment's delay would cost a frame on a machine with room
_GIVE_BACK_S = 30.0  # between two times that free memory goes back
_DELAYS = 3000  # frames whose delay is kept: two minutes
_BOUNDS_S = 0.005, 0.01, 0.02, 0.035, 0.05, 0.075, 0.1, 0.15, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0  # of the histogram
_SPARSE = 8  # every so manieth row and column tells whether a picture is another one
_LOCKING = frozenset({"unauthorized", "forbidden"})  # cameras lock the account of who tries on
_TRIES = 2  # of a refused password at the start, before a run of one camera ends
_SECOND_TRY_S = 2.0  # a camera that is starting may refuse a good one
_MOST_DOUBLINGS = 3
# How many times longer than live.backoff_s the wait may become, where a person must do something.
_PATIENCE = {"not found": 15.0, "bad request": 15.0, "unknown scheme": 150.0, "no device": 5.0, "no permission": 15.0}
_PATIENCE |= {"unknown host": 5.0, "server error": 2.0}
_MOST_HANGING = 8  # connections left behind that have not woken up; with so many no other is begun


@runtime_checkable
class Reopening(Source, Protocol):
    """A source that can be opened again after it broke."""

    def again(self) -> Reopening:
        """A fresh source of the same address."""

    @property
    def finite(self) -> bool:
        """Whether its end is an end and no fault; known once it was opened."""


class Histogram:
    """How many values are at most so large, for each bound."""

    def __init__(self) -> None:
        self._counts = [0] * (len(_BOUNDS_S) + 1)
        self._sum = 0.0

    def add(self, value: float) -> None:
        self._counts[bisect.bisect_left(_BOUNDS_S, value)] += 1
        self._sum += value

    def read(self) -> tuple[list[tuple[str, float]], float]:
        """Counts up to each bound, as Prometheus wants them, and the sum of all values."""
        bounds = [*map(str, _BOUNDS_S), "+Inf"]
        return list(zip(bounds, map(float, itertools.accumulate(self._counts)), strict=True)), self._sum


@dataclass
class Health:
    """What became of a camera: frames thrown away to keep up, connections made after the first, faults by kind. `last`:
    when the last frame came, by the monotonic clock; `taken`: frames that were worked on; `delays`: how old the last of
    them were when they were done, in seconds since they came, and `histogram` of all; `began`: when watching did;
    `away`: whether it is being connected anew."""

    dropped: int = 0
    reconnects: int = 0
    faults: dict[str, int] = field(default_factory=dict)
    last: float | None = None
    began: float = field(default_factory=time.monotonic)
    away: bool = False
    histogram: Histogram = field(default_factory=Histogram)
    taken: int = 0
    delays: deque[float] = field(default_factory=lambda: deque(maxlen=_DELAYS))


class _Connection:
    """One attempt: opens its source and hands over its newest frames until somebody gives up on it."""

    def __init__(self, source: Reopening, bell: threading.Condition, health: Health) -> None:
        self.source, self._bell, self._health = source, bell, health
        self.info: StreamInfo | None = None
        self.waiting: deque[tuple[Frame, float]] = deque()  # with when each came, by the monotonic clock
        self.frozen = False
        self.taken = False  # whether `info` was seen
        self.over = False
        self.error: BaseException | None = None
        self.given_up = False
        self.thread = threading.Thread(target=self._run, name="alpr-camera", daemon=True)
        self.thread.start()

    def _run(self) -> None:
        self._work()
        if self.given_up:  # nobody else will, before the next connection ends
            self.waiting.clear()
            give_back()

    def _work(self) -> None:
        try:
            info = self.source.open()
            with self._bell:
                self.info = info
                self._bell.notify_all()
            for frame in self.source.frames():
                with self._bell:
                    if self.given_up:
                        return
                    self._health.last = time.monotonic()
                    self.waiting.append((frame, self._health.last))
                    if len(self.waiting) > _WAITING:  # the newest win
                        self.waiting.popleft()
                        self._health.dropped += 1
                    self._bell.notify_all()
        except SourceFault as error:
            self.error = SourceFault(str(error), error.kind, error.reason)
        except InputError as error:
            self.error = InputError(str(error))  # without the pictures that its traceback holds, and itself with them
        except BaseException as error:  # a bug, which is raised in the watching thread
            self.error = error
        finally:
            self.source.close()
            with self._bell:
                self.over = True
                self._bell.notify_all()


class LiveFeed:
    """Iterate over it for frames, and for None where time goes on without one.

    Frames are numbered on over all connections, `pts` counts seconds since the first one on a clock that only rises.
    `info` is of the first connection that answered. Ends when `stop` is set, when a finite stream ends, or, with
    `live.give_up_s`, by an InputError when the camera was away for so long. `name`: what the log calls it. `alone`:
    nothing else would go on, so that a fault which no waiting mends (a refused password, no such device) ends it before
    its first frame.
    """

    def __init__(
        self,
        source: Reopening,
        config: LiveConfig,
        stop: threading.Event,
        *,
        name: str | None = None,
        alone: bool = False,
    ) -> None:
        self._name, self._alone = name or _short(source.name), alone
        self.health = Health()
        self.info: StreamInfo | None = None
        self._source, self._config, self._stop = source, config, stop
        self._bell = threading.Condition()
        self._hanging: list[_Connection] = []
        self._random = random.Random()
        self._index = 0
        self._sign = time.monotonic()  # when there was last a frame, or a sign that there is none
        self._gave_back = time.monotonic()
        self._last_pts = -1e-3
        self._began: float | None = None  # by the clock, of the first frame
        self._shift: float | None = None  # from the connection's time stamps to the clock

    def __iter__(self) -> Iterator[Frame | None]:
        failures, away_since, warned, told, came = 0, time.monotonic(), 0.0, False, False
        refusals = 0
        source = self._source
        while not self._stop.is_set():
            began, connection = time.monotonic(), _Connection(source, self._bell, self.health)
            seen, self._shift = False, None
            for frame in self._watch(connection):
                if frame is not None:
                    self.health.away = False
                    if told and not seen:
                        _log.warning("camera=%s connected again", self._name)
                    seen, told, came = True, False, True
                yield frame
            reason = self._end(connection)
            self.health.away = True
            give_back()
            if reason is None or self._stop.is_set():
                return
            now = time.monotonic()
            away_since = now if seen else away_since
            failures = 1 if seen and now - began >= _STEADY_S else failures + 1
            self.health.faults[reason] = self.health.faults.get(reason, 0) + 1
            refusals = refusals + 1 if reason in _LOCKING else 0
            if self._alone and not came and reason in HOPELESS and (reason not in _LOCKING or refusals >= _TRIES):
                assert connection.error is not None
                raise connection.error
            pause = self._pause(failures, reason, refusals, sure=came or not self._alone)
            if failures == 1 or now - warned >= _REMIND_S or refusals == 1:
                warned, told = now, True
                _log.warning(
                    "camera=%s reconnecting in %.1f s (%s)", self._name, pause, self._in_words(connection, reason)
                )
            if self._config.give_up_s is not None:
                pause = min(pause, max(0.0, self._config.give_up_s - (now - away_since)))
            if self._config.give_up_s is not None and now - away_since >= self._config.give_up_s:
                away = f"away for {now - away_since:.0f} s ({reason})"
                raise InputError(f"{source.name}: {away}: check the camera and the network")
            yield from self._wait(pause)
            source = source.again()
            self.health.reconnects += 1

    def _watch(self, connection: _Connection) -> Iterator[Frame | None]:
        """The frames of one connection until it is over, hangs, shows a still picture or is not wanted any more."""
        config, heard = self._config, time.monotonic()
        still = _Still()
        while not self._stop.is_set():
            with self._bell:
                self._bell.wait_for(lambda: self._news(connection), timeout=_POLL_S)
                frame, came = connection.waiting.popleft() if connection.waiting else (None, 0.0)
                opened = connection.info is not None and not connection.taken
                connection.taken |= opened
                over = connection.over and frame is None
            now = time.monotonic()
            heard = max(heard, getattr(connection.source, "heard", 0.0))  # an answer that was no new picture
            if opened:
                self.info, heard = self.info or connection.info, now
            if now - self._gave_back >= _GIVE_BACK_S:
                self._gave_back = now
                give_back()
            if frame is not None:
                heard = self._sign = now
                frozen_s = still.after(frame, came)
                yield self._placed(frame, came)
                self.health.taken += 1
                delay = time.monotonic() - came
                self.health.delays.append(delay)
                self.health.histogram.add(delay)
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

    @staticmethod
    def _news(connection: _Connection) -> bool:
        return bool(connection.waiting) or connection.over or (connection.info is not None and not connection.taken)

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
        return 0.0 if self._began is None else max(time.monotonic() - self._began, self._last_pts)

    def _end(self, connection: _Connection) -> str | None:
        """Why the connection ended, None where nothing is wrong; a bug in it is raised."""
        with self._bell:
            connection.given_up = True
        if not connection.over:
            self._hanging.append(connection)
            return "frozen" if connection.frozen else "silent" if connection.taken else "no answer"
        if getattr(connection.source, "frozen", False):
            return "frozen"
        if isinstance(connection.error, InputError):
            if isinstance(connection.error, SourceFault):
                return connection.error.kind
            return "broken" if connection.taken else "cannot be opened"
        if connection.error is not None:
            raise connection.error
        return None if connection.source.finite else "ended"

    def _pause(self, failures: int, reason: str, refusals: int, *, sure: bool) -> float:
        """Seconds until the next attempt. What a person must mend is asked for less often, and cameras lock an account
        after some wrong passwords: then the wait only grows. Not `sure`: one more try may be made at once."""
        if refusals and sure:
            wait = self._config.refused_s * 2.0 ** min(refusals - 1, _MOST_DOUBLINGS)
            return wait * (1 + self._random.uniform(0, _JITTER))
        if refusals:
            return _SECOND_TRY_S
        longest = self._config.backoff_s * _PATIENCE.get(reason, 1.0)
        wait = min(_FIRST_WAIT_S * 2.0 ** min(failures - 1, 30), longest)
        return wait * (1 + self._random.uniform(-_JITTER, _JITTER))

    def _in_words(self, connection: _Connection, reason: str) -> str:
        """The fault, without the address."""
        if reason == "silent":
            return f"no frame for {self._config.silence_s:.1f} s"
        if reason == "no answer":
            return f"no answer for {self._config.connect_s:.1f} s"
        if reason == "frozen":
            return f"the same picture for {self._config.frozen_s or 0:.0f} s"
        if reason == "ended":
            return "the stream ended"
        error = connection.error
        if isinstance(error, SourceFault):
            return error.reason
        return redact(str(error).removeprefix(f"{connection.source.name}: "))

    def _wait(self, seconds: float) -> Iterator[None]:
        """Waits so long, and until enough of the connections left behind have woken up."""
        until = time.monotonic() + seconds
        while not self._stop.wait(min(_POLL_S, max(0.001, until - time.monotonic()))):
            now = time.monotonic()
            if self._signs(now):
                yield None
            self._hanging = [c for c in self._hanging if not c.over]
            if now >= until and len(self._hanging) < _MOST_HANGING:
                return


class _Still:
    """For how long there has been no new picture. A sensor's noise makes every real one new; one that stands still is
    coded again and again, refined from one key picture to the next, in ways that come back and look much the same. (A
    short recording in a loop comes back as well, and looks different while it goes on.)"""

    def __init__(self) -> None:
        self._shown: deque[int] = deque(maxlen=_FORMS)
        self._first: Image | None = None  # of those that look alike
        self._times, self._since = 0, 0.0

    def after(self, frame: Frame, came: float) -> float:
        """Seconds, with this frame; 0 where it is a new picture, or too few came to tell."""
        picture = frame.bgr if frame.planes is None else frame.planes.y
        assert picture is not None
        sparse = picture[::_SPARSE, ::_SPARSE].copy()
        shown = zlib.crc32(sparse.tobytes())
        known = shown in self._shown
        if not known:
            self._shown.append(shown)
        if not known or self._first is None or not _alike(sparse, self._first):
            self._first, self._times, self._since = sparse, 0, came
        self._times += 1
        return came - self._since if self._times >= _FROZEN_FRAMES else 0.0


def _alike(one: Image, other: Image) -> bool:
    """Whether no square of the picture has become lighter or darker."""
    if one.shape != other.shape:
        return False
    change = one.astype(np.int16) - other
    if change.ndim == 3:
        change = change[..., 1]  # green of BGR: the most of the luma
    rows, columns = (np.arange(0, size, _SQUARE) for size in change.shape)
    sums = np.add.reduceat(np.add.reduceat(change, rows, 0), columns, 1)
    return bool(np.abs(sums).max() <= _ALIKE * _SQUARE**2)


def _short(name: str) -> str:
    """A name for the log of what has none but its address."""
    return name.partition("://")[2].removeprefix("***@") or name
