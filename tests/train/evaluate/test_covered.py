from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import cv2
import numpy as np
import pytest

from streamer.errors import InputError
from train.data.manifest import PlateLabel, Sample
from train.evaluate.covered import CoveredTally, covered_crops, evaluate_covered


@pytest.mark.parametrize(
    ("read", "confidence", "kind"),
    [
        ("皖A?2345", 0.2, "reported"),
        ("皖A12345", 0.9, "invented"),
        ("皖A12345", 0.4, "unsure"),
        ("皖A2345", 0.9, "invented"),
        ("皖A?2346", 0.9, "other"),
        ("", 0.0, "unsure"),
    ],
)
def test_what_became_of_a_hidden_character(read: str, confidence: float, kind: str) -> None:
    tally = CoveredTally()
    assert tally.add(read, confidence, "皖A?2345") == kind
    assert tally.figures()[kind] == 1.0
    assert sum(tally.figures()[k] for k in ("reported", "unsure", "invented", "other")) == 1.0


def test_nothing_to_count() -> None:
    assert CoveredTally().figures() == {"n": 0, "reported": None, "unsure": None, "invented": None, "other": None}


def crop(
    folder: Path, name: str, text: str, country: str = "CN", size: tuple[int, int] = (94, 24), **more: Any
) -> Sample:
    picture = np.random.default_rng(1).integers(0, 255, (size[1], size[0], 3), np.uint8)
    cv2.imwrite(str(folder / name), picture)
    return Sample(folder / name, name, "crop", "dev", size, country, plates=(PlateLabel(text=text, **more),))


def test_only_crops_with_known_places_serve(tmp_path: Path) -> None:
    corners = ((4.0, 4.0), (90.0, 4.0), (90.0, 20.0), (4.0, 20.0))
    good = [
        crop(tmp_path, "a.png", "皖A12345"),
        crop(tmp_path, "b.png", "皖AD12345", box=(4.0, 4.0, 90.0, 20.0), quad=corners),
    ]
    others = [
        crop(tmp_path, "c.png", "AB12345", "DE"),
        crop(tmp_path, "d.png", "皖A1"),
        crop(tmp_path, "e.png", "皖A12345", rows=2),
        crop(tmp_path, "f.png", "皖A12345", size=(60, 40)),
        crop(tmp_path, "g.png", "皖A1?345"),
        crop(tmp_path, "h.png", "皖A12345", box=(4.0, 4.0, 90.0, 20.0)),
    ]
    found = list(covered_crops([*good, *others]))
    assert [s.relative for s, _, _ in found] == ["a.png", "b.png"]
    again = list(covered_crops(good))
    assert [left for _, _, left in found] == [left for _, _, left in again]
    assert all((a == b).all() for (_, a, _), (_, b, _) in zip(found, again, strict=True))


def test_a_reader_that_guesses_is_found_out(tmp_path: Path) -> None:
    guesser: Any = SimpleNamespace(
        read_crops=lambda crops: [SimpleNamespace(text="皖A12345", confidence=0.9)] * len(crops)
    )
    with pytest.raises(InputError, match="no Chinese crop"):
        evaluate_covered([crop(tmp_path, "d.png", "AB12345", "DE")], guesser)
    report = evaluate_covered([crop(tmp_path, "a.png", "皖A12345")], guesser)
    assert report.total["invented"] == 1.0
    assert '"invented": 1.0' in report.to_json()
