"""Which of a file's video tracks is read."""

from __future__ import annotations

from typing import Any


def video_tracks(container: Any) -> list[Any]:
    """The tracks that can be read, without covers (attached pictures); the one to read comes first: it is marked as the
    default, or is the first."""
    from av.stream import Disposition

    known = [s for s in container.streams.video if s.codec_context is not None]  # with a decoder
    tracks = [s for s in known if not s.disposition & Disposition.attached_pic]
    marked = [s for s in tracks if s.disposition & Disposition.default]
    first = marked[:1] or tracks[:1]
    return first + [s for s in tracks if s not in first]


def left_out(tracks: list[Any]) -> str | None:
    """What is said of the tracks that are not read, None where there is one only."""
    if len(tracks) < 2:
        return None
    others = ", ".join(_shown(s) for s in tracks[1:])
    one = tracks[0].container.streams.video.index(tracks[1])
    return (
        f"has {len(tracks)} video tracks: {_shown(tracks[0])} is read, {others} {'is' if len(tracks) == 2 else 'are'} "
        f"not: copy it to a file of its own (ffmpeg -i FILE -map 0:v:{one} -c copy OUT) to read it too"
    )


def _shown(stream: Any) -> str:
    codec = stream.codec_context
    size = f" ({codec.name} {codec.width}x{codec.height})" if codec is not None else ""
    return f"track {stream.index}{size}"
