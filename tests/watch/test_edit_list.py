"""Lists of plates edited in their files: comments, quotes and all other lines stay."""

from __future__ import annotations

from pathlib import Path

import pytest

from streamer.errors import ConfigError
from streamer.watch.edit import add, change, open_list, remove, written

TXT = "# stolen\nAB123  # red\n\nNO\n"
CSV = '# by Kim\nplate,name,note\n"AB123","Li, Wei",\nNO,,x\n\n0123,"two\nlines",y\n'
ONE = "AB123\r\nCD456"
SEMI = "plate;until\nAB123;2026-03-31\n"
YAML = """# by Kim
plates:
  - plate: 'AB123'   # red
    name: "Li Wei"
    cameras: [gate, "yard*"]

  # the mayor's
  - NO
  - 0123   # old
# end
"""
FLOW = "[AB123, {plate: NO, name: Kim}]\n"


def given(tmp_path: Path, name: str, content: str) -> Path:
    path = tmp_path / name
    path.write_bytes(content.encode())
    return path


def seen(path: Path) -> str:
    return open_list(path).digest


def line_of(path: Path, plate: str) -> int:
    return next(entry.line for entry in open_list(path).plates.entries if entry.plate == plate)


def text(path: Path) -> str:
    return path.read_bytes().decode()


@pytest.mark.parametrize(
    ("name", "content", "values", "expected"),
    [
        ("a.txt", TXT, {"plate": "XY 9"}, TXT + "XY 9\n"),
        ("a.txt", "", {"plate": "XY9"}, "XY9\n"),
        ("a.csv", CSV, {"plate": "XY9", "name": "Kim, the 2nd"}, CSV + 'XY9,"Kim, the 2nd",\n'),
        ("a.csv", CSV, {"plate": "XY9", "cameras": "gate"}, CSV.replace("note\n", "note,cameras\n") + "XY9,,,gate\n"),
        ("a.csv", ONE, {"plate": "XY9"}, ONE + "\r\nXY9\r\n"),
        ("a.csv", SEMI, {"plate": "XY9", "until": "2026-04-01"}, SEMI + "XY9;2026-04-01\n"),
        ("a.csv", "", {"plate": "XY9", "name": "Kim"}, "plate,name\nXY9,Kim\n"),
        ("a.yaml", YAML, {"plate": "ON"}, YAML + '  - "ON"\n'),
        (
            "a.yaml", YAML, {"plate": "XY9", "until": "2026-04-01", "name": "Kim"},
            YAML + '  - plate: XY9\n    until: "2026-04-01"\n    name: Kim\n',
        ),
        ("a.yaml", "", {"plate": "XY9"}, "- XY9\n"),
        ("a.yaml", "# none yet\nplates:\n", {"plate": "XY9"}, "# none yet\nplates:\n- XY9\n"),
        ("a.yml", FLOW, {"plate": "XY9"}, "[AB123, {plate: NO, name: Kim}, XY9]\n"),
    ],
)  # fmt: skip
def test_an_entry_is_added(tmp_path: Path, name: str, content: str, values: dict[str, str], expected: str) -> None:
    path = given(tmp_path, name, content)
    digest = add(path, values, seen=seen(path))
    assert text(path) == expected
    opened = open_list(path)
    assert opened.digest == digest
    assert opened.plates.entries[-1].plate == values["plate"]


@pytest.mark.parametrize(
    ("name", "content", "plate", "expected"),
    [
        ("a.txt", TXT, "AB123", "# stolen\n\nNO\n"),
        ("a.csv", CSV, "AB123", CSV.replace('"AB123","Li, Wei",\n', "")),
        ("a.csv", CSV, "0123", CSV.replace('0123,"two\nlines",y\n', "")),
        ("a.csv", ONE, "CD456", "AB123\r\n"),
        ("a.yaml", YAML, "AB123", "# by Kim\nplates:\n\n  # the mayor's\n  - NO\n  - 0123   # old\n# end\n"),
        ("a.yaml", YAML, "NO", YAML.replace("  - NO\n", "")),
        ("a.yaml", YAML, "0123", YAML.replace("  - 0123   # old\n", "")),
        ("a.yml", FLOW, "AB123", "[{plate: NO, name: Kim}]\n"),
    ],
)  # fmt: skip
def test_an_entry_is_taken_out(tmp_path: Path, name: str, content: str, plate: str, expected: str) -> None:
    path = given(tmp_path, name, content)
    remove(path, line_of(path, plate), seen=seen(path))
    assert text(path) == expected


def test_the_last_entry_goes(tmp_path: Path) -> None:
    for name, content in (("a.yaml", "# x\nplates:\n  - AB123\n"), ("b.yaml", "- AB123\n"), ("a.txt", "AB123\n")):
        path = given(tmp_path, name, content)
        remove(path, 3 if name == "a.yaml" else 1, seen=seen(path))
        assert open_list(path).plates.entries == ()
        add(path, {"plate": "XY9"}, seen=seen(path))
        assert [entry.plate for entry in open_list(path).plates.entries] == ["XY9"]


@pytest.mark.parametrize(
    ("name", "content", "plate", "values", "expected"),
    [
        ("a.txt", TXT, "AB123", {"plate": "XY9"}, TXT.replace("AB123", "XY9")),
        ("a.csv", CSV, "NO", {"plate": "NO", "name": "Kim"}, CSV.replace("NO,,x", "NO,Kim,x")),
        ("a.csv", CSV, "0123", {"note": "z"}, CSV.replace("y\n", "z\n")),
        ("a.yaml", YAML, "AB123", {"plate": "AB124", "name": "Li Wei"}, YAML.replace("AB123", "AB124")),
        ("a.yaml", YAML, "AB123", {"plate": "AB123", "cameras": "gate; yard*"}, YAML),
        ("a.yaml", YAML, "AB123", {"name": ""}, YAML.replace('    name: "Li Wei"\n', "")),
        ("a.yaml", YAML, "NO", {"plate": "OFF"}, YAML.replace("- NO", '- "OFF"')),
        ("a.yaml", YAML, "0123", {"plate": "0123"}, YAML),
    ],
)  # fmt: skip
def test_an_entry_is_changed(
    tmp_path: Path, name: str, content: str, plate: str, values: dict[str, str], expected: str
) -> None:
    path = given(tmp_path, name, content)
    change(path, line_of(path, plate), values, seen=seen(path))
    assert text(path) == expected


def test_what_a_form_shows_is_what_is_written(tmp_path: Path) -> None:
    path = given(tmp_path, "a.yaml", YAML)
    values = written(open_list(path).plates.entries[0])
    assert (values["plate"], values["name"], values["cameras"], values["from"]) == (
        "AB123",
        "Li Wei",
        "gate; yard*",
        "",
    )
    change(path, 3, values, seen=seen(path))
    assert text(path) == YAML


@pytest.mark.parametrize(
    ("name", "content", "values", "told"),
    [
        ("a.csv", CSV, {"plate": "="}, r"a\.csv:8: plate: '=': no plate has ="),
        ("a.csv", CSV, {"plate": "ab-123"}, r"is the same plate as 'AB123' \(line 3\)$"),
        ("a.csv", CSV, {"plate": "XY9", "until": "soon"}, "until: 'soon' is no time"),
        ("a.csv", CSV, {"plate": "XY9", "owner": "x"}, "owner: expected one of"),
        ("a.csv", "x,y\n", {"plate": "XY9"}, "has no heading"),
        ("a.csv", ONE, {"plate": "XY9", "name": "Kim"}, "has no heading"),
        ("a.txt", TXT, {"plate": "XY9", "name": "Kim"}, "holds plates alone"),
        ("a.yaml", YAML, {"plate": "/(/"}, "is no regular expression"),
    ],
)  # fmt: skip
def test_a_faulty_change_leaves_the_file(
    tmp_path: Path, name: str, content: str, values: dict[str, str], told: str
) -> None:
    from streamer.config.replaced import digest_of

    path = given(tmp_path, name, content)
    with pytest.raises(ConfigError, match=told):
        add(path, values, seen=digest_of(path.read_bytes()))
    assert text(path) == content


def test_lines_that_are_no_entries_and_lists_that_changed(tmp_path: Path) -> None:
    for name, content, line in (("a.txt", TXT, 1), ("a.txt", TXT, 99), ("a.csv", CSV, 2), ("a.yaml", YAML, 4)):
        path = given(tmp_path, name, content)
        if name == "a.csv":
            line = 5
        with pytest.raises(ConfigError, match="no entry begins there"):
            remove(path, line, seen=seen(path))
    with pytest.raises(ConfigError, match="was changed meanwhile"):
        remove(path, 3, seen="0" * 16)
