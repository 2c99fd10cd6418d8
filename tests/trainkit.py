"""Small trainings by the command line, for the tests of the recipes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from train.loop.fit import MetricLog


def config(file: Path, **settings: Any) -> Path:
    file.write_text(yaml.safe_dump({"batch": 4, "lr": 0.002, "workers": 0, "log_steps": 2, **settings}))
    return file


def first_and_last_loss(out: Path) -> tuple[float, float]:
    rows = list(MetricLog(out / "metrics.jsonl").read())
    return rows[0]["total"], rows[-1]["total"]
