"""The files that a recording's rows are written to."""

from __future__ import annotations

import io
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from streamer.cluster.archive.tasks import FileRows
from streamer.sink.arrow import arrow_row, arrow_schema


def outputs_of(name: str, rows: FileRows) -> dict[str, bytes]:
    """The content of the files below the output folder, by their names: a CSV as `alpr run` writes it, and, where
    pyarrow is there, the same rows as Parquet."""
    found = {f"rows/{name}.csv": rows.csv}
    if find_spec("pyarrow") is not None:
        found[f"rows/{name}.parquet"] = parquet_of(rows.records)
    return found


def parquet_of(records: list[dict[str, object]]) -> bytes:
    """A Parquet file of records; byte-identical for the same ones."""
    arrow: Any = import_module("pyarrow")
    parquet: Any = import_module("pyarrow.parquet")
    final = [{"revision": 1, **one} for one in records]
    table = arrow.Table.from_pylist([arrow_row(one) for one in final], schema=arrow_schema(arrow))
    out = io.BytesIO()
    parquet.write_table(table, out, compression="zstd")
    return out.getvalue()
