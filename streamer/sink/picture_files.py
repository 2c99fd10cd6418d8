"""Picture files of passages: in a folder or by a name template, within limits."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from streamer.config.models import PicturesConfig
from streamer.errors import ConfigError
from streamer.sink.answers import Answers
from streamer.sink.guard import check_no_input
from streamer.sink.keeper import Keeper
from streamer.sink.names import Template, literal, new_name
from streamer.sink.opening import output_errors
from streamer.sink.sink import BaseSink
from streamer.types import Passage

FIELDS = ("camera", "date", "hour", "time", "stream", "event_id", "plate")


class PictureSink(BaseSink):
    """Writes a picture for every final row: EVENT_ID in the folder `path`, or by a name template. A name without
    {event_id} that is taken gets a number. Subclasses provide the picture."""

    suffix = ".png"

    def __init__(
        self,
        path: str | Path,
        config: PicturesConfig | None = None,
        *,
        clock: Callable[[], datetime] = datetime.now,
    ) -> None:
        self.path = Path(path)
        named = self.path
        if self.path.suffix.lower() != self.suffix:
            if "{" in self.path.name and Path(self.path.name).suffix:
                raise ConfigError(
                    f"{self.path}: these pictures are {self.suffix[1:].upper()}: end the name in {self.suffix}"
                )
            named = Path(str(self.path) if "{" in str(self.path) else literal(self.path)) / f"{{event_id}}{self.suffix}"
        self._template, self._clock = Template(named, FIELDS), clock
        self.written, self._paths = 0, Answers()
        with output_errors(self.path):
            self._template.folder.mkdir(parents=True, exist_ok=True)
            self._keeper = Keeper(self._template.folder, f".alpr-written-{self.suffix[1:]}", config or PicturesConfig())

    def picture(self, passage: Passage) -> bytes | None:
        """The content of the file; None without a picture."""
        raise NotImplementedError

    def passage(self, passage: Passage) -> None:
        try:
            path = self._written(passage)
        except BaseException:
            self._paths.put(passage.event_id, "", last=True)
            raise
        self._paths.put(passage.event_id, path)

    def _written(self, passage: Passage) -> str:
        """Writes the picture and returns its path; empty without one."""
        data = self.picture(passage)
        if data is None:
            return ""
        file = self._template.filled(
            self._clock(), camera=passage.camera, stream=passage.source or passage.camera, event_id=passage.event_id,
            plate=passage.plate,
        )  # fmt: skip
        with output_errors(file):
            file.parent.mkdir(parents=True, exist_ok=True)
            if "event_id" not in self._template.fields:
                file = new_name(file)
            check_no_input(file)
            file.write_bytes(data)
            self._keeper.add(file)
        self.written += 1
        return str(file)

    def path_of(self, passage: Passage) -> str:
        """The path of the passage's picture, waiting until it is written; empty without one."""
        return self._paths.get(passage.event_id)

    def tick(self) -> None:
        with output_errors(self.path):
            self._keeper.prune()

    def close(self) -> None:
        self._paths.close()

    def result(self) -> str:
        return f"{self.written} picture{'s' if self.written != 1 else ''} in {self.path}"
