"""A fleet of two real processes: one is killed, the other reads its cameras, and no row is lost or there twice."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import select

from streamer.cli.fleet import load_fleet
from streamer.cluster.fleet.engine import Start
from streamer.cluster.fleet.local import LocalEngine
from streamer.cluster.fleet.reports import CameraReport
from streamer.cluster.fleet.supervisor import Supervisor, shared_settings
from streamer.errors import AlprError, ModelError
from streamer.store.database import open_database
from streamer.store.leases import Leases
from streamer.store.schema import passages
from streamer.store.verify import verify

pytestmark = [pytest.mark.timeout(150), pytest.mark.slow]
CLIP = Path(__file__).parents[2] / "clips" / "demo.mp4"


def wait_for(condition: Callable[[], bool], seconds: float = 60.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


class Fleet:
    """It runs within the context."""

    def __init__(self, folder: Path, more: str = "") -> None:
        self.folder, self.store = folder, folder / "plates.db"
        path = folder / "fleet.yaml"
        path.write_text(
            f"outputs: [{{type: store, path: {self.store}}}]\n"
            f"fleet: {{nodes: 2, state: {folder / 'state'}}}\nvote: {{rejoin_s: 0.5}}\noverload: drop\n{more}"
            f"cameras:\n  gate: {{url: {CLIP}, loop: true}}\n  yard: {{url: {CLIP}, loop: true}}\n",
            encoding="utf-8",
        )
        config = load_fleet(path)
        self.engine = LocalEngine(Start(shared_settings(config), nodes=2, log_level="WARNING"))
        self.supervisor = Supervisor(config, self.engine, path=path)
        self.stop, self.error = threading.Event(), list[AlprError]()
        self.thread = threading.Thread(target=self._run)

    def _run(self) -> None:
        try:
            self.supervisor.run(self.stop)
        except AlprError as error:
            self.error.append(error)

    def __enter__(self) -> Fleet:
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop.set()
        self.thread.join(40)
        assert not self.thread.is_alive()

    def cameras(self) -> Iterator[tuple[str, str, CameraReport]]:
        """Shard, camera and report of those that are read."""
        for shard in list(self.supervisor.control.shards.values()):
            if shard.report is not None and not shard.dead:
                for name, one in shard.report.cameras.items():
                    if one.state == "reading":
                        yield shard.name, name, one


def test_a_killed_process_costs_no_row_and_none_is_there_twice(tmp_path: Path) -> None:
    with Fleet(tmp_path) as fleet:
        wait_for(lambda: {s for s, _, c in fleet.cameras() if c.frames > 3} == {"local-1", "local-2"})
        wait_for(lambda: all(c.rows for _, _, c in fleet.cameras()))
        (victim,) = [c for s, c, _ in fleet.cameras() if s == "local-1"]
        before = fleet.supervisor.control.grants[victim]
        os.kill(fleet.engine.pid("local-1"), signal.SIGKILL)
        wait_for(lambda: any(s == "local-2" and n == victim and c.frames > 3 for s, n, c in fleet.cameras()))
        assert fleet.supervisor.control.grants[victim].token == before.token + 1
        wait_for(lambda: any(n == victim and c.rows for s, n, c in fleet.cameras() if s == "local-2"))
    assert not fleet.error
    assert list((tmp_path / "state").iterdir()) == []  # all that was read is in the store
    with open_database(fleet.store) as database:
        assert [*verify(database, None)] == []
        with database.read() as connection:
            rows = connection.execute(select(passages.c.event_id, passages.c.status, passages.c.revision)).all()
        assert all(lease.expires_at < time.time() * 1e6 + 1e6 for lease in Leases(database).last().values())
    assert len({row.event_id for row in rows}) == len(rows) >= 3
    assert {(row.status, row.revision) for row in rows} == {("final", 1)}


def test_without_networks_no_node_can_read(tmp_path: Path) -> None:
    with Fleet(tmp_path, more="detector: nowhere\n") as fleet:
        wait_for(lambda: not fleet.thread.is_alive())
    (error,) = fleet.error
    assert isinstance(error, ModelError)
    assert "nowhere" in str(error)
