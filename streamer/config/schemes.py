"""Schemes of addresses that this program opens itself; packages add others (entry points `alpr.sources`)."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Scheme:
    """`host`: what follows `://` is [USER:PASSWORD@]HOST[:PORT], which is checked and encoded for FFmpeg. `made_by`:
    MODULE:NAME of what makes its source of the address and a SourcePlace, as in the entry point of a package; None for
    FFmpeg (and pictures over http)."""

    host: bool = False
    made_by: str | None = None


_HOST = Scheme(host=True)
_FREE = Scheme()

SCHEMES = {
    "rtsp": _HOST,
    "rtsps": _HOST,
    "rtspt": _HOST,
    "http": _HOST,
    "https": _HOST,
    "rtmp": _HOST,
    "rtmps": _HOST,
    "rtmpt": _HOST,
    "rtmpe": _HOST,
    "mms": _HOST,
    "mmsh": _HOST,
    "mmst": _HOST,
    "ftp": _HOST,
    "sftp": _HOST,
    "udp": _FREE,
    "udplite": _FREE,
    "rtp": _FREE,
    "srtp": _FREE,
    "srt": _FREE,
    "rist": _FREE,
    "tcp": _FREE,
    "tls": _FREE,
    "unix": _FREE,
    "zmq": _FREE,
    "file": _FREE,
    "satip": _FREE,
}
