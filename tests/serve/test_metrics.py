"""What a run tells Prometheus, over real HTTP."""

from __future__ import annotations

import re
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from sitekit import Camera, config
from streamkit import FakeDetector, FakeReader

from streamer.cli import cli
from streamer.errors import ConfigError
from streamer.pipeline.engines import Engines
from streamer.pipeline.site import run_site
from streamer.serve.metrics import Metrics, MetricsServer
from streamer.source.health import Health
from streamer.types import RunSummary

pytestmark = pytest.mark.timeout(60)
DEMO = Path(__file__).parents[1] / "clips" / "demo.mp4"


def get(server: MetricsServer, path: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{server.port}{path}", timeout=30) as page:
            return page.status, page.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


@pytest.fixture
def served() -> Any:
    metrics = Metrics()
    server = MetricsServer(metrics, "0")
    yield metrics, server
    server.close()


def test_counts_of_files_and_cameras(served: Any) -> None:
    metrics, server = served
    metrics.watch("a.mp4", RunSummary(frames=7, passages=2, rejected={"nothing legible": 3}))
    metrics.watch(
        "gate", RunSummary(reads=5), Health(dropped=4, reconnects=1, faults={"silent": 1}, last=time.monotonic())
    )
    status, page = get(server, "/metrics")
    assert status == 200
    for line in (
        'alpr_frames_total{camera="a.mp4"} 7.0',
        'alpr_passages_total{camera="a.mp4"} 2.0',
        'alpr_rejected_total{camera="a.mp4",reason="nothing legible"} 3.0',
        'alpr_reads_total{camera="gate"} 5.0',
        'alpr_dropped_frames_total{camera="gate"} 4.0',
        'alpr_reconnects_total{camera="gate"} 1.0',
        'alpr_faults_total{camera="gate",fault="silent"} 1.0',
    ):
        assert line in page
    assert 'alpr_last_frame_age_seconds{camera="gate"}' in page
    assert 'alpr_last_frame_age_seconds{camera="a.mp4"}' not in page
    assert 'alpr_camera_up{camera="gate"} 1.0' in page


def test_a_camera_that_never_came_is_told(served: Any) -> None:
    metrics, server = served
    metrics.watch("gate", RunSummary(), Health(began=time.monotonic() - 100))
    metrics.watch("yard", RunSummary(waiting=2), Health(last=time.monotonic(), away=True))
    page = get(server, "/metrics")[1]
    (age,) = re.findall(r'alpr_last_frame_age_seconds{camera="gate"} (\S+)', page)
    assert 100 <= float(age) < 200
    for line in ('alpr_camera_up{camera="gate"} 0.0', 'alpr_camera_up{camera="yard"} 0.0'):
        assert line in page
    assert 'alpr_open_passages{camera="yard"} 2.0' in page


def test_delays_are_a_histogram(served: Any) -> None:
    metrics, server = served
    health = Health()
    for delay in (0.003, 0.02, 0.4, 60.0):
        health.histogram.add(delay)
    metrics.watch("gate", RunSummary(), health)
    page = get(server, "/metrics")[1]
    for line in (
        'alpr_delay_seconds_bucket{camera="gate",le="0.005"} 1.0',
        'alpr_delay_seconds_bucket{camera="gate",le="0.02"} 2.0',
        'alpr_delay_seconds_bucket{camera="gate",le="0.5"} 3.0',
        'alpr_delay_seconds_bucket{camera="gate",le="+Inf"} 4.0',
        'alpr_delay_seconds_count{camera="gate"} 4.0',
    ):
        assert line in page
    assert "quantile" not in page


@pytest.mark.parametrize(("ready", "status"), [("any", 200), ("all", 503)])
def test_one_dead_camera_of_two(ready: Any, status: int) -> None:
    metrics = Metrics(ready)
    server = MetricsServer(metrics, "0")
    try:
        metrics.watch("gate", RunSummary(), Health(last=time.monotonic()))
        metrics.watch("yard", RunSummary(), Health())
        told, text = get(server, "/readyz")
        assert (told, "no frame: yard" in text) == (status, True)
    finally:
        server.close()


@pytest.mark.parametrize(
    ("last", "status", "text"), [(None, 503, "no frame: gate"), (-60.0, 503, "no frame: gate"), (-1.0, 200, "ready")]
)
def test_ready_is_who_has_frames(served: Any, last: float | None, status: int, text: str) -> None:
    metrics, server = served
    assert get(server, "/readyz") == (200, "ready\n")  # nothing to wait for
    metrics.watch("gate", RunSummary(), Health(last=None if last is None else time.monotonic() + last))
    assert get(server, "/readyz") == (status, text + "\n")
    assert get(server, "/healthz") == (200, "ok\n")
    assert get(server, "/else")[0] == 404


@pytest.mark.parametrize("at", ["x", "70000", "host:", "-1"])
def test_what_is_no_port_is_named(at: str) -> None:
    with pytest.raises(ConfigError, match="expected PORT or HOST:PORT"):
        MetricsServer(Metrics(), at)


def test_a_taken_port_empties_nothing(served: Any, tmp_path: Path) -> None:
    rows = tmp_path / "rows.csv"
    rows.write_text("mine\n", encoding="utf-8")
    result = CliRunner().invoke(
        cli, ["run", str(DEMO), "--csv", str(rows), "--metrics", str(served[1].port), "--quiet"]
    )
    assert isinstance(result.exception, ConfigError)
    assert rows.read_text(encoding="utf-8") == "mine\n"


def test_a_site_at_work(served: Any) -> None:
    metrics, server = served
    stop = threading.Event()
    seen: list[str] = []

    def look() -> None:
        for _ in range(40):
            time.sleep(0.2)
            page = get(server, "/metrics")[1]
            if 'alpr_delay_seconds_count{camera="gate"}' in page and 'alpr_frames_total{camera="yard"}' in page:
                seen.append(page)
                break
        stop.set()

    threading.Thread(target=look).start()
    engines = Engines(FakeDetector(), FakeReader(), 0.5)
    source_of = lambda camera, live: Camera(camera.address())  # noqa: E731
    run_site(config(gate="blue", yard="green"), [], engines=engines, stop=stop, source_of=source_of, streams=metrics)
    assert seen
