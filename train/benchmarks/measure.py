"""Runs the measurements and keeps what they found in one file, a measurement at a time, so that a run can go on."""

from __future__ import annotations

import datetime
import hashlib
import json
import os
import platform
import re
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import yaml

from streamer.cli.machine import cpu_name
from streamer.engine.runtime import available_cores
from streamer.errors import AlprError, InputError
from train.benchmarks.places import ROOT
from train.benchmarks.registry import Measure
from train.evaluate.run import alpr_command

Found = dict[str, Any]
_LABELS = ("manifest.jsonl", "more.jsonl", "video/truth.jsonl", "video/videos.jsonl")
CARD = "card.yaml"
_CODE = ("streamer", "models", "train/evaluate", "train/data", "configs")  # a change in these may change a figure


def read_file(file: Path) -> dict[str, Found]:
    """What was measured before, by measure; InputError names the file where it is broken."""
    if not file.is_file():
        return {}
    try:
        return dict(json.loads(file.read_text(encoding="utf-8"))["measures"])
    except (ValueError, KeyError, TypeError):
        raise InputError(f"{file}: is no file of benchmarks; delete it, or name another by --file") from None


def write_file(file: Path, found: Mapping[str, Found]) -> None:
    """Replaces the file as a whole: a run that is stopped while it writes loses nothing."""
    file.parent.mkdir(parents=True, exist_ok=True)
    scratch = file.with_suffix(".tmp")
    content = {"measures": dict(sorted(found.items()))}
    scratch.write_text(json.dumps(content, ensure_ascii=False, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    scratch.replace(file)


def missing(measure: Measure) -> list[str]:
    """The environment variables that a measure needs and that are not set."""
    return [name for name in measure.variables if not os.environ.get(name)]


def identity(measure: Measure) -> str:
    """The same as long as commands, data, networks and code are: a figure that has it need not be measured again."""
    digest = hashlib.sha256(repr((measure.commands, dict(measure.patterns))).encode())
    digest.update(repr([data_hash(Path(os.environ[name])) for name in measure.variables]).encode())
    for path in _CODE:
        files = f"{_git('ls-tree', '-r', 'HEAD', '--', path)}\n{_git('diff', 'HEAD', '--', path, f':!*{CARD}')}"
        digest.update("".join(line for line in files.splitlines(True) if not line.endswith(f"{CARD}\n")).encode())
    for card in sorted((ROOT / "models" / "zoo").glob(f"*/{CARD}")):  # their figures are what is measured
        facts = {**yaml.safe_load(card.read_text("utf-8")), "figures": None}
        digest.update(json.dumps(facts, sort_keys=True, default=str).encode())
    return digest.hexdigest()[:16]


def data_hash(path: Path) -> str:
    """Identifies a data folder by its labels (by its files' names and sizes where it has no manifest), a file by its
    bytes."""
    digest = hashlib.sha256()
    if path.is_file():
        digest.update(path.read_bytes())
        return digest.hexdigest()[:16]
    labels = [path / name for name in _LABELS if (path / name).is_file()]
    for file in labels:
        digest.update(file.read_bytes())
    if not labels:
        for file in sorted(p for p in path.rglob("*") if p.is_file() and ".git" not in p.parts):
            digest.update(f"{file.relative_to(path)} {file.stat().st_size}\n".encode())
    return digest.hexdigest()[:16]


def about() -> Found:
    """The machine, the commit and the date of a measurement."""
    changed = bool(_git("status", "--porcelain", "--untracked-files=no"))
    return {
        "machine": f"{cpu_name()}, {available_cores()} cores",
        "system": f"{platform.system()} {platform.machine()}, Python {platform.python_version()}",
        "commit": (_git("rev-parse", "--short=12", "HEAD") or "unknown") + (" with changes" if changed else ""),
        "date": datetime.date.today().isoformat(),
    }


def _git(*words: str) -> str:
    done = subprocess.run(["git", "-C", str(ROOT), *words], capture_output=True, text=True, check=False)
    return done.stdout.strip() if done.returncode == 0 else ""


def run(measure: Measure, work: Path, echo: Callable[[str], None]) -> Found:
    """Runs the commands and reads the figures. AlprError with the last line of what failed."""
    work.mkdir(parents=True, exist_ok=True)
    figures = work / f"{measure.name}.json"
    figures.unlink(missing_ok=True)
    told = ""
    for command in measure.commands:
        words = [_filled(word, {"json": str(figures), "work": str(work)}) for word in command]
        echo(f"{measure.name}: {' '.join(words)}")
        program = alpr_command() if words[0] == "alpr" else [words[0]]
        done = subprocess.run(
            [*program, *words[1:]], stdout=subprocess.PIPE, stderr=None, text=True, encoding="utf-8", check=False
        )
        told = done.stdout
        if done.returncode:
            last = (told.strip() or "it printed nothing").splitlines()[-1]
            raise AlprError(f"{measure.name}: {words[0]} failed with exit code {done.returncode}: {last}")
    (work / f"{measure.name}.txt").write_text(told, encoding="utf-8")
    values = printed(measure, told) if measure.patterns else flat(json.loads(figures.read_text(encoding="utf-8")))
    data = {name: data_hash(Path(os.environ[name])) for name in measure.variables}
    return {**about(), "identity": identity(measure), "data": data, "command": list(measure.commands), "values": values}


def _filled(word: str, given: Mapping[str, str]) -> str:
    return re.sub(r"\{(\w+)\}", lambda found: given.get(found[1]) or os.environ[found[1]], word)


def printed(measure: Measure, text: str) -> dict[str, float]:
    """The figures that a command printed; AlprError where one is not there."""
    values = {}
    for key, pattern in measure.patterns.items():
        found = re.search(pattern, text, re.M)
        if found is None:
            raise AlprError(f"{measure.name}: nothing that was printed matches {pattern!r} ({key})")
        values[key] = float(found[1])
    return values


def flat(report: Mapping[str, Any]) -> dict[str, float]:
    """The numbers of a report of `alpr eval`, by paths like `sets/cn-ccpd/ap50`."""
    values: dict[str, float] = {}

    def add(path: str, value: Any) -> None:
        if isinstance(value, Mapping):
            for key, below in value.items():
                add(f"{path}/{key}", below)
        elif isinstance(value, int | float) and not isinstance(value, bool):
            values[path] = round(value, 6)

    for part in ("sets", "total", "ccpd", "backgrounds"):
        if part != "sets" or report.get("what") != "videos":  # names of recordings are nobody's business
            add(part, report.get(part))
    return values
