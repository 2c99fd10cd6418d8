"""How events reach a sink: how many may wait, what becomes of one more, and of one that could not be written."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal


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
