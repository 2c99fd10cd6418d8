"""A street seen by a fixed camera: the projection, the background, and cars put into it with exact corners."""

from __future__ import annotations

from dataclasses import dataclass, field

import cv2
import numpy as np

from streamer.types import F32Array, FloatArray, Image
from train.synth.vehicle import LENGTH, WIDTH, Face, Vehicle

SUPER = 2  # cars are drawn at twice the size and shrunk
NEAR = 1.6  # m: what is nearer lies outside the picture, as lanes keep clear of the camera


@dataclass(frozen=True)
class Camera:
    """A pinhole above the road. World: x right, y up from the road, z ahead, in m; pictures in frame_xy."""

    width: int
    height: int
    above: float = 2.2
    pitch: float = 0.125

    @property
    def focal(self) -> float:
        return 1.72 * self.width

    def project(self, points: FloatArray) -> FloatArray:
        """(n, 3) points ahead of the camera to (n, 2) frame_xy."""
        rise, ahead = points[:, 1] - self.above, points[:, 2]
        c, s = np.cos(self.pitch), np.sin(self.pitch)
        depth, down = ahead * c - rise * s, -rise * c - ahead * s
        x = self.width / 2 + self.focal * points[:, 0] / depth
        y = self.height / 2 + self.focal * down / depth
        return np.stack([x, y], axis=1)


@dataclass
class Scene:
    """Camera, background picture and the drawing of cars over it."""

    camera: Camera
    background: Image
    _levels: dict[tuple[int, int], tuple[Face, Image]] = field(default_factory=dict)

    def corners(self, vehicle: Vehicle, x: float, y: float, z: float) -> FloatArray:
        """The plate's quad (4, 2) in frame_xy when the car's front stands at (x, y, z)."""
        return self.camera.project(vehicle.plate_corners + [x, y, z])

    def draw(self, frame: F32Array, vehicle: Vehicle, x: float, y: float, z: float) -> None:
        """Draws the car over a float32 frame (H, W, 3), in place."""
        self._shadow(frame, x, z)
        shown = []
        for face in vehicle.faces:
            corners = face.corners + [x, y, z]
            if corners[:, 2].min() > NEAR:
                shown.append((face, self.camera.project(corners)))
        if not shown:
            return
        every = np.concatenate([q for _, q in shown])
        x1, y1 = np.maximum(np.floor(every.min(0)).astype(int) - 1, 0)
        x2, y2 = np.minimum(np.ceil(every.max(0)).astype(int) + 1, (self.camera.width, self.camera.height))
        if x1 >= x2 or y1 >= y2:
            return
        layer = np.zeros(((y2 - y1) * SUPER, (x2 - x1) * SUPER, 4), np.float32)
        for face, quad in shown:
            self._over(layer, face, (quad - [x1, y1]) * SUPER)
        layer = cv2.resize(layer, (x2 - x1, y2 - y1), interpolation=cv2.INTER_AREA)
        view = frame[y1:y2, x1:x2]
        view *= 1 - layer[..., 3:] / 255
        view += layer[..., :3]

    def _over(self, layer: F32Array, face: Face, quad: FloatArray) -> None:
        """Puts a face over a layer of premultiplied float BGRA; `quad` is continuous in the layer's pixels."""
        low = np.maximum(np.floor(quad.min(0)).astype(int) - 1, 0)
        high = np.minimum(np.ceil(quad.max(0)).astype(int) + 1, (layer.shape[1], layer.shape[0]))
        if (low >= high).any():
            return
        texture = self._level(face, quad)
        h, w = texture.shape[:2]
        # Continuous coordinates put a pixel's centre at half, the warp puts it at a whole number.
        source = np.array([[0, 0], [w, 0], [w, h], [0, h]], np.float32) - 0.5
        target = (quad - low - 0.5).astype(np.float32)
        warp = cv2.getPerspectiveTransform(source, target)
        size = (int(high[0] - low[0]), int(high[1] - low[1]))
        piece = cv2.warpPerspective(texture, warp, size, flags=cv2.INTER_LINEAR).astype(np.float32)
        view = layer[low[1] : high[1], low[0] : high[0]]
        view *= 1 - piece[..., 3:] / 255
        view += piece

    def _level(self, face: Face, quad: FloatArray) -> Image:
        """The texture, premultiplied, shrunk so far that the warp skips no pixels."""
        h, w = face.texture.shape[:2]
        wide = max(np.linalg.norm(quad[1] - quad[0]), np.linalg.norm(quad[2] - quad[3]), 1.0)
        high = max(np.linalg.norm(quad[3] - quad[0]), np.linalg.norm(quad[2] - quad[1]), 1.0)
        fx, fy = (int(np.clip(np.floor(2 * np.log2(v)), 0, 16)) for v in (w / wide, h / high))
        key = (id(face), 100 * fx + fy)
        if key not in self._levels:
            full = face.texture.astype(np.float32)
            full[..., :3] *= full[..., 3:] / 255
            size = (max(2, round(w / 2 ** (fx / 2))), max(2, round(h / 2 ** (fy / 2))))
            small = cv2.resize(full, size, interpolation=cv2.INTER_AREA)
            # The face is kept beside its texture: while it lives here its id belongs to no other.
            self._levels[key] = (face, np.clip(small + 0.5, 0, 255).astype(np.uint8))
        return self._levels[key][1]

    def _shadow(self, frame: F32Array, x: float, z: float) -> None:
        """A soft dark patch on the road under the car."""
        half, near = WIDTH / 2 + 0.12, max(z - 0.25, NEAR)
        if z + LENGTH < near + 0.3:
            return
        ground = np.array(
            [[x - half, 0, z + LENGTH], [x + half, 0, z + LENGTH], [x + half, 0, near], [x - half, 0, near]]
        )
        quad = self.camera.project(ground)
        soft = max(1.5, 0.02 * self.camera.width * 6 / max(z, 3))
        x1, y1 = np.maximum(np.floor(quad.min(0) - 3 * soft).astype(int), 0)
        limit = (self.camera.width, self.camera.height)
        x2, y2 = np.minimum(np.ceil(quad.max(0) + 3 * soft).astype(int), limit)
        if x1 >= x2 or y1 >= y2:
            return
        mask = np.zeros((y2 - y1, x2 - x1), np.float32)
        cv2.fillConvexPoly(mask, np.round(quad - [x1, y1]).astype(np.int32), 1.0, cv2.LINE_AA)
        frame[y1:y2, x1:x2] *= 1 - 0.62 * cv2.GaussianBlur(mask, (0, 0), soft)[..., None]


def street(rng: np.random.Generator, camera: Camera) -> Image:
    """The background (H, W, 3) uint8: sky, buildings, trees, pavements and a road with two lanes."""
    w, h = camera.width, camera.height
    horizon = round(float(camera.project(np.array([[0.0, 0.0, 4000.0]]))[0, 1]))
    picture = np.zeros((h, w, 3), np.float32)
    _sky(rng, picture, horizon)
    _buildings(rng, picture, horizon)
    _trees(rng, picture, horizon)
    _ground(rng, picture, camera, horizon)
    soft: F32Array = cv2.GaussianBlur(picture, (0, 0), 0.8)
    return np.clip(soft, 0, 255).astype(np.uint8)


def _noise(rng: np.random.Generator, h: int, w: int, scales: tuple[tuple[float, float], ...]) -> F32Array:
    """Smooth random fields of several sizes (px) and strengths, summed."""
    out = np.zeros((h, w), np.float32)
    for size, strength in scales:
        small = rng.normal(0, 1, (max(2, round(h / size)), max(2, round(w / size)))).astype(np.float32)
        out += strength * cv2.resize(small, (w, h), interpolation=cv2.INTER_CUBIC)
    return out


def _sky(rng: np.random.Generator, picture: F32Array, horizon: int) -> None:
    h, w = picture.shape[:2]
    rows = np.linspace(0, 1, h)[:, None, None]
    picture[:] = (1 - rows) * np.array([225, 205, 188]) + rows * np.array([232, 226, 220])
    picture += _noise(rng, h, w, ((w / 4, 5), (w / 12, 3)))[..., None]


def _buildings(rng: np.random.Generator, picture: F32Array, horizon: int) -> None:
    w = picture.shape[1]
    x = -20
    while x < w:
        wide, base = int(rng.uniform(0.08, 0.2) * w), horizon + 6
        wall = rng.uniform(95, 185) * np.array([0.92, 0.98, 1.04]) + rng.normal(0, 8, 3)
        top = max(0, horizon - int(rng.uniform(0.4, 1.6) * horizon))
        block = picture[top:base, max(x, 0) : min(x + wide, w)]
        block[:] = wall + _noise(rng, block.shape[0], block.shape[1], ((3, 4), (40, 6)))[..., None] if block.size else 0
        pitch = int(rng.integers(14, 26))
        for wy in range(top + 6, base - 8, pitch):
            for wx in range(x + 6, x + wide - 8, pitch):
                shade = rng.uniform(45, 120)
                cv2.rectangle(
                    picture, (wx, wy), (wx + pitch // 2, wy + int(0.6 * pitch)), (shade * 1.1, shade, shade * 0.9), -1
                )
        x += wide + int(rng.integers(0, 14))


def _trees(rng: np.random.Generator, picture: F32Array, horizon: int) -> None:
    h, w = picture.shape[:2]
    mask = np.zeros((h, w), np.float32)
    for _ in range(14):
        side = rng.choice([-1, 1])
        x = w / 2 + side * rng.uniform(0.22, 0.52) * w
        radius = rng.uniform(0.02, 0.05) * w
        for _ in range(9):
            at = (int(x + rng.normal(0, 0.7 * radius)), int(horizon - radius + rng.normal(0, 0.6 * radius)))
            cv2.circle(mask, at, int(radius * rng.uniform(0.4, 0.9)), 1.0, -1, cv2.LINE_AA)
        cv2.line(mask, (int(x), horizon + 8), (int(x), int(horizon - radius)), 1.0, max(2, int(radius / 7)))
    mask = cv2.GaussianBlur(mask, (0, 0), 1.5)[..., None]
    leaves = np.array([52.0, 82.0, 66.0]) + _noise(rng, h, w, ((3, 13), (9, 12), (30, 8)))[..., None]
    picture[:] = picture * (1 - mask) + leaves * mask


def _ground(rng: np.random.Generator, picture: F32Array, camera: Camera, horizon: int) -> None:
    """The road plane, drawn from above and seen through the camera, twice as large as needed and shrunk."""
    px, wide, far, near = 26, 26.0, 95.0, 2.0
    tw, th = round(wide * px), round((far - near) * px)
    road = np.zeros((th, tw, 3), np.float32)
    road[:] = np.array([104, 104, 102]) + _noise(rng, th, tw, ((2, 9), (5, 7), (40, 6), (240, 5)))[..., None]

    def column(x: float) -> int:
        return round((x + wide / 2) * px)

    for side in (-1, 1):  # pavements with kerbs
        a, b = sorted((column(side * 3.9), column(side * 13)))
        road[:, a:b] = np.array([150, 154, 156]) + _noise(rng, th, b - a, ((3, 7), (60, 8)))[..., None]
        road[:, column(side * 3.9) - 4 : column(side * 3.9) + 4] = (182, 184, 186)
        road[:, column(side * 3.35) - 2 : column(side * 3.35) + 2] = (214, 216, 216)
        for track in (0.8, 2.3):  # worn wheel tracks
            road[:, column(side * track) - 8 : column(side * track) + 8] *= 0.94
    for z in range(0, th, 6 * px):  # dashes between the lanes
        road[z : z + 3 * px, column(0) - 2 : column(0) + 2] = (212, 216, 218)
    for _ in range(12):  # cracks and seams filled with tar
        start = rng.uniform([0.35 * tw, 0], [0.65 * tw, th])
        steps = np.cumsum(rng.normal(0, [9, 26], (14, 2)), axis=0)
        cv2.polylines(road, [np.round(start + steps).astype(np.int32)], False, (62, 62, 62), 2, cv2.LINE_AA)
    plane = np.array([[-wide / 2, 0, far], [wide / 2, 0, far], [wide / 2, 0, near], [-wide / 2, 0, near]])
    h, w = picture.shape[:2]
    source = np.array([[0, 0], [tw, 0], [tw, th], [0, th]], np.float32) - 0.5
    target = (camera.project(plane) * 2 - 0.5).astype(np.float32)
    seen = cv2.warpPerspective(
        road, cv2.getPerspectiveTransform(source, target), (2 * w, 2 * h), flags=cv2.INTER_LINEAR
    )
    full = np.full((2 * h, 2 * w, 1), 1, np.float32)
    full[: round(float(camera.project(plane[:1])[0, 1] * 2))] = 0
    seen = cv2.resize(seen, (w, h), interpolation=cv2.INTER_AREA)
    cover = cv2.resize(full, (w, h), interpolation=cv2.INTER_AREA)[..., None]
    haze = np.clip((np.arange(h) - horizon) / (0.16 * h), 0, 1)[:, None, None]
    seen = haze * seen + (1 - haze) * np.array([128, 130, 130])
    picture[:] = picture * (1 - cover) + seen * cover
