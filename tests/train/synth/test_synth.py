"""Drawn plates and clips: their truth is true, and the same seed draws the same."""

from __future__ import annotations

import json
from pathlib import Path

import av
import numpy as np
import pytest

from streamer.errors import ConfigError, InputError, OutputError
from streamer.geometry import convex, quad_box
from streamer.plates.alphabet import Alphabet
from train.cli.synth import synth_plates
from train.synth.clip import ClipScene, synth_clip, synth_clips, synth_scenes
from train.synth.degrade import degrade
from train.synth.layouts import PROTOTYPES, Catalogue, colour_of
from train.synth.looks import HARD, Look
from train.synth.plate import CONFIGS, PlateRenderer

ALPHABET = Alphabet.load(CONFIGS / "alphabet.yaml")


@pytest.fixture(scope="module")
def renderer() -> PlateRenderer:
    return PlateRenderer(None, system_fonts=False)


LAYOUTS = sorted(PlateRenderer(None, system_fonts=False).catalogue.layouts)


def test_the_kinds_that_were_promised_are_there() -> None:
    assert {
        "cn-blue", "cn-yellow", "cn-yellow-two", "cn-green", "cn-green-truck", "cn-police", "cn-black", "latin-eu",
    } <= set(LAYOUTS)  # fmt: skip


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_layout(renderer: PlateRenderer, layout: str) -> None:
    for k in range(3):
        plate = renderer.render(np.random.default_rng(k), layout)
        assert plate.layout == layout
        assert plate.image_bgr.dtype == np.uint8
        assert ALPHABET.encode(plate.text, 12)
        boxes = np.asarray(plate.char_boxes, float).reshape(-1, 4)
        assert len(boxes) == len(plate.text)
        h, w = plate.image_bgr.shape[:2]
        assert (boxes >= -2).all()
        assert (boxes <= np.array([w, h, w, h]) + 2).all()
        assert (boxes[:, 2:] > boxes[:, :2]).all()


def test_characters_lie_in_their_boxes(renderer: PlateRenderer) -> None:
    plate = renderer.draw_text(np.random.default_rng(0), "latin-plain", "AB-123")
    assert plate.text == "AB123"
    grey = plate.image_bgr.mean(2)
    paper = np.median(grey)
    for x1, y1, x2, y2 in np.asarray(plate.char_boxes, int):
        assert np.abs(grey[y1:y2, x1:x2] - paper).max() > 60


def test_same_seed_same_plate(renderer: PlateRenderer) -> None:
    a, b = (renderer.render(np.random.default_rng(5)) for _ in range(2))
    again = PlateRenderer(None, system_fonts=False).render(np.random.default_rng(5))
    assert a.text == b.text == again.text
    assert np.array_equal(a.image_bgr, b.image_bgr)
    assert np.array_equal(a.image_bgr, again.image_bgr)


def test_damage_keeps_shape_and_input(renderer: PlateRenderer) -> None:
    plate = renderer.render(np.random.default_rng(1)).image_bgr
    before = plate.copy()
    for k in range(60):
        out = degrade(np.random.default_rng(k), plate)
        assert out.shape == plate.shape
        assert out.dtype == np.uint8
    assert np.array_equal(plate, before)


def test_unknown_layouts_are_named(renderer: PlateRenderer) -> None:
    with pytest.raises(ConfigError, match="latin-moon"):
        renderer.render(np.random.default_rng(0), "latin-moon")
    with pytest.raises(ConfigError, match="latin-moon"):
        renderer.draw_text(np.random.default_rng(0), "latin-moon", "A1")


def test_colours_have_their_names() -> None:
    assert all(colour_of(rgb) == colour for colour, shades in PROTOTYPES.items() for rgb in shades)
    assert colour_of((20, 40, 90)) == "blue"
    assert colour_of((200, 20, 30)) is None


def test_several_layouts_at_once(renderer: PlateRenderer) -> None:
    drawn = {renderer.render(np.random.default_rng(k), "fr,cn-police").layout for k in range(40)}
    assert "cn-police" in drawn
    assert {name[:3] for name in drawn} == {"fr-", "cn-"}
    with pytest.raises(ConfigError, match="layout mars"):
        renderer.render(np.random.default_rng(0), "fr,mars")


def test_broken_layout_files_are_named(tmp_path: Path) -> None:
    (tmp_path / "moon.yaml").write_text("schema: 1\nlayouts: [{name: moon-a, country: XX, sizee: 3}]\n")
    with pytest.raises(ConfigError, match=r"moon\.yaml:2: layouts\.0\.\w+: "):
        Catalogue(tmp_path)


def test_missing_glyphs_are_named(tmp_path: Path) -> None:
    (tmp_path / "glyphs.jsonl").write_text('{"file": "glyphs/a.png", "char": "A", "set": "140"}\n')
    with pytest.raises(InputError, match=r"a\.png"):
        PlateRenderer(tmp_path)


def test_a_table_of_plates(tmp_path: Path) -> None:
    table = synth_plates(3, tmp_path / "p", layout="cn", seed=2, damaged=True)
    rows = [json.loads(line) for line in table.read_text(encoding="utf-8").splitlines()]
    assert [r["path"] for r in rows] == ["000000.png", "000001.png", "000002.png"]
    assert all((tmp_path / "p" / r["path"]).stat().st_size > 0 for r in rows)
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="file"):
        synth_plates(1, tmp_path / "file")


def test_quads_are_where_the_plates_are() -> None:
    """The plate's own pixels, cut by the truth, look like the plate; a little beside it they do not."""
    from streamer.image.warp import cut

    clip = ClipScene(3.0, 10, (640, 360), 2, 4, Look(noise=0.0))
    p = clip.passages[-1]
    quads = clip.quads(p)
    k = max(quads)
    assert convex(quads[k])
    flat = cut(
        p.vehicle.plate.image_bgr, np.array([[0, 0], [1, 0], [1, 1], [0, 1.0]]) * p.vehicle.plate.image_bgr.shape[1::-1]
    )
    frame = clip.frame(k)

    def likeness(shift: float) -> float:
        seen = cut(frame, quads[k] + [shift, 0])
        return float(np.corrcoef(seen.mean(2).ravel(), flat.mean(2).ravel())[0, 1])

    assert likeness(0) > 0.85
    width = quad_box(quads[k])[2] - quad_box(quads[k])[0]
    assert likeness(0) > likeness(0.03 * width) > likeness(0.08 * width)


def test_a_clip_and_its_truth(tmp_path: Path) -> None:
    truth_file = synth_clip(tmp_path / "c.mp4", 1.5, 10, (640, 360), 1, 9)
    truth = json.loads(truth_file.read_text(encoding="utf-8"))
    with av.open(str(tmp_path / "c.mp4")) as container:
        frames = list(container.decode(video=0))
    assert len(frames) == truth["frames"] == 15
    assert (frames[0].width, frames[0].height) == (640, 360) == tuple(truth["size"])
    (passage,) = truth["passages"]
    assert 0 <= passage["first"] <= passage["last"] < 15


@pytest.mark.parametrize(
    ("seconds", "size", "vehicles", "says"),
    [(2, (321, 180), 1, "321x180"), (2, (100, 80), 1, "100x80"), (1, (320, 180), 5, "vehicles 5: at most 1")],
)
def test_clips_that_cannot_be(seconds: float, size: tuple[int, int], vehicles: int, says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        ClipScene(seconds, 10, size, vehicles, 1)


def test_drawn_scenes_are_a_data_folder_with_exact_corners(tmp_path: Path) -> None:
    import cv2

    from streamer.geometry import quad_box
    from train.data.manifest import read_manifest

    assert synth_scenes(tmp_path / "d", 3, (640, 360), 5) == tmp_path / "d" / "manifest.jsonl"
    samples = read_manifest(tmp_path / "d", "scene", "dev")
    assert len(samples) == 3
    plates = [p for s in samples for p in s.plates]
    assert plates
    for plate in plates:
        assert plate.quad is not None
        assert np.allclose(quad_box(np.array(plate.quad)), plate.box)
    assert all(cv2.imread(str(s.path)).shape == (360, 640, 3) for s in samples)
    again = synth_scenes(tmp_path / "e", 3, (640, 360), 5)
    assert again.read_text() == (tmp_path / "d" / "manifest.jsonl").read_text()
    with pytest.raises(ConfigError, match="expected even numbers"):
        synth_scenes(tmp_path / "f", 1, (641, 360), 5)


@pytest.mark.parametrize("look", HARD, ids=[look.name for look in HARD])
def test_hard_looks_differ_from_a_fine_day(look: Look) -> None:
    day = ClipScene(2.0, 4, (320, 180), 1, 7)
    hard = ClipScene(2.0, 4, (320, 180), 1, 7, look)
    assert hard.frame(3).shape == (180, 320, 3)
    assert np.array_equal(hard.frame(3), hard.frame(3))
    if look.name != "squeezed":  # the encoder alone makes that one hard
        assert np.abs(hard.frame(3).astype(int) - day.frame(3)).mean() > 1


def test_a_folder_of_clips_can_be_measured(tmp_path: Path) -> None:
    table = synth_clips(tmp_path, 2, 1, 4, (320, 180), 1, hard=True)
    rows = [json.loads(line) for line in table.read_text(encoding="utf-8").splitlines()]
    assert [r["video"] for r in rows] == ["000-grain.mp4", "001-dusk.mp4"]
    assert all((tmp_path / r["video"]).stat().st_size > 1000 for r in rows)
    assert (tmp_path / "truth.jsonl").is_file()
