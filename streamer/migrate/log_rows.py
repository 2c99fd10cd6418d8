"""One entry of another program's log as rows: fields of ours, and names of what has no counterpart."""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import PurePosixPath
from typing import Any

Row = dict[str, Any]
_VEHICLE = ("model_make", "color", "vehicle", "orientation")


def platerecognizer(entry: Any) -> Iterator[tuple[Row, list[str]]]:
    """A row of the CSV, a line of the JSON lines, or the body of a webhook (with `hook` and `data`)."""
    if "results" not in entry and "data" not in entry:
        cells = {key: _literal(value) for key, value in entry.items()}
        camera = PurePosixPath(str(cells.get("file") or "")).parts
        name = next((part for part in camera if part.endswith("_screenshots")), "").removesuffix("_screenshots")
        yield _recognized(cells, name or "camera", cells["timestamp"])
        return
    data = entry.get("data", entry)
    for result in data["results"]:
        when = data.get("timestamp_local") or data["timestamp"]
        yield _recognized(result, str(data.get("camera_id") or "camera"), when)


def _recognized(result: Mapping[str, Any], camera: str, when: Any) -> tuple[Row, list[str]]:
    start = _seconds(when)
    plate = result["plate"]
    if isinstance(plate, Mapping):  # Stream with vehicles: the plate's box, and the texts with their scores
        props = plate.get("props") or {}
        texts = props.get("plate") or []
        best = texts[0] if texts else {}
        result = {
            **result, "plate": best["value"], "score": best.get("score"), "dscore": plate.get("score"),
            "box": plate.get("box"), "candidates": [{"plate": t["value"], "score": t.get("score")} for t in texts],
        }  # fmt: skip
    text = str(result["plate"]).upper()
    if not text:
        raise ValueError("has no plate")
    box = result.get("box") or {}
    corners = [box[key] for key in ("xmin", "ymin", "xmax", "ymax") if key in box]
    row = {
        "camera": camera, "plate": text, "confidence": float(result.get("score") or 0), "start": start, "end": start,
        "score": float(result.get("dscore") or 0), "box": _box(corners),
        "alternatives": _others(text, result.get("candidates"), "plate", "score", 1.0),
        "direction_deg": _degrees(result.get("direction")),
    }  # fmt: skip
    lacking = [name for name in _VEHICLE if result.get(name)]
    region = result.get("region")
    if isinstance(region, Mapping) and region.get("code"):
        lacking.append("region")
    return row, lacking


def frigate(entry: Any) -> Iterator[tuple[Row, list[str]]]:
    """A row of the table `event`, an object of /api/events, or a message of frigate/events (the last one counts)."""
    entry = entry.get("after", entry)
    data = entry.get("data") or {}
    data = json.loads(data) if isinstance(data, str) else data
    zones = entry.get("entered_zones") or entry.get("zones") or []
    zones = json.loads(zones) if isinstance(zones, str) else zones
    found = {
        key: entry.get(key, data.get(key)) for key in ("recognized_license_plate", "recognized_license_plate_score")
    }
    plate = found["recognized_license_plate"]
    if isinstance(plate, Sequence) and not isinstance(plate, str):  # messages give text and score together
        plate, score = plate[0], plate[1] if len(plate) > 1 else None
        found["recognized_license_plate_score"] = found["recognized_license_plate_score"] or score
    if not plate:
        return  # an object without a plate that was read
    start = float(entry["start_time"])
    row = {
        "id": entry["id"], "camera": str(entry["camera"]), "plate": str(plate).upper(), "start": start,
        "confidence": float(found["recognized_license_plate_score"] or 0), "end": float(entry.get("end_time") or start),
        "zone": str(zones[0]) if zones else "",
    }  # fmt: skip
    lacking = [name for name in ("sub_label", "average_estimated_speed") if entry.get(name) or data.get(name)]
    yield row, [*lacking, *(["further zones"] if len(zones) > 1 else [])]


def openalpr(entry: Any) -> Iterator[tuple[Row, list[str]]]:
    """An `alpr_group` is a vehicle; an `alpr_results` is a picture, each plate of which becomes a row."""
    kind = entry.get("data_type", "alpr_results" if "results" in entry else None)
    if kind == "alpr_group":
        best = entry.get("best_plate") or {}
        row = _read(best, entry["best_plate_number"], entry["best_confidence"], entry.get("candidates"))
        row |= {
            "id": entry.get("best_uuid"), "start": entry["epoch_start"] / 1e3, "end": entry["epoch_end"] / 1e3,
            "first_frame": max(0, entry.get("frame_start") or 0), "last_frame": max(0, entry.get("frame_end") or 0),
            "n_reads": len(entry.get("plate_indexes") or ()),
        }  # fmt: skip
        yield (
            row | {"camera": _camera(entry)},
            _unknown(entry, ("vehicle", "vehicle_signature", "best_region", "travel_direction")),
        )
    elif kind == "alpr_results":
        for i, one in enumerate(entry["results"]):
            at = entry["epoch_time"] / 1e3
            row = _read(one, one["plate"], one["confidence"], one.get("candidates"))
            name = f"{entry['uuid']} {i}" if entry.get("uuid") else None
            lacking = ["pictures without a group: a row each", *_unknown(one, ("region",))]
            yield row | {"id": name, "start": at, "end": at, "camera": _camera(entry), "n_reads": 1}, lacking
    elif kind not in ("heartbeat", "alpr_alert", "vehicle"):
        raise ValueError(f"data_type {kind!r}")


def _read(one: Mapping[str, Any], plate: str, confidence: float, candidates: Any) -> Row:
    corners = one.get("coordinates") or []
    xs, ys = [c["x"] for c in corners], [c["y"] for c in corners]
    text = str(plate).upper()
    if not text:
        raise ValueError("has no plate")
    return {
        "plate": text, "confidence": float(confidence) / 100,
        "box": _box([min(xs), min(ys), max(xs), max(ys)] if corners else []),
        "alternatives": _others(text, candidates or one.get("candidates"), "plate", "confidence", 100.0),
    }  # fmt: skip


def _camera(entry: Mapping[str, Any]) -> str:
    names = [str(entry[key]) for key in ("agent_uid", "site_id", "camera_id") if entry.get(key) not in (None, "")]
    label = (entry.get("web_server_config") or {}).get("camera_label")
    return str(label or (names[-1] if len(names) == 1 else "/".join(names)) or "camera")


def _unknown(entry: Mapping[str, Any], names: Sequence[str]) -> list[str]:
    return [name for name in names if entry.get(name)]


def _box(values: Sequence[Any]) -> list[float]:
    return [round(float(v), 1) for v in values] if len(values) == 4 else []


def _others(best: str, candidates: Any, text: str, score: str, whole: float) -> list[list[Any]]:
    """The other texts; those without a score are left out."""
    found = [(str(c[text]).upper(), c.get(score)) for c in candidates or () if isinstance(c, Mapping) and c.get(text)]
    return [[other, round(float(p) / whole, 4)] for other, p in found if other != best and p is not None]


def _degrees(value: Any) -> int | None:
    try:
        return None if value in (None, "", -1) else round(float(value)) % 360
    except ValueError:
        return None  # "UP" and "DOWN" of older versions


def _seconds(value: Any) -> float:
    """Of a time as text, in UTC where it names no offset."""
    found = datetime.fromisoformat(str(value).strip())
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()


def _literal(cell: Any) -> Any:
    """The value of a cell of the CSV, where nested ones are Python literals."""
    text = (cell or "").strip() if isinstance(cell, str) or cell is None else cell
    if isinstance(text, str) and text[:1] in ("{", "["):
        try:
            return ast.literal_eval(text)
        except (ValueError, SyntaxError, MemoryError, RecursionError):
            raise ValueError(f"{text[:40]}: no literal") from None
    return text
