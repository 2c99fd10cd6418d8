"""The outputs of a run: command-line options as entries of `outputs:`, and their files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from streamer.cli.paths import is_folder
from streamer.config.outputs import TYPES, Output
from streamer.errors import ConfigError

# Options that stand for an entry of a type.
FLAGS = {
    "csv": "--csv FILE", "platerecognizer": "--csv FILE --csv-dialect platerecognizer", "jsonl": "--jsonl FILE",
    "video": "--video FILE", "crops": "--crops FOLDER", "snapshots": "--snapshots FOLDER", "mot": "--mot FILE",
    "ledger": "--ledger FOLDER", "record": "--record FILE", "window": "--show",
}  # fmt: skip
ROWS = ("csv", "platerecognizer", "jsonl")
_NO_ROWS = ("crops", "snapshots", "mot", "ledger", "record")  # with only these, rows go to the terminal


def entries_of_options(
    csv: Path | None,
    dialect: str,
    jsonl: Path | None,
    provisional: bool,
    video: Path | None,
    crops: Path | None,
    snapshots: Path | None,
    mot: Path | None,
    ledger: Path | None,
    record: Path | None,
    show: bool,
) -> list[Output]:
    """The entries of `outputs:` that the options are short for."""
    paths = {
        "platerecognizer" if dialect == "platerecognizer" else "csv": csv, "jsonl": jsonl, "ledger": ledger,
        "video": video, "crops": crops, "snapshots": snapshots, "mot": mot, "record": record,
    }  # fmt: skip
    more: dict[str, dict[str, Any]] = {"jsonl": {"provisional": provisional}}
    entries = [
        TYPES[kind].model_validate({"type": kind, "path": str(path), **more.get(kind, {})})
        for kind, path in paths.items()
        if path is not None
    ]
    return [*entries, *([Output(type="window")] if show else [])]


def merged(configured: Sequence[Output], flags: Sequence[Output]) -> list[Output]:
    """The outputs of the configuration and of the options: an option replaces all entries of its type."""
    given = {_kind(output) for output in flags}
    return [*(output for output in configured if _kind(output) not in given), *flags]


def with_terminal(outputs: Sequence[Output]) -> list[Output]:
    """The outputs, and the terminal where no output has rows or a window."""
    if all(output.type in _NO_ROWS for output in outputs):
        return [*outputs, Output(type="terminal")]
    return list(outputs)


def paths_of(outputs: Sequence[Output], *types: str) -> list[Path]:
    """The paths of the outputs of these types (of all types)."""
    return [
        Path(path) for o in outputs if (not types or o.type in types) and isinstance(path := getattr(o, "path", 0), str)
    ]


def single_files(outputs: Sequence[Output]) -> list[Path]:
    """The files, other than row files, that a run overwrites."""
    videos = [path for path in paths_of(outputs, "video") if not is_folder(path)]
    ledgers = [path / "ledger.jsonl" for path in paths_of(outputs, "ledger")]
    return [*ledgers, *videos, *paths_of(outputs, "mot", "record")]


def check_for_cameras(outputs: Sequence[Output], cameras: int) -> None:
    """ConfigError where one of these names one file for many cameras."""
    for output in outputs if cameras > 1 else ():
        for path in paths_of([output]):
            folder = output.type == "video" and is_folder(path)
            if not folder and "{camera}" not in str(path):
                hint = ", or give a folder" if output.type == "video" else ""
                raise ConfigError(
                    f"--{output.type} {path}: names one file for {cameras} cameras: put {{camera}} in it{hint}"
                )


def _kind(output: Output) -> str:
    return "csv" if output.type == "platerecognizer" else output.type
