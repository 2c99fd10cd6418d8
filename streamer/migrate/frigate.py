"""Frigate: config.yml. Cameras, masks and the section lpr; its detectors, recordings and the rest stay there."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from typing import Any

import yaml

from streamer.errors import ConfigError
from streamer.migrate.draft import Camera, Draft, flow, has_output, name_of

_VARIABLE = re.compile(r"\{(FRIGATE_[A-Za-z0-9_]+)\}")
_PLATE_SHAPE = 4.5  # width to height of a plate with one row, seen from the front
_PLAIN_PLATE = re.compile(r"[^\W_](?:[^\W_]|[ .-])*")
# Sections that this program has no part in, and what there is to say of some.
_ELSEWHERE = {
    "detectors", "model", "record", "snapshots", "review", "birdseye", "ui", "tls", "auth", "proxy", "telemetry",
    "database", "logger", "environment_vars", "timestamp_style", "version", "semantic_search", "face_recognition",
    "classification", "genai", "notifications", "camera_groups", "audio", "live", "networking", "ffmpeg", "detect",
    "motion", "objects", "audio_transcription", "safe_mode",
}  # fmt: skip
_LPR = {
    "detection_threshold": "min_score: null is the operating point of the network; scores are not comparable",
    "recognition_threshold": "vote.min_confidence is calibrated: its default, 0.5, means right in half of the cases",
    "min_plate_length": "texts of any length make rows",
    "format": "countries make the formats of their plates likelier",
    "match_distance": "belongs to the list of plates",
    "enhancement": "pictures are not enhanced before they are read",
    "replace_rules": "there are none",
    "debug_save_plates": "output crops",
    "device": "decides the CPU alone",
    "model_size": "reader, detector",
    "expire_time": "track.max_gap_s",
    "enabled": "",
}


def convert(text: str, name: str) -> Draft:
    """The draft of a config.yml. ConfigError where it is no mapping with cameras."""
    try:
        config = yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f":{mark.line + 1}" if mark else ""
        raise ConfigError(f"{name}{line}: is not valid YAML ({getattr(error, 'problem', None) or 'syntax'})") from None
    cameras = config.get("cameras") if isinstance(config, dict) else None
    if not isinstance(cameras, dict) or not cameras:
        raise ConfigError(f"{name}: expected a section cameras, as in Frigate's config.yml")
    draft = Draft("frigate")
    draft.settings["outputs"] = [{"type": "csv", "path": "plates.csv"}]
    lpr = _section(config, "lpr")
    _lpr(draft, "lpr", lpr, draft.settings)
    _known_plates(draft, lpr.get("known_plates"))
    _mqtt(draft, _section(config, "mqtt"))
    ignored = sorted(str(key) for key in config if key in _ELSEWHERE)
    if ignored:
        draft.note(", ".join(ignored), "stay with Frigate")
    for key in config:
        if key not in _ELSEWHERE and key not in ("cameras", "lpr", "mqtt", "go2rtc"):
            draft.note(str(key), "unknown: not taken over")
    for key, camera in cameras.items():
        if isinstance(camera, dict):
            _camera(draft, name_of(str(key)), camera)
    return draft


def _section(values: Any, key: str) -> dict[str, Any]:
    found = values.get(key) if isinstance(values, dict) else None
    return found if isinstance(found, dict) else {}


def _camera(draft: Draft, name: str, camera: dict[str, Any]) -> None:
    key = f"cameras.{name}"
    if camera.get("enabled") is False:
        draft.note(f"{key}.enabled", "not enabled: this camera is left out")
        return
    inputs = _section(camera, "ffmpeg").get("inputs")
    chosen = _chosen(inputs if isinstance(inputs, list) else [])
    if chosen is None:
        draft.note(f"{key}.ffmpeg.inputs", "no path: this camera is left out")
        return
    path, role, others = chosen
    settings: dict[str, Any] = {"url": draft.address(name, _VARIABLE.sub(r"${\1}", path))}
    if others:
        draft.note(f"{key}.ffmpeg.inputs", f"the stream of role {role} is read: plates need the larger picture")
    size = _size(_section(camera, "detect"))
    taken = draft.add_camera(name, settings)
    _masks(draft, key, camera, size, settings)
    _zones(draft, key, camera, size, taken)
    own = _section(camera, "lpr")
    if own.get("enabled") is False:
        draft.note(f"{key}.lpr.enabled", "plates of this camera are read here: leave it out if they should not be")
    _lpr(draft, f"{key}.lpr", own, settings)
    if _section(camera, "motion").get("mask"):
        draft.note(f"{key}.motion.mask", "motion is not what starts a reading: zones with use: ignore leave places out")


def _chosen(inputs: list[Any]) -> tuple[str, str, bool] | None:
    """Path and role of the input to read, that of role record first; whether there are others."""
    known = [one for one in inputs if isinstance(one, dict) and isinstance(one.get("path"), str) and one["path"]]
    for role in ("record", "detect"):
        for one in known:
            if role in _texts(one.get("roles", ["detect"])):
                return one["path"], role, len(known) > 1
    return (known[0]["path"], "audio", len(known) > 1) if known else None


def _texts(value: Any) -> list[str]:
    return [str(one) for one in value] if isinstance(value, list) else str(value).split(",") if value else []


def _size(detect: dict[str, Any]) -> tuple[float, float] | None:
    width, height = detect.get("width"), detect.get("height")
    usable = isinstance(width, int) and isinstance(height, int) and width > 0 and height > 0
    return (float(width), float(height)) if usable else None  # type: ignore[arg-type]


def _polygon(coordinates: Any, size: tuple[float, float] | None) -> list[list[float]] | None:
    """The corners in shares of the picture; None where there are too few, or where they are pixels of a picture whose
    size is unknown."""
    texts = coordinates if isinstance(coordinates, list) else str(coordinates).split(",")
    try:
        numbers = [float(part) for one in texts for part in str(one).split(",")]
    except ValueError:
        return None
    if len(numbers) < 6 or len(numbers) % 2 or not all(math.isfinite(n) and n >= 0 for n in numbers):
        return None
    width, height = (1.0, 1.0) if max(numbers) <= 1 else size or (0.0, 0.0)
    if not width:
        return None
    pairs = zip(numbers[::2], numbers[1::2], strict=True)
    return [[round(min(x / width, 1.0), 4), round(min(y / height, 1.0), 4)] for x, y in pairs]


def _masks(draft: Draft, key: str, camera: dict[str, Any], size: tuple[float, float] | None, settings: Any) -> None:
    masks = _section(camera, "objects").get("mask")
    if not masks:
        return
    for number, mask in enumerate(_polygons(masks), 1):
        polygon = _polygon(mask, size)
        if polygon is None:
            draft.note(f"{key}.objects.mask", "its corners cannot be read without detect.width and detect.height")
            continue
        settings.setdefault("zones", {})[f"mask-{number}"] = {"polygon": polygon, "use": "ignore"}


def _polygons(masks: Any) -> Iterable[Any]:
    """One or several, each a text of numbers, a list of them, or (by name) a mapping with coordinates."""
    if isinstance(masks, dict):
        return [one.get("coordinates", "") if isinstance(one, dict) else one for one in masks.values()]
    if isinstance(masks, list) and all(re.fullmatch(r"[\d.]+,[\d.]+", str(one)) for one in masks):
        return [masks]
    return masks if isinstance(masks, list) else [masks]


def _zones(draft: Draft, key: str, camera: dict[str, Any], size: tuple[float, float] | None, taken: Camera) -> None:
    zones = _section(camera, "zones")
    if zones:
        told = "name places there, here plates count in such zones only: written as comments, for you to decide"
        draft.note(f"{key}.zones", told)
        taken.comments.append("zones:")
    for zone, values in zones.items():
        polygon = _polygon(_section({"zone": values}, "zone").get("coordinates", ""), size)
        if polygon is None:
            draft.note(f"{key}.zones.{zone}", "its corners cannot be read without detect.width and detect.height")
            continue
        taken.comments.append(f"  {flow({str(zone): {'polygon': polygon}})[1:-1]}")


def _lpr(draft: Draft, key: str, lpr: dict[str, Any], settings: dict[str, Any]) -> None:
    for name, value in lpr.items():
        if name == "min_area" and isinstance(value, int | float) and value > 0:
            height = round(math.sqrt(value / _PLATE_SHAPE), 1)
            settings["read"] = {"min_height": max(1.0, height)}
            draft.note(f"{key}.min_area", f"{value} px are a height of {height} px at a plate's usual shape")
        elif name != "known_plates" and (told := _LPR.get(str(name), "unknown: not taken over")):
            draft.note(f"{key}.{name}", told)


def _known_plates(draft: Draft, known: Any) -> None:
    if not isinstance(known, dict) or not known:
        return
    for name, plates in known.items():
        for plate in plates if isinstance(plates, list) else [plates]:
            text = str(plate)
            if _PLAIN_PLATE.fullmatch(text):
                draft.plates.append((text, str(name)))
            else:
                draft.note(f"lpr.known_plates.{name}", f"{text}: a regular expression, not a plate")
    draft.note("lpr.known_plates", f"{len(draft.plates)} plates: --plates FILE writes them as a list (CSV)")


def _mqtt(draft: Draft, mqtt: dict[str, Any]) -> None:
    if not mqtt or mqtt.get("enabled") is False:
        return
    if not has_output("mqtt"):
        draft.note("mqtt", "there is no such output")
        return
    host, port = mqtt.get("host", "localhost"), mqtt.get("port", 1883)
    safe = port == 8883 or bool(mqtt.get("tls_ca_certs"))
    output: dict[str, Any] = {"type": "mqtt", "url": f"{'mqtts' if safe else 'mqtt'}://{host}:{port}"}
    if mqtt.get("user"):
        output["username"] = _VARIABLE.sub(r"${\1}", str(mqtt["user"]))
    if mqtt.get("password"):
        password = str(mqtt["password"])
        if _VARIABLE.fullmatch(password):
            output["password"] = _VARIABLE.sub(r"${\1}", password)
        else:
            draft.secrets["MQTT_PASSWORD"] = password
            output["password"] = "${MQTT_PASSWORD}"
    draft.settings["outputs"].append(output)
    draft.note("mqtt", "topics are alpr/..., not frigate/...: docs/notifications.md")
