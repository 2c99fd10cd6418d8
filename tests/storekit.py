"""Passages for tests of the store."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from streamer.types import Kind, Passage

WHEN = datetime(2026, 3, 1, 8, 0, 0, 123456, tzinfo=UTC)


def row(number: int = 1, plate: str = "AB123", **changes: Any) -> Passage:
    """A passage; its id and time follow from `number`."""
    seen = WHEN + timedelta(minutes=number)
    base = Passage(
        camera="gate", track_id=number, plate=plate, confidence=0.9123, first_frame=10, last_frame=50, best_frame=20,
        first_s=0.4, last_s=2.0, first_seen=seen, last_seen=seen + timedelta(seconds=1.6), time_source="container",
        box=(10.0, 20.0, 110.0, 50.0), n_reads=12, first_box=(10.0, 20.0, 100.0, 45.0),
        last_box=(40.0, 60.0, 160.0, 90.0), score=0.8765, event_id=f"{number:016x}",
        char_confidence=tuple(0.98 for _ in plate), alternatives=(("A8123", 0.04),), flags=("few_reads",),
        kind=Kind("white", 1, "europe"), source="gate.mp4", zone="drive", crossed=("line+",),
    )  # fmt: skip
    return replace(base, **changes)
