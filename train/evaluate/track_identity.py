"""Whether tracks keep their plate: identity switches and fragmentations, as the MOT challenge counts them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from streamer.sink.events import TrackView
from streamer.sink.sink import BaseSink
from streamer.types import Frame, Plates
from train.data.manifest import Box
from train.evaluate.measures import PassageTruth, iou

SAME = 0.5  # IoU from which a track's box is on a passage's


class TrackLog(BaseSink):
    """Keeps the boxes of all tracks by frame."""

    needs_frames = True

    def __init__(self) -> None:
        self.tracks: dict[int, list[tuple[int, Box]]] = defaultdict(list)

    def frame(self, frame: Frame, plates: Plates, tracks: Sequence[TrackView]) -> None:
        for track in tracks:
            x1, y1, x2, y2 = (float(v) for v in track.box_xyxy)
            self.tracks[frame.index].append((track.id, (x1, y1, x2, y2)))


@dataclass(frozen=True)
class Identity:
    """`switches`: how often a passage continued under another track; `fragments`: how often it was lost and found
    again; `covered`: frames in which a track was on it, of `frames` with a box."""

    passages: int = 0
    switches: int = 0
    fragments: int = 0
    covered: int = 0
    frames: int = 0

    def __add__(self, other: Identity) -> Identity:
        return Identity(
            self.passages + other.passages,
            self.switches + other.switches,
            self.fragments + other.fragments,
            self.covered + other.covered,
            self.frames + other.frames,
        )


def identity_of(truth: Sequence[PassageTruth], tracks: Mapping[int, Sequence[tuple[int, Box]]]) -> Identity:
    """Over the legible span of each passage that has boxes."""
    total = Identity()
    for passage in truth:
        frames = sorted(f for f in passage.boxes if passage.first <= f <= passage.last)
        if frames:
            total += _of_one([_track_on(passage.boxes[f], tracks.get(f, ())) for f in frames])
    return total


def _of_one(ids: Sequence[int | None]) -> Identity:
    """`ids`: the track on a passage in each of its frames, None where there is none."""
    known = [i for i in ids if i is not None]
    switches = sum(a != b for a, b in pairwise(known))
    found = [i is not None for i in ids]
    starts = sum(b and not a for a, b in zip([False, *found], found, strict=False))
    return Identity(1, switches, max(0, starts - 1), len(known), len(ids))


def _track_on(box: Box, tracks: Sequence[tuple[int, Box]]) -> int | None:
    best = max(tracks, key=lambda t: iou(t[1], box), default=None)
    return None if best is None or iou(best[1], box) < SAME else best[0]
