"""Suffixes of the files that are read from a folder, and that decide the kind of an address."""

from __future__ import annotations

_VIDEOS = (
    ".mp4 .m4v .mov .mkv .webm .avi .ts .mts .m2ts .mpg .mpeg .flv .wmv .asf .3gp .ogv .mxf .vob .dav .h264 .264 .h265 "
    ".265 .hevc .y4m .gif .mjpeg .mjpg .ivf .nut .dv"
)
_IMAGES = (
    ".jpg .jpeg .jpe .jfif .jif .jfi .pjpeg .pjp .png .apng .bmp .dib .webp .tif .tiff .jp2 .j2k .ppm .pgm .pbm .pnm "
    ".avif .heic .heif .hif"
)
VIDEO_SUFFIXES = frozenset(_VIDEOS.split())
IMAGE_SUFFIXES = frozenset(_IMAGES.split())
