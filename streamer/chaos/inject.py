"""A fault begins and ends: at the camera, where it is one of the picture, else on the line before it."""

from __future__ import annotations

from streamer.chaos.camera import ClipCamera
from streamer.chaos.faults import CLIP, Fault
from streamer.chaos.proxy import FaultyProxy


def begin(fault: Fault, camera: ClipCamera | None, proxy: FaultyProxy) -> None:
    """`camera`: one of ours, which has clips `clip`, `still` and `other`; None for a foreign one."""
    if camera is not None and fault.name in CLIP:
        camera.show("still" if fault.name == "freeze" else "other")
    else:
        proxy.inject(fault)


def end(fault: Fault, camera: ClipCamera | None, proxy: FaultyProxy) -> None:
    if camera is not None and fault.name in CLIP:
        camera.show("clip")
    else:
        proxy.clear()
