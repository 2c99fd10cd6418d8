"""First imports of the large libraries, by one thread at a time.

Python's import lock is per module. Two threads that import different modules of one large library can deadlock, which
Python resolves by giving one of them a partly initialised module; OpenCV changes sys.path during its import. So the
threads of a run import these libraries here, completely, one thread at a time.
"""

from __future__ import annotations

import sys
import threading

_import_lock = threading.RLock()
_SWITCH_INTERVAL_S = 0.0005


def load_networks() -> None:
    """Imports what detection and reading need."""
    with _import_lock:
        import cv2  # noqa: F401
        import openvino.utils  # noqa: F401
        from openvino import opset13  # noqa: F401


def load_tracker() -> None:
    """Imports what tracking needs: half a second on a slow core."""
    with _import_lock:
        import filterpy.kalman  # noqa: F401
        import scipy.optimize  # noqa: F401


def load_video() -> None:
    """Imports what opening and decoding videos needs."""
    with _import_lock:
        import av.sidedata.sidedata
        import av.video.reformatter  # noqa: F401


def settle_process() -> None:
    """Limits OpenCV to one thread and shortens Python's switch interval. Not set again where they have these values
    already: other threads may be using them."""
    with _import_lock:
        import cv2

        if cv2.getNumThreads() != 1:
            cv2.setNumThreads(1)  # several frames keep the cores busy; several threads for one frame cost a tenth more
        if sys.getswitchinterval() > _SWITCH_INTERVAL_S:
            sys.setswitchinterval(
                _SWITCH_INTERVAL_S
            )  # the default of 5 ms delays a camera's frame by another camera's work
