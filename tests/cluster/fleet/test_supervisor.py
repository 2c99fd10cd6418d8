"""The supervisor with shards that read nothing: versions, the configuration file, draining, the right to supervise."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest

from streamer.cli.fleet import load_fleet
from streamer.cluster.fleet import supervisor as module
from streamer.cluster.fleet.engine import Place
from streamer.cluster.fleet.reports import CameraReport, OutboxReport, ShardReport, order_of
from streamer.cluster.fleet.shard import own_version
from streamer.cluster.fleet.supervisor import Supervisor, supervise
from streamer.errors import ConfigError, ModelError
from streamer.store.database import Database, open_database
from streamer.store.leases import Leases

VERSION = own_version()


class Shards:
    """An engine whose shards answer at once."""

    def __init__(self, count: int = 2) -> None:
        self.shards = [Place(f"n{k}/1", f"n{k}", 4.0) for k in range(count)]
        self.versions: dict[str, tuple[str, str]] = {}
        self.faults: dict[str, str] = {}
        self.orders: dict[str, Any] = {}
        self.gone: list[tuple[str, str]] = []
        self.resized: list[int] = []
        self.closed = 0

    def places(self) -> list[Place]:
        return self.shards

    def tell(self, shard: str, order: dict[str, Any]) -> None:
        self.orders[shard] = order_of(order)

    def answers(self) -> list[tuple[str, dict[str, Any]]]:
        return [(place.shard, asdict(self.report(place.shard))) for place in self.shards]

    def report(self, shard: str) -> ShardReport:
        order = self.orders.get(shard)
        read = {} if order is None else {n: CameraReport(g.token, frames=9) for n, g in order.grants.items()}
        version, models = self.versions.get(shard, (VERSION, "m"))
        number = 0 if order is None else order.number
        outbox = OutboxReport(waiting=2, oldest_s=1.0)
        return ShardReport(f"{shard}-p", number, read, outbox, 0.5, version, models, self.faults.get(shard, ""))

    def ended(self) -> list[tuple[str, str]]:
        found, self.gone = self.gone, []
        return found

    def resize(self, nodes: int) -> None:
        self.resized.append(nodes)

    def close(self) -> None:
        self.closed += 1

    def read(self) -> dict[str, list[str]]:
        return {shard: sorted(order.grants) for shard, order in self.orders.items()}


def write(path: Path, *cameras: str, more: str = "") -> Path:
    lines = [f"outputs: [{{type: store, path: {path.parent / 'plates.db'}}}]", more, "cameras:"]
    lines += [f"  {name}: rtsp://192.0.2.1/{name}" for name in cameras]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return write(tmp_path / "fleet.yaml", "gate", "yard")


def made(path: Path, shards: Shards) -> Supervisor:
    return Supervisor(load_fleet(path), shards, path=path, load=lambda: load_fleet(path), models="m")


def turn(one: Supervisor, *seconds: float) -> None:
    for second in seconds:
        one._follow_file()
        one.step(second, round(second * 1e6))


def test_cameras_wait_for_all_shards_and_are_spread(path: Path) -> None:
    shards = Shards()
    one = made(path, shards)
    turn(one, 0.0)
    assert one.board.readiness() == (False, "not read: gate, yard")
    turn(one, 0.5, 1.0)
    assert sorted(len(names) for names in shards.read().values()) == [1, 1]
    assert one.board.readiness() == (True, "ready")
    text = {metric.name: metric for metric in one.board.collect()}
    assert {s.labels["node"] for s in text["alpr_camera_up"].samples} == {"n0", "n1"}
    assert text["alpr_fleet_unread_cameras"].samples[0].value == 0


@pytest.mark.parametrize(
    ("found", "told"),
    [(("0.0.9", "m"), f"has alpr-streamer 0.0.9, this process {VERSION}"), ((VERSION, "x"), "networks x")],
)
def test_a_node_that_differs_is_refused_and_the_others_read(
    path: Path, found: tuple[str, str], told: str, caplog: pytest.LogCaptureFixture
) -> None:
    shards = Shards()
    shards.versions["n0/1"] = found
    one = made(path, shards)
    turn(one, 0.0, 0.5, 1.0)
    assert shards.read() == {"n0/1": [], "n1/1": ["gate", "yard"]}
    assert [r.message for r in caplog.records if "refused" in r.message and told in r.message]


def test_where_no_node_can_read_the_fleet_ends(path: Path) -> None:
    shards = Shards()
    shards.faults = {"n0/1": "no model files", "n1/1": "no model files"}
    with pytest.raises(ModelError, match="n1/1: no model files"):
        turn(made(path, shards), 0.0)
    shards = Shards(1)
    shards.versions["n0/1"] = ("0.0.9", "m")
    with pytest.raises(ConfigError, match=r"0\.0\.9"):
        turn(made(path, shards), 0.0)


def test_the_file_is_followed_and_a_bad_one_is_not(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    shards = Shards()
    one = made(path, shards)
    turn(one, 0.0, 0.5, 1.0)
    before = dict(one.control.grants)
    write(path, "gate", "yard", "dock", more="fleet: {nodes: 3}")
    turn(one, 1.5, 2.0, 2.5)
    assert sorted(name for names in shards.read().values() for name in names) == ["dock", "gate", "yard"]
    assert {name: one.control.grants[name] for name in before} == before
    assert shards.resized == [3]
    write(path, "gate", "yard", more="nonsense: 1")
    turn(one, 3.0)
    write(path, "gate", "yard", more="vote: {rejoin_s: 5}")
    turn(one, 3.5)
    assert len(one.control.grants) == 3
    messages = " ".join(r.message for r in caplog.records if r.levelname == "ERROR")
    assert "nonsense" in messages
    assert "only cameras and fleet.nodes can be changed" in messages
    write(path, "gate")
    turn(one, 4.0, 4.5, 5.0)
    assert sorted(name for names in shards.read().values() for name in names) == ["gate"]


def test_a_node_that_ends_is_left_and_one_that_is_gone_is_forgotten(path: Path) -> None:
    shards = Shards()
    one = made(path, shards)
    turn(one, 0.0, 0.5, 1.0)
    gone = shards.shards.pop(0)
    shards.gone = [(gone.shard, "is gone with its node")]
    turn(one, 1.5, 2.0, 2.5)
    assert shards.read()["n1/1"] == ["gate", "yard"]
    turn(one, 700.0)
    assert list(one.control.shards) == ["n1/1"]


@pytest.fixture
def running(path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Supervisor, Shards, threading.Event]]:
    monkeypatch.setattr(module, "STEP_S", 0.02)
    shards, stop = Shards(), threading.Event()
    one = made(path, shards)
    thread = threading.Thread(target=one.run, args=(stop,))
    thread.start()
    yield one, shards, stop
    stop.set()
    thread.join(10)
    assert not thread.is_alive()


def eventually(condition: Any) -> None:
    import time

    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_it_runs_on_a_store_and_drains_by_it(
    running: tuple[Supervisor, Shards, threading.Event], path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from click.testing import CliRunner

    from streamer.cli import cli

    one, shards, stop = running
    eventually(lambda: sum(map(len, shards.read().values())) == 2)

    def call(*arguments: str) -> str:
        done = CliRunner().invoke(cli, ["fleet", *arguments, "--config", str(path)])
        assert done.exit_code == 0, done.output
        return done.output

    eventually(lambda: "gate: reading" in call("status"))
    assert "n0: up, " in call("status")
    assert "2 entries wait for the store (1 s)" in call("status")
    assert '"name": "n1"' in call("status", "--json")
    assert "gives up its cameras" in call("drain", "n0")
    eventually(lambda: shards.read()["n1/1"] == ["gate", "yard"])
    eventually(lambda: "n0: drained" in call("status"))
    assert "may have cameras again" in call("drain", "n0", "--undo")
    eventually(lambda: not one.control.draining)
    with open_database(path.parent / "plates.db") as database:
        assert {c: lease.holder for c, lease in Leases(database).last().items()} == {"gate": "n1/1-p", "yard": "n1/1-p"}
        monkeypatch.setattr(module, "SUPERVISOR_S", 0.2)
        with pytest.raises(ConfigError, match="supervises its fleet"):
            supervise(database, threading.Event())
        assert supervise(database, stopped()) is None
    stop.set()
    eventually(lambda: shards.closed)


def stopped() -> threading.Event:
    event = threading.Event()
    event.set()
    return event


def test_one_that_was_overtaken_ends(path: Path) -> None:
    database: Database = open_database(path.parent / "plates.db", create=True)
    with database:
        mine = supervise(database, threading.Event())
        assert mine is not None
        keeper = module.Keeper(database, replace(mine, token=mine.token - 1), 5.0)
        one = made(path, Shards())
        with pytest.raises(ConfigError, match="another fleet process"):
            one._loop(keeper, threading.Event())
        keeper.close()


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("cameras: {a: rtsp://x}\n", "give one output of type store"),
        (
            "outputs: [{type: store, path: p.db}, {type: csv, path: x.csv}]\n",
            r"outputs.1.type: csv is an output of one",
        ),
        ("outputs: [{type: store, path: p.db, crops: true}]\n", "a fleet keeps none"),
        ("outputs: [{type: store, path: p.db}]\nfleet: {silent_s: 9}\n", "expected at least silent_s"),
        ("outputs: [{type: store, path: p.db}]\nfleet: {shards: 9}\n", "shards"),
        (
            "outputs: [{type: store, path: p.db}]\ncameras: {a: {url: rtsp://x, outputs: [{type: csv, path: x}]}}\n",
            "one store for all cameras",
        ),
    ],
)
def test_what_is_wrong_with_a_file_is_told_in_a_line(tmp_path: Path, text: str, told: str) -> None:
    (tmp_path / "f.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError, match=told):
        load_fleet(tmp_path / "f.yaml")
