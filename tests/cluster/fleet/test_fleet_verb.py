"""`alpr fleet` on the command line."""

from __future__ import annotations

import json
from pathlib import Path

from click.testing import CliRunner

from streamer.cli import cli


def test_simulate_prints_figures_and_writes_the_day(tmp_path: Path) -> None:
    day = tmp_path / "day.json"
    small = ["--cameras", "10", "--nodes", "4", "--hours", "0.5", "--failures", "48"]
    done = CliRunner().invoke(cli, ["fleet", "simulate", *small, "--json", str(day)])
    assert done.exit_code == 0, done.output
    assert "moves: gone: " in done.output
    assert json.loads(day.read_text(encoding="utf-8"))["summary"]["cameras"] == 10
