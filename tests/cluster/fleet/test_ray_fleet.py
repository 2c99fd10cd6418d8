"""A fleet on a Ray cluster of two nodes, all on this machine: a node is killed, the other reads its cameras."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from streamer.cli.fleet import load_fleet
from streamer.cluster.fleet.engine import Start
from streamer.cluster.fleet.ray_fleet import RayEngine
from streamer.cluster.fleet.reports import CameraReport, ShardReport
from streamer.cluster.fleet.supervisor import Supervisor, shared_settings
from streamer.cluster.ray_engine import ray_module
from streamer.store.database import open_database
from streamer.store.schema import cameras, passages

LOOPBACK = "127.0.0.2"  # Ray takes the first one for the network address
CLIP = Path(__file__).parents[2] / "clips" / "demo.mp4"
# A machine that tests share stands still for seconds: nodes must not count as dead for that. The supervisor notices
# by itself that a node is gone.
PATIENT = {"health_check_timeout_ms": 30_000, "health_check_failure_threshold": 10}


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Any, list[Any]]]:
    """A head that reads no camera, and two nodes."""
    pytest.importorskip("ray", reason="ray is not installed")
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[3]))
    ray = ray_module()
    from ray.cluster_utils import Cluster

    small = {"node_ip_address": LOOPBACK, "object_store_memory": 80 << 20}
    made = Cluster(
        initialize_head=True,
        head_node_args={**small, "num_cpus": 0, "include_dashboard": False, "_system_config": PATIENT},
    )
    try:
        nodes = [made.add_node(num_cpus=1, **small) for _ in range(2)]
        ray.init(address=made.address, namespace="alpr", log_to_driver=False, logging_level="error")
        yield made, nodes
    finally:
        ray.shutdown()
        made.shutdown()


def wait_for(condition: Callable[[], bool], seconds: float = 90.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.mark.slow
@pytest.mark.timeout(280)
def test_a_node_is_killed(cluster: tuple[Any, list[Any]], tmp_path: Path) -> None:
    made, nodes = cluster
    store, path = tmp_path / "plates.db", tmp_path / "fleet.yaml"
    path.write_text(
        f"outputs: [{{type: store, path: {store}}}]\nfleet: {{state: {tmp_path / 'state'}}}\nvote: {{rejoin_s: 0.5}}\n"
        f"overload: drop\ncameras:\n  gate: {{url: {CLIP}, loop: true}}\n  yard: {{url: {CLIP}, loop: true}}\n",
        encoding="utf-8",
    )
    config = load_fleet(path)
    engine = RayEngine(Start(shared_settings(config), log_level="WARNING"), "auto", ray_module())
    supervisor, stop = Supervisor(config, engine, path=path), threading.Event()
    thread = threading.Thread(target=supervisor.run, args=(stop,))
    thread.start()

    def read() -> dict[str, tuple[str, CameraReport]]:
        return {
            name: (shard.name, one)
            for shard in list(supervisor.control.shards.values())
            if shard.report is not None and not shard.dead
            for name, one in shard.report.cameras.items()
            if one.frames > 3 and one.token == supervisor.control.grants[name].token
        }

    try:
        wait_for(lambda: len(read()) == 2 and len({shard for shard, _ in read().values()}) == 2)
        wait_for(lambda: all(one.rows for _, one in read().values()))
        shard, first = next(iter(read().values()))
        victim = next(name for name, (where, _) in read().items() if where == shard)
        assert shard.startswith(f"{LOOPBACK}-")
        made.remove_node(next(n for n in nodes if n.node_id.startswith(shard.rsplit("-", 1)[1])), allow_graceful=False)
        wait_for(lambda: victim in read() and read()[victim][1].token > first.token)
        assert read()[victim][0] != shard
        wait_for(lambda: bool(read()[victim][1].rows))
    finally:
        stop.set()
        thread.join(60)
    with open_database(store) as database, database.read() as connection:
        rows = connection.execute(select(passages.c.event_id, cameras.c.name).join_from(passages, cameras)).all()
    assert len({row.event_id for row in rows}) == len(rows)
    assert {row.name for row in rows} == {"gate", "yard"}
    left = list((tmp_path / "state").iterdir()) if (tmp_path / "state").exists() else []
    assert left == []


class FakeRay:
    """Answers at once; `answer` says what an actor's call gives."""

    def __init__(self) -> None:
        self.alive = {"a" * 56: 4.0, "b" * 56: 2.0}
        self.options_seen: list[dict[str, Any]] = []
        self.answer: Callable[[], dict[str, Any]] = lambda: asdict(ShardReport("p"))
        self.killed, self.calls, self.head_is_gone = 0, list[Any](), False

    def nodes(self) -> list[dict[str, Any]]:
        if self.head_is_gone:
            raise RuntimeError("worker\n  traceback\nGCS is gone")
        one = {"NodeManagerAddress": "10.0.0.1"}
        return [
            {**one, "NodeID": name, "Alive": cores > 0, "Resources": {"CPU": cores}}
            for name, cores in self.alive.items()
        ]

    def remote(self, kind: type) -> FakeRay:
        return self

    def options(self, **given: Any) -> Any:
        self.options_seen.append(given)
        fake = self

        class Handle:
            def remote(self, *_: Any) -> Handle:
                return self

            def __getattr__(self, name: str) -> Any:
                class Call:
                    @classmethod
                    def options(cls, **given: Any) -> type[Call]:
                        assert given == {"max_task_retries": 0}
                        return cls

                    @staticmethod
                    def remote(*arguments: Any) -> int:
                        fake.calls.append((name, *arguments))
                        return len(fake.calls)

                return Call

        return Handle()

    def wait(self, given: list[int], **_: Any) -> tuple[list[int], list[int]]:
        return given, []

    def get(self, reference: int) -> dict[str, Any]:
        return self.answer()

    def is_initialized(self) -> bool:
        return True

    def kill(self, handle: Any) -> None:
        self.killed += 1


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> tuple[FakeRay, Callable[..., RayEngine]]:
    pytest.importorskip("ray", reason="ray is not installed")
    import streamer.cluster.fleet.ray_fleet as module

    monkeypatch.setattr(module, "_NODES_S", 0.0)
    monkeypatch.setattr(module, "_AGAIN_S", 0.0)
    monkeypatch.setattr(module, "disconnect", lambda: None)
    ray = FakeRay()
    return ray, lambda **start: RayEngine(Start({}, **start), "auto", ray)


def test_shards_follow_the_nodes(fake: tuple[FakeRay, Callable[..., RayEngine]]) -> None:
    ray, make = fake
    engine = make(shard_cores=2.0)
    places = {p.shard: (p.node, p.cores) for p in engine.places()}
    assert places == {
        "10.0.0.1-aaaaaa/1": ("10.0.0.1-aaaaaa", 2.0), "10.0.0.1-aaaaaa/2": ("10.0.0.1-aaaaaa", 2.0),
        "10.0.0.1-bbbbbb": ("10.0.0.1-bbbbbb", 2.0),
    }  # fmt: skip
    assert [shard for shard, _ in engine.answers()] == list(places)
    assert (
        {one["max_restarts"] for one in ray.options_seen}
        == {one["max_task_retries"] for one in ray.options_seen}
        == {-1}
    )
    engine.tell("10.0.0.1-bbbbbb", {"number": 1})
    assert ray.calls[-1] == ("follow", {"number": 1})
    count = len(ray.calls)
    engine.tell("10.0.0.1-bbbbbb", {"number": 2})  # it has not answered yet
    assert len(ray.calls) == count
    ray.alive["b" * 56] = 0.0
    assert len(engine.places()) == 2
    assert engine.ended() == [("10.0.0.1-bbbbbb", "is gone with its node")]
    ray.head_is_gone = True
    assert len(engine.places()) == 2
    engine.close()
    assert ray.killed == 2


def test_an_actor_that_cannot_be_made_is_told_and_made_again(fake: tuple[FakeRay, Callable[..., RayEngine]]) -> None:
    ray, make = fake
    engine = make()
    engine.places()

    def fails() -> dict[str, Any]:
        raise RuntimeError("ray::ShardActor\n  File x\nModuleNotFoundError: No module named 'streamer'\n")

    ray.answer = fails
    assert engine.answers() == []
    assert engine.ended()[0] == ("10.0.0.1-aaaaaa", "ended (ModuleNotFoundError: No module named 'streamer')")
    ray.answer = lambda: asdict(ShardReport("p", error="no model files"))
    assert {report["error"] for _, report in engine.answers()} == {"no model files"}
    count = len(ray.calls)
    engine.tell("10.0.0.1-aaaaaa", {"number": 1})
    assert len(ray.calls) == count  # one that cannot read is not asked again


class ActorUnavailableError(Exception):
    """As Ray's, by name."""


def test_an_actor_that_nobody_answers_for_has_ended(fake: tuple[FakeRay, Callable[..., RayEngine]]) -> None:
    ray, make = fake
    engine = make()
    engine.places()
    engine.answers()

    def fails() -> dict[str, Any]:
        raise ActorUnavailableError(reason)

    ray.answer = fails
    reason = "RPC error: deadline exceeded"  # of the network, perhaps
    engine.tell("10.0.0.1-aaaaaa", {"number": 1})
    assert engine.ended() == []
    reason = "RPC error: recvmsg:Connection reset by peer"
    engine.tell("10.0.0.1-aaaaaa", {"number": 2})
    assert engine.ended() == [("10.0.0.1-aaaaaa", "ended")]
    ray.answer = lambda: asdict(ShardReport("p2"))
    engine.tell("10.0.0.1-aaaaaa", {"number": 3})
    assert [report["process"] for _, report in engine.answers()] == ["p2"]
    assert len(ray.options_seen) == 2  # Ray starts it again, and not this program


def test_the_actor_tells_why_it_cannot_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from streamer.cluster.fleet.ray_fleet import ShardActor

    monkeypatch.setattr(os, "environ", dict(os.environ))
    settings = {"outputs": [{"type": "store", "path": "x.db"}], "detector": "nowhere"}
    actor = ShardActor("s", {"settings": settings, "environment": {}, "log_level": "ERROR"}, 1.0)
    report = actor.follow(None)
    assert "nowhere" in report["error"]
    assert report["version"]
    assert actor.pid() == os.getpid()
    actor.close()
