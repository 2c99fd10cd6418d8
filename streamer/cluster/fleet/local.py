"""Shards as processes of this machine, which share its cores."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import queue
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from typing import Any

from streamer.cluster.fleet.engine import Place, Start
from streamer.engine.runtime import available_cores

_log = logging.getLogger(__name__)

_CLOSE_S = 12.0
_AGAIN_S = (0.2, 30.0)  # before a process that ended is started again: at first, and at most


@dataclass(eq=False)
class _Process:
    name: str
    popen: subprocess.Popen[str]
    reader: threading.Thread
    orders: queue.SimpleQueue[str | None]
    asked: bool = False
    answered: bool = False


@dataclass
class _Slot:
    """A shard over its restarts."""

    process: _Process | None = None
    start_at: float = 0.0
    wait_s: float = _AGAIN_S[0]
    refused: bool = False
    ended: list[str] = field(default_factory=list)


class LocalEngine:
    """`start.nodes` shards."""

    def __init__(self, start: Start) -> None:
        self._start = start
        self._slots: dict[str, _Slot] = {}
        self._said: queue.SimpleQueue[tuple[_Process, str]] = queue.SimpleQueue()
        self._ended: list[tuple[str, str]] = []
        self._answers: list[tuple[str, dict[str, Any]]] = []
        self.resize(start.nodes)

    def places(self) -> list[Place]:
        return [Place(name, name, self._cores) for name in self._slots]

    def resize(self, nodes: int) -> None:
        names = [f"local-{k + 1}" for k in range(nodes)]
        for name in [known for known in self._slots if known not in names]:
            slot = self._slots.pop(name)
            if slot.process is not None:
                _end(slot.process)
                self._ended.append((name, "is not wanted any more"))
        for name in names:
            self._slots.setdefault(name, _Slot())
        self._work()

    @property
    def _cores(self) -> float:
        cores = available_cores() / max(len(self._slots), 1)
        return cores if self._start.shard_cores is None else min(cores, self._start.shard_cores)

    def tell(self, shard: str, order: dict[str, Any]) -> None:
        slot = self._slots.get(shard)
        process = None if slot is None else slot.process
        if process is None or process.asked or not process.answered:
            return
        process.orders.put(json.dumps(order, ensure_ascii=False) + "\n")
        process.asked = True

    def answers(self) -> list[tuple[str, dict[str, Any]]]:
        self._work()
        found, self._answers = self._answers, []
        return found

    def ended(self) -> list[tuple[str, str]]:
        self._work()
        found, self._ended = self._ended, []
        return found

    def close(self) -> None:
        running = [slot.process for slot in self._slots.values() if slot.process is not None]
        self._slots.clear()
        for one in running:
            _end(one)
        deadline = time.monotonic() + _CLOSE_S
        for one in running:
            try:
                one.popen.wait(max(0.1, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                one.popen.kill()
                one.popen.wait()
            one.reader.join(1.0)

    def pid(self, shard: str) -> int:
        """The system's number of a shard's process."""
        process = self._slots[shard].process
        assert process is not None
        return process.popen.pid

    def _work(self) -> None:
        """Takes what processes said, and starts those that are missing."""
        while True:
            try:
                process, line = self._said.get_nowait()
            except queue.Empty:
                break
            slot = self._slots.get(process.name)
            if slot is None or slot.process is not process:
                continue
            if line:
                self._take(slot, process, line)
            else:
                code = process.popen.wait()
                process.orders.put(None)
                slot.process, slot.start_at = None, time.monotonic() + slot.wait_s
                slot.wait_s = min(2 * slot.wait_s, _AGAIN_S[1])
                self._ended.append(
                    (process.name, f"ended with {code}" if code >= 0 else f"was ended by signal {-code}")
                )
        for name, slot in self._slots.items():
            if slot.process is None and not slot.refused and time.monotonic() >= slot.start_at:
                slot.process = self._started(name)

    def _take(self, slot: _Slot, process: _Process, line: str) -> None:
        try:
            report = json.loads(line)
        except ValueError:
            _log.warning("%s: said something that is no report", process.name)
            return
        process.asked, process.answered = False, True
        if report.get("cameras"):
            slot.wait_s = _AGAIN_S[0]
        slot.refused = bool(report.get("error"))
        self._answers.append((process.name, report))

    def _started(self, name: str) -> _Process:
        popen = subprocess.Popen(
            [sys.executable, "-m", "streamer.cluster.fleet.process"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            env={**os.environ, **self._start.environment},
            start_new_session=True,  # Ctrl-C reaches the supervisor alone
        )
        process = _Process(name, popen, threading.Thread(), queue.SimpleQueue())
        process.reader = threading.Thread(target=self._read, args=(process,), name=f"alpr-{name}", daemon=True)
        process.reader.start()
        first = {
            "name": name,
            "settings": self._start.settings,
            "cores": self._cores,
            "log_level": self._start.log_level,
        }
        process.orders.put(json.dumps(first, ensure_ascii=False) + "\n")
        # In a thread of its own: a process that stands still does not take an order, and must stop nobody else.
        threading.Thread(target=_write, args=(process,), name=f"alpr-{name}-orders", daemon=True).start()
        return process

    def _read(self, process: _Process) -> None:
        assert process.popen.stdout is not None
        for line in process.popen.stdout:
            self._said.put((process, line))
        self._said.put((process, ""))


def _write(process: _Process) -> None:
    assert process.popen.stdin is not None
    with contextlib.suppress(OSError):  # it has ended: its reader says so
        while (line := process.orders.get()) is not None:
            process.popen.stdin.write(line)
            process.popen.stdin.flush()
    with contextlib.suppress(OSError):
        process.popen.stdin.close()


def _end(process: _Process) -> None:
    """It closes its cameras, and ends."""
    process.orders.put(None)
