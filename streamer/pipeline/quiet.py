"""When a camera may sleep, and what wakes it up: one camera's frames as its thread sees them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from streamer.geometry import box_iou_matrix
from streamer.pipeline.looks import HOPELESS
from streamer.source.sleeper import CameraFrame, Sleeper
from streamer.tracking.picture_change import CHANGED, TOUCHED, PictureChange, blocks_of
from streamer.types import F32Array, FloatArray, Frame, Plates

_SAME = 0.6  # IoU of two boxes in one place
_LOOK_S = 30.0  # longest time between two runs of the detector on a sleeping camera's key pictures
_SHOWN = 12  # frames after the packet that woke the camera up in which a changed picture keeps it awake
_FORGET_S = 60.0  # a place where nothing was found for so long is forgotten


@dataclass
class _Place:
    """Where something is found again and again: a parked car's plate, or a sign."""

    box_xyxy: FloatArray
    since: float
    last: float


class Quiet:
    """Watches one camera. Call `glimpse` for the key pictures of a sleeping camera; for every other frame ask `looks`,
    then call `seen`."""

    def __init__(self, after_s: float, high_score: float, find: Callable[[Frame], Plates]) -> None:
        """`after_s`: seconds in which nothing new is found before the camera may sleep; `find`: what the detector finds
        in a frame, inside the zones."""
        self._after_s, self._least, self._find = after_s, HOPELESS * high_score, find
        self._change = PictureChange()
        self._places: list[_Place] = []
        self._busy_until: float | None = None
        self._looked_at = 0.0
        self._woken: F32Array | None = None  # blocks of the key picture that it woke up for
        self._came = False  # something new since then

    def glimpse(self, frame: CameraFrame, sleeper: Sleeper) -> bool:
        """Judges a key picture; whether it is quiet."""
        blocks = blocks_of(frame)
        reason = self._reason(frame, self._change.of(blocks))
        if reason:
            self._woken = blocks
        else:
            self._change.learn(blocks)
            if self._busy_until is None:  # it has slept from the beginning
                self._busy_until = frame.pts - self._after_s
        sleeper.judge(frame.number, reason)
        return not reason

    def _reason(self, frame: CameraFrame, change: float) -> str:
        if change >= CHANGED or frame.pts - self._looked_at >= _LOOK_S:
            self._looked_at = frame.pts
            finds = self._find(frame)
            if any(not self._is_still(place, frame.pts) for place in self._placed(finds, frame.pts)):
                return "plate"
        return "picture" if CHANGED <= change < float("inf") else ""

    def looks(self, frame: Frame) -> bool:
        """Whether the detector should run on a frame: of those before a camera woke up, the ones that are still like
        the quiet scene are passed over."""
        late = isinstance(frame, CameraFrame) and frame.late
        return not late or self._busy(frame.pts) or self._change.of(blocks_of(frame)) >= TOUCHED

    def seen(self, frame: Frame, finds: Plates | None, tracks: Sequence[FloatArray], sleeper: Sleeper) -> None:
        """After a frame: what was found in it, and the boxes (4,) of the tracks."""
        now = frame.pts
        places = self._placed(Plates.empty() if finds is None else finds, now) + self._at(tracks, now)
        busy = any(not self._is_still(place, now) for place in places)
        # Of a false alarm all frames are still quiet: the camera falls asleep again at once.
        number = frame.number if isinstance(frame, CameraFrame) else -1
        late = isinstance(frame, CameraFrame) and frame.late
        changed = late and number <= sleeper.woke_at + _SHOWN and finds is not None
        if busy or changed or self._busy_until is None:
            self._busy_until = now
        self._came |= busy
        rests = not self._busy(now)
        if rests and not sleeper.asleep and not sleeper.off:
            self._settle(frame, sleeper)
        sleeper.rest(rests, now - self._busy_until >= self._after_s / 2, number)  # what has just left is no quiet scene

    def _busy(self, now: float) -> bool:
        return self._busy_until is None or now - self._busy_until < self._after_s

    def _is_still(self, place: _Place, now: float) -> bool:
        return now - place.since >= self._after_s

    def _placed(self, finds: Plates, now: float) -> list[_Place]:
        """The places of finds that might be plates."""
        return self._at(finds.box_xyxy[finds.score >= self._least], now)

    def _at(self, boxes: Sequence[FloatArray] | FloatArray, now: float) -> list[_Place]:
        """The places of these boxes; new ones where nothing was found before."""
        self._places = [p for p in self._places if now - p.last < _FORGET_S]
        found = []
        for box in boxes:
            known = None
            if self._places:
                overlap = box_iou_matrix(box[None], np.stack([p.box_xyxy for p in self._places]))[0]
                known = self._places[int(overlap.argmax())] if overlap.max() >= _SAME else None
            if known is None:
                known = _Place(box, now, now)
                self._places.append(known)
            known.last = now
            found.append(known)
        return found

    def _settle(self, frame: Frame, sleeper: Sleeper) -> None:
        """Nothing has happened for long enough: this is the quiet scene."""
        reason = sleeper.take_reason()
        if reason == "packets":
            sleeper.activity.confirm(self._came)
        if self._woken is not None:
            self._change.learn(self._woken, woke=not self._came)
        self._woken, self._came = None, False
        self._change.learn(blocks_of(frame))
        self._looked_at = frame.pts
