"""Our figures equal those of an independent scorer that stands beside the labelled data, where there is one."""

from __future__ import annotations

import csv
import importlib.util
import json
import math
import subprocess
import zlib
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from streamer.types import Plate, Reading
from train.data.manifest import Sample, read_manifest
from train.evaluate.run import evaluate_crops, evaluate_scenes, evaluate_videos, limited, open_image, read_videos

pytestmark = pytest.mark.data

PER_SET = 4
THRESHOLD = 0.4


@pytest.fixture(scope="module")
def scorer_file(data_dir: Path) -> Path:
    file = data_dir.parent / "tools" / "score.py"
    if not file.is_file():
        pytest.skip("no independent scorer at ALPR_DATA/../tools/score.py")
    return file


@pytest.fixture
def scorer(scorer_file: Path, data_dir: Path, samples: list[Sample], monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The scorer, on the few samples and with the fake reader."""
    spec = importlib.util.spec_from_file_location("independent_scorer", scorer_file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    chosen = {s.relative for s in samples}
    every = module.manifest

    def few(kind: str) -> Iterator[dict[str, Any]]:
        return (m for m in every(kind) if m["path"] in chosen)

    monkeypatch.setattr(module, "DATA", data_dir)
    monkeypatch.setattr(module, "manifest", few)
    monkeypatch.setattr(module, "plate_reader", lambda **options: NoisyReader(samples, **options))
    return module


@pytest.fixture(scope="module")
def samples(data_dir: Path) -> list[Sample]:
    return limited(read_manifest(data_dir, split="dev"), PER_SET)


def key(image: np.ndarray) -> int:
    return zlib.crc32(image.tobytes())


class NoisyReader:
    """Answers with the truth, bent: shifted boxes and corners, missed and doubled plates, false ones, wrong characters.
    The same for the same picture, whoever asks."""

    truths: dict[int, Sample] = {}  # noqa: RUF012  filled once, shared by all readers

    def __init__(self, samples: list[Sample], min_score: float = THRESHOLD) -> None:
        self.min_score = min_score
        if not self.truths:
            self.truths.update((key(open_image(s.path)), s) for s in samples)

    def read(self, image: np.ndarray) -> list[Plate]:
        rng, sample = np.random.default_rng(key(image)), self.truths[key(image)]
        plates = []
        for label in sample.plates:
            if label.box is None or rng.random() < 0.1:
                continue
            times = 1 + (rng.random() < 0.2)
            plates += [self._near(rng, label.box, label.quad, label.text) for _ in range(times)]
        for _ in range(rng.integers(0, 3)):
            x, y = rng.uniform(0, image.shape[1] - 60), rng.uniform(0, image.shape[0] - 20)
            plates.append(self._near(rng, (x, y, x + 60, y + 20), None, "FALSE1"))
        return sorted((p for p in plates if p.score >= self.min_score), key=lambda p: -p.score)

    def read_crops(self, crops: list[np.ndarray]) -> list[Reading]:
        return [self._reading(crop) for crop in crops]

    def _reading(self, crop: np.ndarray) -> Reading:
        text = next((p.text for p in self.truths[key(crop)].plates if p.text), "")
        return Reading(bent(np.random.default_rng(key(crop)), text), 0.5, ())

    @staticmethod
    def _near(rng: np.random.Generator, box: Any, quad: Any, text: str | None) -> Plate:
        x1, y1, x2, y2 = box
        size = np.array([x2 - x1, y2 - y1] * 2)
        moved = np.array(box) + rng.normal(0, 0.12 * rng.random(), 4) * size
        corners = np.array(quad if quad else [[x1, y1], [x2, y1], [x2, y2], [x1, y2]]) + rng.normal(0, 2, (4, 2))
        score = round(float(rng.uniform(0.02, 1)), 2)  # two digits: ties occur
        return Plate(moved, corners, score, bent(rng, text or ""))


def bent(rng: np.random.Generator, text: str) -> str:
    """The text with, now and then, a separator, an O for a 0, another province, a character lost or changed."""
    if not text or rng.random() < 0.4:
        return text
    k = int(rng.integers(len(text)))
    changes: list[Callable[[], str]] = [
        lambda: f"{text[:k]}·{text[k:].lower()}",
        lambda: text.translate(str.maketrans("01OI", "OI01")),
        lambda: "京" + text[1:],
        lambda: text[:k] + text[k + 1 :],
        lambda: f"{text[:k]}X{text[k + 1 :]}",
        lambda: "",
    ]
    return changes[rng.integers(len(changes))]()


def assert_same(ours: dict[str, Any], theirs: dict[str, Any]) -> None:
    """Every figure of theirs, for every set of theirs and no other."""
    assert ours.keys() == theirs.keys()
    for name, figures in theirs.items():
        for what, value in figures.items():
            expected = None if isinstance(value, float) and math.isnan(value) else value
            near = pytest.approx(expected, rel=1e-12) if isinstance(expected, float) else expected
            assert ours[name][what] == near, f"{name} {what}"


def test_scenes_and_backgrounds(scorer: ModuleType, samples: list[Sample]) -> None:
    report = evaluate_scenes(samples, NoisyReader(samples, min_score=0.02), THRESHOLD)  # type: ignore[arg-type]
    theirs = scorer.scenes()
    assert len(theirs) > 10
    assert any(0 < f["e2e"] < 1 for f in theirs.values() if f["e2e"] is not None)
    assert any(f["corner"] for f in theirs.values())
    assert_same(dict(report.sets), theirs)
    assert_same({"backgrounds": report.backgrounds}, scorer.backgrounds())


def test_crops(scorer: ModuleType, samples: list[Sample]) -> None:
    report = evaluate_crops(samples, NoisyReader(samples))  # type: ignore[arg-type]
    theirs = scorer.crops()
    assert len(theirs) > 4
    assert_same(dict(report.sets), theirs)


def test_videos(scorer: ModuleType, data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subprocess, "run", noisy_run(data_dir))
    videos = read_videos(data_dir, "dev")
    report = evaluate_videos(videos)
    theirs = scorer.videos()
    assert len(theirs) > 3
    assert sum(f["wrong"] for f in theirs.values()) > 3
    assert sum(f["duplicates"] for f in theirs.values()) > 0
    assert_same(dict(report.sets), theirs)


def noisy_run(data_dir: Path) -> Callable[..., Any]:
    """`alpr run SOURCE --csv FILE` that writes bent truth: shifted spans, doubles, wrong texts on and off a plate."""
    truth = defaultdict(list)
    with (data_dir / "video" / "truth.jsonl").open(encoding="utf-8") as lines:
        for line in lines:
            passage = json.loads(line)
            truth[passage["video"]].append(passage)

    def run(command: list[str], **_: Any) -> subprocess.CompletedProcess[str]:
        video, out = Path(command[command.index("run") + 1]).name, command[command.index("--csv") + 1]
        rng = np.random.default_rng(zlib.crc32(video.encode()))
        with open(out, "w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["plate", "first_frame", "last_frame", "best_frame", "box"])
            for passage in truth[video] * 2:
                shift, kind = int(rng.integers(-60, 60)), rng.integers(4)
                first, last = max(0, passage["first"] + shift), max(1, passage["last"] + shift)
                best = int(rng.integers(passage["first"], passage["last"] + 1))
                box = passage["boxes"].get(str(best), [1, 1, 9, 9]) if kind != 3 else [1, 1, 9, 9]
                text = passage["text"] if kind < 2 else bent(rng, passage["text"])
                writer.writerow([text, first, last, best, json.dumps(box)])
            writer.writerow(["FALSE1", 0, 5, 2, "[1, 1, 9, 9]"])
        return subprocess.CompletedProcess(command, 0, "", "")

    return run
