"""How a camera shows a drawn street: light, weather, exposure, sensor and compression."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from streamer.types import Image


@dataclass(frozen=True)
class Look:
    """`light` scales the picture, `noise` is the sensor's in grey levels, `shutter` in seconds (drawn at `moments`),
    `blur` the lens's in px, `rain` streaks a picture, `colour` False as infrared cameras see, `crf` the encoder's,
    `speed` the traffic's in m/s, `pole` whether a post stands before the road."""

    name: str = "day"
    light: float = 1.0
    noise: float = 1.4
    shutter: float = 1 / 500
    moments: int = 3
    blur: float = 0.0
    rain: int = 0
    colour: bool = True
    crf: int = 23
    speed: float = 7.4
    pole: bool = False

    def shown(self, picture: np.ndarray, rng: np.random.Generator) -> Image:
        """The picture (H, W, 3) float32 as the camera gives it, uint8."""
        h, w = picture.shape[:2]
        out = picture * self.light
        if self.pole:
            out[:, round(0.6 * w) : round(0.6 * w) + max(4, w // 40)] = 45.0 * self.light
        if self.rain:
            out = out + self._rain(rng, h, w)
        if self.blur:
            out = cv2.GaussianBlur(out, (0, 0), self.blur)
        if not self.colour:
            out = np.repeat(out.mean(-1, keepdims=True), 3, -1)
        if self.noise:
            out = out + cv2.resize(rng.normal(0, self.noise, (h, w, 1)).astype(np.float32), (w, h))[..., None]
        return np.clip(out + 0.5, 0, 255).astype(np.uint8)

    def _rain(self, rng: np.random.Generator, height: int, width: int) -> np.ndarray:
        layer = np.zeros((height, width), np.float32)
        for _ in range(self.rain):
            x, y = int(rng.integers(width)), int(rng.integers(height))
            length = int(rng.integers(height // 30, height // 10))
            cv2.line(layer, (x, y), (x + length // 6, y + length), float(rng.uniform(15, 60)), 1, cv2.LINE_AA)
        return layer[..., None]


EASY = (Look(),)
HARD = (
    Look("grain", noise=16, moments=1, crf=30),
    Look("dusk", light=0.35, noise=7, shutter=1 / 120, crf=28),
    Look("infrared", light=0.3, noise=6, moments=1, colour=False, blur=0.9, crf=28),
    Look("rain", rain=120, blur=0.9, noise=5, moments=1, light=0.8, crf=30),
    Look("soft", blur=1.3, noise=3, moments=1, crf=32),
    Look("fast", speed=15.0, shutter=1 / 100, noise=5, crf=28),
    Look("pole", pole=True, noise=8, moments=1, blur=0.8, crf=30),
    Look("squeezed", crf=36, noise=4, moments=1),
)
