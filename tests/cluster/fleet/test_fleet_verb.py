"""`alpr fleet` on the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from streamer.chaos.clip_camera import free_port
from streamer.cli import cli
from streamer.errors import ConfigError, ModelError


def test_simulate_prints_figures_and_writes_the_day(tmp_path: Path) -> None:
    day = tmp_path / "day.json"
    small = ["--cameras", "10", "--nodes", "4", "--hours", "0.5", "--failures", "48"]
    done = CliRunner().invoke(cli, ["fleet", "simulate", *small, "--json", str(day)])
    assert done.exit_code == 0, done.output
    assert "moves: gone: " in done.output
    assert json.loads(day.read_text(encoding="utf-8"))["summary"]["cameras"] == 10


PLACE = "outputs: [{type: store, path: 'postgresql://alpr@127.0.0.1/none'}]\n"


def told(tmp_path: Path, text: str, *arguments: str) -> Exception:
    """The error of a fleet that cannot start: one line, and its exit code."""
    path = tmp_path / "fleet.yaml"
    path.write_text(text, encoding="utf-8")
    done = CliRunner().invoke(cli, ["fleet", "--config", str(path), *arguments])
    assert isinstance(done.exception, Exception), done.output
    assert "\n" not in str(done.exception)
    return done.exception


def test_a_fleet_that_cannot_start_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ALPR_NOT_SET", raising=False)
    cameras = "cameras: {gate: rtsp://192.0.2.1/x}\n"
    error = told(tmp_path, PLACE)
    assert isinstance(error, ConfigError)
    assert "cameras: there is none" in str(error)
    error = told(tmp_path, PLACE + "cameras: {gate: 'rtsp://u:${ALPR_NOT_SET}@192.0.2.1/x'}\n")
    assert "ALPR_NOT_SET" in str(error)
    error = told(tmp_path, PLACE + cameras + "detector: nowhere\n")
    assert isinstance(error, ModelError)
    error = told(tmp_path, f"outputs: [{{type: store, path: {tmp_path / 'p.db'}}}]\n{cameras}", "--address", "auto")
    assert isinstance(error, ConfigError)
    assert "is a file of one machine: give a PostgreSQL address" in str(error)


def test_an_unreachable_cluster_is_named(tmp_path: Path) -> None:
    pytest.importorskip("ray", reason="ray is not installed")
    address = f"127.0.0.1:{free_port()}"
    error = told(tmp_path, PLACE + "cameras: {gate: rtsp://192.0.2.1/x}\n", "--address", address)
    assert isinstance(error, ConfigError)
    assert f"--address {address}: no cluster answers at {address}" in str(error)


def test_verbs_need_a_file_and_a_node_that_is_there(tmp_path: Path) -> None:
    path = tmp_path / "fleet.yaml"
    path.write_text(f"outputs: [{{type: store, path: {tmp_path / 'p.db'}}}]\n", encoding="utf-8")
    for verb in ([], ["status"], ["drain", "n1"]):
        done = CliRunner().invoke(cli, ["fleet", *verb])
        assert done.exit_code == 2
        assert "--config FILE is missing" in done.output
    done = CliRunner().invoke(cli, ["fleet", "--config", str(path), "status"])
    assert "no such store" in str(done.exception)
    from streamer.store.database import open_database

    open_database(tmp_path / "p.db", create=True).close()
    done = CliRunner().invoke(cli, ["fleet", "--config", str(path), "status"])
    assert "no fleet has run with this store yet" in done.output
    done = CliRunner().invoke(cli, ["fleet", "drain", "n1", "--config", str(path)])
    assert "n1: no node of this fleet: expected one of: none" in str(done.exception)


def test_a_fleet_of_one_process_starts_and_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from streamer.cluster.fleet.supervisor import Supervisor

    ran: list[str] = []
    monkeypatch.setattr(Supervisor, "run", lambda self, stop: ran.append(",".join(self._settings)))
    monkeypatch.setattr("streamer.cluster.fleet.local.LocalEngine", lambda start: start)
    path = tmp_path / "fleet.yaml"
    text = f"outputs: [{{type: store, path: {tmp_path / 'p.db'}}}]\ncameras: {{gate: rtsp://192.0.2.1/x}}\n"
    path.write_text(text, encoding="utf-8")
    done = CliRunner().invoke(cli, ["fleet", "--config", str(path), "--metrics", "0"])
    assert (done.exit_code, ran) == (0, ["gate"]), done.output
