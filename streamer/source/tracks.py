"""The choice among a file's video tracks."""

from __future__ import annotations

from pathlib import PurePath
from typing import Any

from streamer.errors import InputError


def video_tracks(container: Any) -> list[Any]:
    """The tracks that can be read, in the file's order, without covers (attached pictures)."""
    from av.stream import Disposition

    known = [s for s in container.streams.video if s.codec_context is not None]  # with a decoder
    return [s for s in known if not s.disposition & Disposition.attached_pic]


def choose_track(tracks: list[Any], number: int | None, name: str) -> Any:
    """The track to read: the one of that `number`, counted from 1; without one the track marked as the default,
    or the first. InputError where there is no track of that number."""
    from av.stream import Disposition

    if number is None:
        return next((s for s in tracks if s.disposition & Disposition.default), tracks[0])
    if number > len(tracks):
        there = "one video track only" if len(tracks) == 1 else f"{len(tracks)} video tracks"
        raise InputError(f"{name}: has {there}, none with number {number}: give one from 1 to {len(tracks)}", at=name)
    return tracks[number - 1]


def unread_tracks(tracks: list[Any], read: Any) -> str | None:
    """The warning about tracks that are not read; None where there is only one."""
    if len(tracks) < 2:
        return None
    others = [k for k, s in enumerate(tracks, 1) if s is not read]
    shown = ", ".join(_shown(tracks, k) for k in others)
    number = next(k for k, s in enumerate(tracks, 1) if s is read)
    return (
        f"has {len(tracks)} video tracks: {_shown(tracks, number)} is read, {shown} "
        f"{'is' if len(others) == 1 else 'are'} not: --video-track {others[0]} reads that one"
    )


def name_of(file: str, track: int | None) -> str:
    """The stream name of a file, or of the track that was asked for: tracks of one file have distinct names, so that
    their rows, files and events do."""
    path = PurePath(file)
    return file if track is None else str(path.with_name(f"{path.stem} (track {track}){path.suffix}"))


def _shown(tracks: list[Any], number: int) -> str:
    codec = tracks[number - 1].codec_context
    size = f" ({codec.name} {codec.width}x{codec.height})" if codec is not None else ""
    return f"track {number}{size}"
