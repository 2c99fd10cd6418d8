"""From what a user typed to sources: a file, a folder of videos or pictures, an address."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from streamer.config.models import LiveConfig
from streamer.config.urls import filled, redact
from streamer.errors import ConfigError, InputError
from streamer.source.address import Kind, kind_of, local_path
from streamer.source.file import VideoSource
from streamer.source.images import ImageSource
from streamer.source.live import is_live
from streamer.source.pictures import HEAD_BYTES, format_of
from streamer.source.pipes import is_pipe
from streamer.source.registry import has_source, open_by_scheme
from streamer.source.snapshot import SnapshotSource
from streamer.source.source import Source
from streamer.source.suffixes import IMAGE_SUFFIXES, VIDEO_SUFFIXES

_VIDEO_HEADS = (b"\x1a\x45\xdf\xa3", b"RIFF", b"FLV\x01", b"\0\0\1\xba")


def open_source(
    text: str | Path,
    *,
    start_time: datetime | None = None,
    live: LiveConfig | None = None,
    unsure: Kind = "live",
    video_track: int | None = None,
) -> list[Source]:
    """The sources that `text` names, in the order of their names; none is opened yet.

    A folder gives its own videos and pictures (not those of folders inside). An http address is asked what it sends;
    `unsure` says what it is where that does not tell. InputError where nothing is there.
    """
    text = local_path(str(text))
    if is_live(text):
        return [open_address(filled(text), start_time=start_time, live=live, unsure=unsure, video_track=video_track)]
    if is_pipe(text):
        return [VideoSource(text, start_time=start_time, video_track=video_track)]
    path = Path(text)
    try:
        if not path.exists():
            raise InputError(f"{redact(text)}: no such file or folder: check the path", at=redact(text))
        if not path.is_dir():
            return [_source_of(path, start_time, video_track)]
        files = sources_in(path, VIDEO_SUFFIXES | IMAGE_SUFFIXES)
    except OSError as error:
        raise InputError(
            f"{redact(text)}: cannot be read ({error.strerror}): check the path", at=redact(text)
        ) from None
    if not files:
        raise InputError(
            f"{path}: the folder holds no video and no picture (by suffix): give a folder that does", at=path
        )
    if start_time is not None and len(files) > 1:
        raise ConfigError(f"start time: {path} holds {len(files)} recordings: give them one by one, each with its own")
    return [_source_of(file, start_time, video_track) for file in files]


def open_address(
    address: str,
    *,
    start_time: datetime | None = None,
    live: LiveConfig | None = None,
    unsure: Kind = "live",
    ahead: bool = True,
    video_track: int | None = None,
) -> Source:
    """The source behind an address or a device, which is asked what it is where its name does not tell. Schemes
    with a source of their own, also those of installed packages, are opened by that."""
    if has_source(address):
        return open_by_scheme(address, start_time=start_time, live=live, video_track=video_track)
    live = live or LiveConfig()
    kind = kind_of(address, live, unsure)
    if kind == "picture":
        return SnapshotSource(address, live, start_time=start_time)
    recorded = kind == "recording"
    return VideoSource(
        address, start_time=start_time, live=live, ahead=ahead, recorded=recorded, video_track=video_track
    )


def sources_in(folder: Path, suffixes: frozenset[str]) -> list[Path]:
    """The files of a folder with one of these suffixes, by name, hidden ones left out."""
    return sorted(p for p in folder.iterdir() if p.is_file() and p.suffix.lower() in suffixes and p.name[0] != ".")


def _source_of(path: Path, start_time: datetime | None, video_track: int | None) -> Source:
    if _is_picture(path):
        return ImageSource(path, start_time=start_time)
    return VideoSource(path, start_time=start_time, video_track=video_track)


def _is_picture(path: Path) -> bool:
    """By its content, whatever it is called; by its name where the content tells nothing. One that moves is a video."""
    suffix = path.suffix.lower()
    named = suffix in IMAGE_SUFFIXES
    if not path.is_file():
        return named
    try:
        with path.open("rb") as stream:
            head = stream.read(HEAD_BYTES)
    except OSError:
        return named
    kind = format_of(head)
    if kind == "GIF" or (kind == "JPEG" and suffix in (".mjpeg", ".mjpg")) or (kind == "BMP" and not named):
        return False
    return kind is not None or (named and not head.startswith(_VIDEO_HEADS) and head[4:8] != b"ftyp")
