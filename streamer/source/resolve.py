"""From what a user typed to sources: a file, a folder of videos or pictures, an address."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from urllib.parse import urlparse
from urllib.request import url2pathname

from streamer.config import LiveConfig
from streamer.errors import ConfigError, InputError
from streamer.source.base import Source, redact
from streamer.source.file import VideoSource
from streamer.source.images import IMAGE_SUFFIXES, ImageSource
from streamer.source.live import is_live

_VIDEO_SUFFIXES = (
    ".mp4 .m4v .mov .mkv .webm .avi .ts .mts .m2ts .mpg .mpeg .flv .wmv .asf .3gp .ogv .mxf .vob .dav .h264 .264 .h265 "
    ".265 .hevc .y4m .gif .mjpeg .mjpg .ivf .nut .dv"
)
VIDEO_SUFFIXES = frozenset(_VIDEO_SUFFIXES.split())


def open_source(
    text: str | Path, *, start_time: datetime | None = None, live: LiveConfig | None = None
) -> list[Source]:
    """The sources that `text` names, in the order of their names; none is opened yet.

    A folder gives its own videos and pictures (not those of folders inside). InputError where nothing is there.
    """
    text = str(text)
    if text.startswith("file://"):
        text = url2pathname(urlparse(text).path)
    if is_live(text):
        return [VideoSource(text, start_time=start_time, live=live)]
    path = Path(text)
    try:
        if not path.exists():
            raise InputError(f"{redact(text)}: no such file or folder: check the path")
        if not path.is_dir():
            return [_source_of(path, start_time)]
        files = sources_in(path, VIDEO_SUFFIXES | IMAGE_SUFFIXES)
    except OSError as error:
        raise InputError(f"{redact(text)}: cannot be read ({error.strerror}): check the path") from None
    if not files:
        raise InputError(f"{path}: the folder holds no video and no picture (by suffix): give a folder that does")
    if start_time is not None and len(files) > 1:
        raise ConfigError(f"start time: {path} holds {len(files)} recordings: give them one by one, each with its own")
    return [_source_of(file, start_time) for file in files]


def sources_in(folder: Path, suffixes: frozenset[str]) -> list[Path]:
    """The files of a folder with one of these suffixes, by name, hidden ones left out."""
    return sorted(p for p in folder.iterdir() if p.is_file() and p.suffix.lower() in suffixes and p.name[0] != ".")


def _source_of(path: Path, start_time: datetime | None) -> Source:
    if path.suffix.lower() in IMAGE_SUFFIXES:
        return ImageSource(path, start_time=start_time)
    return VideoSource(path, start_time=start_time)
