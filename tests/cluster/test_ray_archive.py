"""An archive on a Ray cluster of two nodes, real processes on this machine; one of the nodes is killed."""

from __future__ import annotations

import math
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from test_archive_cli import with_key_frames

from streamer.cluster.archive.driver import Archive, Progress, Settings
from streamer.cluster.archive.files import entries_of
from streamer.cluster.archive.manifest import Manifest
from streamer.cluster.archive.settings import config_of_archive, settings_of
from streamer.cluster.ray_engine import LOOPBACK, check_nodes, connect, disconnect, report_here
from streamer.cluster.ray_pool import RayPool
from streamer.config.models import RunConfig
from streamer.errors import ModelError
from streamer.pipeline.runner import run_stream
from streamer.sink.csv import CsvSink

pytestmark = pytest.mark.slow


@pytest.fixture
def cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    pytest.importorskip("ray", reason="ray is not installed")
    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    monkeypatch.setenv("ALPR_CORES", str(tmp_path / "cores"))
    from ray.cluster_utils import Cluster

    node = {"num_cpus": 1, "node_ip_address": LOOPBACK, "object_store_memory": 100 << 20}
    # A machine that tests share stands still for seconds: nodes must not count as dead for that.
    patient = {"health_check_timeout_ms": 30_000, "health_check_failure_threshold": 10}
    cluster = Cluster(
        initialize_head=True, head_node_args={**node, "include_dashboard": False, "_system_config": patient}
    )
    cluster.second = cluster.add_node(**node)
    try:
        yield cluster
    finally:
        disconnect()
        cluster.shutdown()


def outcomes(pool: RayPool, count: int) -> dict[int, Any]:
    found: dict[int, Any] = {}
    end = time.monotonic() + 120
    while len(found) < count:
        assert time.monotonic() < end
        found |= {one.number: one for one in pool.outcomes(0.5)}
    return found


def test_rows_of_a_cluster_that_loses_a_node(cluster: Any, repo: Path, tmp_path: Path) -> None:
    video = with_key_frames(repo / "tests/clips/demo.mp4", tmp_path / "clip.mp4")
    config = config_of_archive(RunConfig(), 1)
    run_stream(video, [CsvSink(tmp_path / "run.csv")], config)
    ray = connect(cluster.address)
    networks = {"detector": config.detector, "reader": config.reader, "precision": "auto", "device": "CPU"}
    reports = check_nodes(ray, networks)
    assert len(reports) == 2
    assert {one.version for one in reports} == {report_here().version}
    with pytest.raises(ModelError, match="'nobody' is not in"):
        check_nodes(ray, {**networks, "reader": "nobody"})
    pool = RayPool(ray)
    assert pool.slots == 4
    for number, (work, argument) in enumerate([(math.sqrt, 9.0), (math.sqrt, -1.0), (signal.raise_signal, 9)]):
        pool.submit(number, work, argument)
    found = outcomes(pool, 3)
    assert [found[k].state for k in range(3)] == ["done", "failed", "lost"]
    assert found[0].value == 3.0
    manifest = Manifest(tmp_path / "out", settings_of(config, None))
    facts = settings_of(config, None)
    killed: list[int] = []

    def kill_a_node(progress: Progress) -> None:
        if not killed and "piece" in manifest.path.read_text():
            killed.append(os.getpid())
            cluster.remove_node(cluster.second, allow_graceful=False)

    done = Archive(entries_of([str(video)]), manifest, Settings(config, facts["networks"], 1.0, 0.5), pool).run(
        kill_a_node, lambda: False
    )
    manifest.close()
    pool.close()
    assert killed
    assert (done.done, done.failed) == (1, 0)
    (csv,) = (tmp_path / "out/rows").glob("*.csv")
    assert csv.read_bytes() == (tmp_path / "run.csv").read_bytes()
