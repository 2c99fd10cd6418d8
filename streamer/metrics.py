"""What a run is doing, for Prometheus and for who restarts it: /metrics, /healthz and /readyz over HTTP."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from prometheus_client import CollectorRegistry, make_wsgi_app
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from streamer.errors import ConfigError
from streamer.status import Streams, Watched, quantiles

_READY_S = 15.0  # a camera without a frame for longer is not ready


class Metrics(Streams):
    """The streams of a run, read when somebody asks."""

    def silent(self) -> list[str]:
        """The cameras that have had no frame for too long, or none yet."""
        now = time.monotonic()
        cameras = [w for w in self.watched if w.health is not None]
        return [w.name for w in cameras if w.health and (w.health.last is None or now - w.health.last > _READY_S)]

    def collect(self) -> Iterator[Metric]:
        """As prometheus_client asks a collector."""
        streams = self.watched
        for field, text in (
            ("frames", "Frames looked at"),
            ("detections", "Plates found at the operating point"),
            ("reads", "Readings made"),
            ("tracks", "Tracks that were believed and ended"),
            ("passages", "Rows written"),
        ):
            counter = CounterMetricFamily(f"alpr_{field}", text, labels=["camera"])
            for w in streams:
                counter.add_metric([w.name], getattr(w.summary, field))
            yield counter
        rejected = CounterMetricFamily("alpr_rejected", "Tracks that gave no row", labels=["camera", "reason"])
        for w in streams:
            for reason, count in sorted(w.summary.rejected.items()):
                rejected.add_metric([w.name, reason], count)
        yield rejected
        yield from self._connections([w for w in streams if w.health is not None])

    def _connections(self, cameras: list[Watched]) -> Iterator[Metric]:
        now = time.monotonic()
        reconnects = CounterMetricFamily("alpr_reconnects", "Connections after the first", labels=["camera"])
        dropped = CounterMetricFamily("alpr_dropped_frames", "Frames thrown away to keep up", labels=["camera"])
        faults = CounterMetricFamily("alpr_faults", "Connections that ended, by fault", labels=["camera", "fault"])
        silence = GaugeMetricFamily("alpr_last_frame_age_seconds", "Since the last frame came", labels=["camera"])
        delay = GaugeMetricFamily(
            "alpr_delay_seconds",
            "From a frame's coming to its being done, of the last ones",
            labels=["camera", "quantile"],
        )
        for w in cameras:
            assert w.health is not None
            reconnects.add_metric([w.name], w.health.reconnects)
            dropped.add_metric([w.name], w.health.dropped)
            for fault, count in sorted(w.health.faults.items()):
                faults.add_metric([w.name, fault], count)
            if w.health.last is not None:
                silence.add_metric([w.name], now - w.health.last)
            for name, value in quantiles(list(w.health.delays)).items():
                delay.add_metric([w.name, name], value)
        yield from (reconnects, dropped, faults, silence, delay)


class MetricsServer:
    """Serves a run's metrics until it is closed. `at`: PORT (on this machine only) or HOST:PORT. ConfigError where it
    is not a port, or taken."""

    def __init__(self, metrics: Metrics, at: str) -> None:
        host, _, port = at.rpartition(":")
        if not port.isdigit() or int(port) > 65535:
            raise ConfigError(f"metrics {at!r}: expected PORT or HOST:PORT, such as 9464 or 0.0.0.0:9464")
        registry = CollectorRegistry()
        registry.register(metrics)
        self._metrics, self._page = metrics, make_wsgi_app(registry)
        try:
            self._server = make_server(host or "127.0.0.1", int(port), self._answer, WSGIServer, _Quiet)
        except OSError as error:
            raise ConfigError(f"metrics {at}: cannot be served there ({error.strerror}): give another port") from None
        self.port: int = self._server.server_port
        self._thread = threading.Thread(target=self._server.serve_forever, name="alpr-metrics", daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _answer(self, environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        path = environ.get("PATH_INFO", "")
        if path == "/metrics":
            page: Iterable[bytes] = self._page(environ, start)
            return page
        if path == "/healthz":
            return _say(start, "200 OK", "ok")
        if path == "/readyz":
            silent = self._metrics.silent()
            return (
                _say(start, "503 Service Unavailable", f"no frame: {', '.join(silent)}")
                if silent
                else _say(start, "200 OK", "ready")
            )
        return _say(start, "404 Not Found", "/metrics, /healthz, /readyz")


def _say(start: Callable[..., Any], status: str, text: str) -> list[bytes]:
    start(status, [("Content-Type", "text/plain; charset=utf-8")])
    return [(text + "\n").encode()]


class _Quiet(WSGIRequestHandler):
    def log_message(self, *_: Any) -> None:
        """Says nothing: standard error belongs to the run."""
