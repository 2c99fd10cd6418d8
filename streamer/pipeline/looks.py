"""Which finds of the detector's first look get a second one (the refiner's): those that decide something.

A find may begin a track, is about to be read, or has a score near the threshold: it is looked at again. One that only
continues a track which second looks have confirmed is taken as it is, and one that is too weak to begin a track and
touches none is dropped.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from streamer.engine.large import NMS_IOU
from streamer.geometry import box_iou_matrix, box_overlap, quad_height
from streamer.types import FloatArray, Frame, Plates

# Takes a frame and finds of its first look; returns those that a second look confirms, with better corners.
Look = Callable[[Frame, Plates], Plates]

TRUSTED_HITS = 3  # strong detections after which a track is followed by first looks
# Shares of the score that begins a track. Of 2,359 finds in eight videos 376 were above the first, and second looks
# left 366 of these strong; 1,374 were below the second, and none of these became strong.
SURE, HOPELESS = 4 / 3, 0.55
_COVERS, _TOUCHES = 0.3, 0.1  # IoU of a find and a track's expected box


@dataclass(frozen=True)
class Followed:
    """A living track, before this frame's finds are assigned: where it is expected, whether second looks have confirmed
    it, and whether a plate of that height (px) would be read now."""

    box_xyxy: FloatArray
    trusted: bool
    would_read: Callable[[float], bool]


def look_again(
    frame: Frame,
    finds: Plates,
    tracks: Sequence[Followed],
    high_score: float,
    look: Look,
    *,
    all_near: bool = False,
    sparing_from: float | None = None,
) -> Plates:
    """The plates of a frame, by second looks where `needs_look` says so. `all_near`: there are tracks which are not
    confirmed yet, and any find may belong to one. `sparing_from`: only plates that are about to be read are looked at
    again, and the others kept from that score of the first look on."""
    if not len(finds):
        return finds
    again, kept = needs_look(finds, tracks, high_score, all_near=all_near, sparing_from=sparing_from)
    if not again.any():
        return finds[kept]
    looked = look(frame, finds[again])
    if not kept.any():
        return looked
    return merged(finds[kept], looked)


def needs_look(
    finds: Plates,
    tracks: Sequence[Followed],
    high_score: float,
    *,
    all_near: bool = False,
    sparing_from: float | None = None,
) -> tuple[np.ndarray[tuple[int], np.dtype[np.bool_]], np.ndarray[tuple[int], np.dtype[np.bool_]]]:
    """(n,) bool each: the finds to look at again, and those that are kept as they are."""
    count = len(finds)
    near, safe = np.full(count, all_near), np.zeros(count, bool)
    read = np.zeros(count, bool)
    boxes = finds.box_xyxy.tolist() if tracks else []
    for track in tracks if count else ():
        expected = track.box_xyxy.tolist()
        row = [box_overlap(*expected, *box) for box in boxes]
        for k, overlap in enumerate(row):
            if overlap > _TOUCHES:
                near[k] = True
        best = row.index(max(row))
        if row[best] < _COVERS:
            continue
        safe[best] |= track.trusted
        read[best] |= track.would_read(quad_height(finds.quad[best]))
    if sparing_from is not None:
        return read, ~read & (finds.score >= sparing_from)
    kept = safe & ~read & (finds.score >= SURE * high_score)
    return ~kept & (near | (finds.score >= HOPELESS * high_score)), kept


def merged(kept: Plates, looked: Plates) -> Plates:
    """Both, best first, each plate once: of two finds on one plate the one that was looked at."""
    if len(looked):
        kept = kept[box_iou_matrix(kept.box_xyxy, looked.box_xyxy).max(1) < NMS_IOU]
    every = Plates.joined([kept, looked])
    return every[np.argsort(-every.score, kind="stable")]
