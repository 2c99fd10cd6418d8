"""Recovery of a feed from every fault: seconds until intact frames arrive again, and leaked resources."""

from __future__ import annotations

import gc
import random
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from streamer.chaos.clip_camera import ClipCamera
from streamer.chaos.fault_types import Fault
from streamer.chaos.inject import begin, end
from streamer.chaos.proxy import FaultyProxy
from streamer.config.models import LiveConfig
from streamer.source.file import VideoSource
from streamer.source.reconnect import LiveFeed
from streamer.source.source import StreamInfo
from streamer.types import Frame

CATALOGUE = (
    *(Fault(name) for name in ("refuse", "silent", "cut", "storm", "stall", "freeze", "resize", "jump")),
    *(Fault(name, percent) for name in ("loss", "reorder", "duplicate", "corrupt") for percent in (1, 5, 20)),
)
_STEADY_S = 2.0  # of intact frames before a fault begins
_TIMEOUT_S = 30.0
_IN_HAND = 4  # three queued, one being decoded


@dataclass(frozen=True)
class Outcome:
    """The result for one fault: `recovered_s` from its end to the first intact frame, for each repeat; `after_key_s`,
    the part of these since a key frame was sent again; frames during the fault; reconnects; frames that were decoded
    but `lost`; threads and MB of memory at the end, less those at the beginning."""

    fault: Fault
    recovered_s: tuple[float, ...]
    after_key_s: tuple[float, ...]
    frames_during: int
    reconnects: int
    lost: int
    threads: int
    memory_mb: float


class _Counted:
    """A source that counts its decoded frames over all connections."""

    def __init__(self, source: VideoSource, count: list[int]) -> None:
        self._source, self._count = source, count
        self.name, self.live, self.warnings = source.name, source.live, source.warnings

    @property
    def finite(self) -> bool:
        return self._source.finite

    def again(self) -> _Counted:
        return _Counted(self._source.again(), self._count)

    def open(self) -> StreamInfo:
        return self._source.open()

    def frames(self) -> Iterator[Frame]:
        for frame in self._source.frames():
            self._count[0] += 1
            yield frame

    def close(self) -> None:
        self._source.close()


class Watcher:
    """Reads a camera in a thread within the context: `came`, arrival of the last frame; `seen`, number of frames;
    `size` of the last one."""

    def __init__(self, url: str, live: LiveConfig) -> None:
        self.seen, self.came, self.size = 0, 0.0, (0, 0)
        self._decoded = [0]
        self._stop = threading.Event()
        self.feed = LiveFeed(_Counted(VideoSource(url, live=live), self._decoded), live, self._stop)
        self._thread = threading.Thread(target=self._follow, name="alpr-watcher", daemon=True)
        self._thread.start()

    def _follow(self) -> None:
        for frame in self.feed:
            if frame is not None:
                self.seen, self.came, self.size = self.seen + 1, time.monotonic(), (frame.width, frame.height)

    @property
    def lost(self) -> int:
        """Frames that were decoded but neither yielded, dropped nor still queued."""
        return max(0, self._decoded[0] - self.seen - self.feed.health.dropped - _IN_HAND)

    def frame_after(self, moment: float) -> float:
        """Waits for the first frame after that moment; returns the seconds in between, or raises TimeoutError."""
        while self.came <= moment:
            if time.monotonic() > moment + _TIMEOUT_S:
                raise TimeoutError(f"no frame arrived within {_TIMEOUT_S:.0f} s: {self.feed.health}")
            time.sleep(0.002)
        return self.came - moment

    def close(self) -> None:
        self._stop.set()
        self._thread.join()

    def __enter__(self) -> Watcher:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def try_faults(
    camera: ClipCamera,
    faults: Sequence[Fault],
    repeats: int,
    seconds: float,
    live: LiveConfig,
    *,
    wake_s: float = 20.0,
) -> Iterator[Outcome]:
    """Injects each fault `repeats` times for `seconds`; abandoned connections have `wake_s` to end. The camera's clips
    are `clip`, `still` and `other` (of another size)."""
    for fault in faults:
        before = threading.active_count(), resident_mb()
        recovered, after_key, during = [], [], 0
        with FaultyProxy("127.0.0.1", camera.port) as proxy:
            with Watcher(f"rtsp://127.0.0.1:{proxy.port}/clip", live) as watcher:
                for _ in range(repeats):
                    watcher.frame_after(time.monotonic())
                    time.sleep(_STEADY_S + random.random())  # key frames come once a second: vary the phase
                    seen_before = watcher.seen
                    begin(fault, camera, proxy)
                    time.sleep(seconds)
                    during += watcher.seen - seen_before
                    until_key, since_key = _recovered(fault, camera, proxy, watcher)
                    recovered.append(until_key + since_key)
                    after_key.append(since_key)
            reconnects, lost = watcher.feed.health.reconnects, watcher.lost
        del watcher
        until = time.monotonic() + wake_s
        while threading.active_count() > before[0] and time.monotonic() < until:
            time.sleep(0.1)
        gc.collect()
        left = threading.active_count() - before[0], resident_mb() - before[1]
        yield Outcome(fault, tuple(recovered), tuple(after_key), during, reconnects, lost, *left)


def _recovered(fault: Fault, camera: ClipCamera, proxy: FaultyProxy, watcher: Watcher) -> tuple[float, float]:
    """Seconds from the fault's end to the first key frame sent, and from there to the first intact frame."""
    end(fault, camera, proxy)
    ended = time.monotonic()
    while proxy.key_at is None or proxy.key_at <= ended:  # earlier frames may refer to lost ones
        if time.monotonic() > ended + _TIMEOUT_S:
            raise TimeoutError(f"{fault}: no key frame was sent within {_TIMEOUT_S:.0f} s of its end")
        time.sleep(0.002)
    key_at = proxy.key_at
    return key_at - ended, watcher.frame_after(key_at)


def resident_mb() -> float:
    """The resident memory of this process in MB; 0 where the system has no /proc."""
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="utf-8").split()[1])
    except OSError:
        return 0.0
    return pages * 4096 / 1e6
