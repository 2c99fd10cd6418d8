"""The CSV of final rows, schema 1: RFC 4180 with line feeds, UTF-8, one passage per row, byte-identical for the same
input."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from streamer.config.models import RowsConfig
from streamer.passages.course import direction_deg, movement
from streamer.sink.parts import Form
from streamer.sink.rows import RowFiles
from streamer.sink.sink import BaseSink
from streamer.sink.table import encode_row, prepare
from streamer.source.source import StreamInfo
from streamer.types import Passage

COLUMNS = (
    "camera", "track_id", "plate", "confidence", "first_frame", "last_frame", "best_frame", "first_s", "last_s",
    "first_seen", "last_seen", "time_source", "box", "n_reads", "event_id", "dwell_s", "direction_deg", "movement",
    "score", "zone", "crossed", "flags", "region", "colour", "rows",
)  # fmt: skip
# A cell that begins with one of these is a formula to a spreadsheet.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


class CsvSink(BaseSink):
    """Writes rows to `path` (a name template, see rows.py), each in one call, so that no reader (or crash) sees half a
    row."""

    columns: tuple[str, ...] = COLUMNS

    def __init__(self, path: str | Path, *, append: bool = False, config: RowsConfig | None = None) -> None:
        self.path, self.rows = Path(path), 0
        form = Form(encode_row(self.columns), lambda path: prepare(path, self.columns))
        self._files = RowFiles(Path(path), config or RowsConfig(), append=append, form=form)

    def begin(self, info: StreamInfo) -> None:
        self._files.begin()

    def row_of(self, passage: Passage) -> tuple[str, ...]:
        """The cells of a passage, in the order of `columns`."""
        return row_of(passage)

    def passage(self, passage: Passage) -> None:
        self._files.write(passage.camera, encode_row(self.row_of(passage)))
        self.rows += 1

    def waiting(self, camera: str, passages: Sequence[Passage]) -> None:
        self._files.waiting(camera, [(p.event_id, encode_row(self.row_of(p))) for p in passages])

    def close(self) -> None:
        self._files.close()

    def result(self) -> str:
        return f"{self.rows} row{'s' if self.rows != 1 else ''} in {self.path}"


def row_of(passage: Passage) -> tuple[str, ...]:
    """The cells of a passage, in the order of COLUMNS."""
    return (
        guard(passage.camera),
        str(passage.track_id),
        guard(passage.plate),
        f"{passage.confidence:.4f}",
        str(passage.first_frame),
        str(passage.last_frame),
        str(passage.best_frame),
        f"{passage.first_s:.3f}",
        f"{passage.last_s:.3f}",
        time_text(passage.first_seen),
        time_text(passage.last_seen),
        passage.time_source,
        json.dumps(box_list(passage.box), separators=(",", ":")),
        str(passage.n_reads),
        passage.event_id,
        f"{passage.last_s - passage.first_s:.3f}",
        degrees_text(passage),
        movement(passage.first_box, passage.last_box),
        f"{passage.score:.4f}",
        guard(passage.zone),
        guard(" ".join(passage.crossed)),
        ",".join(passage.flags),
        passage.kind.region or "",
        passage.kind.colour or "",
        "" if passage.kind.rows is None else str(passage.kind.rows),
    )


def degrees_text(passage: Passage) -> str:
    """The direction of travel in whole degrees, 0 to 359; empty where the plate hardly moved."""
    degrees = direction_deg(passage.first_box, passage.last_box)
    return "" if degrees is None else f"{round(degrees) % 360}"


def guard(text: str) -> str:
    """Prefixes `'` to text that a spreadsheet would run as a formula, and to text that begins with `'`."""
    return f"'{text}" if text.startswith((*_FORMULA, "'")) else text


def unguard(cell: str) -> str:
    """The inverse of `guard`."""
    return cell[1:] if cell.startswith("'") else cell


def box_list(box: Sequence[float]) -> list[float]:
    """[x1, y1, x2, y2] to a tenth of a pixel, without a negative zero."""
    return [round(v, 1) + 0.0 for v in box]


def time_text(time: datetime | None) -> str:
    """ISO-8601 with microseconds and offset, empty where the time is unknown."""
    return "" if time is None else time.isoformat(timespec="microseconds")
