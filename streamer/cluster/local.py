"""Processes of this machine that work at tasks, one at a time each. One that dies is replaced, its task is lost."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import traceback
from collections import deque
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from typing import Any

from streamer.cluster.cores import claim_cores
from streamer.cluster.pool import Outcome, Work
from streamer.engine.runtime import available_cores

_END_S = 2.0


class BugError(RuntimeError):
    """A task raised what it should not have."""


@dataclass
class _Worker:
    process: Any
    line: Connection
    lifeline: Connection
    number: int | None = None  # of its task


class LocalPool:
    """`workers` processes (None: as many as there are cores for) with `cores` cores each."""

    name = "local"

    def __init__(self, workers: int | None = None, cores: int = 1) -> None:
        self._count = workers or max(1, available_cores() // cores)
        self._cores = cores
        self._context = multiprocessing.get_context("spawn")
        self._workers: list[_Worker] = []
        self._waiting: deque[tuple[int, Work, Any]] = deque()

    @property
    def slots(self) -> int:
        return self._count

    @property
    def pids(self) -> list[int]:
        """The processes that work now."""
        return [one.process.pid for one in self._workers]

    def submit(self, number: int, work: Work, argument: Any) -> None:
        self._waiting.append((number, work, argument))
        self._hand_out()

    def _hand_out(self) -> None:
        while self._waiting:
            free = next((one for one in self._workers if one.number is None), None)
            if free is None:
                if len(self._workers) >= self._count:
                    return
                self._workers.append(free := self._start())
            number, work, argument = self._waiting.popleft()
            free.number = number
            with suppress(OSError):  # it died: `outcomes` says so
                free.line.send((work, argument))

    def _start(self) -> _Worker:
        line, theirs = self._context.Pipe()
        end, lifeline = self._context.Pipe(duplex=False)
        process = self._context.Process(target=_serve, args=(theirs, end, self._cores), name="alpr-worker", daemon=True)
        process.start()
        theirs.close()
        end.close()
        return _Worker(process, line, lifeline)

    def outcomes(self, timeout_s: float) -> list[Outcome]:
        found: list[Outcome] = []
        ready = wait([one.line for one in self._workers], timeout_s) if self._workers else []
        for one in [one for one in self._workers if one.line in ready]:
            number = one.number
            try:
                state, value = one.line.recv()
                one.number = None
            except (EOFError, OSError):
                one.process.join(_END_S)
                self._workers.remove(one)
                one.lifeline.close()
                state, value = "lost", _how(one.process.exitcode)
            if number is not None:
                found.append(Outcome(number, state, value))
        self._hand_out()
        return found

    def close(self) -> None:
        self._waiting.clear()
        for one in self._workers:
            one.process.kill()
        for one in self._workers:
            one.process.join(_END_S)
            one.line.close()
            one.lifeline.close()
        self._workers.clear()


def _how(code: int | None) -> str:
    if code is None or code >= 0:
        return f"its process ended ({code})"
    name = signal.Signals(-code).name if -code in set(signal.Signals) else str(-code)
    hint = ": out of memory?" if name == "SIGKILL" else ""
    return f"its process was killed ({name}{hint})"


def _serve(line: Connection, lifeline: Connection, cores: int) -> None:
    """The life of a worker: tasks until the line is closed. Ctrl-C is the parent's concern, which ends its workers."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, args=(lifeline,), name="alpr-lifeline", daemon=True).start()
    claim_cores(cores)
    while True:
        try:
            work, argument = line.recv()
        except (EOFError, OSError):
            return
        answer = answered(work, argument)
        with suppress(OSError):
            line.send(answer)


def answered(work: Work, argument: Any) -> tuple[str, Any]:
    """The state and value of a task done here; what cannot travel becomes a `BugError`."""
    from streamer.errors import AlprError

    try:
        return "done", work(argument)
    except AlprError as error:
        return "failed", error
    except Exception as error:
        last = traceback.extract_tb(error.__traceback__)[-1]
        place = f"{os.path.basename(last.filename)}:{last.lineno}"
        return "failed", BugError(f"{type(error).__name__}: {error} ({place})")


def _end_with_parent(lifeline: Connection) -> None:
    """Ends this process where the parent is gone, killed or not: nobody waits for its work."""
    with suppress(EOFError, OSError):
        lifeline.recv_bytes()
    os._exit(1)
