"""Lists of plates to watch for."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from streamer.config.messages import fault_at
from streamer.config.section import Section, unit

WatchKind = Literal["watch", "allow", "ignore"]
WatchMode = Literal["likelihood", "exact", "edit", "look_alike"]


class WatchConfig(Section):
    """One list of plates, and how passages are compared with it."""

    name: str = Field(min_length=1, description="its name in rows and alerts")
    file: str = Field(min_length=1, description="list of plates: .csv, .txt or .yaml (docs/watchlists.md)")
    kind: WatchKind = Field(
        default="watch",
        description="watch: report its plates; allow: report all others; ignore: what is on it is on no list",
    )
    mode: WatchMode | None = Field(
        default=None,
        description="likelihood: what the readings make likely; exact: the same text; edit: one character may differ, "
        "lack or be too many; look_alike: O as 0, I as 1, B as 8, S as 5, Z as 2, G as 6; null: likelihood, of an "
        "ignored list exact",
    )
    max_false_per_week: float = Field(
        default=1.0,
        gt=0,
        description="false alerts to be expected from the list, which set the threshold of mode likelihood",
        json_schema_extra=unit("alerts a week"),
    )
    traffic: float | None = Field(
        default=None,
        gt=0,
        description="passages of all cameras of this list; null: as the calibration says, or 10000",
        json_schema_extra=unit("passages a week"),
    )
    calibration: str | None = Field(
        default=None, min_length=1, description="file that alpr watch fit made of your traffic; null: none"
    )
    cameras: tuple[str, ...] = Field(default=(), description="cameras it is for, with * and ?; []: all")

    @model_validator(mode="after")
    def _budget(self) -> WatchConfig:
        likely = self.chosen_mode == "likelihood" and self.kind == "watch"
        for key in ("max_false_per_week", "traffic", "calibration"):
            if key in self.model_fields_set and getattr(self, key) is not None and not likely:
                raise fault_at((key,), "is for kind watch and mode likelihood: leave it out")
        return self

    @property
    def chosen_mode(self) -> WatchMode:
        """The mode, where it is null that of the kind."""
        return self.mode or ("exact" if self.kind == "ignore" else "likelihood")
