"""Pictures go when nobody wants them any more, not when the garbage collector comes by."""

from __future__ import annotations

import gc
import weakref
from pathlib import Path

import av
import pytest
from streamkit import drive, write_video

from streamer.image.planes import frame_orientation
from streamer.source.file import VideoSource


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    return write_video(tmp_path / "a.mp4", drive(12))


def test_a_frame_whose_orientation_was_looked_at(clip: Path) -> None:
    gc.disable()
    try:
        with av.open(str(clip)) as container:
            frame = next(container.decode(video=0))
            before = len(gc.get_referrers(frame))
            frame_orientation(frame)
            assert len(gc.get_referrers(frame)) == before
    finally:
        gc.enable()


def test_a_source_that_was_read_leaves_nothing_to_collect(clip: Path) -> None:
    def read() -> weakref.ref[VideoSource]:
        source = VideoSource(clip)
        source.open()
        assert sum(1 for _ in source.frames()) == 12
        source.close()
        return weakref.ref(source)

    read()
    while gc.collect():  # what other tests left, also what only the next pass finds
        pass
    gc.disable()
    try:
        gone = read()
        assert gone() is None
        assert gc.collect() == 0
    finally:
        gc.enable()
