"""What fusing a track's readings brings, against simpler ways to make one text of them."""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from streamer.config.models import ReadConfig, RunConfig
from streamer.engine.runtime import resolve_precision
from streamer.engine.zoo import find_model
from streamer.passages.vote import AlphabetLike, Ballot, Verdict, VoteRule, vote
from streamer.pipeline.engines import load_engines
from streamer.pipeline.runner import run_stream
from streamer.replay.rerun import replay
from streamer.sink.record import RecordSink
from streamer.sink.sink import BaseSink
from streamer.source.recording import Networks
from streamer.source.resolve import open_source
from streamer.types import Passage
from train.data.regions import region_name
from train.evaluate.measures import PassageRow, match_video
from train.evaluate.run import Video, bootstrap
from train.evaluate.track_identity import Identity, TrackLog, identity_of

EVERY = ReadConfig(every=1, confirm_s=1e-3, settled=1.0)  # every hit is read, so that all rules see the same


def majority(ballots: Sequence[Ballot], alphabet: AlphabetLike) -> Verdict:
    """The text read most often (a tie: the surer one), as sure as its share of the readings."""
    texts = Counter(b.reading.text for b in ballots if b.reading.text)
    if not texts:
        return Verdict()
    sure = {t: max(b.reading.confidence for b in ballots if b.reading.text == t) for t in texts}
    text = max(texts, key=lambda t: (texts[t], sure[t]))
    share = texts[text] / texts.total()
    return Verdict(text, share, (share,) * len(text))


def highest(ballots: Sequence[Ballot], alphabet: AlphabetLike) -> Verdict:
    """The reading of the highest confidence."""
    return _of(max(ballots, key=lambda b: b.reading.confidence))


def best_frame(ballots: Sequence[Ballot], alphabet: AlphabetLike) -> Verdict:
    """The reading of the largest plate."""
    return _of(max(ballots, key=lambda b: b.plate_height))


def _of(ballot: Ballot) -> Verdict:
    reading = ballot.reading
    return Verdict(reading.text, reading.confidence, reading.char_confidence) if reading.text else Verdict()


RULES: Mapping[str, VoteRule] = {
    "fused": vote,
    "majority of texts": majority,
    "highest confidence": highest,
    "largest plate": best_frame,
}


class Rows(BaseSink):
    """Keeps the passages of a run."""

    def __init__(self) -> None:
        self.passages: list[Passage] = []

    def passage(self, passage: Passage) -> None:
        self.passages.append(passage)

    def rows(self, at_least: float) -> list[tuple[float, PassageRow]]:
        """The rows of that confidence and more, each with it."""
        return [
            (p.confidence, PassageRow(p.plate, p.first_frame, p.last_frame, p.best_frame, p.box, p.n_reads))
            for p in self.passages
            if p.confidence >= at_least
        ]


@dataclass(frozen=True)
class Outcome:
    """A rule on all videos, at one confidence: right passages of `passages`, wrong rows, rows in all."""

    right: int
    wrong: int
    rows: int
    passages: int
    each: tuple[bool, ...]  # whether each passage has a right row, in order
    regions: Mapping[str, list[tuple[float, bool]]] = field(default_factory=dict)

    @property
    def sure(self) -> list[tuple[float, bool]]:
        """Of each row its confidence, and whether it is right; `regions` has it by the video's group of countries."""
        return [row for rows in self.regions.values() for row in rows]

    @property
    def accuracy(self) -> float:
        return self.right / max(1, self.passages)


def record(videos: Sequence[Video], folder: Path, config: RunConfig) -> list[Path]:
    """A recording of each video with every hit read, kept in `folder` for these networks and settings."""
    out = []
    engines = None
    key = _key(config)
    for video in videos:
        path = folder / f"{video.path.stem}-{key}.jsonl.gz"
        if not path.is_file():
            engines = engines or load_engines(config)
            networks = Networks(engines.high_score, tuple(engines.reader.alphabet.symbols))
            partial = path.with_suffix(".tmp")
            source = open_source(str(video.path))
            run_stream(
                source, [RecordSink(partial, networks)], config.model_copy(update={"read": EVERY}), engines=engines
            )
            partial.replace(path)
        out.append(path)
    return out


def _key(config: RunConfig) -> str:
    """Names the networks, by the checksums on their cards, and the settings of a recording."""
    precision = resolve_precision(config.precision)
    named = ((config.detector.partition("@")[0], "detector"), (config.reader, "reader"))
    files = [find_model(name, precision, kind).card.get("files") for name, kind in named]
    return hashlib.sha256(repr((config.model_dump(mode="json"), files)).encode()).hexdigest()[:8]


def compare(
    videos: Sequence[Video], recordings: Sequence[Path], confidences: Sequence[float], progress: Callable[[str], None]
) -> dict[str, dict[float, Outcome]]:
    """Each rule's outcome at each confidence that a row must reach."""
    out: dict[str, dict[float, Outcome]] = {}
    # Rows of any confidence are asked for, and filtered afterwards: a refused row cannot be judged.
    config = RunConfig.model_validate({"read": EVERY.model_dump(), "vote": {"min_confidence": 0.0}})
    for name, rule in RULES.items():
        progress(name)
        sinks = []
        for recording in recordings:
            sink = Rows()
            replay(recording, [sink], config, rule)
            sinks.append(sink)
        out[name] = {c: _outcome(videos, [s.rows(c) for s in sinks]) for c in confidences}
    return out


def identities(videos: Sequence[Video], recordings: Sequence[Path]) -> Identity:
    """How well the tracks of the recordings keep to the passages that have boxes."""
    total = Identity()
    for video, recording in zip(videos, recordings, strict=True):
        log = TrackLog()
        replay(recording, [log], RunConfig(read=EVERY))
        total += identity_of(video.passages, log.tracks)
    return total


def _outcome(videos: Sequence[Video], rows: Sequence[Sequence[tuple[float, PassageRow]]]) -> Outcome:
    results = []
    sure: dict[str, list[tuple[float, bool]]] = defaultdict(list)
    for video, found in zip(videos, rows, strict=True):
        results.append(match_video(video.passages, [row for _, row in found], video.ignored, video.fps))
        for confidence, row in found:  # one by one: which of them is right
            alone = match_video(video.passages, [row], video.ignored, video.fps)
            if any(alone.matched) or alone.wrong:  # a plate that does not count is neither
                sure[region_name(video.country)].append((confidence, any(alone.matched)))
    each = tuple(n > 0 for r in results for n in r.matched)
    wrong, count = sum(len(r.wrong) for r in results), sum(r.rows for r in results)
    return Outcome(sum(each), wrong, count, len(each), each, dict(sorted(sure.items())))


def interval(a: Outcome, b: Outcome) -> tuple[float, float]:
    """The 95 % bootstrap interval of how many more passages `a` has right than `b`, as a share."""
    low, high = bootstrap([float(x) - y for x, y in zip(a.each, b.each, strict=True)]) or (0.0, 0.0)
    return low, high
