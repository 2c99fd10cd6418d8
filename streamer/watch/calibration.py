"""A fitted traffic as a file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from streamer.errors import ConfigError, OutputError
from streamer.watch.background import Background
from streamer.watch.traffic import Traffic

_SCHEMA = 1
_REMEDY = "make it anew with alpr watch fit"


def write_calibration(path: Path, traffic: Traffic) -> None:
    """Writes the file; OutputError where it cannot be written. It holds counts of symbols by place, no plates."""
    content = {
        "schema": _SCHEMA,
        "type": "watch calibration",
        "passages": traffic.passages,
        "per_week": round(traffic.per_week, 1),
        "step": traffic.step,
        "tail": [float(f"{p:.4g}") for p in traffic.tail],
        "counts": {str(length): places for length, places in sorted(traffic.background.counts.items())},
    }
    try:
        path.write_text(json.dumps(content, ensure_ascii=False) + "\n", encoding="utf-8")
    except OSError as error:
        raise OutputError(f"{path}: cannot be written ({error.strerror}): give another file", at=path) from None


def read_calibration(path: Path) -> Traffic:
    """The traffic in a file; ConfigError where it is none."""
    try:
        content: Any = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ConfigError(f"{path}: no such calibration: check the path, or {_REMEDY}", at=path) from None
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror}): check the path", at=path) from None
    except ValueError:
        raise ConfigError(f"{path}: is no calibration (not JSON): {_REMEDY}", at=path) from None
    try:
        if content["schema"] != _SCHEMA or content["type"] != "watch calibration":
            raise ValueError
        counts = {
            int(length): [{str(symbol): float(n) for symbol, n in place.items()} for place in places]
            for length, places in content["counts"].items()
        }
        tail = tuple(float(p) for p in content["tail"])
        per_week, step = float(content["per_week"]), float(content["step"])
        if not (per_week > 0 and step > 0 and all(0 <= p <= 1 for p in tail)):
            raise ValueError
        return Traffic(per_week, Background(counts), tail, step, int(content["passages"]))
    except (KeyError, TypeError, ValueError, AttributeError):
        raise ConfigError(f"{path}: is no calibration of this version: {_REMEDY}", at=path) from None
