"""A reader trained on a user's crops, under a name of its own, and measured before and after: on held-out crops, and on
drawn plates of all countries, which show what it has forgotten."""

from __future__ import annotations

import csv
import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from math import comb
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch

from models.reader.network import ReaderSize
from streamer import PlateReader
from streamer.engine.decoders import Certainty
from streamer.engine.zoo import find_model, read_card, zoo_folder
from streamer.errors import ConfigError, InputError
from streamer.plates.alphabet import Alphabet
from streamer.types import Image, Reading
from train.data.crops_csv import clean
from train.data.label_sheet import Sheet
from train.evaluate.run import CropReader
from train.evaluate.torch_reader import TorchReader
from train.export.export import export
from train.loop.config import ALPHABET, ReaderTrainConfig
from train.loop.fit import Checkpoint
from train.loop.weights import SHIPPED, average
from train.recipes.reader import train_reader
from train.synth.bank import drawn_plates
from train.synth.degrade import degrade

LEAST_CROPS, LEAST_TEXTS, HELD_TEXTS = 20, 10, 5
HELD_OUT = 64  # of 256: the share of texts that are only measured on
GUARD, GUARD_SEED = 400, 77001
CALIBRATION, CALIBRATION_SEED = 200, 77002
NOISE = 0.05  # chance of a difference as large without any cause
ACCEPTED = 0.5  # the confidence that makes a row
VIEWS = 60  # times that a crop is used at most; more would overfit


@dataclass(frozen=True)
class Answers:
    """What a reader made of a set of crops: of each whether its text is right and how sure it is."""

    right: tuple[bool, ...]
    sure: tuple[float, ...]

    @property
    def wrong_rows(self) -> int:
        return sum(s >= ACCEPTED and not r for r, s in zip(self.right, self.sure, strict=True))


@dataclass(frozen=True)
class Verdict:
    recommended: bool
    reasons: tuple[str, ...]


def by_chance(more: int, less: int) -> float:
    """The chance of at least `more` of the answers that changed to fall on that side (one-sided sign test)."""
    n = more + less
    return sum(comb(n, k) for k in range(more, n + 1)) / 2**n if n else 1.0


def changes(before: Sequence[bool], after: Sequence[bool]) -> tuple[int, int]:
    """How many answers became right, and how many wrong."""
    pairs = list(zip(before, after, strict=True))
    return sum(a and not b for b, a in pairs), sum(b and not a for b, a in pairs)


def judge(
    own_before: Sequence[bool], own_after: Sequence[bool], guard_before: Sequence[bool], guard_after: Sequence[bool]
) -> Verdict:
    """Whether the new reader is worth using: more held-out crops right, and the guard set no worse than by chance."""
    gained, lost = changes(own_before, own_after)
    learned, forgotten = changes(guard_before, guard_after)
    reasons, good = [], True
    if forgotten > learned and by_chance(forgotten, learned) < NOISE:
        good = False
        reasons.append(f"it forgot: {forgotten} drawn plates became wrong, {learned} right")
    if all(own_before):
        good = False
        reasons.append("nothing to gain: the reader before reads every held-out crop")
    elif gained <= lost:
        good = False
        reasons.append(f"held-out crops did not get better: {gained} became right, {lost} wrong")
    elif by_chance(gained, lost) >= NOISE:
        reasons.append(f"held-out crops: {gained} became right, {lost} wrong; so few may be chance, label more")
    else:
        reasons.append(f"held-out crops: {gained} became right, {lost} wrong")
    return Verdict(good, tuple(reasons))


def divided(texts: Sequence[str]) -> tuple[list[int], list[int]]:
    """The indices to train on and those held out, by text, so that no plate is on both sides; the same at every call.

    InputError where there are too few for a result.
    """
    order = sorted(set(texts), key=lambda t: hashlib.sha256(f"held out {t}".encode()).digest())
    if len(texts) < LEAST_CROPS or len(order) < LEAST_TEXTS:
        raise InputError(
            f"{len(texts)} labelled crops of {len(order)} plates are too few: at least {LEAST_CROPS} of {LEAST_TEXTS} "
            "are needed, some hundreds make a difference; check more rows of the label sheet"
        )
    below = sum(hashlib.sha256(f"held out {t}".encode()).digest()[0] < HELD_OUT for t in order)
    held = set(order[: max(HELD_TEXTS, below)])
    return [i for i, t in enumerate(texts) if t not in held], [i for i, t in enumerate(texts) if t in held]


def check_name(name: str, zoo: Path, replace: bool) -> Path:
    """The folder of the new model. ConfigError for a shipped name, always, and for one that is there."""
    if not name or Path(name).name != name or name.startswith("."):
        raise ConfigError(f"--name {name!r}: expected a plain name such as plates-of-mine")
    if name in SHIPPED:
        raise ConfigError(f"--name {name}: is a shipped model, which stays as it is; give a name of your own")
    folder = zoo / name
    if folder.exists() and not replace:
        raise ConfigError(f"--name {name}: {folder} is there already; give another --name, or --replace to renew it")
    return folder


def drawn_set(folder: Path, count: int, seed: int, split: str) -> Path:
    """Drawn plates of all countries as cameras see them, in a folder with a list of crops; gives the list."""
    file = folder / "crops.csv"
    folder.mkdir(parents=True, exist_ok=True)
    rows = []
    for k, plate in enumerate(drawn_plates(count, seed, None)):
        cv2.imwrite(str(folder / f"{k:04d}.png"), degrade(np.random.default_rng((seed, k)), plate.image_bgr))
        rows.append((f"{k:04d}.png", plate.text, plate.country, split))
    _write_crops(file, rows)
    return file


def _write_crops(file: Path, rows: Sequence[tuple[str, str, str, str]]) -> None:
    with file.open("w", encoding="utf-8", newline="") as out:
        table = csv.writer(out, lineterminator="\n")
        table.writerow(("image_path", "plate_text", "country", "split"))
        table.writerows(rows)


def answers(reader: CropReader[Reading], pictures: Sequence[Image], texts: Sequence[str]) -> Answers:
    readings = [r for k in range(0, len(pictures), 16) for r in reader.read_crops(list(pictures[k : k + 16]))]
    right = tuple(clean(r.text) == t for r, t in zip(readings, texts, strict=True))
    return Answers(right, tuple(float(r.confidence) for r in readings))


def pictures_of(file: Path, split: str) -> tuple[list[Image], list[str]]:
    with file.open(encoding="utf-8", newline="") as lines:
        rows = [r for r in csv.DictReader(lines) if r["split"] == split]
    images = [cv2.imread(str(file.parent / r["image_path"])) for r in rows]
    return [np.asarray(i, np.uint8) for i in images if i is not None], [clean(r["plate_text"]) for r in rows]


def known_certainty(init: Path) -> tuple[float, Certainty] | None:
    """How sure the shipped reader is, by its card: fitted on more crops than a user has. None for other weights."""
    card_file = init.parent / "card.yaml"
    card: dict[str, Any] = read_card(card_file) if card_file.is_file() else {}
    if "temperature" not in card or "whole" not in card:
        return None
    return float(card["temperature"]), Certainty(**card["whole"])


Label = tuple[str, str, str]  # path, text, country


def opened(sheet: Sheet, sheet_file: Path) -> tuple[list[Label], list[str]]:
    """The labelled crops, and the names of those left out because their pictures cannot be opened."""
    good, lost = [], []
    for row in sheet.labels():
        path = (sheet_file.parent / row["image_path"]).resolve()
        if path.is_file() and cv2.imread(str(path)) is not None:
            good.append((str(path), clean(row["plate_text"]), row.get("country", "")))
        else:
            lost.append(row["image_path"])
    return good, lost


def write_divided(labels: Sequence[Label], file: Path) -> None:
    """The list of the labelled crops, to train on (train) and held out (dev). InputError where they are too few."""
    held = set(divided([text for _, text, _ in labels])[1])
    file.parent.mkdir(parents=True, exist_ok=True)
    _write_crops(file, [(*label, "dev" if i in held else "train") for i, label in enumerate(labels)])


def finetune(
    crops: Path,
    config: ReaderTrainConfig,
    out: Path,
    device: torch.device,
    init: Path,
    data: Sequence[str] = (),
    zoo: Path | None = None,
) -> tuple[Verdict, list[dict[str, Any]], Path]:
    """Trains on the list of crops, exports under `config.name` and measures; gives the verdict, the figures (a row a
    set and reader) and the folder of the model. Writes finetune.json and finetune.md into `out`.

    What is exported is the mean of the weights before and after: it keeps most of what was learned and forgets less.
    """
    own, own_texts = pictures_of(crops, "dev")
    guard_file = drawn_set(out / "guard", GUARD, GUARD_SEED, "dev")
    calibration = drawn_set(out / "calibration", CALIBRATION, CALIBRATION_SEED, "train")
    drawn, drawn_texts = pictures_of(guard_file, "dev")
    before: CropReader[Reading] = PlateReader(reader=str(init.parent)) if known_certainty(init) else TorchReader(init)
    trained = len(pictures_of(crops, "train")[1])
    most = max(config.batch * 2, round(VIEWS * trained / max(0.05, 1 - config.synthetic_share)))
    config = config.model_copy(update={"samples": min(config.samples, most)})
    weights = train_reader(config, [str(crops), *data], out, device, resume=False, init=init)
    mean = out / "mean.pt"
    Checkpoint(mean).save(average([init, weights]))
    folder = export(
        mean,
        [str(crops), str(calibration), *data],
        zoo or zoo_folder(),
        config.name,
        keep_weights=True,
        certainty=None if data else known_certainty(init),
    )
    after: CropReader[Reading] = PlateReader(reader=str(folder)) if known_certainty(init) else TorchReader(mean)
    sets = {"held-out crops": (own, own_texts), "drawn plates": (drawn, drawn_texts)}
    found = {name: (answers(before, *s), answers(after, *s)) for name, s in sets.items()}
    figures = [
        {"set": name, "reader": who, "crops": len(a.right), "right": sum(a.right), "wrong_rows": a.wrong_rows}
        for name, pair in found.items()
        for who, a in zip(("before", "after"), pair, strict=True)
    ]
    (ob, oa), (gb, ga) = found.values()
    verdict = judge(ob.right, oa.right, gb.right, ga.right)
    report = {"name": config.name, "init": str(init), "samples": config.samples, "taught": trained, "figures": figures}
    text = json.dumps(report | {"verdict": asdict(verdict)}, indent=2, ensure_ascii=False) + "\n"
    (out / "finetune.json").write_text(text, encoding="utf-8")
    for place in (out, folder):
        (place / "finetune.md").write_text(markdown(config.name, verdict, figures), encoding="utf-8")
    find_model(str(folder), "f32", "reader")  # what was written can be found again
    return verdict, figures, folder


def markdown(name: str, verdict: Verdict, figures: Sequence[dict[str, Any]]) -> str:
    lines = ["| set | reader | crops | right | wrong at confidence 0.5 |", "|---|---|---|---|---|"]
    lines += ["| {set} | {reader} | {crops} | {right} | {wrong_rows} |".format(**row) for row in figures]
    word = "recommended" if verdict.recommended else "not recommended"
    return f"# {name}: {word}\n\n" + "\n".join([*lines, "", *(f"- {r}" for r in verdict.reasons)]) + "\n"


def longest_text() -> int:
    return ReaderSize().slots - 1


def letters() -> Alphabet:
    return Alphabet.load(ALPHABET)
