"""What the rows of an archive depend on: the program, the networks, and the settings of recognition."""

from __future__ import annotations

import hashlib
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from streamer.cluster.networks import identity_of
from streamer.config.models import RunConfig

# Settings of outputs, of cameras, and of how fast a run is: rows do not depend on them.
_NOT_OF_ROWS = {
    "threads", "queue", "outputs", "cameras", "live", "video", "pictures", "rows", "overload", "watch", "start_time",
    "camera",
}  # fmt: skip


def config_of_archive(config: RunConfig, cores: int) -> RunConfig:
    """The configuration that workers read with: recordings only, on so many cores."""
    return config.model_copy(
        update={"threads": cores, "cameras": {}, "outputs": (), "watch": (), "camera": None, "start_time": None}
    )


def settings_of(config: RunConfig, camera: str | None) -> dict[str, Any]:
    """By key, everything that must be equal for rows to be put side by side; ModelError where a network is missing."""
    try:
        own = version("alpr-streamer")
    except PackageNotFoundError:
        own = "unknown"
    found: dict[str, Any] = {
        "version": own,
        "networks": identity_of(config.detector, config.reader, config.precision, config.device),
        "camera": camera or "",
    }
    if config.plates:
        found["plates.content"] = _content_of(Path(config.plates))
    _flatten("", config.model_dump(mode="json", exclude=_NOT_OF_ROWS), found)
    return found


def _flatten(above: str, values: dict[str, Any], into: dict[str, Any]) -> None:
    for key, value in values.items():
        if isinstance(value, dict) and value:
            _flatten(f"{above}{key}.", value, into)
        else:
            into[f"{above}{key}"] = value


def _content_of(folder: Path) -> str:
    """The hash of the layouts in a folder; one that is not there is found when it is read."""
    content = hashlib.sha256()
    for path in sorted(folder.glob("*.yaml")):
        content.update(path.name.encode() + b"\0" + path.read_bytes())
    return content.hexdigest()[:16]
