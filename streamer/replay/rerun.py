"""A recording run through tracking, voting and passages again, without the networks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from streamer.config.models import RunConfig
from streamer.engine.cards import PLATE_CROP, CropShape
from streamer.errors import InputError
from streamer.passages.vote import VoteRule, vote
from streamer.pipeline.engines import Engines
from streamer.pipeline.runner import run_stream
from streamer.plates.alphabet import Alphabet
from streamer.sink.sink import Sink
from streamer.source.recording import RecordedFrame, RecordedSource, read_recording
from streamer.types import FloatArray, Frame, Image, Plates, Reading, RunSummary


@dataclass
class RecordedDetector:
    """Finds what was found."""

    min_score: float

    def detect(self, frame: Frame) -> Plates:
        assert isinstance(frame, RecordedFrame)
        return frame.plates

    def another(self) -> RecordedDetector:
        return self


@dataclass(frozen=True)
class RecordedReader:
    """Knows the classes; what was read is looked up by `RecordedEngines`."""

    alphabet: Alphabet
    crop: CropShape = PLATE_CROP

    def another(self) -> RecordedReader:
        return self

    def read(self, crops: Sequence[Image]) -> list[Reading]:
        raise InputError(f"{len(crops)} crops: a recording holds no pictures to read")


@dataclass(frozen=True)
class RecordedEngines(Engines):
    """Answers from the recording. A plate that was not read then is not read now."""

    def read(self, frame: Frame, quads: Sequence[FloatArray]) -> list[tuple[Reading, Image | None] | None]:
        assert isinstance(frame, RecordedFrame)
        rows = {quad.tobytes(): k for k, quad in enumerate(frame.plates.quad)}
        found = (frame.readings.get(rows[quad.tobytes()]) for quad in quads)
        return [None if reading is None else (reading, None) for reading in found]


def replay(
    recording: str | Path | Sequence[RecordedSource],
    sinks: Sequence[Sink],
    config: RunConfig | None = None,
    rule: VoteRule = vote,
) -> RunSummary:
    """As `pipeline.run_stream`, from what `sink.record.RecordSink` kept. InputError where it cannot be read.

    With the configuration it was recorded with the rows are the same. Settings of tracking, voting, passages and zones
    can be changed at will; those that ask for more readings find only what was read.
    """
    sources = read_recording(Path(recording)) if isinstance(recording, str | Path) else list(recording)
    config = config or RunConfig()
    networks = sources[0].networks
    score = config.min_score or networks.high_score
    engines = RecordedEngines(RecordedDetector(score), RecordedReader(Alphabet(networks.symbols)), score)
    return run_stream(sources, sinks, config, engines=engines, rule=rule)
