"""Whether a reader knows what it knows: calibration of its confidences, and which characters it takes for which."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from pathlib import Path
from typing import Any

import numpy as np

from streamer.config.models import VoteConfig
from train.figures.pyplot import pyplot, save

BINS = 15
ROW = VoteConfig().min_confidence  # a confidence from here on makes a row
SHARE = 0.85  # of the readings, which a stricter threshold accepts


@dataclass
class Certainty:
    """Readings as (confidence, whether every character was right)."""

    rows: list[tuple[float, bool]] = field(default_factory=list)

    def add(self, confidence: float, right: bool) -> None:
        self.rows.append((float(confidence), bool(right)))

    def figures(self, threshold: float) -> dict[str, Any]:
        """`ece`; `accepted`: share of the readings at the threshold or above; `accepted_wrong`: share of those that
        are wrong. None where there is nothing to count."""
        accepted = [right for confidence, right in self.rows if confidence >= threshold]
        return {
            "ece": ece(self.rows),
            "accepted": len(accepted) / len(self.rows) if self.rows else None,
            "accepted_wrong": 1 - sum(accepted) / len(accepted) if accepted else None,
        }


def bins_of(rows: Sequence[tuple[float, bool]], bins: int = BINS) -> list[tuple[float, float, int]]:
    """(mean confidence, share right, count) of each bin of equal width that holds a reading."""
    if not rows:
        return []
    confidence, right = np.array([r[0] for r in rows]), np.array([r[1] for r in rows], float)
    index = np.minimum((confidence * bins).astype(int), bins - 1)
    return [
        (float(confidence[index == k].mean()), float(right[index == k].mean()), int((index == k).sum()))
        for k in range(bins)
        if (index == k).any()
    ]


def ece(rows: Sequence[tuple[float, bool]], bins: int = BINS) -> float | None:
    """Expected calibration error (Guo et al., arXiv 1706.04599, eq. 3); None without a reading."""
    if not rows:
        return None
    return sum(count * abs(mean - share) for mean, share, count in bins_of(rows, bins)) / len(rows)


def threshold_accepting(rows: Sequence[tuple[float, bool]], share: float) -> float | None:
    """The highest confidence that at least that share of the readings reaches; None without a reading."""
    if not rows:
        return None
    ordered = sorted((confidence for confidence, _ in rows), reverse=True)
    return ordered[max(0, math.ceil(share * len(ordered) - 1e-9) - 1)]


def calibration(rows: Sequence[tuple[float, bool]]) -> dict[str, Any]:
    """Of a group of readings: `n`, `right`, `ece`, and what is wrong among those accepted `at_row` (the confidence that
    makes a row) and `at_share` (the threshold that accepts 85 % of the group): `threshold`, `accepted`, `wrong` counts,
    `accepted_share` of the readings and `wrong_share` of the accepted."""
    strict = threshold_accepting(rows, SHARE)
    return {
        "n": len(rows),
        "right": sum(right for _, right in rows),
        "ece": ece(rows),
        "at_row": _accepted(rows, ROW),
        "at_share": None if strict is None else _accepted(rows, strict),
    }


def _accepted(rows: Sequence[tuple[float, bool]], threshold: float) -> dict[str, Any]:
    accepted = [right for confidence, right in rows if confidence >= threshold]
    wrong = len(accepted) - sum(accepted)
    return {
        "threshold": threshold,
        "accepted": len(accepted),
        "wrong": wrong,
        "accepted_share": len(accepted) / len(rows) if rows else None,
        "wrong_share": wrong / len(accepted) if accepted else None,
    }


def confusions(read: str, truth: str) -> Counter[tuple[str, str]]:
    """(true, read) characters where one stands for the other; "" for one that is missing or too many."""
    found: Counter[tuple[str, str]] = Counter()
    for kind, i, j, k, n in SequenceMatcher(None, truth, read, autojunk=False).get_opcodes():
        if kind == "equal":
            continue
        was, now = truth[i:j], read[k:n]
        for at in range(max(len(was), len(now))):
            found[was[at : at + 1], now[at : at + 1]] += 1
    return found


def plot_groups(groups: Mapping[str, Sequence[tuple[float, bool]]], folder: Path, stem: str) -> list[Path]:
    """A reliability plot of each group of readings that has any, as `STEM-GROUP.png`; their paths."""
    files = {folder / f"{stem}-{name}.png": name for name, rows in sorted(groups.items()) if rows}
    for file, name in files.items():
        plot_reliability(groups[name], file, name)
    return list(files)


def plot_reliability(rows: Sequence[tuple[float, bool]], file: Path, name: str = "") -> None:
    """Share right over confidence, a dot a bin as large as its count."""
    figure, axis = pyplot().subplots(figsize=(4, 4))
    axis.plot([0, 1], [0, 1], color="grey", linewidth=0.8)
    found = bins_of(rows)
    if found:
        mean, share, count = (np.array(v) for v in zip(*found, strict=True))
        axis.plot(mean, share, linewidth=1)
        axis.scatter(mean, share, s=12 + 160 * count / count.max())
    error = ece(rows)
    title = f"{name}: " * bool(name) + f"{len(rows)} readings" + ("" if error is None else f", ECE {error:.3f}")
    axis.set(xlabel="confidence", ylabel="share right", xlim=(0, 1.02), ylim=(0, 1.02), title=title)
    save(figure, file)


def plot_confusions(counts: dict[tuple[str, str], int], file: Path, most: int = 24) -> None:
    """The most frequent confusions as bars: true > read."""
    found = sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:most]
    figure, axis = pyplot().subplots(figsize=(5, 1.6 + 0.24 * len(found)))
    names = [f"{_shown(was)} > {_shown(now)}" for (was, now), _ in found]
    axis.barh(range(len(found)), [n for _, n in found])
    axis.set_yticks(range(len(found)), names)
    axis.invert_yaxis()
    axis.set(xlabel="times", title="true > read")
    save(figure, file)


def _shown(character: str) -> str:
    """Chinese glyphs by their code: the fonts of plots lack them."""
    if not character:
        return "nothing"
    return character if character.isascii() else f"U+{ord(character):04X}"
