"""Evaluation through a reader object and through `alpr eval`, on a small drawn data set."""

from __future__ import annotations

import json
import subprocess
import sys
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest
import yaml
from click.testing import CliRunner

import streamer
from streamer.errors import AlprError, ConfigError, InputError, OutputError
from streamer.types import Plate, Reading
from train.benchmarks.registry import figures as registered
from train.cli.eval import evaluate
from train.data.manifest import Sample, read_manifest
from train.evaluate.measures import PassageRow
from train.evaluate.report import Failures, Report
from train.evaluate.run import (
    bootstrap,
    cut,
    evaluate_crops,
    evaluate_scenes,
    evaluate_videos,
    limited,
    open_image,
    read_videos,
    run_video,
)

TEXTS = ("京A10000", "京A10001", "沪B20002", "ABC0")


def draw(folder: Path, relative: str, shade: int, kind: str, country: str | None, text: str | None) -> dict[str, Any]:
    """A picture whose top left pixel tells the fake reader which one it is, and its line."""
    width, height = (120, 40) if kind == "crop" else (320, 240)
    image = np.full((height, width, 3), 90, np.uint8)
    image[:, :, 0] = shade
    file = folder / relative
    file.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(file), image)
    box = None if kind == "crop" else [100.0, 100.0, 200.0, 130.0]
    quad = box and [[100, 100], [200, 100], [200, 130], [100, 130]]
    plates = [] if kind == "background" else [{"text": text, "box": box, "quad": quad, "colour": "blue"}]
    return {
        "path": relative,
        "kind": kind,
        "country": country,
        "split": "dev",
        "plates": plates,
        "size": [width, height],
        **({"dataset": "CCPD"} if country == "CN" else {}),
    }


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Four scenes (three Chinese, one American), four crops, one background; a fifth crop has no text."""
    rows = []
    for k, text in enumerate(TEXTS):
        country = "US" if k == 3 else "CN"
        rows.append(draw(tmp_path, f"scenes/{k}.png", k, "scene", country, text))
        rows.append(draw(tmp_path, f"crops/{k}.png", k, "crop", country, text))
    rows.append(draw(tmp_path, "crops/none.png", 9, "crop", "CN", None))
    rows.append(draw(tmp_path, "empty.png", 100, "background", None, None))
    (tmp_path / "manifest.jsonl").write_text("\n".join(json.dumps(r) for r in rows), encoding="utf-8")
    return tmp_path


class FakeReader:
    """Finds each scene's plate but the second one, reads the third one wrong, sees a plate in the background."""

    made: list[dict[str, Any]] = []  # noqa: RUF012  what readers were asked for

    def __init__(self, min_score: float = 0.5, **options: Any) -> None:
        self.min_score = min_score
        self.made.append({"min_score": min_score, **options})

    def read(self, image: np.ndarray) -> list[Plate]:
        k = int(image[0, 0, 0])
        seen = [
            Plate(
                np.array(box, float),
                np.array([[x, y] for x, y in ((100, 100), (200, 100), (200, 130), (100, 133))]),
                s,
                t,
            )
            for box, s, t in self.answers(k)
        ]
        return [p for p in seen if p.score >= self.min_score]

    def detect(self, image: np.ndarray) -> list[Plate]:
        return [Plate(p.box_xyxy, p.quad, p.score) for p in self.read(image)]

    @staticmethod
    def answers(k: int) -> list[tuple[list[float], float, str]]:
        plate = [100.0, 100.0, 200.0, 130.0]
        if k == 1:
            return [(plate, 0.3, TEXTS[1])]
        if k == 2:
            return [(plate, 0.9, "沪B20003"), ([5, 5, 60, 20], 0.6, "FALSE")]
        if k == 100:
            return [([300, 200, 330, 260], 0.7, "GHOST"), ([5, 5, 60, 20], 0.1, "X")]
        return [(plate, 0.8, TEXTS[k])]

    def read_crops(self, crops: list[np.ndarray]) -> list[Reading]:
        texts = [TEXTS[int(c[0, 0, 0])] for c in crops]
        return [Reading("沪B20003" if t == TEXTS[2] else t, 0.9, ()) for t in texts]


@pytest.fixture
def samples(folder: Path) -> list[Sample]:
    return read_manifest(folder)


def test_scenes(samples: list[Sample]) -> None:
    failures = Failures()
    report = evaluate_scenes(samples, FakeReader(0.02), 0.5, failures=failures)
    assert set(report.sets) == {"cn-ccpd", "us"}
    assert set(report.countries) == {"CN", "US"}
    cn = report.sets["cn-ccpd"]
    assert (cn["images"], cn["plates"], cn["found"], cn["false"], cn["texts"], cn["right"]) == (3, 3, 2, 1, 3, 1)
    assert (cn["recall50"], cn["precision"]) == (pytest.approx(2 / 3), pytest.approx(2 / 3))
    assert cn["corner"] == pytest.approx(3 / 4 / 30)
    assert report.sets["us"]["e2e"] == 1
    assert report.total["plates"] == 4
    assert report.backgrounds == {"images": 1, "false_plates": 1}
    ccpd = {"images": 3, "detected": 1, "texts": 3, "read": pytest.approx(2 / 3), "read_noprov": pytest.approx(2 / 3)}
    assert report.ccpd == {"cn-ccpd": ccpd}
    assert failures.counts == {"cn-ccpd missed": 1, "cn-ccpd misread": 1, "cn-ccpd false": 1, "backgrounds false": 1}
    assert failures.captions["cn-ccpd misread"] == ["沪B20002 2.png\n沪B20003 0.90"]


def test_detector_reads_nothing(samples: list[Sample]) -> None:
    report = evaluate_scenes(samples, FakeReader(0.02), 0.5, read=False)
    assert report.what == "detector"
    assert report.sets["us"]["recall50"] == 1
    assert "e2e" not in report.sets["us"]
    assert "read" not in report.ccpd["cn-ccpd"]


def test_crops(samples: list[Sample]) -> None:
    failures = Failures()
    report = evaluate_crops(samples, FakeReader(), failures=failures)
    assert report.sets["cn-rare"]["n"] == 3  # the crop without a text does not count
    assert report.sets["cn-rare"]["exact"] == pytest.approx(2 / 3)
    assert report.sets["cn-rare"]["cer"] == pytest.approx(1 / 21)
    assert report.total["right"] == 3
    assert failures.counts == {"cn-rare misread": 1}


def test_scenes_serve_the_reader_where_there_are_no_crops(samples: list[Sample]) -> None:
    report = evaluate_crops([s for s in samples if s.kind == "scene"], FakeReader())
    assert report.total["n"] == 4
    assert report.total["right"] == 3


def test_nothing_to_measure() -> None:
    assert evaluate_scenes([], FakeReader(), 0.5).sets == {}
    assert evaluate_crops([], FakeReader()).total["exact"] is None
    assert evaluate_videos([]).total["recall"] is None


def test_missing_and_damaged_picture(samples: list[Sample]) -> None:
    scene = next(s for s in samples if s.kind == "scene")
    scene.path.write_bytes(b"no picture")
    with pytest.raises(InputError, match=r"0\.png: cannot be read as a picture"):
        evaluate_scenes([scene], FakeReader(), 0.5)
    scene.path.unlink()
    with pytest.raises(InputError, match=r"0\.png: is not there"):
        open_image(scene.path)


@pytest.mark.parametrize(
    ("box", "margin", "shape"),
    [
        ((10, 10, 20, 15), 0, (5, 10)),
        ((10, 10, 20, 15), 1, (15, 30)),
        ((-50, -50, 5, 5), 0, (5, 5)),
        ((500, 500, 600, 600), 1, (1, 1)),
        ((10.4, 10.4, 10.5, 10.5), 0, (1, 1)),
    ],
)
def test_cut_stays_in_the_picture(box: tuple[float, ...], margin: float, shape: tuple[int, int]) -> None:
    assert cut(np.zeros((60, 80, 3), np.uint8), box, margin).shape[:2] == shape


@pytest.mark.parametrize(("limit", "kept"), [(None, 10), (1, 5), (2, 7), (99, 10)])
def test_limit_is_by_kind_and_set(samples: list[Sample], limit: int | None, kept: int) -> None:
    assert len(limited(samples, limit)) == kept


def test_limit_spreads_over_a_set(samples: list[Sample]) -> None:
    scene = [next(s for s in samples if s.kind == "scene")] * 10
    many = [Sample(**{**s.__dict__, "relative": str(i)}) for i, s in enumerate(scene)]
    assert [s.relative for s in limited(many, 3)] == ["0", "3", "6"]


@pytest.fixture
def video(folder: Path) -> Path:
    """A clip of 20 frames at 10 frames a second, grey level 10 x frame, with two passages."""
    (folder / "video").mkdir()
    with av.open(str(folder / "video" / "clip.mkv"), "w") as out:
        stream = out.add_stream("ffv1", rate=Fraction(10), width=64, height=48, pix_fmt="bgr0")
        for k in range(20):
            image = np.full((48, 64, 3), 10 * k, np.uint8)
            out.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="bgr24")))
        out.mux(stream.encode())
    about = {"video": "clip.mkv", "split": "dev", "country": "CN", "fps": 10.0, "ignore": [{"first": 18, "last": 19}]}
    other = {"video": "gone.mkv", "split": "train", "country": "CN", "fps": 10.0}
    (folder / "video" / "videos.jsonl").write_text(f"{json.dumps(about)}\n{json.dumps(other)}\n")
    truth = [
        {"video": "clip.mkv", "text": "京A10000", "first": 0, "last": 5, "boxes": {"0": [1, 1, 30, 20]}},
        {
            "video": "clip.mkv",
            "text": "沪B20002",
            "first": 8,
            "last": 12,
            "boxes": {"8": [1, 1, 30, 20], "10": [1, 1, 30, 20]},
        },
    ]
    (folder / "video" / "truth.jsonl").write_text("\n".join(map(json.dumps, truth)))
    return folder


ROWS = (
    PassageRow("京A10000", 0, 5, 2, (1, 1, 30, 20)),
    PassageRow("京A10000", 0, 5, 2, (1, 1, 30, 20)),
    PassageRow("WRONG", 6, 8, 7, (1, 1, 30, 20)),
)


def test_videos(video: Path) -> None:
    failures = Failures()
    report = evaluate_videos(read_videos(video, "dev"), lambda path: ROWS, failures=failures)
    figures = report.sets["clip.mkv"]
    assert (figures["passages"], figures["found"], figures["duplicates"], figures["wrong_plates"]) == (
        2,
        1,
        1,
        ["WRONG"],
    )
    assert report.total["precision"] == report.countries["CN"]["precision"] == pytest.approx(2 / 3)
    assert failures.counts == {"clip.mkv wrong": 1, "clip.mkv missed": 1}
    (wrong,), (missed,) = failures.images["clip.mkv wrong"], failures.images["clip.mkv missed"]
    assert abs(int(wrong[0, 0, 0]) - 70) < 2  # cut from frame 7
    assert abs(int(missed[0, 0, 0]) - 100) < 2  # from the middle box, frame 10


def test_videos_may_be_named_directly(video: Path) -> None:
    assert [v.name for v in read_videos(video / "video", "dev")] == ["clip.mkv"]
    assert [v.name for v in read_videos(video, "train")] == ["gone.mkv"]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("{", "is not JSON"),
        ('{"video": "a", "text": "b", "last": 4}', "'first' is missing"),
        ('{"video": "a", "text": "b", "first": "x", "last": 4}', "invalid literal"),
    ],
)
def test_broken_truth_is_named(video: Path, line: str, words: str) -> None:
    (video / "video" / "truth.jsonl").write_text(f"\n{line}")
    with pytest.raises(InputError, match=rf"truth\.jsonl:2: .*{words}"):
        read_videos(video, "dev")


def test_run_video_reads_the_csv(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    commands = []

    def run(command: list[str], **_: Any) -> subprocess.CompletedProcess[str]:
        commands.append(command)
        if "--config" in command:
            assert Path(command[command.index("--config") + 1]).read_text() == "precision: f32\n"
        head = "camera,track_id,plate,confidence,first_frame,last_frame,best_frame,box,new_column\n"
        text = head + 'clip,1,京A10000,0.9,3,9,5,"[1.0, 2, 3, 4]",x\n'
        Path(command[command.index("--csv") + 1]).write_text(text, encoding="utf-8")
        return subprocess.CompletedProcess(command, 0, "", "")

    monkeypatch.setattr(subprocess, "run", run)
    assert run_video(tmp_path / "a.mp4") == [PassageRow("京A10000", 3, 9, 5, (1, 2, 3, 4))]
    assert run_video(tmp_path / "a.mp4", {"precision": "f32"})
    assert commands[0][-4:-1] == ["run", str(tmp_path / "a.mp4"), "--csv"]


def test_failed_run_is_told_in_one_line(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def run(command: list[str], **_: Any) -> subprocess.CompletedProcess[str]:
        return subprocess.CompletedProcess(command, 3, "", "warning\na.mp4: no such file\n")

    monkeypatch.setattr(subprocess, "run", run)
    with pytest.raises(AlprError, match=r"alpr run failed with exit code 3: a\.mp4: no such file$") as raised:
        run_video(tmp_path / "a.mp4")
    assert raised.value.exit_code == 3


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> type[FakeReader]:
    monkeypatch.setattr(streamer, "PlateReader", FakeReader, raising=False)
    FakeReader.made.clear()
    return FakeReader


def call(*arguments: object) -> str:
    result = CliRunner().invoke(evaluate, [str(a) for a in arguments], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


def test_eval_scenes(folder: Path, fake: type[FakeReader], tmp_path: Path) -> None:
    json_file, sheets = tmp_path / "out" / "scenes.json", tmp_path / "sheets"
    said = call("scenes", folder, "--json", json_file, "--sheets", sheets, "--precision", "f32", "--detector", "d.xml")
    assert "cn-ccpd" in said
    assert "CCPD's protocol" in said
    options = {"detector": "d.xml", "precision": "f32"}
    assert fake.made == [{"min_score": 0.02, "thorough": True, **options}, {"min_score": 0.5, **options}]
    figures = json.loads(json_file.read_text(encoding="utf-8"))
    assert figures["sets"]["cn-ccpd"]["found"] == 2
    assert (figures["min_score"], figures["options"]["precision"]) == (0.5, "f32")
    names = {"backgrounds-false.jpg", "cn-ccpd-false.jpg", "cn-ccpd-missed.jpg", "cn-ccpd-misread.jpg"}
    assert {p.name for p in sheets.iterdir()} == names
    assert cv2.imread(str(sheets / "cn-ccpd-missed.jpg")) is not None


@pytest.mark.parametrize(("verb", "words"), [("detector", "AP50"), ("reader", "CER")])
def test_eval_detector_and_reader(folder: Path, fake: type[FakeReader], verb: str, words: str) -> None:
    said = call(verb, folder, "--limit", 1)
    assert words in said
    assert "by country" in said


@pytest.mark.parametrize(("verb", "readings"), [("scenes", 3), ("reader", 4)])
def test_errors_and_plots(folder: Path, fake: type[FakeReader], tmp_path: Path, verb: str, readings: int) -> None:
    """One of the plates that are read is wrong in its last digit; a plate that was not found is no reading."""
    errors, figures, plots = (tmp_path / "out" / n for n in ("errors.json", "figures.json", "plots"))
    said = call(verb, folder, "--errors", errors, "--show-errors", "--json", figures, "--plots", plots)
    assert f"errors: 1 of {readings} readings" in said
    assert "2 > 3" in said
    found = json.loads(errors.read_text(encoding="utf-8"))
    assert found["all"]["kinds"] == {"substitution": {"n": 1, "of_errors": 1, "of_readings": 1 / readings}}
    assert found["by_country"]["US"] == {"n": 1, "wrong": 0, "kinds": {}, "slip_or_lookalike": 0}
    assert found["confusions"]["by_country"]["CN"]["last"] == {
        "n": readings - 1,
        "right": readings - 2,
        "pairs": {"2>3": 1},
    }
    written = {p.name for p in plots.iterdir()}
    regions = {"reliability-china.png", "reliability-north-america.png"}
    assert written == {"reliability.png", "confusions.png", *regions}
    kept = json.loads(figures.read_text(encoding="utf-8"))
    assert "readings" not in kept
    assert set(kept["calibration"]["regions"]) == {"china", "north-america"}
    assert kept["calibration"]["all"]["n"] == readings


def test_nothing_of_errors_without_being_asked(folder: Path, fake: type[FakeReader]) -> None:
    assert "errors: " not in call("reader", folder)


def test_eval_videos(video: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("train.evaluate.run.run_video", lambda path, chosen: ROWS)
    said = call("videos", video)
    assert "clip.mkv" in said
    assert "duplicates" in said


def test_eval_ccpd(folder: Path, fake: type[FakeReader], tmp_path: Path) -> None:
    name = "025-95_113-100&100_200&130-200&130_100&130_100&100_200&100-12_0_25_24_24_24_24-37-15.jpg"
    file = tmp_path / "ccpd" / "ccpd_challenge" / name
    file.parent.mkdir(parents=True)
    picture = np.zeros((1160, 720, 3), np.uint8)
    assert cv2.imwrite(str(file), picture)
    said = call("scenes", f"ccpd:{tmp_path / 'ccpd'}", "--protocol", "seed")
    assert "ccpd-challenge" in said
    assert "100.0" in said


def test_eval_openalpr(folder: Path, fake: type[FakeReader], tmp_path: Path) -> None:
    place = tmp_path / "benchmarks" / "endtoend" / "us"
    place.mkdir(parents=True)
    (place / "3.png").write_bytes((folder / "scenes" / "3.png").read_bytes())
    (place / "3.txt").write_text("3.png\t100\t100\t100\t30\tABC0\n", encoding="utf-8")
    said = call("scenes", f"openalpr:{tmp_path / 'benchmarks'}", "--json", tmp_path / "x.json")
    assert "openalpr-us" in said
    figures = json.loads((tmp_path / "x.json").read_text(encoding="utf-8"))
    assert (figures["total"]["ap70"], figures["total"]["e2e"], list(figures["countries"])) == (1, 1, ["US"])
    # What the registry of figures asks of such a report is in it.
    keys = {f.key for f in registered() if f.measure == "openalpr" and "openalpr-us" in f.key}
    assert len(keys) >= 7
    for key in keys:
        _, name, what = key.split("/")
        assert figures["sets"][name][what] is not None


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        (["scenes", "openalpr:nowhere"], InputError, "is no folder; name openalpr"),
        (["scenes", "openalpr:{folder}"], InputError, "holds no picture with a label"),
        (["videos", "openalpr:x"], ConfigError, "holds no videos"),
        (["scenes", "nowhere"], InputError, r"manifest\.jsonl: is not there"),
        (["scenes", "ccpd:nowhere"], InputError, "holds no CCPD"),
        (["reader", "{folder}", "--split", "validation"], InputError, "no picture of the split validation"),
        (["videos", "{folder}"], InputError, r"truth\.jsonl: is not there"),
        (["videos", "ccpd:x"], ConfigError, "CCPD holds no videos"),
        (
            ["reader", "{folder}", "--json", "{folder}/manifest.jsonl/x.json"],
            OutputError,
            r"x\.json: cannot be written",
        ),
        (["scenes", "{folder}", "--sheets", "{folder}/manifest.jsonl/x"], OutputError, r"\.jpg: cannot be written"),
    ],
)
def test_bad_use(
    folder: Path, fake: type[FakeReader], arguments: list[str], error: type[AlprError], words: str
) -> None:
    with pytest.raises(error, match=words) as raised:
        call(*(a.format(folder=folder) for a in arguments))
    assert "\n" not in str(raised.value)


def test_videos_of_no_split(video: Path) -> None:
    with pytest.raises(ConfigError, match="no video of the split validation"):
        call("videos", video, "--split", "validation")


def test_json_has_no_nan() -> None:
    assert '"ap50": null' in evaluate_scenes([], FakeReader(), 0.5).to_json()
    with pytest.raises(ValueError):
        Report("scenes", "", "dev", {"a": {"x": float("nan")}}).to_json()


def test_no_torch_is_needed(repo: Path) -> None:
    code = """
import sys, train.cli.eval
heavy = {"cv2", "numpy", "torch", "openvino"} & set(sys.modules)
assert not heavy, heavy
import train.evaluate.run, train.data.ccpd
assert "torch" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", code], check=True, cwd=repo)


def test_figures_are_noted_in_a_card(tmp_path: Path) -> None:
    card = tmp_path / "card.yaml"
    card.write_text("name: little\nfiles: {f32: {xml: a.xml}}\n", encoding="utf-8")
    sets = {"cn-ccpd": {"plates": 3, "ap50": 0.98765432, "corner": None, "images": 3}}
    report = Report("detector", "folder", "dev", sets, min_score=0.49)
    report.note_in(card)
    report.note_in(card)
    noted = yaml.safe_load(card.read_text(encoding="utf-8"))
    assert noted["files"] == {"f32": {"xml": "a.xml"}}
    assert noted["figures"]["detector"]["sets"] == {"cn-ccpd": {"plates": 3, "ap50": 0.9877, "corner": None}}
    assert noted["figures"]["detector"]["threshold"] == 0.49
    with pytest.raises(AlprError, match=r"card\.yaml"):
        report.note_in(tmp_path / "none" / "card.yaml")


@pytest.mark.parametrize(
    ("hits", "low", "high"),
    [([True] * 10, 1.0, 1.0), ([False] * 10, 0.0, 0.0), ([True] * 50 + [False] * 50, 0.4, 0.6)],
)
def test_bootstrap_interval(hits: list[bool], low: float, high: float) -> None:
    interval = bootstrap(hits)
    assert interval is not None
    assert interval == pytest.approx([low, high], abs=0.02)
    assert interval == bootstrap(hits)
    assert bootstrap([]) is None
