"""A shard: cameras come and go by its orders, none disturbs another, and their rows come to the store."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sitekit import Camera
from sqlalchemy import select
from streamkit import BLUE, GREEN, PLATES, FakeDetector, FakeReader

from streamer.cluster.fleet.reports import CameraReport, Grant, Order, order_of, report_of
from streamer.cluster.fleet.shard import Shard
from streamer.pipeline.engines import Engines
from streamer.store.database import open_database
from streamer.store.schema import cameras, passages, plates

pytestmark = pytest.mark.timeout(60)


@pytest.fixture
def shard(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Shard]:
    """`request.param`: what it leaves out where the cores do not suffice; nothing."""
    open_database(tmp_path / "plates.db", create=True).close()
    settings: dict[str, Any] = {
        "outputs": [{"type": "store", "path": str(tmp_path / "plates.db")}],
        "fleet": {"state": str(tmp_path / "state")},
        "vote": {"rejoin_s": 0.0},
        "live": {"backoff_s": 0.05, "give_up_s": 0.5},
        "overload": getattr(request, "param", "drop"),
    }
    made = Shard(
        "s0", settings, 1.0, engines=Engines(FakeDetector(), FakeReader(), 0.5),
        source_of=lambda camera, live: Camera(camera.address()),
    )  # fmt: skip
    yield made
    made.close()


class Orders:
    """Gives orders and waits for what follows."""

    def __init__(self, shard: Shard) -> None:
        self.shard, self.number = shard, 0

    def __call__(
        self, done: Callable[[dict[str, CameraReport]], bool], **urls: str | tuple[str, int]
    ) -> dict[str, CameraReport]:
        pairs = {name: (one, 1) if isinstance(one, str) else one for name, one in urls.items()}
        grants = {name: Grant(name, token, "me", 1) for name, (_, token) in pairs.items()}
        settings = {name: {"url": url} for name, (url, _) in pairs.items()}
        deadline = time.monotonic() + 20
        while True:
            self.number += 1
            report = self.shard.follow(Order(self.number, time.time_ns() // 1000, grants, settings))
            assert report.order == self.number
            if done(report.cameras):
                return report.cameras
            assert time.monotonic() < deadline, report
            time.sleep(0.03)


def stored(where: Path) -> set[tuple[str, str, str]]:
    with open_database(where) as database, database.read() as connection:
        wanted = select(cameras.c.name, plates.c.text, passages.c.status).select_from(
            passages.join(cameras).join(plates)
        )
        return {(c, p, s) for c, p, s in connection.execute(wanted)}


def test_cameras_come_and_go_alone(shard: Shard, tmp_path: Path) -> None:
    orders = Orders(shard)
    seen = orders(lambda c: all(one.frames > 5 for one in c.values()), gate="blue", yard="green")
    assert {one.state for one in seen.values()} == {"reading"}
    before = seen["yard"].frames
    left = orders(lambda c: set(c) == {"yard"}, yard="green")
    assert left["yard"].frames >= before  # the same connection: its counts go on
    again = orders(lambda c: c["gate"].frames > 2, yard="green", gate=("blue", 2))
    assert again["gate"].token == 2
    assert again["yard"].frames > before
    orders(lambda c: not c)
    shard.close()
    assert stored(tmp_path / "plates.db") == {("gate", PLATES[BLUE], "final"), ("yard", PLATES[GREEN], "final")}
    assert list((tmp_path / "state").iterdir()) == []


def test_other_settings_open_a_camera_anew_under_its_grant(shard: Shard, tmp_path: Path) -> None:
    orders = Orders(shard)
    orders(lambda c: c["gate"].frames > 2, gate="blue")
    orders(lambda c: "gate" in c and c["gate"].state == "closing", gate="green")
    orders(lambda c: "gate" in c and c["gate"].state == "reading" and c["gate"].frames > 2, gate="green")
    orders(lambda c: not c)
    shard.close()
    assert {plate for _, plate, _ in stored(tmp_path / "plates.db")} == {PLATES[BLUE], PLATES[GREEN]}


def test_one_that_fails_is_told_and_others_are_read(shard: Shard) -> None:
    orders = Orders(shard)
    seen = orders(lambda c: c["bad"].state == "failed" and c["gate"].frames > 2, gate="blue", bad="bad")
    assert "bad: away for" in seen["bad"].error
    seen = orders(lambda c: c["broken"].state == "failed", gate="blue", broken="broken")
    assert seen["broken"].error == "a bug"
    assert seen["gate"].state == "reading"


def test_a_camera_that_another_reads_is_closed(shard: Shard) -> None:
    orders = Orders(shard)
    orders(lambda c: c["gate"].frames > 2, gate="blue")
    shard._lose("gate")
    deadline = time.monotonic() + 10
    while shard.report().cameras:
        assert time.monotonic() < deadline
        time.sleep(0.03)


@pytest.mark.parametrize("shard", ["ladder"], indirect=True)
def test_one_that_the_ladder_pauses_is_told(shard: Shard) -> None:
    orders = Orders(shard)
    orders(lambda c: all(one.frames > 2 for one in c.values()), gate="blue", yard="green")
    assert shard._overload is not None
    shard._overload.step = 9
    report = shard.report()
    assert (report.overload, {n: c.state for n, c in report.cameras.items()}) == (
        9,
        {"gate": "reading", "yard": "paused"},
    )


def test_costs_are_measured(shard: Shard) -> None:
    orders = Orders(shard)
    seen = orders(lambda c: c["gate"].cores is not None and c["yard"].cores is not None, gate="blue", yard="green")
    assert all(0 < (one.cores or 0) < 4 for one in seen.values())


def test_orders_and_reports_survive_the_wire(shard: Shard) -> None:
    import json
    from dataclasses import asdict

    order = Order(3, 5, {"gate": Grant("gate", 1, "me", 1)}, {"gate": {"url": "blue"}}, {"A": "b"})
    assert order_of(json.loads(json.dumps(asdict(order)))) == order
    report = shard.follow(order)
    values = json.loads(json.dumps(asdict(report)))
    assert report_of(values | {"new_key": 1}) == report
