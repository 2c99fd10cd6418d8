"""Entries of `outputs:`, each with a type of its own settings: those of this program, and of installed packages."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, Field, SerializeAsAny, ValidationError

from streamer.config.delivery import DeliveryConfig
from streamer.config.files import PicturesConfig, RowsConfig, VideoConfig
from streamer.config.messages import fault_at, faults_of, raised
from streamer.config.plugins import SINKS, load_plugin, origin, plugins
from streamer.config.section import Section
from streamer.errors import ConfigError


@dataclass(frozen=True)
class Writes:
    """What the outputs of a type leave behind, as `writes` of their settings says.

    `rows`: the user gets the rows by it; where no output has any they are printed. `files`: of the places it writes to,
    "rows" are row files (CSV with the column camera, or JSON lines) and name templates, replaced where they hold the
    same sources only; "whole" is made anew, so that one that is there is asked about; "kept" adds to what is there.
    `per_stream`: one file (or one sink) for each camera; `joins`: one takes several recordings, one after the other;
    `folder`: a folder may be given for many files; `frames`: it needs pictures, which a recording of readings has not.
    """

    rows: bool = True
    files: Literal["rows", "whole", "kept"] = "whole"
    per_stream: bool = False
    joins: bool = True
    folder: bool = False
    frames: bool = False


class Output(Section):
    """An output; the settings of an installed package's sink begin with it too."""

    writes: ClassVar[Writes] = Writes()

    type: str = Field(min_length=1, description="which kind of output it is")
    delivery: DeliveryConfig = DeliveryConfig()

    def places(self) -> list[Path]:
        """The files, folders and name templates it was given to write to: its `path`, where it has one."""
        path = getattr(self, "path", None)
        return [Path(path)] if isinstance(path, str | Path) else []

    def replaced(self) -> list[Path]:
        """The files (name templates) that a run makes anew, beside row files."""
        return [] if self.writes.files != "whole" else [path for path in self.places() if not self.is_folder(path)]

    def is_folder(self, path: Path) -> bool:
        """Whether a place is a folder for many files: an existing one, or a name without a suffix."""
        return self.writes.folder and (path.is_dir() or not path.suffix)

    @property
    def can_continue(self) -> bool:
        """Whether it can keep what is there (`append`)."""
        return self.writes.files != "whole" or "append" in type(self).model_fields


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
