"""A made-up row, to try a target with."""

from __future__ import annotations

import secrets
from dataclasses import replace
from datetime import UTC, datetime

from streamer.notify.message import Message, Status, jpeg, passage_message
from streamer.types import Kind, Passage

PLATE, CAMERA = "TEST123", "test"


def sample(status: Status = "final", *, crop: bool = False) -> Message:
    """A passage of no vehicle, now, with `"test": true` in its body."""
    now = datetime.now(UTC)
    passage = Passage(
        camera=CAMERA, track_id=1, plate=PLATE, confidence=0.99, first_frame=0, last_frame=25, best_frame=12,
        first_s=0.0, last_s=1.0, first_seen=now, last_seen=now, time_source="arrival", box=(10, 10, 110, 35), n_reads=5,
        first_box=(10, 10, 110, 35), last_box=(10, 10, 110, 35), score=0.9, event_id=secrets.token_hex(8),
        char_confidence=(0.99,) * len(PLATE), kind=Kind("white", 1, "europe"),
    )  # fmt: skip
    message = passage_message(passage, status, 1)
    return replace(message, body={**message.body, "test": True}, crop=_picture() if crop else None)


def _picture() -> bytes | None:
    import cv2
    import numpy as np

    picture = np.full((120, 320, 3), 255, np.uint8)
    cv2.putText(picture, PLATE, (30, 75), cv2.FONT_HERSHEY_SIMPLEX, 1.8, (0, 0, 0), 3)
    return jpeg(picture)
