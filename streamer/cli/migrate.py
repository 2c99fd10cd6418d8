"""`alpr migrate`: another program's configuration as one of this program."""

from __future__ import annotations

import csv
import io
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from streamer.cli.console import notice, print_line, warn
from streamer.errors import ConfigError, InputError, OutputError

if TYPE_CHECKING:
    from streamer.migrate.draft import Draft

_FILE = click.Path(path_type=Path)
_PROGRAMS = "platerecognizer", "frigate", "openalpr"


@click.command()
@click.argument("program", type=click.Choice(_PROGRAMS))
@click.argument("config", type=_FILE)
@click.option("--to", "target", type=_FILE, metavar="FILE", help="Write the configuration to this new file.")
@click.option(
    "--env", "env_path", type=_FILE, metavar="FILE", help="Write the passwords to this new file, as NAME=VALUE lines."
)
@click.option("--plates", "plates_path", type=_FILE, metavar="FILE", help="Write known plates to this new CSV file.")
@click.option("--logs", is_flag=True, help="CONFIG is a file of rows: write them to --to FILE.csv or FILE.jsonl.")
def migrate(
    program: str, config: Path, target: Path | None, env_path: Path | None, plates_path: Path | None, logs: bool
) -> None:
    """Convert CONFIG of another program (Plate Recognizer Stream's config.ini, Frigate's config.yml, OpenALPR's
    alprd.conf) to a configuration of this one.

    The configuration is printed, or written with --to. What has no counterpart, or another meaning here, is named on
    standard error and in comments. Passwords of addresses become variables, like ${GATE_PASSWORD}.

    With --logs the rows that the program kept are converted: Plate Recognizer's CSV, JSON lines or webhooks, Frigate's
    frigate.db or events as JSON, OpenALPR's JSON. alpr store import reads the result.
    """
    if logs:
        _logs(program, config, target)
        return
    from importlib import import_module

    draft: Draft = import_module(f"streamer.migrate.{program}").convert(_text(config), str(config))
    for path in (target, env_path, plates_path):
        if path is not None and path.exists():
            raise ConfigError(f"{path}: is there already: give the name of a new file", at=path)
    for note in draft.notes:
        warn(f"{config}{f':{note.line}' if note.line else ''}: {note.key}: {note.told}")
    if not draft.cameras:
        raise ConfigError(f"{config}: no camera could be taken over: see above", at=config)
    if target is None:
        print_line(draft.text().rstrip("\n"))
    else:
        _write(target, draft.text())
        notice(f"written: {target}, {len(draft.cameras)} cameras; next: alpr check {target}")
    if draft.secrets and env_path is None:
        notice(f"set in the environment ({config} has the values, --env FILE writes them): {', '.join(draft.secrets)}")
    if env_path is not None:
        _write(env_path, env_lines(draft.secrets), mode=0o600)
    if plates_path is not None:
        rows = io.StringIO()
        writer = csv.writer(rows, lineterminator="\n")
        writer.writerows([("plate", "name"), *draft.plates])
        _write(plates_path, rows.getvalue())


def _logs(program: str, path: Path, target: Path | None) -> None:
    from streamer.migrate.logs import convert_logs
    from streamer.sink.csv import COLUMNS
    from streamer.sink.table import encode_row
    from streamer.store.records import cells_of, json_line

    if target is None or target.suffix not in (".csv", ".jsonl"):
        raise click.UsageError("--logs: give --to FILE.csv or FILE.jsonl")
    if target.exists():
        raise ConfigError(f"{target}: is there already: give the name of a new file", at=target)
    found = convert_logs(program, path)
    for line in found.broken[:20]:
        warn(line)
    if len(found.broken) > 20:
        warn(f"{path}: {len(found.broken) - 20} more that are no rows")
    for name, count in sorted(found.notes.items()):
        warn(f"{path}: {name}: has no counterpart ({count} rows)")
    if not found.records:
        raise InputError(f"{path}: holds no row with a plate", at=path)
    lines = [json_line(r) for r in found.records]
    if target.suffix == ".csv":
        lines = [encode_row(COLUMNS), *(encode_row(cells_of(r)) for r in found.records)]
    _write(target, b"".join(lines).decode("utf-8"))
    notice(f"written: {len(found.records)} rows in {target}; next: alpr store import STORE {target}")


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}): give a configuration file", at=path) from None
    except UnicodeDecodeError:
        raise InputError(f"{path}: is no text in UTF-8: give a configuration file", at=path) from None


def _write(path: Path, text: str, mode: int = 0o666) -> None:
    try:
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "w", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise OutputError(f"{path}: cannot be written ({error.strerror}): give another place", at=path) from None


def env_lines(secrets: Mapping[str, str]) -> str:
    """NAME=VALUE lines."""
    return "".join(f"{name}={_quoted(value)}\n" for name, value in secrets.items())


def _quoted(value: str) -> str:
    """A value that a shell and systemd's EnvironmentFile= read alike."""
    return '"' + re.sub(r'(["\\$`])', r"\\\1", value) + '"'
