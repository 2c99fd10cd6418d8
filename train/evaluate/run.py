"""Runs the measures through the public interface: pictures through a `PlateReader`, videos through `alpr run`.

Nothing here knows the networks: a reader is anything with `read`, `detect` and `read_crops`.
"""

from __future__ import annotations

import csv
import json
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol, TypeVar

import cv2
import numpy as np
import numpy.typing as npt
import yaml
from rich.console import Console
from rich.progress import track

from streamer.errors import AlprError, InputError
from streamer.plates.alphabet import Alphabet
from streamer.sink.screen import plain
from train.data.manifest import Box, PlateLabel, Sample, evaluation_set, json_lines
from train.evaluate.errors import ReadPlate
from train.evaluate.measures import (
    CcpdTally,
    DetectedPlate,
    PassageRow,
    PassageTruth,
    SceneMatches,
    SceneTally,
    TextTally,
    VideoMatches,
    match_scene,
    match_video,
    normalise,
    total_videos,
)
from train.evaluate.report import Failures, Report
from train.loop.config import ALPHABET

Image = npt.NDArray[np.uint8]
T = TypeVar("T")

LOWEST_SCORE = 0.02  # detections down to here count for AP
_BATCH = 16


class Text(Protocol):
    """What is measured of a `streamer.Reading`."""

    @property
    def text(self) -> str: ...
    @property
    def confidence(self) -> float: ...


R = TypeVar("R", bound=Text)
R_co = TypeVar("R_co", bound=Text, covariant=True)


class CropReader(Protocol[R_co]):
    """What is used of a `streamer.PlateReader` for crops."""

    def read_crops(self, crops: Sequence[Image], /) -> Sequence[R_co]: ...


class Reader(CropReader[Text], Protocol):
    """What is used of a `streamer.PlateReader`."""

    @property
    def min_score(self) -> float: ...
    def read(self, image_bgr: Image, /) -> Sequence[DetectedPlate]: ...
    def detect(self, image_bgr: Image, /) -> Sequence[DetectedPlate]: ...


def limited(samples: Sequence[Sample], limit: int | None) -> list[Sample]:
    """At most `limit` samples of each kind and set, evenly spread over the set's order; None: all."""
    if limit is None:
        return list(samples)
    groups: dict[tuple[str, str], list[int]] = defaultdict(list)
    for i, sample in enumerate(samples):
        groups[sample.kind, evaluation_set(sample)].append(i)
    kept: set[int] = set()
    for indices in groups.values():
        n = min(limit, len(indices))
        kept.update(indices[k * len(indices) // n] for k in range(n))
    return [s for i, s in enumerate(samples) if i in kept]


def open_image(path: Path) -> Image:
    """(H, W, 3) uint8 BGR; InputError names the file when it is missing or no picture."""
    if not path.is_file():
        raise InputError(f"{path}: is not there; the data set names it, restore it")
    image = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if image is None:
        raise InputError(f"{path}: cannot be read as a picture; restore the file")
    return np.asarray(image, np.uint8)


def evaluate_scenes(
    samples: Sequence[Sample],
    reader: Reader,
    min_score: float,
    *,
    read: bool = True,
    data: str = "",
    split: str = "dev",
    failures: Failures | None = None,
    options: Mapping[str, Any] | None = None,
) -> Report:
    """Detection (`read` False) or detection and end to end on scenes, and false plates on backgrounds.

    `reader` gives detections down to score 0.02, `min_score` is the threshold in force for all that is not AP.
    """
    sets: dict[str, SceneTally] = defaultdict(SceneTally)
    countries: dict[str, SceneTally] = defaultdict(SceneTally)
    ccpd: dict[str, CcpdTally] = defaultdict(CcpdTally)
    total, images, false_plates = SceneTally(), 0, 0
    readings: list[ReadPlate] = []
    look = reader.read if read else reader.detect
    for sample in _progress([s for s in samples if s.kind != "crop"], "pictures"):
        image, name = open_image(sample.path), evaluation_set(sample)
        plates = look(image)
        if sample.kind == "background":
            live = [p for p in plates if p.score >= min_score]
            images, false_plates = images + 1, false_plates + len(live)
            for plate in live if failures is not None else ():
                assert failures is not None
                failures.add("backgrounds false", cut(image, plate.box_xyxy, 1.0), f"{plate.score:.2f} {plate.text}")
            continue
        scene = match_scene(sample.plates, sample.complete, plates, min_score)
        for tally in (sets[name], countries[sample.country or "none"], total):
            tally.add(scene)
        if read:
            readings += _readings(scene, sample.country)
        if sample.dataset == "CCPD":
            ccpd[name].add(sample.plates, plates)
        if failures is not None:
            _note_scene(failures, name, image, scene, sample.path.name, read)
    return Report(
        what="scenes" if read else "detector",
        data=data,
        split=split,
        sets={k: t.figures(read) for k, t in sorted(sets.items())},
        countries={k: t.figures(read) for k, t in sorted(countries.items())},
        total=total.figures(read),
        readings=readings,
        confused=dict(total.read.confused) if read else {},
        ccpd={k: t.figures(read) for k, t in sorted(ccpd.items())},
        backgrounds={"images": images, "false_plates": false_plates} if images else None,
        min_score=min_score,
        options=dict(options or {}),
    )


def _readings(scene: SceneMatches, country: str | None) -> Iterator[ReadPlate]:
    """The plates with a text that were found at the threshold."""
    for match in scene.matches:
        label = match.label
        if match.live and label is not None and label.text:
            sure = getattr(match.plate, "confidence", None)
            yield ReadPlate(label.text, match.plate.text, sure, country, label.rows)


def _note_scene(failures: Failures, name: str, image: Image, scene: SceneMatches, file: str, read: bool) -> None:
    for missed in scene.missed:
        assert missed.box is not None
        failures.add(f"{name} missed", cut(image, missed.box, 1.0), f"{missed.text or '(no text)'}\n{file}")
    for match in scene.matches:
        plate, label = match.plate, match.label
        if not match.live:
            continue
        if label is None:
            failures.add(f"{name} false", cut(image, plate.box_xyxy, 1.0), f"{plate.score:.2f} {plate.text}\n{file}")
        elif read and label.text and normalise(plate.text) != normalise(label.text):
            caption = f"{label.text} {file}\n{plate.text or '(nothing)'} {plate.score:.2f}"
            failures.add(f"{name} misread", cut(image, label.box or plate.box_xyxy, 0.25), caption)


def cut(image: Image, box_xyxy: Sequence[float] | npt.NDArray[np.float64], margin: float) -> Image:
    """The part of the picture in the box, grown on each side by `margin` of its size, at least one pixel."""
    x1, y1, x2, y2 = (float(v) for v in box_xyxy)
    grow_x, grow_y = margin * (x2 - x1), margin * (y2 - y1)
    height, width = image.shape[:2]
    left, top = int(np.clip(x1 - grow_x, 0, width - 1)), int(np.clip(y1 - grow_y, 0, height - 1))
    right, bottom = (
        int(np.clip(np.ceil(x2 + grow_x), left + 1, width)),
        int(np.clip(np.ceil(y2 + grow_y), top + 1, height)),
    )
    return image[top:bottom, left:right]


def evaluate_crops(
    samples: Sequence[Sample],
    reader: CropReader[R],
    *,
    data: str = "",
    split: str = "dev",
    failures: Failures | None = None,
    options: Mapping[str, Any] | None = None,
    correct: Callable[[R, Sample], R] | None = None,
    with_scenes: bool = False,
) -> Report:
    """Reading of plate crops with a text. Data without such crops (CCPD) gives the true boxes of its scenes instead,
    `with_scenes` besides. `correct`: changes a reading by what is known of its sample."""
    sets: dict[str, TextTally] = defaultdict(TextTally)
    countries: dict[str, TextTally] = defaultdict(TextTally)
    total, alphabet = TextTally(), Alphabet.load(ALPHABET)
    readings: list[ReadPlate] = []
    for batch in _batches(_progress(_labelled_crops(samples, with_scenes), "crops")):
        images = [_crop_image(sample, label) for sample, label in batch]
        for (sample, label), image, reading in zip(batch, images, reader.read_crops(images), strict=True):
            name, truth = evaluation_set(sample), label.text or ""
            reading = correct(reading, sample) if correct is not None else reading
            sure, near = reading.confidence, in_top3(getattr(reading, "slot_probs", None), truth, alphabet)
            tallies = (sets[name], countries[sample.country or "none"], total)
            right = [t.add(reading.text, truth, sure, near) for t in tallies]
            readings.append(ReadPlate(truth, reading.text, sure, sample.country, label.rows))
            if failures is not None and not all(right):
                failures.add(f"{name} misread", image, f"{truth} {sample.path.name}\n{reading.text or '(nothing)'}")
    return Report(
        what="reader",
        data=data,
        split=split,
        sets={k: t.figures() for k, t in sorted(sets.items())},
        countries={k: t.figures() for k, t in sorted(countries.items())},
        total=total.figures(),
        readings=readings,
        confused=dict(total.confused),
        options=dict(options or {}),
    )


def in_top3(slot_probs: npt.NDArray[np.float32] | None, truth: str, alphabet: Alphabet) -> bool | None:
    """Whether each character of the truth, and the end after it, is among the first three of its slot (S, C); None for
    a reader without slots."""
    if slot_probs is None:
        return None
    try:
        classes = alphabet.encode(truth, len(slot_probs))[: len(truth) + 1]
    except ValueError:
        return False
    best = np.argsort(-slot_probs[: len(classes)], axis=-1)[:, :3]
    return bool((best == np.array(classes)[:, None]).any(-1).all())


def _labelled_crops(samples: Sequence[Sample], with_scenes: bool) -> list[tuple[Sample, PlateLabel]]:
    """Each crop with the first text in it; without crops or with scenes, each plate of a scene with box and text."""
    crops = [(s, next((p for p in s.plates if p.text), None)) for s in samples if s.kind == "crop"]
    labelled = [(s, p) for s, p in crops if p is not None]
    if labelled and not with_scenes:
        return labelled
    return labelled + [
        (s, p) for s in samples if s.kind == "scene" for p in s.plates if p.text and p.box and not p.ignore
    ]


def _crop_image(sample: Sample, label: PlateLabel) -> Image:
    image = open_image(sample.path)
    if sample.kind == "crop" or label.box is None:
        return image
    return np.ascontiguousarray(cut(image, label.box, 0.0))


def _batches(items: Iterable[T]) -> Iterator[list[T]]:
    batch: list[T] = []
    for item in items:
        batch.append(item)
        if len(batch) == _BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


def _progress(items: Sequence[T], what: str) -> Iterable[T]:
    console = Console(stderr=True)
    return track(items, what, console=console, transient=True, disable=plain(sys.stderr))


# Runs a video and gives its rows; `run_video` is the real one.
VideoRunner = Callable[[Path], Sequence[PassageRow]]


class Video:
    """A labelled video: its file, its passages and the spans (first, last frame) of plates that do not count."""

    def __init__(self, path: Path, about: Mapping[str, Any], passages: Sequence[PassageTruth]) -> None:
        self.path = path
        self.name: str = about["video"]
        self.fps = float(about["fps"])
        self.country: str | None = about.get("country")
        self.split: str | None = about.get("split")
        self.ignored = [(int(s["first"]), int(s["last"])) for s in about.get("ignore", [])]
        self.passages = list(passages)


def read_videos(folder: Path, split: str) -> list[Video]:
    """The labelled videos of a data folder (or of its `video` folder): `videos.jsonl` and `truth.jsonl`.

    Raises InputError naming file and line when one is missing or broken. A video without a split counts in all.
    """
    place = folder / "video" if (folder / "video").is_dir() else folder
    truth: dict[str, list[PassageTruth]] = defaultdict(list)
    for name, passage in _rows(place / "truth.jsonl", _passage):
        truth[name].append(passage)
    videos = _rows(place / "videos.jsonl", lambda row: Video(place / row["video"], row, truth[row["video"]]))
    return [v for v in videos if v.split in (None, split)]


def _rows(file: Path, make: Callable[[dict[str, Any]], T]) -> list[T]:
    out = []
    for number, row in json_lines(file):
        try:
            out.append(make(row))
        except (KeyError, TypeError, ValueError) as error:
            problem = f"{error} is missing" if isinstance(error, KeyError) else str(error)
            raise InputError(f"{file}:{number}: {problem}; correct the line or remove it") from None
    return out


def _passage(row: dict[str, Any]) -> tuple[str, PassageTruth]:
    boxes = {int(frame): _box(box) for frame, box in row.get("boxes", {}).items()}
    return row["video"], PassageTruth(row["text"], int(row["first"]), int(row["last"]), boxes)


def _box(values: Sequence[float]) -> Box:
    x1, y1, x2, y2 = (float(v) for v in values)
    return x1, y1, x2, y2


def alpr_command() -> list[str]:
    """The command `alpr` of this interpreter's environment."""
    beside = Path(sys.executable).parent / "alpr"
    return [str(beside)] if beside.exists() else [sys.executable, "-m", "streamer.cli"]


def run_video(path: Path, config: Mapping[str, Any] | None = None) -> list[PassageRow]:
    """The rows that `alpr run` writes for a video; `config` goes over the defaults of a run. AlprError with the last
    line of its output, when it fails."""
    with tempfile.TemporaryDirectory() as scratch:
        rows, settings = Path(scratch, "plates.csv"), Path(scratch, "run.yaml")
        command = [*alpr_command(), "run", str(path), "--csv", str(rows)]
        if config:
            settings.write_text(yaml.safe_dump(dict(config), allow_unicode=True), encoding="utf-8")
            command += ["--config", str(settings)]
        done = subprocess.run(command, capture_output=True, text=True, encoding="utf-8", errors="replace", check=False)
        if done.returncode:
            last = (done.stderr.strip() or done.stdout.strip() or "it printed nothing").splitlines()[-1]
            failure = AlprError(f"{path}: alpr run failed with exit code {done.returncode}: {last}")
            failure.exit_code = done.returncode if 1 <= done.returncode <= 5 else 1
            raise failure
        with rows.open(encoding="utf-8", newline="") as lines:
            return [_row(r) for r in csv.DictReader(lines)]


def _row(row: Mapping[str, str]) -> PassageRow:
    box = _box(json.loads(row["box"]))
    first, last, best = (int(row[k]) for k in ("first_frame", "last_frame", "best_frame"))
    return PassageRow(row["plate"], first, last, best, box, int(row.get("n_reads", 0)))


def evaluate_videos(
    videos: Sequence[Video],
    run: VideoRunner = run_video,
    *,
    data: str = "",
    split: str = "dev",
    failures: Failures | None = None,
    options: Mapping[str, Any] | None = None,
) -> Report:
    """Rows of each video against its passages."""
    figures, by_country = {}, defaultdict(list)
    found: list[bool] = []
    right: list[bool] = []
    for video in _progress(videos, "videos"):
        result = match_video(video.passages, run(video.path), video.ignored, video.fps)
        figures[video.name] = result.figures()
        found += [n > 0 for n in result.matched]
        right += [True] * (result.rows - len(result.wrong)) + [False] * len(result.wrong)
        by_country[video.country or "none"].append(result.figures())
        if failures is not None:
            _note_video(failures, video, result)
    return Report(
        what="videos",
        data=data,
        split=split,
        sets=figures,
        countries={k: total_videos(v) for k, v in sorted(by_country.items())},
        total={
            **total_videos(list(figures.values())),
            "recall_interval": bootstrap(found),
            "precision_interval": bootstrap(right),
        },
        options=dict(options or {}),
    )


def bootstrap(hits: Sequence[float], rounds: int = 2000, seed: int = 0) -> list[float] | None:
    """The 95 % bootstrap interval of a mean (of a share, where each is 0 or 1): [low, high]; None without any."""
    if not len(hits):
        return None
    drawn = np.random.default_rng(seed).integers(0, len(hits), (rounds, len(hits)))
    low, high = np.quantile(np.array(hits, float)[drawn].mean(1), [0.025, 0.975])
    return [float(low), float(high)]


def _note_video(failures: Failures, video: Video, result: VideoMatches) -> None:
    """Cuts from the frames where wrong rows saw their plate best, and from the middle of missed passages."""
    wanted: dict[int, list[tuple[str, Box, str]]] = defaultdict(list)
    for row in result.wrong:
        wanted[row.best].append(("wrong", row.box, f"wrong {row.plate}\nframe {row.best}"))
    for passage in result.missed:
        legible = sorted(f for f in passage.boxes if passage.first <= f <= passage.last)
        if legible:
            frame = legible[len(legible) // 2]
            wanted[frame].append(("missed", passage.boxes[frame], f"missed {passage.text}\nframe {frame}"))
    for frame, image in _frames(video.path, set(wanted)):
        for kind, box, caption in wanted[frame]:
            failures.add(f"{video.name} {kind}", cut(image, box, 0.5), caption)


def _frames(path: Path, wanted: set[int]) -> Iterator[tuple[int, Image]]:
    """Those frames of a video, upright, counted from 0 in presentation order."""
    if not wanted:
        return
    import av

    from streamer.image.planes import frame_orientation

    with av.open(str(path)) as container:
        for index, frame in enumerate(container.decode(video=0)):
            if index in wanted:
                bgr = frame_orientation(frame).apply(frame.to_ndarray(format="bgr24").astype(np.uint8, copy=False))
                yield index, np.ascontiguousarray(bgr)
            if index >= max(wanted):
                return
