"""The reading policy: in which frames a track's plate is read, as one pure function."""

from __future__ import annotations

from dataclasses import dataclass

from streamer.config.models import ReadConfig


@dataclass(frozen=True)
class ReadState:
    """What is known of a track's readings. Heights in px; `last_frame`, `last_s` of the last reading.

    `enough`: as many readings as a row needs. `settled`: probability that more would not change the fused text.
    """

    reads: int = 0
    enough: bool = False
    best_height: float = 0.0
    last_frame: int = -1
    last_s: float = 0.0
    settled: float = 0.0


def should_read(
    state: ReadState, plate_height: float, frame: int, now_s: float, config: ReadConfig, doubt: bool = False
) -> bool:
    """Whether to read a plate of this height (px) in this frame (index, and seconds in the stream).

    Too small: never. Until there are enough readings, and where there is a `doubt` that it is still the same plate:
    always. Then, at most every `every` frames, while the text is unsettled or the plate has grown; a settled text is
    confirmed every `confirm_s` seconds.
    """
    if plate_height < config.min_height:
        return False
    if not state.enough or doubt:
        return True
    if now_s - state.last_s >= config.confirm_s:
        return True
    unsettled = state.settled < config.settled
    grown = plate_height >= config.grow * state.best_height
    return (unsettled or grown) and frame - state.last_frame >= config.every
