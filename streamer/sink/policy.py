"""How events reach a sink: how many may wait, what becomes of one more, and of one that could not be written."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal

from streamer.config.delivery import DeliveryConfig
from streamer.errors import ConfigError


@dataclass(frozen=True)
class Retry:
    """An event that could not be written is tried again after `first_s`, then twice as long, up to `most_s`; it is
    dropped after `limit_s` (None: never)."""

    first_s: float = 1.0
    most_s: float = 60.0
    limit_s: float | None = None


@dataclass(frozen=True)
class Policy:
    """How events reach a sink. `size` rows and `frames` frames may wait; `drain_s`: how long `close` waits for them to
    be written (None: as long as it takes). `inline`: the sink is called at once, by who has the event."""

    mode: Literal["inline", "queue"] = "queue"
    size: int = 256
    frames: int = 4
    when_full: Literal["wait", "drop_oldest", "drop_newest"] = "wait"
    retry: Retry | None = None
    drain_s: float | None = None


RECORDING = Policy()
CAMERA = Policy(size=4000, when_full="drop_oldest", retry=Retry(), drain_s=5.0)
# Rows with pictures in them: some 100 MB.
CAMERA_PICTURES = replace(CAMERA, size=200)
_RETRIED_DRAIN_S = 60.0  # of a recording: an output that is away must not keep the run from its end


def policy_of(config: DeliveryConfig | None, *, live: bool, pictures: bool) -> Policy:
    """What is configured laid over what holds for recordings or cameras. ConfigError where an output would be written
    inline for a camera, which it could hold up."""
    base = RECORDING if not live else CAMERA_PICTURES if pictures else CAMERA
    if config is None or not config.model_fields_set:
        return base
    if config.mode == "inline":
        if live:
            raise ConfigError("mode: inline is for recordings, no output may hold up a camera: leave it out")
        return Policy(mode="inline")
    given: dict[str, Any] = {
        key: value for key in ("size", "frames", "when_full", "drain_s") if (value := getattr(config, key)) is not None
    }
    retries = base.retry is not None if config.on_error is None else config.on_error == "retry"
    if retries or "retry" in config.model_fields_set:
        given["retry"] = Retry(config.retry.first_s, config.retry.most_s, config.retry.limit_s)
        given.setdefault("drain_s", base.drain_s or _RETRIED_DRAIN_S)
    else:
        given["retry"] = None
    return replace(base, **given)
