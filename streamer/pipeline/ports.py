"""The settings of one stream, and what its state needs from outside."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from streamer.config.models import RunConfig
from streamer.passages.vote import AlphabetLike, VoteRule, vote
from streamer.pipeline.looks import Look
from streamer.source.source import StreamInfo
from streamer.types import FloatArray, Frame, Image, Reading

# A frame for pictures of the passage at a quad (the last), without the plates that are not to be shown: of the quads of
# all others and its own.
Hide = Callable[[Frame, Sequence[FloatArray], FloatArray], Frame]
# Reads the plates in these quads of a frame: the reading and the crop it was read from; None for an unreadable one.
Read = Callable[[Frame, Sequence[FloatArray]], Sequence[tuple[Reading, Image | None] | None]]


@dataclass(frozen=True)
class Wanted:
    """What the outputs want beyond final rows and rejections; the rest is not made.

    `frames`: a FrameSeen for every frame, to draw; `readings`: one for every frame that the detector ran on, with its
    readings; `provisional`: rows of living tracks; `crops`, `snapshots`, `posteriors`: pictures and the fused
    distributions in the rows; `waiting`: the rows of a live camera that are not final yet."""

    frames: bool = False
    readings: bool = False
    provisional: bool = False
    crops: bool = False
    snapshots: bool = False
    waiting: bool = False
    posteriors: bool = False


@dataclass(frozen=True)
class Ports:
    """What a stream's state needs from outside: a reader and its `alphabet`, what the outputs want, where the
    detections that it gets are those of a first look, who looks again, and who hides plates in pictures."""

    read: Read
    alphabet: AlphabetLike
    wanted: Wanted = Wanted()
    look: Look | None = None
    hide: Hide | None = None


@dataclass(frozen=True)
class StreamSettings:
    """Settings of one stream, `info`. `high_score`: the score from which a detection may begin a track; `rule`: the
    vote; `first_id`: the number of its first track."""

    config: RunConfig
    info: StreamInfo
    high_score: float = 0.0
    rule: VoteRule = vote
    first_id: int = 1

    @property
    def camera(self) -> str:
        """The camera name in its rows and events."""
        return self.config.camera or self.info.name
