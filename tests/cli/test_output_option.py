"""`--output` reaches every type of output; earlier files are protected by what its settings say, also a package's."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from plugkit import install, installed
from streamkit import alpr, drive, write_video

from streamer.cli.output_options import OutputOptions, output_of, with_terminal
from streamer.config.outputs import TYPES
from streamer.errors import ConfigError

MODULE = """
from pathlib import Path
from typing import ClassVar
from streamer import BaseSink, FileOutput, Output, Writes

class Tab(BaseSink):
    class Settings(Output):
        path: str
        head: str = "plate"

    def __init__(self, output, place):
        keep = hasattr(output, "append") and place.keeps(output)
        self.file = Path(output.path).open("a" if keep else "w")
        self.file.write(output.head + chr(10))

    def passage(self, passage):
        self.file.write(passage.plate + chr(10))

    def close(self):
        self.file.close()

class Long(Tab):
    class Settings(FileOutput):
        head: str = "plate"

class Shelf(Tab):
    class Settings(Tab.Settings):
        writes: ClassVar = Writes(files="kept")

class Quiet(Tab):
    class Settings(Tab.Settings):
        writes: ClassVar = Writes(rows=False, per_stream=True, joins=False)

class Post(BaseSink):
    class Settings(Output):
        url: str
    def __init__(self, output, place): pass
"""
OLD = "of another run\n"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    names = ("Tab", "Long", "Shelf", "Quiet", "Post")
    install(tmp_path / "site", "tabs", "alpr.sinks", {n.lower(): f"tabs:{n}" for n in names}, MODULE)
    monkeypatch.chdir(tmp_path)
    write_video(tmp_path / "a.avi", drive(12))
    with installed(tmp_path / "site"):
        yield tmp_path


@pytest.mark.usefixtures("fake_networks")
def test_it_stands_for_the_option_of_a_type(folder: Path) -> None:
    assert alpr("run", "a.avi", "--csv", "one.csv", "--record", "a.gz", "--mot", "one.txt", "--quiet") == 0
    given = ("--output", "csv:two.csv", "--output", "{type: csv, path: three.csv, fsync: never}")
    assert alpr("run", "a.avi", *given, "--output", "tab:x.tsv", "--quiet") == 0
    one = (folder / "one.csv").read_bytes()
    assert (folder / "two.csv").read_bytes() == (folder / "three.csv").read_bytes() == one
    assert (folder / "x.tsv").read_text() == "plate\n皖A12345\n"
    given = ("--output", "csv:four.csv", "--output", "{type: tab, path: y.tsv, head: h}", "--output", "mot:two.txt")
    assert alpr("replay", "a.gz", *given, "--output", "record:b.gz", "--quiet") == 0
    assert (folder / "four.csv").read_bytes() == one
    assert (folder / "y.tsv").read_text() == "h\n皖A12345\n"
    assert (folder / "two.txt").read_bytes() == (folder / "one.txt").read_bytes()
    assert (folder / "b.gz").read_bytes() == (folder / "a.gz").read_bytes()


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("cvs:x", "--output cvs: unknown type 'cvs': did you mean 'csv'"),
        ("csv", "--output csv: path: is missing"),
        (":x", "--output: type: expected TYPE:PATH, or an entry of outputs like"),
        ("{path: x}", "--output: type: expected TYPE:PATH"),
        ("{type: tab, path: x, haed: y}", "--output tab: haed: unknown key: did you mean 'head'"),
        ("post:http://u:secret@h", "--output post: path: unknown key"),
        ("{type: csv", "--output: "),
    ],
)
def test_what_is_wrong_with_it(text: str, told: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert alpr("run", "a.avi", "--output", text) == 2
    error = capsys.readouterr().err
    assert told in error
    assert "secret" not in error


def test_replay_refuses_what_needs_pictures(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for kind in ("video", "crops", "snapshots"):
        assert alpr("replay", "none.gz", "--output", f"{kind}:x") == 2
        assert f"--{kind}: needs pictures" in capsys.readouterr().err
    assert not (folder / "x").exists()


@pytest.mark.parametrize("kind", [kind for kind in TYPES if "path" in TYPES[kind].model_fields] + ["tab", "long"])
@pytest.mark.usefixtures("fake_networks")
def test_no_type_overwrites_what_is_there_without_asking(
    folder: Path, kind: str, capsys: pytest.CaptureFixture[str]
) -> None:
    output = output_of(f"{kind}:old.mp4")
    if output.writes.files == "kept":
        assert not output.replaced()
        return
    files = output.replaced() or output.places()
    for file in files:
        file.parent.mkdir(exist_ok=True)
        file.write_text(OLD)
    assert alpr("run", "a.avi", "--output", f"{kind}:old.mp4", "--quiet") == 2
    assert str(files[0]) in capsys.readouterr().err
    assert [file.read_text() for file in files] == [OLD] * len(files)
    assert alpr("run", "a.avi", "--output", f"{kind}:old.mp4", "--quiet", "--replace") == 0
    assert OLD.encode() not in files[0].read_bytes()


@pytest.mark.usefixtures("fake_networks")
def test_a_package_says_whether_it_can_continue(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = folder / "old.tsv"
    file.write_text(OLD)
    (folder / "cameras.yaml").write_text("cameras: {gate: a.avi}\noutputs: [{type: tab, path: old.tsv}]\n")
    (folder / "own.yaml").write_text("cameras: {gate: {url: a.avi, outputs: [{type: tab, path: old.tsv}]}}\n")
    for given in (
        ("a.avi", "--output", "tab:old.tsv", "--append"),
        ("--config", "cameras.yaml"),
        ("--config", "own.yaml"),
    ):
        assert alpr("run", *given, "--quiet") == 2
        assert "old.tsv: exists already, and outputs of type tab cannot continue a file" in capsys.readouterr().err
        assert file.read_text() == OLD
    assert alpr("run", "a.avi", "--output", "long:old.tsv", "--append", "--quiet") == 0
    assert file.read_text() == f"{OLD}plate\n皖A12345\n"
    assert alpr("run", "a.avi", "--output", "shelf:old.tsv", "--quiet") == 0


@pytest.mark.usefixtures("fake_networks")
def test_a_package_says_how_many_streams_it_takes(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_video(folder / "b.avi", drive(12))
    assert alpr("run", "a.avi", "b.avi", "--output", "quiet:x") == 2
    assert "--output quiet: x: is for one SOURCE, 2 are given" in capsys.readouterr().err
    (folder / "c.yaml").write_text("cameras: {gate: a.avi, yard: b.avi}\noutputs: [{type: quiet, path: x}]\n")
    assert alpr("run", "--config", "c.yaml") == 2
    assert "--output quiet: x: names one file for 2 cameras" in capsys.readouterr().err


def test_rows_are_printed_where_no_output_has_them() -> None:
    assert [o.type for o in with_terminal([output_of("quiet:x")])] == ["quiet", "terminal"]
    assert [o.type for o in with_terminal([output_of("tab:x")])] == ["tab"]
    assert [o.type for o in with_terminal(OutputOptions(crops=Path("x"), mot=Path("y")).entries())][-1] == "terminal"
    assert [o.type for o in with_terminal(OutputOptions(crops=Path("x"), show=True).entries())] == ["crops", "window"]
    with pytest.raises(ConfigError):
        output_of("")
