"""What one stream is read with: its settings, and what it asks of the world around it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from streamer.config.models import RunConfig
from streamer.passages.vote import AlphabetLike, VoteRule, vote
from streamer.source.base import StreamInfo
from streamer.types import FloatArray, Frame, Image, Reading

# Reads the plates in those quads of a frame: the reading and the crop that it was read from, None for one that cannot
# be read.
Read = Callable[[Frame, Sequence[FloatArray]], Sequence[tuple[Reading, Image | None] | None]]


@dataclass(frozen=True)
class Wanted:
    """What the outputs want beyond final rows and rejections. Nothing else is made.

    `frames`: a FrameSeen for every frame, to draw; `readings`: one for every frame that was searched, with what was
    read; `provisional`: rows of living tracks; `crops`, `snapshots`: pictures in the rows; `waiting`: the rows of a
    live camera that are not final yet.
    """

    frames: bool = False
    readings: bool = False
    provisional: bool = False
    crops: bool = False
    snapshots: bool = False
    waiting: bool = False


@dataclass(frozen=True)
class Ports:
    """What a stream asks for: readings by the classes of `alphabet`, and what the outputs want."""

    read: Read
    alphabet: AlphabetLike
    wanted: Wanted = Wanted()


@dataclass(frozen=True)
class StreamSettings:
    """How one stream, `info`, is read. `high_score`: from which a detection may begin a track; `rule`: the vote;
    `first_id`: the number of its first track."""

    config: RunConfig
    info: StreamInfo
    high_score: float = 0.0
    rule: VoteRule = vote
    first_id: int = 1

    @property
    def camera(self) -> str:
        """What its rows and events call it."""
        return self.config.camera or self.info.name
