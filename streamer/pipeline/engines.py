"""The networks of a run: what the stream needs of them, and how they are loaded."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Protocol

from streamer.config.models import RunConfig
from streamer.engine.cards import PLATE_CROP, CropShape
from streamer.engine.runtime import available_cores
from streamer.engine.zoo import config_folder
from streamer.passages.vote import AlphabetLike
from streamer.plates.grammar import check_countries
from streamer.process.imports import load_networks, settle_process
from streamer.tracking.registry import check_tracker, tracker_factory
from streamer.types import FloatArray, Frame, Image, Plates, Reading


class DetectorLike(Protocol):
    """What a stream needs of a detector."""

    min_score: float

    def detect(self, frame: Frame) -> Plates: ...

    def another(self) -> DetectorLike:
        """The same for another thread."""


class ReaderLike(Protocol):
    """What a stream needs of a reader. One with a `crop` (engine.cards.CropShape) gets crops of that size and those
    margins, one without gets those of the readers trained here."""

    @property
    def alphabet(self) -> AlphabetLike: ...

    def read(self, crops: Sequence[Image]) -> list[Reading]: ...

    def another(self) -> ReaderLike:
        """The same for another thread."""


@dataclass(frozen=True)
class Engines:
    """Both networks, and the score from which a detection may begin a track. `concurrency`: how many frames are worth
    searching at once."""

    detector: DetectorLike
    reader: ReaderLike
    high_score: float
    concurrency: int = 1

    def another(self) -> Engines:
        """The same networks for another thread."""
        return Engines(self.detector.another(), self.reader.another(), self.high_score, self.concurrency)

    def of_camera(self, own: RunConfig, run: RunConfig) -> Engines:
        """The same networks for a camera's thread, with the scores that its own settings ask for."""
        engines = self.another()
        if (own.min_score, own.track.low_score) == (run.min_score, run.track.low_score):
            return engines
        high_score = own.min_score or self.high_score
        engines.detector.min_score = high_score * own.track.low_score
        return replace(engines, high_score=high_score)

    def read(self, frame: Frame, quads: Sequence[FloatArray]) -> list[tuple[Reading, Image | None] | None]:
        """What is read of the plates in those quads, and the crops it was read from; None for one that cannot be."""
        from streamer.image.warp import rectify

        c: CropShape = getattr(self.reader, "crop", PLATE_CROP)
        crops = [rectify(frame, quad, c.along, c.across, c.width, c.height) for quad in quads]
        return list(zip(self.reader.read(crops), crops, strict=True))


def load_engines(config: RunConfig, detector: DetectorLike | None = None, reader: ReaderLike | None = None) -> Engines:
    """The networks that `config` names (or those given), ready for `run_stream`; ModelError where one is not usable,
    ConfigError where nothing is known of a country, or `track.type` names no tracker.

    A detector made here is asked for weaker plates too: they may continue a track (see association.associate).
    Several frames are worked on at once, a core each: together that is faster than all cores on one. Where it makes one
    of the networks itself it sets two things for the whole process: OpenCV works in one thread, and Python's threads
    take shorter turns.
    """
    check_countries(config.all_countries(), config_folder() / "plates")
    check_tracker(config.track)
    concurrency = available_cores() if config.threads is None else config.threads
    if detector is not None and reader is not None:
        tracker_factory(config.track)  # imports what it needs
        return Engines(detector, reader, config.min_score or detector.min_score)
    load_networks()
    settle_process()
    import streamer.engine.detector
    import streamer.engine.reader  # noqa: F401

    # Compiling both takes about as long as the imports of the tracker. Imports are left to this thread.
    with ThreadPoolExecutor(2, "alpr-load") as pool:
        looking = pool.submit(_detector, config, concurrency) if detector is None else None
        reading = pool.submit(_reader, config, concurrency) if reader is None else None
        tracker_factory(config.track)  # imports what it needs
        if looking is None:
            assert detector is not None
            concurrency, found = 1, (detector, config.min_score or detector.min_score)
        else:
            found = looking.result()
        read = reading.result() if reading is not None else reader
    assert read is not None
    return Engines(found[0], read, found[1], concurrency)


def _detector(config: RunConfig, concurrency: int) -> tuple[DetectorLike, float]:
    """The detector, and its operating point: it is asked for weaker plates as well."""
    from streamer.engine.detector import Detector

    detector = Detector(config.detector, config.precision, config.threads, config.min_score, streams=concurrency)
    detector.prepare()
    high_score = detector.min_score
    detector.min_score = high_score * config.track.low_score
    return detector, high_score


def _reader(config: RunConfig, concurrency: int) -> ReaderLike:
    from streamer.engine.reader import Reader

    reader = Reader(config.reader, config.precision, config.threads, streams=concurrency)
    reader.prepare()
    return reader
