"""A short traffic clip drawn by code, with the exact place and text of every plate: for demonstrations and tests.

Only built-in fonts are used, so that the clip may be given away.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from streamer.errors import ConfigError, OutputError
from streamer.geometry import quad_box
from streamer.types import FloatArray, Image
from train.synth.looks import EASY, HARD, Look
from train.synth.plate import PlateRenderer, RenderedPlate
from train.synth.scene import Camera, Scene, street
from train.synth.vehicle import Vehicle, build_vehicle

LANE = 1.5  # m from the middle of the road to the middle of a lane
END = 5.6  # m: where a plate leaves the picture or nearly so
LEGIBLE = 52.0  # px of width from which a plate of seven characters can be read
FARTHEST = 1 / 40  # of the picture's width: narrower plates of drawn scenes count neither as found nor as missed
TRACED = 24.0  # px of width from which the truth has a quad
LAYOUTS = ("cn-blue", "latin-eu", "cn-green", "cn-yellow", "latin-black", "cn-black")
PLATE_WIDTH = {"CN": 0.44, "EU": 0.52}
# Left out of Latin texts: no font tells them apart for certain, and a demonstration should not hang on luck.
AMBIGUOUS = set("O0QI1")
CREATED = "2024-05-01T08:00:00.000000Z"


@dataclass(frozen=True, eq=False)
class Passage:
    """One car's pass. Its front stands at (`x`, z) with z = `END` at `ends` seconds."""

    vehicle: Vehicle
    x: float
    ends: float
    speed: float

    def place(self, t: float) -> tuple[float, float, float]:
        """Where the front stands at a time; the body sways a few millimetres on its springs."""
        sway = 0.004 * np.sin(9.0 * t + 5 * self.ends)
        return self.x + 0.01 * float(np.sin(0.7 * t + self.ends)), float(sway), END + (self.ends - t) * self.speed


class ClipScene:
    """The clip as a function of time: pictures and truth.

    `size` (width, height) in px, both even; `look`: how the camera shows it. ConfigError for a size that cannot be
    encoded, or more vehicles than fit into the time.
    """

    def __init__(
        self,
        seconds: float,
        fps: int,
        size: tuple[int, int],
        vehicles: int,
        seed: int,
        look: Look | None = None,
    ) -> None:
        width, height = size
        if width % 2 or height % 2 or width < 320 or height < 180:
            raise ConfigError(f"size {width}x{height}: expected even numbers, 320x180 or more")
        spacing = min(2.0, (seconds - 0.3) / vehicles)
        if vehicles > 1 and spacing < 0.6:
            raise ConfigError(
                f"vehicles {vehicles}: at most {max(1, int((seconds - 0.3) / 0.6))} fit into {seconds:g} s"
            )
        self.frames, self.fps, self.size, self._seed = round(seconds * fps), fps, size, seed
        self._look = look or Look()
        rng = np.random.default_rng(seed)
        camera = Camera(width, height)
        self.scene = Scene(camera, street(rng, camera))
        renderer = PlateRenderer(None, system_fonts=False)
        self.passages = []
        for k in range(vehicles):
            side = -1 if k % 2 == 0 else 1
            plate = _plate(rng, renderer, LAYOUTS[k % len(LAYOUTS)])
            vehicle = build_vehicle(rng, plate, PLATE_WIDTH.get(plate.country, 0.48), -side)
            ends = seconds - 0.3 - (vehicles - 1 - k) * spacing
            self.passages.append(Passage(vehicle, side * LANE, ends, self._look.speed))

    def frame(self, index: int) -> Image:
        """The picture (H, W, 3) uint8 BGR of a frame: the mean over three moments of its exposure, with noise."""
        total = np.zeros((self.size[1], self.size[0], 3), np.float32)
        shutter, places = self._look.shutter, np.linspace(-1 / 3, 1 / 3, 3) if self._look.moments == 3 else [0.0]
        moments = [(index / self.fps) + s * shutter for s in places]
        for t in moments:
            picture = self.scene.background.astype(np.float32)
            for p in sorted(self.passages, key=lambda p: -p.place(t)[2]):
                self.scene.draw(picture, p.vehicle, *p.place(t))
            total += picture
        return self._look.shown(total / len(moments), np.random.default_rng((self._seed, index)))

    def quads(self, passage: Passage) -> dict[int, FloatArray]:
        """The plate's corners (4, 2) in frame_xy in every frame that shows the whole plate, TRACED px wide or more."""
        out = {}
        for k in range(self.frames):
            x, y, z = passage.place(k / self.fps)
            if z < 2.0:
                continue
            quad = self.scene.corners(passage.vehicle, x, y, z)
            inside = (quad >= 0).all() and (quad <= self.size).all()
            if inside and _width(quad) >= TRACED:
                out[k] = quad
        return out

    def hidden(self, passage: Passage, index: int) -> bool:
        """Whether some of the plate is in a frame's picture, yet too little or too small for `quads`."""
        x, y, z = passage.place(index / self.fps)
        if z < 0.5 or index in self.quads(passage):
            return False
        quad = self.scene.corners(passage.vehicle, x, y, z)
        return bool((quad.max(0) > 0).all() and (quad.min(0) < self.size).all())

    def truth(self) -> dict[str, Any]:
        """Everything known of the clip, ready for JSON; quads are rounded to a thousandth of a pixel."""
        passages = []
        for p in self.passages:
            quads = self.quads(p)
            legible = [k for k, q in quads.items() if _width(q) >= LEGIBLE]
            if not legible:
                continue
            plate = p.vehicle.plate
            passages.append({
                "text": plate.text, "colour": plate.colour, "rows": plate.rows, "country": plate.country,
                "first": legible[0], "last": legible[-1],
                "quads": {str(k): np.round(q, 3).tolist() for k, q in quads.items()},
            })  # fmt: skip
        width, height = self.size
        return {"schema": 1, "fps": self.fps, "size": [width, height], "frames": self.frames, "created": CREATED,
                "space": "frame_xy", "corners": "TL TR BR BL", "passages": passages}  # fmt: skip


def synth_clip(out: Path, seconds: float, fps: int, size: tuple[int, int], vehicles: int, seed: int) -> Path:
    """Writes the clip (H.264 in MP4) and its truth beside it (`NAME.truth.json`); returns the truth's path.

    OutputError when a file cannot be written, ConfigError as ClipScene.
    """
    from rich.progress import track

    scene = ClipScene(seconds, fps, size, vehicles, seed)
    pictures = (scene.frame(k) for k in track(range(scene.frames), "drawing frames", transient=True))
    truth = out.with_suffix(".truth.json")
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        _encode(out, pictures, fps, size)
        truth.write_text(json.dumps(scene.truth(), ensure_ascii=False, indent=None) + "\n", encoding="utf-8")
    except OSError as error:
        raise OutputError(f"video {out}: cannot be written ({error.strerror}); name another with --out") from error
    return truth


def synth_clips(
    out: Path, count: int, vehicles: int, fps: int, size: tuple[int, int], seed: int, hard: bool = False
) -> Path:
    """Writes `count` clips of `vehicles` cars each into `out`, with videos.jsonl and truth.jsonl as `alpr eval videos`
    reads them, and returns the table of videos. `hard`: at night, in rain, blurred, squeezed and behind a pole, clip by
    clip. OutputError when a file cannot be written, ConfigError as ClipScene."""
    from rich.progress import track

    looks = HARD if hard else EASY
    videos, truths = [], []
    try:
        out.mkdir(parents=True, exist_ok=True)
        for k in track(range(count), "drawing clips", transient=True):
            look = looks[k % len(looks)]
            name = f"{k:03d}-{look.name}.mp4"
            street = ClipScene(1.5 * vehicles + 2.5, fps, size, vehicles, seed + k, look)
            _encode(out / name, (street.frame(i) for i in range(street.frames)), fps, size, look.crf)
            truth = street.truth()
            videos.append({"video": name, "fps": fps, "size": list(size), "frames": street.frames, "ignore": []})
            truths += [_passage_row(name, p) for p in truth["passages"]]
        for table, rows in (("videos.jsonl", videos), ("truth.jsonl", truths)):
            (out / table).write_text("".join(json.dumps(r, ensure_ascii=False) + "\n" for r in rows), encoding="utf-8")
    except OSError as error:
        raise OutputError(f"folder {out}: cannot be written ({error.strerror}); name another with --out") from error
    return out / "videos.jsonl"


def _passage_row(video: str, passage: dict[str, Any]) -> dict[str, Any]:
    boxes = {k: quad_box(np.array(q)).round(1).tolist() for k, q in passage["quads"].items()}
    return {"video": video, "text": passage["text"], "first": passage["first"], "last": passage["last"], "boxes": boxes}


def synth_scenes(out: Path, count: int, size: tuple[int, int], seed: int) -> Path:
    """Writes `count` pictures of as many streets and their manifest (split `dev`); returns the manifest's path.

    Plates cut by the picture's edge or too far for exact corners are left without a label, and such pictures are marked
    incomplete. OutputError when the folder cannot be written or has a manifest, ConfigError as ClipScene.
    """
    from rich.progress import track

    rows = []
    manifest = out / "manifest.jsonl"
    if manifest.exists():
        raise OutputError(f"{manifest}: is there already; name a new folder with --out")
    try:
        out.mkdir(parents=True, exist_ok=True)
        for k in track(range(count), "drawing streets", transient=True):
            street = ClipScene(4.0, 5, size, 2, seed + k)  # one car a lane: none hides another
            at = int(np.random.default_rng((seed, k)).integers(street.frames))
            name = f"{k:05d}.png"
            if not cv2.imwrite(str(out / name), street.frame(at)):
                raise OutputError(f"picture {out / name}: cannot be written; is there room on the disk?")
            rows.append(_scene_row(street, at, name))
        manifest.write_text("".join(json.dumps(r, ensure_ascii=False) + "\n" for r in rows), encoding="utf-8")
    except OSError as error:
        raise OutputError(f"folder {out}: cannot be written ({error.strerror}); name another with --out") from error
    return manifest


def _scene_row(street: ClipScene, at: int, name: str) -> dict[str, Any]:
    """The manifest's line for one frame of a street."""
    plates = []
    for p in street.passages:
        quad = street.quads(p).get(at)
        if quad is not None:
            text, rows = p.vehicle.plate.text, p.vehicle.plate.rows
            plates.append({
                "text": text, "box": quad_box(quad).tolist(), "quad": quad.tolist(), "rows": rows,
                "ignore": _width(quad) < FARTHEST * street.size[0],
            })  # fmt: skip
    return {
        "path": name, "kind": "scene", "split": "dev", "set": "drawn", "size": list(street.size), "real": False,
        "complete": not any(street.hidden(p, at) for p in street.passages), "plates": plates,
    }  # fmt: skip


def _encode(out: Path, pictures: Iterator[Image], fps: int, size: tuple[int, int], crf: int = 23) -> None:
    import av
    from av.video.reformatter import ColorRange, Colorspace

    with av.open(str(out), "w") as container:
        container.metadata["creation_time"] = CREATED
        matrix = "colorprim=bt709:transfer=bt709:colormatrix=bt709"
        options = {"crf": str(crf), "preset": "medium", "x264-params": matrix}
        stream = container.add_stream("libx264", rate=fps, options=options)
        stream.width, stream.height, stream.pix_fmt = *size, "yuv420p"
        stream.time_base = Fraction(1, fps)
        for k, picture in enumerate(pictures):
            frame = av.VideoFrame.from_ndarray(picture, format="bgr24")
            frame = frame.reformat(format="yuv420p", dst_colorspace=Colorspace.ITU709, dst_color_range=ColorRange.MPEG)
            frame.pts, frame.time_base = k, Fraction(1, fps)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def _plate(rng: np.random.Generator, renderer: PlateRenderer, layout: str) -> RenderedPlate:
    for _ in range(200):
        plate = renderer.render(rng, layout)
        if layout.startswith("cn") or not AMBIGUOUS & set(plate.text):
            return plate
    raise ConfigError(f"plate layout {layout}: every text holds one of {''.join(sorted(AMBIGUOUS))}; choose another")


def _width(quad: FloatArray) -> float:
    return float((np.linalg.norm(quad[1] - quad[0]) + np.linalg.norm(quad[2] - quad[3])) / 2)
