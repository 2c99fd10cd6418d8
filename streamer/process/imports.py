"""First imports of the large libraries, by one thread at a time.

Python locks single modules. Two threads that enter a library of many modules by different ones can each hold what the
other waits for, and one of them is then handed a module that is half done; OpenCV changes sys.path while it is loaded.
So what the threads of a run need is loaded here, whole, before they begin or by the first one that comes.
"""

from __future__ import annotations

import sys
import threading

_one_at_a_time = threading.RLock()
_TURN_S = 0.0005


def load_networks() -> None:
    """What finding and reading plates needs."""
    with _one_at_a_time:
        import cv2  # noqa: F401
        import openvino.utils  # noqa: F401
        from openvino import opset13  # noqa: F401


def load_tracker() -> None:
    """What following plates needs: half a second on a slow core."""
    with _one_at_a_time:
        import filterpy.kalman  # noqa: F401
        import scipy.optimize  # noqa: F401


def load_video() -> None:
    """What opening and decoding videos needs, in whichever thread that happens."""
    with _one_at_a_time:
        import av.sidedata.sidedata
        import av.video.reformatter  # noqa: F401


def settle_process() -> None:
    """Two things for the whole process: OpenCV works in one thread, Python's threads take shorter turns. Left alone
    where they are so already: other threads may be at work with them."""
    with _one_at_a_time:
        import cv2

        if cv2.getNumThreads() != 1:
            cv2.setNumThreads(1)  # cores are kept busy by several frames; sharing out one costs a tenth more
        if sys.getswitchinterval() > _TURN_S:
            sys.setswitchinterval(_TURN_S)  # a camera's frame shall not wait for 5 ms of Python's work on another's
