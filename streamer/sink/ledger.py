"""The ledger of a run: a folder with one JSON line for each track without a row, and the best crop of those read."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

from streamer.config.models import RowsConfig
from streamer.sink.csv import box_list, time_text
from streamer.sink.jsonl import prepare
from streamer.sink.names import literal
from streamer.sink.opening import output_errors
from streamer.sink.parts import Form
from streamer.sink.rows import RowFiles
from streamer.sink.sink import BaseSink
from streamer.source.source import StreamInfo
from streamer.types import Passage, Rejection

FILE, CROPS = "ledger.jsonl", "crops"
MOST_CROPS = 50  # per reason; a camera may run for months


class LedgerSink(BaseSink):
    """Writes `ledger.jsonl` and `crops/` into the folder `path`."""

    def __init__(self, path: str | Path, *, append: bool = False) -> None:
        self.path = Path(path)
        self._files = RowFiles(
            literal(self.path / FILE), RowsConfig(fsync="never"), append=append, form=Form(prepare=prepare)
        )
        self._crops: Counter[str] = Counter()
        self._rows = 0

    def begin(self, info: StreamInfo) -> None:
        self._files.begin()

    def passage(self, passage: Passage) -> None:
        self._line({"type": "passage", "camera": passage.camera, "track_id": passage.track_id, "plate": passage.plate})

    def rejection(self, rejection: Rejection) -> None:
        self._line({"type": "rejection", **record_of(rejection), "crop": self._crop(rejection)})

    def close(self) -> None:
        self._files.close()

    def _line(self, record: dict[str, object]) -> None:
        line = json.dumps(record, ensure_ascii=False) + "\n"
        self._rows += 1
        self._files.write("", line.encode("utf-8", "replace"))

    def _crop(self, rejection: Rejection) -> str | None:
        """Writes the crop and returns its name in the folder; None without one, or after MOST_CROPS of its reason."""
        if rejection.crop is None or self._crops[rejection.reason] >= MOST_CROPS:
            return None
        import cv2

        self._crops[rejection.reason] += 1
        name = f"{CROPS}/{rejection.reason.replace(' ', '-')}-{self._rows:06d}.png"
        with output_errors(self.path / name):
            (self.path / CROPS).mkdir(exist_ok=True)
            if not cv2.imwrite(str(self.path / name), rejection.crop):
                raise OSError(f"{name} was not written")
        return name


def record_of(rejection: Rejection) -> dict[str, object]:
    """A rejection as a JSON object, without its crop; an unknown time is null."""
    return {
        "schema": 1,
        "camera": rejection.camera,
        "track_id": rejection.track_id or None,
        "reason": rejection.reason,
        "setting": rejection.setting,
        "found": round(rejection.found, 4),
        "needed": round(rejection.needed, 4),
        "text": rejection.text,
        "confidence": round(rejection.confidence, 4),
        "first_frame": rejection.first_frame,
        "last_frame": rejection.last_frame,
        "best_frame": rejection.best_frame,
        "first_s": round(rejection.first_s, 3),
        "last_s": round(rejection.last_s, 3),
        "first_seen": time_text(rejection.first_seen) or None,
        "box": box_list(rejection.box),
        "score": round(rejection.score, 4),
        "n_hits": rejection.n_hits,
        "n_reads": rejection.n_reads,
    }
