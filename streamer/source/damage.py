"""The errors by which FFmpeg reports a damaged packet, after which decoding goes on."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import av


def damage() -> tuple[type[av.FFmpegError], ...]:
    """For `except`; a function, as PyAV is imported where it is needed."""
    import av

    return av.error.InvalidDataError, av.error.PatchWelcomeError, av.error.ArgumentError
