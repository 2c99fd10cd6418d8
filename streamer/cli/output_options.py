"""The outputs of a run: command-line options as entries of `outputs:`, and their files."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from streamer.config.load import value_of
from streamer.config.messages import faults_of
from streamer.config.outputs import TYPES, Output, settings_of
from streamer.errors import ConfigError

# Options that stand for an entry of a type; --output stands for any.
FLAGS = {
    "csv": "--csv FILE", "platerecognizer": "--csv FILE --csv-dialect platerecognizer", "jsonl": "--jsonl FILE",
    "video": "--video FILE", "crops": "--crops FOLDER", "snapshots": "--snapshots FOLDER", "mot": "--mot FILE",
    "ledger": "--ledger FOLDER", "store": "--store FILE|ADDRESS", "record": "--record FILE", "window": "--show",
}  # fmt: skip
_EXPECTED = "expected TYPE:PATH, or an entry of outputs like '{type: csv, path: plates.csv}'"


@dataclass(frozen=True, kw_only=True)
class OutputOptions:
    """The outputs that options ask for; None and empty where they do not."""

    csv: Path | None = None
    csv_dialect: str = "alpr"
    jsonl: Path | None = None
    provisional: bool = False
    video: Path | None = None
    crops: Path | None = None
    snapshots: Path | None = None
    mot: Path | None = None
    ledger: Path | None = None
    record: Path | None = None
    store: str | None = None
    show: bool = False
    outputs: Sequence[str] = ()

    def entries(self) -> list[Output]:
        """The entries of `outputs:` that they are short for."""
        paths: dict[str, Path | str | None] = {
            "platerecognizer" if self.csv_dialect == "platerecognizer" else "csv": self.csv, "jsonl": self.jsonl,
            "ledger": self.ledger, "video": self.video, "crops": self.crops, "snapshots": self.snapshots,
            "mot": self.mot, "record": self.record, "store": self.store,
        }  # fmt: skip
        more: dict[str, dict[str, Any]] = {"jsonl": {"provisional": self.provisional}}
        entries = [
            TYPES[kind].model_validate({"type": kind, "path": str(path), **more.get(kind, {})})
            for kind, path in paths.items()
            if path is not None
        ]
        shown = [TYPES["window"](type="window")] if self.show else []
        return [*entries, *shown, *map(output_of, self.outputs)]


def output_of(text: str) -> Output:
    """The entry that --output stands for: TYPE:PATH, or a mapping as in the configuration."""
    entry: Any
    if text.lstrip().startswith("{"):
        entry = value_of(text, "--output")
        kind = entry.get("type") if isinstance(entry, dict) else None
    else:
        kind, colon, place = text.partition(":")
        entry = {"type": kind}
    if not isinstance(kind, str) or not kind:
        raise ConfigError(f"--output: type: {_EXPECTED}")
    try:
        schema = settings_of(kind)
    except ConfigError as error:
        raise ConfigError(f"--output {kind}: {error}") from None
    if not text.lstrip().startswith("{") and colon:
        entry[schema.short] = place
    try:
        return schema.model_validate(entry)
    except ValidationError as error:
        told = [(".".join(map(str, loc)), fault) for loc, fault in faults_of(error, schema)]
    raise ConfigError(
        *(f"--output {kind}: {key}: {fault}" if key else f"--output {kind}: {fault}" for key, fault in told)
    )


def option_for(kind: str) -> str:
    """The general option for an output of this program."""
    settings = TYPES[kind]
    return (
        f"--output {kind}:{settings.short.upper()}" if settings.short in settings.model_fields else f"--output {kind}"
    )


def flag_of(output: Output) -> str:
    """The option that an output of its type is asked for by."""
    return FLAGS[output.type].partition(" ")[0] if output.type in FLAGS else f"--output {output.type}:"


def merged(configured: Sequence[Output], flags: Sequence[Output]) -> list[Output]:
    """The outputs of the configuration and of the options: an option replaces all entries of its type."""
    given = {_kind(output) for output in flags}
    return [*(output for output in configured if _kind(output) not in given), *flags]


def with_terminal(outputs: Sequence[Output]) -> list[Output]:
    """The outputs, and the terminal where no output has rows or a window."""
    if any(output.writes.rows for output in outputs):
        return list(outputs)
    return [*outputs, Output(type="terminal")]


def paths_of(outputs: Sequence[Output], *types: str) -> list[Path]:
    """The paths of the outputs of these types (of all types)."""
    return [path for output in outputs if not types or output.type in types for path in output.places()]


def row_files(outputs: Sequence[Output]) -> list[Path]:
    """The row files (name templates)."""
    return [path for output in outputs if output.writes.files == "rows" for path in output.places()]


def single_files(outputs: Sequence[Output], cameras: Sequence[str] = ()) -> list[Path]:
    """The files, other than row files, that a run overwrites, name templates filled in."""
    return [file for output in outputs for path in output.replaced() for file in _filled(path, cameras)]


def check_frames(outputs: Sequence[Output]) -> None:
    """ConfigError where one of these needs pictures."""
    for output in outputs:
        if output.writes.frames:
            raise ConfigError(f"{flag_of(output)}: needs pictures, a recording of readings has none: leave it out")


def check_joined(outputs: Sequence[Output], sources: int) -> None:
    """ConfigError where one of these takes one recording only and there are more."""
    for output in outputs if sources > 1 else ():
        for path in () if output.writes.joins else output.places():
            raise ConfigError(f"{flag_of(output)} {path}: is for one SOURCE, {sources} are given")


def check_for_cameras(outputs: Sequence[Output], cameras: int) -> None:
    """ConfigError where one of these names one file for many cameras."""
    for output in outputs if cameras > 1 else ():
        for path in output.places():
            if not output.is_folder(path) and "{camera}" not in str(path):
                hint = ", or give a folder" if output.writes.folder else ""
                raise ConfigError(
                    f"{flag_of(output)} {path}: names one file for {cameras} cameras: put {{camera}} in it{hint}"
                )


def _filled(path: Path, cameras: Sequence[str]) -> list[Path]:
    from streamer.sink.names import Template

    if "{" in str(path):
        with suppress(ConfigError, KeyError):  # fields of a package's own
            template = Template(path, ("camera", "date", "hour", "time"))
            now = datetime.now()
            return list(dict.fromkeys(template.filled(now, camera=camera) for camera in cameras))
    return [path]


def _kind(output: Output) -> str:
    return "csv" if output.type == "platerecognizer" else output.type
