"""Searches beside cameras: in a process of their own."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from storekit import row

from streamer.errors import ConfigError
from streamer.pipeline.status import Streams
from streamer.serve.web import searches as module
from streamer.serve.web.context import Site
from streamer.serve.web.faults import TooMany
from streamer.serve.web.searches import Searches
from streamer.sink.events import PassageFinal
from streamer.store.database import Database, open_database
from streamer.store.paging import page
from streamer.store.selection import Selection
from streamer.store.sink import StoreSink


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Database]:
    path = tmp_path / "plates.db"
    sink = StoreSink(str(path))
    for k, plate in enumerate(("AB123", "AB124", "CD999")):
        sink.write(PassageFinal("gate", row(k + 1, plate)))
    sink.close()
    with open_database(path) as database:
        yield database


@pytest.fixture
def searches() -> Iterator[Searches]:
    one = Searches()
    yield one
    one.close()


def test_it_finds_what_the_store_finds(store: Database, searches: Searches) -> None:
    chosen = Selection(text="AB*")
    found = searches.page(store, chosen, cursor=None, limit=10, who="maria")
    assert found == page(store, chosen, limit=10, quiet=True)
    assert len(found.lines) == 2


def test_faults_come_as_they_are(store: Database, searches: Searches) -> None:
    with pytest.raises(ConfigError, match="no meaning"):
        searches.page(store, Selection(text="A*", how="likely"), cursor=None, limit=10, who="maria")


def test_a_killed_process_is_begun_again(store: Database, searches: Searches) -> None:
    searches.page(store, Selection(text="AB*"), cursor=None, limit=10, who="maria")
    assert searches._pool is not None
    (pid,) = searches._pool._processes
    os.kill(pid, signal.SIGKILL)
    assert len(searches.page(store, Selection(text="CD*"), cursor=None, limit=10, who="maria").lines) == 1


def test_too_many_are_refused(store: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_MOST_WAITING", 2)
    one = Searches()
    for _ in range(2):
        assert one._places.acquire(blocking=False)
    with pytest.raises(TooMany) as refused:
        one.page(store, Selection(text="AB*"), cursor=None, limit=10, who="maria")
    assert refused.value.status == 429


@pytest.mark.parametrize(("beside", "text", "other"), [(True, "AB*", True), (True, "", False), (False, "AB*", False)])
def test_only_searches_beside_cameras_go_there(store: Database, beside: bool, text: str, other: bool) -> None:
    site = Site(store=store.name, streams=Streams() if beside else None)
    try:
        found = site.found(Selection(text=text), cursor=None, limit=10, who="maria")
        assert len(found.lines) == (2 if text else 3)
        assert (site.searches._pool is not None) == other
    finally:
        site.close()
    assert site.searches._pool is None
