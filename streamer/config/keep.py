"""Settings of what a store keeps, and for how long."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from streamer.config.messages import fault_at
from streamer.config.section import Section, unit

_DAYS = unit("days")


class KeepConfig(Section):
    """How long rows and pictures are kept, each null for ever. `listed`: of passages that a watchlist reports."""

    passages_days: float | None = Field(
        default=None, gt=0, description="passages; null: for ever", json_schema_extra=_DAYS
    )
    listed_days: float | None = Field(
        default=None,
        gt=0,
        description="passages that a watchlist reports; null: as passages_days",
        json_schema_extra=_DAYS,
    )
    pictures_days: float | None = Field(
        default=None, gt=0, description="pictures; null: as long as their passages", json_schema_extra=_DAYS
    )
    listed_pictures_days: float | None = Field(
        default=None,
        gt=0,
        description="pictures of passages that a watchlist reports; null: as pictures_days",
        json_schema_extra=_DAYS,
    )
    rejections_days: float | None = Field(
        default=None, gt=0, description="tracks without a row; null: for ever", json_schema_extra=_DAYS
    )
    health_days: float | None = Field(
        default=None, gt=0, description="the cameras' health; null: for ever", json_schema_extra=_DAYS
    )
    audit_days: float | None = Field(
        default=None, gt=0, description="the audit log; null: for ever", json_schema_extra=_DAYS
    )
    passages_mb: float | None = Field(
        default=None, gt=0, description="size of the database, pictures apart, over which the oldest passages go"
    )
    pictures_mb: float | None = Field(default=None, gt=0, description="size of all pictures, over which the oldest go")


class HashConfig(Section):
    """Plates kept as keyed hashes."""

    plates: Literal["none", "others", "all"] = Field(
        default="none",
        description="others: plates that no watchlist reports are kept as keyed hashes; all: every plate",
    )
    keys: str | None = Field(
        default=None, min_length=1, description="file of the keys, made where it is not there; never in the store"
    )
    rotate_days: float = Field(default=30, gt=0, description="a new key after so many days", json_schema_extra=_DAYS)
    remember_days: float = Field(
        default=90,
        ge=0,
        description="a key is deleted so many days after the next one: until then a plate can be found again",
        json_schema_extra=_DAYS,
    )

    @model_validator(mode="after")
    def _together(self) -> HashConfig:
        if self.plates != "none" and self.keys is None:
            raise fault_at(("keys",), "expected a file for the keys: a hash without a key is no protection")
        return self
