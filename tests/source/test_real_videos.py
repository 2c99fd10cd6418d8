"""Real videos: every frame arrives, upright and in time."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from streamer.source.file import VideoSource


@pytest.mark.data
@pytest.mark.parametrize("half", [0, 1])
def test_every_frame_of_real_videos(data_dir: Path, half: int) -> None:
    lines = (data_dir / "video" / "videos.jsonl").read_text(encoding="utf-8").splitlines()
    listed = [json.loads(line) for line in lines]
    for video in listed[half::2]:
        source = VideoSource(data_dir / "video" / video["video"])
        info = source.open()
        times = np.array([frame.pts for frame in source.frames()])
        source.close()
        assert [info.width, info.height] == video["size"]
        assert len(times) == video["frames"]
        assert (np.diff(times) > 0).all()
        assert source.warnings == []
