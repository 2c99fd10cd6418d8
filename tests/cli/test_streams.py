"""Standard streams as init systems, pipes and old terminals hand them over."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import cv2
import pytest
from streamkit import RED, drive, scene, write_video

FAKE = """
import sys
sys.path.insert(0, "tests")
import streamer.pipeline.engines, streamer
from streamkit import FakeDetector, FakeReader
from test_cli import FakePlateReader
plain = streamer.pipeline.engines.load_engines
streamer.pipeline.engines.load_engines = lambda config, *_: plain(config, FakeDetector(), FakeReader())
streamer.PlateReader = FakePlateReader
from streamer.cli import main
main(sys.argv[1:])
"""


def shell(repo: Path, redirection: str, *arguments: object, **environment: str) -> subprocess.CompletedProcess[bytes]:
    env = {**os.environ, **environment, "PYTHONPATH": os.pathsep.join([str(repo), str(repo / "tests" / "cli")])}
    command = ["sh", "-c", f'exec "$@" {redirection}', "sh", sys.executable, "-c", FAKE, *map(str, arguments)]
    return subprocess.run(command, cwd=repo, capture_output=True, timeout=60, env=env)


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_video(tmp_path_factory.mktemp("streams") / "a.mp4", drive(25))


@pytest.mark.parametrize("closed", ["2>&-", ">&-", "<&-", "<&- >&- 2>&-"])
def test_closed_streams_are_no_output_file(tmp_path: Path, repo: Path, video: Path, closed: str) -> None:
    done = shell(repo, closed, "run", video, "--csv", tmp_path / "p.csv")
    assert done.returncode == 0, done.stderr
    head, row = (tmp_path / "p.csv").read_text(encoding="utf-8").splitlines()  # nothing printed got in between
    assert head.startswith("camera,")
    assert row.startswith("a.mp4,1,皖A12345,")


def test_an_error_without_a_stream_to_tell_it_keeps_its_exit_code(repo: Path) -> None:
    assert shell(repo, "2>&-", "run", "nothere.mp4").returncode == 3


@pytest.mark.parametrize(("encoding", "shown"), [("ascii", "\\u7696A12345"), ("cp1252", "\\u7696A12345")])
def test_what_an_encoding_lacks_gets_a_stand_in(repo: Path, video: Path, encoding: str, shown: str) -> None:
    done = shell(repo, "", "run", video, PYTHONIOENCODING=encoding)
    assert done.returncode == 0, done.stderr
    assert shown in done.stdout.decode(encoding)


def test_a_name_that_the_locale_cannot_read_is_told_as_it_is(repo: Path) -> None:
    locale = {"LC_ALL": "POSIX", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "PYTHONIOENCODING": "utf-8"}
    done = shell(repo, "", "run", "车.mp4", **locale)
    assert done.stderr.decode() == "alpr: error: 车.mp4: no such file or folder: check the path\n"


def test_json_is_json_in_every_encoding(tmp_path: Path, repo: Path) -> None:
    picture = tmp_path / "é.png"
    cv2.imwrite(str(picture), scene(64, 48, (5, 5, RED)))
    for encoding in ("ascii", "latin-1", "utf-8"):
        done = shell(repo, "", "read", "--json", picture, PYTHONIOENCODING=encoding)
        record = json.loads(done.stdout.decode(encoding))
        assert (record["image"], record["plates"][0]["text"]) == (str(picture), "皖A1")
        done = shell(repo, "", "read", picture, PYTHONIOENCODING=encoding)
        assert (done.returncode, done.stdout.decode(encoding).count("\t")) == (0, 4), done.stderr


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_behind_standard_output_is_a_failed_output(repo: Path) -> None:
    done = shell(repo, ">/dev/full", "check", repo / "configs" / "stream" / "default.yaml")
    assert done.returncode == 4
    assert done.stderr.startswith(b"alpr: error: standard output: cannot be written (No space left on device)")


def test_a_working_folder_that_was_deleted(repo: Path, tmp_path: Path, video: Path) -> None:
    here = tmp_path / "here"
    here.mkdir()
    env = {**os.environ, "PYTHONPATH": os.pathsep.join([str(repo), str(repo / "tests" / "cli"), str(repo / "tests")])}
    command = ["sh", "-c", f'cd {here} && rmdir {here} && exec "$@"', "sh", sys.executable, "-P", "-c", FAKE, "run"]
    done = subprocess.run([*command, video, "--csv", "p.csv"], capture_output=True, text=True, timeout=60, env=env)
    assert done.returncode == 2, done.stderr
    assert done.stderr.splitlines()[-1] == ("alpr: error: the working folder no longer exists: change to another (cd)")


def on_terminal(repo: Path, *arguments: object, pipe: bool = False, **environment: str) -> tuple[int, bytes]:
    """Exit code, and what a terminal was given; with `pipe`, standard output goes to another program."""
    leader, follower = pty.openpty()
    env = {k: v for k, v in os.environ.items() if k not in ("NO_COLOR", "FORCE_COLOR")}
    env |= {"TERM": "xterm-256color", **environment}
    env["PYTHONPATH"] = os.pathsep.join([str(repo), str(repo / "tests" / "cli")])
    command = [sys.executable, "-c", FAKE, *map(str, arguments)]
    if pipe:
        command = ["sh", "-c", '"$@" | cat', "sh", *command]
    process = subprocess.Popen(command, stdin=follower, stdout=follower, stderr=follower, env=env, cwd=repo)
    os.close(follower)
    shown = b""
    while True:
        try:
            data = os.read(leader, 65536)
        except OSError:
            break
        if not data:
            break
        shown += data
    os.close(leader)
    return process.wait(30), shown


@pytest.mark.parametrize("environment", [{"NO_COLOR": "1"}, {"TERM": "dumb"}, {"TERM": ""}, {"CLICOLOR": "0"}])
def test_no_escape_sequences_where_they_are_not_wanted(repo: Path, video: Path, environment: dict[str, str]) -> None:
    code, shown = on_terminal(repo, "run", "nothere.mp4", **environment)
    assert (code, shown.count(b"\x1b")) == (3, 0)
    code, shown = on_terminal(repo, "run", video, **environment)
    assert (code, shown.count(b"\x1b")) == (0, 0)
    assert "皖A12345".encode() in shown


def test_tables_of_explain_have_no_escape_sequences_either(repo: Path, video: Path, tmp_path: Path) -> None:
    small = write_video(tmp_path / "small.mp4", [scene(64, 48, (5 + k, 9, RED), size=(9, 7)) for k in range(12)])
    assert shell(repo, "", "run", small, "--ledger", tmp_path / "why", "--quiet").returncode == 0
    code, shown = on_terminal(repo, "explain", tmp_path / "why", NO_COLOR="1")
    assert (code, shown.count(b"\x1b")) == (0, 0)
    assert b"setting" in shown
    read, write = os.pipe()
    os.close(read)
    command = [sys.executable, "-c", "from streamer.cli import main; main()", "explain", tmp_path / "why"]
    done = subprocess.run(command, cwd=repo, stdout=write, stderr=subprocess.PIPE, timeout=60)
    os.close(write)
    assert (done.returncode, done.stderr) == (0, b"")  # alpr explain ... | head
    assert b"\x1b" in on_terminal(repo, "explain", tmp_path / "why")[1]


def test_nothing_is_drawn_beside_a_pager(repo: Path, video: Path) -> None:
    code, shown = on_terminal(repo, "run", video, pipe=True)
    assert (code, shown.count(b"\x1b")) == (0, 0)


def test_an_error_is_red_on_a_terminal(repo: Path) -> None:
    assert on_terminal(repo, "run", "nothere.mp4")[1].startswith(b"\x1b[31malpr: error: nothere.mp4")
