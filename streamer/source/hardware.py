"""Which hardware can decode a stream, through PyAV's device contexts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

KINDS = ("vaapi", "qsv", "videotoolbox", "cuda")
"""What `decode: auto` tries, in this order; FFmpeg's names."""
_NEEDS = {
    "vaapi": "a GPU with /dev/dri/renderD128 that this user may open, its VA-API driver (intel-media-va-driver, "
    "mesa-va-drivers), and PyAV built with it",
    "qsv": "an Intel GPU with its oneVPL runtime (libmfx-gen1.2), and PyAV built with it and its child device (VA-API)",
    "videotoolbox": "a Mac",
    "cuda": "an NVIDIA GPU and its driver (libnvcuvid)",
}


class Unusable(Exception):
    """Why a stream cannot be decoded on some hardware."""


class Devices(Protocol):
    """What this machine and this build of FFmpeg have; tests put another in its place."""

    def built_in(self) -> Sequence[str]:
        """The kinds that FFmpeg was built with, present or not."""

    def context(self, kind: str, codec: str, extradata: bytes | None) -> Any:
        """A decoder of `codec` (FFmpeg's name of the format) on a device that it opened; Unusable says why not."""


class FfmpegDevices:
    """The devices of FFmpeg."""

    def built_in(self) -> Sequence[str]:
        from av.codec.hwaccel import hwdevices_available

        return tuple(hwdevices_available())

    def context(self, kind: str, codec: str, extradata: bytes | None) -> Any:
        import av
        from av.codec.codec import UnknownCodecError
        from av.codec.hwaccel import HWAccel

        if kind not in self.built_in():
            raise Unusable(f"PyAV {av.__version__} is built without it")
        name = f"{codec}_qsv" if kind == "qsv" else codec  # the others are a part of FFmpeg's own decoders
        try:
            context = av.CodecContext.create(
                av.Codec(name, "r"), "r", hwaccel=HWAccel(kind, allow_software_fallback=False)
            )
        except UnknownCodecError:
            raise Unusable(f"PyAV {av.__version__} is built without its decoder of {codec}") from None
        except (av.FFmpegError, OSError, RuntimeError, ValueError) as error:
            reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
            raise Unusable(f"its device cannot be opened ({reason})") from None
        if not context.is_hwaccel:
            raise Unusable(f"it has no decoder of {codec}")
        context.extradata = extradata
        context.thread_count = 1
        return context


FFMPEG: Devices = FfmpegDevices()


@dataclass(frozen=True)
class Found:
    """A kind of hardware, and why it cannot be used; empty where it can."""

    kind: str
    reason: str = ""

    @property
    def needs(self) -> str:
        """What it takes."""
        return _NEEDS[self.kind]


def on_this_machine(devices: Devices | None = None, codec: str = "h264") -> Iterator[Found]:
    """Each kind, tried with a decoder of `codec`."""
    devices = devices or FFMPEG
    for kind in KINDS:
        try:
            devices.context(kind, codec, None)
        except Unusable as error:
            yield Found(kind, str(error))
        else:
            yield Found(kind)


def context_for(decode: str, codec: str, extradata: bytes | None, devices: Devices | None = None) -> tuple[str, Any]:
    """The kind and a decoder for `decode`: that kind, or with "auto" the first that works. Unusable says why there is
    none."""
    devices = devices or FFMPEG
    if decode != "auto":
        return decode, devices.context(decode, codec, extradata)
    reasons = []
    built_in = devices.built_in()
    for kind in (k for k in KINDS if k in built_in):
        try:
            return kind, devices.context(kind, codec, extradata)
        except Unusable as error:
            reasons.append(f"{kind}: {error}")
    raise Unusable("; ".join(reasons) or "PyAV is built without any hardware that this program knows")
