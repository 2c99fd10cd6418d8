"""Which task is next: files are planned, their segments read and put together, and all of it written down.

Files that were begun come before new ones, so that few pieces wait on the disk. A task whose process died is tried
again, elsewhere where there is an elsewhere.
"""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from streamer.cluster.archive.files import Entry
from streamer.cluster.archive.manifest import Manifest
from streamer.cluster.archive.plan import Plan, Segment
from streamer.cluster.archive.rows import outputs_of
from streamer.cluster.archive.tasks import (
    FileRows,
    Job,
    Piece,
    SegmentTask,
    StitchTask,
    file_name,
    put_together,
    read_file,
    read_piece,
    read_whole,
)
from streamer.cluster.pool import Outcome, Pool, Work
from streamer.config.models import RunConfig
from streamer.errors import ConfigError, ModelError

_log = logging.getLogger(__name__)

ATTEMPTS = 5  # of a task whose process dies
_POLL_S = 0.2


@dataclass(frozen=True)
class Settings:
    """How files are read: `networks` is the identity of those that must read them; `camera` the name in all rows, with
    {parent} for the folder of a file."""

    config: RunConfig
    networks: str
    segment_s: float = 300.0
    overlap_s: float = 10.0
    camera: str | None = None
    retry_failed: bool = False


@dataclass
class Progress:
    """How far a run is. `bytes_done` of `bytes` of files, parts of files among them; `video_s`: seconds of video read
    in this run, `cpu_s`: seconds that cores worked for it; `again`: tasks tried again."""

    files: int = 0
    done: int = 0
    kept: int = 0  # done by an earlier run
    failed: int = 0
    rows: int = 0
    frames: int = 0
    bytes: int = 0
    bytes_done: float = 0.0
    bytes_kept: float = 0.0
    video_s: float = 0.0
    cpu_s: float = 0.0
    seconds: float = 0.0
    again: int = 0
    pictures: int = 0  # decoded again
    failures: list[tuple[str, str]] = field(default_factory=list)  # path and reason
    bugs: int = 0  # files that failed by a fault of this program

    @property
    def times_real(self) -> float:
        """Seconds of video for each second."""
        return self.video_s / self.seconds if self.seconds > 0 else 0.0

    @property
    def left_s(self) -> float | None:
        """Seconds until the end at this pace; None where nothing is known yet."""
        new = self.bytes_done - self.bytes_kept
        return (self.bytes - self.bytes_done) / new * self.seconds if new > 0 else None


@dataclass(eq=False)
class _File:
    entry: Entry
    job: Job
    plan: Plan | None = None
    pieces: dict[str, Path] = field(default_factory=dict)
    cpu_s: float = 0.0

    def counted(self) -> float:
        """Bytes that are read: its share of segments."""
        if self.plan is None or len(self.plan.segments) < 2:
            return 0.0
        return self.entry.size * len(self.pieces) / (len(self.plan.segments) + 0.5)


@dataclass(eq=False)
class _Task:
    file: _File
    work: Work
    argument: Any
    segment: str = ""
    attempts: int = 0


class Archive:
    """One run over `entries`, with the manifest of what is done. Call `run` once."""

    def __init__(
        self,
        entries: Sequence[Entry],
        manifest: Manifest,
        settings: Settings,
        pool: Pool,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._manifest, self._settings, self._pool, self._clock = manifest, settings, pool, clock
        self.progress = Progress(files=len(entries), bytes=sum(max(1, one.size) for one in entries))
        self._new: deque[_File] = deque()
        self._begun: deque[_Task] = deque()  # tasks of files that were begun
        self._running: dict[int, _Task] = {}
        self._open: set[_File] = set()
        self._number = 0
        self._finished_bytes = 0.0
        for entry in entries:
            self._sort(entry)

    def _sort(self, entry: Entry) -> None:
        state = self._manifest.state(entry)
        if state == "" or (state == "failed" and self._settings.retry_failed):
            self._new.append(_File(entry, self._job(entry)))
            return
        row = self._manifest.files[entry.key]
        p = self.progress
        p.kept += 1
        p.rows += row["rows"]
        p.bytes_kept += max(1, entry.size)
        self._finished_bytes += max(1, entry.size)
        if state == "failed":
            p.failed += 1
            p.failures.append((entry.path, row["fault"]))

    def _job(self, entry: Entry) -> Job:
        s = self._settings
        parent = Path(entry.path).parent.name
        name = entry.name if s.camera is None else s.camera.replace("{parent}", parent)
        config = s.config if s.camera is None else s.config.model_copy(update={"camera": name})
        return Job(entry.path, entry.name, config, s.networks, s.segment_s, s.overlap_s)

    def run(self, report: Callable[[Progress], None], stopped: Callable[[], bool]) -> Progress:
        """Works until all is done or `stopped`; `report` is called several times a second. ModelError and ConfigError
        of a worker end it."""
        began = self._clock()
        while (self._new or self._begun or self._running) and not stopped():
            while len(self._running) < self._pool.slots and (task := self._next()) is not None:
                self._submit(task)
            for outcome in self._pool.outcomes(_POLL_S):
                if (task := self._running.pop(outcome.number, None)) is not None:
                    self._take(task, outcome)
            self.progress.seconds = self._clock() - began
            self.progress.bytes_done = self._finished_bytes + sum(one.counted() for one in self._open)
            report(self.progress)
        return self.progress

    def _next(self) -> _Task | None:
        if self._begun:
            return self._begun.popleft()
        if self._new:
            file = self._new.popleft()
            self._open.add(file)
            return _Task(file, read_file, file.job)
        return None

    def _submit(self, task: _Task) -> None:
        self._number += 1
        task.attempts += 1
        self._running[self._number] = task
        self._pool.submit(self._number, task.work, task.argument)

    def _take(self, task: _Task, outcome: Outcome) -> None:
        file, value = task.file, outcome.value
        if file not in self._open:
            return  # a segment of a file that failed, or is read in one piece, meanwhile
        if outcome.state == "lost":
            self._lost(task, str(value))
        elif outcome.state == "failed":
            if isinstance(value, ModelError | ConfigError):
                raise value
            self.progress.bugs += 1
            self._finish(file, _faulty(f"{file.entry.path}: {value}"))
        elif isinstance(value, FileRows):
            self._finish(file, value)
        elif isinstance(value, Plan):
            self._cut(file, value)
        elif value.uneven:
            self._in_one(file, value.uneven, value.cpu_s)
        else:
            self._keep(task, value)

    def _lost(self, task: _Task, how: str) -> None:
        self.progress.again += 1
        _log.info("%s: %s; tried again (%d of %d)", task.file.entry.path, how, task.attempts, ATTEMPTS)
        if task.attempts < ATTEMPTS:
            self._begun.appendleft(task)
        else:
            self._finish(task.file, _faulty(f"{task.file.entry.path}: {how}, {ATTEMPTS} times"))

    def _cut(self, file: _File, plan: Plan) -> None:
        file.plan = plan
        for segment in plan.segments:
            name = _name(segment)
            if (path := self._manifest.piece(file.entry, name)) is not None:
                file.pieces[name] = path
            else:
                self._begun.append(_Task(file, read_piece, SegmentTask(file.job, segment), name))
        self._stitch(file)

    def _keep(self, task: _Task, piece: Piece) -> None:
        file = task.file
        file.cpu_s += piece.cpu_s
        file.pieces[task.segment] = self._manifest.add_piece(file.entry, task.segment, piece.data)
        self._stitch(file)

    def _stitch(self, file: _File) -> None:
        """Puts a file's pieces together once all are there."""
        plan = file.plan
        assert plan is not None
        if len(file.pieces) < len(plan.segments):
            return
        paths = [file.pieces[_name(segment)] for segment in plan.segments]
        pieces = [str(p.absolute()) if self._pool.name == "local" else p.read_bytes() for p in paths]
        self._begun.appendleft(_Task(file, put_together, StitchTask(file.job, plan, pieces)))

    def _in_one(self, file: _File, reason: str, cpu_s: float) -> None:
        """Reads a file in one piece whose segments do not fit together."""
        _log.info("%s: is read in one piece: %s", file.entry.path, reason)
        file.cpu_s += cpu_s
        plan = file.plan
        assert plan is not None
        self._begun = deque(task for task in self._begun if task.file is not file)
        self._open.discard(file)
        again = _File(file.entry, file.job, cpu_s=file.cpu_s)
        self._open.add(again)
        self._begun.appendleft(_Task(again, read_whole, (file.job, plan, reason)))

    def _finish(self, file: _File, rows: FileRows) -> None:
        entry, p = file.entry, self.progress
        facts: dict[str, Any] = {
            "rows": len(rows.records), "frames": rows.frames, "seconds": round(rows.seconds, 3),
            "cpu_s": round(file.cpu_s + rows.cpu_s, 2), "segments": len(file.plan.segments) if file.plan else 1,
            "again": rows.again, "fault": rows.fault, "whole": rows.whole, "warnings": rows.warnings,
        }  # fmt: skip
        self._manifest.add_file(entry, outputs_of(file_name(entry.name, entry.key), rows), facts)
        self._begun = deque(task for task in self._begun if task.file is not file)
        self._open.discard(file)
        self._finished_bytes += max(1, entry.size)
        p.done += 1
        p.rows += len(rows.records)
        p.frames += rows.frames
        p.video_s += rows.seconds
        p.cpu_s += file.cpu_s + rows.cpu_s
        p.pictures += rows.again
        if rows.fault:
            p.failed += 1
            p.failures.append((entry.path, rows.fault))


def _name(segment: Segment) -> str:
    return f"{segment.begin}:{segment.border}:{segment.end}"


def _faulty(fault: str) -> FileRows:
    from streamer.sink.csv import COLUMNS
    from streamer.sink.table import encode_row

    return FileRows(encode_row(COLUMNS), [], 0, 0.0, 0.0, fault=fault)
