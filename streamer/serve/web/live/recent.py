"""The last rows of a run, with their crops, in memory: what the live page shows without a store, and as they come."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from streamer.config.secrets import shown
from streamer.serve.web.live.feed import NewsFeed
from streamer.sink.events import Event, HealthChanged, PassageFinal, PassageProvisional, PassageWithdrawn, WatchHit
from streamer.sink.sink import BaseSink, Wants
from streamer.types import Passage

MOST = 60


@dataclass(frozen=True)
class Row:
    """A row as the live page shows it. `status`: final, provisional or withdrawn; `at`: microseconds when it was first
    seen, None where that is unknown; `lists`: names of the lists that report it; `parts`: ids of rows it replaces;
    `crop`: whether there is a picture."""

    event_id: str
    camera: str
    plate: str
    confidence: float
    status: str
    at: int | None = None
    char_confidence: tuple[float, ...] = ()
    flags: tuple[str, ...] = ()
    region: str = ""
    zone: str = ""
    lists: tuple[str, ...] = ()
    parts: tuple[str, ...] = ()
    crop: bool = False
    revision: int = 1


class PageSink(BaseSink):
    """Beside the outputs of a run: passes rows, hits and the cameras' health on to the page; never fails a run."""

    onlooker = True
    wants_crops = True

    def __init__(self, feed: NewsFeed) -> None:
        self._feed = feed
        self._rows: OrderedDict[str, tuple[Row, bytes | None]] = OrderedDict()
        self._hits: OrderedDict[str, tuple[str, ...]] = OrderedDict()
        self._lock = threading.Lock()

    @property
    def name(self) -> str:
        return "page"

    @property
    def wants(self) -> Wants:
        events = frozenset({PassageFinal, PassageProvisional, PassageWithdrawn, WatchHit, HealthChanged})
        return Wants(events, every_frame=False, crops=True)

    def write(self, event: Event) -> None:
        match event:
            case PassageFinal():
                self._put(event.passage, "final", 0)
            case PassageProvisional():
                self._put(event.passage, "provisional", event.revision)
            case PassageWithdrawn():
                self._put(event.passage, "withdrawn", event.revision)
            case WatchHit():
                self._hit(event)
            case HealthChanged():
                self._feed.publish("health", event.stream, {"up": event.up, "reason": shown(event.reason)})

    def rows(self) -> list[Row]:
        """The last rows, the newest first."""
        with self._lock:
            return [row for row, _ in reversed(self._rows.values())]

    def crop(self, event_id: str) -> tuple[Row, bytes] | None:
        """The row and the crop of the plate (JPEG) of one of them."""
        with self._lock:
            found = self._rows.get(event_id)
        return None if found is None or found[1] is None else (found[0], found[1])

    def _put(self, passage: Passage, status: str, revision: int) -> None:
        crop = _jpeg(passage)
        with self._lock:
            before = self._rows.pop(passage.event_id, None)
            if crop is None and before is not None:
                crop = before[1]
            lists = () if status == "withdrawn" else self._hits.get(passage.event_id, ())
            row = row_of(passage, status, revision, crop is not None, lists)
            if status != "withdrawn":
                self._rows[passage.event_id] = row, crop
            for part in row.parts:
                if part != row.event_id:
                    self._rows.pop(part, None)
            while len(self._rows) > MOST:
                self._rows.popitem(last=False)
        self._feed.publish("passage", passage.camera, row)

    def _hit(self, event: WatchHit) -> None:
        event_id, name = event.passage.event_id, event.match.list
        with self._lock:
            names = [one for one in self._hits.pop(event_id, ()) if one != name]
            self._hits[event_id] = (*names, name) if event.status != "withdrawn" else tuple(names)
            while len(self._hits) > MOST:
                self._hits.popitem(last=False)
            found = self._rows.get(event_id)
            if event.status == "withdrawn" and found is not None:  # the row goes on, without this list
                self._rows[event_id] = found = replace(found[0], lists=tuple(names)), found[1]
        self._feed.publish("hit", event.stream, hit_of(event))
        if event.status != "withdrawn":
            self._put(event.passage, event.status, event.revision)
        elif found is not None:
            self._feed.publish("passage", event.stream, found[0])


def row_of(passage: Passage, status: str, revision: int, crop: bool, lists: tuple[str, ...] = ()) -> Row:
    """The row of a passage."""
    from streamer.store.times import micros

    seen = passage.first_seen
    return Row(
        passage.event_id,
        passage.camera,
        passage.plate,
        passage.confidence,
        status,
        None if seen is None else micros(seen),
        passage.char_confidence,
        passage.flags,
        passage.kind.region or "",
        passage.zone,
        lists,
        passage.parts,
        crop,
        revision,
    )


def hit_of(event: WatchHit) -> Mapping[str, Any]:
    """What a hit says, as JSON has it."""
    match, passage = event.match, event.passage
    return {
        "list": match.list, "kind": match.kind, "plate": passage.plate, "entry": match.plate, "name": match.name,
        "note": match.note, "colour": match.colour, "why": match.why, "camera": passage.camera, "status": event.status,
        "event_id": passage.event_id, "confidence": passage.confidence,
    }  # fmt: skip


def _jpeg(passage: Passage) -> bytes | None:
    if passage.crop is None:
        return None
    import cv2

    data: bytes = cv2.imencode(".jpg", passage.crop, [cv2.IMWRITE_JPEG_QUALITY, 85])[1].tobytes()
    return data
