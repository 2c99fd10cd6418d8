"""What only a camera's address needs: how it is opened, and when its pictures were captured."""

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
# PyAV's own time-outs, behind those of the watch: a connection that was given up on wakes up so much later.
_BEHIND_S = 1.0
# How long FFmpeg may look at an RTSP stream before it gives pictures. The description came before them, so that a
# tenth of a second is enough; its default of five makes every reconnection a second or two longer.
_ANALYSE_US = "100000"
_MENDING = {
    "reconnect": "1",
    "reconnect_on_network_error": "1",
    "reconnect_delay_max": "2",
    "reconnect_max_retries": "3",
}
_WINDOW_S = 10.0
_STEP_S = 3.0  # a jump of the time stamps, and no mere delay
_KEPT = 256  # packets that may wait in a decoder
_PRFT = struct.Struct("<q")


def is_live(address: str) -> bool:
    """Whether it cannot be read again, or not faster than it comes: an address, or a USB camera's device."""
    return "://" in address or bool(_DEVICE.match(address))


def opening(address: str, live: LiveConfig, *, recorded: bool = False) -> dict[str, Any]:
    """The arguments of `av.open` for an address; of a recording a break is mended where the server sends parts."""
    options = {}
    if recorded and address.lower().startswith("http"):
        options = dict(_MENDING)
    if address.startswith("rtsp"):
        options = {"rtsp_transport": live.transport, "analyzeduration": _ANALYSE_US}
    timeout = live.connect_s + _BEHIND_S, live.silence_s + _BEHIND_S
    return {"format": "v4l2" if _DEVICE.match(address) else None, "options": options, "timeout": timeout}


class CaptureTimes:
    """When a camera captured its pictures, by their time stamps: as it says itself in its RTCP sender reports, else by
    when they came. `stamped`: whether the stamps are the camera's own (RTP), so that a picture which came late can be
    told from one that was captured late."""

    def __init__(self, *, stamped: bool, reports: bool) -> None:
        self._stamped, self._reports = stamped, reports
        self._known: OrderedDict[int, tuple[datetime, TimeSource]] = OrderedDict()
        self._offsets: deque[tuple[float, float]] = deque()  # (stamp, arrival less stamp), the least of what follows

    def note(self, packet: Any) -> None:
        """A packet came."""
        if packet.pts is None:
            return
        reported = _reported(packet) if self._reports else None
        if reported is not None:
            self._known[packet.pts] = reported, "rtcp"
        else:
            self._known[packet.pts] = self._came(float(packet.pts * packet.time_base), time.time()), "arrival"
        while len(self._known) > _KEPT:
            self._known.popitem(last=False)

    def of(self, pts: int | None) -> tuple[datetime, TimeSource]:
        """Of the picture with that time stamp."""
        known = None if pts is None else self._known.pop(pts, None)
        return known or (datetime.now(UTC), "arrival")

    def _came(self, stamp: float, now: float) -> datetime:
        """The arrival less what the picture was held up: the stamps' clock laid so that none comes before its time."""
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
    """The time that FFmpeg worked out from sender reports, where they have come and tell a real time."""
    if not packet.has_sidedata("prft"):
        return None
    (microseconds,) = _PRFT.unpack_from(bytes(packet.get_sidedata("prft")))
    try:
        reported = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=microseconds)
    except OverflowError:
        return None
    return reported if 1971 < reported.year < 9000 else None
