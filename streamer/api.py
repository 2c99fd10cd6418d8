"""`PlateReader`: plates of pictures, for programs."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from streamer.config.models import as_countries, as_country
from streamer.engine.again import read_again, together
from streamer.engine.crop_location import LOOK_INTO, PICTURE_OF_A_PLATE, better, locate, picture_of
from streamer.engine.detector import Detector
from streamer.engine.large import find, find_closely, of_one_plate
from streamer.engine.reader import Reader
from streamer.engine.verdict import heard
from streamer.engine.zoo import plate_folders
from streamer.errors import ConfigError
from streamer.geometry import box_quad
from streamer.image.warp import cut, frame_of, rectify, to_bgr
from streamer.passages.country import read_with_country_prior
from streamer.passages.rejections import LEGIBLE
from streamer.passages.vote import CUT_TEXT
from streamer.plates.countries import check_countries
from streamer.plates.formats import RegionFormats, formats_of
from streamer.tracking.edge import inside
from streamer.types import FloatArray, Frame, Image, Plate, Plates, Reading

Cut = Callable[[Reader, Frame, FloatArray], Image]


class PlateReader:
    """Detector and reader in one.

    `detector` and `reader`: a name in the zoo or a path to an .xml. `precision`: "auto" (INT8 where the processor has
    VNNI or AMX, else f32), "int8", "bf16" or "f32". `threads`: None for the cores this process may use. `min_score`:
    None for the detector's operating point. `refiner`: the network that corrects detections, "card" for the one
    that the detector's card names, None or "none" for no refiner. `countries`: whose plates are expected (ISO codes);
    their formats are then likelier. `plates`: a folder with layout files of more countries. `device`: "CPU",
    "GPU", "NPU" or "AUTO"; the CPU, with a log line, where that is not there. `thorough`: whether to look again, on a
    larger input, where no plate or a small one is found, and to read doubtful plates from six more cuts; False where
    time counts more, as for frames of a video. Raises ModelError for a missing or
    altered model, ConfigError for a value out of range. Threads may share one: each works with requests of its own to
    the same compiled networks.
    """

    def __init__(
        self,
        detector: str | Path = "plate-detector-s",
        reader: str | Path = "plate-reader",
        precision: str = "auto",
        threads: int | None = None,
        min_score: float | None = None,
        refiner: str | Path | None = "card",
        countries: Sequence[str] = (),
        plates: str | Path | None = None,
        device: str = "CPU",
        thorough: bool = True,
    ) -> None:
        self._thorough = thorough
        try:
            expected = tuple(as_country(code) for code in as_countries(countries))
        except ValueError as error:
            raise ConfigError(f"countries: {error} (got {countries!r})") from None
        folders = plate_folders(plates)
        check_countries(expected, folders)
        self._detector = Detector(detector, precision, threads, min_score, refiner, device=device)
        self._reader = Reader(reader, precision, threads, device=device)
        self._free = deque([(self._detector, self._reader)])  # those that no thread works with just now
        alphabet = self._reader.alphabet
        self._formats = formats_of(expected, folders, alphabet.symbols, alphabet.size) if expected else None
        self._regions = None if expected else RegionFormats(folders, alphabet.symbols, alphabet.size)

    @property
    def min_score(self) -> float:
        """The detection threshold in force."""
        return self._detector.min_score

    def __repr__(self) -> str:
        return f"PlateReader(precision={self._detector.precision!r}, min_score={self.min_score:g})"

    def read(self, image_bgr: npt.NDArray[Any]) -> list[Plate]:
        """Every plate of `min_score` and more with its text, best first. `image_bgr`: (H, W, 3) uint8. A find in which
        the reader sees nothing, or nothing legible, has a lower score than `detect` gives it. A picture in which no
        plate is found may be one of a plate alone: where it is read surely, it is that plate.

        Grey and BGRA pictures work too; ValueError names shape and dtype of anything else.
        """
        frame = frame_of(image_bgr)
        with self._networks() as (detector, reader):
            plates = self._find(detector, frame)
            cuts = [self._all_cuts(reader, frame, quad, _cut) for quad in plates.quad]
            every = [self._together(several) for several in cuts]
            plates, rows = heard(plates, cuts, every, self._reader.alphabet.eos, self.min_score)
            readings = [every[k] for k in rows]
            alone = self._alone(detector, reader, frame, plates)
        for i, box in enumerate(plates.box_xyxy):
            if not inside(box, frame.width, frame.height):  # a part of its text may be missing
                readings[i] = replace(readings[i], confidence=readings[i].confidence * CUT_TEXT)
        found = [_plate(plates, i, _legible(reading)) for i, reading in enumerate(readings)]
        if alone is None:
            return found
        return [alone, *(plate for plate in found if not of_one_plate(plate.box_xyxy, alone.box_xyxy))]

    def _alone(self, detector: Detector, reader: Reader, frame: Frame, plates: Plates) -> Plate | None:
        """The plate that a picture is of, where the detector finds none in it: None where it does, or where nothing is
        read surely."""
        least = detector.operating_point
        if not self._thorough or self.min_score > least or plates.score.max(initial=0.0) >= least:
            return None
        quad, reading = self._read_crop(detector, reader, frame)
        if reading.confidence < PICTURE_OF_A_PLATE:
            return None
        return _plate(picture_of(quad, frame, least), 0, reading)

    def detect(self, image_bgr: npt.NDArray[Any]) -> list[Plate]:
        """What the detector alone takes for plates: text "" and confidence 0.0."""
        with self._networks() as (detector, _):
            plates = self._find(detector, frame_of(image_bgr))
        return [_plate(plates, i, None) for i in range(len(plates))]

    def _find(self, detector: Detector, frame: Frame) -> Plates:
        return find_closely(detector, frame) if self._thorough else find(detector, frame)

    def read_crops(self, crops: Sequence[npt.NDArray[Any]]) -> list[Reading]:
        """One reading for each picture of one plate, of any size: tight, squeezed, or with up to a third of margin
        on any side. ValueError for one picture in place of a list."""
        if isinstance(crops, np.ndarray) and crops.ndim < 4:
            raise ValueError(f"one picture of shape {crops.shape}, expected a list: read_crops([picture])")
        frames = [frame_of(crop) for crop in crops]
        with self._networks() as (detector, reader):
            return [_legible(self._read_crop(detector, reader, frame)[1]) for frame in frames]

    def _read_crop(self, detector: Detector, reader: Reader, frame: Frame) -> tuple[FloatArray, Reading]:
        """The corners (4, 2) and the reading of the one plate that a picture is of."""
        whole = box_quad(np.array([0, 0, frame.width, frame.height], float))
        reading = self._text(reader, frame, whole, _squeezed)
        if reading.confidence < LOOK_INTO and (quad := locate(detector, to_bgr(frame))) is not None:
            inner = self._text(reader, frame, quad, _cut)
            if better(reading, inner) is inner:
                return quad, self._together(self._all_cuts(reader, frame, quad, _cut, inner))
        return whole, self._together(self._all_cuts(reader, frame, whole, _squeezed, reading))

    @contextmanager
    def _networks(self) -> Iterator[tuple[Detector, Reader]]:
        """A detector and a reader for this thread alone; there become as many as are ever used at once."""
        try:
            mine = self._free.pop()
        except IndexError:
            mine = self._detector.another(), self._reader.another()
        try:
            yield mine
        finally:
            self._free.append(mine)

    def _all_cuts(
        self, reader: Reader, frame: Frame, quad: FloatArray, cut_as: Cut, first: Reading | None = None
    ) -> list[Reading]:
        """The readings of a plate's cuts: one where it is read surely, or nothing is done twice. `first`: the one that
        is there already."""

        def read(quads: Sequence[FloatArray]) -> list[Reading]:
            return [self._text(reader, frame, one, cut_as) for one in quads]

        first = first or read([quad])[0]
        return read_again(quad, first, read, self._reader.alphabet.eos) if self._thorough else [first]

    def _together(self, cuts: Sequence[Reading]) -> Reading:
        """One reading of all cuts; where no country is expected, by what plates of its region look like."""
        return together(cuts, self._regions)

    def _text(self, reader: Reader, frame: Frame, quad: FloatArray, cut_as: Cut) -> Reading:
        (reading,) = reader.read([cut_as(reader, frame, quad)])
        if self._formats is None:
            return reading
        return read_with_country_prior(reading, self._formats, self._reader.alphabet)


def _cut(reader: Reader, frame: Frame, quad: FloatArray) -> Image:
    """A plate as the reader wants it."""
    c = reader.crop
    return rectify(frame, quad, c.along, c.across, c.width, c.height)


def _squeezed(reader: Reader, frame: Frame, quad: FloatArray) -> Image:
    """The same without a margin."""
    return cut(to_bgr(frame), quad, reader.crop.width, reader.crop.height)


def _legible(one: Reading) -> Reading:
    """The reading; a guess is no text."""
    if not one.text or one.confidence >= LEGIBLE:
        return one
    return replace(one, text="", confidence=0.0, char_confidence=())


def _plate(plates: Plates, i: int, reading: Reading | None) -> Plate:
    box, quad, score = plates.box_xyxy[i], plates.quad[i], float(plates.score[i])
    if reading is None:
        return Plate(box, quad, score)
    return Plate(box, quad, score, reading.text, reading.confidence, reading.char_confidence, reading.kind)
