from __future__ import annotations

import gzip
import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from streamkit import FakeAlphabet, FakeDetector, FakeReader

from streamer.cli import cli
from streamer.config.models import RunConfig
from streamer.errors import ConfigError, InputError
from streamer.passages.vote import Verdict
from streamer.pipeline.runner import run_stream
from streamer.replay.rerun import replay
from streamer.sink.csv import CsvSink
from streamer.sink.record import RecordSink
from streamer.source.recording import Networks, read_recording
from streamer.source.source import StreamInfo
from streamer.types import Frame, Plates

DEMO = Path(__file__).parents[1] / "clips" / "demo.mp4"


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the demo clip's rows and its recording, by the real networks."""
    folder = tmp_path_factory.mktemp("recorded")
    arguments = [
        "run",
        str(DEMO),
        "--csv",
        str(folder / "run.csv"),
        "--record",
        str(folder / "run.jsonl.gz"),
        "--quiet",
    ]
    result = CliRunner().invoke(cli, [*arguments, "--ledger", str(folder / "ledger")])
    assert result.exit_code == 0, result.output
    return folder


def test_a_replay_gives_the_same_bytes(recorded: Path) -> None:
    arguments = ["replay", str(recorded / "run.jsonl.gz"), "--csv", str(recorded / "again.csv"), "--quiet"]
    result = CliRunner().invoke(cli, arguments)
    assert result.exit_code == 0, result.output
    assert (recorded / "again.csv").read_bytes() == (recorded / "run.csv").read_bytes()
    assert len((recorded / "run.csv").read_text(encoding="utf-8").splitlines()) > 2


def test_two_recordings_are_the_same_bytes(recorded: Path) -> None:
    again = recorded / "again.jsonl.gz"
    result = CliRunner().invoke(
        cli, ["run", str(DEMO), "--csv", str(recorded / "b.csv"), "--record", str(again), "--quiet"]
    )
    assert result.exit_code == 0, result.output
    assert again.read_bytes() == (recorded / "run.jsonl.gz").read_bytes()


def test_other_settings_give_other_rows(recorded: Path) -> None:
    config = recorded / "strict.yaml"
    config.write_text("vote: {min_reads: 10000}\n", encoding="utf-8")
    rows = recorded / "strict.csv"
    arguments = ["replay", str(recorded / "run.jsonl.gz"), "--csv", str(rows), "--config", str(config)]
    result = CliRunner().invoke(cli, arguments)
    assert result.exit_code == 0, result.output
    assert len(rows.read_text(encoding="utf-8").splitlines()) == 1  # the header
    assert "0 passages" in result.output


def test_a_country_can_be_expected_afterwards(recorded: Path) -> None:
    rows = recorded / "expected.csv"
    arguments = ["replay", str(recorded / "run.jsonl.gz"), "--csv", str(rows), "--country"]
    assert CliRunner().invoke(cli, [*arguments, "cn"]).exit_code == 0
    unknown = CliRunner().invoke(cli, [*arguments, "qq"]).exception
    assert isinstance(unknown, ConfigError)
    assert "QQ: nothing is known" in str(unknown)
    assert len(rows.read_text(encoding="utf-8").splitlines()) > 2  # an unknown one leaves earlier rows alone


def test_another_rule_can_vote(recorded: Path, tmp_path: Path) -> None:
    sink = CsvSink(tmp_path / "x.csv")
    summary = replay(recorded / "run.jsonl.gz", [sink], rule=lambda ballots, _: Verdict("X1", 0.9, (0.9, 0.9)))
    assert summary.passages >= 1
    rows = (tmp_path / "x.csv").read_text(encoding="utf-8").splitlines()[1:]
    assert {line.split(",")[2] for line in rows} <= {"X1"}


def test_a_recording_cut_by_a_kill_is_read_to_its_last_line(recorded: Path, tmp_path: Path) -> None:
    data = (recorded / "run.jsonl.gz").read_bytes()
    cut = tmp_path / "cut.gz"
    cut.write_bytes(data[: len(data) // 2])
    (source,) = read_recording(cut)
    assert 0 < len(source.recorded) < 150
    assert "ends in the middle" in source.warnings[0]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "holds no stream"),
        (b"{}\n", ":1: is no line of a recording"),
        (b'{"type": "stream", "schema": 9}\n', "schema 9, expected 1"),
        (b'{"type": "frame", "index": 0, "pts": 0.0}\n', ":1: is no line of a recording"),
        (b"nonsense\n", ":1: is no line of a recording"),
        (b"\xff\xfe\n", "is not a recording"),
    ],
)
def test_what_is_no_recording_is_named(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "bad.jsonl.gz"
    path.write_bytes(gzip.compress(content))
    with pytest.raises(InputError, match=message):
        read_recording(path)


def test_what_is_not_compressed_or_not_there_is_named(tmp_path: Path) -> None:
    (tmp_path / "plain").write_text("{}", encoding="utf-8")
    with pytest.raises(InputError, match="is not a recording"):
        read_recording(tmp_path / "plain")
    with pytest.raises(InputError, match="no such file"):
        read_recording(tmp_path / "none")


def test_nothing_is_lost_on_the_way(tmp_path: Path) -> None:
    path = tmp_path / "demo.gz"
    networks = Networks(0.5, tuple(FakeAlphabet().symbols))
    run_stream(str(DEMO), [RecordSink(path, networks)], RunConfig(), detector=FakeDetector(), reader=FakeReader())
    (source,) = read_recording(path)
    assert source.networks == networks
    assert [f.index for f in source.recorded] == list(range(len(source.recorded)))
    assert (source.info.width, source.info.height) == (1280, 720)
    lines = [json.loads(line) for line in gzip.decompress(path.read_bytes()).decode("utf-8").splitlines()]
    found = FakeDetector()
    assert len(lines) == len(source.recorded) + 1
    for line, frame in zip(lines[1:], source.recorded, strict=True):
        assert len(line.get("plates", [])) == len(frame.plates)
        np.testing.assert_array_equal(
            frame.plates.box_xyxy, [p["box"] for p in line.get("plates", [])] or np.zeros((0, 4))
        )
    assert found.min_score == 0.5


def test_a_replay_never_writes_over_its_recording(recorded: Path) -> None:
    file = recorded / "run.jsonl.gz"
    before = file.read_bytes()
    result = CliRunner().invoke(cli, ["replay", str(file), "--csv", str(file)])
    assert "is the source as well as an output" in str(result.exception)
    assert file.read_bytes() == before


def test_hard_cuts_are_recorded(tmp_path: Path) -> None:
    sink = RecordSink(tmp_path / "cuts.gz", Networks(0.5, tuple(FakeAlphabet().symbols)))
    sink.begin(StreamInfo("film", 320, 180))
    for index in range(4):
        sink.seen(Frame(index, index / 25, 320, 180, cut=index == 2), Plates.empty(), {})
    sink.close()
    (source,) = read_recording(sink.path)
    assert [frame.cut for frame in source.recorded] == [False, False, True, False]
