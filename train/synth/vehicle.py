"""Cars for drawn clips: a few shaded faces in space, the front with a plate bolted on. Lengths in metres.

A car's own space: x to the right as its front is seen, y up from the road, z from the front backwards.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np

from streamer.types import FloatArray, Image
from train.synth.plate import RenderedPlate

FRONT_PX = 520  # texture pixels a metre on the front: more than any picture shows of a plate
SIDE_PX = 220
WIDTH, FRONT_TOP, LENGTH = 1.8, 0.98, 4.4
BONNET, GLASS, ROOF = (0.0, 0.95), (0.95, 1.02), (1.75, 1.44)  # (z, y) of the leading edges
ROOF_END = 3.7
WAIST, CABIN = 0.95, 0.74  # height of the body's upper edge; how much narrower the cabin's top is
PAINTS = ((150, 150, 152), (52, 54, 58), (176, 172, 168), (96, 40, 34), (58, 64, 128), (205, 208, 208), (60, 78, 62))


@dataclass(frozen=True, eq=False)
class Face:
    """A flat textured quadrilateral: `texture` (h, w, 4) uint8 BGR with alpha (not premultiplied), `corners` (4, 3)
    of its top left, top right, bottom right and bottom left in the car's space."""

    texture: Image
    corners: FloatArray


@dataclass(frozen=True, eq=False)
class Vehicle:
    """`faces` from the hindmost to the foremost; `plate_corners` (4, 3) in the car's space, TL TR BR BL as it is
    read."""

    faces: tuple[Face, ...]
    plate: RenderedPlate
    plate_corners: FloatArray


def build_vehicle(rng: np.random.Generator, plate: RenderedPlate, plate_width: float, visible_side: int) -> Vehicle:
    """A car with this plate, `plate_width` m wide. `visible_side` +1 or -1: the x of the side that the camera sees."""
    b, g, r = PAINTS[int(rng.integers(len(PAINTS)))]
    paint = np.clip(np.array([b, g, r]) * rng.uniform(0.85, 1.15), 0, 255)
    front, corners = _front(rng, paint, plate, plate_width)
    half = WIDTH / 2
    faces = [
        *_strips(_side(rng, paint * 0.62), visible_side * half, 10),
        _slope(_roof(paint), ROOF, (ROOF_END, ROOF[1]), half * CABIN, half * CABIN),
        _slope(_glass(rng), GLASS, ROOF, half * 0.96, half * CABIN),
        _slope(_bonnet(paint), BONNET, GLASS, half * 0.98, half * 0.96),
        Face(front, np.array([[-half, FRONT_TOP, 0], [half, FRONT_TOP, 0], [half, 0, 0], [-half, 0, 0]])),
    ]
    return Vehicle(tuple(faces), plate, corners)


def _opaque(colour: np.ndarray, h: int, w: int) -> Image:
    out = np.full((h, w, 4), 255, np.uint8)
    out[..., :3] = np.clip(colour, 0, 255)
    return out


def _shaded(picture: Image, top: float, bottom: float) -> None:
    """Light from above: multiplies rows by a gain from `top` to `bottom`, in place."""
    gain = np.linspace(top, bottom, picture.shape[0])[:, None, None]
    picture[..., :3] = np.clip(picture[..., :3] * gain, 0, 255)


def _slope(
    texture: Image, near: tuple[float, float], far: tuple[float, float], half_near: float, half_far: float
) -> Face:
    (z1, y1), (z2, y2) = near, far
    return Face(texture, np.array([[-half_far, y2, z2], [half_far, y2, z2], [half_near, y1, z1], [-half_near, y1, z1]]))


def _strips(texture: Image, x: float, count: int) -> list[Face]:
    """The side, cut across into strips, so that those beside the camera can be left out. Hindmost first.

    The texture runs from the front (left) to the rear (right).
    """
    out = []
    h, w = texture.shape[:2]
    top = h / SIDE_PX
    waist = h - round(WAIST * SIDE_PX)  # the texture's row where the body ends and the cabin begins to lean in
    for k in reversed(range(count)):
        a, b = k * w // count, min(w, (k + 1) * w // count + 2)
        z1, z2 = a / w * LENGTH, b / w * LENGTH
        y, lean = (h - waist) / SIDE_PX, CABIN * x
        cabin = np.array([[lean, top, z1], [lean, top, z2], [x, y, z2], [x, y, z1]])
        body = np.array([[x, y, z1], [x, y, z2], [x, 0, z2], [x, 0, z1]])
        out.append(Face(np.ascontiguousarray(texture[:waist, a:b]), cabin))
        out.append(Face(np.ascontiguousarray(texture[waist:, a:b]), body))
    return out


def _roof(paint: np.ndarray) -> Image:
    texture = _opaque(paint * 1.1, 96, 96)
    _shaded(texture, 1.12, 0.95)
    return texture


def _bonnet(paint: np.ndarray) -> Image:
    """The bonnet mirrors the sky: brighter towards the windscreen, with two creases."""
    texture = _opaque(paint * 1.06, 140, 360)
    _shaded(texture, 1.25, 0.95)
    for x, lean in ((90, 22), (270, -22)):
        cv2.line(texture, (x + lean, 0), (x, 139), (*(paint * 0.8).tolist(), 255), 3, cv2.LINE_AA)
        cv2.line(
            texture, (x + lean + 4, 0), (x + 4, 139), (*np.clip(paint * 1.35, 0, 255).tolist(), 255), 2, cv2.LINE_AA
        )
    blurred: Image = cv2.GaussianBlur(texture, (0, 0), 1.2)
    return blurred


def _glass(rng: np.random.Generator) -> Image:
    """The windscreen: dark, the sky mirrored at its top, two seats and a wheel behind it."""
    texture = _opaque(np.array([52.0, 46.0, 40.0]), 150, 330)
    for x in (90, 240):
        cv2.ellipse(texture, (x, 120), (42, 74), 0, 0, 360, (34, 31, 29, 255), -1, cv2.LINE_AA)
    cv2.circle(texture, (236, 150), 34, (22, 20, 19, 255), 5, cv2.LINE_AA)
    sky = np.linspace(0.62, 0.0, 150)[:, None, None] * np.array([205, 188, 172])
    lean = rng.uniform(0.6, 1.0)
    texture[..., :3] = np.clip(texture[..., :3] * (1 - 0.3 * lean) + lean * sky, 0, 255)
    cv2.rectangle(texture, (0, 0), (329, 149), (24, 24, 24, 255), 7)
    blurred: Image = cv2.GaussianBlur(texture, (0, 0), 1.4)
    return blurred


def _side(rng: np.random.Generator, paint: np.ndarray) -> Image:
    h, w = round(1.44 * SIDE_PX), round(LENGTH * SIDE_PX)
    texture = np.zeros((h, w, 4), np.uint8)

    def px(z: float, y: float) -> tuple[int, int]:
        return round(z * SIDE_PX), h - round(y * SIDE_PX)

    body = [(0, 0.2), (0, 0.9), (0.95, 1.0), (1.8, 1.42), (3.4, 1.42), (4.3, 1.0), (4.4, 0.3), (4.3, 0.2)]
    cv2.fillPoly(texture, [np.array([px(*p) for p in body])], (*paint.tolist(), 255), cv2.LINE_AA)
    _shaded(texture, 1.15, 0.75)
    for pane in (
        [(1.2, 1.0), (1.9, 1.36), (2.55, 1.36), (2.55, 1.0)],
        [(2.65, 1.0), (2.65, 1.36), (3.35, 1.36), (3.95, 1.0)],
    ):
        cv2.fillPoly(texture, [np.array([px(*p) for p in pane])], (58, 50, 44, 255), cv2.LINE_AA)
    for z in (1.2, 2.6, 3.7):
        cv2.line(texture, px(z, 0.25), px(z, 0.98), (*(paint * 0.6).tolist(), 255), 2, cv2.LINE_AA)
    rim = int(rng.integers(120, 190))
    for z in (0.85, 3.5):
        cv2.circle(texture, px(z, 0.32), round(0.33 * SIDE_PX), (20, 20, 20, 255), -1, cv2.LINE_AA)
        cv2.circle(texture, px(z, 0.32), round(0.2 * SIDE_PX), (rim, rim, rim, 255), -1, cv2.LINE_AA)
        cv2.circle(texture, px(z, 0.32), round(0.06 * SIDE_PX), (50, 50, 50, 255), -1, cv2.LINE_AA)
    return texture


def _front(
    rng: np.random.Generator, paint: np.ndarray, plate: RenderedPlate, plate_width: float
) -> tuple[Image, FloatArray]:
    """The front's texture and the plate's corners in the car's space."""
    s = FRONT_PX
    h, w = round(FRONT_TOP * s), round(WIDTH * s)
    texture = np.zeros((h, w, 4), np.uint8)

    def px(x: float, y: float) -> tuple[int, int]:
        return round((x + WIDTH / 2) * s), h - round(y * s)

    def shape(points: list[tuple[float, float]], colour: tuple[float, float, float]) -> None:
        cv2.fillPoly(texture, [np.array([px(*p) for p in points])], (*colour, 255), cv2.LINE_AA)

    def both(points: list[tuple[float, float]], colour: tuple[float, float, float]) -> None:
        shape(points, colour)
        shape([(-x, y) for x, y in points], colour)

    both([(0.62, 0.0), (0.62, 0.4), (0.86, 0.4), (0.86, 0.02)], (18, 18, 19))  # tyres
    shape([(-0.6, 0.16), (0.6, 0.16), (0.6, 0.4), (-0.6, 0.4)], (12, 12, 12))  # under the car
    b, g, r = (float(v) for v in paint)
    outline = [(-0.84, 0.2), (-0.9, 0.3), (-0.9, 0.7), (-0.86, 0.92), (-0.78, 0.97)]
    shape([*outline, *[(-x, y) for x, y in reversed(outline)]], (b, g, r))
    _shaded(texture, 1.1, 0.55)
    _grille(rng, texture, shape, px)
    both([(0.42, 0.66), (0.46, 0.79), (0.84, 0.86), (0.87, 0.72), (0.66, 0.65)], (44, 42, 40))  # headlights
    for x in (-1, 1):
        for at, radius in ((0.58, 0.052), (0.73, 0.06)):
            cv2.circle(texture, px(x * at, 0.745), round(radius * s), (196, 190, 184, 255), -1, cv2.LINE_AA)
            cv2.circle(texture, px(x * at, 0.75), round(0.55 * radius * s), (242, 238, 232, 255), -1, cv2.LINE_AA)
    shape([(-0.5, 0.23), (-0.56, 0.35), (0.56, 0.35), (0.5, 0.23)], (26, 25, 25))  # lower intake
    both([(0.62, 0.3), (0.64, 0.38), (0.8, 0.38), (0.78, 0.3)], (34, 33, 33))  # fog lamps
    for y, gain in ((0.6, 0.72), (0.585, 1.18), (0.41, 0.75)):  # creases of the bumper
        line = tuple(np.clip(paint * gain * 0.85, 0, 255).tolist())
        cv2.line(texture, px(-0.86, y + 0.02), px(0.86, y + 0.02), (*line, 255), 3, cv2.LINE_AA)
    texture[..., :3] = cv2.GaussianBlur(texture[..., :3], (0, 0), 1.6)
    return texture, _bolt(rng, texture, plate, plate_width, s, h)


def _grille(
    rng: np.random.Generator,
    texture: Image,
    shape: Callable[[list[tuple[float, float]], tuple[float, float, float]], None],
    px: Callable[[float, float], tuple[int, int]],
) -> None:
    shape([(-0.36, 0.63), (-0.41, 0.82), (0.41, 0.82), (0.36, 0.63)], (24, 23, 23))
    bars = int(rng.integers(4, 8))
    chrome = int(rng.integers(70, 170))
    for k in range(bars):
        y = 0.65 + 0.16 * (k + 0.5) / bars
        cv2.line(texture, px(-0.37, y), px(0.37, y), (chrome, chrome, chrome, 255), 4, cv2.LINE_AA)
    cv2.circle(texture, px(0, 0.73), round(0.058 * FRONT_PX), (30, 30, 30, 255), -1, cv2.LINE_AA)
    cv2.circle(texture, px(0, 0.73), round(0.05 * FRONT_PX), (188, 186, 184, 255), 5, cv2.LINE_AA)


def _bolt(rng: np.random.Generator, texture: Image, plate: RenderedPlate, width: float, s: int, h: int) -> FloatArray:
    """Sets the plate into its holder and returns its corners (4, 3). Whole texture pixels, so that the corners are
    exact."""
    pw = round(width * s)
    ph = round(pw * plate.image_bgr.shape[0] / plate.image_bgr.shape[1])
    x = texture.shape[1] // 2 - pw // 2 + int(rng.integers(-8, 9))
    y = h - round(0.49 * s) - ph // 2
    rim = 7
    holder = texture[y - rim : y + ph + rim, x - rim : x + pw + rim, :3]
    holder[:] = (22, 22, 22)
    # The bumper's edge throws a little shade on the plate's top.
    small = cv2.resize(plate.image_bgr, (pw, ph), interpolation=cv2.INTER_AREA).astype(np.float32)
    gain = np.interp(np.arange(ph) / ph, [0, 0.12, 1], [0.78, 0.97, 0.9])[:, None, None]
    texture[y : y + ph, x : x + pw, :3] = np.clip(small * gain, 0, 255)
    for bx in (0.16, 0.84):
        cv2.circle(texture, (x + round(bx * pw), y + max(4, ph // 14)), 4, (120, 120, 120, 255), -1, cv2.LINE_AA)
    left, right = x / s - WIDTH / 2, (x + pw) / s - WIDTH / 2
    top, bottom = (h - y) / s, (h - y - ph) / s
    k = FRONT_TOP / (h / s)  # the texture's height was rounded to pixels
    kx = WIDTH / (texture.shape[1] / s)
    left, right = (x * kx) / s - WIDTH / 2, ((x + pw) * kx) / s - WIDTH / 2
    return np.array([[left, top * k, 0], [right, top * k, 0], [right, bottom * k, 0], [left, bottom * k, 0]])
