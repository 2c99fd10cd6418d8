"""The annotated video: H.264 at the source's own timing, in a container that still plays after a crash."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from streamer.config.models import VideoConfig
from streamer.errors import ConfigError, OutputError
from streamer.image.planes import RANGE_JPEG, RANGE_MPEG, SWS_COLORSPACE, Matrix, view
from streamer.sink.events import TrackView
from streamer.sink.guard import check_no_input
from streamer.sink.opening import empty, open_output, output_errors
from streamer.sink.sink import BaseSink
from streamer.source.source import StreamInfo, cap_threads
from streamer.source.suffixes import IMAGE_SUFFIXES, VIDEO_SUFFIXES
from streamer.types import Frame, Image, Plates, YuvPlanes

_MP4_SUFFIXES = (".mp4", ".m4v", ".mov")
# Suffixes of containers that are not written.
_OTHER_SUFFIXES = (VIDEO_SUFFIXES | IMAGE_SUFFIXES) - {*_MP4_SUFFIXES, ".mkv"}
# One fragment (or cluster) per second: a killed run loses what follows the last one.
_FRAGMENT_S = 1
_MP4_OPTIONS = {
    "movflags": "empty_moov+default_base_moof+frag_keyframe",
    "frag_duration": f"{_FRAGMENT_S * 1_000_000}",
}
_MKV_OPTIONS = {"cluster_time_limit": f"{_FRAGMENT_S * 1000}"}
_FALLBACK_RATE = Fraction(25)
# Finer time bases overflow the 32-bit time scale of MP4 players.
_MAX_TICKS_A_SECOND = 1_000_000


class VideoSink(BaseSink):
    """Writes `path`: fragmented MP4 where the name ends in .mp4, else Matroska.

    Every source frame becomes one frame at its own time (MP4 counts from the first frame). Odd sizes are
    padded to even ones by repeating the last row or column. One file holds one stream. An earlier run's
    file is replaced when the stream begins, not before.
    """

    needs_frames = True

    def __init__(self, path: str | Path, config: VideoConfig | None = None) -> None:
        self.path = Path(path)
        check_suffix(self.path)
        self._config = config or VideoConfig()
        self.threads: int | None = None  # limit of encoding threads
        self._stream: io.FileIO | None = open_output(self.path, later=True)
        self._container: Any = None
        self._video: Any = None
        self._colour: tuple[Matrix, bool] | None = None  # that of the first frame
        self._scaler: Any = None
        self._pictures: list[Image] = []
        self._last_ticks = -1
        self.seconds = 0.0
        self._failed = False

    def begin(self, info: StreamInfo) -> None:
        """Opens the encoder for a stream of this size and timing."""
        if self._container is not None:
            raise ConfigError(f"{self.path}: one annotated video holds one source: give one source, or a folder")
        import av

        self._scaler = av.video.reformatter.VideoReformatter()
        mp4 = self.path.suffix.lower() in _MP4_SUFFIXES
        options = {"flush_packets": "1", **(_MP4_OPTIONS if mp4 else _MKV_OPTIONS)}
        with output_errors(self.path):
            assert self._stream is not None, "begin() after close()"
            empty(self._stream)
            self._container = av.open(
                self._stream, "w", format="mp4" if mp4 else "matroska", options=options, buffer_size=1 << 16
            )
            self._video = self._encoder(info)

    def frame(self, frame: Frame, plates: Plates, tracks: Sequence[TrackView]) -> None:
        if self._colour is None:
            self._colour = ("bt709", False) if frame.planes is None else (frame.planes.matrix, frame.planes.full_range)
            self._describe_colour(self._video.codec_context)
        encoded = self._on_planes(frame, tracks) if self._fits(frame) else self._on_bgr(frame, tracks)
        self._describe_colour(encoded)
        encoded.time_base = self._video.codec_context.time_base
        encoded.pts = self._ticks(frame.pts)
        self.seconds = max(self.seconds, frame.pts)
        self._mux(encoded)

    def close(self) -> None:
        """Flushes the encoder and finishes the file; what was written before an error stays playable."""
        container, self._container = self._container, None
        try:
            if container is not None:
                with self._errors():
                    try:
                        if not self._failed:
                            container.mux(self._video.encode(None))
                    finally:
                        container.close()
        finally:
            stream, self._stream = self._stream, None
            if stream is not None:
                stream.close()

    def result(self) -> str:
        return f"{self.seconds:.1f} s of video in {self.path}"

    def _encoder(self, info: StreamInfo) -> Any:
        rate = info.rate if info.rate and 1 <= info.rate <= 240 else _FALLBACK_RATE
        video = self._container.add_stream("libx264", rate=rate)
        base = info.time_base if info.time_base >= Fraction(1, _MAX_TICKS_A_SECOND) else Fraction(1, 90000)
        video.width, video.height = info.width + info.width % 2, info.height + info.height % 2
        video.pix_fmt = "yuv420p"
        video.time_base = video.codec_context.time_base = base
        video.codec_context.thread_count = self.threads or 0
        video.codec_context.gop_size = max(1, round(rate * 2))
        if info.sample_aspect != 1:
            video.codec_context.sample_aspect_ratio = info.sample_aspect
        # B-frames would shift all times in MP4 without an edit list, and be lost in a crash.
        video.options = {"preset": self._config.preset, "crf": str(self._config.crf), "bf": "0"}
        return video

    def _describe_colour(self, target: Any) -> None:
        """Sets the matrix and range of the first frame on the encoder or on one of its frames."""
        assert self._colour is not None
        matrix, full = self._colour
        target.colorspace, target.color_range = SWS_COLORSPACE[matrix], RANGE_JPEG if full else RANGE_MPEG

    def _fits(self, frame: Frame) -> bool:
        """Whether the frame's planes can be encoded directly, padded by an odd row or column at most."""
        planes, (height, width) = frame.planes, (self._video.height, self._video.width)
        return (
            planes is not None
            and (planes.matrix, planes.full_range) == self._colour
            and planes.u.shape == planes.v.shape == (height // 2, width // 2)
            and (frame.height + frame.height % 2, frame.width + frame.width % 2) == (height, width)
        )

    def _on_planes(self, frame: Frame, tracks: Sequence[TrackView]) -> Any:
        """The frame with its tracks, drawn in its planes: conversion to BGR and back took a third of the run's time."""
        from streamer.sink.draw import annotate_planes

        planes, width, height = frame.planes, self._video.width, self._video.height
        assert planes is not None
        encoded, (y, u, v) = self._blank(width, height)
        y[: frame.height, : frame.width] = planes.y
        y[frame.height :], y[:, frame.width :] = y[frame.height - 1], y[:, frame.width - 1 : frame.width]
        u[:], v[:] = planes.u, planes.v
        annotate_planes(YuvPlanes(y, u, v, planes.matrix, planes.full_range), tracks)
        return encoded

    def _blank(self, width: int, height: int) -> tuple[Any, tuple[Image, Image, Image]]:
        """A frame for the encoder and its planes, from reused buffers: new memory costs as much as copying."""
        import av

        if height % 4:  # PyAV 18 misplaces the planes of such a buffer
            encoded = av.VideoFrame(width, height, "yuv420p")
            y, u, v = (view(plane) for plane in encoded.planes)
            return encoded, (y, u, v)
        # Two in turn: the encoder may still read the other one.
        self._pictures = self._pictures[::-1] or [np.empty((height * 3 // 2, width), np.uint8) for _ in range(2)]
        picture = self._pictures[0]
        u, v = picture[height:].reshape(2, height // 2, width // 2)
        return av.VideoFrame.from_numpy_buffer(picture, "yuv420p"), (picture[:height], u, v)

    def _on_bgr(self, frame: Frame, tracks: Sequence[TrackView]) -> Any:
        import av

        assert self._colour is not None
        matrix, full = self._colour
        picture = av.VideoFrame.from_ndarray(self._fit(_annotated(frame, tracks)), format="bgr24")
        return self._scaler.reformat(
            picture,
            format="yuv420p",
            dst_colorspace=SWS_COLORSPACE[matrix],
            dst_color_range=RANGE_JPEG if full else RANGE_MPEG,
        )

    def _fit(self, picture: Image) -> Image:
        """The picture at the encoder's size; a stream that changes its size is scaled to that of its first frame."""
        import cv2

        height, width = picture.shape[:2]
        want_h, want_w = self._video.height, self._video.width
        pad_h, pad_w = want_h - height, want_w - width
        if pad_h in (0, 1) and pad_w in (0, 1):
            if pad_h or pad_w:
                picture = cv2.copyMakeBorder(picture, 0, pad_h, 0, pad_w, cv2.BORDER_REPLICATE)
        else:
            picture = cv2.resize(picture, (want_w, want_h), interpolation=cv2.INTER_AREA)
        return np.ascontiguousarray(picture)

    def _ticks(self, pts: float) -> int:
        ticks = max(round(pts / float(self._video.codec_context.time_base)), self._last_ticks + 1)
        self._last_ticks = ticks
        return ticks

    def _mux(self, frame: Any) -> None:
        with self._errors():
            self._container.mux(self._video.encode(frame))

    @contextmanager
    def _errors(self) -> Iterator[None]:
        """Raises FFmpeg's errors (mostly a full disk) as OutputError, after which nothing more is encoded."""
        import av

        try:
            with output_errors(self.path):
                yield
        except OutputError:
            self._failed = True
            raise
        except av.FFmpegError as error:
            self._failed = True
            raise OutputError(
                f"{self.path}: cannot be encoded ({error}): try another name or size", at=self.path
            ) from None


def check_suffix(path: Path) -> None:
    """ConfigError for the suffix of a container that is not written."""
    if path.suffix.lower() in _OTHER_SUFFIXES:
        raise ConfigError(f"{path}: the annotated video is MP4 or Matroska: end its name in .mp4 or .mkv", at=path)


def annotated_names(source: str, *, still: bool) -> tuple[str, str]:
    """The file names of a source's annotated picture or video in a folder; the first that is free is used."""
    suffix = ".jpg" if still else ".mp4"
    return Path(source).stem + suffix, Path(source).name + suffix  # the second for a.avi beside a.mkv


class VideoFolderSink(BaseSink):
    """Writes one annotated file per source into a folder: NAME.mp4 for a video, NAME.jpg for a picture."""

    needs_frames = True

    def __init__(self, folder: str | Path, config: VideoConfig | None = None) -> None:
        self.folder = Path(folder)
        self._config = config
        self.threads: int | None = None
        self._used: set[str] = set()
        self._current: BaseSink | None = None
        with output_errors(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True)

    def begin(self, info: StreamInfo) -> None:
        self.close()
        first, second = annotated_names(info.name, still=info.still)
        name = second if first in self._used else first
        self._used.add(name)
        path = self.folder / name
        self._current = AnnotatedPicture(path) if info.still else VideoSink(path, self._config)
        cap_threads([self._current], self.threads)
        self._current.begin(info)

    def frame(self, frame: Frame, plates: Plates, tracks: Sequence[TrackView]) -> None:
        if self._current is not None:
            self._current.frame(frame, plates, tracks)

    def result(self) -> str:
        return f"{len(self._used)} file{'s' if len(self._used) != 1 else ''} in {self.folder}"

    def close(self) -> None:
        current, self._current = self._current, None
        if current is not None:
            current.close()


class AnnotatedPicture(BaseSink):
    """One annotated picture."""

    needs_frames = True

    def __init__(self, path: Path) -> None:
        self.path = path

    def frame(self, frame: Frame, plates: Plates, tracks: Sequence[TrackView]) -> None:
        import cv2

        picture = _annotated(frame, tracks)
        data = cv2.imencode(self.path.suffix, picture)[1].tobytes()
        check_no_input(self.path)
        with output_errors(self.path):
            self.path.write_bytes(data)


def _annotated(frame: Frame, tracks: Sequence[TrackView]) -> Image:
    """A new BGR picture with the tracks drawn in: the frame's own array is shared with other sinks."""
    from streamer.image.warp import to_bgr
    from streamer.sink.draw import annotate

    picture = to_bgr(frame) if frame.bgr is None else frame.bgr.copy()
    annotate(picture, tracks)
    return picture
