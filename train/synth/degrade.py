"""What light, dirt, lenses and cameras do to a plate: uint8 in, uint8 of the same shape out, random in strength."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

from streamer.types import Image
from train.data.photometric import jpeg, motion_blur, noise, tone


def gradient(rng: np.random.Generator, image: Image) -> Image:
    """Light that falls off across the plate."""
    h, w = image.shape[:2]
    angle, depth = rng.uniform(0, 2 * np.pi), rng.uniform(0.1, 0.6)
    x, y = np.linspace(-0.5, 0.5, w, dtype=np.float32), np.linspace(-0.5, 0.5, h, dtype=np.float32)
    gain = 1 + depth * (np.cos(angle) * x[None, :] + np.sin(angle) * y[:, None])
    return _times(image, gain * float(rng.uniform(0.75, 1.1)))


def shadow(rng: np.random.Generator, image: Image) -> Image:
    """A straight-edged shadow, as a bonnet, a pole or a neighbour casts."""
    h, w = image.shape[:2]
    if rng.random() < 0.5:  # across the top or bottom
        y = rng.uniform(0.15, 0.6) * h
        edge = [(0, 0), (w, 0), (w, y + rng.normal(0, 0.12 * h)), (0, y + rng.normal(0, 0.12 * h))]
        points = np.array(edge if rng.random() < 0.7 else [(x, h - q) for x, q in edge])
    else:
        x, lean, wide = rng.uniform(-0.1, 0.9) * w, rng.normal(0, 0.5) * h, rng.uniform(0.1, 0.5) * w
        points = np.array([(x, 0), (x + wide, 0), (x + wide + lean, h), (x + lean, h)])
    mask = np.zeros((h, w), np.float32)
    cv2.fillConvexPoly(mask, points.round().astype(np.int32), 1.0)
    mask = cv2.GaussianBlur(mask, (0, 0), float(rng.uniform(0.8, 0.06 * h + 1)))
    return _times(image, 1 - float(rng.uniform(0.25, 0.65)) * mask)


def dirt(rng: np.random.Generator, image: Image) -> Image:
    """Spots of mud and a veil of dust at the lower edge. Spots stay smaller than a character's strokes are apart."""
    h, w = image.shape[:2]
    mask = np.zeros((h, w), np.float32)
    for _ in range(int(rng.integers(1, 14))):
        centre = (int(rng.integers(0, w)), int(rng.integers(0, h)))
        axes = (int(rng.integers(1, max(2, h // 16))), int(rng.integers(1, max(2, h // 16))))
        cv2.ellipse(mask, centre, axes, float(rng.uniform(0, 180)), 0, 360, float(rng.uniform(0.3, 0.95)), -1)
    mask = cv2.GaussianBlur(mask, (0, 0), float(rng.uniform(0.6, 2.0)))
    if rng.random() < 0.5:
        veil = np.linspace(-0.3, 1, h, dtype=np.float32).clip(0, None)[:, None] * float(rng.uniform(0.05, 0.4))
        mask = np.maximum(mask, veil)
    return _towards(image, mask, rng.integers(40, 130) * np.array([0.8, 0.95, 1.05]))


def glare(rng: np.random.Generator, image: Image) -> Image:
    """A soft bright spot: the sun or a lamp on a part of the plate."""
    h, w = image.shape[:2]
    small = np.zeros((max(2, h // 4), max(2, w // 4)), np.float32)
    centre = (int(rng.integers(0, small.shape[1])), int(rng.integers(0, small.shape[0])))
    axes = (max(1, int(rng.uniform(0.1, 0.5) * h / 4)), max(1, int(rng.uniform(0.2, 1.2) * h / 4)))
    cv2.ellipse(small, centre, axes, float(rng.uniform(0, 180)), 0, 360, 1.0, -1)
    small = cv2.GaussianBlur(small, (0, 0), float(rng.uniform(0.06, 0.2) * h / 4 + 0.5))
    mask = cv2.resize(small, (w, h), interpolation=cv2.INTER_LINEAR) * float(rng.uniform(0.25, 0.85))
    return _towards(image, mask, np.array([250.0, 252.0, 255.0]))


def screws(rng: np.random.Generator, image: Image) -> Image:
    """Two to four bolts, in the places where plates have their holes."""
    h, w = image.shape[:2]
    image = image.copy()
    inset_x, inset_y = rng.uniform(0.06, 0.33) * w, rng.uniform(0.05, 0.12) * h
    places = [(inset_x, inset_y), (w - inset_x, inset_y)]
    if rng.random() < 0.5:
        places += [(inset_x, h - inset_y), (w - inset_x, h - inset_y)]
    if rng.random() < 0.2:
        places = [(0.03 * w, h / 2), (0.97 * w, h / 2)]
    radius, shade = max(1.0, rng.uniform(0.02, 0.05) * h), int(rng.integers(20, 230))
    for x, y in places:
        at = (round(8 * x), round(8 * y))
        cv2.circle(image, (at[0], at[1] + 6), round(8 * radius * 1.15), (shade // 3,) * 3, -1, cv2.LINE_AA, 3)
        cv2.circle(image, at, round(8 * radius), (shade,) * 3, -1, cv2.LINE_AA, 3)
    return image


def defocus(rng: np.random.Generator, image: Image) -> Image:
    blurred: Image = cv2.GaussianBlur(image, (0, 0), float(rng.uniform(0.5, 0.035 * image.shape[0] + 0.6)))
    return blurred


def motion(rng: np.random.Generator, image: Image) -> Image:
    return motion_blur(rng, image, max(3.5, 0.09 * image.shape[0]))


def low_resolution(rng: np.random.Generator, image: Image) -> Image:
    """As seen from afar: shrunk to 12 to 60 px of height and enlarged again, by one of several filters."""
    h, w = image.shape[:2]
    low = min(float(h), float(np.exp(rng.uniform(np.log(12), np.log(60)))))
    size = (max(2, round(w * low / h)), max(2, round(low)))
    small = cv2.resize(image, size, interpolation=cv2.INTER_AREA if rng.random() < 0.8 else cv2.INTER_LINEAR)
    if rng.random() < 0.3:
        small = jpeg(rng, small, 25)
    back = (cv2.INTER_LINEAR, cv2.INTER_CUBIC, cv2.INTER_NEAREST)[int(rng.choice(3, p=[0.5, 0.42, 0.08]))]
    enlarged: Image = cv2.resize(small, (w, h), interpolation=back)
    return enlarged


STEPS: tuple[tuple[float, Callable[[np.random.Generator, Image], Image]], ...] = (
    (0.35, screws),
    (0.25, dirt),
    (0.5, gradient),
    (0.25, shadow),
    (0.12, glare),
    (0.7, tone),
    (0.3, defocus),
    (0.2, motion),
    (0.45, low_resolution),
    (0.3, lambda rng, image: noise(rng, image, 14)),
    (0.3, lambda rng, image: jpeg(rng, image, 25)),
)


def degrade(rng: np.random.Generator, image: Image) -> Image:
    """A plate as a camera may see it: each step with its chance, in nature's order (plate, light, lens, sensor, file).

    `image` (h, w, 3) uint8; returns the same shape. ValueError for another kind of array.
    """
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3:
        raise ValueError(f"image {image.shape} {image.dtype}: expected (h, w, 3) uint8")
    strength = float(rng.uniform(0.3, 1.3))
    for chance, step in STEPS:
        if rng.random() < min(0.9, chance * strength):
            image = step(rng, image)
    return image


def _times(image: Image, gain: np.ndarray) -> Image:
    full = np.broadcast_to(gain.astype(np.float32), image.shape[:2])
    product: Image = cv2.multiply(image, cv2.merge([np.ascontiguousarray(full)] * 3), dtype=cv2.CV_8U)
    return product


def _towards(image: Image, share: np.ndarray, colour: np.ndarray) -> Image:
    full = np.broadcast_to(share.astype(np.float32), image.shape[:2])[..., None]
    return (image * (1 - full) + colour.astype(np.float32) * full).clip(0, 255).astype(np.uint8)
