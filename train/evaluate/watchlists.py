"""Lists of plates: how many listed vehicles each way to compare finds, and how many others it takes for one of them."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import cv2
import numpy as np

from streamer.config.models import RunConfig
from streamer.config.watch import WatchMode
from streamer.engine.reader import Reader
from streamer.image.warp import frame_of, rectify
from streamer.passages.posterior import posterior
from streamer.passages.vote import Ballot, vote
from streamer.replay.rerun import replay
from streamer.types import Image, Passage, Posterior
from streamer.watch.background import Background
from streamer.watch.evidence import Symbols, evidence_of
from streamer.watch.lists import Entry
from streamer.watch.match import Matcher
from streamer.watch.scores import Scores
from streamer.watch.traffic import MOST_LOST, SURE, Traffic, fit
from train.evaluate.measures import edit_distance
from train.evaluate.run import Video
from train.evaluate.votes import Rows, record
from train.synth.degrade import degrade
from train.synth.plate import PlateRenderer

ALIKE = {
    "0": "DQ", "D": "0Q", "Q": "0D", "1": "7TL", "7": "1T", "2": "Z", "Z": "2", "5": "S", "S": "5", "6": "G", "G": "6C",
    "8": "B", "B": "8R", "M": "N", "N": "M", "V": "Y", "Y": "V", "E": "F", "F": "E", "U": "V", "C": "G", "T": "7",
    "P": "F", "K": "X", "X": "K",
}  # fmt: skip
_LAYOUT, _LOOKS, _HEIGHTS = "cn-blue", 3, (8.0, 16.0)  # px of a drawn plate as it is seen
_PAD = 0.35
_MOST = 8  # symbols of a place
SHARES = (0.01, 0.02, 0.05, 0.1)  # of the twins falsely reported
TEXTS: tuple[WatchMode, ...] = ("exact", "edit", "look_alike")


@dataclass(frozen=True)
class Pair:
    """A passage of the vehicle `truth`, and plates of others that are nearly alike."""

    passage: Passage
    truth: str
    twins: tuple[str, ...]


@dataclass(frozen=True)
class Rate:
    """Of listed vehicles the share that is found, and of twins the share that is falsely reported."""

    mode: str
    found: float
    twins: float


# -- where passages come from ------------------------------------------------------------------------------------------


def drawn(count: int, seed: int) -> list[Pair]:
    """Vehicles with drawn plates, seen from far away, each with its twins: its plate with a look-alike in one place."""
    renderer, reader = PlateRenderer(system_fonts=False), Reader()
    out = []
    for k in range(count):
        rng = np.random.default_rng((seed, k))
        plate = renderer.render(rng, _LAYOUT)
        passage = _seen(rng, plate.image_bgr, reader, f"{seed}-{k}")
        if passage is not None:
            out.append(Pair(passage, plate.text, tuple(twins_of(plate.text))))
    return out


def _seen(rng: np.random.Generator, flat: Image, reader: Reader, event_id: str) -> Passage | None:
    """A few looks at a plate, fused as those of a track."""
    pad = round(flat.shape[0] * _PAD)
    scene = cv2.copyMakeBorder(flat, pad, pad, pad, pad, cv2.BORDER_CONSTANT, value=rng.integers(40, 140, 3).tolist())
    h, w = flat.shape[:2]
    height = float(rng.uniform(*_HEIGHTS))
    ballots = []
    for _ in range(_LOOKS):
        scale = height * float(rng.uniform(0.9, 1.1)) / h
        small = cv2.resize(scene, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        frame = frame_of(degrade(rng, np.asarray(small, np.uint8)))
        corners = np.array([[pad, pad], [pad + w, pad], [pad + w, pad + h], [pad, pad + h]], float)
        quad = corners * scale + rng.normal(0, 0.03 * height, (4, 2))
        c = reader.crop
        (reading,) = reader.read([rectify(frame, quad, c.along, c.across, c.width, c.height)])
        ballots.append(Ballot(reading, height))
    verdict = vote(ballots, reader.alphabet)
    if verdict.confidence < SURE:
        return None
    return passage_as(verdict.text, verdict.confidence, posterior(verdict, reader.alphabet), event_id)


def passage_as(text: str, confidence: float, places: Posterior | None, event_id: str = "") -> Passage:
    """A passage of which nothing but the readings matters."""
    box = 0.0, 0.0, 1.0, 1.0
    return Passage(
        "drawn",
        1,
        text,
        confidence,
        0,
        0,
        0,
        0.0,
        0.0,
        None,
        None,
        "unknown",
        box,
        1,
        event_id=event_id,
        posterior=places,
    )


def twins_of(text: str) -> Iterator[str]:
    """The plate with a look-alike in one place, behind the office's letter."""
    for k, symbol in enumerate(text):
        for other in ALIKE.get(symbol, "") if k > 1 else "":
            yield text[:k] + other + text[k + 1 :]


def recordings_of(videos: Sequence[Video], folder: Path) -> list[Path]:
    """The recording of each video in a folder, whatever settings it was made with; those that are missing are made."""
    kept = {video.path.stem: sorted(folder.glob(f"{video.path.stem}-*.jsonl.gz")) for video in videos}
    missing = [video for video in videos if not kept[video.path.stem]]
    folder.mkdir(parents=True, exist_ok=True)
    made = dict(zip((video.path.stem for video in missing), record(missing, folder, RunConfig()), strict=True))
    return [kept[stem][-1] if kept[stem] else made[stem] for stem in (video.path.stem for video in videos)]


class _Kept(Rows):
    wants_posteriors = True


def recorded(videos: Sequence[Video], recordings: Sequence[Path]) -> list[Pair]:
    """The rows of recorded runs beside the labelled passage that each is of, with all its twins."""
    out = []
    for video, path in zip(videos, recordings, strict=True):
        sink = _Kept()
        replay(path, [sink])
        for passage in sink.passages:
            meeting = [t for t in video.passages if t.first <= passage.last_frame and t.last >= passage.first_frame]
            near = sorted((edit_distance(t.text, passage.plate), t.text) for t in meeting)
            if near and near[0][0] <= max(len(near[0][1]) // 2, 1):
                out.append(Pair(passage, near[0][1], tuple(twins_of(near[0][1]))))
    return out


# -- rates -------------------------------------------------------------------------------------------------------------


def by_text(pairs: Sequence[Pair]) -> list[Rate]:
    """The modes that compare texts. A vehicle whose plate is not listed is reported where one of its twins is."""
    return [
        Rate(
            mode,
            _mean([_matches(mode, pair.passage, pair.truth) for pair in pairs]),
            _mean([_matches(mode, pair.passage, twin) for pair in pairs for twin in pair.twins]),
        )
        for mode in TEXTS
    ]


def by_likelihood(pairs: Sequence[Pair], traffic: Traffic, shares: Sequence[float]) -> list[tuple[float, Rate]]:
    """Mode likelihood with the threshold at which this share of twins is falsely reported: threshold and rate."""
    own = np.array([strengths(pair.passage, [pair.truth], traffic)[0] for pair in pairs])
    others = np.array([s for pair in pairs if pair.twins for s in strengths(pair.passage, pair.twins, traffic)])
    out = []
    for share in shares:
        allowed = math.floor(share * len(others))
        falsely = np.sort(others)[::-1]
        threshold = float(np.nextafter(falsely[allowed], np.inf)) if allowed < len(falsely) else -math.inf
        out.append(
            (threshold, Rate("likelihood", float((own >= threshold).mean()), float((others >= threshold).mean())))
        )
    return out


def strengths(passage: Passage, texts: Sequence[str], traffic: Traffic) -> list[float]:
    """The threshold up to which a list with each of these plates reports the passage."""
    symbols = _symbols("".join(sorted({c for text in (passage.plate, *texts) for c in text})))
    scores, lost = Scores(texts, symbols).of(evidence_of(passage, symbols, traffic.background))
    sure = passage.confidence >= SURE
    return [
        math.inf if sure and text == passage.plate else float(score) if gone <= MOST_LOST else -math.inf
        for text, score, gone in zip(texts, scores, lost, strict=True)
    ]


@cache
def _symbols(more: str) -> Symbols:
    return Symbols(more)


def _matches(mode: WatchMode, passage: Passage, text: str) -> bool:
    return Matcher([Entry(text, text)], mode).best(passage) is not None


def _mean(values: Sequence[bool]) -> float:
    return sum(values) / max(len(values), 1)


# -- weeks of traffic --------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Week:
    """A budget of false alerts a week, and what came of it."""

    mode: str
    budget: float | None
    threshold: float
    falsely: float
    found: float


class Town:
    """Traffic of a town: plates of one province, mostly of one office, read as the places of real passages were: each
    character takes the distribution of a place where the same character was read."""

    def __init__(self, pairs: Sequence[Pair], seed: int) -> None:
        self._rng = np.random.default_rng(seed)
        self._places: dict[str, list[tuple[float, tuple[tuple[str, float], ...]]]] = defaultdict(list)
        symbols = Symbols(c for pair in pairs for c in pair.truth)
        for pair in pairs:
            if len(pair.passage.plate) != len(pair.truth):
                continue
            likely = evidence_of(pair.passage, symbols, Background()).likely
            sure = pair.passage.confidence ** (1 / len(likely))
            for symbol, row in zip(pair.truth, likely, strict=True):
                best = row.argsort()[::-1][:_MOST]
                self._places[symbol].append((sure, tuple((symbols.all[k], float(row[k])) for k in best)))
        self._letters = [c for c in "ABCDEFGHJKLMNPQRSTUVWXYZ" if c in self._places]

    def plate(self) -> str:
        rng = self._rng
        office = str(rng.choice(self._letters[:6], p=[0.5, 0.2, 0.1, 0.1, 0.05, 0.05]))
        letters = set(rng.choice(5, int(rng.choice(3, p=[0.3, 0.4, 0.3])), replace=False).tolist())
        rest = "".join(str(rng.choice(self._letters)) if k in letters else str(rng.integers(10)) for k in range(5))
        return "皖" + office + rest

    def seen(self, plate: str) -> Passage:
        chosen = [self._places[c][int(self._rng.integers(len(self._places[c])))] for c in plate]
        text = "".join(place[0][0] for _, place in chosen)
        return passage_as(text, math.prod(sure for sure, _ in chosen), (*(place for _, place in chosen), (("", 1.0),)))


def weeks(
    pairs: Sequence[Pair],
    *,
    seed: int,
    count: int,
    per_week: int,
    listed: int,
    budgets: Sequence[float],
    progress: Callable[[str], None],
) -> list[Week]:
    """Weeks of a town's traffic with a list of plates that are given out there; the thresholds are fitted to a week
    before."""
    town = Town(pairs, seed)
    progress("fitting to a week of traffic")
    fitted = fit([town.seen(town.plate()) for _ in range(per_week)], per_week)
    stated = Traffic(per_week)
    texts = list(dict.fromkeys(town.plate() for _ in range(listed)))
    entries = [Entry(text, text) for text in texts]
    ways: list[tuple[str, float | None, Matcher]] = [(mode, None, Matcher(entries, mode)) for mode in TEXTS]
    for name, traffic in (("likelihood, fitted", fitted), ("likelihood, stated", stated)):
        for budget in budgets:
            threshold = traffic.threshold(len(texts), budget)
            ways.append((name, budget, Matcher(entries, "likelihood", threshold, traffic.background)))
    falsely, found = [0] * len(ways), [0] * len(ways)
    own = texts * max(1, 2000 // len(texts))
    for week in range(count):
        progress(f"week {week + 1} of {count}")
        for plate in (town.plate() for _ in range(per_week)):
            passage = town.seen(plate)
            for k, (_, _, matcher) in enumerate(ways):
                match = matcher.best(passage)
                falsely[k] += match is not None and match.entry.text != plate
    for plate in own:
        passage = town.seen(plate)
        for k, (_, _, matcher) in enumerate(ways):
            match = matcher.best(passage)
            found[k] += match is not None and match.entry.text == plate
    return [
        Week(name, budget, matcher.threshold, falsely[k] / count, found[k] / len(own))
        for k, (name, budget, matcher) in enumerate(ways)
    ]
