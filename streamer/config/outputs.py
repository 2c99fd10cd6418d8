"""Entries of `outputs:`, each with a type of its own settings: those of this program, and of installed packages."""

from __future__ import annotations

import difflib
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, SerializeAsAny, ValidationError

from streamer.config.delivery import DeliveryConfig
from streamer.config.files import PicturesConfig, RowsConfig, VideoConfig
from streamer.config.messages import fault_at, faults_of, raised
from streamer.config.plugins import SINKS, load_plugin, origin, plugins
from streamer.config.section import Section
from streamer.errors import ConfigError


class Output(Section):
    """An output; the settings of an installed package's sink begin with it too."""

    type: str = Field(min_length=1, description="which kind of output it is")
    delivery: DeliveryConfig = DeliveryConfig()


class PathOutput(Output):
    """An output with a place on the disk."""

    path: str = Field(min_length=1, description="file, folder or name template (docs/outputs.md)")


class FileOutput(PathOutput):
    """One that can be continued."""

    append: bool | None = Field(
        default=None, description="true: keep what is there; false: overwrite; null: keep for cameras, ask for files"
    )


class RowsOutput(FileOutput, RowsConfig):
    """`csv` and `platerecognizer`."""


class JsonlOutput(RowsOutput):
    """`jsonl`."""

    provisional: bool = Field(default=False, description="write rows as soon as a plate is read, and when they change")


class VideoOutput(FileOutput, VideoConfig):
    """`video`."""


class PicturesOutput(PathOutput, PicturesConfig):
    """`crops` and `snapshots`."""


TYPES: dict[str, type[Output]] = {
    "csv": RowsOutput,
    "platerecognizer": RowsOutput,
    "jsonl": JsonlOutput,
    "video": VideoOutput,
    "crops": PicturesOutput,
    "snapshots": PicturesOutput,
    "mot": FileOutput,
    "ledger": FileOutput,
    "record": FileOutput,
    "window": Output,
    "terminal": Output,
}


def settings_of(kind: str) -> type[Output]:
    """The settings of a type of output; ConfigError where there is no such type, or its package is broken."""
    if kind in TYPES:
        return TYPES[kind]
    if kind in plugins(SINKS):
        found = load_plugin(SINKS, kind, ["Settings"]).Settings
        if not (isinstance(found, type) and issubclass(found, Output)):
            package = origin(SINKS, kind)
            raise ConfigError(f"{SINKS}: {kind} of {package}: its Settings must derive from streamer.Output: mend it")
        return found
    known = [*TYPES, *plugins(SINKS)]
    near = difflib.get_close_matches(kind, known, 1)
    raise ConfigError(
        f"unknown type {kind!r}: " + (f"did you mean {near[0]!r}?" if near else f"expected one of {', '.join(known)}")
    )


def as_output(value: Any) -> Any:
    """An entry as its type has it."""
    if isinstance(value, Output):
        return value
    if not isinstance(value, dict):
        raise fault_at((), "expected a mapping, like {type: csv, path: plates.csv}")
    kind = value.get("type")
    if not isinstance(kind, str):
        raise fault_at(("type",), f"expected one of {', '.join([*TYPES, *plugins(SINKS)])}")
    try:
        schema = settings_of(kind)
    except ConfigError as error:
        raise fault_at(("type",), str(error)) from None
    try:
        return schema.model_validate(value)
    except ValidationError as error:
        raise raised(faults_of(error, schema)) from None


AnyOutput = Annotated[SerializeAsAny[Output], BeforeValidator(as_output)]
