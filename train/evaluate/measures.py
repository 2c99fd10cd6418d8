"""What is measured, and how: detection, corners, reading, passages and CCPD's own protocol. Pure functions and tallies.

Definitions. AP: all-point interpolation, over every detection given (down to score 0.02), greedy from the best score,
each label used once. Recall, precision, false detections and end to end: over detections at or above the threshold in
force. A detection on a label marked `ignore`, and one beyond the labels of a picture that is not fully annotated, does
not count. A text is right when every character is, separators removed; `noprov` leaves Chinese characters out, `folded`
takes O for 0 and I for 1.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from train.data.manifest import Box, PlateLabel
from train.evaluate.certainty import ROW, Certainty, confusions

MATCH_IOU = 0.5
TIGHT_IOU = 0.7
IGNORE_IOU = 0.3
CCPD_DETECT_IOU = 0.7
CCPD_READ_IOU = 0.6
TILT_BANDS = (0, 2, 5, 10, 20, 91)  # degrees

Figures = dict[str, Any]

_SEPARATORS = re.compile(r"[^0-9A-Z\u4e00-\u9fff]")
_CHINESE = re.compile(r"[\u4e00-\u9fff]")
_FOLD = str.maketrans("OI", "01")


class DetectedPlate(Protocol):
    """What is measured of a `streamer.Plate`."""

    @property
    def box_xyxy(self) -> npt.NDArray[np.float64]: ...
    @property
    def quad(self) -> npt.NDArray[np.float64]: ...
    @property
    def score(self) -> float: ...
    @property
    def text(self) -> str: ...


def normalise(text: str | None, keep: str = "") -> str:
    """Upper case; digits, Latin letters, Chinese characters and those of `keep` only."""
    return "".join(c for c in (text or "").upper() if c in keep or not _SEPARATORS.match(c))


def without_province(text: str) -> str:
    """The text without its Chinese characters."""
    return _CHINESE.sub("", text)


def fold(text: str) -> str:
    """O as 0 and I as 1."""
    return text.translate(_FOLD)


def edit_distance(a: str, b: str) -> int:
    """Fewest insertions, deletions and substitutions that make `a` into `b`."""
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        diagonal, row[0] = row[0], i
        for j, y in enumerate(b, 1):
            diagonal, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, diagonal + (x != y))
    return row[-1]


def iou(a: Sequence[float], b: Sequence[float]) -> float:
    """Intersection over union of two boxes x1 y1 x2 y2."""
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    inter = max(width, 0) * max(height, 0)
    return float(inter / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - inter + 1e-9))


def average_precision(rows: Sequence[tuple[float, bool]], labels: int) -> float | None:
    """All-point AP of (score, hit) rows against that many labels; among equal scores hits come first. None without a
    label, 0 without a row."""
    if not labels:
        return None
    if not rows:
        return 0.0
    hits = np.cumsum([hit for _, hit in sorted(rows, reverse=True)])
    recall = np.concatenate([[0.0], hits / labels])
    precision = hits / np.arange(1, len(rows) + 1)
    envelope = np.maximum.accumulate(precision[::-1])[::-1]
    return float(np.sum(np.diff(recall) * envelope))


def corner_error(found: npt.ArrayLike, truth: npt.ArrayLike) -> float:
    """Mean distance of four corners (4, 2) TL TR BR BL over the true plate's height (mean of its left and right)."""
    t = np.asarray(truth, float)
    height = (np.linalg.norm(t[3] - t[0]) + np.linalg.norm(t[2] - t[1])) / 2
    return float(np.mean(np.linalg.norm(np.asarray(found, float) - t, axis=1)) / height)


def tilt_of(quad: npt.ArrayLike) -> float:
    """Degrees that the plate's long edges (4, 2) stand off the horizontal, without sign: the mean of top and bottom."""
    q = np.asarray(quad, float)
    along = q[1] - q[0] + q[2] - q[3]
    return float(np.degrees(np.arctan2(abs(along[1]), abs(along[0]))))


def by_tilt(corners: Sequence[tuple[float, float]]) -> dict[str, Figures]:
    """(tilt, corner error) pairs -> `n` and mean `corner` of each band that has any."""
    out: dict[str, Figures] = {}
    for low, high in pairwise(TILT_BANDS):
        errors = [error for tilt, error in corners if low <= tilt < high]
        if errors:
            out[f"{low}-{high}"] = {"n": len(errors), "corner": float(np.mean(errors))}
    return out


def rate(part: float, whole: float) -> float | None:
    """part / whole; None where there is nothing to count."""
    return part / whole if whole else None


@dataclass(frozen=True)
class Match:
    """One detection: the free label it fits best (`label`, None below IoU 0.5) and whether it reaches the threshold."""

    plate: DetectedPlate
    label: PlateLabel | None
    iou: float
    live: bool


@dataclass(frozen=True)
class SceneMatches:
    """A picture's detections against its labels: those that count, best first, and the labels that count."""

    labels: tuple[PlateLabel, ...]
    matches: tuple[Match, ...]

    @property
    def missed(self) -> list[PlateLabel]:
        """Labels that no detection at the threshold found."""
        found = {id(m.label) for m in self.matches if m.live}
        return [label for label in self.labels if id(label) not in found]


def match_scene(
    labels: Sequence[PlateLabel], complete: bool, plates: Sequence[DetectedPlate], min_score: float
) -> SceneMatches:
    """Detections to labels, greedy from the best score. Labels without a box are left out."""
    counted = [p for p in labels if p.box is not None and not p.ignore]
    ignored = [p.box for p in labels if p.box is not None and p.ignore]
    free = list(range(len(counted)))
    matches = []
    for plate in sorted(plates, key=lambda p: -p.score):
        box = [float(v) for v in plate.box_xyxy]
        best, at = max(((iou(box, _boxed(counted[k])), k) for k in free), default=(0.0, -1))
        if best >= MATCH_IOU:
            free.remove(at)
        elif not complete or any(iou(box, b) > IGNORE_IOU for b in ignored):
            continue
        label = counted[at] if best >= MATCH_IOU else None
        matches.append(Match(plate, label, best, plate.score >= min_score))
    return SceneMatches(tuple(counted), tuple(matches))


def _boxed(label: PlateLabel) -> Box:
    assert label.box is not None
    return label.box


@dataclass
class TextTally:
    """Texts read against true ones."""

    count: int = 0
    right: int = 0
    noprov: int = 0
    folded: int = 0
    edits: int = 0
    characters: int = 0
    length: int = 0
    top3: int = 0
    guessed: int = 0
    certainty: Certainty = field(default_factory=Certainty)
    confused: Counter[tuple[str, str]] = field(default_factory=Counter)

    def add(self, read: str, truth: str, confidence: float | None = None, in_top3: bool | None = None) -> bool:
        """Counts one; whether every character is right. `in_top3`: each character is among its slot's first three;
        None where a reader has no slots."""
        a, b = normalise(read), normalise(truth)
        # A `?` is an honest character here: as long as the one it stands for, and a confusion of its own.
        honest = normalise(read, keep="?")
        self.length += len(honest) == len(b)
        self.confused += confusions(honest, b)
        if in_top3 is not None:
            self.guessed += 1
            self.top3 += in_top3
        if confidence is not None:
            self.certainty.add(confidence, a == b)
        self.count += 1
        self.right += a == b
        self.noprov += without_province(a) == without_province(b)
        self.folded += fold(a) == fold(b)
        self.edits += edit_distance(a, b)
        self.characters += len(b)
        return a == b

    def figures(self) -> Figures:
        """n, right; exact, exact_noprov, exact_folded, top3, length (as many characters): shares of the texts; cer:
        edits over true characters; ece, accepted and accepted_wrong: see `Certainty`."""
        return {
            "n": self.count,
            "top3": rate(self.top3, self.guessed),
            "length": rate(self.length, self.count),
            **self.certainty.figures(ROW),
            "right": self.right,
            "exact": rate(self.right, self.count),
            "exact_noprov": rate(self.noprov, self.count),
            "exact_folded": rate(self.folded, self.count),
            "cer": rate(self.edits, self.characters),
        }


@dataclass
class SceneTally:
    """Detections and end-to-end readings of the pictures of one set."""

    images: int = 0
    labels: int = 0
    texts: int = 0
    hits: int = 0
    false: int = 0
    rows50: list[tuple[float, bool]] = field(default_factory=list)
    rows70: list[tuple[float, bool]] = field(default_factory=list)
    corners: list[tuple[float, float]] = field(default_factory=list)  # tilt, error
    read: TextTally = field(default_factory=TextTally)

    def add(self, scene: SceneMatches) -> None:
        self.images += 1
        self.labels += len(scene.labels)
        self.texts += sum(bool(label.text) for label in scene.labels)
        for match in scene.matches:
            self._add_match(match)

    def _add_match(self, match: Match) -> None:
        score = float(match.plate.score)
        self.rows50.append((score, match.iou >= MATCH_IOU))
        self.rows70.append((score, match.iou >= TIGHT_IOU))
        if match.label is None:
            self.false += match.live
            return
        self.hits += match.live
        if match.label.quad and match.plate.quad is not None:
            self.corners.append((tilt_of(match.label.quad), corner_error(match.plate.quad, match.label.quad)))
        if match.label.text and match.live:
            self.read.add(match.plate.text, match.label.text, getattr(match.plate, "confidence", None))

    def figures(self, read: bool = True) -> Figures:
        """The set's figures; shares are None where there is nothing to count. `cer_found` is over plates found."""
        out: Figures = {
            "images": self.images,
            "plates": self.labels,
            "ap50": average_precision(self.rows50, self.labels),
            "ap70": average_precision(self.rows70, self.labels),
            "found": self.hits,
            "recall50": rate(self.hits, self.labels),
            "false": self.false,
            "precision": rate(self.hits, self.hits + self.false),
            "corner": float(np.mean([error for _, error in self.corners])) if self.corners else None,
            "corner_by_tilt": by_tilt(self.corners),
        }
        if read:
            out |= {
                "texts": self.texts,
                "right": self.read.right,
                "e2e": rate(self.read.right, self.texts),
                "e2e_noprov": rate(self.read.noprov, self.texts),
                "e2e_folded": rate(self.read.folded, self.texts),
                "cer_found": rate(self.read.edits, self.read.characters),
                **self.read.certainty.figures(ROW),
            }
        return out


@dataclass
class CcpdTally:
    """CCPD's own protocol: the best box of each picture against its one plate, at IoU above 0.7 to be found and above
    0.6 with every character right to be read."""

    images: int = 0
    detected: int = 0
    texts: int = 0
    right: int = 0
    noprov: int = 0

    def add(self, labels: Sequence[PlateLabel], plates: Sequence[DetectedPlate]) -> None:
        """Counts a picture, unless it has not exactly one plate to find."""
        counted = [p for p in labels if p.box is not None and not p.ignore]
        if len(counted) != 1:
            return
        label, best = counted[0], max(plates, key=lambda p: p.score, default=None)
        overlap = iou([float(v) for v in best.box_xyxy], _boxed(label)) if best is not None else 0.0
        self.images += 1
        self.detected += overlap > CCPD_DETECT_IOU
        self.texts += bool(label.text)
        if best is not None and label.text and overlap > CCPD_READ_IOU:
            a, b = normalise(best.text), normalise(label.text)
            self.right += a == b
            self.noprov += without_province(a) == without_province(b)

    def figures(self, read: bool = True) -> Figures:
        out: Figures = {"images": self.images, "detected": rate(self.detected, self.images)}
        if read:
            out |= {
                "texts": self.texts,
                "read": rate(self.right, self.texts),
                "read_noprov": rate(self.noprov, self.texts),
            }
        return out


@dataclass(frozen=True)
class PassageTruth:
    """A legible passage: its text, its span of frames and its box by frame number (empty where not annotated)."""

    text: str
    first: int
    last: int
    boxes: Mapping[int, Box] = field(default_factory=dict)


@dataclass(frozen=True)
class PassageRow:
    """What the evaluation needs of a row of the CSV."""

    plate: str
    first: int
    last: int
    best: int
    box: Box
    reads: int = 0


@dataclass(frozen=True)
class VideoMatches:
    """A video's rows against its passages: right rows for each passage, wrong rows, passages that no row names,
    readings of all rows, and by how many seconds each right row begins beside its first passage."""

    passages: int
    rows: int
    matched: tuple[int, ...]
    wrong: tuple[PassageRow, ...]
    missed: tuple[PassageTruth, ...]
    reads: int = 0
    apart_s: tuple[float, ...] = ()

    def figures(self) -> Figures:
        found = sum(n > 0 for n in self.matched)
        return {
            "passages": self.passages,
            "found": found,
            "recall": rate(found, self.passages),
            "rows": self.rows,
            "wrong": len(self.wrong),
            "wrong_plates": [r.plate for r in self.wrong],
            "duplicates": sum(max(n - 1, 0) for n in self.matched),
            "precision": rate(self.rows - len(self.wrong), self.rows),
            "reads": self.reads,
            "reads_a_row": rate(self.reads, self.rows),
            "apart_s": rate(sum(self.apart_s), len(self.apart_s)),
        }


def match_video(
    truth: Sequence[PassageTruth], rows: Sequence[PassageRow], ignored: Sequence[tuple[int, int]], fps: float
) -> VideoMatches:
    """A row is right for each passage whose text it has and whose span it meets within half a second. One that is right
    for none is wrong when it sits on the box of a legible passage or meets no ignored span (first, last frame)."""
    slack = round(fps / 2)
    matched = [0] * len(truth)
    wrong = []
    apart: list[float] = []
    for row in rows:
        right = [i for i, t in enumerate(truth) if _names(row, t, slack)]
        for i in right:
            matched[i] += 1
        if right:
            apart.append(abs(row.first - min(truth[i].first for i in right)) / fps)
            continue
        on_legible = any(row.best in t.boxes and iou(row.box, t.boxes[row.best]) > IGNORE_IOU for t in truth)
        if on_legible or not any(row.first <= last and row.last >= first for first, last in ignored):
            wrong.append(row)
    missed = tuple(t for t, n in zip(truth, matched, strict=True) if not n)
    reads = sum(row.reads for row in rows)
    return VideoMatches(len(truth), len(rows), tuple(matched), tuple(wrong), missed, reads, tuple(apart))


def _names(row: PassageRow, truth: PassageTruth, slack: int) -> bool:
    meets = row.first <= truth.last + slack and row.last >= truth.first - slack
    return meets and normalise(row.plate) == normalise(truth.text)


def total_videos(videos: Sequence[Figures]) -> Figures:
    """The figures of several videos as one."""
    counted = ("passages", "found", "rows", "wrong", "duplicates", "reads")
    out: Figures = {key: sum(v[key] for v in videos) for key in counted}
    out["recall"] = rate(out["found"], out["passages"])
    out["precision"] = rate(out["rows"] - out["wrong"], out["rows"])
    out["reads_a_row"] = rate(out["reads"], out["rows"])
    right = [v for v in videos if v["apart_s"] is not None]
    count = [v["rows"] - v["wrong"] for v in right]
    out["apart_s"] = rate(sum(v["apart_s"] * n for v, n in zip(right, count, strict=True)), sum(count))
    return out
