"""From a decoder's picture to upright planes: pixel format, colour description, rotation.

Planar 8-bit 4:2:0 and 4:4:4 pass as views of the decoder's own memory. Everything else goes through one swscale context
a stream (a context a frame would leak with FFmpeg 8).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from streamer.types import Image, YuvPlanes

if TYPE_CHECKING:
    import av

Matrix = Literal["bt601", "bt709", "bt2020"]

_VIEWED = frozenset({"yuv420p", "yuvj420p", "yuv444p", "yuvj444p"})
# AVColorSpace: BT.709; FCC, BT.470BG and SMPTE 170M are the BT.601 family; SMPTE 240M is within 1 % of BT.709.
_MATRIX: dict[int, Matrix] = {1: "bt709", 4: "bt601", 5: "bt601", 6: "bt601", 7: "bt709", 9: "bt2020", 10: "bt2020"}
_LOOK_EVERY = 50  # frames; where a rotation is written, it holds for the whole stream
RANGE_MPEG, RANGE_JPEG = 1, 2
SWS_COLORSPACE: dict[Matrix, int] = {"bt709": 1, "bt601": 5, "bt2020": 9}


@dataclass(frozen=True)
class Orientation:
    """How stored pixels become upright: an optional transpose, then flips along the new axes."""

    transpose: bool = False
    flip_x: bool = False
    flip_y: bool = False

    def __bool__(self) -> bool:
        return self.transpose or self.flip_x or self.flip_y

    def apply(self, plane: Image) -> Image:
        """(H, W[, 3]) uint8 -> upright, contiguous."""
        import cv2

        if self.transpose:
            plane = cv2.transpose(plane)
        if self.flip_x or self.flip_y:
            plane = cv2.flip(plane, -1 if self.flip_x and self.flip_y else int(self.flip_x))
        return plane


UPRIGHT = Orientation()


def orientation_of(matrix: Any) -> Orientation:
    """The display matrix (nine 16.16 integers, x' = a x + c y, y' = b x + d y) as one of the eight orientations.

    Free angles are rounded to the nearest quarter turn.
    """
    a, b, _, c, d = (int(v) for v in matrix[:5])
    if abs(a) + abs(d) >= abs(b) + abs(c):
        return Orientation(False, a < 0, d < 0)
    return Orientation(True, c < 0, b < 0)


def frame_orientation(frame: av.VideoFrame) -> Orientation:
    """The orientation stored with a decoded frame."""
    from av.sidedata.sidedata import SideDataContainer, Type

    # frame.side_data would put the frame in a circle with its side data (PyAV 18), and its picture would stay in memory
    # until the garbage collector comes by. A container that the frame does not know makes none.
    side = SideDataContainer(frame).get(Type.DISPLAYMATRIX)  # type: ignore[call-arg]
    if side is None or side.buffer_size < 36:
        return UPRIGHT
    return orientation_of(np.frombuffer(side, np.int32, 9))


def colour_of(frame: av.VideoFrame) -> tuple[Matrix, bool]:
    """(matrix, full range) of a decoded frame; untagged video is BT.709 from 720 rows, BT.601 below, and limited."""
    matrix = _MATRIX.get(int(frame.colorspace)) or ("bt709" if frame.height >= 720 else "bt601")
    return matrix, frame.format.name.startswith("yuvj") or int(frame.color_range) == RANGE_JPEG


class PlaneReader:
    """Turns one stream's decoded frames into upright planes, or BGR where the video is stored as RGB."""

    def __init__(self) -> None:
        from av.video.reformatter import VideoReformatter

        self._scaler = VideoReformatter()
        self._orientation = UPRIGHT
        self._until_look = 0  # frames

    def _turned(self, frame: av.VideoFrame) -> Orientation:
        """The frame's orientation, looked at in few frames."""
        self._until_look -= 1
        if self._until_look < 0:
            self._orientation, self._until_look = frame_orientation(frame), _LOOK_EVERY
        return self._orientation

    def read(self, frame: av.VideoFrame) -> tuple[YuvPlanes | None, Image | None]:
        """(planes, None) or (None, bgr), 8 bit and upright. The views keep the decoder's memory alive."""
        orientation = self._turned(frame)
        if frame.format.is_rgb or frame.format.has_palette:
            bgr = np.asarray(self._scaler.reformat(frame, format="bgr24").to_ndarray(), np.uint8)
            return None, orientation.apply(bgr)
        matrix, full = colour_of(frame)
        if frame.format.name.startswith(("gray", "mono")):
            return self._grey(frame, orientation, matrix), None
        frame = self._planar(frame, orientation, matrix, full)
        y, u, v = (orientation.apply(view(p)) for p in frame.planes[:3])
        return YuvPlanes(y, u, v, matrix, full), None

    def _planar(self, frame: av.VideoFrame, orientation: Orientation, matrix: Matrix, full: bool) -> av.VideoFrame:
        """The frame in a format whose planes can be viewed."""
        wanted = _target_format(frame)
        if orientation and wanted == "yuv420p" and (frame.width | frame.height) % 2:
            wanted = "yuv444p"  # the lone last chroma column would come first after a flip
        name = frame.format.name
        if name in _VIEWED and name.replace("yuvj", "yuv") == wanted:
            return frame
        colorspace, colour_range = SWS_COLORSPACE[matrix], RANGE_JPEG if full else RANGE_MPEG
        return self._scaler.reformat(
            frame,
            format=wanted,
            src_colorspace=colorspace,
            dst_colorspace=colorspace,
            src_color_range=colour_range,
            dst_color_range=colour_range,
        )

    def _grey(self, frame: av.VideoFrame, orientation: Orientation, matrix: Matrix) -> YuvPlanes:
        """Grey video as full-range luma with neutral chroma."""
        if frame.format.name != "gray":
            frame = self._scaler.reformat(frame, format="gray")
        y = orientation.apply(view(frame.planes[0]))
        neutral = np.full(((y.shape[0] + 1) // 2, (y.shape[1] + 1) // 2), 128, np.uint8)
        return YuvPlanes(y, neutral, neutral, matrix, True)


def _target_format(frame: av.VideoFrame) -> str:
    """4:2:0 stays 4:2:0; less subsampling keeps all its chroma as 4:4:4."""
    chroma = frame.format.components[1]
    return "yuv420p" if chroma.width < frame.width and chroma.height < frame.height else "yuv444p"


def view(plane: Any) -> Image:
    """(H, W) view of a plane, its row padding cut off."""
    rows = np.frombuffer(plane, np.uint8, plane.line_size * plane.height).reshape(plane.height, plane.line_size)
    return rows[:, : plane.width]
