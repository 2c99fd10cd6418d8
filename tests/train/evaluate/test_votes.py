from __future__ import annotations

import json
from pathlib import Path

import pytest
from streamkit import FakeAlphabet

from streamer.passages.vote import Ballot
from streamer.types import Reading
from train.evaluate.measures import PassageRow, PassageTruth
from train.evaluate.run import Video
from train.evaluate.votes import RULES, Outcome, Rows, _outcome, compare, interval, record
from train.synth.clip import synth_clips

ALPHABET = FakeAlphabet()


def ballot(text: str, confidence: float, height: float = 20.0) -> Ballot:
    return Ballot(Reading(text, confidence, (confidence,) * len(text)), height)


@pytest.mark.parametrize(
    ("rule", "ballots", "text", "confidence"),
    [
        ("majority of texts", [("AB", 0.4, 10), ("AB", 0.5, 10), ("XY", 0.9, 30)], "AB", 2 / 3),
        ("majority of texts", [("AB", 0.4, 10), ("XY", 0.9, 30)], "XY", 0.5),  # a tie: the surer one
        ("majority of texts", [("", 0.0, 10)], "", 0.0),
        ("highest confidence", [("AB", 0.4, 10), ("AB", 0.5, 10), ("XY", 0.9, 5)], "XY", 0.9),
        ("largest plate", [("AB", 0.4, 30), ("XY", 0.9, 5)], "AB", 0.4),
        ("largest plate", [("", 0.0, 30)], "", 0.0),
    ],
)
def test_simple_rules(rule: str, ballots: list[tuple[str, float, float]], text: str, confidence: float) -> None:
    verdict = RULES[rule]([ballot(*b) for b in ballots], ALPHABET)
    assert verdict.text == text
    assert verdict.confidence == pytest.approx(confidence)
    assert len(verdict.char_confidence) == len(text)


def test_rows_are_filtered_by_their_confidence() -> None:
    assert Rows().rows(0.5) == []


def outcome(*each: bool) -> Outcome:
    return Outcome(sum(each), 0, len(each), len(each), each)


def test_how_far_ahead_one_rule_is() -> None:
    low, high = interval(outcome(*[True] * 50), outcome(*[True] * 25, *[False] * 25))
    assert 0.3 < low < 0.5 < high < 0.7
    assert interval(outcome(True, False), outcome(True, False)) == (0.0, 0.0)
    assert interval(outcome(), outcome()) == (0.0, 0.0)
    assert outcome().accuracy == 0


def test_rows_are_told_apart_by_the_group_of_their_country() -> None:
    box = (0.0, 0.0, 10.0, 10.0)
    videos, rows = [], []
    for country, plate in (("GB", "AB1"), ("US", "AB2"), (None, "AB1"), ("DE", "AB1")):
        about = {"video": f"{country}.mp4", "fps": 10, "country": country}
        videos.append(Video(Path("x.mp4"), about, [PassageTruth("AB1", 0, 9)]))
        rows.append([(0.9, PassageRow(plate, 0, 9, 5, box))])
    found = _outcome(videos, rows)
    right = (0.9, True)
    assert found.regions == {"europe": [right, right], "north-america": [(0.9, False)], "other": [right]}
    assert sorted(found.sure) == [(0.9, False), right, right, right]


def test_all_rules_on_a_drawn_clip(tmp_path: Path) -> None:
    table = synth_clips(tmp_path / "clips", 1, 1, 8, (1280, 720), 5)
    (row,) = [json.loads(line) for line in table.read_text(encoding="utf-8").splitlines()]
    truths = [
        json.loads(line) for line in (tmp_path / "clips" / "truth.jsonl").read_text(encoding="utf-8").splitlines()
    ]
    passages = [PassageTruth(t["text"], t["first"], t["last"]) for t in truths]
    assert len(passages) == 1
    videos = [Video(tmp_path / "clips" / row["video"], row, passages)]
    from streamer.config.models import RunConfig

    kept = record(videos, tmp_path, RunConfig())
    stamp = kept[0].stat().st_mtime_ns
    assert record(videos, tmp_path, RunConfig())[0].stat().st_mtime_ns == stamp  # made once
    found = compare(videos, kept, (0.0, 1.01), lambda _: None)
    assert set(found) == set(RULES)
    assert all(by[0.0].passages == 1 for by in found.values())
    assert found["fused"][0.0].right == 1
    assert all(by[1.01].rows == 0 for by in found.values())
