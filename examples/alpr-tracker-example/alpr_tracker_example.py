"""A tracker without a motion model: each plate goes on with the nearest detection. `track: {type: nearest}` uses it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from pydantic import Field

from streamer import BaseTracker, Frame, Plates, Track, TrackerSettings


class NearestTracker(BaseTracker):
    """Greedy by the distance of centres, up to `reach` plate widths (`track: {type: nearest, options: {reach: 2}}`)."""

    class Settings(TrackerSettings):
        reach: float = Field(default=1.5, gt=0, description="farthest that a plate moves between two frames")

    def match(self, tracks: Sequence[Track], plates: Plates, frame: Frame) -> Iterable[tuple[int, int]]:
        if not tracks or not len(plates):
            return []
        last = np.array([track.last.box_xyxy for track in tracks])
        apart = (last[:, None, :2] + last[:, None, 2:] - plates.box_xyxy[:, :2] - plates.box_xyxy[:, 2:]) / 2
        distance = np.hypot(apart[..., 0], apart[..., 1]) / np.maximum(last[:, 2:3] - last[:, 0:1], 1.0)
        pairs: dict[int, int] = {}
        for k in np.argsort(distance, axis=None, kind="stable"):
            track, plate = divmod(int(k), len(plates))
            if distance[track, plate] <= self.settings.reach and track not in pairs and plate not in pairs.values():
                pairs[track] = plate
        return pairs.items()
