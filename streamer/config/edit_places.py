"""Zones and lines of a camera, put into its configuration file; everything else in it stays as it is written."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from streamer.config.load import YamlFile
from streamer.config.models import RunConfig, load_config
from streamer.config.replaced import digest_of, replace_file
from streamer.config.yaml_text import edited, flow, mapping
from streamer.errors import ConfigError

Places = Mapping[str, Mapping[str, Any]]


def digest_of_file(path: Path) -> str:
    """Of a configuration as it is now, for `save_places`; ConfigError where it cannot be read."""
    try:
        return digest_of(path.read_bytes())
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror}): check the path", at=path) from None


def save_places(path: Path, camera: str | None, zones: Places, lines: Places, *, seen: str) -> tuple[RunConfig, str]:
    """Writes all zones and lines of the camera (None: of the run) into the file, and gives the configuration and its
    digest. `seen`: the digest of the file that was looked at. ConfigError, and the file as it was, where the new one
    would be wrong or where something else would change with it."""
    found: list[RunConfig] = []
    for name in (*zones, *lines):
        if not name.strip() or not name.isprintable():
            raise ConfigError(f"{name!r}: is no name of a zone or line: give letters, digits or signs", at=path)

    def check(part: Path, data: bytes) -> None:
        try:
            found.append(load_config(part))
        except ConfigError as error:
            told = error.messages or (str(error),)
            raise ConfigError(*(line.replace(str(part), str(path)) for line in told), at=path) from None
        _check_the_rest(path, part, camera)

    def edit(data: bytes) -> bytes:
        text = data.decode("utf-8")
        try:
            return edited(text, lambda value: _with_places(value, camera, zones, lines)).encode()
        except ConfigError as error:
            raise ConfigError(f"{path}: {error}", at=path) from None

    digest = replace_file(path, seen, edit, check)
    return (found[0] if found else load_config(path)), digest


def _with_places(value: Any, camera: str | None, zones: Places, lines: Places) -> Any:
    value = mapping({}) if value is None else value
    if not isinstance(value, dict):
        raise ConfigError("expected a mapping of keys to values")
    place = value
    if camera is not None:
        cameras = value.get("cameras")
        if not isinstance(cameras, dict) or camera not in cameras:
            raise ConfigError(f"cameras: there is no {camera!r}: add the camera first")
        if isinstance(cameras[camera], str):  # short for its url
            cameras[camera] = mapping({"url": cameras[camera]})
        place = cameras[camera]
        if place is None:
            raise ConfigError(f"cameras.{camera}: has no url")
    of_zones = {
        name: {"polygon": flow(zone["polygon"])} | ({"use": zone["use"]} if zone.get("use", "read") != "read" else {})
        for name, zone in zones.items()
    }
    of_lines = {name: {"start": flow(line["start"]), "end": flow(line["end"])} for name, line in lines.items()}
    for key, wanted in (("zones", of_zones), ("lines", of_lines)):
        _put(place, key, wanted)
    return value


def _put(place: Any, key: str, wanted: dict[str, dict[str, Any]]) -> None:
    """Makes `place[key]` hold these, and leaves as it is written what is so already."""
    before = place.get(key)
    if not wanted:
        if before:
            del place[key]
        return
    if not isinstance(before, dict):
        place[key] = mapping({name: mapping(values) for name, values in wanted.items()})
        return
    for name in [one for one in before if one not in wanted]:
        del before[name]
    for name, values in wanted.items():
        own = before.get(name)
        if not isinstance(own, dict):
            before[name] = mapping(values)
        elif not _same(own, values):
            for one in [k for k in own if k not in values]:
                del own[one]
            for one, value in values.items():
                if _plain(own.get(one)) != _plain(value):
                    own[one] = value


def _same(before: Any, wanted: dict[str, Any]) -> bool:
    if not isinstance(before, dict):
        return False
    was = {k: _plain(v) for k, v in before.items() if not (k == "use" and v == "read")}
    return was == {k: _plain(v) for k, v in wanted.items()}


def _plain(value: Any) -> Any:
    if isinstance(value, list):
        return [_plain(one) for one in value]
    try:
        return round(float(value), 4)
    except (TypeError, ValueError):
        return str(value)


def _check_the_rest(path: Path, part: Path, camera: str | None) -> None:
    """Nothing but the places may differ: parts of a file may be used in several places (&name, *name)."""
    before, after = (_without(YamlFile(one).values, camera) for one in (path, part))
    if before != after:
        raise ConfigError(
            f"{path}: zones and lines are shared with other parts of the file (by &name, *name or <<): write them "
            "there by hand",
            at=path,
        )


def _without(values: dict[str, Any], camera: str | None) -> dict[str, Any]:
    if camera is None:
        return {k: v for k, v in values.items() if k not in ("zones", "lines")}
    cameras = dict(values["cameras"])
    own = cameras[camera]
    own = {"url": own} if isinstance(own, str) else own
    cameras[camera] = {k: v for k, v in own.items() if k not in ("zones", "lines")}
    return values | {"cameras": cameras}
