"""Rows and progress on a terminal: what stands there in the end, at every width, and what it costs."""

from __future__ import annotations

import io
import re
import sys
import time
from typing import Any

import pytest
from rich.cells import cell_len
from streamkit import passage_of

from streamer.cli.progress import progress_on
from streamer.passages.merge import merge
from streamer.sink.screen import Screen
from streamer.sink.terminal import ProvisionalTerminalSink, TerminalSink, columns_of, terminal_sink
from streamer.source.source import StreamInfo
from streamer.types import RunSummary


class Terminal(io.StringIO):
    """Keeps what it was sent, and knows what stands on it."""

    def isatty(self) -> bool:
        return True

    def lines(self) -> list[str]:
        at, lines = 0, [""]
        column = 0
        for part in re.findall(r"\x1b\[[?\d;]*[A-Za-z]|\r|\n|[^\x1b\r\n]+", self.getvalue()):
            if part == "\r":
                column = 0
            elif part == "\n":
                at, column = at + 1, 0
                lines += [""] * (at + 1 - len(lines))
            elif part.startswith("\x1b["):
                count = int(re.sub(r"\D", "", part) or 1)
                if part.endswith("A"):
                    at -= count
                elif part.endswith("K"):
                    lines[at] = ""
                else:
                    assert part[-1] in "mhl", part
            else:
                lines[at] = lines[at][:column].ljust(column) + part + lines[at][column + len(part) :]
                column += len(part)
        return [line.rstrip() for line in lines]


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    made = Terminal()
    monkeypatch.setattr("streamer.sink.screen._EVERY_S", 0.0)
    monkeypatch.setattr("streamer.cli.progress._EVERY_S", 0.0)
    for name, value in (("TERM", "xterm"), ("COLUMNS", "80"), ("LINES", "24")):
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("NO_COLOR", raising=False)
    return made


def words(lines: list[str]) -> list[list[str]]:
    return [line.split() for line in lines if line]


def test_rows_stand_at_the_foot_until_they_are_final(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdout", terminal)  # the capture of pytest changes it after the fixtures
    screen = Screen()
    screen.start()
    sink = ProvisionalTerminalSink(screen)
    tell = progress_on(screen, 1)
    info = StreamInfo("a.mp4", 640, 360, frames=100)
    tell(info, RunSummary(frames=1))
    sink.provisional(passage_of(event_id="1"))
    sink.provisional(passage_of(event_id="2", plate="GRN777"))
    tell(info, RunSummary(frames=50))
    head, one, two, progress = words(terminal.lines())
    assert head == ["camera", "plate", "conf", "from", "to", "reads"]
    assert (one[1], one[-1], two[1], two[-1]) == ("皖A12345", "open", "GRN777", "open")
    assert progress[0] == "a.mp4"
    assert " ".join(progress[2:4]) == "50/100 frames,"
    monkeypatch.setattr("streamer.sink.screen._EVERY_S", 1e9)  # what is printed shows what is true by then
    sink.passage(passage_of(event_id="1"))
    print("said by somebody")
    print("a message that is longer than the terminal is wide " * 2)
    _, one, said, long, two, _ = words(terminal.lines())
    assert (one[1], one[-1], two[1], two[-1]) == ("皖A12345", "5", "GRN777", "open")
    assert said == ["said", "by", "somebody"]
    assert len(long) == 20  # whole: the terminal breaks it
    sink.provisional(passage_of(event_id="2", plate="GRN777"), withdrawn=True)
    sink.provisional(passage_of(event_id="3", plate="RED1"))
    sink.close()
    assert not screen.rows
    screen.stop()
    assert [line[:2] for line in words(terminal.lines())] == [
        ["camera", "plate"],
        ["gate", "皖A12345"],
        ["said", "by"],
        ["a", "message"],
    ]


def test_a_row_that_was_joined_does_not_stay_open(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdout", terminal)
    screen = Screen()
    sink = ProvisionalTerminalSink(screen)
    first = passage_of(event_id="1")
    again = passage_of(event_id="2", track_id=2, first_s=10, last_s=11)
    read_otherwise = passage_of(event_id="3", track_id=3, first_s=12, last_s=13, plate="皖A12346")
    for passage in (first, again, read_otherwise):
        sink.provisional(passage)
    assert [row.split()[1] for row in screen.rows] == ["皖A12345", "皖A12346"]
    sink.passage(merge(merge(first, again), read_otherwise))
    assert list(screen.rows) == []


def test_a_terminal_without_cursor_movement_gets_lines(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdout", terminal)
    monkeypatch.setenv("NO_COLOR", "1")
    sink = terminal_sink()
    sink.provisional(passage_of(event_id="1"))
    sink.passage(passage_of(event_id="1"))
    sink.provisional(passage_of(event_id="2"))
    sink.provisional(passage_of(event_id="2"), withdrawn=True)
    sink.close()
    assert "\x1b" not in terminal.getvalue()
    assert [line[-1] for line in words(terminal.lines())] == ["reads", "open", "5", "open", "gone"]


@pytest.mark.parametrize("width", [20, 40, 60, 80, 132])
def test_a_line_never_breaks(width: int, terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdout", terminal)
    monkeypatch.setenv("COLUMNS", str(width))
    screen = Screen()
    sink = ProvisionalTerminalSink(screen)
    sink.provisional(passage_of(event_id="1"))
    sink.passage(passage_of(camera="a camera with a name that is long\x1b[31m\n"))
    tell = progress_on(screen, 3)
    tell(StreamInfo("a file with a name that is long.mp4", 640, 360, frames=10_000), RunSummary(frames=5000))
    for line in terminal.lines():
        assert cell_len(line) <= width, line
    shown = io.StringIO()
    from rich.console import Console

    Console(file=shown, width=width).print(screen.progress)
    assert shown.getvalue().count("\n") == 1
    names = [name for name, _ in columns_of(width)]
    assert names[:2] == ["camera", "plate"]
    assert len(names) == {20: 2, 40: 3, 60: 5, 80: 6, 132: 6}[width]


def test_the_heading_comes_again_where_the_width_changes(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    sink = TerminalSink(terminal)
    sink.passage(passage_of())
    monkeypatch.setenv("COLUMNS", "40")
    sink.passage(passage_of())
    assert [line.split()[0] for line in terminal.lines() if line] == ["camera", "gate", "camera", "gate"]


def test_progress_does_not_grow_with_the_pictures(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    monkeypatch.setattr("sys.stderr", terminal)
    now = [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    screen = Screen(stderr=True)
    screen.start()
    tell = progress_on(screen, 5000)
    for k in range(5000):
        now[0] += 0.001
        tell(StreamInfo(f"{k}.png", 320, 180, frames=1, still=True), RunSummary(frames=k + 1))
    assert len(terminal.getvalue()) < 30 * 400  # five seconds: 25 drawings of one line
    screen.stop()
    assert terminal.lines() == [""]


def test_an_endless_source_has_no_bar(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdout", terminal)
    screen = Screen()
    tell = progress_on(screen, 1)
    summary: Any = RunSummary(frames=7, passages=1, waiting=3)
    tell(StreamInfo("gate", 640, 360, live=True, frames=100), summary)
    shown = "".join(str(cell) for column in screen.progress.columns for cell in column.cells)
    assert shown == "gate1 frames, 4 plates, 1 final"


@pytest.mark.parametrize("stderr", [False, True])
def test_what_goes_to_a_file_stays_there(stderr: bool, terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    file = io.StringIO()
    monkeypatch.setattr("sys.stdout", file if stderr else terminal)
    monkeypatch.setattr("sys.stderr", terminal if stderr else file)
    screen = Screen(stderr=stderr)
    screen.start()
    print("to the file", file=sys.stdout if stderr else sys.stderr)
    print("to the terminal", file=sys.stderr if stderr else sys.stdout)
    screen.stop()
    assert file.getvalue() == "to the file\n"
    assert words(terminal.lines()) == [["to", "the", "terminal"]]


def test_a_terminal_that_goes_away_ends_no_run(monkeypatch: pytest.MonkeyPatch, terminal: Terminal) -> None:
    monkeypatch.setattr("sys.stderr", terminal)
    screen = Screen(stderr=True)
    screen.start()

    def gone(_: str) -> int:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(terminal, "write", gone)
    tell = progress_on(screen, 1)
    tell(StreamInfo("gate", 640, 360), RunSummary(frames=7))
    screen.stop()


def test_nothing_read_says_how_many_were_seen(terminal: Terminal) -> None:
    sink = TerminalSink(terminal)
    rejection: Any = type("R", (), {"reason": "not sure enough"})()
    sink.rejection(rejection)
    sink.close()
    sink.close()
    assert terminal.getvalue() == (
        "no plate was read: 1 seen, none read with enough confidence (alpr run --ledger writes the reasons)\n"
    )


def test_plates_of_another_script(terminal: Terminal) -> None:
    sink = TerminalSink(terminal)
    rejection: Any = type("R", (), {"reason": "nothing legible"})()
    sink.rejection(rejection)
    sink.close()
    assert terminal.getvalue() == "no plate was read: 1 seen, nothing legible on them (script not supported?)\n"
