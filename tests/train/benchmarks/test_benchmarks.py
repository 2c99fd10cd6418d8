"""The registry of figures: every place is in the texts, and what differs from a measurement is found."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from streamer.cli import cli
from streamer.errors import AlprError, InputError
from train.benchmarks import __main__ as command
from train.benchmarks import measure as measuring
from train.benchmarks.check import compare, write_measured
from train.benchmarks.places import ROOT, CardValue, Cell, NoPlace, Phrase
from train.benchmarks.registry import MEASURES, Figure, Measure, figures

PAGE = "docs/benchmarks.md"
TEXT = """# Title

Plates: 12 found, 1,006 wrong.

| set | n | AP |
|---|---|---|
| one (`a`) | 7 | 0.995/.983 |
| two (`b`) | - | 90.1 (64/71) |
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "T.md").write_text(TEXT, encoding="utf-8")
    card = tmp_path / "models" / "zoo" / "net" / "card.yaml"
    card.parent.mkdir(parents=True)
    card.write_text("name: net\nfigures:\n  reader:\n    sets:\n      a:\n        'false': 4\n", encoding="utf-8")
    return tmp_path


@pytest.mark.parametrize(
    ("place", "line", "value"),
    [
        (Phrase("T.md", r"(\d+) found"), 3, 12.0),
        (Phrase("T.md", r"found, ([\d,]+) wrong"), 3, 1006.0),
        (Cell("T.md", "| set | n |", "`a`", 1), 7, 7.0),
        (Cell("T.md", "| set | n |", "`a`", 2, 1), 7, 0.983),
        (Cell("T.md", "| set | n |", "`b`", 2, 2), 8, 71.0),
        (CardValue("net", ("figures", "reader", "sets", "a", "false")), 6, 4.0),
    ],
)
def test_numbers_and_lines(root: Path, place: Phrase | Cell | CardValue, line: int, value: float) -> None:
    stated = place.find(root)
    assert (stated.line, stated.value) == (line, value)


@pytest.mark.parametrize(
    ("place", "told"),
    [
        (Phrase("T.md", r"(\d+) lost"), "0 places match"),
        (Phrase("T.md", r"`(\w)`"), "2 places match"),
        (Phrase("T.md", r"^# (\w+)"), "'Title', which"),
        (Cell("T.md", "| kind |", "`a`", 1), "0 tables"),
        (Cell("T.md", "| set |", "`c`", 1), "T.md:5: the table has no row '`c`'"),
        (Cell("T.md", "| set |", "`b`", 1), "T.md:8: column 1 of row '`b`' has no number 0"),
        (Cell("T.md", "| set |", "`b`", 5), "T.md:8: column 5"),
        (CardValue("net", ("figures", "reader", "sets", "b")), "has no figures.reader.sets.b"),
    ],
)
def test_places_that_are_not_there(root: Path, place: Phrase | Cell | CardValue, told: str) -> None:
    with pytest.raises(NoPlace, match=re.escape(told)):
        place.find(root)


def test_every_figure_is_where_the_registry_says() -> None:
    """An edited sentence or table fails here: correct the registry with it."""
    compared, lacking = compare(figures(), {})
    assert not lacking
    assert len(compared) > 500
    names = {m.name for m in MEASURES}
    assert {f.measure for f in figures()} <= names
    assert len(names) == len(MEASURES)


def test_texts_state_what_was_measured_last() -> None:
    compared, lacking = compare(figures(), measuring.read_file(command.FILE))
    assert not lacking
    assert not [str(one) for one in compared if not one.agrees and one.figure.kind != "speed"]


# Figures without a command: limits that define a measure, others' programs, machines and runs of hours.
_WITHOUT = r"""INT8 ./ f32|2019|2 shared cores|IoU .?>? ?0\.\d(?: and 0\.\d)?|AP[57]0|threshold 0\.45|O as 0 and I as 1
|1920x1080|1080p25|H\.264|4 Mbit/s|AVX-512|fast-alpr on the same pictures .*|0\.29 GMACs.*|under 1 %|key frame in 2 s
|`alpr bench stream --most`.*|`alpr bench stream FILE.*|time from the command.*|between -3 and 17 MB|confidence of 0\.5
|under a hundred|0\.2 points|on 370 pictures|INT8|f32|1 thread|over 400 crops|\(five\)|8 characters|`[^`]*`"""


def test_no_figure_of_the_section_of_the_whole_is_forgotten() -> None:
    lines = (ROOT / PAGE).read_text(encoding="utf-8").splitlines()
    start = lines.index("## The whole, end to end")
    end = next(i for i in range(start + 1, len(lines)) if lines[i].startswith("## "))
    known: dict[int, list[str]] = {}
    for one in compare(figures(), {})[0]:
        if one.stated.file == PAGE:
            known.setdefault(one.stated.line, []).append(one.stated.text)
    without = re.compile(_WITHOUT.replace("\n", ""))
    for i in range(start, end):
        left = re.findall(r"(?<![\w.])\d(?:[\d,]*\d)?(?:\.\d+)?(?![\w-])", without.sub(" ", lines[i]))
        for text in known.get(i + 1, []):
            if text in left:
                left.remove(text)
        assert not left, f"{PAGE}:{i + 1}: not in train/benchmarks/registry.py: {left}"


def test_commands_are_known_to_the_program() -> None:
    for measure in MEASURES:
        for words in measure.commands:
            done = CliRunner().invoke(cli, [*words[1:3], "--help"])
            assert done.exit_code == 0, words
            for option in (word for word in words if word.startswith("--")):
                assert option in done.output, words
        for pattern in measure.patterns.values():
            assert re.compile(pattern).groups == 1


def figure(kind: str, scale: float = 1.0) -> Figure:
    return Figure("m", "k", Phrase("T.md", r"(\d+) found"), kind, scale)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("kind", "scale", "value", "agrees"),
    [
        ("count", 1, 12, True),
        ("count", 1, 12.4, False),
        ("accuracy", 1, 12.5, True),  # rounding of what is stated
        ("accuracy", 1, 12.503, False),
        ("accuracy", 100, 0.1269, True),  # 0.2 of per cent more
        ("accuracy", 100, 0.1271, False),
        ("speed", 1, 16, True),
        ("speed", 1, 16.1, False),
        ("speed", 1, 9, True),
        ("speed", 1, 8.9, False),
    ],
)
def test_what_agrees(root: Path, kind: str, scale: float, value: float, agrees: bool) -> None:
    compared, lacking = compare([figure(kind, scale)], {"m": {"values": {"k": value}}}, root)
    assert not lacking
    assert compared[0].agrees is agrees
    assert str(compared[0]).startswith("T.md:3: states 12; measured ")


def test_what_is_lacking(root: Path) -> None:
    compared, lacking = compare([figure("count")], {"m": {"values": {}}}, root)
    assert not compared
    assert lacking == ["m/k: stated in T.md:3, but the measurement has none"]
    assert compare([figure("count")], {}, root)[0][0].agrees


def test_reports_become_paths() -> None:
    report = {"sets": {"a": {"ap50": 0.51234567, "corner": None, "ok": True}}, "total": {"n": 3}, "backgrounds": None}
    assert measuring.flat(report) == {"sets/a/ap50": 0.512346, "total/n": 3}
    assert measuring.flat({**report, "what": "videos"}) == {"total/n": 3}


def test_printed_figures() -> None:
    bench = next(m for m in MEASURES if m.name == "bench-detector")
    text = "cpu x\nint8            1    4.203    4.700 |\nint8            2    2.3\nf32             1   11.2 |\n"
    assert measuring.printed(bench, text) == {"int8": 4.203, "f32": 11.2}
    with pytest.raises(AlprError, match=r"\(f32\)"):
        measuring.printed(bench, "int8 1 4.2\n")


def _fake(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, *names: str, **over: str) -> list[str]:
    """Measures that print a number, and calls counted; the figure is `12 found` of T.md."""
    script = tmp_path / "say.sh"
    script.write_text(f"echo x >> {tmp_path}/calls\necho value ${{1:-12}}\n", encoding="utf-8")
    measures = [
        Measure(name, (("sh", str(script), over.get(name, "12")),), "test", 0, {"k": r"^value (\d+)$"})
        for name in names
    ]
    monkeypatch.setattr(command, "MEASURES", measures)
    monkeypatch.setattr(
        command, "figures", lambda: [Figure(n, "k", Phrase("T.md", r"(\d+) found"), "count") for n in names]
    )
    monkeypatch.setattr(command, "compare", lambda fs, found: compare(fs, found, tmp_path))
    return ["--file", str(tmp_path / "b.json"), "--work", str(tmp_path / "work")]


def test_a_run_goes_on_and_compares(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    where = _fake(monkeypatch, root, "one", "two", two="13")
    first = CliRunner().invoke(command.main, [*where, "--only", "one"])
    assert (first.exit_code, first.stdout) == (0, "1 figures stated, 1 of them measured, 0 faults\n")
    kept = json.loads((root / "b.json").read_text(encoding="utf-8"))["measures"]["one"]
    assert kept["values"] == {"k": 12}
    assert {"machine", "commit", "date", "data", "command", "identity", "system"} <= kept.keys()
    both = CliRunner().invoke(command.main, where)
    assert both.exit_code == 1
    assert "fault: T.md:3: states 12; measured 13 (two/k)" in both.stdout
    assert (root / "calls").read_text(encoding="utf-8") == "x\nx\n"  # `one` was not measured again
    checked = CliRunner().invoke(command.main, [*where, "--check", "--only", "one"])
    assert checked.exit_code == 0
    CliRunner().invoke(command.main, [*where, "--again"])
    assert (root / "calls").read_text(encoding="utf-8") == "x\n" * 4


def test_what_needs_data_is_skipped_and_failures_are_told(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    where = _fake(monkeypatch, root, "one")
    monkeypatch.delenv("NO_SUCH_DATA", raising=False)
    needs = Measure("needs", (("sh", "-c", "true", "{NO_SUCH_DATA}"),), "test", 0, {"k": "x"})
    fails = Measure("fails", (("sh", "-c", "echo broken; exit 3"),), "test", 0, {"k": "x"})
    monkeypatch.setattr(command, "MEASURES", [needs, fails, *command.MEASURES])
    done = CliRunner().invoke(command.main, where)
    assert done.exit_code == 1
    assert "needs: skipped, NO_SUCH_DATA not set" in done.stderr
    assert "fault: fails: sh failed with exit code 3: broken" in done.stdout
    assert "one" in measuring.read_file(root / "b.json")


def test_a_broken_file_and_unknown_names(root: Path) -> None:
    (root / "b.json").write_text("{}", encoding="utf-8")
    with pytest.raises(InputError, match=r"b\.json: is no file of benchmarks"):
        measuring.read_file(root / "b.json")
    assert CliRunner().invoke(command.main, ["--file", str(root / "b.json"), "--check"]).exit_code == 3
    done = CliRunner().invoke(command.main, ["--only", "nothing"])
    assert done.exit_code == 2
    assert "expected one of reader" in done.stderr


def test_the_list() -> None:
    done = CliRunner().invoke(command.main, ["--list", "--only", "bench-*"])
    assert done.exit_code == 0
    assert "bench-detector: speed of detector S" in done.stdout
    assert re.search(r"  int8: [\d.]+ in docs/benchmarks\.md:\d+\n", done.stdout)


def test_data_is_known_by_its_labels(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / "manifest.jsonl").write_text("{}\n", encoding="utf-8")
    first = measuring.data_hash(folder)
    (folder / "other.txt").write_text("x", encoding="utf-8")
    assert measuring.data_hash(folder) == first
    (folder / "manifest.jsonl").write_text("{} \n", encoding="utf-8")
    assert measuring.data_hash(folder) != first
    assert measuring.data_hash(folder / "other.txt") != measuring.data_hash(folder / "manifest.jsonl")
    (tmp_path / "plain").mkdir()
    (tmp_path / "plain" / "a.jpg").write_bytes(b"1")
    assert measuring.data_hash(tmp_path / "plain") != first


@pytest.mark.parametrize(
    ("place", "measured", "kind", "line"),
    [
        (Phrase("T.md", r"(\d+) found"), 13.0, "count", "Plates: 13 found, 1,006 wrong."),
        (Phrase("T.md", r"found, ([\d,]+) wrong"), 12345.0, "count", "Plates: 12 found, 12,345 wrong."),
        (Cell("T.md", "| set | n |", "`a`", 2, 0), 0.98749, "accuracy", "| one (`a`) | 7 | 0.987/.983 |"),
        (Cell("T.md", "| set | n |", "`a`", 2, 1), 0.9, "accuracy", "| one (`a`) | 7 | 0.995/.900 |"),
        (Cell("T.md", "| set | n |", "`b`", 2, 1), 65.0, "count", "| two (`b`) | - | 90.1 (65/71) |"),
        (CardValue("net", ("figures", "reader", "sets", "a", "false")), 11.0, "count", "        'false': 11"),
    ],
)
def test_what_was_measured_is_written_into_the_text(
    root: Path, place: Phrase | Cell | CardValue, measured: float, kind: Any, line: str
) -> None:
    before = (root / place.file).read_text("utf-8").splitlines()
    found = {"m": {"values": {"k": measured}}}
    assert write_measured(compare([Figure("m", "k", place, kind)], found, root)[0], root) == 1
    after = (root / place.file).read_text("utf-8").splitlines()
    assert [new for old, new in zip(before, after, strict=True) if old != new] == [line]
    compared, _ = compare([Figure("m", "k", place, kind)], found, root)
    assert compared[0].agrees
    assert write_measured(compared, root) == 0


def test_every_shipped_detector_and_reader_states_its_figures() -> None:
    """An export writes a card without figures: `alpr eval scenes|reader DATA --card NAME` puts them in."""
    cards = {card.parent.name for card in (ROOT / "models" / "zoo").glob("*/card.yaml")} - {"plate-refiner"}
    assert cards == {f.place.card for f in figures() if isinstance(f.place, CardValue)}


def test_several_figures_of_a_text_are_written_at_once(root: Path) -> None:
    places = [Phrase("T.md", r"(\d+) found"), Cell("T.md", "| set | n |", "`a`", 1), Phrase("T.md", r"90.1 \((\d+)")]
    wanted = [Figure("m", str(k), place, "count") for k, place in enumerate(places)]
    found = {"m": {"values": {"0": 123.0, "1": 8.0, "2": 64.0}}}
    assert write_measured(compare(wanted, found, root)[0], root) == 2
    text = (root / "T.md").read_text("utf-8")
    assert "123 found" in text
    assert "| 8 |" in text
    assert "(64/71)" in text
