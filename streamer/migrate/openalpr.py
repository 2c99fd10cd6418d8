"""OpenALPR's daemon: alprd.conf."""

from __future__ import annotations

from typing import Any

from streamer.errors import ConfigError
from streamer.migrate.draft import Draft, has_output
from streamer.migrate.ini import IniSection, parsed

_COUNTRIES = {"auwide": "AU", "us": "US", "au": "AU", "gb": "GB", "kr": "KR", "mx": "MX", "sg": "SG", "br": "BR"}
_RECOGNITION = "is for its own recognition"
_NOTES = {
    "pattern": "formats of states and provinces are not told apart",
    "topn": "rows name alternatives where there are some",
    "site_id": "rows have the camera's name",
    "company_id": "there is no account",
    "agent_id": "there is no account",
    "store_plates_maxsize_mb": "pictures are not deleted here",
    "store_plates_jpeg_quality": "pictures.quality",
    "upload_data": "",
    "upload_threads": "not needed",
    "use_beanstalkd": "a program of yours reads a jsonl output",
    "motion_detection": "cadence: auto looks at fewer frames where nothing moves",
    "prewarp": "corners of a plate are found one by one: no calibration is needed",
    "detection_mask_image": "draw it as zones of the camera, with use: ignore",
    "must_match_pattern": "formats of countries make texts likelier here, they rule none out",
    "postprocess_min_confidence": "vote.min_confidence is calibrated: 0.5 means right in half of the cases",
    "runtime_dir": _RECOGNITION,
}
_STORED = "on", "yes", "true", "1"


def convert(text: str, name: str) -> Draft:
    """The draft of an alprd.conf. ConfigError where it names no stream."""
    root = parsed(text, name)
    draft = Draft("openalpr")
    values: dict[str, list[tuple[int, str]]] = {}
    for section in [root, *_all(root)]:
        for key, several in section.values.items():
            values.setdefault(key, []).extend(several)
    streams = values.pop("stream", [])
    if not streams:
        raise ConfigError(f"{name}: expected lines stream = ADDRESS, as in OpenALPR's alprd.conf")
    last = {key: several[-1] for key, several in values.items()}
    if "country" in last:
        _countries(draft, *last.pop("country"))
    if "analysis_threads" in last:
        line, threads = last.pop("analysis_threads")
        if threads.isdecimal() and int(threads):
            draft.settings["threads"] = int(threads)
        else:
            draft.note("analysis_threads", "expected a number", line)
    if outputs := _outputs(draft, last):
        draft.settings["outputs"] = outputs
    for number, (line, url) in enumerate(streams, 1):
        camera = f"camera-{number}"
        address = "/dev/video0" if url == "webcam" else draft.address(camera, url)
        if url == "webcam":
            draft.note("stream", "webcam: /dev/video0 is taken", line)
        draft.add_camera(camera, {"url": address})
    for key, (line, _) in last.items():
        told = _NOTES.get(key)
        if told is None:
            recognition = key.startswith(("debug_", "max_", "ocr_", "detect", "postprocess_", "analysis_", "state_id"))
            told = _RECOGNITION if recognition else "unknown: not taken over"
        if told:
            draft.note(key, told, line)
    return draft


def _all(section: IniSection) -> list[IniSection]:
    return [one for child in section.sections for one in (child, *_all(child))]


def _countries(draft: Draft, line: int, value: str) -> None:
    wanted: list[str] = []
    for one in value.lower().replace(",", " ").split():
        if one == "eu":
            draft.note("country", "eu: name the countries that are likely, like countries: [DE, AT]", line)
        elif one in _COUNTRIES:
            wanted += draft.countries("country", [_COUNTRIES[one]], line)
        else:
            wanted += draft.countries("country", [one], line)
    if wanted:
        draft.settings["countries"] = wanted


def _outputs(draft: Draft, last: dict[str, tuple[int, str]]) -> list[dict[str, Any]]:
    outputs: list[dict[str, Any]] = [{"type": "csv", "path": "plates.csv"}]
    _, folder = last.pop("store_plates_location", (0, "plates"))
    if last.pop("store_plates", (0, "0"))[1].lower() in _STORED:
        outputs.append({"type": "snapshots", "path": f"{folder.rstrip('/') or '.'}/{{camera}}-{{event_id}}.jpg"})
    line, address = last.pop("upload_address", (0, ""))
    if address and last.get("upload_data", (0, "1"))[1].lower() in _STORED:
        url = address if "://" in address else f"http://{address}"
        if has_output("webhook"):
            outputs.append({"type": "webhook", "url": url})
            draft.note("upload_address", "the webhook's JSON has other fields than OpenALPR's", line)
        else:
            draft.note("upload_address", "there is no such output: a program of yours reads a jsonl output", line)
    return outputs
