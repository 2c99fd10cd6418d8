"""The kind of an address: a camera's stream, a finished recording, or one picture at a time.

Most schemes decide it by name. An http:// address may be any of them, so the response is probed: a recording has a
length or an end, as does a playlist with an end; a picture is a single image.
"""

from __future__ import annotations

import errno
import re
import time
from pathlib import PurePosixPath
from typing import Any, Literal
from urllib.parse import unquote, urlsplit
from urllib.request import url2pathname

from streamer.config.models import LiveConfig
from streamer.config.urls import redact
from streamer.errors import InputError
from streamer.process.imports import load_video
from streamer.source.live import opening
from streamer.source.suffixes import IMAGE_SUFFIXES, VIDEO_SUFFIXES

Kind = Literal["live", "recording", "picture"]

_RECORDED = frozenset({"ftp", "ftps", "sftp"})
_WEB = frozenset({"http", "https"})
_PAGES = frozenset({"", ".htm", ".html", ".php", ".asp", ".aspx"})  # with "" for a path that ends in a slash
# Suffixes that streams have as often as files.
_STREAMED = frozenset({".ts", ".flv", ".mjpg", ".mjpeg", ".h264", ".264", ".h265", ".265", ".hevc", ".webm"})
_PROBE = {"probesize": "200000", "analyzeduration": "500000"}
_PROBE_S = 1.0  # how long a stream without a length is read to decide
_PACE, _BURST_S = 2.0, 8.0  # a camera sends in real time once its buffer is sent
_MOST_BYTES = 1 << 41  # a longer length is one that a camera invented because it must send one


def scheme_of(address: str) -> str:
    """`http` of `http://host/x`, in lower case; empty for a path."""
    head, colon, _ = address.partition("://")
    return head.lower() if colon and re.fullmatch(r"[A-Za-z][A-Za-z0-9+.-]*", head) else ""


def local_path(text: str) -> str:
    """The path in a file:// address; anything else unchanged."""
    return url2pathname(urlsplit(text).path) if scheme_of(text) == "file" else text


def suffix_of(address: str) -> str:
    """The suffix of the file that an address names, without its query."""
    return PurePosixPath(unquote(urlsplit(address).path)).suffix.lower()


def kind_of(address: str, live: LiveConfig, unsure: Kind = "live") -> Kind:
    """The kind of stream at an address. `unsure`: returned where it cannot be decided, as with an endless stream that
    has just begun.

    For a server that does not answer, the name decides: `clip.mp4` is a file, not a camera to wait for. InputError for
    a file that cannot be opened, or a web page.
    """
    scheme = scheme_of(address)
    wanted: Kind | None = None if live.endless is None else "live" if live.endless else "recording"
    if scheme not in _WEB:
        return "recording" if scheme in _RECORDED else wanted or "live"
    found = _probe(address, live, wanted, unsure)
    return found if found == "picture" else wanted or found


def _probe(address: str, live: LiveConfig, wanted: Kind | None, unsure: Kind) -> Kind:
    load_video()
    import av

    av.logging.set_level(None)
    arguments = opening(address, live)
    arguments["options"] = {**arguments["options"], **_PROBE}
    try:
        with av.open(address, metadata_errors="replace", **arguments) as container:
            return _by_format(container) or wanted or _by_pace(container) or unsure
    except (av.FFmpegError, OSError, ValueError) as error:
        named = _by_name(address)
        if (wanted or named) == "recording":
            raise InputError(open_failure(redact(address), error)) from None
        page = isinstance(error, av.error.InvalidDataError) and suffix_of(address) in _PAGES
        if page and (suffix_of(address) or urlsplit(address).path.endswith("/")):
            raise InputError(f"{redact(address)}: {_PAGE}") from None
        return named or wanted or "live"  # a camera may be down at the start


_PAGE = "is a web page or a folder, no video: give the address of the stream or of one file"


def open_failure(name: str, error: Exception) -> str:
    """The message for a remote file that could not be opened: one line without secrets."""
    import av

    if isinstance(error, av.error.HTTPNotFoundError):
        return f"{name}: is not there (404 Not Found): check the address"
    if isinstance(error, av.error.ProtocolNotFoundError):
        return f"{name}: this build of FFmpeg cannot open {scheme_of(name)}:// addresses: download the file first"
    if isinstance(error, av.error.HTTPUnauthorizedError):
        return f"{name}: needs a user and a password (401 Unauthorized): http://user:password@host/..."
    if isinstance(error, av.error.HTTPForbiddenError):
        return f"{name}: must not be read (403 Forbidden): check user, password and token"
    reason = redact(getattr(error, "strerror", None) or str(error))
    if isinstance(error, av.error.InvalidDataError):
        return (
            f"{name}: not a video that can be read ({reason}): damaged, no video, or with its index at the end on a "
            "server that sends no parts: download it first"
        )
    if isinstance(error, av.error.HTTPError):
        return f"{name}: the server refused it ({reason}): check the address and the server"
    return f"{name}: cannot be opened ({reason}): check the address and the network"


def _by_format(container: Any) -> Kind | None:
    """The kind where the container's header decides it."""
    name = container.format.name
    if name == "mpjpeg":
        return "live"
    if name == "image2" or name.endswith("_pipe"):
        return "picture"
    finite = (container.duration or 0) > 0 or 0 < container.size < _MOST_BYTES
    return "recording" if finite else "live" if name == "hls" else None


def _by_pace(container: Any) -> Kind | None:
    """The kind of a stream without a length: a recording arrives faster than real time."""
    import av

    if not container.streams.video:
        return None
    stream = container.streams.video[0]
    began, media_s, count, rate = time.monotonic(), 0.0, 0, float(stream.average_rate or stream.guessed_rate or 25)
    first: float | None = None
    took = 0.0
    try:
        for packet in container.demux(stream):
            took = time.monotonic() - began
            if packet.dts is None:
                count += bool(packet.size)
                media_s = max(media_s, count / rate) if first is None else media_s
                if not packet.size:  # ended sooner than real time
                    return "recording" if media_s > _PACE * took + 1 / rate else None
            else:
                stamp = float(packet.dts * packet.time_base)
                first = stamp if first is None else first
                media_s = max(media_s, stamp - first)
            if media_s > _PACE * took + _BURST_S:
                return "recording"
            if took > _PROBE_S:
                return None
    except (av.FFmpegError, OSError) as error:
        return "recording" if is_end(error) and media_s > _PACE * took + 1 / rate else None
    return None


def is_end(error: Exception) -> bool:
    """Whether the error is the end of a stream without a length, which FFmpeg reports as an I/O error."""
    return getattr(error, "errno", None) == errno.EIO


def _by_name(address: str) -> Kind | None:
    suffix = suffix_of(address)
    if suffix in IMAGE_SUFFIXES:
        return "picture"
    return "recording" if suffix in VIDEO_SUFFIXES - _STREAMED else None
