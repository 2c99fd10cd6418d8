"""Entries of `outputs:`, each with a type of its own settings: those of this program, and of installed packages."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, ClassVar

from pydantic import BeforeValidator, Field, SerializeAsAny, ValidationError

from streamer.config.files import PicturesConfig, RowsConfig, VideoConfig
from streamer.config.keep import HashConfig, KeepConfig
from streamer.config.messages import fault_at, faults_of, raised
from streamer.config.notify import AppriseOutput, MqttOutput, WebhookOutput
from streamer.config.output import Output as Output
from streamer.config.output import Writes as Writes
from streamer.config.plugins import SINKS, load_plugin, origin, plugins
from streamer.errors import ConfigError


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

    writes: ClassVar[Writes] = Writes(files="rows")


class JsonlOutput(RowsOutput):
    """`jsonl`."""

    provisional: bool = Field(default=False, description="write rows as soon as a plate is read, and when they change")


class VideoOutput(FileOutput, VideoConfig):
    """`video`."""

    writes: ClassVar[Writes] = Writes(per_stream=True, folder=True, frames=True)


class PicturesOutput(PathOutput, PicturesConfig):
    """`crops` and `snapshots`."""

    writes: ClassVar[Writes] = Writes(rows=False, files="kept", frames=True)


class TracksOutput(FileOutput):
    """`mot`."""

    writes: ClassVar[Writes] = Writes(rows=False, per_stream=True, joins=False)


class RecordOutput(FileOutput):
    """`record`."""

    writes: ClassVar[Writes] = Writes(rows=False, per_stream=True)


class LedgerOutput(FileOutput):
    """`ledger`."""

    writes: ClassVar[Writes] = Writes(rows=False)

    def replaced(self) -> list[Path]:
        return [Path(self.path) / "ledger.jsonl"]


class StoreOutput(PathOutput):
    """`store`."""

    writes: ClassVar[Writes] = Writes(files="kept")

    provisional: bool = Field(default=False, description="store rows as soon as a plate is read, and when they change")
    rejections: bool = Field(default=False, description="store tracks without a row too, and why")
    crops: bool = Field(default=False, description="keep a picture of the plate for each row, in files")
    snapshots: bool = Field(default=False, description="keep the whole frame for each row, in files")
    files: str | None = Field(
        default=None, min_length=1, description="folder of the pictures; null: PATH.files beside an SQLite file"
    )
    keep: KeepConfig = KeepConfig()
    hash: HashConfig = HashConfig()

    def places(self) -> list[Path]:
        """The file of an SQLite store, and the folder of pictures; an address is no place on the disk."""
        address = "://" in self.path and not self.path.startswith("sqlite:///")
        return [Path(p) for p in ("" if address else self.path.removeprefix("sqlite:///"), self.files or "") if p]


class WindowOutput(Output):
    """`window`."""

    writes: ClassVar[Writes] = Writes(frames=True)


@dataclass(frozen=True)
class BuiltIn:
    """A type of output of this program. `made_by`: MODULE:NAME of what makes its sink of its settings and an
    OutputPlace, as in the entry point of a package: the sink's class, or a function."""

    settings: type[Output]
    made_by: str


BUILT_IN = {
    "csv": BuiltIn(RowsOutput, "streamer.sink.makers:csv"),
    "platerecognizer": BuiltIn(RowsOutput, "streamer.sink.makers:csv"),
    "jsonl": BuiltIn(JsonlOutput, "streamer.sink.makers:jsonl"),
    "video": BuiltIn(VideoOutput, "streamer.sink.makers:video"),
    "crops": BuiltIn(PicturesOutput, "streamer.sink.makers:pictures"),
    "snapshots": BuiltIn(PicturesOutput, "streamer.sink.makers:pictures"),
    "mot": BuiltIn(TracksOutput, "streamer.sink.makers:mot"),
    "ledger": BuiltIn(LedgerOutput, "streamer.sink.makers:ledger"),
    "record": BuiltIn(RecordOutput, "streamer.sink.makers:record"),
    "store": BuiltIn(StoreOutput, "streamer.store.sink:store"),
    "window": BuiltIn(WindowOutput, "streamer.sink.makers:window"),
    "webhook": BuiltIn(WebhookOutput, "streamer.notify.makers:webhook"),
    "mqtt": BuiltIn(MqttOutput, "streamer.notify.makers:mqtt"),
    "apprise": BuiltIn(AppriseOutput, "streamer.notify.makers:apprise"),
    "terminal": BuiltIn(Output, "streamer.sink.makers:terminal"),
}
TYPES = {name: kind.settings for name, kind in BUILT_IN.items()}


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
