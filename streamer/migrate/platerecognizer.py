"""Plate Recognizer Stream: config.ini."""

from __future__ import annotations

import re
from typing import Any

from streamer.errors import ConfigError
from streamer.migrate.draft import Draft, has_output, name_of, seconds
from streamer.migrate.ini import IniSection, parsed, words

Values = dict[str, tuple[int, str]]

# What becomes of keys that have no counterpart.
_NOTES = {
    "timezone": "times here carry their offset; the zone is that of the process (variable TZ)",
    "sample": "every frame is looked at here; cadence: auto looks at fewer where nothing moves",
    "max_prediction_delay": "rows are final vote.rejoin_s after the vehicle left; provisional: true of a jsonl output "
    "writes them at once",
    "mmc": "make, model and colour of vehicles are not recognised",
    "region_config": "formats of countries make texts likelier here, they rule none out",
    "detection_rule": "plates are found without a vehicle around them",
    "detection_mode": "vehicles without a plate are not found",
    "merge_buffer": "tracks need no such setting",
    "total": "no limit of results",
    "webhook_image": "set in the webhook",
    "webhook_caching": "rows wait in a queue while a target is away",
    "webhook_request_timeout": "set in the webhook",
    "webhook_image_type": "the picture is that of the plate, or the whole frame (output snapshots)",
    "config_change_restart": "restart the run after a change",
    "version": "",
}
_TAKEN = {
    "url", "active", "name", "regions", "memory_decay", "csv_file", "jsonlines_file", "image_format", "webhook_target",
    "webhook_targets", "webhook_header",
}  # fmt: skip
_DATE = re.compile(r"%[YyGmbBd](?:[-_./]?%[YyGmbBdj])*")
_REST = re.compile(r"[-_.]?%[A-Za-z]")


def convert(text: str, name: str) -> Draft:
    """The draft of a config.ini. ConfigError where it has no section [cameras]."""
    root = parsed(text, name)
    draft = Draft("platerecognizer")
    cameras = next((s for s in root.sections if s.name == "cameras"), None)
    if cameras is None:
        raise ConfigError(f"{name}: expected a section [cameras], as in Plate Recognizer Stream's config.ini")
    _note_rest(draft, "", _last(root), set())
    shared = _last(cameras)
    _note_rest(draft, "cameras.", shared, _TAKEN)
    for section in cameras.sections:
        _camera(draft, section, shared)
    for other in root.sections:
        if other is not cameras:
            draft.note(other.name, "this section has no counterpart", other.line)
    if not cameras.sections:
        raise ConfigError(f"{name}:{cameras.line}: [cameras] has no camera: expected [[NAME]] with a url below it")
    return draft


def _camera(draft: Draft, section: IniSection, shared: Values) -> None:
    own = _last(section)
    key = f"cameras.{section.name}"
    _, url = own.get("url", (section.line, ""))
    if not url:
        draft.note(f"{key}.url", "is missing: this camera is left out", section.line)
        return
    values = {**shared, **own}
    if values.get("active", (0, "yes"))[1].lower() in ("no", "false", "0", "off"):
        draft.note(f"{key}.active", "not active: this camera is left out", values["active"][0])
        return
    _note_rest(draft, f"{key}.", own, _TAKEN)
    name = name_of(section.name)
    settings: dict[str, Any] = {"url": draft.address(name, url)}
    if "regions" in values:
        where = "cameras.regions" if "regions" not in own else f"{key}.regions"
        if countries := draft.countries(where, words(values["regions"][1]), values["regions"][0]):
            settings["countries"] = countries
    if "memory_decay" in values and (rejoin := seconds(values["memory_decay"][1])) is not None:
        settings["vote"] = {"rejoin_s": rejoin}
    if outputs := _outputs(draft, key, values, own):
        settings["outputs"] = outputs
    if "name" in own:
        draft.note(f"{key}.name", f"rows call it by its key, {name}", own["name"][0])
    draft.add_camera(name, settings)


def _outputs(draft: Draft, key: str, values: Values, own: Values) -> list[dict[str, Any]]:
    outputs: list[dict[str, Any]] = []
    if values.get("csv_file", (0, ""))[1]:
        outputs.append({"type": "platerecognizer", "path": _template(values["csv_file"][1])})
    if values.get("jsonlines_file", (0, ""))[1]:
        outputs.append({"type": "jsonl", "path": _template(values["jsonlines_file"][1])})
        draft.note("jsonlines_file", "its lines have other fields here (docs/outputs.md)", values["jsonlines_file"][0])
    if "image_format" in values and outputs:
        outputs.append({"type": "snapshots", "path": _picture(values["image_format"][1])})
    targets = words(values.get("webhook_targets", (0, ""))[1]) + words(values.get("webhook_target", (0, ""))[1])
    for target in targets:
        if has_output("webhook") and target.startswith(("http://", "https://")):
            outputs.append({"type": "webhook", "url": target, "dialect": "platerecognizer", "crop": True})
        else:
            draft.note(f"{key}.webhook_target", "there is no such output: a program of yours reads a jsonl output")
    if targets and "webhook_header" in values:
        told = "headers of the webhook; a secret in it goes into a variable: headers: {Authorization: '${NAME}'}"
        draft.note("webhook_header" if "webhook_header" not in own else f"{key}.webhook_header", told)
    return outputs


def _template(text: str) -> str:
    """A file's name with this program's fields in place of $(camera) and of dates."""
    text = text.replace("$(camera)", "{camera}").replace("{{", "{").replace("}}", "}")
    return _REST.sub("", _DATE.sub("{date}", text, count=1))


def _picture(text: str) -> str:
    folder = "/".join(_template(text).split("/")[:-1])
    return f"{folder or 'pictures'}/{{event_id}}.jpg"


def _last(section: IniSection) -> Values:
    return {key: several[-1] for key, several in section.values.items()}


def _note_rest(draft: Draft, prefix: str, values: Values, taken: set[str]) -> None:
    for key, (line, _) in values.items():
        if key not in taken and (told := _NOTES.get(key, "unknown: not taken over")):
            draft.note(prefix + key, told, line)
