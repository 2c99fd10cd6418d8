"""Cameras that are not there, for tests of many at once."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

from streamkit import BLUE, GREEN, scene

from streamer.config.models import RunConfig
from streamer.errors import InputError
from streamer.source.source import StreamInfo
from streamer.types import Frame


class Camera:
    """Shows one plate, and calls `shown` after every frame; a `bad` one cannot be opened, a `broken` one has a bug."""

    live, finite = True, False

    def __init__(self, address: str, shown: Callable[[], None] = lambda: None) -> None:
        self.name, self.shown = address, shown
        self.warnings: list[str] = []

    def again(self) -> Camera:
        return type(self)(self.name, self.shown)

    def open(self) -> StreamInfo:
        if self.name == "bad":
            raise InputError("bad: cannot be opened")
        if self.name == "broken":
            raise ZeroDivisionError("a bug")
        return StreamInfo(self.name, 320, 180, live=True)

    def frames(self) -> Iterator[Frame]:
        colour = {"blue": BLUE, "green": GREEN}[self.name]
        for i in range(10_000):
            time.sleep(0.02)
            yield Frame(i, i / 50, 320, 180, bgr=scene(320, 180, (40, 40, colour)))
            self.shown()

    def close(self) -> None: ...


def config(**cameras: str) -> RunConfig:
    return RunConfig.model_validate({
        "cameras": {name: {"url": url} for name, url in cameras.items()},
        "live": {"backoff_s": 0.05, "give_up_s": 1.5},
    })  # fmt: skip
