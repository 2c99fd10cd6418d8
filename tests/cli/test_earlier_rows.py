"""What an earlier run wrote is there until somebody says otherwise."""

from __future__ import annotations

from pathlib import Path

import click
import pytest

from streamer.cli import earlier
from streamer.cli.earlier import check_earlier
from streamer.errors import ConfigError
from streamer.sink.csv import COLUMNS

HEADER = ",".join(COLUMNS) + "\n"
CSV = HEADER + "a.mp4" + "," * (len(COLUMNS) - 1) + "\n"
JSONL = '{"camera": "a.mp4"}\n'


@pytest.mark.parametrize(
    ("name", "text"), [("p.csv", CSV), ("p.jsonl", JSONL), ("p.csv", "old rows"), ("p-2.csv", CSV)]
)
def test_rows_of_another_source_are_not_overwritten(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text)
    if name == "p-2.csv":
        (tmp_path / "p.csv").write_text("")
    with pytest.raises(ConfigError, match=r"--append to keep that, --replace to overwrite"):
        check_earlier(["b.mp4"], [tmp_path / name.replace("-2", "")], [], quiet=True)


@pytest.mark.parametrize(("name", "text"), [("p.csv", CSV), ("p.jsonl", JSONL)])
def test_a_run_may_replace_its_own_rows(
    tmp_path: Path, name: str, text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / name).write_text(text)
    (tmp_path / "v.mp4").write_text("x")
    check_earlier(["a.mp4"], [tmp_path / name], [tmp_path / "v.mp4"], quiet=False)
    assert "its rows of an earlier run are replaced" in capsys.readouterr().err


@pytest.mark.parametrize("text", ["", HEADER, HEADER[:30]])
def test_files_without_rows_are_nobodys(tmp_path: Path, text: str) -> None:
    (tmp_path / "p.csv").write_text(text)
    check_earlier(["b.mp4"], [tmp_path / "p.csv", Path("-"), None], [tmp_path / "none.mp4"], quiet=True)


def test_templates_are_filled_in(tmp_path: Path) -> None:
    (tmp_path / "b.mp4.csv").write_text(CSV)
    with pytest.raises(ConfigError, match=r"b\.mp4\.csv: holds rows of a\.mp4"):
        check_earlier(["b.mp4"], [tmp_path / "{camera}.csv"], [], quiet=True)


@pytest.mark.parametrize("name", ["v.mp4", "t.txt", "r.jsonl.gz"])
def test_other_outputs_are_not_overwritten_either(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("x")
    with pytest.raises(ConfigError, match="exists already"):
        check_earlier(["b.mp4"], [None], [tmp_path / name], quiet=True)


@pytest.mark.parametrize("answer", [True, False])
def test_a_terminal_is_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answer: bool) -> None:
    (tmp_path / "p.csv").write_text(CSV)
    for stream in (earlier.sys.stdin, earlier.sys.stderr):
        monkeypatch.setattr(stream, "isatty", lambda: True, raising=False)
    monkeypatch.setattr(click, "confirm", lambda text, err: answer)
    if answer:
        check_earlier(["b.mp4"], [tmp_path / "p.csv"], [], quiet=True)
    else:
        with pytest.raises(ConfigError, match="add --append"):
            check_earlier(["b.mp4"], [tmp_path / "p.csv"], [], quiet=True)
