"""The CSV of Plate Recognizer's stream software, for those who have programs that read it.

Its columns and its habits: lower-case plates, a blank between date and time, nested values as Python writes them.
Columns for what is not known here (make, colour and orientation of the vehicle) stay empty.
"""

from __future__ import annotations

from streamer.sink.csv import CsvSink, degrees_text, guard
from streamer.types import Passage

COLUMNS = (
    "timestamp", "plate", "score", "dscore", "file", "box", "model_make", "color", "vehicle", "region", "orientation",
    "candidates", "source_url", "position_sec", "direction",
)  # fmt: skip


class PlateRecognizerSink(CsvSink):
    """A passage a row, as `CsvSink` writes them."""

    columns = COLUMNS

    def row_of(self, passage: Passage) -> tuple[str, ...]:
        plate, score = passage.plate.lower(), round(passage.confidence, 3)
        names = ("xmin", "ymin", "xmax", "ymax")
        seen = passage.first_seen
        cells = {
            "timestamp": "" if seen is None else seen.isoformat(" ", "microseconds"),
            "plate": guard(plate),
            "score": f"{score}",
            "dscore": f"{round(passage.score, 3)}",
            "file": guard(passage.camera),
            "box": repr({k: round(v) for k, v in zip(names, passage.box, strict=True)}),
            "candidates": repr([{"score": score, "plate": plate}]),
            "position_sec": f"{passage.first_s:.3f}",
            "direction": degrees_text(passage),
        }
        return tuple(cells.get(column, "") for column in COLUMNS)
