"""The networks of a run: what a stream requires of them, and loading them."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Protocol, runtime_checkable

from streamer.config.models import RunConfig
from streamer.engine.cards import PLATE_CROP, CropShape
from streamer.engine.runtime import available_cores
from streamer.engine.zoo import plate_folders
from streamer.passages.vote import AlphabetLike
from streamer.plates.countries import check_countries, replacements
from streamer.process.imports import load_networks, settle_process
from streamer.tracking.trackers import check_tracker, tracker_factory
from streamer.types import FloatArray, Frame, Image, Plates, Reading

_log = logging.getLogger(__name__)


class DetectorLike(Protocol):
    """What a stream requires of a detector."""

    min_score: float

    def detect(self, frame: Frame) -> Plates: ...

    def another(self) -> DetectorLike:
        """The same for another thread."""


@runtime_checkable
class LooksTwice(Protocol):
    """A detector whose second looks at its finds can be made apart, only where they decide something."""

    def finds(self, frame: Frame) -> Plates:
        """What a first look finds."""

    def look(self, frame: Frame, finds: Plates) -> Plates:
        """Those of the finds that a second look confirms."""


def first_look(detector: DetectorLike, frame: Frame) -> Plates:
    """The finds of a detector that looks twice."""
    assert isinstance(detector, LooksTwice)
    return detector.finds(frame)


class ReaderLike(Protocol):
    """What a stream requires of a reader. With an attribute `crop` (engine.cards.CropShape) it gets crops of that size
    and those margins, without one it gets the crops of the shipped reader."""

    @property
    def alphabet(self) -> AlphabetLike: ...

    def read(self, crops: Sequence[Image]) -> list[Reading]: ...

    def another(self) -> ReaderLike:
        """The same for another thread."""


@dataclass(frozen=True)
class Engines:
    """Both networks, and the score from which a detection may begin a track. `concurrency`: on how many
    frames the detector runs at once."""

    detector: DetectorLike
    reader: ReaderLike
    high_score: float
    concurrency: int = 1

    def another(self) -> Engines:
        """The same networks for another thread."""
        return Engines(self.detector.another(), self.reader.another(), self.high_score, self.concurrency)

    def of_camera(self, own: RunConfig, run: RunConfig) -> Engines:
        """The same networks for a camera's thread, with the thresholds of its own settings."""
        engines = self.another()
        if (own.min_score, own.track.low_score) == (run.min_score, run.track.low_score):
            return engines
        high_score = own.min_score or self.high_score
        engines.detector.min_score = high_score * own.track.low_score
        return replace(engines, high_score=high_score)

    def read(self, frame: Frame, quads: Sequence[FloatArray]) -> list[tuple[Reading, Image | None] | None]:
        """The readings of the plates in these quads, with their crops; None for an unreadable one."""
        from streamer.image.warp import rectify

        c: CropShape = getattr(self.reader, "crop", PLATE_CROP)
        crops = [rectify(frame, quad, c.along, c.across, c.width, c.height) for quad in quads]
        return list(zip(self.reader.read(crops), crops, strict=True))


def load_engines(config: RunConfig, detector: DetectorLike | None = None, reader: ReaderLike | None = None) -> Engines:
    """The networks that `config` names (or those given), ready for `run_stream`; ModelError where one is not usable,
    ConfigError where a country is unknown or `track.type` names no tracker.

    A detector made here also returns weaker detections, which may continue a track (see association.associate). It runs
    on several frames at once, one core each, which is faster than all cores on one frame. Where one of the networks is
    loaded here, OpenCV is limited to one thread and Python's switch interval shortened, for the whole process.
    """
    folders = plate_folders(config.plates)
    check_countries(config.all_countries(), folders)
    for line in replacements(folders):
        _log.info(line)
    check_tracker(config.track)
    concurrency = available_cores() if config.threads is None else config.threads
    if detector is not None and reader is not None:
        tracker_factory(config.track)  # imports its libraries
        return Engines(detector, reader, config.min_score or detector.min_score)
    load_networks()
    settle_process()
    import streamer.engine.detector
    import streamer.engine.reader  # noqa: F401

    # Compiling both takes about as long as importing the tracker's libraries, which this thread does meanwhile.
    with ThreadPoolExecutor(2, "alpr-load") as pool:
        detecting = pool.submit(_detector, config, concurrency) if detector is None else None
        reading = pool.submit(_reader, config, concurrency) if reader is None else None
        tracker_factory(config.track)  # imports its libraries
        if detecting is None:
            assert detector is not None
            concurrency, found = 1, (detector, config.min_score or detector.min_score)
        else:
            found = detecting.result()
        read = reading.result() if reading is not None else reader
    assert read is not None
    return Engines(found[0], read, found[1], concurrency)


def _detector(config: RunConfig, concurrency: int) -> tuple[DetectorLike, float]:
    """The detector and its operating point; its own threshold is lower (`track.low_score`)."""
    from streamer.engine.detector import Detector

    detector = Detector(
        config.detector,
        config.precision,
        config.threads,
        config.min_score,
        streams=concurrency,
        device=config.device,
    )
    detector.prepare()
    high_score = detector.min_score
    detector.min_score = high_score * config.track.low_score
    return detector, high_score


def _reader(config: RunConfig, concurrency: int) -> ReaderLike:
    from streamer.engine.reader import Reader

    reader = Reader(config.reader, config.precision, config.threads, streams=concurrency, device=config.device)
    reader.prepare()
    return reader
