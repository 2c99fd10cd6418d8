"""The data that flows through the program: Frame -> Plates -> Track -> Reading -> Passage. NumPy only.

Coordinates carry their space in the name. `frame_xy` is the upright picture as a viewer sees it, continuous, origin at
the top left corner of the top left pixel (so pixel (0, 0) has its centre at (0.5, 0.5)).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import Literal

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
F32Array = npt.NDArray[np.float32]
Image = npt.NDArray[np.uint8]
TimeSource = Literal["container", "given", "rtcp", "arrival", "unknown"]


@dataclass(frozen=True, eq=False)
class YuvPlanes:
    """A decoded picture as three 8-bit planes; chroma may be subsampled by any integer.

    `y` is (H, W), `u` and `v` are (H / sv, W / sh), rounded up. `matrix` names the conversion to RGB; `full_range` says
    whether luma spans 0-255 (else 16-235).
    """

    y: Image
    u: Image
    v: Image
    matrix: Literal["bt601", "bt709", "bt2020"]
    full_range: bool

    def __repr__(self) -> str:
        return f"YuvPlanes({'x'.join(map(str, self.y.shape[::-1]))}, {self.matrix}, full_range={self.full_range})"


@dataclass(frozen=True, eq=False)
class Frame:
    """One upright picture. Exactly one of `planes` (from a decoder) and `bgr` ((H, W, 3) uint8, from a file) is set.

    `index` counts from 0 in presentation order; `pts` is seconds in the stream; `captured_at` is an aware datetime or
    None, and `time_source` says how it is known. `part`: of a stream of joined recordings, which of them it belongs to.
    `cut`: a hard cut lies before it.
    """

    index: int
    pts: float
    width: int
    height: int
    planes: YuvPlanes | None = None
    bgr: Image | None = None
    captured_at: datetime | None = None
    time_source: TimeSource = "unknown"
    part: int = 0
    cut: bool = False

    def __repr__(self) -> str:
        return f"Frame(index={self.index}, pts={self.pts:.3f}, {self.width}x{self.height})"


@dataclass(frozen=True, eq=False)
class Plates:
    """The detections of one frame, n rows, best first.

    `box_xyxy` (n, 4) and `quad` (n, 4, 2) float64 in frame_xy, the quad in the plate's own reading order TL TR BR BL;
    `score` (n,) float64 in 0-1. `quad_is_box` (n,) bool: the corners were not usable and the quad is the box's.
    """

    box_xyxy: FloatArray
    score: FloatArray
    quad: FloatArray
    quad_is_box: npt.NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.score)

    def __repr__(self) -> str:
        return f"Plates({len(self)}, scores {[round(float(s), 3) for s in self.score[:4]]})"

    def __getitem__(self, rows: npt.NDArray[np.generic] | slice) -> Plates:
        return Plates(self.box_xyxy[rows], self.score[rows], self.quad[rows], self.quad_is_box[rows])

    @staticmethod
    def joined(parts: Sequence[Plates]) -> Plates:
        """The rows of all, in their order."""
        return Plates(
            np.concatenate([p.box_xyxy for p in parts]),
            np.concatenate([p.score for p in parts]),
            np.concatenate([p.quad for p in parts]),
            np.concatenate([p.quad_is_box for p in parts]),
        )

    @staticmethod
    def empty() -> Plates:
        return Plates(np.zeros((0, 4)), np.zeros(0), np.zeros((0, 4, 2)), np.zeros(0, bool))


@dataclass(frozen=True)
class Kind:
    """What sort of plate it is; each None where unknown. `colour` blue | green | yellow | white | black; `region`
    china | europe | north-america | latin-america | asia | africa."""

    colour: str | None = None
    rows: int | None = None
    region: str | None = None


@dataclass(frozen=True, eq=False)
class Reading:
    """What the reader saw in one crop.

    `text`: upper case, native script, no separators, `?` for a character that cannot be read. `confidence` 0-1 for the
    whole text, `char_confidence` one for each character. `slot_probs` (S, C) float32: the distribution of every slot
    over the alphabet, for the vote.
    """

    text: str
    confidence: float
    char_confidence: tuple[float, ...]
    kind: Kind = Kind()
    slot_probs: F32Array | None = None

    def __repr__(self) -> str:
        return f"Reading({self.text!r}, confidence={self.confidence:.3f}, {self.kind})"


@dataclass(frozen=True, eq=False)
class Plate:
    """One plate of one picture, as `PlateReader.read` returns it. `box_xyxy` (4,), `quad` (4, 2), both in frame_xy.

    `score`: how surely it is a plate, 0-1. `confidence`: of the text as a whole, by all cuts that were read;
    `char_confidence`: of each character in the surest of them.
    """

    box_xyxy: FloatArray
    quad: FloatArray
    score: float
    text: str = ""
    confidence: float = 0.0
    char_confidence: tuple[float, ...] = ()
    kind: Kind = Kind()

    def __repr__(self) -> str:
        box = tuple(round(float(v), 1) for v in self.box_xyxy)
        return f"Plate({self.text!r}, confidence={self.confidence:.3f}, score={self.score:.3f}, box={box})"


# Of a text: for each character place in order, and the end behind the last, the likely symbols and their probabilities,
# most probable first. "?" is a character that cannot be read, "" the end; what is missing to 1 is spread over the rest.
Posterior = tuple[tuple[tuple[str, float], ...], ...]


@dataclass(frozen=True)
class WatchMatch:
    """What a list of plates says of a passage. `list` and `kind` of list; `plate`, `name`, `note` and `colour` of its
    entry (of a list of allowed plates none: the passage is on no entry, `nearest` the likeliest). `mode`: how it was
    compared; `score`: by likelihood nats above the background, by edit distance the number of edits, else 0;
    `threshold`: the least score that matches, where there is one. `why`: one line for people."""

    list: str
    kind: Literal["watch", "allow"]
    plate: str
    mode: Literal["exact", "edit", "look_alike", "pattern", "likelihood"]
    score: float = 0.0
    threshold: float | None = None
    name: str = ""
    note: str = ""
    colour: str = ""
    nearest: str = ""
    why: str = ""


# Reasons to doubt a row: no format of the expected countries, cut by the picture's edge, one character from a surer row
# of the same time, a thing that never moved or was drawn over the picture, fewer readings than usual.
Flag = Literal["country", "edge", "near_repeat", "static", "few_reads"]


@dataclass(frozen=True)
class Passage:
    """One vehicle's pass through the picture: a row of the CSV. `box` is in frame_xy of the best frame, `first_box` and
    `last_box` in those of the first and last; `score` is the detector's in the best frame. `event_id` repeats with
    the recording, and with nothing else; `parts` are those of passages that were joined to this one. `crossed`:
    lines in the order they were crossed, each with + or -. `char_confidence`: one for each character of `plate`;
    `alternatives`: the next texts and their probabilities. `flags`: reasons for doubt, in the order of `Flag`;
    `kind`: colour, rows and region as the best reading has them. `source`: the file or address, without a password.
    Where a sink wants them, `crop` (H, W, 3) BGR: the plate as it was read best, and `snapshot`: the whole frame
    then as JPEG; `posterior`: the fused distribution of each character place. `watch`: what the lists of plates say of
    it, None where none are configured."""

    camera: str
    track_id: int
    plate: str
    confidence: float
    first_frame: int
    last_frame: int
    best_frame: int
    first_s: float
    last_s: float
    first_seen: datetime | None
    last_seen: datetime | None
    time_source: TimeSource
    box: tuple[float, float, float, float]
    n_reads: int
    first_box: tuple[float, float, float, float] = (0.0, 0.0, 0.0, 0.0)
    last_box: tuple[float, float, float, float] = (0.0, 0.0, 0.0, 0.0)
    score: float = 0.0
    event_id: str = ""
    zone: str = ""
    crossed: tuple[str, ...] = ()
    parts: tuple[str, ...] = ()
    char_confidence: tuple[float, ...] = ()
    alternatives: tuple[tuple[str, float], ...] = ()
    flags: tuple[Flag, ...] = ()
    kind: Kind = Kind()
    source: str = ""
    crop: Image | None = field(default=None, repr=False, compare=False)
    snapshot: bytes | None = field(default=None, repr=False, compare=False)
    posterior: Posterior | None = field(default=None, repr=False, compare=False)
    watch: tuple[WatchMatch, ...] | None = field(default=None, repr=False, compare=False)

    def __repr__(self) -> str:
        when = f"{self.first_s:.2f}-{self.last_s:.2f} s"
        return f"Passage({self.plate!r}, confidence={self.confidence:.3f}, {self.camera!r}, {self.track_id}, {when})"


Reason = Literal[
    "seen too rarely", "found too weakly", "too small to read", "nothing legible", "read too rarely", "not sure enough"
]


@dataclass(frozen=True, eq=False)
class Rejection:
    """A track that gave no row, and why.

    `setting` is the key of the configuration that decides it (None where none would have helped): the track had `found`
    where `needed` was asked for. `track_id` is 0 for a track that was never believed. `text` and `confidence`: what the
    vote said. `crop` (H, W, 3) BGR, as the reader's card has it: the best one that was read, None where none was.
    """

    camera: str
    track_id: int
    reason: Reason
    setting: str | None
    found: float
    needed: float
    text: str
    confidence: float
    first_frame: int
    last_frame: int
    best_frame: int
    first_s: float
    last_s: float
    first_seen: datetime | None
    box: tuple[float, float, float, float]
    score: float
    n_hits: int
    n_reads: int
    crop: Image | None = field(default=None, repr=False)


@dataclass
class RunSummary:
    """What a run did. `ended` says why it stopped.

    The counts add up: `tracks` + `rejected["seen too rarely"]` = `passages` + `joined` + all of `rejected`. `tracks`
    are those believed, `joined` the passages that became part of an earlier row. `passed_over`: frames that the
    detector did not look at; `slept`: frames that were not decoded, as a camera slept. `outside`: plates found where
    zones say not to read. `waiting`: vehicles at this moment whose row is not final, in sight with a text or passed; 0
    at the end. `watch_hits`: rows that each list of plates reported.
    """

    frames: int = 0
    passed_over: int = 0
    slept: int = 0
    detections: int = 0
    outside: int = 0
    reads: int = 0
    tracks: int = 0
    passages: int = 0
    waiting: int = 0
    joined: int = 0
    rejected: dict[Reason, int] = field(default_factory=dict)
    watch_hits: dict[str, int] = field(default_factory=dict)
    reconnects: int = 0
    seconds: float = 0.0
    ended: Literal["end of stream", "stopped"] = "end of stream"
    warnings: list[str] = field(default_factory=list)

    def add(self, other: RunSummary) -> RunSummary:
        """Adds what another one counted; `seconds` and `ended` stay. Gives itself."""
        for one in fields(self):
            mine, theirs = getattr(self, one.name), getattr(other, one.name)
            if isinstance(mine, dict):
                for key, count in dict(theirs).items():
                    mine[key] = mine.get(key, 0) + count
            elif one.name not in ("seconds", "ended"):
                setattr(self, one.name, mine + theirs)
        return self
