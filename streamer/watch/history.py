"""Passages that were kept: rows of JSON lines, and how many a week they are."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from streamer.errors import InputError
from streamer.types import Kind, Passage, Posterior
from streamer.watch.traffic import WEEK_S


def passage_of_record(record: Mapping[str, Any], posterior: Posterior | None = None) -> Passage:
    """The passage of a row of JSON lines. KeyError, TypeError or ValueError where it is none."""

    def seen(key: str) -> datetime | None:
        text = record.get(key)
        return datetime.fromisoformat(text) if text else None

    def box(key: str) -> tuple[float, float, float, float]:
        x1, y1, x2, y2 = record.get(key) or (0.0, 0.0, 0.0, 0.0)
        return float(x1), float(y1), float(x2), float(y2)

    return Passage(
        camera=str(record["camera"]),
        track_id=int(record["track_id"]),
        plate=str(record["plate"]),
        confidence=float(record["confidence"]),
        first_frame=int(record["first_frame"]),
        last_frame=int(record["last_frame"]),
        best_frame=int(record["best_frame"]),
        first_s=float(record["first_s"]),
        last_s=float(record["last_s"]),
        first_seen=seen("first_seen"),
        last_seen=seen("last_seen"),
        time_source=record.get("time_source", "unknown"),
        box=box("box"),
        n_reads=int(record["n_reads"]),
        first_box=box("first_box"),
        last_box=box("last_box"),
        score=float(record.get("score", 0.0)),
        event_id=str(record.get("event_id", "")),
        zone=str(record.get("zone") or ""),
        crossed=tuple(record.get("crossed") or ()),
        parts=tuple(record.get("parts") or ()),
        char_confidence=tuple(float(p) for p in record.get("char_confidence") or ()),
        alternatives=tuple((str(text), float(p)) for text, p in record.get("alternatives") or ()),
        flags=tuple(record.get("flags") or ()),
        kind=Kind(record.get("colour"), record.get("rows"), record.get("region")),
        posterior=posterior,
    )


def read_jsonl(path: Path) -> list[Passage]:
    """The final rows of a file that --jsonl wrote; InputError where it is none. A last line that is cut is left out."""
    found = []
    try:
        with path.open(encoding="utf-8") as stream:
            for number, line in enumerate(stream, 1):
                if not line.strip():
                    continue
                try:
                    record = json.loads(line)
                    if record["type"] == "passage" and record["status"] == "final":
                        found.append(passage_of_record(record))
                except (ValueError, KeyError, TypeError) as error:
                    if not line.endswith("\n"):
                        break
                    raise InputError(
                        f"{path}:{number}: is no row of alpr run --jsonl ({type(error).__name__}: {error}): give such "
                        "a file",
                        at=path,
                    ) from None
    except FileNotFoundError:
        raise InputError(f"{path}: no such file: check the path", at=path) from None
    except OSError as error:
        raise InputError(
            f"{path}: cannot be read ({error.strerror}): give a file of alpr run --jsonl", at=path
        ) from None
    except UnicodeDecodeError:
        raise InputError(f"{path}: is no text: give a file of alpr run --jsonl", at=path) from None
    return found


@dataclass(frozen=True)
class Span:
    """How long passages were seen (s), by the clock where all have times; 0 where that is not known."""

    seconds: float
    by_clock: bool

    def per_week(self, passages: int) -> float | None:
        return passages / self.seconds * WEEK_S if self.seconds > 0 else None


def span_of(passages: Sequence[Passage]) -> Span:
    """From the first to the last passage; without clock times the seconds of all recordings, one after the other."""
    moments = [moment for p in passages for moment in (p.first_seen, p.last_seen or p.first_seen) if moment is not None]
    if moments and len(moments) == 2 * len(passages):
        return Span((max(moments) - min(moments)).total_seconds(), by_clock=True)
    ends: dict[tuple[str, str], float] = {}
    for p in passages:
        key = p.camera, p.source
        ends[key] = max(ends.get(key, 0.0), p.last_s)
    return Span(sum(ends.values()), by_clock=False)
