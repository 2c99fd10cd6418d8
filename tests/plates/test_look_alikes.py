"""O and 0, where a region's texts tell them as one."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from streamer.plates.look_alikes import ZERO_FOR_O, as_read


@pytest.mark.parametrize(
    ("text", "region", "read"),
    [
        ("AGOB6T", "north-america", "AG0B6T"),
        ("OO0", "north-america", "000"),
        ("", "north-america", ""),
        ("AGOB6T", "europe", "AGOB6T"),
        ("AGOB6T", None, "AGOB6T"),
    ],
)
def test_a_plate_as_it_is_read(text: str, region: str | None, read: str) -> None:
    assert as_read(text, region) == read


def test_the_regions_are_those_of_the_layouts(repo: Path) -> None:
    told: dict[str, set[bool]] = {}
    for file in sorted((repo / "configs" / "plates").glob("*.yaml")):
        data = yaml.safe_load(file.read_text(encoding="utf-8"))
        for layout in data.get("layouts", ()):
            told.setdefault(layout.get("region", data.get("region")), set()).add(bool(layout.get("zero_for_o")))
    assert {region for region, ways in told.items() if ways == {True}} == ZERO_FOR_O
    assert all(len(ways) == 1 for ways in told.values())
