"""`threads` holds for what decodes and encodes too."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from streamkit import FakeDetector, FakeReader, drive, write_video

from streamer.config.models import CameraConfig, RunConfig
from streamer.pipeline.engines import Engines
from streamer.pipeline.runner import run_stream
from streamer.pipeline.site import run_site
from streamer.sink.segments import SegmentedVideoSink
from streamer.sink.video import VideoFolderSink, VideoSink
from streamer.source.file import VideoSource
from streamer.source.paced import PacedSource

pytestmark = pytest.mark.timeout(60)


@pytest.fixture
def counts(monkeypatch: pytest.MonkeyPatch) -> dict[str, set[int]]:
    """The threads of all decoders and encoders that are opened."""
    seen: dict[str, set[int]] = {"decode": set(), "encode": set()}
    opened, encoder = VideoSource.open, VideoSink._encoder

    def open_(self: VideoSource) -> Any:
        info = opened(self)
        seen["decode"].add(self._stream.codec_context.thread_count)
        return info

    def encoder_(self: VideoSink, info: Any) -> Any:
        video = encoder(self, info)
        seen["encode"].add(video.codec_context.thread_count)
        return video

    monkeypatch.setattr(VideoSource, "open", open_)
    monkeypatch.setattr(VideoSink, "_encoder", encoder_)
    return seen


def run(source: Any, sink: Any, threads: int) -> None:
    config = RunConfig(threads=threads)
    assert run_stream(source, [sink], config, detector=FakeDetector(), reader=FakeReader()).frames == 6


@pytest.mark.parametrize("threads", [1, 3])
def test_files_and_annotated_videos(tmp_path: Path, counts: dict[str, set[int]], threads: int) -> None:
    clip = write_video(tmp_path / "a.mp4", drive(6), codec="libx264")
    run(str(clip), VideoSink(tmp_path / "one.mp4"), threads)
    run(VideoSource(clip), VideoFolderSink(tmp_path / "many"), threads)
    run(str(clip), SegmentedVideoSink(tmp_path / "named-{stream}.mp4"), threads)
    assert counts == {"decode": {threads}, "encode": {threads}}


def test_who_is_told_otherwise_keeps_to_it(tmp_path: Path, counts: dict[str, set[int]]) -> None:
    clip = write_video(tmp_path / "a.mp4", drive(6), codec="libx264")
    run(VideoSource(clip, threads=2), VideoSink(tmp_path / "one.mp4"), 1)
    assert counts == {"decode": {2}, "encode": {1}}


def test_cameras(tmp_path: Path, counts: dict[str, set[int]]) -> None:
    clip = write_video(tmp_path / "a.mp4", drive(6), codec="libx264")
    paced = PacedSource(VideoSource(clip))
    config = RunConfig(threads=1, cameras={"gate": CameraConfig(url=str(clip))})
    engines = Engines(FakeDetector(), FakeReader(), 0.5)
    run_site(config, [], engines=engines)
    run(paced, VideoSink(tmp_path / "one.mp4"), 1)
    assert paced.again().threads == 1
    assert counts["decode"] == {1}
