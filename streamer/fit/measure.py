"""Measures a source by a run whose rows go nowhere: an output that collects what its frames, plates and rows show."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING

from streamer.config.models import RunConfig
from streamer.errors import InputError
from streamer.fit.packets import Observable, Packets
from streamer.fit.sharpness import Sharpness, sharpness_of
from streamer.geometry import plate_height
from streamer.pipeline.engines import Engines, load_engines
from streamer.pipeline.runner import IncompleteRun, run_stream
from streamer.pipeline.status import Streams
from streamer.sink.sink import BaseSink
from streamer.source.source import Source, StreamInfo
from streamer.types import Frame, Passage, Plates, Reading, Rejection, RunSummary

if TYPE_CHECKING:
    import threading

_MOST_SHARP = 500  # plates whose sharpness is measured
_BUFFERED_S = 1.0  # what a camera had buffered arrives in its first second


@dataclass(frozen=True)
class Vehicle:
    """One row: its text, how sure, how often it was read, seconds in the picture, and the height of the plate in its
    best frame."""

    text: str
    confidence: float
    reads: int
    seconds: float
    height: float


@dataclass
class Measures:
    """All that was measured. `rate`: frames a second, by their time stamps; `gap_s`: the longest time between two;
    `brightness`: mean of the pictures' luma, 0-255; `early`: frames dropped while the run
    started; `heights`: of all plates found, px; `confidences`: of all
    readings."""

    live: bool = False
    width: int = 0
    height: int = 0
    declared: float | None = None
    rate: float | None = None
    gap_s: float | None = None
    frames: int = 0
    seconds: float = 0.0
    dropped: int = 0
    early: int = 0
    reconnects: int = 0
    brightness: float | None = None
    codec: str = ""
    kbit_s: float | None = None
    key_s: float | None = None
    heights: list[float] = field(default_factory=list)
    sharp: list[Sharpness] = field(default_factory=list)
    confidences: list[float] = field(default_factory=list)
    vehicles: list[Vehicle] = field(default_factory=list)
    rejected: Counter[str] = field(default_factory=Counter)
    warnings: list[str] = field(default_factory=list)


class FitSink(BaseSink):
    """Collects measures; sets `stop` after `seconds` of the stream."""

    needs_frames = True

    def __init__(
        self, measures: Measures, seconds: float, stop: threading.Event, min_score: float, streams: Streams
    ) -> None:
        self._measures, self._limit, self._stop, self._min_score = measures, seconds, stop, min_score
        self._streams = streams
        self._stamps: list[float] = []
        self._light: list[float] = []

    def begin(self, info: StreamInfo) -> None:
        measures = self._measures
        measures.live, measures.width, measures.height = info.live, info.width, info.height
        measures.declared = float(info.rate) if info.rate else None

    def frame(self, frame: Frame, plates: Plates, tracks: Sequence[object]) -> None:
        if not self._stamps or frame.pts - self._stamps[-1] > 0:
            self._stamps.append(frame.pts)
        if frame.pts <= _BUFFERED_S or len(self._stamps) == 1:
            self._measures.early = dropped_by(self._streams)
        if frame.index % 10 == 0:
            picture = frame.planes.y if frame.planes is not None else frame.bgr
            assert picture is not None
            self._light.append(float(picture[::16, ::16].mean()))
        if frame.pts >= self._limit:
            self._stop.set()

    def seen(self, frame: Frame, plates: Plates, readings: dict[int, Reading]) -> None:
        strong = plates.score >= self._min_score
        self._measures.heights += plate_height(plates.quad[strong]).tolist()
        for row, reading in readings.items():
            self._measures.confidences.append(reading.confidence)
            if len(self._measures.sharp) < _MOST_SHARP:
                sharp = sharpness_of(frame, plates.quad[row])
                self._measures.sharp += [] if sharp is None else [sharp]

    def passage(self, passage: Passage) -> None:
        _, top, _, bottom = passage.box
        self._measures.vehicles.append(
            Vehicle(
                passage.plate, passage.confidence, passage.n_reads, passage.last_s - passage.first_s, bottom - top
            )
        )  # fmt: skip

    def rejection(self, rejection: Rejection) -> None:
        self._measures.rejected[rejection.reason] += 1

    def close(self) -> None:
        stamps, measures = self._stamps, self._measures
        if measures.live:
            stamps = [s for s in stamps if s >= stamps[0] + _BUFFERED_S]
        if len(stamps) > 2:
            measures.seconds = stamps[-1] - stamps[0]
            measures.rate = (len(stamps) - 1) / measures.seconds
            measures.gap_s = max(after - before for before, after in pairwise(stamps))
        if self._light:
            measures.brightness = sum(self._light) / len(self._light)


def measured(
    source: Source,
    seconds: float,
    stop: threading.Event,
    config: RunConfig | None = None,
    engines: Engines | None = None,
) -> Measures:
    """Reads a source for some seconds of its time, or until `stop` is set. InputError where it gives no picture."""
    config = config or RunConfig()
    config = config.model_copy(
        update={"live": config.live.model_copy(update={"give_up_s": config.live.give_up_s or 20.0})}
    )
    measures, packets, streams = Measures(), Packets(), Streams()
    if isinstance(source, Observable):
        source.observer = packets
    engines = engines or load_engines(config)
    sink = FitSink(measures, seconds, stop, engines.high_score, streams)
    try:
        summary = run_stream(source, [sink], config, engines=engines, stop=stop, streams=streams)
    except IncompleteRun as error:
        if not measures.width or not error.summary.frames:
            raise InputError(str(error), at=source.name) from None
        summary = error.summary
        measures.warnings.append(str(error))
    _complete(measures, packets, summary, streams)
    return measures


def _complete(measures: Measures, packets: Packets, summary: RunSummary, streams: Streams) -> None:
    measures.frames, measures.reconnects = summary.frames, summary.reconnects
    measures.dropped = dropped_by(streams) - measures.early
    measures.codec, measures.kbit_s, measures.key_s = packets.codec, packets.kbit_s, packets.key_s
    if packets.rate is not None:  # what was sent, also where frames were dropped here
        measures.rate, measures.gap_s = packets.rate, packets.gap_s
    measures.warnings += summary.warnings


def dropped_by(streams: Streams) -> int:
    """Frames that all cameras dropped so far."""
    return sum(w.health.dropped for w in streams.watched if w.health is not None)
