"""A looped clip as an RTSP camera, by GStreamer.

Run by the system's own Python, which has GStreamer's bindings (`gi`); it imports nothing of this project.
Arguments: a port, then NAME=FILE for each clip (as `clip.py` writes them); the first is shown. Every line on standard
input is the name of the clip to show from now on. Prints `ready` once it serves rtsp://127.0.0.1:PORT/clip.
"""

from __future__ import annotations

import struct
import sys
import threading
import time
from typing import Any

import gi  # type: ignore[import-not-found]

gi.require_version("Gst", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, Gst, GstRtspServer  # type: ignore[import-not-found]  # noqa: E402

Clip = tuple[str, float, list[tuple[bytes, float, float]]]
HEADER, UNIT = struct.Struct(">4sdI"), struct.Struct(">Idd")
# The stream's description repeats before every key frame, so that a client may join, and a clip change, at any time.
LAUNCH = (
    "( appsrc name=source is-live=true format=time max-bytes=20000000 caps=video/x-{codec},stream-format=byte-stream,"
    "alignment=au ! {codec}parse config-interval=-1 ! rtp{codec}pay name=pay0 pt=96 mtu=1400 )"
)


def load(path: str) -> Clip:
    """Codec name, duration in seconds, and (bytes, decode time, presentation time) of each access unit."""
    with open(path, "rb") as stream:
        codec, seconds, count = HEADER.unpack(stream.read(HEADER.size))
        units = []
        for _ in range(count):
            size, dts, pts = UNIT.unpack(stream.read(UNIT.size))
            units.append((stream.read(size), dts, pts))
    return codec.decode(), seconds, units


class Camera:
    """Pushes the access units of the current clip in real time while a client is connected."""

    def __init__(self, clips: dict[str, Clip]) -> None:
        self.clips = clips
        self.shown = next(iter(clips))
        self.on_since = time.monotonic()

    def attach(self, _: Any, media: Any) -> None:
        stop = threading.Event()
        media.connect("unprepared", lambda _: stop.set())
        source = media.get_element().get_by_name_recurse_up("source")
        threading.Thread(target=self._push, args=(source, stop), daemon=True).start()

    def _push(self, source: Any, stop: threading.Event) -> None:
        began, start = time.monotonic(), 0.0
        # As with a camera, a client joins in the middle of the clip.
        skipped = (began - self.on_since) % self.clips[self.shown][1]
        start -= skipped
        while not stop.is_set():
            name = self.shown
            _, seconds, units = self.clips[name]
            lasted = seconds
            for data, dts, pts in units:
                if start + dts < 0:
                    continue
                if self.shown != name:
                    lasted = dts
                    break
                if stop.wait(max(0.0, began + start + dts - time.monotonic())):
                    return
                buffer = Gst.Buffer.new_wrapped(data)
                buffer.dts = int((start + dts) * Gst.SECOND)
                buffer.pts = int((start + pts) * Gst.SECOND)
                if source.emit("push-buffer", buffer) != Gst.FlowReturn.OK:
                    return
            start += lasted


class Factory(GstRtspServer.RTSPMediaFactory):  # type: ignore[misc]
    """One stream for all clients, whichever port they connected to."""

    def do_gen_key(self, url: Any) -> str:
        return str(url.abspath)


def main(port: str, *clips: str) -> None:
    Gst.init(None)
    camera = Camera({name: load(path) for name, path in (clip.split("=", 1) for clip in clips)})
    server = GstRtspServer.RTSPServer(service=port, address="127.0.0.1")
    factory = Factory()
    factory.set_launch(LAUNCH.format(codec=camera.clips[camera.shown][0]))
    factory.set_shared(True)
    factory.connect("media-configure", camera.attach)
    server.get_mount_points().add_factory("/clip", factory)
    if server.attach(None) == 0:
        sys.exit(f"port {port} is taken")
    loop = GLib.MainLoop()

    def read_commands() -> None:
        for line in sys.stdin:
            if line.strip() in camera.clips:
                camera.shown = line.strip()
        loop.quit()  # the parent process is gone

    threading.Thread(target=read_commands, daemon=True).start()
    print("ready", flush=True)
    loop.run()


if __name__ == "__main__":
    main(*sys.argv[1:])
