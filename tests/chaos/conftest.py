"""The RTSP server that these tests run for real."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from streamkit import drive, write_video

from streamer.chaos.clip_camera import PACKAGES, ClipCamera, can_serve
from streamer.cli.chaos import clip_camera

_OPTIONS = {
    "libx264": {"g": "12", "bf": "0", "preset": "ultrafast"},
    "libx265": {"x265-params": "log-level=none:bframes=0:keyint=12", "preset": "ultrafast"},
}


@pytest.fixture(scope="session")
def rtsp() -> None:
    """A machine with GStreamer's RTSP server: `make test` installs it where it may, and CI must have it."""
    if not can_serve():
        message = f"no RTSP server here: apt-get install {PACKAGES}"
        if os.environ.get("CI") == "true":
            pytest.fail(message)
        pytest.skip(message)


def clip(folder: Path, codec: str) -> Path:
    """Two seconds of a plate that drives across, a key picture twice a second."""
    return write_video(folder / f"{codec}.mp4", drive(50), codec=codec, options=_OPTIONS[codec])


@pytest.fixture(scope="module", params=["libx264", "libx265"])
def camera(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, rtsp: None
) -> Iterator[ClipCamera]:
    with clip_camera(clip(tmp_path_factory.mktemp("clips"), request.param)) as served:
        yield served


@pytest.fixture
def own_camera(tmp_path: Path, rtsp: None) -> Iterator[ClipCamera]:
    """One that shows other clips for nobody else."""
    with clip_camera(clip(tmp_path, "libx264")) as served:
        yield served
