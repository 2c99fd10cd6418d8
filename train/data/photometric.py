"""Light, colour, blur, noise and compression, as cameras make them. uint8 in, uint8 out."""

from __future__ import annotations

import cv2
import numpy as np

from streamer.types import FloatArray, Image


def tone(rng: np.random.Generator, image: Image) -> Image:
    """Brightness, contrast, gamma and a colour cast in one look-up table for each channel."""
    x = np.arange(256, dtype=np.float32)
    gamma = float(np.exp(rng.normal(0, 0.3)))
    base = 255 * (x / 255) ** gamma
    contrast, brightness = float(rng.uniform(0.55, 1.35)), float(rng.normal(0, 22))
    cast = np.exp(rng.normal(0, 0.06, 3))
    table = (base[:, None] - 128) * contrast * cast + 128 * cast + brightness
    toned: Image = cv2.LUT(image, np.clip(table, 0, 255).astype(np.uint8)[None])
    return toned


def motion_blur(rng: np.random.Generator, image: Image, longest: float) -> Image:
    n = int(rng.integers(3, max(4, round(longest) + 1)))
    kernel = np.zeros((n, n), np.float32)
    angle = rng.uniform(0, np.pi) if rng.random() < 0.5 else 0.0
    half = (n - 1) / 2
    dx, dy = np.cos(angle) * half, np.sin(angle) * half
    p, q = (round(half - dx), round(half - dy)), (round(half + dx), round(half + dy))
    cv2.line(kernel, p, q, 1.0)
    blurred: Image = cv2.filter2D(image, -1, kernel / kernel.sum())
    return blurred


def jpeg(rng: np.random.Generator, image: Image, lowest: int) -> Image:
    quality = int(rng.integers(lowest, 90))
    ok, data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])
    decoded: Image | None = cv2.imdecode(data, cv2.IMREAD_COLOR) if ok else None
    return image if decoded is None else decoded


def noise(rng: np.random.Generator, image: Image, strongest: float) -> Image:
    """Gaussian sensor noise. One small field is drawn and tiled: a fresh one for each pixel is the dearest step there
    is."""
    sigma = float(rng.uniform(2, strongest))
    h, w = image.shape[:2]
    tile = rng.normal(0, sigma, (min(h, 112), min(w, 112), 3)).astype(np.int16)
    field = np.tile(tile, (-(-h // tile.shape[0]), -(-w // tile.shape[1]), 1))[:h, :w]
    noisy: Image = np.clip(image + field, 0, 255).astype(np.uint8)
    return noisy


def night(rng: np.random.Generator, image: Image, plates: FloatArray) -> Image:
    """After dark: the scene sinks, the plates (n, 4, 2) throw the lamp's light back, lights glare, the sensor's noise
    shows; half of them as an infrared camera sees it, without colour."""
    h, w = image.shape[:2]
    light = np.full((h, w), float(rng.uniform(0.08, 0.45)), np.float32)
    for quad in plates:
        cv2.fillConvexPoly(
            light, np.round((quad - 0.5) * 16).astype(np.int32), float(rng.uniform(0.3, 1.1)), cv2.LINE_AA, 4
        )
    glare = np.zeros((h, w), np.float32)
    for _ in range(int(rng.integers(0, 4))):
        x, y, r = rng.integers(w), rng.integers(h), rng.uniform(3, 40)
        cv2.circle(glare, (int(x), int(y)), max(1, int(r * 0.4)), float(rng.uniform(80, 400)), -1)
        glare = cv2.GaussianBlur(glare, (0, 0), r * 0.5) if r < 12 else cv2.blur(glare, (int(r), int(r)))
    dark = image * light[..., None] + glare[..., None]
    if rng.random() < 0.5:
        dark[:] = dark.mean(-1, keepdims=True)
    return noise(rng, np.clip(dark, 0, 255).astype(np.uint8), 10)


def lens(rng: np.random.Generator, image: Image) -> Image:
    """What the mildest camera does to a drawn picture: light that falls off to one side, edges a pixel wide, less
    contrast than ink has, soft noise and a little compression. Fitted to real crops (`alpr synth compare`)."""
    h, w = image.shape[:2]
    slope = rng.normal(0, 0.12, 2)
    light = 1 + slope[0] * np.linspace(-1, 1, w, dtype=np.float32) + slope[1] * np.linspace(-1, 1, h)[:, None]
    low, high = float(rng.uniform(10, 50)), float(rng.uniform(170, 250))
    cold = np.exp(rng.normal(0, 0.05, 3)).astype(np.float32)
    shown = (image.astype(np.float32) / 255 * (high - low) + low) * light.astype(np.float32)[..., None] * cold
    shown = cv2.GaussianBlur(shown, (0, 0), float(rng.uniform(0.35, 1.05)))
    grain = cv2.GaussianBlur(rng.normal(0, 1, image.shape).astype(np.float32), (0, 0), float(rng.uniform(0.4, 0.8)))
    shown += grain * float(rng.uniform(2, 11))
    return jpeg(rng, np.clip(shown, 0, 255).astype(np.uint8), 55)


def photometric(
    rng: np.random.Generator, image: Image, blur: float = 0.25, longest: float = 5.0, lowest_quality: int = 25
) -> Image:
    """A random camera. `blur` is the chance of blur, `longest` px the longest motion, `lowest_quality` the worst
    JPEG."""
    if rng.random() < 0.85:
        image = tone(rng, image)
    if rng.random() < 0.12:
        image = cv2.cvtColor(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2BGR)
    if rng.random() < blur:
        if rng.random() < 0.5:
            image = cv2.GaussianBlur(image, (0, 0), float(rng.uniform(0.5, longest / 3.5)))
        else:
            image = motion_blur(rng, image, longest)
    if rng.random() < 0.25:
        image = noise(rng, image, 14)
    if rng.random() < 0.25:
        image = jpeg(rng, image, lowest_quality)
    return image
