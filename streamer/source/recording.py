"""Detections and readings of a stream in a file: the plates and readings of each frame, without pictures.

A recording replays in seconds, so that tracking, voting and passages can be tuned without the networks. It is a gzip of
JSON lines: one of `type` stream for each source, then one of `type` frame for each of its frames. Numbers are kept in
full, so that a replay with the same settings gives the same rows.
"""

from __future__ import annotations

import base64
import gzip
import json
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from streamer.errors import InputError
from streamer.source.live import is_live
from streamer.source.source import StreamInfo
from streamer.types import Frame, Kind, Plates, Reading

SCHEMA = 1


@dataclass(frozen=True, eq=False)
class RecordedFrame(Frame):
    """A frame without a picture: its `plates`, and its `readings` by row of the plates."""

    plates: Plates = field(default_factory=Plates.empty)
    readings: dict[int, Reading] = field(default_factory=dict)


@dataclass(frozen=True)
class Networks:
    """The properties of the networks that a replay needs: the score from which a detection may begin a track, and the
    reader's symbols."""

    high_score: float
    symbols: tuple[str, ...]


class RecordedSource:
    """One stream of a recording."""

    live = False

    def __init__(self, info: StreamInfo, networks: Networks) -> None:
        self.name, self.info, self.networks = info.name, info, networks
        self.warnings: list[str] = []
        self.recorded: list[RecordedFrame] = []

    @property
    def of_camera(self) -> bool:
        """Whether it is the recording of a camera, whose other rows are not in it."""
        by_clock = bool(self.recorded) and self.recorded[0].time_source in ("arrival", "rtcp")
        return by_clock or (is_live(self.info.address) and self.info.frames is None)

    def open(self) -> StreamInfo:
        return self.info

    def frames(self) -> Iterator[Frame]:
        yield from self.recorded

    def close(self) -> None:
        """Nothing is open."""


def stream_line(info: StreamInfo, networks: Networks) -> str:
    """The line that begins a stream."""
    rate = None if info.rate is None else str(info.rate)
    return json.dumps(
        {
            "schema": SCHEMA, "type": "stream", "name": info.name, "size": [info.width, info.height],
            "time_base": str(info.time_base), "rate": rate, "frames": info.frames, "still": info.still,
            "events": info.events, "address": info.address,
            "high_score": networks.high_score, "symbols": "".join(networks.symbols),
        },
        ensure_ascii=False,
    )  # fmt: skip


def frame_line(frame: Frame, plates: Plates, readings: dict[int, Reading]) -> str:
    """The line of a frame; `readings` by row of the plates."""
    row: dict[str, Any] = {"type": "frame", "index": frame.index, "pts": frame.pts}
    if frame.captured_at is not None:
        row |= {"seen": frame.captured_at.isoformat(), "time_source": frame.time_source}
    if frame.part:
        row["part"] = frame.part
    if frame.cut:
        row["cut"] = True
    if len(plates):
        row["plates"] = [
            {
                "box": plates.box_xyxy[k].tolist(), "quad": plates.quad[k].tolist(), "score": float(plates.score[k]),
                **({"quad_is_box": True} if plates.quad_is_box[k] else {}),
                **({"read": packed_reading(readings[k])} if k in readings else {}),
            }
            for k in range(len(plates))
        ]  # fmt: skip
    return json.dumps(row, ensure_ascii=False)


def read_recording(path: Path) -> list[RecordedSource]:
    """The streams of a recording. InputError names the line that cannot be read; a recording that was cut short is
    read up to its last complete line, with a warning."""
    sources: list[RecordedSource] = []
    number, cut = 0, ""  # of the line that is read
    try:
        with gzip.open(path, "rt", encoding="utf-8") as lines:
            for line in lines:
                number += 1
                _parse(json.loads(line), sources)
    except FileNotFoundError:
        raise InputError(f"{path}: no such file: check the path", at=path) from None
    except (EOFError, zlib.error):
        cut = f"{path}: ends in the middle; {number} lines could be read"
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: is not a recording of alpr run --record ({error})", at=path) from None
    except (ValueError, KeyError, TypeError, IndexError, ZeroDivisionError) as error:
        raise InputError(
            f"{path}:{number}: is no line of a recording ({type(error).__name__}: {error})", at=path
        ) from None
    if not sources:
        raise InputError(f"{path}: holds no stream; record one with alpr run --record", at=path)
    if cut:
        sources[-1].warnings.append(cut)
    return sources


def _parse(row: dict[str, Any], sources: list[RecordedSource]) -> None:
    if row["type"] == "stream":
        if row["schema"] != SCHEMA:
            raise ValueError(f"schema {row['schema']}, expected {SCHEMA}")
        width, height = row["size"]
        rate = None if row["rate"] is None else Fraction(row["rate"])
        info = StreamInfo(
            row["name"],
            width,
            height,
            Fraction(row["time_base"]),
            rate,
            row["frames"],
            still=row["still"],
            events=str(row.get("events", "")),
            address=str(row.get("address", "")),
        )
        sources.append(RecordedSource(info, Networks(float(row["high_score"]), tuple(row["symbols"]))))
        return
    if row["type"] != "frame":
        raise ValueError(f"type {row['type']!r}")
    source = sources[-1]
    found = row.get("plates", [])
    plates = Plates(
        np.array([p["box"] for p in found], float).reshape(-1, 4),
        np.array([p["score"] for p in found], float),
        np.array([p["quad"] for p in found], float).reshape(-1, 4, 2),
        np.array([p.get("quad_is_box", False) for p in found], bool),
    )
    readings = {k: unpacked_reading(p["read"]) for k, p in enumerate(found) if "read" in p}
    seen = datetime.fromisoformat(row["seen"]) if "seen" in row else None
    source.recorded.append(
        RecordedFrame(
            row["index"], row["pts"], source.info.width, source.info.height, captured_at=seen,
            time_source=row.get("time_source", "unknown"), part=row.get("part", 0),
            cut=bool(row.get("cut", False)), plates=plates, readings=readings,
        )
    )  # fmt: skip


def packed_reading(reading: Reading) -> dict[str, Any]:
    """A reading as JSON; nothing of it is rounded."""
    kind = reading.kind
    row: dict[str, Any] = {
        "text": reading.text, "confidence": reading.confidence, "characters": list(reading.char_confidence),
        "kind": [kind.colour, kind.rows, kind.region],
    }  # fmt: skip
    if reading.slot_probs is not None:
        data = np.ascontiguousarray(reading.slot_probs, np.float32)
        row |= {"slots": data.shape[0], "probabilities": base64.b64encode(data.tobytes()).decode("ascii")}
    return row


def unpacked_reading(row: dict[str, Any]) -> Reading:
    """The inverse of `packed_reading`."""
    slots = None
    if "slots" in row:
        data = np.frombuffer(base64.b64decode(row["probabilities"], validate=True), np.float32)
        slots = data.reshape(int(row["slots"]), -1)
    return Reading(row["text"], row["confidence"], tuple(row["characters"]), Kind(*row["kind"]), slots)
