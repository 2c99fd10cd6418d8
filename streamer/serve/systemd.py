"""Reports of a run to systemd (Type=notify): ready, state, and the watchdog's sign of life, which depends on the run's
progress. The protocol is sd_notify(3): lines in a datagram to the socket that NOTIFY_SOCKET names."""

from __future__ import annotations

import logging
import os
import socket
import threading
import time
from collections.abc import Mapping, Sequence
from typing import Literal

from streamer.pipeline.status import Streams, Watched

_log = logging.getLogger(__name__)

_EVERY_S = 1.0  # between two reports, at most
_START_S = 60.0  # a start that goes on is granted this much more time
_STUCK_S = 30.0  # without a turn of its loop a stream counts as stuck, where no watchdog sets the time


class Notify:
    """The socket of the service manager."""

    def __init__(self, address: str) -> None:
        self._address = "\0" + address[1:] if address.startswith("@") else address
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | getattr(socket, "SOCK_CLOEXEC", 0))
        self._socket.setblocking(False)  # a manager that does not read must not hold up the run

    def send(self, lines: Sequence[str]) -> None:
        """Sends the lines in one datagram; a failure is logged at debug level only: no run depends on it."""
        try:
            self._socket.sendto("\n".join(lines).encode(), self._address)
        except OSError:
            _log.debug("systemd could not be notified", exc_info=True)

    def close(self) -> None:
        self._socket.close()


class Supervision:
    """What there is to report of a run's streams. `rule`, `expected`: ready with frames from any, or from that many
    streams; `watchdog_s`: the manager's limit between two signs of life, None without a watchdog."""

    def __init__(
        self, streams: Streams, rule: Literal["any", "all"], expected: int, watchdog_s: float | None = None
    ) -> None:
        self._streams, self._watchdog_s = streams, watchdog_s
        self._needed = expected if rule == "all" else 1
        self._expected = expected
        self._stuck_s = _STUCK_S if watchdog_s is None else watchdog_s / 2
        self._turned: dict[str, tuple[int, float]] = {}  # by stream: turns, and when they were counted first
        self._ready = self._stopping = False
        self._text = ""
        self._blamed: list[str] = []

    @property
    def every_s(self) -> float:
        """The interval at which `messages` should be called."""
        return _EVERY_S if self._watchdog_s is None else min(_EVERY_S, self._watchdog_s / 4)

    def messages(self, now: float, *, stopping: bool = False) -> list[str]:
        """The lines to send at this time; [] where there is nothing to report."""
        streams = self._streams.watched
        lines = []
        delivered = sum(_has_delivered(w) for w in streams)
        if not self._ready and delivered >= self._needed:
            self._ready = True
            lines.append("READY=1")
        if stopping and not self._stopping:
            self._stopping = True
            lines.append("STOPPING=1")
        stuck = self._stuck(streams, now)
        alive = stopping or not stuck  # the end has a limit of its own: TimeoutStopSec
        if alive and self._ready and self._watchdog_s is not None:
            lines.append("WATCHDOG=1")
        if alive and not self._ready and streams:  # until there are streams, TimeoutStartSec counts
            lines.append(f"EXTEND_TIMEOUT_USEC={_START_S * 1e6:.0f}")
        text = self._state(streams, delivered, stuck)
        if text != self._text:
            self._text = text
            lines.append(f"STATUS={text}")
        return lines

    def _stuck(self, streams: Sequence[Watched], now: float) -> list[str]:
        """Names of streams whose loop does not turn. One that waits for a file's next frame is not stuck, nor is a
        camera without frames: its loop turns."""
        stuck = []
        for w in streams:
            turns, since = self._turned.get(w.name, (-1, now))
            if w.pulse.ended or w.pulse.waiting or w.pulse.turns != turns:
                self._turned[w.name] = w.pulse.turns, now
            elif now - since >= self._stuck_s:
                stuck.append(w.name)
        if stuck and stuck != self._blamed:
            _log.error("%s: no progress for %.0f s: no sign of life to systemd", ", ".join(stuck), self._stuck_s)
        self._blamed = stuck
        return stuck

    def _state(self, streams: Sequence[Watched], delivered: int, stuck: Sequence[str]) -> str:
        if self._stopping:
            return "writing the last rows"
        if stuck:
            return f"no progress: {_one_line(stuck)}"
        if not self._ready:
            silent = [w.name for w in streams if not _has_delivered(w)]
            return f"waiting for frames: {_one_line(silent)}" if silent else "starting"
        away = [w.name for w in streams if w.health is not None and w.health.away]
        rows = sum(w.summary.passages for w in streams)
        at_work = f"{delivered} of {max(self._expected, len(streams))} streams" if self._expected > 1 else "reading"
        return f"{at_work}, {rows} row{'s' if rows != 1 else ''}{', away: ' + _one_line(away) if away else ''}"


def _has_delivered(w: Watched) -> bool:
    return w.summary.frames > 0 or w.pulse.ended


def _one_line(names: Sequence[str]) -> str:
    return " ".join(", ".join(names).split())[:200]


class SystemdReports:
    """Sends a run's reports in a thread of its own until it is closed."""

    def __init__(self, notify: Notify, supervision: Supervision, stop: threading.Event) -> None:
        self._notify, self._supervision, self._stop = notify, supervision, stop
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._report, name="alpr-systemd", daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._closed.set()
        self._thread.join()
        self._notify.send(self._supervision.messages(time.monotonic(), stopping=True) or ["STOPPING=1"])
        self._notify.close()

    def _report(self) -> None:
        while not self._closed.wait(self._supervision.every_s):
            lines = self._supervision.messages(time.monotonic(), stopping=self._stop.is_set())
            if lines:
                self._notify.send(lines)


def notify_of(environment: Mapping[str, str]) -> Notify | None:
    """The socket that the environment names; None where no service manager waits for reports."""
    address = environment.get("NOTIFY_SOCKET", "")
    return Notify(address) if address[:1] in ("/", "@") and hasattr(socket, "AF_UNIX") else None


def watchdog_of(environment: Mapping[str, str]) -> float | None:
    """The watchdog's limit in seconds; None where there is none for this process."""
    text, process = environment.get("WATCHDOG_USEC", ""), environment.get("WATCHDOG_PID", "")
    if not text.isdecimal() or int(text) == 0 or (process and process != str(os.getpid())):
        return None
    return int(text) / 1e6
