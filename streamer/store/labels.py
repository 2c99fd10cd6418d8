"""Corrected and confirmed readings with their crops as a folder of labels, which training takes: `manifest.jsonl` for
`--data FOLDER`, and `labels.csv`, the sheet of `alpr train finetune --crops FOLDER`."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import and_, func, select

from streamer.errors import InputError
from streamer.sink.csv import guard
from streamer.sink.opening import output_errors
from streamer.store.audit import noted
from streamer.store.database import Database
from streamer.store.schema import cameras, corrections, files, passages, plates

_SHEET = ("image_path", "plate_text", "checked", "read", "confidence")
_MEASURED = 51  # of 256: the share of plates that is only measured on, about one in five


@dataclass(frozen=True)
class Exported:
    """What was written: labels, and how many passages were left out as no crop of them is kept."""

    labels: int
    without_crop: int


def export_labels(database: Database, folder: Path, pictures: Path | None, *, who: str | None = None) -> Exported:
    """Writes the folder anew; InputError where there is nothing to write. `pictures`: the store's folder of them."""
    rows = _rows(database)
    if not rows:
        raise InputError(f"{database.name}: nothing was corrected or confirmed yet: do so on the page (alpr serve)")
    crops = folder / "crops"
    sheet = io.StringIO()
    table = csv.writer(sheet, lineterminator="\n")
    table.writerow(_SHEET)
    lines: list[str] = []
    noted(database, "export labels", {"folder": str(folder)}, rows=len(rows), who=who)  # before anything leaves
    with output_errors(folder):
        if crops.is_dir():
            shutil.rmtree(crops)
        crops.mkdir(parents=True, exist_ok=True)
        for row, crop, size in _with_pictures(rows, pictures):
            name = f"crops/{row['event_id']}{crop.suffix}"
            shutil.copyfile(crop, folder / name)
            lines.append(json.dumps(_label(row, name, size), ensure_ascii=False) + "\n")
            table.writerow([name, guard(row["after"]), "x", guard(row["read"]), f"{row['confidence']:.4f}"])
        if not lines:
            raise InputError(
                f"{database.name}: no crop of the {len(rows)} corrected passages is kept: store crops (crops: true), "
                "and name their folder with --files"
            )
        (folder / "manifest.jsonl").write_text("".join(lines), encoding="utf-8")
        (folder / "labels.csv").write_bytes(sheet.getvalue().encode("utf-8-sig"))
    return Exported(len(lines), len(rows) - len(lines))


def _rows(database: Database) -> list[dict[str, Any]]:
    """The last correction of each passage, with what was read first."""
    ends = (
        select(
            corrections.c.passage_id,
            func.min(corrections.c.id).label("first"),
            func.max(corrections.c.id).label("last"),
        )
        .group_by(corrections.c.passage_id)
        .subquery()
    )
    first = corrections.alias()
    statement = (
        select(
            passages.c.event_id, passages.c.colour, passages.c.rows, passages.c.region, passages.c.confidence,
            plates.c.text.label("after"), first.c.before.label("read"), corrections.c.who, files.c.path,
            cameras.c.name.label("camera"),
        )
        .select_from(ends)
        .join(corrections, corrections.c.id == ends.c.last)
        .join(first, first.c.id == ends.c.first)
        .join(passages, passages.c.id == ends.c.passage_id)
        .join(plates, passages.c.plate_id == plates.c.id)
        .join(cameras, passages.c.camera_id == cameras.c.id)
        .outerjoin(files, and_(files.c.passage_id == passages.c.id, files.c.kind == "crop"))
        .where(~plates.c.hashed)
        .order_by(corrections.c.id)
    )  # fmt: skip
    with database.read() as connection:
        return [dict(row) for row in connection.execute(statement).mappings()]


def _with_pictures(
    rows: list[dict[str, Any]], pictures: Path | None
) -> Iterator[tuple[dict[str, Any], Path, tuple[int, int]]]:
    """Those whose crop can be opened, with it and its width and height."""
    import cv2

    for row in rows:
        if row["path"] is not None and pictures is not None:
            path = pictures / row["path"]
            image = cv2.imread(str(path)) if path.is_file() else None
            if image is not None:
                yield row, path, (image.shape[1], image.shape[0])


def _label(row: dict[str, Any], name: str, size: tuple[int, int]) -> dict[str, Any]:
    measured = hashlib.sha256(row["after"].encode()).digest()[0] < _MEASURED
    return {
        "path": name, "kind": "crop", "country": None, "region": row["region"], "size": list(size),
        "split": "dev" if measured else "train", "set": "corrected", "complete": True, "source": row["camera"],
        "plates": [
            {"text": row["after"], "colour": row["colour"], "rows": row["rows"], "text_source": "corrected by hand"}
        ],
    }  # fmt: skip
