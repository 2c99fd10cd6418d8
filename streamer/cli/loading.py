"""The networks of a verb that runs for long."""

from __future__ import annotations

from typing import TYPE_CHECKING

from streamer.process.collector import starting

if TYPE_CHECKING:
    from streamer.config.models import RunConfig
    from streamer.pipeline.engines import Engines


def loaded_engines(config: RunConfig) -> Engines:
    """`load_engines`; what was made until then is no more the garbage collector's concern."""
    with starting():
        from streamer.pipeline.engines import load_engines

        return load_engines(config)
