from __future__ import annotations

import numpy as np
import pytest

from streamer.tracking.picture_change import CHANGED, TOUCHED, PictureChange, blocks_of
from streamer.types import F32Array, Frame, Image, YuvPlanes


def frame(y: Image) -> F32Array | None:
    chroma = np.full((y.shape[0] // 2, y.shape[1] // 2), 128, np.uint8)
    return blocks_of(Frame(0, 0.0, y.shape[1], y.shape[0], planes=YuvPlanes(y, chroma, chroma, "bt709", False)))


def street(seed: int, light: float = 1.0, noise: float = 4.0) -> Image:
    scene = np.tile(np.linspace(20, 200, 1280), (720, 1))
    rng = np.random.default_rng(seed)
    return np.clip(light * scene + rng.normal(0, noise, scene.shape), 0, 255).astype(np.uint8)


def known(noise: float = 4.0) -> PictureChange:
    change = PictureChange()
    for k in range(6):
        change.learn(frame(street(k, noise=noise)))
    return change


def test_nothing_to_compare_with() -> None:
    assert PictureChange().of(frame(street(0))) == float("inf")
    assert PictureChange().of(blocks_of(Frame(0, 0.0, 64, 64))) == 0.0


@pytest.mark.parametrize("noise", [0.0, 4.0, 12.0])
@pytest.mark.parametrize("light", [0.8, 0.97, 1.0, 1.03, 1.15])
def test_noise_and_light_are_no_change(noise: float, light: float) -> None:
    assert known(noise).of(frame(street(100, light, noise))) < TOUCHED


@pytest.mark.parametrize("width", [30, 80, 400])  # px of a car far away, nearer, near
def test_a_car_is_a_change(width: int) -> None:
    change, picture = known(), street(100)
    picture[300 : 300 + width, 500 : 500 + width] = 70
    assert change.of(frame(picture)) >= CHANGED


def test_what_woke_for_nothing_becomes_usual() -> None:
    change, picture = known(), street(100)
    picture[100:160, 100:200] //= 2  # leaves
    assert change.of(frame(picture)) >= CHANGED
    change.learn(frame(picture), woke=True)
    change.learn(frame(street(101)))
    assert change.of(frame(picture)) < CHANGED
    picture[400:500, 700:900] = 255  # a car elsewhere
    assert change.of(frame(picture)) >= CHANGED


def test_another_size_is_another_scene() -> None:
    change = known()
    other = frame(np.full((240, 320), 90, np.uint8))
    assert change.of(other) == float("inf")
    change.learn(other)
    assert change.of(other) < TOUCHED


@pytest.mark.parametrize("size", [(2, 2), (9, 16), (64, 64)])
def test_small_pictures(size: tuple[int, int]) -> None:
    change, picture = PictureChange(), frame(np.full(size, 90, np.uint8))
    change.learn(picture)
    assert change.of(picture) < TOUCHED


def test_bgr_pictures() -> None:
    change = PictureChange()
    picture = np.full((90, 160, 3), 90, np.uint8)
    change.learn(blocks_of(Frame(0, 0.0, 160, 90, bgr=picture)))
    other = picture.copy()
    other[30:60, 50:100] = 200
    assert change.of(blocks_of(Frame(1, 0.1, 160, 90, bgr=other))) >= CHANGED
