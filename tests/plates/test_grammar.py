"""The texts that layout files allow, and files that are not as they should be."""

from __future__ import annotations

from pathlib import Path

import pytest

from streamer.engine.zoo import config_folder
from streamer.errors import ConfigError
from streamer.plates.countries import check_countries, known_countries, texts_of

PLATES = config_folder() / "plates"


def written(folder: Path, text: str) -> Path:
    (folder / "moon.yaml").write_text(text)
    return folder


def layout(patterns: str, more: str = "") -> str:
    return f"schema: 1\nlists: {{base: [TQ, MÄ-R]}}\nlayouts: [{{name: m, country: MO, patterns: {patterns}{more}}}]\n"


@pytest.mark.parametrize(
    ("patterns", "more", "texts"),
    [
        ("['A-9']", "", {("ABCDEFGHIJKLMNOPQRSTUVWXYZ", "0123456789")}),
        ("['A']", ", charset: XY", {("XY",)}),
        ("['{base}7', Q]", "", {("T", "Q", "7"), ("M", "A", "R", "7"), ("Q",)}),
        ("['[A-CX] / 7']", "", {("ABCX", "7")}),
        ("['B / 7']", ", row_order: [1, 0]", {("7", "B")}),
        ("['12']", ", row_order: [1, 0]", {("1", "2")}),  # of one row
        ("['Moon 7']", ", words: {Moon: M}", {("M", "7")}),
        ("['O[N-P]']", ", zero_for_o: true", {("0", "N0P")}),
    ],
)
def test_texts(tmp_path: Path, patterns: str, more: str, texts: set[tuple[str, ...]]) -> None:
    assert texts_of(["MO"], written(tmp_path, layout(patterns, more))) == texts


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("layouts: 3\n", "1: layouts: expected a list"),
        ("- a\n", "1: expected a mapping"),
        ("layouts: [\n", "2: not valid YAML"),
        ("layouts: [{country: MO}]\n", "1: layouts.0.patterns: field required"),
        ("layouts: [{patterns: [A]}]\n", "1: layouts.0.country: field required"),
        ("layouts: [{country: MO, patterns: []}]\n", "1: layouts.0.patterns: .*at least 1"),
        ("layouts: [{country: MO, patterns: [99]}]\n", "1: layouts.0.patterns.0: .*string"),
        ("layouts: [{country: NO, patterns: [A]}]\n", "1: layouts.0.country: .*quotes"),
        ("lists: {p: [NI, NO]}\nlayouts: [{country: MO, patterns: [A]}]\n", "1: lists.p.1: .*quotes"),
        ("layouts: [{country: MO, patterns: ['{q} A']}]\n", "1: layouts.0.patterns.0: .*define 'q' under lists"),
        ("layouts:\n  - {country: MO, patterns: [A]}\n  - country: mo\n", "3: layouts.1.country: .*like DE, not 'mo'"),
        ("region: asai\nlayouts: [{country: MO, patterns: [A]}]\n", "1: region: .*'asia'"),
        ("layouts: [{country: MO, patterns: [A],\n  chraset: X}]\n", "2: layouts.0.chraset: .*mean 'charset'"),
        ("lits: {}\nlayouts: [{country: MO, patterns: [A]}]\n", "1: lits: .*mean 'lists'"),
    ],
)
def test_a_faulty_file_is_named(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(ConfigError, match=rf"moon\.yaml:{says}"):
        known_countries(written(tmp_path, text))


def test_unknown_countries_are_named(tmp_path: Path) -> None:
    check_countries((), tmp_path / "nowhere")
    with pytest.raises(ConfigError, match=r"countries: XX: nothing is known .*known .*: AD, AE, .*GB"):
        check_countries(("DE", "XX"), PLATES)
    with pytest.raises(ConfigError, match="XX"):
        texts_of(["XX"], PLATES)
    with pytest.raises(ConfigError, match=r"known \(.*\): $"):
        check_countries(("DE",), tmp_path)


def test_districts_of_germany() -> None:
    texts = texts_of(["DE"], PLATES)
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    for district in ("CLP", "MSE", "VG", "LUP", "WAN", "CAS", "BOH", "DO", "KUN", "NB", "N"):
        assert (*district, letters, "0123456789", "EH") in texts
