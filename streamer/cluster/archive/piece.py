"""What a segment of a recording leaves: for each frame what the networks said, and how the frame is known again.

Nothing in it depends on the frames before, but which detections were looked at again and which plates were read; what
the whole recording asks beyond that is asked of the networks again (stitch.py).
"""

from __future__ import annotations

import io
import json
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any
from zipfile import BadZipFile

import numpy as np
import numpy.typing as npt

from streamer.errors import InputError
from streamer.image.points import sampled
from streamer.source.part_of_file import Stamp
from streamer.source.recording import packed_reading, unpacked_reading
from streamer.types import Frame, Plates, Reading

SCHEMA = 1
NO_STAMP = -(2**63)
_ACROSS = 96  # points of a row that the sum of a picture is made of

Rows = dict[bytes, Plates]  # results of second looks by `key_of` what was looked at


@dataclass
class Seen:
    """One frame of a segment: its time stamp, size and sum; what was found, looked at again and read. `shown`: the
    picture shows something, `cut`: it has nothing in common with the one at time stamp `against`."""

    stamp: Stamp
    width: int
    height: int
    sum: int
    shown: bool = False
    cut: bool = False
    against: int = NO_STAMP
    finds: Plates = field(default_factory=Plates.empty)
    looks: Rows = field(default_factory=dict)
    reads: dict[bytes, Reading | None] = field(default_factory=dict)


def key_of(plates: Plates) -> bytes:
    """What tells a choice of plates from any other."""
    return plates.box_xyxy.tobytes() + plates.quad.tobytes() + plates.score.tobytes()


def sum_of(frame: Frame) -> int:
    """A number that is equal for equal pictures, from a part of their points."""
    points = sampled(frame, _ACROSS)
    return 0 if points is None else zlib.crc32(points.tobytes())


def packed(frames: Sequence[Seen], facts: dict[str, Any]) -> bytes:
    """The frames as bytes; `facts` go with them. Numbers are kept in full."""
    looks = [(k, key, plates) for k, one in enumerate(frames) for key, plates in one.looks.items()]
    reads = [(k, quad, reading) for k, one in enumerate(frames) for quad, reading in one.reads.items()]
    rows = [None if reading is None else packed_reading(reading) for _, _, reading in reads]
    text = json.dumps({"schema": SCHEMA, "facts": facts, "reads": rows}, ensure_ascii=False)
    arrays: dict[str, npt.NDArray[Any]] = {
        "text": np.frombuffer(text.encode("utf-8", "surrogatepass"), np.uint8),
        "stamp": np.array([one.stamp for one in frames], np.int64).reshape(-1, 2),
        "size": np.array([(one.width, one.height) for one in frames], np.int32).reshape(-1, 2),
        "sum": np.array([one.sum for one in frames], np.int64),
        "state": np.array([(one.shown, one.cut) for one in frames], bool).reshape(-1, 2),
        "against": np.array([one.against for one in frames], np.int64),
        "look_at": np.array([k for k, _, _ in looks], np.int32),
        "look_key": _joined(key for _, key, _ in looks),
        "look_size": np.array([len(key) for _, key, _ in looks], np.int32),
        "read_at": np.array([k for k, _, _ in reads], np.int32),
        "read_quad": _joined(quad for _, quad, _ in reads),
        **_columns("find", [one.finds for one in frames]),
        **_columns("look", [plates for _, _, plates in looks]),
    }
    out = io.BytesIO()
    np.savez_compressed(out, **arrays)  # type: ignore[arg-type]
    return out.getvalue()


def unpacked(data: bytes, what: str = "a piece") -> tuple[list[Seen], dict[str, Any]]:
    """The inverse of `packed`; InputError where the bytes are none of its."""
    try:
        with np.load(io.BytesIO(data), allow_pickle=False) as arrays:
            return _parsed({name: arrays[name] for name in arrays.files})
    except (ValueError, KeyError, TypeError, IndexError, OSError, EOFError, zlib.error, BadZipFile) as error:
        raise InputError(f"{what}: is not the work of this version ({error}): delete it and start again") from None


def _parsed(a: dict[str, npt.NDArray[Any]]) -> tuple[list[Seen], dict[str, Any]]:
    text = json.loads(a["text"].tobytes().decode("utf-8", "surrogatepass"))
    if text["schema"] != SCHEMA:
        raise ValueError(f"schema {text['schema']}, expected {SCHEMA}")
    finds = _split("find", a)
    frames = [
        Seen(Stamp(*map(int, stamp)), int(size[0]), int(size[1]), int(total), bool(state[0]), bool(state[1]),
             int(against), next(finds))
        for stamp, size, total, state, against in zip(
            a["stamp"], a["size"], a["sum"], a["state"], a["against"], strict=True
        )
    ]  # fmt: skip
    keys = a["look_key"].tobytes()
    place = 0
    for at, size, plates in zip(a["look_at"].tolist(), a["look_size"].tolist(), _split("look", a), strict=True):
        frames[at].looks[keys[place : place + size]] = plates
        place += size
    quads = a["read_quad"].tobytes()
    for k, (at, row) in enumerate(zip(a["read_at"].tolist(), text["reads"], strict=True)):
        frames[at].reads[quads[64 * k : 64 * k + 64]] = None if row is None else unpacked_reading(row)
    return frames, text["facts"]


def _joined(parts: Iterable[bytes]) -> npt.NDArray[np.uint8]:
    return np.frombuffer(b"".join(parts), np.uint8)


def _columns(name: str, plates: Sequence[Plates]) -> dict[str, npt.NDArray[Any]]:
    every = Plates.joined([Plates.empty(), *plates])
    return {
        f"{name}_count": np.array([len(p) for p in plates], np.int32), f"{name}_box": every.box_xyxy,
        f"{name}_score": every.score, f"{name}_quad": every.quad, f"{name}_is_box": every.quad_is_box,
    }  # fmt: skip


def _split(name: str, a: dict[str, npt.NDArray[Any]]) -> Iterator[Plates]:
    every = Plates(a[f"{name}_box"], a[f"{name}_score"], a[f"{name}_quad"], a[f"{name}_is_box"])
    place = 0
    for count in a[f"{name}_count"].tolist():
        yield every[slice(place, place + count)]
        place += count
