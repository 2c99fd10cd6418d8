"""Pictures of one stream without readable plates: of all, or of those that no list of plates reports."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

import numpy as np

from streamer.geometry import box_iou_matrix
from streamer.image.blur import blur, blurred, blurred_jpeg, box_quad
from streamer.sink.events import (
    Event,
    FrameSeen,
    PassageFinal,
    PassageProvisional,
    PassagesWaiting,
    PassageWithdrawn,
    TrackRejected,
    TrackView,
    WatchHit,
)
from streamer.types import FloatArray, Frame, Passage

Hidden = Literal["plates", "others"]

_SAME = 0.3  # IoU of boxes of one plate
_MOST = 4096  # tracks that are remembered


class Hiding:
    """Makes plates unreadable in whatever leaves the stream: `apply` in its events, `frame` in the one that a passage's
    pictures are taken from. `others`: a track is hidden until a list reports it, and where the report is withdrawn."""

    def __init__(self, what: Hidden) -> None:
        self.what = what
        self._lists: OrderedDict[int, set[str]] = OrderedDict()  # that report a track, by its number

    def apply(self, event: Event) -> Event:
        """The event as outputs may see it."""
        match event:
            case FrameSeen():
                return self._seen(event)
            case WatchHit():
                self._note(event)
                return replace(event, passage=self._shown(event.passage, reported=event.status != "withdrawn"))
            case PassageFinal():
                return replace(event, passage=self._shown(event.passage, reported=bool(event.passage.watch)))
            case PassageProvisional() | PassageWithdrawn():
                reported = bool(self._lists.get(event.passage.track_id))
                return replace(event, passage=self._shown(event.passage, reported=reported))
            case PassagesWaiting():
                return replace(event, passages=tuple(replace(p, crop=None, snapshot=None) for p in event.passages))
            case TrackRejected():
                return replace(event, rejection=replace(event.rejection, crop=None))
            case _:
                return event

    def frame(self, frame: Frame, quads: Sequence[FloatArray], own: FloatArray) -> Frame:
        """A frame of which the pictures of the passage at `own` are made: without its own plate where none is shown,
        and without all others that are at `quads`."""
        if self.what == "plates":
            return blurred(frame, [*quads, own])
        return blurred(frame, _apart(quads, [own]))

    def _seen(self, event: FrameSeen) -> FrameSeen:
        tracks = [*event.tracks, *event.missed]
        shown = [track.quad for track in tracks if self.what == "others" and self._lists.get(track.id)]
        quads = _apart(
            [*event.found.quad, *(t.quad for t in tracks)] if event.found else [t.quad for t in tracks], shown
        )
        return replace(
            event,
            frame=blurred(event.frame, quads),
            tracks=self._views(event.tracks),
            missed=self._views(event.missed),
        )

    def _views(self, tracks: Sequence[TrackView]) -> tuple[TrackView, ...]:
        """Without the text of those that are hidden: it is drawn beside the plate."""
        others = self.what == "others"
        return tuple(t if others and self._lists.get(t.id) else replace(t, text="") for t in tracks)

    def _note(self, hit: WatchHit) -> None:
        number = hit.passage.track_id
        lists = self._lists.setdefault(number, set())
        if hit.status == "withdrawn":
            lists.discard(hit.match.list)
        else:
            lists.add(hit.match.list)
        self._lists.move_to_end(number)
        if len(self._lists) > _MOST:
            self._lists.popitem(last=False)

    def _shown(self, passage: Passage, *, reported: bool) -> Passage:
        """The passage with its pictures as they may be seen; its own plate is still in those of `others`."""
        if self.what == "plates" or reported:
            return passage
        crop, snapshot = passage.crop, passage.snapshot
        if crop is not None:
            crop = crop.copy()
            height, width = crop.shape[:2]
            blur(crop, [box_quad((0, 0.15 * height, width, 0.85 * height))])
        if snapshot is not None:
            snapshot = blurred_jpeg(snapshot, [box_quad(passage.box)])
        return replace(passage, crop=crop, snapshot=snapshot)


def _apart(quads: Sequence[FloatArray], kept: Sequence[FloatArray]) -> list[FloatArray]:
    """Those quads that are of other plates than the ones at `kept`."""
    if not quads or not kept:
        return list(quads)
    same = box_iou_matrix(_boxes(quads), _boxes(kept)).max(axis=1) >= _SAME
    return [quad for quad, is_same in zip(quads, same, strict=True) if not is_same]


def _boxes(quads: Sequence[FloatArray]) -> FloatArray:
    corners = np.asarray(quads, float)
    return np.concatenate([corners.min(axis=1), corners.max(axis=1)], axis=1)
