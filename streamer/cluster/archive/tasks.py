"""What a worker does: reads a file or a segment of it, or puts a file's segments together. The networks are loaded once
in each process."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any

from streamer.cluster.archive.fetch import forget, local_copy
from streamer.cluster.archive.plan import Plan, Segment, plan_of
from streamer.cluster.archive.segment import read_segment
from streamer.cluster.archive.stitch import stitch
from streamer.cluster.networks import identity_of
from streamer.config.models import RunConfig
from streamer.errors import InputError, ModelError
from streamer.pipeline.engines import Engines, load_engines
from streamer.pipeline.runner import run_stream
from streamer.sink.csv import COLUMNS, row_of
from streamer.sink.jsonl import record_of
from streamer.sink.sink import BaseSink
from streamer.sink.table import encode_row
from streamer.source.file import VideoSource
from streamer.source.key_frames import key_frames_of
from streamer.source.part_of_file import UnevenError
from streamer.source.resolve import open_source
from streamer.types import Passage, RunSummary

_FAULTS = 20  # warnings of a file that are kept


@dataclass(frozen=True)
class Job:
    """One file, and how it is read. `networks`: the identity of those that must read it."""

    path: str
    name: str
    config: RunConfig
    networks: str
    segment_s: float
    overlap_s: float


@dataclass(frozen=True)
class SegmentTask:
    """A segment of a file."""

    job: Job
    segment: Segment


@dataclass(frozen=True)
class StitchTask:
    """All pieces of a file: their bytes, or the paths of files with them."""

    job: Job
    plan: Plan
    pieces: Sequence[bytes | str]


@dataclass(frozen=True)
class FileRows:
    """The rows of a file as CSV and as records, and what it took: seconds of video and of this process's cores,
    pictures decoded again (`again`). `fault`: why not all of it could be read; `whole`: why it was read in one piece
    though it is long."""

    csv: bytes
    records: list[dict[str, object]]
    frames: int
    seconds: float
    cpu_s: float
    fault: str = ""
    whole: str = ""
    again: int = 0
    warnings: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Piece:
    """A segment that was read; `uneven`: why its file must be read in one piece."""

    data: bytes
    cpu_s: float
    uneven: str = ""


class _Rows(BaseSink):
    """Keeps the rows."""

    def __init__(self) -> None:
        self.passages: list[Passage] = []
        self.last_s = 0.0

    def passage(self, passage: Passage) -> None:
        self.passages.append(passage)

    def rows(self, summary: RunSummary, seconds: float, began: float, **more: Any) -> FileRows:
        cells = [encode_row(COLUMNS), *(encode_row(row_of(one)) for one in self.passages)]
        records = [record_of(one) for one in self.passages]
        warnings = summary.warnings[:_FAULTS]
        cpu = time.process_time() - began
        return FileRows(b"".join(cells), records, summary.frames, seconds, cpu, warnings=warnings, **more)


def read_file(job: Job) -> FileRows | Plan:
    """The rows of a file, where it is short or must be read in one piece; otherwise how it is cut."""
    try:
        with local_copy(job.path) as path:
            plan = _plan(path, job)
            if len(plan.segments) > 1:
                return plan
            rows = _whole(path, job, plan)
    except InputError as error:
        return _failed(job, error)
    forget(job.path) if "://" in job.path else None
    return rows


def read_whole(task: tuple[Job, Plan, str]) -> FileRows:
    """The rows of a file in one piece, for the given reason."""
    job, plan, reason = task
    try:
        with local_copy(job.path) as path:
            return _whole(path, job, Plan(plan.segments, plan.keys, plan.seconds, reason))
    except InputError as error:
        return _failed(job, error)


def read_piece(task: SegmentTask) -> Piece:
    """The notes on a segment."""
    job, began = task.job, time.process_time()
    try:
        with local_copy(job.path) as path:
            data = read_segment(
                path, job.config, engines_of(job), begin=task.segment.begin, end=task.segment.end, name=job.name
            )
    except InputError as error:
        return Piece(b"", time.process_time() - began, str(error))
    return Piece(data, time.process_time() - began)


def put_together(task: StitchTask) -> FileRows | Piece:
    """The rows of a file from its pieces; a `Piece` says why it must be read in one."""
    job, plan, began = task.job, task.plan, time.process_time()
    rows = _Rows()
    pieces = [partial(_bytes_of, one) for one in task.pieces]
    try:
        with local_copy(job.path) as path:
            summary, again = stitch(
                path, job.name, pieces, plan.borders, plan.keys, [rows], job.config, engines_of(job)
            )
    except UnevenError as error:
        return Piece(b"", time.process_time() - began, str(error))
    forget(job.path) if "://" in job.path else None
    return rows.rows(summary, plan.seconds, began, again=again)


def _bytes_of(piece: bytes | str) -> bytes:
    return piece if isinstance(piece, bytes) else Path(piece).read_bytes()


def _plan(path: str, job: Job) -> Plan:
    one = Plan((Segment(None, None, None),), (), 0.0)
    if job.config.cadence != "every":
        return Plan(one.segments, (), 0.0, "cadence: auto looks from one picture to the next")
    if not isinstance(open_source(path)[0], VideoSource):
        return one  # a picture
    return plan_of(key_frames_of(path, video_track=job.config.video_track), job.segment_s, job.overlap_s)


def _whole(path: str, job: Job, plan: Plan) -> FileRows:
    began, rows = time.process_time(), _Rows()
    sources = open_source(path, video_track=job.config.video_track)
    for one in sources:
        one.name = job.name
    fault = ""
    seen = _Seconds()
    try:
        summary = run_stream(sources, [rows], job.config, engines=engines_of(job), progress=seen.note)
    except InputError as error:
        found = getattr(error, "summary", None)
        if found is None:
            raise
        summary, fault = found, str(error)
    seconds = plan.seconds or seen.seconds
    whole = plan.reason if plan.seconds > job.segment_s or not plan.seconds else ""
    return rows.rows(summary, seconds, began, fault=fault, whole=whole)


class _Seconds:
    """How long a file is, by its frames and rate, where its packets were not looked at."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def note(self, info: Any, summary: RunSummary) -> None:
        self.seconds = summary.frames / float(info.rate or 25)


def _failed(job: Job, error: InputError) -> FileRows:
    return FileRows(encode_row(COLUMNS), [], 0, 0.0, 0.0, fault=str(error))


_loaded: dict[str, Engines] = {}


def engines_of(job: Job) -> Engines:
    """The networks of a job, loaded once in this process; ModelError where they are others than those of the run."""
    key = f"{job.networks} {job.config.model_dump_json()}"
    if key not in _loaded:
        config = job.config
        here = identity_of(config.detector, config.reader, config.precision, config.device)
        if here != job.networks:
            raise ModelError(
                f"a worker has networks {here}, the run {job.networks}: install the same files everywhere, and set "
                "--precision where the processors differ"
            )
        _loaded.clear()
        _loaded[key] = load_engines(config)
    return _loaded[key]


def file_name(entry_name: str, key: str) -> str:
    """The name of a file's rows without suffix: that of the file, and what tells it from others of its name."""
    stem = PurePosixPath(entry_name).stem[:80] or "file"
    return f"{stem}-{key[:8]}"
