"""Live addresses: the arguments that open them, and the capture times of their pictures."""

from __future__ import annotations

import re
import struct
import time
from collections import OrderedDict, deque
from datetime import UTC, datetime, timedelta
from typing import Any

from streamer.config.models import LiveConfig
from streamer.types import TimeSource

_DEVICE = re.compile(r"/dev/video\d+$")
# PyAV's time-outs are longer than those of reconnect.py by this much: an abandoned connection wakes up this much later.
_MARGIN_S = 1.0
# How long FFmpeg analyses an RTSP stream before it returns pictures. The session description precedes them, so that a
# tenth of a second suffices; the default of 5 s makes every reconnection a second or two longer.
_ANALYSE_US = "100000"
_RESUME = {
    "reconnect": "1",
    "reconnect_on_network_error": "1",
    "reconnect_delay_max": "2",
    "reconnect_max_retries": "3",
}
_WINDOW_S = 10.0
_STEP_S = 3.0  # a difference larger than this is a jump of the time stamps, not a delay
_KEPT = 1024  # packets that a decoder, or a camera that sleeps, may hold
_PRFT = struct.Struct("<q")


def is_live(address: str) -> bool:
    """Whether it may be a live stream: an address, or the device of a USB camera."""
    return "://" in address or bool(_DEVICE.match(address))


def opening(address: str, live: LiveConfig, *, recorded: bool = False) -> dict[str, Any]:
    """The arguments of `av.open` for an address; those of a recording resume after a broken connection where the server
    sends ranges."""
    options = {}
    if recorded and address.lower().startswith("http"):
        options = dict(_RESUME)
    if address.startswith("rtsp"):
        options = {"rtsp_transport": live.transport, "analyzeduration": _ANALYSE_US}
    timeout = live.connect_s + _MARGIN_S, live.silence_s + _MARGIN_S
    return {"format": "v4l2" if _DEVICE.match(address) else None, "options": options, "timeout": timeout}


class CaptureTimes:
    """Capture times of a camera's pictures by their time stamps: from its RTCP sender reports, else from their
    arrival. `stamped`: the stamps are the camera's own (RTP), so that a picture that arrived late can be distinguished
    from one captured late."""

    def __init__(self, *, stamped: bool, reports: bool) -> None:
        self._stamped, self._reports = stamped, reports
        self._known: OrderedDict[int, tuple[datetime, TimeSource]] = OrderedDict()
        self._offsets: deque[tuple[float, float]] = deque()  # (stamp, arrival - stamp), a sliding minimum

    def note(self, packet: Any) -> None:
        """Records the arrival of a packet."""
        if packet.pts is None:
            return
        reported = _reported(packet) if self._reports else None
        if reported is not None:
            self._known[packet.pts] = reported, "rtcp"
        else:
            self._known[packet.pts] = self._arrival(float(packet.pts * packet.time_base), time.time()), "arrival"
        while len(self._known) > _KEPT:
            self._known.popitem(last=False)

    def of(self, pts: int | None) -> tuple[datetime, TimeSource]:
        """The capture time of the picture with that time stamp, and its source."""
        known = None if pts is None else self._known.get(pts)  # kept: a picture may be decoded twice
        return known or (datetime.now(UTC), "arrival")

    def _arrival(self, stamp: float, now: float) -> datetime:
        """The arrival without the network's delay: the stamps, shifted by the least arrival - stamp of the window."""
        if not self._stamped:
            return datetime.fromtimestamp(now, UTC)
        offset = now - stamp
        if self._offsets and abs(offset - self._offsets[0][1]) > _STEP_S:
            self._offsets.clear()
        while self._offsets and self._offsets[-1][1] >= offset:
            self._offsets.pop()
        self._offsets.append((stamp, offset))
        while self._offsets[0][0] < stamp - _WINDOW_S:
            self._offsets.popleft()
        return datetime.fromtimestamp(stamp + self._offsets[0][1], UTC)


def _reported(packet: Any) -> datetime | None:
    """The time that FFmpeg derived from sender reports, where there are any and the time is plausible."""
    if not packet.has_sidedata("prft"):
        return None
    (microseconds,) = _PRFT.unpack_from(bytes(packet.get_sidedata("prft")))
    try:
        reported = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=microseconds)
    except OverflowError:
        return None
    return reported if 1971 < reported.year < 9000 else None
