"""One segment of a recording, read by the same code as any run, with notes of all that the networks said."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from streamer.cluster.archive.piece import NO_STAMP, Seen, key_of, packed, sum_of
from streamer.config.models import RunConfig
from streamer.errors import InputError
from streamer.pipeline.engines import DetectorLike, Engines, LooksTwice, first_look
from streamer.pipeline.runner import run_stream
from streamer.source.part_of_file import PartOfFile, UnevenError
from streamer.source.source import StreamInfo
from streamer.tracking.cuts import Cuts
from streamer.types import FloatArray, Frame, Image, Plates, Reading


class Notes:
    """What is noted of each frame, by its index in the segment."""

    def __init__(self) -> None:
        self.frames: list[Seen] = []

    def of(self, frame: Frame) -> Seen:
        return self.frames[frame.index]


class NotedSource:
    """A part of a file whose frames are noted as they are decoded."""

    live = False

    def __init__(self, part: PartOfFile, notes: Notes) -> None:
        self.name, self.warnings = part.name, part.warnings
        self._part, self._notes = part, notes

    def open(self) -> StreamInfo:
        return self._part.open()

    def frames(self) -> Iterator[Frame]:
        cuts = Cuts()
        stamps, noted = self._part.stamps, self._notes.frames
        for frame in self._part.frames():
            before = cuts.last
            cut = cuts.at(frame)
            one = Seen(stamps[frame.index], frame.width, frame.height, sum_of(frame), cuts.last == frame.index, cut)
            if one.shown and before is not None:
                one.against = stamps[before].pts
            noted.append(one)
            yield frame

    def close(self) -> None:
        self._part.close()


class NotedDetector:
    """A detector whose answers are noted; frames of a segment may be looked at by several threads."""

    def __init__(self, detector: DetectorLike, notes: Notes) -> None:
        self._detector, self._notes, self.min_score = detector, notes, detector.min_score

    def detect(self, frame: Frame) -> Plates:
        plates = self._notes.of(frame).finds = self._detector.detect(frame)
        return plates

    def another(self) -> NotedDetector:
        return type(self)(self._detector.another(), self._notes)


class NotedLooker(NotedDetector):
    """One that looks twice."""

    def finds(self, frame: Frame) -> Plates:
        plates = self._notes.of(frame).finds = first_look(self._detector, frame)
        return plates

    def look(self, frame: Frame, finds: Plates) -> Plates:
        assert isinstance(self._detector, LooksTwice)
        looked = self._notes.of(frame).looks[key_of(finds)] = self._detector.look(frame, finds)
        return looked


@dataclass(frozen=True)
class NotedEngines(Engines):
    """Networks whose answers are noted."""

    notes: Notes | None = None

    def read(self, frame: Frame, quads: Sequence[FloatArray]) -> list[tuple[Reading, Image | None] | None]:
        assert self.notes is not None
        done = super().read(frame, quads)
        reads = self.notes.of(frame).reads
        for quad, one in zip(quads, done, strict=True):
            reads[quad.tobytes()] = None if one is None else one[0]
        return done


def read_segment(
    path: str, config: RunConfig, engines: Engines, *, begin: int | None, end: int | None, name: str
) -> bytes:
    """The notes on the frames from time stamp `begin` (that of a key frame) to before `end`; UnevenError where the file
    must be read in one piece."""
    notes = Notes()
    kind = NotedLooker if isinstance(engines.detector, LooksTwice) else NotedDetector
    noted = NotedEngines(kind(engines.detector, notes), engines.reader, engines.high_score, engines.concurrency, notes)
    part = PartOfFile(
        path, begin=begin, end=end, threads=config.threads, video_track=config.video_track, decode=config.decode
    )
    try:
        summary = run_stream(NotedSource(part, notes), [], config, engines=noted)
    except UnevenError:
        raise
    except InputError as error:
        raise UnevenError(part.uneven or str(error)) from None
    if part.uneven:
        raise UnevenError(part.uneven)
    facts: dict[str, Any] = {"begin": NO_STAMP if begin is None else begin, "frames": summary.frames, "name": name}
    return packed(notes.frames[: summary.frames], facts)
