"""The CSV format of Plate Recognizer's Stream, for programs that read it.

Its columns and conventions: lower-case plates, a space between date and time, nested values as Python literals. Columns
that are not known here (make, colour and orientation of the vehicle; ours are of the plate) stay empty.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from streamer.sink.csv import CsvSink, degrees_text, guard
from streamer.types import Passage

if TYPE_CHECKING:
    from streamer.sink.picture_files import PictureSink

COLUMNS = (
    "timestamp", "plate", "score", "dscore", "file", "box", "model_make", "color", "vehicle", "region", "orientation",
    "candidates", "source_url", "position_sec", "direction",
)  # fmt: skip
# Our regions that are a single country, and the least probability at which the reader reports a region.
_COUNTRIES, _LEAST = {"china": "cn"}, 0.6


class PlateRecognizerSink(CsvSink):
    """Writes one row per passage as `CsvSink` does. `pictures`: sinks that write a passage's picture before its row;
    the first that has one provides `file`."""

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
        """The path of this passage's picture, else its source."""
        return next(
            (path for sink in self.pictures if (path := sink.path_of(passage))), passage.source or passage.camera
        )
