"""INT8 on processors without 8-bit products (as oneDNN can pretend): slower, the same answers but for rounding."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

READS = """
import json, sys
from streamer.engine.detector import Detector
from streamer.engine.reader import Reader
from streamer.image.warp import rectify
from streamer.source.file import VideoSource
source = VideoSource(sys.argv[1])
source.open()
detector, reader = Detector(precision="int8", threads=1), Reader(precision="int8", threads=1)
said = []
for frame in source.frames():
    if frame.index % 12 == 0:
        plates = detector.detect(frame)
        readings = reader.read([rectify(frame, quad) for quad in plates.quad])
        said.append((plates.score.tolist(), plates.quad.tolist(), [r.text for r in readings]))
print(json.dumps(said))
"""


def said_with(instructions: str, clip: Path) -> list[Any]:
    environment = {**os.environ, "ONEDNN_MAX_CPU_ISA": instructions}
    command = [sys.executable, "-c", READS, str(clip)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True, timeout=120)
    return json.loads(done.stdout)  # type: ignore[no-any-return]


@pytest.mark.skipif(platform.machine().lower() not in ("x86_64", "amd64"), reason="oneDNN's names are those of x86")
def test_int8_says_the_same_without_vnni(repo: Path) -> None:
    clip = repo / "tests" / "clips" / "demo.mp4"
    here = said_with("", clip)
    assert sum(len(texts) for _, _, texts in here) > 15
    for instructions in ("AVX512_CORE", "AVX2"):
        there = said_with(instructions, clip)
        same = []
        for (score, quad, texts), (other_score, other_quad, other_texts) in zip(here, there, strict=True):
            assert np.allclose(score, other_score, atol=0.02), instructions
            assert np.allclose(quad, other_quad, atol=1.0), instructions
            same += [one == other for one, other in zip(texts, other_texts, strict=True)]
        assert np.mean(same) >= 0.9, instructions  # sums are rounded elsewhere: a doubtful character may tip over
