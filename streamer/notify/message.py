"""Events as messages of the outbox: a key that is the same at every try, and the content that all dialects are made
of."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal

from streamer.sink.events import (
    Event,
    HealthChanged,
    PassageFinal,
    PassageProvisional,
    PassageWithdrawn,
    WatchHit,
)
from streamer.sink.jsonl import record_of
from streamer.types import Image, Passage

Kind = Literal["passage", "hit", "camera", "health"]
Status = Literal["final", "provisional", "withdrawn"]
STATES: tuple[Kind, ...] = ("camera", "health")  # of which only the last counts; the others are events
_QUALITY = 90  # of JPEG


@dataclass(frozen=True)
class Message:
    """What one target is to be told. `key`: the event's id and its revision, by which a receiver knows what it has
    already; `crop`: the plate as JPEG."""

    key: str
    camera: str
    kind: Kind
    body: Mapping[str, Any] = field(default_factory=dict)
    crop: bytes | None = None


@dataclass(frozen=True)
class Stored:
    """A message in an outbox: its number there, when it was put there (Unix time), and how often it was tried."""

    number: int
    message: Message
    made: float
    tries: int = 0
    reason: str = ""


def passage_message(passage: Passage, status: Status = "final", revision: int = 0, *, crop: bool = False) -> Message:
    """The row of a passage. `revision` counts those before it is final."""
    number = status if status == "final" else f"{revision}" if status == "provisional" else f"{revision}-withdrawn"
    message = row_message(record_of(passage), number, status, source=passage.source)
    return replace(message, crop=jpeg(passage.crop)) if crop else message


def row_message(record: Mapping[str, Any], revision: str, status: Status = "final", *, source: str = "") -> Message:
    """The row that a record (of --jsonl) holds."""
    body = {**record, "status": status, "revision": revision, "source": source}
    return Message(f"{record['event_id']}.{revision}", str(record["camera"]), "passage", body)


def hit_message(event: WatchHit, *, crop: bool = False) -> Message:
    """A plate on a list, with the row as it is now."""
    row = passage_message(event.passage, event.status, event.revision, crop=crop)
    which = hashlib.sha256(event.match.list.encode("utf-8", "replace")).hexdigest()[:8]  # ids go into headers
    body = {**row.body, "revision": f"{event.revision}", "hit": asdict(event.match)}
    return Message(f"{event.passage.event_id}.hit-{which}.{event.revision}", row.camera, "hit", body, row.crop)


def message_of(event: Event, *, crop: bool = False) -> Message | None:
    """The message of an event; None of one that no target is told of."""
    match event:
        case PassageFinal():
            return passage_message(event.passage, crop=crop)
        case PassageProvisional():
            return passage_message(event.passage, "provisional", event.revision, crop=crop)
        case PassageWithdrawn():
            return passage_message(event.passage, "withdrawn", event.revision, crop=crop)
        case WatchHit():
            return hit_message(event, crop=crop)
        case HealthChanged():
            return Message(f"health:{event.stream}", event.stream, "health", {"up": event.up, "reason": event.reason})
    return None


def jpeg(image: Image | None) -> bytes | None:
    """A picture as a file."""
    if image is None:
        return None
    import cv2

    return bytes(cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])[1].tobytes())
