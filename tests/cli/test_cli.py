"""The command line: exit codes, one-line errors, lazy imports, signals."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
import types
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click
import cv2
import numpy as np
import pytest
from streamkit import RED, FakeReader, alpr, drive, scene, write_audio, write_video

from streamer.cli import TRAIN_VERBS, VERBS
from streamer.cli.bench import cpu_name
from streamer.engine.cards import CropShape
from streamer.types import Image, Kind, Plate, Reading

pytestmark = pytest.mark.usefixtures("fake_networks")


def error_line(capsys: pytest.CaptureFixture[str]) -> str:
    """The one line on stderr that is an error."""
    lines = [line for line in capsys.readouterr().err.splitlines() if "error" in line or "Traceback" in line]
    assert len(lines) == 1, lines
    assert lines[0].startswith("alpr: error: ")
    return lines[0]


def test_help_imports_nothing_heavy(repo: Path) -> None:
    code = (
        "import sys\nfrom streamer.cli import main\n"
        "try: main(['--help'])\nexcept SystemExit: pass\n"
        "heavy = {'numpy', 'cv2', 'av', 'openvino', 'scipy', 'filterpy', 'pydantic', 'yaml', 'rich', 'torch'}\n"
        "print('HEAVY', sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=repo, capture_output=True, text=True, check=True)
    assert done.stdout.endswith("HEAVY []\n")
    for verb in [*VERBS, *TRAIN_VERBS]:
        assert f"\n  {verb} " in done.stdout


@pytest.mark.parametrize("verb", [["run"], ["read"], ["bench"], ["bench", "stream"], ["check"]])
def test_each_verb_has_help(verb: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert alpr(*verb, "--help") == 0
    assert "Usage: alpr " + " ".join(verb) in capsys.readouterr().out


def test_options_of_run_stand_under_headings(capsys: pytest.CaptureFixture[str]) -> None:
    assert alpr("run", "--help") == 0
    told = capsys.readouterr().out
    places = [told.index(part) for part in ("\nInput:\n", "--loop", "\nOutputs:\n", "--csv FILE", "\nRecognition:\n")]
    assert places == sorted(places)
    assert told.count("--help") == 1
    from streamer.cli.run import run

    for option in run.params:
        if isinstance(option, click.Option):
            assert told.count(f"\n  {option.opts[0]} ") == 1, option.opts


@pytest.mark.parametrize("verb", list(VERBS))
def test_every_option_says_what_happens(verb: str) -> None:
    from streamer.cli import cli

    command = cli.get_command(click.Context(cli), verb)
    assert command is not None
    commands = list(command.commands.values()) if isinstance(command, click.Group) else [command]
    for one in commands:
        for option in one.params:
            if isinstance(option, click.Option) and option.name != "help":
                assert len((option.help or "").split()) >= 3, (one.name, option.name)
                assert not (option.type.name.endswith("range") and option.metavar is None), option.name


@pytest.mark.parametrize(
    "option", [["--camera", "x"], ["--loop"], ["--realtime"], ["--start-time", "2026-01-31T08:00:00Z"], ["--show"]]
)
def test_options_of_one_source_are_not_ignored_for_cameras(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], option: list[str]
) -> None:
    (tmp_path / "c.yaml").write_text("cameras: {gate: x}\n")
    assert alpr("run", "--config", tmp_path / "c.yaml", *option) == 2
    assert f"{option[0]}: for one SOURCE only, not for the cameras of --config" in error_line(capsys)


def test_cameras_that_are_not_read_are_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "c.yaml").write_text("cameras: {gate: x}\n")
    video = write_video(tmp_path / "a.mp4", drive(3))
    assert alpr("run", video, "--config", tmp_path / "c.yaml", "--csv", tmp_path / "p.csv") == 0
    assert "alpr: warning: " in (told := capsys.readouterr().err)
    assert "c.yaml: its cameras (1) are not read, as SOURCE is given" in told
    assert alpr("run", video, "--config", tmp_path / "c.yaml", "--csv", tmp_path / "p.csv", "--quiet") == 0
    assert capsys.readouterr() == ("", "")


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert alpr("--version") == 0
    assert capsys.readouterr().out.startswith("alpr ")


def test_run_writes_every_output(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    video = write_video(tmp_path / "a.mp4", drive(25))
    out = tmp_path / "out"
    code = alpr(
        "run", video, "--csv", out / "p.csv", "--jsonl", out / "p.jsonl", "--video", out / "v.mp4", "--camera", "=gate"
    )
    assert code == 0
    assert (out / "p.csv").read_text(encoding="utf-8").splitlines()[1].startswith("'=gate,1,皖A12345,")
    assert json.loads((out / "p.jsonl").read_text(encoding="utf-8"))["camera"] == "=gate"
    assert cv2.VideoCapture(str(out / "v.mp4")).read()[0]
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "1 passages from 1 tracks" in captured.err
    assert "surely enough" not in captured.err


def test_run_without_outputs_prints_rows(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert alpr("run", write_video(tmp_path / "a.mp4", drive(25)), "--quiet") == 0
    captured = capsys.readouterr()
    assert "皖A12345" in captured.out
    assert captured.err == ""


def _text_as_mp4(folder: Path) -> list[object]:
    (folder / "a.mp4").write_text("hello")
    return [folder / "a.mp4"]


def _empty(folder: Path) -> list[object]:
    (folder / "a.mp4").touch()
    return [folder / "a.mp4"]


def _truncated(folder: Path) -> list[object]:
    video = write_video(folder / "a.mkv", drive(100))
    video.write_bytes(video.read_bytes()[: video.stat().st_size // 2])
    return [video]


def _config(folder: Path) -> list[object]:
    (folder / "c.yaml").write_text("trak: {}\n")
    return [write_video(folder / "a.mp4", drive(3)), "--config", folder / "c.yaml"]


def _video(folder: Path, *options: object) -> list[object]:
    return [write_video(folder / "a.mp4", drive(3)), *options]


def _blocked(folder: Path, option: str) -> list[object]:
    (folder / "file").touch()
    return _video(folder, option, folder / "file" / "out.mp4")


def _two(folder: Path) -> list[object]:
    (folder / "in").mkdir()
    for name in "ab":
        write_video(folder / "in" / f"{name}.mp4", drive(3))
    return [folder / "in", "--video", folder / "out.mp4"]


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (lambda d: [d / "nope.mp4"], 3, "no such file"),
        (_empty, 3, r"a\.mp4: is empty"),
        (_text_as_mp4, 3, r"a\.mp4: not a video"),
        (lambda d: [write_audio(d / "a.mp4")], 3, "no video stream"),
        (_truncated, 3, "truncated at"),
        (lambda d: _blocked(d, "--csv"), 4, r"out\.mp4: cannot be written"),
        (lambda d: _blocked(d, "--video"), 4, r"out\.mp4: cannot be written"),
        (lambda d: _video(d, "--csv", d), 4, "it is a folder"),
        (_config, 2, r"c\.yaml:1: trak: unknown key: did you mean 'track'"),
        (lambda d: _video(d, "--config", d / "no.yaml"), 2, "no such configuration file"),
        (lambda d: _video(d, "--start-time", "noon"), 2, "not ISO-8601"),
        (lambda d: _video(d, "--min-score", "2"), 2, "min-score"),
        (lambda d: _video(d, "--precision", "int4"), 2, "precision"),
        (lambda d: _video(d, "--nonsense"), 2, "No such option"),
        (lambda d: [], 2, "SOURCE is missing"),
        (lambda d: _video(d, "--video", d / "a.mp4"), 2, "is the source as well as an output"),
        (lambda d: _video(d, "--csv", d / "x", "--jsonl", d / "x"), 2, "is used for two outputs"),
        (_two, 2, "there are 2 sources: give a folder"),
    ],
)
def test_bad_input_is_one_line_and_its_exit_code(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: Any, code: int, message: str
) -> None:
    assert alpr("run", *arguments(tmp_path)) == code
    line = error_line(capsys)
    assert re.search(message, line), line


def test_a_refused_run_leaves_the_source_and_old_rows_alone(tmp_path: Path) -> None:
    video = write_video(tmp_path / "a.mp4", drive(3))
    before = video.read_bytes()
    (tmp_path / "p.csv").write_text("old rows")
    assert alpr("run", video, "--video", video) == 2
    assert alpr("run", tmp_path / "typo.mp4", "--csv", tmp_path / "p.csv") == 3
    assert video.read_bytes() == before
    assert (tmp_path / "p.csv").read_text() == "old rows"


def test_an_annotated_folder_never_holds_the_source(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    video = write_video(tmp_path / "a.mp4", drive(3))
    (tmp_path / "links").mkdir()
    os.link(video, tmp_path / "links" / "a.mp4")
    before = video.read_bytes()
    for folder in (tmp_path, tmp_path / "links"):
        assert alpr("run", video, "--video", folder) == 2
        assert "is the source as well as an output" in error_line(capsys)
    assert video.read_bytes() == before
    assert alpr("run", video, "--video", tmp_path / "out") == 0
    assert (tmp_path / "out" / "a.mp4").stat().st_size > 0


@pytest.mark.parametrize(("option", "rows"), [("--append", 2), ("--replace", 1), (None, 1)])
def test_rows_are_kept_or_begun_anew(tmp_path: Path, option: str | None, rows: int) -> None:
    video = write_video(tmp_path / "a.mp4", drive(20))
    for _ in range(2):
        assert alpr("run", video, "--csv", tmp_path / "p.csv", *([option] if option else [])) == 0
    lines = (tmp_path / "p.csv").read_text().splitlines()
    assert len(lines) == 1 + rows
    assert lines[0].startswith("camera,")


def test_a_closed_pipe_is_no_failure(tmp_path: Path, repo: Path) -> None:
    (tmp_path / "c.yaml").write_text("threads: 2\n")
    code = f"from streamer.cli import main; main(['check', {str(tmp_path / 'c.yaml')!r}])"
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run([sys.executable, "-c", code], cwd=repo, stdout=write, stderr=subprocess.PIPE, text=True)
    os.close(write)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_bare_command_shows_its_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert alpr() == 2
    assert "\n  run " in capsys.readouterr().err


def test_unknown_verbs_get_a_hint(capsys: pytest.CaptureFixture[str]) -> None:
    assert alpr("rnu") == 2
    assert "did you mean 'run'?" in error_line(capsys)


def test_missing_training_extra_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("streamer.cli.lazy._has_train_cli", lambda: False)
    assert alpr("train", "detector") == 2
    assert "pip install -e '.[train]'" in error_line(capsys)


def test_training_verbs_are_found_where_installed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    module = types.ModuleType("train.cli")
    module.VERBS = {"train": ("train.cli:command", "help")}  # type: ignore[attr-defined]
    module.command = click.Command("train", callback=lambda: click.echo("trained"))  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "train.cli", module)
    monkeypatch.setattr("streamer.cli.lazy._has_train_cli", lambda: True)
    assert alpr("train") == 0
    assert capsys.readouterr().out == "trained\n"
    assert alpr("synth") == 2
    assert "no such verb" in error_line(capsys)


@pytest.mark.parametrize(
    "text",
    ["libGL.so.1: cannot open shared object file: No such file or directory", "libgthread-2.0.so.0: cannot open"],
)
def test_missing_system_libraries_are_named(
    text: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ImportError(text)

    monkeypatch.setattr("streamer.source.resolve.open_source", broken)
    assert alpr("run", tmp_path) == 1
    line = error_line(capsys)
    assert text.split(":")[0] in line
    assert "libgl1 libglib2.0-0" in line
    assert "opencv-python-headless" in line


class FakePlateReader:
    def __init__(self, **_: object) -> None:
        pass

    def read(self, picture: Any) -> list[Plate]:
        box = np.array([1.0, 2.0, 30.0, 12.0])
        quad = np.array([[1, 2], [30, 2], [30, 12], [1, 12]], float)
        return [Plate(box, quad, 0.9, "皖A1", 0.8, (0.9, 0.9, 0.99), Kind("blue", 1))] if picture.mean() < 120 else []


def test_read_pictures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("streamer.PlateReader", FakePlateReader, raising=False)
    folder = tmp_path / "in"
    folder.mkdir()
    cv2.imwrite(str(folder / "a.png"), scene(64, 48, (5, 5, RED)))
    cv2.imwrite(str(folder / "b.png"), np.full((48, 64, 3), 255, np.uint8))
    assert alpr("read", folder) == 0
    assert capsys.readouterr().out == f"{folder}/a.png\t皖A1\t0.800\t0.900\t1,2,30,12\n{folder}/b.png\tno plate\n"
    assert alpr("read", folder / "a.png", "--json") == 0
    record = json.loads(capsys.readouterr().out)
    assert record["plates"][0]["text"] == "皖A1"
    assert record["plates"][0]["colour"] == "blue"


def test_a_bad_picture_does_not_stop_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("streamer.PlateReader", FakePlateReader, raising=False)
    (tmp_path / "a.jpg").write_text("text")
    cv2.imwrite(str(tmp_path / "b.png"), scene(64, 48))
    assert alpr("read", tmp_path / "a.jpg", tmp_path / "b.png", tmp_path / "gone.png") == 3
    captured = capsys.readouterr()
    assert "b.png\t皖A1" in captured.out
    assert captured.err.count("alpr: error:") == 1
    assert "2 of 3 pictures failed" in captured.err
    for name in ("a.jpg", "gone.png"):
        assert captured.err.count(f"alpr: warning: {tmp_path}/{name}: ") == 1
    (tmp_path / "c.mp4").write_text("text")
    assert alpr("read", "--json", tmp_path / "c.mp4", tmp_path / "b.png") == 3
    bad, good = map(json.loads, capsys.readouterr().out.splitlines())
    assert (bad["image"], bad["plates"]) == (str(tmp_path / "c.mp4"), [])
    assert bad["error"].endswith("; alpr run reads videos")
    assert "error" not in good


def test_a_name_of_a_picture_breaks_no_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("streamer.PlateReader", FakePlateReader, raising=False)
    cv2.imwrite(str(tmp_path / "b.png"), scene(64, 48))
    (tmp_path / "b.png").rename(tmp_path / "a\tb\n\x1b[31m.png")
    assert alpr("read", tmp_path) == 0
    assert capsys.readouterr().out.split("\t")[:2] == [f"{tmp_path}/a?b??[31m.png", "皖A1"]


def test_check(tmp_path: Path, repo: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert alpr("check", repo / "configs" / "stream" / "default.yaml") == 0
    assert "valid, 0 of its settings" in capsys.readouterr().out
    (tmp_path / "c.yaml").write_text("vote:\n  min_reads: 3\n")
    assert alpr("check", tmp_path / "c.yaml") == 0
    assert "vote.min_reads: 3 (default 2)" in capsys.readouterr().out
    (tmp_path / "c.yaml").write_text("cameras: {gate: {url: x, countries: [QQ]}}\n")
    assert alpr("check", tmp_path / "c.yaml") == 2
    assert "countries: QQ: nothing is known of its plates" in capsys.readouterr().err
    (tmp_path / "c.yaml").write_text("cameras: {gate: rtsp://u:secret@h/, file: gone.mp4}\n")
    assert alpr("check", tmp_path / "c.yaml") == 2
    captured = capsys.readouterr()
    assert "secret" not in captured.out
    assert (
        captured.err
        == f"alpr: error: {tmp_path}/c.yaml:1: cameras.file.url: gone.mp4: no such file or folder: check the path\n"
    )
    (tmp_path / "c.yaml").write_text("reader: plate-redaer\n")
    assert alpr("check", tmp_path / "c.yaml") == 5
    assert "model 'plate-redaer' is not in" in error_line(capsys)


def test_every_fault_is_a_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "c.yaml").write_text("min_score: 3\nmin_confidence: 1\n")
    for verb in (["check", tmp_path / "c.yaml"], ["run", "x.mp4", "--config", tmp_path / "c.yaml"]):
        assert alpr(*verb) == 2
        one, two = capsys.readouterr().err.splitlines()
        assert one.startswith(f"alpr: error: {tmp_path}/c.yaml:1: min_score: ")
        assert two.startswith(f"alpr: error: {tmp_path}/c.yaml:2: min_confidence: ")


def test_variables_that_are_not_set_are_told_before_anything_is_begun(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ALPR_SET", "x")
    monkeypatch.delenv("ALPR_UNSET", raising=False)
    (tmp_path / "c.yaml").write_text(
        "cameras:\n  a: rtsp://u:${ALPR_UNSET}@h/\n  b: rtsp://${ALPR_SET}/\n  c: rtsp://${ALPR_GONE}/\n"
    )
    for verb in (["check", tmp_path / "c.yaml"], ["run", "--config", tmp_path / "c.yaml", "--csv", tmp_path / "p.csv"]):
        assert alpr(*verb) == 2
        one, two = capsys.readouterr().err.splitlines()
        assert "cameras.a.url: ${ALPR_UNSET} is not set in the environment" in one
        assert "cameras.c.url: ${ALPR_GONE} is not set" in two
    assert not (tmp_path / "p.csv").exists()


def test_an_unknown_country_leaves_earlier_rows_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = tmp_path / "rows.csv"
    rows.write_text("kept\n")
    cv2.imwrite(str(tmp_path / "b.png"), scene(64, 48))
    for verb in (["run", tmp_path / "b.png", "--csv", rows], ["read", tmp_path / "b.png"]):
        assert alpr(*verb, "--country", "qq") == 2
        assert "countries: QQ: nothing is known of its plates" in capsys.readouterr().err
    assert rows.read_text() == "kept\n"


def test_bench_of_the_detector_by_parts(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("streamer.cli.bench._variants", lambda: [("int8", 1), ("f32", 2)])
    picture = tmp_path / "street.png"
    cv2.imwrite(str(picture), np.full((90, 160, 3), 90, np.uint8))
    assert alpr("bench", "detector", picture, "--rounds", "10") == 0
    first, head, *rows = capsys.readouterr().out.splitlines()
    assert "picture 160x90" in first
    assert " ".join(head.split()) == "precision threads median p95 | shrink network decode refine plates"
    assert [row.split()[:2] for row in rows] == [["int8", "1"], ["f32", "2"]]
    for row in rows:
        assert all(float(figure) >= 0 for figure in row.replace("|", "").split()[1:])
    assert alpr("bench", "detector", tmp_path / "manifest.jsonl", "--rounds", "10") == 3
    assert "cannot be read as a picture" in capsys.readouterr().err


def test_bench_of_a_reader_with_a_crop_of_its_own(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = set()

    class Wide(FakeReader):
        crop = CropShape(40, 160, 0.1, 0.2)

        def __init__(self, *_: object) -> None: ...

        def read(self, crops: Sequence[Image]) -> list[Reading]:
            seen.update(crop.shape for crop in crops)
            return super().read(crops)

    monkeypatch.setattr("streamer.cli.bench._variants", lambda: [("f32", 1)])
    monkeypatch.setattr("streamer.engine.reader.Reader", Wide)
    assert alpr("bench", "reader", "--reader", "wide", "--rounds", "10") == 0
    assert capsys.readouterr().out.splitlines()[-1].split()[:2] == ["f32", "1"]
    assert seen == {(40, 160, 3)}


def test_bench_prints_both_rates_and_their_ratio(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert alpr("bench", "stream", write_video(tmp_path / "a.mp4", drive(10)), "--rounds", "2", "--threads", "1") == 0
    out = capsys.readouterr().out
    for word in ("decode", "run", "ratio", "threads 1", cpu_name()):
        assert word in out
    assert alpr("bench", "stream", tmp_path / "gone.mp4") == 3


SLOW_RUN = """
import sys, time
sys.path.insert(0, "tests")
import streamer.pipeline.engines
from streamkit import FakeDetector, FakeReader
class Slow(FakeDetector):
    def detect(self, frame):
        time.sleep(0.02)
        if frame.index == 10: print("going", flush=True)
        return super().detect(frame)
plain = streamer.pipeline.engines.load_engines
streamer.pipeline.engines.load_engines = lambda config, *_: plain(config, Slow(), FakeReader())
from streamer.cli import main
main(sys.argv[1:])
"""


@pytest.mark.skipif(os.name != "posix", reason="signals")
@pytest.mark.parametrize(
    ("numbers", "code"),
    [
        ([signal.SIGTERM], 0),
        ([signal.SIGINT], 130),
        ([signal.SIGHUP], 0),
        (
            [signal.SIGHUP, signal.SIGHUP, signal.SIGTERM, signal.SIGTERM],
            0,
        ),  # a shell, `timeout` and a shutdown send more
    ],
)
def test_signals_drain_and_close(tmp_path: Path, repo: Path, numbers: list[signal.Signals], code: int) -> None:
    video = write_video(tmp_path / "a.mp4", drive(400))
    process = subprocess.Popen(
        [sys.executable, "-c", SLOW_RUN, "run", video, "--csv", tmp_path / "p.csv", "--video", tmp_path / "v.mp4"],
        cwd=repo, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_DFL),  # as in a terminal, also where tests have none
    )  # fmt: skip
    assert process.stdout is not None
    assert process.stdout.readline() == "going\n"
    for number in numbers:
        process.send_signal(number)
        time.sleep(0.03)
    _, err = process.communicate(timeout=30)
    assert process.returncode == code, err
    assert "Traceback" not in err
    assert "error" not in err
    assert ("alpr: stopped by Ctrl-C" in err) == (number == signal.SIGINT)
    rows = (tmp_path / "p.csv").read_text(encoding="utf-8").splitlines()
    assert len(rows) == 2, "the track so far gave its row"
    last = int(rows[1].split(",")[5])
    assert 10 <= last < 100
    capture = cv2.VideoCapture(str(tmp_path / "v.mp4"))
    assert sum(1 for _ in iter(lambda: capture.read()[0], False)) == last + 1


@pytest.mark.skipif(os.name != "posix", reason="signals")
def test_nohup_watches_on(tmp_path: Path, repo: Path) -> None:
    video = write_video(tmp_path / "a.mp4", drive(60))
    process = subprocess.Popen(
        [sys.executable, "-c", SLOW_RUN, "run", video, "--csv", tmp_path / "p.csv"],
        cwd=repo, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN),
    )  # fmt: skip
    assert process.stdout is not None
    assert process.stdout.readline() == "going\n"
    process.send_signal(signal.SIGHUP)
    _, err = process.communicate(timeout=30)
    assert process.returncode == 0, err
    assert "in 60 frames" in err
