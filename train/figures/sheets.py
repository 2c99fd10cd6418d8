"""Contact sheets: many small pictures with captions on one."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt

Picture = npt.NDArray[np.uint8]

_LINE = 18  # px of a caption line
_TEXT = 14  # px of the font
_GAP = 4
_INK = (20, 20, 20)
_PAPER = 245


def contact_sheet(
    images: Sequence[Picture], captions: Sequence[str], columns: int = 6, cell: tuple[int, int] = (200, 140)
) -> Picture:
    """One (H, W, 3) uint8 BGR picture with every image scaled to fit a cell (width, height px) and its caption below.

    Images are (H, W), (H, W, 1), (H, W, 3) or (H, W, 4) uint8 BGR; captions may have lines and any script. Small plates
    are enlarged without smoothing, so that their pixels can be judged. Without images the sheet has a note instead.
    Raises ValueError when images and captions differ in number or an image is not uint8.
    """
    if len(images) != len(captions):
        raise ValueError(f"{len(images)} images but {len(captions)} captions")
    if columns < 1:
        raise ValueError(f"columns {columns}: expected at least 1")
    width, height = cell
    lines = max((c.count("\n") + 1 for c in captions), default=1)
    step_x, step_y = width + _GAP, height + lines * _LINE + _GAP
    columns = min(columns, max(len(images), 1))
    rows = max(-(-len(images) // columns), 1)
    sheet = np.full((rows * step_y + _GAP, columns * step_x + _GAP, 3), _PAPER, np.uint8)
    for k, (image, caption) in enumerate(zip(images, captions, strict=True)):
        x, y = _GAP + k % columns * step_x, _GAP + k // columns * step_y
        _place(sheet, image, x, y, width, height)
        _write(sheet, caption, x, y + height, width)
    if not images:
        _write(sheet, "nothing to show", _GAP, _GAP, width)
    return sheet


def _place(sheet: Picture, image: Picture, x: int, y: int, width: int, height: int) -> None:
    bgr = _as_bgr(image)
    h, w = bgr.shape[:2]
    scale = min(width / w, height / h)
    size = (max(1, min(width, round(w * scale))), max(1, min(height, round(h * scale))))
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_NEAREST
    small = cv2.resize(bgr, size, interpolation=how)
    left, top = x + (width - size[0]) // 2, y + (height - size[1]) // 2
    sheet[top : top + size[1], left : left + size[0]] = small


def _as_bgr(image: Picture) -> Picture:
    if image.dtype != np.uint8 or image.ndim not in (2, 3) or 0 in image.shape:
        raise ValueError(f"an image of shape {image.shape} and {image.dtype} cannot be shown; expected (H, W, 3) uint8")
    channels = 1 if image.ndim == 2 else image.shape[2]
    if channels == 3:
        return image
    conversion = {1: cv2.COLOR_GRAY2BGR, 4: cv2.COLOR_BGRA2BGR}.get(channels)
    if conversion is None:
        raise ValueError(f"an image of {channels} channels cannot be shown; expected 1, 3 or 4")
    return np.asarray(cv2.cvtColor(np.ascontiguousarray(image), conversion), np.uint8)


def _write(sheet: Picture, caption: str, x: int, y: int, width: int) -> None:
    """Writes each line of the caption, cut at the cell's right edge."""
    face = cv2.FontFace("uni")  # OpenCV's built-in Unicode font: captions hold Chinese
    for number, line in enumerate(caption.split("\n")):
        top = y + number * _LINE
        strip = np.ascontiguousarray(sheet[top : top + _LINE, x : x + width])
        cv2.putText(strip, line, (1, _TEXT), _INK, face, _TEXT)
        sheet[top : top + _LINE, x : x + width] = strip
