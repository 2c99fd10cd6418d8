"""The parts of RTP and its payload formats that the proxy needs."""

from __future__ import annotations

import struct

_TIMESTAMP = struct.Struct(">I")
_HEADER = 12
_CLOCK = 90_000  # ticks per second of all video payloads (RFC 3551)


def is_media(channel: int, packet: bytes) -> bool:
    """Whether an interleaved packet is RTP: the odd channels carry RTCP (RFC 2326, 10.12)."""
    return channel % 2 == 0 and len(packet) > _HEADER


def shifted(packet: bytes, seconds: float) -> bytes:
    """The packet with a later time stamp."""
    (ticks,) = _TIMESTAMP.unpack_from(packet, 4)
    return packet[:4] + _TIMESTAMP.pack((ticks + round(seconds * _CLOCK)) % 2**32) + packet[8:]


def begins_key_frame(packet: bytes, hevc: bool) -> bool:
    """Whether a packet contains the beginning of a key frame (RFC 6184, RFC 7798)."""
    begins = _HEADER + 4 * (packet[0] & 0x0F)
    payload = packet[begins:]
    if len(payload) < 3:
        return False
    return _hevc_key(payload) if hevc else _h264_key(payload)


def _h264_key(payload: bytes) -> bool:
    kind = payload[0] & 0x1F
    if kind == 24:  # several units in one packet, each with its size before it
        at = 1
        while at + 2 < len(payload):
            if payload[at + 2] & 0x1F == 5:
                return True
            at += 2 + int.from_bytes(payload[at : at + 2], "big")
        return False
    if kind == 28:  # a fragment of a unit: only the first one counts
        return bool(payload[1] & 0x80) and payload[1] & 0x1F == 5
    return kind == 5


def _hevc_key(payload: bytes) -> bool:
    kind = payload[0] >> 1 & 0x3F
    if kind == 49:
        return bool(payload[2] & 0x80) and 16 <= payload[2] & 0x3F <= 21
    return 16 <= kind <= 21
