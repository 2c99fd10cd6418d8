"""Beginning and ending a fault: at the camera for a fault of the picture, else in the proxy."""

from __future__ import annotations

from streamer.chaos.clip_camera import ClipCamera
from streamer.chaos.fault_types import CLIP, Fault
from streamer.chaos.proxy import FaultyProxy


def begin(fault: Fault, camera: ClipCamera | None, proxy: FaultyProxy) -> None:
    """Begins the fault. `camera`: our own, with clips `clip`, `still` and `other`; None for another camera."""
    if camera is not None and fault.name in CLIP:
        camera.show("still" if fault.name == "freeze" else "other")
    else:
        proxy.inject(fault)


def end(fault: Fault, camera: ClipCamera | None, proxy: FaultyProxy) -> None:
    if camera is not None and fault.name in CLIP:
        camera.show("clip")
    else:
        proxy.clear()
