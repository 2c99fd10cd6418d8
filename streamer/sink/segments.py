"""The annotated video by a name template, and that of a camera in segments: no file grows without limit, none is
overwritten."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from streamer.config.models import VideoConfig
from streamer.sink.events import TrackView
from streamer.sink.names import Template, free_name
from streamer.sink.opening import output_errors
from streamer.sink.sink import BaseSink
from streamer.sink.video import AnnotatedPicture, VideoSink, check_suffix
from streamer.source.source import StreamInfo, cap_threads
from streamer.types import Frame, Plates

FIELDS = ("camera", "date", "hour", "time", "stream")
_CHECK_EVERY = 25  # frames between two checks of the file's size


class SegmentedVideoSink(BaseSink):
    """Writes the annotated video of each stream by the name template `path`.

    `camera`: the value of {camera}, None for the stream's name. A live stream continues in another file after
    `segment_s` seconds or `segment_mb` megabytes, and when the template's name changes. With `keep` no existing file is
    overwritten: NAME-2, NAME-3 ... are written. In a folder the file is CAMERA.mp4.
    """

    needs_frames = True

    def __init__(
        self,
        path: str | Path,
        config: VideoConfig | None = None,
        *,
        camera: str | None = None,
        keep: bool = True,
        clock: Callable[[], datetime] = datetime.now,
    ) -> None:
        path = Path(path)
        if path.is_dir() or not path.suffix:
            path = path / "{camera}.mp4"
        check_suffix(path)
        self._template, self._config = Template(path, FIELDS), config or VideoConfig()
        self.threads: int | None = None
        self._camera, self._keep, self._clock = camera, keep, clock
        self._info: StreamInfo | None = None
        self._ready: tuple[Path, VideoSink] | None = None  # opened in advance
        self._current: BaseSink | None = None
        self._path, self._begins_s, self._period, self._frames = Path(), 0.0, "", 0  # of the current file
        self._used: set[Path] = set()  # names used by this run
        self.files: list[Path] = []
        self.seconds = 0.0
        with output_errors(path):
            self._template.folder.mkdir(parents=True, exist_ok=True)
        if camera is not None or not self._template.fields & {"camera", "stream"}:
            self._ready = self._open_next()  # so that a run that cannot write it fails at once

    def begin(self, info: StreamInfo) -> None:
        self._end()
        self._info = info

    def frame(self, frame: Frame, plates: Plates, tracks: Sequence[TrackView]) -> None:
        if self._current is None or self._due(frame):
            self._next(frame)
        assert self._current is not None
        self._frames += 1
        self._current.frame(replace(frame, pts=max(frame.pts - self._begins_s, 0.0)), plates, tracks)

    def close(self) -> None:
        self._end()
        ready, self._ready = self._ready, None
        if ready is not None:
            ready[1].close()
            with output_errors(ready[0]):
                if ready[0].is_file() and not ready[0].stat().st_size:
                    ready[0].unlink()

    def result(self) -> str:
        last = f" to {self.files[-1]}" if len(self.files) > 1 else ""
        return f"{self.seconds:.1f} s of video in {self.files[0]}{last}" if self.files else ""

    def _due(self, frame: Frame) -> bool:
        """Whether the next file begins with this frame."""
        config = self._config
        if self._info is None or not self._info.live:
            return False
        if config.segment_s is not None and frame.pts - self._begins_s >= config.segment_s:
            return True
        if self._frames % _CHECK_EVERY:
            return False
        size = self._path.stat().st_size if config.segment_mb is not None and self._path.is_file() else 0
        return (config.segment_mb is not None and size >= config.segment_mb * 1e6) or self._period != self._now()

    def _next(self, frame: Frame) -> None:
        assert self._info is not None, "frame() before begin()"
        self._end()
        if self._info.still:
            self._path = self._claim(self._name().with_suffix(".jpg"))
            self._current = AnnotatedPicture(self._path)
        else:
            (self._path, self._current), self._ready = self._ready or self._open_next(), None
        self._begins_s, self._period, self._frames = frame.pts if self._info.live else 0.0, self._now(), 0
        self.files.append(self._path)
        cap_threads([self._current], self.threads)
        self._current.begin(self._info)

    def _open_next(self) -> tuple[Path, VideoSink]:
        path = self._claim(self._name())
        return path, VideoSink(path, self._config)

    def _name(self) -> Path:
        stream = "" if self._info is None else self._info.name
        return self._template.filled(self._clock(), camera=self._camera or stream, stream=stream)

    def _claim(self, named: Path) -> Path:
        path = free_name(named) if self._keep or named in self._used else named
        self._used.add(named)
        return path

    def _now(self) -> str:
        """The date and hour as far as the template has them; {time} is that of the file's beginning, and ends no
        file."""
        fields = self._template.fields
        form = "%Y-%m-%d %H" if "hour" in fields else "%Y-%m-%d"
        return self._clock().strftime(form) if fields & {"date", "hour"} else ""

    def _end(self) -> None:
        current, self._current = self._current, None
        self.seconds += current.seconds if isinstance(current, VideoSink) else 0.0
        if current is not None:
            current.close()
