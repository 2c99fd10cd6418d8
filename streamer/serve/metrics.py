"""Metrics for Prometheus and health checks over HTTP: /metrics, /healthz and /readyz."""

from __future__ import annotations

import io
import logging
import socket
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from socketserver import ThreadingMixIn
from typing import Any, Literal, Protocol
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

from prometheus_client import CollectorRegistry, make_wsgi_app
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric

from streamer.errors import ConfigError
from streamer.pipeline.status import Streams, Watched
from streamer.serve.target_metrics import targets
from streamer.source.health import Health

_log = logging.getLogger(__name__)

_READY_S = 15.0  # a camera without a frame for longer is not ready
_CLIENT_S = 5.0  # time limit of a request and its response
_MOST_CLIENTS = 32  # at once; beyond that the oldest is disconnected
_MOST_BYTES = 1 << 16  # of a request
_POLL_S = 0.1


class Metrics(Streams):
    """Metrics of a run's streams and outputs, collected on request. `ready`: whether the run is ready with frames from
    any camera or only from all."""

    def __init__(self, ready: Literal["any", "all"] = "any") -> None:
        super().__init__()
        self._ready = ready

    def readiness(self) -> tuple[bool, str]:
        """Whether the run is ready, with a text that names the cameras without recent frames."""
        now = time.monotonic()
        cameras = [w for w in self.watched if w.health is not None]
        silent = [w.name for w in cameras if w.health and not _up(w.health, now)]
        if not silent:
            return True, "ready"
        ready = self._ready == "any" and len(silent) < len(cameras)
        return ready, f"{'ready, but ' if ready else ''}no frame: {', '.join(silent)}"

    def collect(self) -> Iterator[Metric]:
        """Called by prometheus_client."""
        streams = self.watched
        for field, text in (
            ("frames", "Frames processed"),
            ("detections", "Plates detected at the operating point"),
            ("reads", "Readings made"),
            ("tracks", "Confirmed tracks that ended"),
            ("passages", "Rows written"),
        ):
            counter = CounterMetricFamily(f"alpr_{field}", text, labels=["camera"])
            for w in streams:
                counter.add_metric([w.name], getattr(w.summary, field))
            yield counter
        waiting = GaugeMetricFamily("alpr_open_passages", "Vehicles whose row is not final", labels=["camera"])
        for w in streams:
            waiting.add_metric([w.name], w.summary.waiting)
        yield waiting
        rejected = CounterMetricFamily("alpr_rejected", "Tracks without a row", labels=["camera", "reason"])
        for w in streams:
            for reason, count in sorted(w.summary.rejected.items()):
                rejected.add_metric([w.name, reason], count)
        yield rejected
        hits = CounterMetricFamily("alpr_watch_hits", "Rows reported by a list of plates", labels=["camera", "list"])
        for w in streams:
            for name, count in sorted(w.summary.watch_hits.items()):
                hits.add_metric([w.name, name], count)
        yield hits
        yield from self._outputs()
        if self.overload is not None:
            step = GaugeMetricFamily("alpr_overload_step", "Step of the ladder of overload in force, 0 for none")
            step.add_metric([], self.overload.step)
            paused = GaugeMetricFamily("alpr_camera_paused", "1 while overload pauses a camera", labels=["camera"])
            for w in streams:
                paused.add_metric([w.name], float(self.overload.relief(w.name).paused))
            yield from (step, paused)
        yield from self._connections([w for w in streams if w.health is not None])

    def _outputs(self) -> Iterator[Metric]:
        waiting = GaugeMetricFamily("alpr_output_waiting_rows", "Rows not written yet", labels=["output"])
        dropped = CounterMetricFamily("alpr_output_dropped_rows", "Rows dropped by an output", labels=["output"])
        failed = CounterMetricFamily("alpr_output_failed_writes", "Failed attempts to write", labels=["output"])
        skipped = CounterMetricFamily("alpr_output_skipped_frames", "Frames not drawn to keep up", labels=["output"])
        for one in self.deliveries:
            waiting.add_metric([one.name], one.waiting)
            dropped.add_metric([one.name], one.dropped)
            failed.add_metric([one.name], one.failed_writes)
            skipped.add_metric([one.name], one.skipped)
        yield from (waiting, dropped, failed, skipped)
        yield from targets(one.sink for one in self.deliveries)

    def _connections(self, cameras: list[Watched]) -> Iterator[Metric]:
        now = time.monotonic()
        reconnects = CounterMetricFamily("alpr_reconnects", "Connections after the first", labels=["camera"])
        dropped = CounterMetricFamily("alpr_dropped_frames", "Frames dropped to keep up", labels=["camera"])
        faults = CounterMetricFamily("alpr_faults", "Connections that ended, by fault", labels=["camera", "fault"])
        up = GaugeMetricFamily("alpr_camera_up", "1 while frames arrive, else 0", labels=["camera"])
        silence = GaugeMetricFamily(
            "alpr_last_frame_age_seconds", "Seconds since the last frame, or since the start", labels=["camera"]
        )
        delay = HistogramMetricFamily(
            "alpr_delay_seconds", "Frame age when it was processed, in seconds since its arrival", labels=["camera"]
        )
        slept = CounterMetricFamily("alpr_slept_frames", "Frames not decoded as nothing happened", labels=["camera"])
        wakes = CounterMetricFamily("alpr_wakes", "Times a sleeping camera woke up", labels=["camera", "reason"])
        pixels = GaugeMetricFamily("alpr_camera_input_pixels", "Longer side of the detector's input", labels=["camera"])
        asleep = GaugeMetricFamily("alpr_asleep", "1 while only key pictures are decoded, else 0", labels=["camera"])
        for w in cameras:
            assert w.health is not None
            slept.add_metric([w.name], w.health.slept)
            asleep.add_metric([w.name], float(w.health.asleep))
            if w.health.input_px:
                pixels.add_metric([w.name], w.health.input_px)
            for reason, count in sorted(w.health.wakes.items()):
                wakes.add_metric([w.name, reason], count)
            reconnects.add_metric([w.name], w.health.reconnects)
            dropped.add_metric([w.name], w.health.dropped)
            for fault, count in sorted(w.health.faults.items()):
                faults.add_metric([w.name, fault], count)
            up.add_metric([w.name], float(_up(w.health, now)))
            silence.add_metric([w.name], now - (w.health.began if w.health.last is None else w.health.last))
            buckets, total = w.health.histogram.read()
            delay.add_metric([w.name], buckets, total)
        yield from (reconnects, dropped, faults, up, silence, delay, slept, wakes, asleep, pixels)


def _up(health: Health, now: float) -> bool:
    return health.last is not None and not health.away and now - health.last <= _READY_S


class Served(Protocol):
    """What a server of metrics tells."""

    def readiness(self) -> tuple[bool, str]: ...

    def collect(self) -> Iterator[Metric]: ...


class MetricsServer:
    """Serves a run's metrics until it is closed. `at`: PORT (on this machine only) or HOST:PORT. ConfigError where it
    is not a port, or taken. No client can block others."""

    def __init__(self, metrics: Served, at: str) -> None:
        host, _, port = at.rpartition(":")
        host = host.removeprefix("[").removesuffix("]")
        if not (port.isascii() and port.isdigit()) or int(port) > 65535:
            raise ConfigError(f"metrics {at!r}: expected PORT or HOST:PORT, such as 9464 or 0.0.0.0:9464")
        registry = CollectorRegistry()
        registry.register(metrics)
        self._metrics, self._page = metrics, make_wsgi_app(registry)
        try:
            self._server = _Server(host or "127.0.0.1", int(port))
        except OSError as error:
            raise ConfigError(f"metrics {at}: cannot be served there ({error.strerror}): give another port") from None
        self._server.set_app(self._answer)
        self.port: int = self._server.server_port
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(_POLL_S,), name="alpr-metrics", daemon=True
        )
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _answer(self, environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        body: Iterable[bytes]
        path = environ.get("PATH_INFO", "")
        if path == "/metrics":
            try:
                body = self._page(environ, start)
            except Exception:  # a bug must not end the run
                _log.exception("metrics could not be collected")
                body = _respond(start, "500 Internal Server Error", "metrics could not be collected: see the log")
        elif path == "/healthz":
            body = _respond(start, "200 OK", "ok")
        elif path == "/readyz":
            ready, text = self._metrics.readiness()
            body = _respond(start, "200 OK" if ready else "503 Service Unavailable", text)
        else:
            body = _respond(start, "404 Not Found", "/metrics, /healthz, /readyz")
        return [] if environ.get("REQUEST_METHOD") == "HEAD" else body


def _respond(start: Callable[..., Any], status: str, text: str) -> list[bytes]:
    start(status, [("Content-Type", "text/plain; charset=utf-8")])
    return [(text + "\n").encode()]


class _Server(ThreadingMixIn, WSGIServer):
    """One thread per client, with a limit on their number and duration."""

    daemon_threads, block_on_close, request_queue_size = True, False, 128

    def __init__(self, host: str, port: int) -> None:
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._clients: dict[Any, float] = {}  # by connection: when it was opened
        self._lock = threading.Lock()
        super().__init__((host, port), _Handler)

    def server_bind(self) -> None:
        """Binds without a host name look-up, which may take long."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()
        self.server_name, self.server_port = str(self.server_address[0]), int(self.server_address[1])
        self.setup_environ()

    def process_request(self, request: Any, client_address: Any) -> None:
        with self._lock:
            self._clients[request] = time.monotonic()
            surplus = list(self._clients)[:-_MOST_CLIENTS]
        self._disconnect(surplus)
        super().process_request(request, client_address)

    def service_actions(self) -> None:
        """Disconnects clients that exceed the time limit."""
        now = time.monotonic()
        with self._lock:
            late = [request for request, came in self._clients.items() if now - came > _CLIENT_S]
        self._disconnect(late)

    def shutdown_request(self, request: Any) -> None:
        with self._lock:
            self._clients.pop(request, None)
        super().shutdown_request(request)

    def server_close(self) -> None:
        super().server_close()
        with self._lock:
            left = list(self._clients)
        self._disconnect(left)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Logs only at debug level: clients may disconnect at any time."""
        _log.debug("metrics: a client failed", exc_info=True)

    def _disconnect(self, requests: list[Any]) -> None:
        """Shuts these connections down; their threads then close them."""
        for request in requests:
            with self._lock:
                self._clients.pop(request, None)
            try:
                request.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue


class _Limited(io.RawIOBase):
    """A stream limited to its first bytes."""

    def __init__(self, stream: Any) -> None:
        self._stream, self._left = stream, _MOST_BYTES

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data: bytes = self._stream.read1(min(len(buffer), self._left)) if self._left else b""
        self._left -= len(data)
        buffer[: len(data)] = data
        return len(data)


class _Handler(WSGIRequestHandler):
    timeout = _CLIENT_S

    def setup(self) -> None:
        super().setup()
        self.rfile = io.BufferedReader(_Limited(self.rfile))

    def get_stderr(self) -> Any:
        """Discards wsgiref's messages about clients."""
        return io.StringIO()

    def log_message(self, *_: Any) -> None:
        """Logs nothing: standard error is the run's."""
