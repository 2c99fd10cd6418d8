"""Zones and lines of a camera: as they are configured, and saved."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from streamer.config.edit_places import digest_of_file, save_places
from streamer.config.models import RunConfig
from streamer.errors import ConfigError, OutputError
from streamer.serve.web.context import Site
from streamer.serve.web.faults import Wrong
from streamer.store.audit import noted


@dataclass(frozen=True)
class Placed:
    """`digest`: of the configuration file, for a change; empty where it cannot be saved, and `why`: a key of the
    strings."""

    zones: dict[str, Any] = field(default_factory=dict)
    lines: dict[str, Any] = field(default_factory=dict)
    digest: str = ""
    why: str = ""


def places_of(site: Site, camera: str) -> Placed:
    """Those of the camera."""
    if site.config is None:
        return Placed(why="fit.no_config")
    own = site.config.of_camera(camera) if camera in site.config.cameras else site.config
    zones = {name: {"polygon": [list(p) for p in one.polygon], "use": one.use} for name, one in own.zones.items()}
    lines = {name: {"start": list(one.start), "end": list(one.end)} for name, one in own.lines.items()}
    if site.config_path is None:
        return Placed(zones, lines, why="fit.no_file")
    if site.config.cameras and camera not in site.config.cameras:
        return Placed({}, {}, why="fit.not_configured")
    return Placed(zones, lines, digest_of_file(site.config_path))


def saved(site: Site, who: str, camera: str, zones: dict[str, Any], lines: dict[str, Any], seen: str) -> Placed:
    """Writes them into the configuration file; Wrong says what is wrong with them, and the file is as it was."""
    before = places_of(site, camera)
    if not before.digest or site.config_path is None or site.config is None:
        raise Wrong(before.why or "fit.no_file")
    name = camera if camera in site.config.cameras else None
    try:
        written, digest = save_places(site.config_path, name, zones, lines, seen=seen)
    except (ConfigError, OutputError) as error:
        told = getattr(error, "messages", ()) or (str(error),)
        raise Wrong("; ".join(told)) from None
    site.config = _with_places(site.config, written, name)
    if site.store is not None:
        noted(site.database(), "zones", {"camera": camera}, rows=len(zones) + len(lines), who=who)
    return Placed(zones, lines, digest)


def _with_places(known: RunConfig, written: RunConfig, camera: str | None) -> RunConfig:
    """What the page goes by: what options of the command line set stays."""
    if camera is None:
        return known.model_copy(update={"zones": written.zones, "lines": written.lines})
    own = written.cameras[camera]
    changed = known.cameras[camera].model_copy(update={"zones": own.zones, "lines": own.lines})
    return known.model_copy(update={"cameras": {**known.cameras, camera: changed}})
