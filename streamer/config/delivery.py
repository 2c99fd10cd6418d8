"""Settings of how rows and frames reach an output (`delivery` of an entry of `outputs:`)."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from streamer.config.messages import fault_at
from streamer.config.section import Section, unit


class RetryConfig(Section):
    """When what could not be written is tried again."""

    first_s: float = Field(default=1.0, gt=0, description="seconds before the second try; doubled for each further one")
    most_s: float = Field(default=60.0, gt=0, description="longest time between two tries, in seconds")
    limit_s: float | None = Field(
        default=None, gt=0, description="seconds of trying after which a row is left out and counted; null: never"
    )


class DeliveryConfig(Section):
    """How rows and frames reach an output. null: the default for recordings or for cameras, see docs/outputs.md."""

    mode: Literal["queue", "inline"] = Field(
        default="queue",
        description="queue: a queue and a thread of its own; inline: written at once, recordings only",
    )
    size: int | None = Field(
        default=None,
        ge=1,
        le=100_000,
        description="rows that may wait; null: 256 of recordings, 4000 of cameras (200 with pictures)",
        json_schema_extra=unit("rows"),
    )
    frames: int | None = Field(
        default=None, ge=1, le=64, description="frames that may wait; null: 4", json_schema_extra=unit("frames")
    )
    when_full: Literal["wait", "drop_oldest", "drop_newest"] | None = Field(
        default=None,
        description="wait: the source waits; drop_oldest, drop_newest: a row is left out and counted; "
        "null: wait for recordings, drop_oldest for cameras",
    )
    on_error: Literal["end", "retry"] | None = Field(
        default=None,
        description="end: the output ends, exit code 4; retry: what could not be written is tried again; null: end for "
        "recordings, retry for cameras",
    )
    retry: RetryConfig = RetryConfig()
    drain_s: float | None = Field(
        default=None,
        gt=0,
        description="seconds that the end of a run waits for what is not written; null: recordings as long as it "
        "takes (60 with retry), cameras 5",
    )

    @model_validator(mode="after")
    def _together(self) -> DeliveryConfig:
        given = self.model_fields_set
        retries = self.on_error == "retry" or "retry" in given
        if self.on_error == "end" and "retry" in given:
            raise fault_at(("retry",), "on_error: end tries nothing again: leave one of them out")
        if self.retry.most_s < self.retry.first_s:
            raise fault_at(("retry", "most_s"), f"expected first_s ({self.retry.first_s:g}) or more")
        if self.mode == "inline":
            queued = [key for key in ("size", "frames", "when_full", "drain_s") if getattr(self, key) is not None]
            queued += ["retry" if "retry" in given else "on_error"] if retries else []
            if queued:
                raise fault_at((queued[0],), "needs a queue: mode: inline has none")
        return self
