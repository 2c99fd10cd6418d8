"""The CSV of Plate Recognizer's stream software, for those who have programs that read it.

Its columns and its habits: lower-case plates, a blank between date and time, nested values as Python writes them.
Columns for what is not known here (make, colour and orientation of the vehicle; ours are of the plate) stay empty.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from streamer.sink.csv import CsvSink, degrees_text, guard
from streamer.types import Passage

if TYPE_CHECKING:
    from streamer.sink.pictures import PictureSink

COLUMNS = (
    "timestamp", "plate", "score", "dscore", "file", "box", "model_make", "color", "vehicle", "region", "orientation",
    "candidates", "source_url", "position_sec", "direction",
)  # fmt: skip
# Our regions that are one country, and the least probability at which the reader tells one.
_COUNTRIES, _LEAST = {"china": "cn"}, 0.6


class PlateRecognizerSink(CsvSink):
    """A passage a row, as `CsvSink` writes them. `pictures`: sinks that have written a passage's picture before its
    row; the first that has one gives `file`."""

    columns = COLUMNS
    pictures: Sequence[PictureSink] = ()

    def row_of(self, passage: Passage) -> tuple[str, ...]:
        plate, score = passage.plate.lower(), round(passage.confidence, 3)
        names = ("xmin", "ymin", "xmax", "ymax")
        seen = passage.first_seen
        code = _COUNTRIES.get(passage.kind.region or "", "")
        candidates = [{"score": score, "plate": plate}]
        candidates += [{"score": round(p, 3), "plate": text.lower()} for text, p in passage.alternatives]
        cells = {
            "timestamp": "" if seen is None else seen.isoformat(" ", "microseconds"),
            "plate": guard(plate),
            "score": f"{score}",
            "dscore": f"{round(passage.score, 3)}",
            "file": guard(self._file(passage)),
            "box": repr({k: round(v) for k, v in zip(names, passage.box, strict=True)}),
            "region": repr({"code": code, "score": _LEAST}) if code else "",
            "candidates": repr(candidates),
            "source_url": guard(passage.source),
            "position_sec": f"{passage.first_s:.3f}",
            "direction": degrees_text(passage),
        }
        return tuple(cells.get(column, "") for column in COLUMNS)

    def _file(self, passage: Passage) -> str:
        """The picture of this passage where one was written, else what it was seen in."""
        return next(
            (path for sink in self.pictures if (path := sink.path_of(passage))), passage.source or passage.camera
        )
