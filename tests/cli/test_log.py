"""Log lines of the command line: text and JSON, levels, and no password in any of them."""

from __future__ import annotations

import json
import logging
import re
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from streamkit import alpr

from streamer.cli.console import log_status, notice, start_log, stop_log, warn
from streamer.config.models import LiveConfig
from streamer.errors import InputError
from streamer.process.camera_log import CameraLog
from streamer.source.reconnect import LiveFeed
from streamer.source.source import StreamInfo
from streamer.types import Frame

STAMP = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}[+-]\d\d:\d\d"


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    yield
    stop_log()


def lines(capsys: pytest.CaptureFixture[str]) -> list[str]:
    return capsys.readouterr().err.splitlines()


def objects(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in lines(capsys)]


def test_text(capsys: pytest.CaptureFixture[str]) -> None:
    start_log()
    CameraLog("gate1").warning("reconnecting in %.1f s (%s)", 2.0, "no frame for 5.0 s")
    log_status("camera=gate1 25.0 frames/s")
    CameraLog("gate1").debug("not at this level")
    warning, status = lines(capsys)
    assert re.fullmatch(STAMP + r" WARNING camera=gate1 reconnecting in 2\.0 s \(no frame for 5\.0 s\)", warning)
    assert re.fullmatch(STAMP + " INFO camera=gate1 25.0 frames/s", status)


@pytest.mark.parametrize("camera", ["gate1", "gate one", 'a "b"', "100%", "x=y", "North.2", "京"])
def test_json_has_the_camera_as_a_field(camera: str, capsys: pytest.CaptureFixture[str]) -> None:
    start_log(form="json")
    CameraLog(camera).warning("reconnecting in %.1f s", 2.0)
    (line,) = objects(capsys)
    assert re.fullmatch(STAMP, line.pop("time"))
    logger = f"streamer.camera.{camera.replace('.', '_')}"
    assert line == {"level": "warning", "logger": logger, "camera": camera, "message": "reconnecting in 2.0 s"}


def test_all_of_a_run_is_json(capsys: pytest.CaptureFixture[str]) -> None:
    start_log(form="json")
    notice("4 passages")
    warn("the clock\nstands")
    try:
        raise ValueError("of rtsp://u:secret@h/s")
    except ValueError:
        logging.getLogger("streamer.serve").exception("no metrics")
    summary, warning, error = objects(capsys)
    assert (summary["level"], summary["logger"], summary["message"]) == ("info", "alpr", "4 passages")
    assert (warning["level"], warning["message"]) == ("warning", "the clock stands")
    assert "ValueError: of rtsp://***@h/s" in error["error"]


def test_levels(capsys: pytest.CaptureFixture[str]) -> None:
    start_log("error")
    log_status("camera=a 1 frames/s")
    notice("4 passages")
    warn("something")
    logging.getLogger("streamer.sink").error("lost")
    assert [line.split(maxsplit=1)[1] for line in lines(capsys)] == ["ERROR lost"]


def test_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert alpr("run", tmp_path / "none.mp4", "--log-format", "json") == 3
    (line,) = objects(capsys)
    assert (line["level"], line["logger"]) == ("error", "alpr")
    assert "no such file" in line["message"]
    assert alpr("run", tmp_path / "none.mp4") == 3  # the form is of one command
    assert lines(capsys)[0].startswith("alpr: error: ")
    assert not logging.getLogger("streamer").handlers


class Broken:
    """A camera whose every error names its address."""

    name, live, finite, heard = "rtsp://***@host/s", True, False, 0.0

    def open(self) -> StreamInfo:
        raise InputError("rtsp://admin:s3cr3t@host/s?token=s3cr3t: cannot be opened: rtsp://admin:s3cr3t/@host/s")

    def frames(self) -> Iterator[Frame]:
        yield from ()

    def close(self) -> None: ...

    def again(self) -> Broken:
        return self


@pytest.mark.parametrize("form", ["text", "json"])
def test_no_password_in_any_line(form: Any, capsys: pytest.CaptureFixture[str]) -> None:
    start_log("debug", form)
    config = LiveConfig(backoff_s=0.01, give_up_s=0.02)
    with pytest.raises(InputError):
        list(LiveFeed(Broken(), config, threading.Event(), name="gate"))
    CameraLog("gate").error("of rtsp://admin:s3cr3t@host/s")
    notice("of rtsp://admin:s3cr3t@host/s") if form == "json" else None
    printed = capsys.readouterr().err
    assert "reconnecting" in printed
    assert "host/s" in printed
    assert "s3cr3t" not in printed
