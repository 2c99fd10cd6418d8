"""Every track ends as a row or in the ledger with its reason, and the counts add up."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from streamkit import FakeAlphabet, plates_of, reading_of

from streamer.cli import main
from streamer.config.models import RunConfig
from streamer.pipeline.runner import run_stream
from streamer.sink.ledger import FILE, MOST_CROPS, LedgerSink
from streamer.sink.sink import BaseSink
from streamer.source.source import StreamInfo
from streamer.types import Frame, Image, Passage, Plates, Reading, Rejection, RunSummary


class Script:
    """A source, detector and reader in one: `boxes[i]` are seen in frame i and `texts` read, in turn, as sure as
    `sure`."""

    min_score = 0.5
    live = False
    name = "script"
    alphabet = FakeAlphabet()

    def __init__(
        self,
        boxes: Sequence[Sequence[Sequence[float]]],
        texts: Sequence[str],
        sure: float = 0.98,
        scores: Sequence[float] = (0.9,),
    ) -> None:
        self._boxes, self._texts, self._sure, self._scores = boxes, texts, sure, scores
        self._reads = 0
        self.warnings: list[str] = []

    def open(self) -> StreamInfo:
        return StreamInfo(self.name, 320, 180)

    def frames(self) -> Any:
        for i in range(len(self._boxes)):
            yield Frame(i, i / 25, 320, 180, bgr=np.full((180, 320, 3), 90, np.uint8))

    def close(self) -> None:
        """Nothing is open."""

    def detect(self, frame: Frame) -> Plates:
        boxes = self._boxes[frame.index]
        return plates_of(boxes, [self._scores[frame.index % len(self._scores)]] * len(boxes))

    def read(self, crops: Sequence[Image]) -> list[Reading]:
        out = []
        for _ in crops:
            out.append(reading_of(self._texts[self._reads % len(self._texts)], self._sure))
            self._reads += 1
        return out


class Kept(BaseSink):
    def __init__(self) -> None:
        self.passages: list[Passage] = []
        self.rejections: list[Rejection] = []

    def passage(self, passage: Passage) -> None:
        self.passages.append(passage)

    def rejection(self, rejection: Rejection) -> None:
        self.rejections.append(rejection)


def run(script: Script, *sinks: Any, config: RunConfig | None = None) -> tuple[RunSummary, Kept]:
    kept = Kept()
    source: Any = script
    summary = run_stream(source, [kept, *sinks], config, detector=script, reader=script)
    return summary, kept


def still(frames: int, box: Sequence[float] = (50, 50, 110, 70), before: int = 0, after: int = 30) -> Any:
    """A plate that stands there for some frames."""
    return [[]] * before + [[box]] * frames + [[]] * after


ROW = "皖A12345"


@pytest.mark.parametrize(
    ("script", "config", "reason", "setting", "found", "needed"),
    [
        (Script(still(1), [ROW]), {}, "seen too rarely", "track.birth_hits", 1, 2),
        (Script(still(20), [ROW], scores=[0.9] + [0.3] * 99), {}, "found too weakly", "track.min_strong", 0.05, 0.2),
        (Script(still(9, (50, 50, 80, 55)), [ROW]), {}, "too small to read", "read.min_height", 5, 8),
        (Script(still(9), [""]), {}, "nothing legible", None, 0, 1),
        (Script(still(9), [ROW], 0.3), {}, "nothing legible", None, 0, 1),
        (Script(still(9), [ROW, *[""] * 99]), {}, "read too rarely", "vote.min_reads", 1, 2),
        (Script(still(9), [ROW], 0.8), {"min_confidence": 0.99}, "not sure enough", "vote.min_confidence", None, 0.99),
    ],
)
def test_each_reason(
    script: Script, config: dict[str, Any], reason: str, setting: str | None, found: float | None, needed: float
) -> None:
    summary, kept = run(script, config=RunConfig(vote=config))
    (rejection,) = kept.rejections
    assert kept.passages == []
    assert (rejection.reason, rejection.setting, rejection.needed) == (reason, setting, needed)
    assert found is None or rejection.found == pytest.approx(found)
    assert summary.rejected == {reason: 1}
    assert (rejection.track_id > 0) is (reason != "seen too rarely")
    assert (rejection.crop is not None) is (rejection.n_reads > 0)


@pytest.mark.parametrize(
    ("reason", "setting", "value"),
    [("track", "birth_hits", 1), ("read", "min_height", 4.0), ("vote", "min_confidence", 0.1)],
)
def test_the_setting_named_lets_the_track_through(reason: str, setting: str, value: float) -> None:
    script = {
        "track": Script(still(2, before=3), [ROW]),
        "read": Script(still(9, (50, 50, 80, 55)), [ROW]),
        "vote": Script(still(9), [ROW], 0.8),
    }[reason]
    strict = {
        "track": {"track": {"birth_hits": 3}},
        "read": {},
        "vote": {"vote": {"min_confidence": 0.999}},
    }[reason]
    _, before = run(script, config=RunConfig.model_validate(strict))
    assert [f"{r.setting}" for r in before.rejections] == [f"{reason}.{setting}"]
    _, after = run(script, config=RunConfig.model_validate({reason: {setting: value}}))
    assert len(after.passages) == 1


@pytest.mark.parametrize("seed", range(12))
def test_the_counts_add_up(seed: int) -> None:
    rng = np.random.default_rng(seed)
    boxes: list[list[tuple[float, float, float, float]]] = [[] for _ in range(160)]
    for _ in range(12):
        x, y, start = rng.uniform(0, 250), rng.uniform(0, 150), int(rng.integers(0, 150))
        h = float(rng.choice([5, 14, 20]))
        for k in range(start, min(160, start + int(rng.integers(1, 30)))):
            if rng.random() < 0.8:
                boxes[k].append((x, y, x + 3 * h, y + h))
    texts = ["", "A1", "B2", "B2", ROW]
    summary, kept = run(Script(boxes, [str(t) for t in rng.choice(texts, 40)], float(rng.uniform(0.5, 0.99))))
    flickers = summary.rejected.get("seen too rarely", 0)
    assert summary.tracks + flickers == summary.passages + summary.joined + sum(summary.rejected.values())
    assert len(kept.passages) == summary.passages
    assert len(kept.rejections) == sum(summary.rejected.values())


def test_a_split_track_is_counted_as_joined() -> None:
    boxes = still(9, after=0) + [[]] * 20 + still(9)
    summary, _ = run(Script(boxes, [ROW]))
    assert (summary.tracks, summary.passages, summary.joined, summary.rejected) == (2, 1, 1, {})


def test_the_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    boxes = still(9, after=40) + still(9, (150, 90, 210, 110)) + still(1, (20, 120, 60, 134))
    run(Script(boxes, ["", "", "", "", ROW]), LedgerSink(tmp_path / "why"))
    rows = [json.loads(line) for line in (tmp_path / "why" / FILE).read_text(encoding="utf-8").splitlines()]
    assert [r["type"] for r in rows].count("rejection") >= 1
    crop = next(r["crop"] for r in rows if r.get("crop"))
    assert cv2.imread(str(tmp_path / "why" / crop)).shape == (48, 128, 3)
    assert explain(tmp_path / "why") == 0
    said = capsys.readouterr().out
    assert "seen too rarely" in said
    assert "track.birth_hits" in said
    assert explain(tmp_path / "why" / FILE, "--all") == 0
    assert "script" in capsys.readouterr().out


def test_crops_are_bounded(tmp_path: Path) -> None:
    sink = LedgerSink(tmp_path)
    for k in range(MOST_CROPS + 5):
        sink.rejection(rejection(k))
    sink.close()
    assert len(list((tmp_path / "crops").iterdir())) == MOST_CROPS
    assert len((tmp_path / FILE).read_text().splitlines()) == MOST_CROPS + 5


def rejection(track_id: int) -> Rejection:
    crop = np.zeros((48, 128, 3), np.uint8)
    return Rejection(
        "gate",
        track_id,
        "nothing legible",
        None,
        0,
        1,
        "",
        0.0,
        0,
        1,
        0,
        0.0,
        0.04,
        None,
        (0, 0, 9, 9),
        0.5,
        2,
        1,
        crop,
    )


def explain(*arguments: object) -> int:
    with pytest.raises(SystemExit) as caught:
        main(["explain", *map(str, arguments)])
    return int(caught.value.code or 0)


@pytest.mark.parametrize(
    ("text", "says"),
    [("{", ":1: is no line of a ledger"), ('{"type": "other"}', "type 'other'"), ("[]", "is no line of a ledger")],
)
def test_a_broken_ledger_is_named(tmp_path: Path, text: str, says: str, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / FILE).write_text(text)
    assert explain(tmp_path) == 3
    assert says in capsys.readouterr().err
    assert explain(tmp_path / "gone.jsonl") == 3


def test_a_run_without_rejections(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(Script(still(9), [ROW]), LedgerSink(tmp_path))
    assert explain(tmp_path) == 0
    assert capsys.readouterr().out == "1 row; 0 tracks without a row\n"


def test_zones_decide_where_plates_count() -> None:
    boxes = [[(50, 50, 110, 70), (200, 120, 260, 140)]] * 12
    right = [[0.5, 0.0], [1.0, 0.0], [1.0, 1.0], [0.5, 1.0]]
    for use, zone, left in (("read", "lane", 200), ("ignore", "", 50)):
        summary, kept = run(
            Script(boxes, [ROW]),
            config=RunConfig.model_validate({"zones": {"lane": {"polygon": right, "use": use}}}),
        )
        (passage,) = kept.passages
        assert (passage.zone, passage.box[0]) == (zone, left)
        assert summary.outside == 12
