"""The JSON of a message, in this program's shape and in those that other programs' receivers know."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from streamer.notify.message import Message

# Our regions that are a single country, and the least probability at which the reader reports a region.
_COUNTRIES, _LEAST = {"china": "cn"}, 0.6
_PRIVATE = ("source",)  # may tell a camera's address


def own(message: Message) -> dict[str, Any]:
    """This program's shape: the object of --jsonl, with `id` and `revision`."""
    kind = "watch_hit" if message.kind == "hit" else "passage"
    body = {key: value for key, value in message.body.items() if key not in _PRIVATE}
    return {**body, "type": kind, "id": message.key}


def platerecognizer(message: Message) -> dict[str, Any]:
    """The object that Plate Recognizer's stream software posts. What is not known here is left out."""
    body = message.body
    plate, score = str(body["plate"]).lower(), round(float(body["confidence"]), 3)
    seen = _time(body)
    picture = f"{body['event_id']}.jpg" if message.crop is not None else ""
    candidates = [{"score": score, "plate": plate}]
    candidates += [{"score": round(p, 3), "plate": text.lower()} for text, p in body.get("alternatives", ())]
    code = _COUNTRIES.get(body.get("region") or "", "")
    degrees = body.get("direction_deg")
    result: dict[str, Any] = {
        "box": dict(zip(("xmin", "ymin", "xmax", "ymax"), (round(v) for v in body["box"]), strict=True)),
        "plate": plate,
        "score": score,
        "dscore": round(float(body["score"]), 3),
        "region": {"code": code, "score": _LEAST if code else 0},
        "candidates": candidates,
        "source_url": body.get("source", ""),
        "position_sec": body["first_s"],
        "direction": "" if degrees is None else degrees,
    }
    return {
        "hook": {"target": "", "id": body["camera"], "event": "recognition", "filename": picture},
        "data": {
            "camera_id": body["camera"],
            "filename": picture,
            "timestamp": "" if seen is None else seen.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
            "timestamp_local": "" if seen is None else seen.isoformat(" ", "microseconds"),
            "results": [result],
        },
    }


def frigate(message: Message) -> dict[str, Any]:
    """The object that Frigate publishes as `tracked_object_update` of a plate. `name`: what a watchlist calls it."""
    body = message.body
    seen = _time(body)
    return {
        "type": "lpr",
        "name": _entry(body) or None,
        "plate": body["plate"],
        "score": body["confidence"],
        "id": body["event_id"],
        "camera": body["camera"],
        "timestamp": body["first_s"] if seen is None else seen.timestamp(),
        "plate_box": [round(v) for v in body["box"]],
    }


DIALECTS = {"alpr": own, "platerecognizer": platerecognizer, "frigate": frigate}


def text_fields(message: Message) -> dict[str, str]:
    """What the text of a message may name."""
    body, hit = message.body, message.body.get("hit") or {}
    seen = _time(body)
    return {
        "plate": str(body["plate"]),
        "camera": str(body["camera"]),
        "confidence": f"{float(body['confidence']):.0%}",
        "time": f"{float(body['first_s']):.1f} s" if seen is None else seen.strftime("%Y-%m-%d %H:%M:%S"),
        "zone": str(body.get("zone") or ""),
        "status": str(body.get("status") or ""),
        "event_id": str(body.get("event_id") or ""),
        "list": str(hit.get("list") or ""),
        "entry": _entry(body),
        "movement": str(body.get("movement") or ""),
    }


def _entry(body: Mapping[str, Any]) -> str:
    """What a watchlist calls the plate: its name, else its text there."""
    hit = body.get("hit") or {}
    return str(hit.get("name") or hit.get("plate") or "")


def _time(body: Mapping[str, Any]) -> datetime | None:
    seen = body.get("first_seen")
    return datetime.fromisoformat(seen) if seen else None
