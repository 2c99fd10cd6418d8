"""Plates drawn of a folder of the user's own."""

from __future__ import annotations

import json
from pathlib import Path

from streamkit import alpr

LAYOUTS = """schema: 1
layouts:
  - {name: mc, country: MC, colour: white, patterns: ["9999", "A999"]}
  - {name: mine, country: BR, colour: white, patterns: ["77"]}
"""


def test_plates_are_drawn_of_own_layouts(tmp_path: Path) -> None:
    own, out = tmp_path / "mine", tmp_path / "out"
    own.mkdir()
    (own / "mine.yaml").write_text(LAYOUTS)
    assert alpr("synth", "plates", "--count", 6, "--layout", "mine", "--plates", own, "--out", out) == 0
    rows = [json.loads(line) for line in (out / "plates.jsonl").read_text().splitlines()]
    assert {row["country"] for row in rows} <= {"MC", "BR"}
    assert {row["text"] for row in rows if row["country"] == "BR"} <= {"77"}
    for faulty in (("--layout", "br-mercosul", "--plates", own), ("--plates", tmp_path / "none")):  # replaced; missing
        assert alpr("synth", "plates", "--count", 1, *faulty, "--out", out) == 2
