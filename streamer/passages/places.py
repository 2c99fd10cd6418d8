"""Where the tracks of a stream went: the zone of a passage, and the lines that its plate crossed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import numpy as np

from streamer.config.models import RunConfig
from streamer.geometry import box_centre
from streamer.passages.lines import Lines
from streamer.passages.merge import MOST_CROSSED
from streamer.passages.zones import Zones
from streamer.tracking.track import Track
from streamer.types import FloatArray, Passage, Plates


class Places:
    """Zones and lines of one stream, and the lines crossed by each living track. `size` (width, height) in px."""

    def __init__(self, config: RunConfig) -> None:
        self._zones, self._lines = Zones(config.zones), Lines(config.lines)
        self._courses: dict[int, tuple[FloatArray, list[str]]] = {}  # by track: its last centre, the lines it crossed

    def kept(self, plates: Plates, size: tuple[int, int]) -> Plates:
        """The plates that the zones leave."""
        return self._zones.kept(plates, *size)

    def note(self, hit: Iterable[Track], size: tuple[int, int]) -> None:
        """Records the lines that the plates crossed since their last hit."""
        if not self._lines:
            return
        for track in hit:
            before, crossed = self._courses.get(track.id, (box_centre(track.first.box_xyxy), []))
            after = box_centre(track.last.box_xyxy)
            if len(crossed) < MOST_CROSSED:
                crossed += self._lines.crossed(before, after, *size)[: MOST_CROSSED - len(crossed)]
            self._courses[track.id] = after, crossed

    def placed(self, passage: Passage, size: tuple[int, int]) -> Passage:
        """The passage with its zone and the lines that it crossed."""
        crossed = tuple(self._courses[passage.track_id][1]) if passage.track_id in self._courses else ()
        zone = self._zones.name_at(np.array(passage.box), *size)
        return replace(passage, zone=zone, crossed=crossed)

    def forget(self, track: Track) -> None:
        """The track ended."""
        self._courses.pop(track.id, None)
