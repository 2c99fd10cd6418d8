"""The passages of a selection as a file, written as they are read."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from fastapi.responses import StreamingResponse

from streamer.sink.csv import COLUMNS
from streamer.sink.table import encode_row
from streamer.store.database import Database
from streamer.store.paging import every
from streamer.store.records import cells_of, json_line
from streamer.store.selection import Selection

Format = Literal["csv", "jsonl"]
_TYPES = {"csv": "text/csv; charset=utf-8", "jsonl": "application/x-ndjson"}


def exported(store: Database, selection: Selection, form: Format, who: str) -> StreamingResponse:
    """The newest first; noted in the audit log before anything leaves."""
    lines = every(store, selection, who=who)

    def parts() -> Iterator[bytes]:
        if form == "csv":
            yield encode_row(COLUMNS)
        for line in lines:
            yield encode_row(cells_of(line.record)) if form == "csv" else json_line(line.record)

    name = f'attachment; filename="passages.{form}"'
    return StreamingResponse(parts(), media_type=_TYPES[form], headers={"Content-Disposition": name})
