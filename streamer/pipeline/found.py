"""What a stream asks a detector for."""

from __future__ import annotations

from streamer.engine.large import find
from streamer.pipeline.detect import FindIn
from streamer.pipeline.engines import DetectorLike, first_look
from streamer.pipeline.state import StreamState
from streamer.types import Frame, Plates


def finder(state: StreamState) -> FindIn:
    """First looks, where the stream's state has some looked at again, else all plates."""
    return first_look if state.looks_again else find


def found_in(frame: Frame, state: StreamState, detector: DetectorLike) -> Plates | None:
    """The detections of a frame, None where the detector need not run on it."""
    return finder(state)(detector, frame) if state.needs_detection(frame) else None
