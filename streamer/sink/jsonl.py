"""JSON Lines: one passage per line, with the CSV's column names as keys."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import fields
from pathlib import Path

from streamer.config.models import RowsConfig
from streamer.passages.course import movement
from streamer.sink.csv import box_list, degrees_text, time_text
from streamer.sink.parts import Form, unchanged
from streamer.sink.rows import RowFiles
from streamer.sink.sink import BaseSink
from streamer.sink.tails import repair_tail
from streamer.source.source import StreamInfo
from streamer.types import Passage, WatchMatch

# Fields of a passage that have no key of their own name.
_NOT_IN_ROWS = {"crop", "snapshot", "posterior", "watch", "kind", "source"}


class JsonlSink(BaseSink):
    """Writes passages to `path`, each line in one call; with `provisional`, provisional rows, too."""

    def __init__(
        self,
        path: str | Path,
        *,
        append: bool = False,
        provisional: bool = False,
        config: RowsConfig | None = None,
    ) -> None:
        self._provisional = provisional
        self.path, self.lines = Path(path), 0
        self._files = RowFiles(Path(path), config or RowsConfig(), append=append, form=Form(prepare=prepare))

    def begin(self, info: StreamInfo) -> None:
        self._files.begin()

    def passage(self, passage: Passage) -> None:
        self._line(passage, record_of(passage))

    def provisional(self, passage: Passage, *, withdrawn: bool = False) -> None:
        if self._provisional:
            self._line(passage, {**record_of(passage), "status": "withdrawn" if withdrawn else "provisional"})

    def waiting(self, camera: str, passages: Sequence[Passage]) -> None:
        self._files.waiting(camera, [(p.event_id, encode_line(record_of(p))) for p in passages])

    def _line(self, passage: Passage, record: dict[str, object]) -> None:
        self._files.write(passage.camera, encode_line(record))
        self.lines += 1

    def close(self) -> None:
        self._files.close()

    def result(self) -> str:
        return f"{self.lines} line{'s' if self.lines != 1 else ''} in {self.path}"


def encode_line(record: dict[str, object]) -> bytes:
    return (json.dumps(record, ensure_ascii=False) + "\n").encode("utf-8", "replace")


def prepare(path: Path) -> Callable[[bytes], bytes]:
    """Repairs the end of a file that is appended to."""
    repair_tail(path, _is_complete, quoted=False)
    return unchanged


def _is_complete(line: bytes) -> bool:
    try:
        json.loads(line)
    except ValueError:
        return False
    return True


def record_of(passage: Passage) -> dict[str, object]:
    """A passage as a JSON object; unknown times are null."""
    return {
        "schema": 1,
        "type": "passage",
        "status": "final",
        **{f.name: getattr(passage, f.name) for f in fields(passage) if f.name not in _NOT_IN_ROWS},
        "region": passage.kind.region,
        "colour": passage.kind.colour,
        "rows": passage.kind.rows,
        "confidence": round(passage.confidence, 4),
        "char_confidence": [round(p, 4) for p in passage.char_confidence],
        "alternatives": [[text, round(p, 4)] for text, p in passage.alternatives],
        "first_s": round(passage.first_s, 3),
        "last_s": round(passage.last_s, 3),
        "first_seen": time_text(passage.first_seen) or None,
        "last_seen": time_text(passage.last_seen) or None,
        "box": box_list(passage.box),
        "first_box": box_list(passage.first_box),
        "last_box": box_list(passage.last_box),
        "score": round(passage.score, 4),
        "dwell_s": round(passage.last_s - passage.first_s, 3),
        "direction_deg": int(degrees) if (degrees := degrees_text(passage)) else None,
        "movement": movement(passage.first_box, passage.last_box),
        **({} if passage.watch is None else {"watch": [match_record(match) for match in passage.watch]}),
    }


def match_record(match: WatchMatch) -> dict[str, object]:
    """What a list says of a passage as a JSON object; what is empty is left out, and rounded."""
    kept = {f.name: value for f in fields(match) if (value := getattr(match, f.name)) not in ("", None)}
    return kept | {name: round(kept[name], 2) for name in ("score", "threshold") if name in kept}
