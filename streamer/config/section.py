"""The base of all sections of settings."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, JsonValue, model_validator


def unit(name: str) -> dict[str, JsonValue]:
    """The `json_schema_extra` of a setting that is measured in something its key does not end with (`_s`, `_mb`)."""
    return {"unit": name}


class Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    @model_validator(mode="before")
    @classmethod
    def _nothing_below(cls, values: Any) -> Any:
        """A section without a key (all are comments, say) is as its defaults are."""
        if values is None:
            return {}
        if not isinstance(values, dict):
            return values
        sections = {
            name for name, field in cls.model_fields.items() if isinstance(field.default, BaseModel | dict | tuple)
        }
        return {name: value for name, value in values.items() if value is not None or name not in sections}
