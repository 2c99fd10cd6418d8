"""Makes the corpus beside it anew: python tests/hostile/make_corpus.py. Small files that video readers stumble over.

Each bad input that was ever found is to become a file here.
"""

from __future__ import annotations

import random
import struct
import sys
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))
from streamkit import drive, write_audio, write_video

CORPUS = Path(__file__).parent / "corpus"
X264 = {"g": "6", "bf": "0", "preset": "ultrafast"}


def clip(
    name: str, frames: int = 12, width: int = 64, height: int = 48, codec: str = "libx264", **more: object
) -> Path:
    options = more.pop("options", X264 if codec == "libx264" else None)
    return write_video(CORPUS / name, drive(frames, width, height), codec=codec, options=options, **more)  # type: ignore[arg-type]


def cut(source: Path, share: float) -> None:
    data = source.read_bytes()
    name = f"{source.stem}-cut-{round(share * 100):02d}{source.suffix}"
    (CORPUS / name).write_bytes(data[: round(len(data) * share)])


def changed(source: Path, name: str, change: Callable[[bytearray], None]) -> None:
    data = bytearray(source.read_bytes())
    change(data)
    (CORPUS / name).write_bytes(data)


def flips(seed: int, count: int, begin: float = 0.0, end: float = 1.0) -> Callable[[bytearray], None]:
    def change(data: bytearray) -> None:
        dice = random.Random(seed)
        for _ in range(count):
            data[dice.randrange(int(len(data) * begin), int(len(data) * end))] ^= 1 << dice.randrange(8)

    return change


def zeros(begin: float, end: float) -> Callable[[bytearray], None]:
    def change(data: bytearray) -> None:
        a, b = int(len(data) * begin), int(len(data) * end)
        data[a:b] = bytes(b - a)

    return change


def put(mark: bytes, offset: int, value: bytes) -> Callable[[bytearray], None]:
    """Other bytes so far behind a mark."""

    def change(data: bytearray) -> None:
        at = data.index(mark) + offset
        data[at : at + len(value)] = value

    return change


def containers() -> None:
    whole = [
        clip("plain.mp4"),
        clip("faststart.mp4", container_options={"movflags": "faststart"}),
        clip("fragments.mp4", container_options={"movflags": "frag_keyframe+empty_moov"}),
        clip("plain.mkv"),
        clip("plain.ts"),
        clip("plain.avi", codec="mpeg4"),
        clip("jpegs.avi", codec="mjpeg", pix_fmt="yuvj420p"),
        clip("plain.gif", codec="gif", pix_fmt="rgb8"),
        clip("plain.flv"),
    ]
    for source in whole:
        for share in (0.02, 0.3, 0.7, 0.97):
            cut(source, share)
        changed(source, f"{source.stem}-flips{source.suffix}", flips(1, 40, 0.2, 0.9))
        changed(source, f"{source.stem}-zeros{source.suffix}", zeros(0.4, 0.6))
    changed(whole[0], "index-flips.mp4", flips(2, 12, 0.75, 1.0))
    changed(whole[3], "head-flips.mkv", flips(3, 12, 0.0, 0.2))


def lies() -> None:
    mp4, avi = CORPUS / "plain.mp4", CORPUS / "plain.avi"
    changed(mp4, "lie-many-frames.mp4", put(b"stsz", 12, struct.pack(">I", 2**31 - 1)))
    changed(mp4, "lie-size.mp4", put(b"avc1", 28, struct.pack(">HH", 65535, 65535)))
    changed(mp4, "lie-codec.mp4", put(b"avc1", 0, b"zzzz"))
    changed(mp4, "lie-duration.mp4", put(b"mvhd", 20, struct.pack(">I", 2**31)))
    changed(mp4, "lie-timescale.mp4", put(b"mdhd", 16, struct.pack(">I", 0)))
    changed(avi, "lie-rate-zero.avi", put(b"vids", 20, struct.pack("<II", 1, 0)))
    changed(avi, "lie-rate-million.avi", put(b"vids", 20, struct.pack("<II", 1, 10**6)))
    changed(avi, "lie-size.avi", put(b"strf", 12, struct.pack("<ii", 60000, 60000)))
    (CORPUS / "huge.y4m").write_bytes(b"YUV4MPEG2 W60000 H60000 F25:1 Ip A1:1 C420\nFRAME\n" + bytes(1000))
    (CORPUS / "huge.gif").write_bytes(b"GIF89a" + struct.pack("<HHBBB", 65535, 65535, 0xF0, 0, 0) + bytes(64))
    (CORPUS / "negative.avi").write_bytes(
        avi.read_bytes().replace(struct.pack("<ii", 64, 48), struct.pack("<ii", 64, -48))
    )


def nothings() -> None:
    (CORPUS / "empty.mp4").write_bytes(b"")
    (CORPUS / "one-byte.mkv").write_bytes(b"\x1a")
    (CORPUS / "only-zeros.mp4").write_bytes(bytes(2048))
    (CORPUS / "text.mp4").write_text("this is no video\n" * 20, encoding="utf-8")
    (CORPUS / "page.mp4").write_text("<!DOCTYPE html><html><body>404 Not Found</body></html>\n", encoding="utf-8")
    (CORPUS / "noise.ts").write_bytes(random.Random(4).randbytes(4096))
    (CORPUS / "list.m3u8").write_text("#EXTM3U\n#EXTINF:1,\nfile:///etc/hostname\n#EXT-X-ENDLIST\n", encoding="utf-8")
    (CORPUS / "itself.m3u8").write_text("#EXTM3U\n#EXTINF:1,\nitself.m3u8\n#EXT-X-ENDLIST\n", encoding="utf-8")
    (CORPUS / "concat.mp4").write_text("ffconcat version 1.0\nfile plain.mp4\nfile concat.mp4\n", encoding="utf-8")
    picture = cv2.imencode(".png", np.full((20, 30, 3), 90, np.uint8))[1].tobytes()
    (CORPUS / "picture.mkv").write_bytes(picture)
    (CORPUS / "archive.mkv").write_bytes(b"PK\x03\x04" + bytes(200))
    write_audio(CORPUS / "sound.m4a")
    write_audio(CORPUS / "sound.mkv")


def oddities() -> None:
    clip("odd-size.mkv", width=33, height=17, codec="ffv1", options={})
    clip("one-pixel.mkv", frames=3, width=62, height=1, codec="ffv1", options={})
    clip("ten-bit.mkv", pix_fmt="yuv420p10le")
    clip("chroma-444.mkv", pix_fmt="yuv444p")
    clip("grey.mkv", pix_fmt="gray", codec="ffv1", options={})
    clip("rgb.mkv", pix_fmt="bgr0", codec="ffv1", options={})
    clip("interlaced.mkv", options={**X264, "x264-params": "interlaced=1:tff=1"})
    clip("rotated.mp4", rotation=90)
    clip("sound-too.mp4")
    clip("one-frame.mp4", frames=1)
    base = Fraction(1, 1000)
    clip("variable.mkv", ticks=[0, 40, 41, 300, 1000, 1001, 1040, 2000, 2100, 2101, 2102, 9000], time_base=base)
    clip("far-ahead.mkv", frames=4, ticks=[0, 40, 3_600_000, 3_600_040], time_base=base)
    raw = []
    for name, width, height in (("a.h264", 64, 48), ("b.h264", 96, 80)):
        raw.append(clip(name, frames=8, width=width, height=height).read_bytes())
        (CORPUS / name).unlink()
    (CORPUS / "two-sizes.h264").write_bytes(raw[0] + raw[1] + raw[0])
    (CORPUS / "no-key-picture.h264").write_bytes(without_key_pictures(raw[0]))


def without_key_pictures(raw: bytes) -> bytes:
    units = raw.split(b"\x00\x00\x01")
    return b"\x00\x00\x01".join(u for u in units if not u or u[0] & 0x1F != 5)


def main() -> None:
    av.logging.set_level(None)
    for old in CORPUS.glob("*"):
        old.unlink()
    CORPUS.mkdir(exist_ok=True)
    containers()
    lies()
    nothings()
    oddities()
    files = list(CORPUS.iterdir())
    print(f"{len(files)} files, {sum(f.stat().st_size for f in files) / 1e3:.0f} kB")


if __name__ == "__main__":
    main()
