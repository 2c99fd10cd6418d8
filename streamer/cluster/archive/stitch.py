"""Segments put together: the recording runs through tracking, reading policy, votes and passages once more, in one go,
by the same code, with the networks' answers from the segments.

Which plates are read and looked at again depends on the tracks, and those of a segment begin at its border: an answer
that no segment has is asked of the networks now, at the same picture, decoded again. So the rows are those of one run
by construction; that the pictures are the same is checked where segments overlap, and wherever one is decoded again.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields
from fractions import Fraction
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from streamer.cluster.archive.piece import NO_STAMP, Seen, key_of, sum_of, unpacked
from streamer.config.models import RunConfig
from streamer.errors import InputError
from streamer.pipeline.engines import DetectorLike, Engines, LooksTwice
from streamer.pipeline.runner import run_stream
from streamer.sink.sink import Sink
from streamer.source.file import VideoSource
from streamer.source.part_of_file import PartOfFile, UnevenError
from streamer.source.sleeping import Decoded
from streamer.source.source import StreamInfo
from streamer.tracking.cuts import Cuts
from streamer.types import FloatArray, Frame, Image, Plates, Reading, RunSummary, YuvPlanes

if TYPE_CHECKING:
    import av

_NEAR = 64  # frames that are rather decoded than sought across


class _Picture(NamedTuple):
    """The times of a picture, in place of the picture."""

    pts: int
    duration: int
    time_base: Fraction


@dataclass(frozen=True, eq=False)
class StitchedFrame(Frame):
    """A frame without a picture; `seen` is what a segment noted."""

    seen: Seen | None = None


class Again:
    """Pictures of a file, decoded again: by time stamp, rising for the most part. `count`: how many were asked for."""

    def __init__(self, path: str, keys: Sequence[int], config: RunConfig) -> None:
        self._path, self._keys, self._config = path, list(keys), config
        self._part: PartOfFile | None = None
        self._frames: Iterator[Frame] = iter(())
        self._now: Frame | None = None
        self.count = self.decoded = 0

    def frame(self, seen: Seen) -> Frame:
        """The picture of a frame; UnevenError where it is not the one that was noted."""
        self.count += 1
        pts = seen.stamp.pts
        at = bisect_right(self._keys, pts) - 1
        for k in (at, at - 1, -1):  # one that depends on pictures before its key frame comes from an earlier one
            found = self._ahead(pts, k)
            if found is not None and sum_of(found) == seen.sum:
                return found
            self.close()
        raise UnevenError(f"the picture at {pts} is another when it is decoded again")

    def _ahead(self, pts: int, key: int) -> Frame | None:
        begin = self._keys[key] if key >= 0 else None
        now = self._stamp()
        if now is None or now > pts or (begin is not None and begin > now and not self._within_reach(pts)):
            self._open(begin)
        while (now := self._stamp()) is None or now < pts:
            self._now = next(self._frames, None)
            self.decoded += 1
            if self._now is None:
                return None
        return self._now if now == pts else None

    def _within_reach(self, pts: int) -> bool:
        part = self._part
        assert part is not None
        if len(part.stamps) < 2:
            return False
        step = (part.stamps[-1].pts - part.stamps[0].pts) / (len(part.stamps) - 1)
        return pts - part.stamps[-1].pts <= _NEAR * step

    def _stamp(self) -> int | None:
        return self._part.stamps[self._now.index].pts if self._part is not None and self._now is not None else None

    def _open(self, begin: int | None) -> None:
        self.close()
        config = self._config
        self._part = PartOfFile(
            self._path, begin=begin, threads=config.threads, video_track=config.video_track, decode=config.decode
        )
        self._part.open()
        self._frames, self._now = self._part.frames(), None

    def close(self) -> None:
        part, self._part, self._now = self._part, None, None
        if part is not None:
            part.close()


class StitchedSource(VideoSource):
    """A file whose frames come from the pieces of its segments, in order. `pieces`: functions that give the bytes of
    one; `borders`: the time stamp at which each but the first begins."""

    def __init__(
        self,
        path: str,
        pieces: Sequence[Callable[[], bytes]],
        borders: Sequence[int],
        again: Again,
        *,
        video_track: int | None = None,
    ) -> None:
        super().__init__(path, threads=1, video_track=video_track)
        self._pieces, self._borders, self._again = pieces, borders, again
        self._stitched = False
        self._seen: Seen | None = None
        self._shown: Seen | None = None  # the last one whose picture showed something

    def open(self) -> StreamInfo:
        info = super().open()
        self._stitched, self._first = True, None
        self._decoded = self._all_parts()
        return info

    def _all_parts(self) -> Iterator[Decoded]:
        if not self._stitched:
            yield from super()._all_parts()
            return
        base = Fraction(self._stream.time_base)
        for seen in joined(self._pieces, self._borders):
            self._seen = seen
            yield Decoded(_Picture(*seen.stamp, base))  # type: ignore[arg-type]

    def _converted(self, planes: Any, decoded: av.VideoFrame) -> tuple[YuvPlanes | None, Image | None]:
        if not self._stitched:
            return super()._converted(planes, decoded)
        assert self._seen is not None
        size = np.broadcast_to(np.uint8(0), (self._seen.height, self._seen.width))
        return YuvPlanes(size, size, size, "bt601", False), None  # for its size only

    def frames(self) -> Iterator[Frame]:
        for frame in super().frames():
            assert self._seen is not None
            values = {f.name: getattr(frame, f.name) for f in fields(Frame)} | {"planes": None}
            yield StitchedFrame(**values | {"cut": self._cut(self._seen)}, seen=self._seen)

    def _cut(self, seen: Seen) -> bool:
        """Whether a hard cut lies before a frame; asked again where its segment compared it with another frame."""
        if not seen.shown:
            return False
        before, self._shown = self._shown, seen
        if seen.against == (NO_STAMP if before is None else before.stamp.pts):
            return seen.cut
        cuts = Cuts()
        if before is not None:
            cuts.at(self._again.frame(before))
        return cuts.at(self._again.frame(seen))

    def _report_damage(self, end_s: float, frames: int) -> None:
        self._track = None  # of the first picture only
        super()._report_damage(end_s, frames)


def joined(pieces: Sequence[Callable[[], bytes]], borders: Sequence[int]) -> Iterator[Seen]:
    """The frames of all pieces, each once. UnevenError where two of them differ in what both decoded."""
    before: list[Seen] = []
    for k, piece in enumerate(pieces):
        frames, facts = unpacked(piece())
        begin = borders[k - 1] if k else NO_STAMP
        if k:
            check_overlap(before, frames, int(facts["begin"]), begin)
        before = frames
        yield from (one for one in frames if one.stamp.pts >= begin)


def check_overlap(before: Sequence[Seen], after: Sequence[Seen], first: int, border: int) -> None:
    """UnevenError unless both pieces have the same pictures and finds from time stamp `first` to the border."""
    first = max(first, before[0].stamp.pts) if before else first
    mine = [one for one in before if first <= one.stamp.pts < border]
    theirs = [one for one in after if first <= one.stamp.pts < border]
    if not mine or len(mine) != len(theirs):
        raise UnevenError(f"{len(mine)} and {len(theirs)} pictures before a border: they depend on earlier ones")
    for a, b in zip(mine, theirs, strict=True):
        if (a.stamp, a.width, a.height, a.sum) != (b.stamp, b.width, b.height, b.sum) or (
            key_of(a.finds) != key_of(b.finds)
        ):
            raise UnevenError(f"the picture at {a.stamp.pts} differs between segments: it depends on earlier ones")


class StitchedDetector:
    """Finds what the segments found."""

    def __init__(self, detector: DetectorLike, again: Again) -> None:
        self._detector, self._again, self.min_score = detector, again, detector.min_score

    def detect(self, frame: Frame) -> Plates:
        return _seen(frame).finds

    def another(self) -> StitchedDetector:
        return self


class StitchedLooker(StitchedDetector):
    """One that looks twice: also at what no segment looked at again."""

    def finds(self, frame: Frame) -> Plates:
        return _seen(frame).finds

    def look(self, frame: Frame, finds: Plates) -> Plates:
        assert isinstance(self._detector, LooksTwice)
        seen, key = _seen(frame), key_of(finds)
        if key not in seen.looks:
            seen.looks[key] = self._detector.look(self._again.frame(seen), finds)
        return seen.looks[key]


@dataclass(frozen=True)
class StitchedEngines(Engines):
    """Answers from the segments; the rest is read now."""

    again: Again | None = None

    def read(self, frame: Frame, quads: Sequence[FloatArray]) -> list[tuple[Reading, Image | None] | None]:
        assert self.again is not None
        seen = _seen(frame)
        missing = [quad for quad in quads if quad.tobytes() not in seen.reads]
        if missing:
            for quad, one in zip(missing, super().read(self.again.frame(seen), missing), strict=True):
                seen.reads[quad.tobytes()] = None if one is None else one[0]
        found = (seen.reads[quad.tobytes()] for quad in quads)
        return [None if reading is None else (reading, None) for reading in found]


def _seen(frame: Frame) -> Seen:
    assert isinstance(frame, StitchedFrame)
    assert frame.seen is not None
    return frame.seen


def stitch(
    path: str,
    name: str,
    pieces: Sequence[Callable[[], bytes]],
    borders: Sequence[int],
    keys: Sequence[int],
    sinks: Sequence[Sink],
    config: RunConfig,
    engines: Engines,
) -> tuple[RunSummary, int]:
    """The rows of a recording from its pieces, and how many pictures were decoded again for them. UnevenError where it
    must be read in one piece."""
    again, for_cuts = Again(path, keys, config), Again(path, keys, config)  # the source is read in another thread
    source = StitchedSource(path, pieces, borders, for_cuts, video_track=config.video_track)
    source.name = name
    kind = StitchedLooker if isinstance(engines.detector, LooksTwice) else StitchedDetector
    detector, reader = kind(engines.detector.another(), again), engines.reader.another()
    networks = StitchedEngines(detector, reader, engines.high_score, 1, again)
    try:
        return run_stream(source, sinks, config, engines=networks), again.count + for_cuts.count
    except InputError as error:
        raise UnevenError(str(error)) from None
    finally:
        again.close()
        for_cuts.close()
