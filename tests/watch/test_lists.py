"""Lists of plates from CSV, TXT and YAML: what is read, and what is said of faults."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from streamer.errors import ConfigError
from streamer.plates.look_alikes import as_plate, folded
from streamer.testing import passage_of
from streamer.watch.lists import Entry, Plates, read_list


def lists(tmp_path: Path, name: str, content: str | bytes) -> Plates:
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return read_list(path)


def faults(tmp_path: Path, name: str, content: str | bytes) -> list[str]:
    with pytest.raises(ConfigError) as error:
        lists(tmp_path, name, content)
    assert all(str(tmp_path / name) in line for line in error.value.messages)
    return [line.removeprefix(f"{tmp_path / name}:") for line in error.value.messages]


@pytest.mark.parametrize(
    ("written", "text"),
    [
        ("京A·12345", "京A12345"), ("京a-12345", "京A12345"), (" m-ab 1234 ", "MAB1234"), ("ＡＢ１２", "AB12"),
        ("MÜ-X 1", "MUX1"), ("١٢٣", "123"), ("0123", "0123"), ("straße", "STRASSE"),
    ],
)  # fmt: skip
def test_plates_as_the_reader_writes_them(written: str, text: str) -> None:
    assert as_plate(written) == text


def test_look_alikes_are_one() -> None:
    assert folded("OIBSZG") == "018526"


TEXTS = ["0123", "4269", "NO", "1E5", "ON", "NULL", "1230", "TRUE", "007"]
YAML_PLATES = "plates:\n- 0123\n- 4269\n- NO\n- 1e5\n- on\n- NULL\n- 12.30\n- true\n- 0_07\n"


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.yaml", YAML_PLATES),
        ("b.yml", YAML_PLATES.removeprefix("plates:\n").replace("- ", "- plate: ")),
        ("c.csv", "plate\n0123\n4269\nNO\n1e5\non\nNULL\n12-30\ntrue\n007\n"),
        ("d.csv", '="0123"\n4269\nNO\n1e5\non\nNULL\n1230\ntrue\n007\n'),
        ("e.txt", "# stolen\n0123\n4269 # found\n\nNO\n1e5\non\nNULL\n12 30\ntrue\n0 0 7\n"),
    ],
)
def test_plates_stay_texts(tmp_path: Path, name: str, content: str) -> None:
    assert [entry.text for entry in lists(tmp_path, name, content).entries] == TEXTS


def test_all_columns(tmp_path: Path) -> None:
    csv = (
        "\ufeffPlate;Name;Note;Color;Valid from;valid-until;cameras\r\n"
        '京A-12345;"Li; Wei";stolen;red;2026-01-01;2026-01-31;gate|yard*\r\n'
    )
    yaml = (
        "plates:\n- plate: 京A-12345\n  name: Li; Wei\n  note: stolen\n  colour: red\n  from: 2026-01-01\n"
        "  until: 2026-01-31\n  cameras: [gate, yard*]\n"
    )
    (one,), (other,) = lists(tmp_path, "a.csv", csv).entries, lists(tmp_path, "a.yaml", yaml).entries
    assert replace(one, line=1) == replace(other, line=1)
    assert (one.text, one.name, one.note, one.colour) == ("京A12345", "Li; Wei", "stolen", "red")
    assert one.cameras == ("gate", "yard*")
    assert not one.is_always
    assert (one.line, other.line) == (2, 2)


def test_when_and_where_an_entry_holds() -> None:
    day = datetime(2026, 1, 31, tzinfo=UTC)
    entry = Entry("A1", "A1", valid_from=day, valid_until=day + timedelta(days=1), cameras=("gate", "yard*"))
    seen = {"camera": "yard 2", "first_seen": day}
    assert entry.holds(passage_of(**seen))
    assert not entry.holds(passage_of(**seen | {"camera": "roof"}))
    assert not entry.holds(passage_of(**seen | {"first_seen": day + timedelta(days=1)}))
    assert not entry.holds(passage_of(**seen | {"first_seen": day - timedelta(seconds=1)}))
    assert entry.holds(passage_of(**seen | {"first_seen": None}))


def test_a_day_counts_to_its_end(tmp_path: Path) -> None:
    (entry,) = lists(tmp_path, "a.csv", "plate,until\nA1,2026-01-31\n").entries
    assert entry.valid_until == datetime(2026, 2, 1).astimezone()


@pytest.mark.parametrize(
    ("plate", "matching", "other"),
    [
        ("B?3*7", ["BX37", "B13997"], ["B37", "XB137", "B1377X"]),
        ("/京[ab]\\d{5}/", ["京A12345", "京B00000"], ["京C12345", "京A123456"]),
        ("沪a-*", ["沪A", "沪A12345"], ["沪B12345"]),
    ],
)
def test_wildcards_and_regular_expressions(tmp_path: Path, plate: str, matching: list[str], other: list[str]) -> None:
    pattern = lists(tmp_path, "a.txt", plate).entries[0].pattern
    assert pattern is not None
    assert all(pattern.fullmatch(text) for text in matching)
    assert not any(pattern.fullmatch(text) for text in other)


def test_twins_are_reported_and_left_out(tmp_path: Path) -> None:
    found = lists(tmp_path, "a.csv", "plate,cameras\n京A-12345,\n京A12345,\n京A12345,gate\n京A-12345,\n")
    assert [(entry.plate, entry.cameras) for entry in found.entries] == [("京A-12345", ()), ("京A12345", ("gate",))]
    assert [line.removeprefix(f"{tmp_path / 'a.csv'}:") for line in found.warnings] == [
        "3: plate: '京A12345' is the same plate as '京A-12345' (line 2): left out",
        "5: plate: '京A-12345' is there already (line 2): left out",
    ]


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("a.csv", "plate,name\n,x\n", ["2: plate: is missing: give a plate"]),
        ("a.csv", "plate\nA!1\n", ["2: plate: 'A!1': no plate has !: leave it out"]),
        ("a.csv", "plate\n" + "A" * 17, ["2: plate: 'AAAAAAAAAAAAAAAAA' has 17 characters, expected at most 16"]),
        ("a.csv", "plate,nmae\nA1,x\n", ["1: unknown column 'nmae': did you mean 'name'?"]),
        ("a.csv", "number,name\nA1,x\n", ["1: no column 'plate' in the heading"]),
        ("a.csv", "plate,plate\nA1,x\n", ["1: two columns are 'plate': leave one out"]),
        ("a.csv", "plate,name\nA1,x,y\n", ["2: 3 values where the heading names 2: put a text with ',' in quotes"]),
        ("a.csv", 'plate,name\nA1,"x\n', ["2: not valid CSV"]),
        ("a.csv", "plate,from\nA1,soon\n", ["2: from: 'soon' is no time: expected 2026-01-31 or"]),
        ("a.csv", "plate,from,until\nA1,2026-02-01,2026-01-01\n", ["2: until: lies before from (2026-02-01)"]),
        ("a.csv", "plate,from\n,soon\nB!,\n", ["2: plate: is missing", "2: from: 'soon'", "3: plate: 'B!'"]),
        ("a.txt", "*\n", ["1: plate: '*' would be any plate"]),
        ("a.txt", "/(/\n", ["1: plate: /(/ is no regular expression (missing )"]),
        ("a.txt", "/.*/\n", ["1: plate: /.*/ would match any text"]),
        ("a.txt", b"A1\n\xff\n", ["2: cannot be read as UTF-8 text (byte 0xff): save the file as UTF-8"]),
        ("a.yaml", "plates: A1\n", ["1: plates: expected a list"]),
        ("a.yaml", "plate: [A1]\n", ["1: unknown key 'plate': a list has the key plates"]),
        ("a.yaml", "name: 1\nplates: []\nplates: []\n", ["1: unknown key", "3: plates: is given twice"]),
        (
            "a.yaml",
            "- [A1]\n- {plate: A1, cameras: {a: b}}\n",
            ["1: expected a plate", "2: cameras: expected a text or"],
        ),
        ("a.yaml", "- {plate: A1, plate: A2}\n- {x: 1}\n", ["1: plate: is given twice", "2: unknown key 'x'"]),
        ("a.yaml", "- plate: [A1]\n", ["1: plate: expected a text"]),
        ("a.yaml", "- *A1\n", ["1: not valid YAML: found undefined alias"]),
        ("a.yaml", "- 'A1\n", ["2: not valid YAML: found unexpected end of stream"]),
        ("a.yaml", "- \x07\n", ["1: not valid YAML: the character #x0007 is not allowed"]),
        ("a.yaml", "[" * 3000, [" not valid YAML: nested too deep"]),
        ("a.xlsx", "A1", [" unknown kind of list (.xlsx): a list is a .csv"]),
    ],
)
def test_faults_with_line_key_and_remedy(tmp_path: Path, name: str, content: str | bytes, told: list[str]) -> None:
    found = faults(tmp_path, name, content)
    assert len(found) == len(told)
    assert all(line.startswith(begin) for line, begin in zip(found, told, strict=True)), found


def test_many_faults_are_cut_short(tmp_path: Path) -> None:
    found = faults(tmp_path, "a.txt", "!\n" * 50)
    assert len(found) == 21
    assert found[-1] == " 30 more faults of this kind: mend those above first"


def test_no_file(tmp_path: Path) -> None:
    for path, told in ((tmp_path / "none.csv", "no such list of plates"), (tmp_path, "cannot be read")):
        with pytest.raises(ConfigError, match=told):
            read_list(path)


def test_an_empty_list_is_a_list(tmp_path: Path) -> None:
    for name, content in (("a.csv", ""), ("a.csv", "plate,name\n"), ("a.txt", "# none\n"), ("a.yaml", "plates:\n")):
        assert lists(tmp_path, name, content) == Plates()
