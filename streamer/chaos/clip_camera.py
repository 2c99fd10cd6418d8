"""Starts the RTSP server on a clip, where this machine has GStreamer."""

from __future__ import annotations

import socket
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path

from streamer.chaos.clip import write_clip
from streamer.errors import ConfigError, InputError

PACKAGES = "python3-gi gir1.2-gst-rtsp-server-1.0 gstreamer1.0-plugins-good gstreamer1.0-plugins-bad"
_PYTHON = "/usr/bin/python3"  # the system's: `gi` does not reach a virtual environment
_NEEDS = "import gi; gi.require_version('GstRtspServer', '1.0'); from gi.repository import GstRtspServer"
_START_S = 20.0


def can_serve() -> bool:
    """Whether this machine has the server's libraries."""
    try:
        done = subprocess.run([_PYTHON, "-c", _NEEDS], capture_output=True, timeout=_START_S, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0


class ClipCamera:
    """Clips as an RTSP camera on this machine, within the context; `show` switches between them."""

    def __init__(self, clips: Mapping[str, Path], port: int | None = None) -> None:
        """`clips` by name; the first is shown. ConfigError without GStreamer, InputError for a file that is no clip."""
        if not can_serve():
            raise ConfigError(f"no RTSP server on this machine: apt-get install {PACKAGES}, or give an rtsp:// address")
        self.port = port or free_port()
        self._folder = tempfile.TemporaryDirectory(prefix="alpr-chaos-")
        try:
            named = []
            for name, source in clips.items():
                target = Path(self._folder.name) / f"{name}.units"
                write_clip(source, target)
                named.append(f"{name}={target}")
            self._process = subprocess.Popen(
                [_PYTHON, str(Path(__file__).with_name("rtsp_server.py")), str(self.port), *named],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
            assert self._process.stdout is not None
            if self._process.stdout.readline().strip() != "ready":
                _, stderr = self._process.communicate(timeout=_START_S)
                raise InputError(f"the RTSP server did not start: {stderr.strip().splitlines()[-1:]}")
        except BaseException:
            self._folder.cleanup()
            raise

    @property
    def url(self) -> str:
        return f"rtsp://127.0.0.1:{self.port}/clip"

    def show(self, name: str) -> None:
        """Shows the clip of that name from the next frame on."""
        assert self._process.stdin is not None
        self._process.stdin.write(name + "\n")
        self._process.stdin.flush()

    def close(self) -> None:
        self._process.kill()
        self._process.communicate()
        self._folder.cleanup()

    def __enter__(self) -> ClipCamera:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def free_port() -> int:
    """A free TCP port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
