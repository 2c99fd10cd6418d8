"""Licence plates from video: detect, track, read, vote, one row a vehicle.

`PlateReader` reads pictures, `stream` and `run_stream` read videos. They are loaded when first asked for, so that the
command line starts quickly.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from streamer.api import PlateReader
    from streamer.pipeline.iterate import stream
    from streamer.pipeline.runner import run_stream
    from streamer.types import Kind, Passage, Plate, Reading, RunSummary

__all__ = ["Kind", "Passage", "Plate", "PlateReader", "Reading", "RunSummary", "run_stream", "stream"]
__version__ = "0.1.0"

_HOMES = {
    "PlateReader": "streamer.api",
    "run_stream": "streamer.pipeline.runner",
    "stream": "streamer.pipeline.iterate",
    **dict.fromkeys(("Kind", "Passage", "Plate", "Reading", "RunSummary"), "streamer.types"),
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'streamer' has no attribute {name!r}")
    import importlib

    return getattr(importlib.import_module(_HOMES[name]), name)
