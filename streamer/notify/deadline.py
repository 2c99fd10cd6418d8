"""HTTP connections whose answer has to be there within a time in all: time-outs of sockets count from byte to byte, so
that a server that sends one now and then would never be given up."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress
from typing import Any


def pool_classes(urllib3: Any, seconds: float) -> dict[str, Any]:
    """The classes of connection pools, by scheme, whose connections are shut where the head of an answer takes longer
    than that."""
    plain, secure = urllib3.HTTPConnectionPool, urllib3.HTTPSConnectionPool
    return {"http": _limited(plain, seconds), "https": _limited(secure, seconds)}


def _limited(pool: Any, seconds: float) -> Any:
    connection = pool.ConnectionCls

    class LimitedConnection(connection):  # type: ignore[misc, valid-type]
        def getresponse(self) -> Any:
            late = threading.Event()
            timer = threading.Timer(seconds, _shut, [self.sock, late])
            timer.daemon = True
            timer.start()
            try:
                answer = super().getresponse()
            except Exception:
                if late.is_set():
                    raise TimeoutError from None
                raise
            finally:
                timer.cancel()
            if late.is_set():  # a head that is cut off looks like a whole one
                raise TimeoutError
            return answer

    return type("LimitedPool", (pool,), {"ConnectionCls": LimitedConnection})


def _shut(sock: socket.socket | None, late: threading.Event) -> None:
    late.set()
    if sock is not None:
        with suppress(OSError):
            sock.shutdown(socket.SHUT_RDWR)
