"""Retention, purges with their reports, and plates as keyed hashes, in both databases."""

from __future__ import annotations

import hashlib
import stat
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError
from sqlalchemy import func, select, text
from storekit import WHEN, row

from streamer.config.keep import HashConfig, KeepConfig
from streamer.errors import ConfigError, OutputError
from streamer.sink.events import HealthChanged, PassageFinal, PassageProvisional, TrackRejected
from streamer.store import schema
from streamer.store.database import Database, open_database
from streamer.store.hashing import Keys
from streamer.store.privacy import Retention
from streamer.store.purge import purge
from streamer.store.search import Query, find
from streamer.store.sink import StoreSink
from streamer.store.times import micros
from streamer.store.verify import verify
from streamer.types import Passage, Rejection, WatchMatch

DAY = timedelta(days=1)
NOW = WHEN + 100 * DAY
HIT = (WatchMatch("stolen", "watch", "AB123", "exact"),)
SLOTS = ((("A", 1.0),), (("", 1.0),))


def clock() -> int:
    return micros(NOW)


def aged(number: int, days: float, plate: str = "", **changes: Any) -> Passage:
    """A passage of so many days ago."""
    seen = NOW - days * DAY
    return row(number, plate or f"P{number}", first_seen=seen, last_seen=seen, **changes)


def stored(where: str, folder: Path, rows: list[Passage], **settings: Any) -> StoreSink:
    sink = StoreSink(where, crops=True, rejections=True, provisional=True, folder=str(folder), **settings)
    for one in rows:
        sink.write(PassageFinal("gate", replace(one, crop=np.zeros((4, 8, 3), np.uint8), posterior=SLOTS)))
    return sink


def count(database: Database, table: Any) -> int:
    with database.read() as connection:
        return int(connection.execute(select(func.count()).select_from(table)).scalar_one())


def plates_in(database: Database) -> list[str]:
    with database.read() as connection:
        names = select(schema.plates.c.text).join(schema.passages, schema.passages.c.plate_id == schema.plates.c.id)
        return sorted(connection.execute(names).scalars())


def everything(database: Database) -> str:
    """All values of all tables."""
    with database.read() as connection:
        return repr([connection.execute(select(t)).all() for t in schema.metadata.tables.values()])


def test_rows_and_pictures_go_by_age_those_on_lists_later(where: str, tmp_path: Path) -> None:
    rows = [aged(1, 50), aged(2, 5), aged(3, 50, watch=HIT), aged(4, 15), aged(5, 99, watch=HIT)]
    sink = stored(where, tmp_path / "f", rows)
    rules = KeepConfig(passages_days=30, listed_days=90, pictures_days=10, listed_pictures_days=60)
    would = purge(sink.database, rules, tmp_path / "f", dry_run=True, clock=clock)
    report = purge(sink.database, rules, tmp_path / "f", clock=clock, who="anna")
    assert would["deleted"] | {"plates": 2} == report["deleted"]
    assert (report["deleted"]["passages"], report["deleted"]["pictures"], report["complete"]) == (2, 3, True)
    assert plates_in(sink.database) == ["P2", "P3", "P4"]
    assert sorted(int(p.stem, 16) for p in (tmp_path / "f").rglob("*.png")) == [2, 3]
    gone = "".join(f"{n:016x}\n" for n in (5, 1))  # the oldest first
    assert report["event_ids_sha256"] == hashlib.sha256(gone.encode()).hexdigest()
    assert [*verify(sink.database, tmp_path / "f")] == []
    assert count(sink.database, schema.posteriors) == 3
    sink.close()


def test_the_oldest_go_by_size(where: str, tmp_path: Path) -> None:
    sink = stored(where, tmp_path / "f", [aged(k, 20 - k) for k in range(12)])
    each = next((tmp_path / "f").rglob("*.png")).stat().st_size
    report = purge(sink.database, KeepConfig(pictures_mb=each * 4.5 / 1e6), tmp_path / "f", clock=clock)
    assert report["deleted"]["pictures"] == 8
    assert sorted(int(p.stem, 16) for p in (tmp_path / "f").rglob("*.png")) == [8, 9, 10, 11]
    report = purge(sink.database, KeepConfig(passages_mb=0.001), tmp_path / "f", clock=clock)
    assert report["deleted"]["passages"] > 0
    left = plates_in(sink.database)
    assert left == sorted([f"P{k}" for k in range(12)][-len(left) :] if left else [])
    sink.close()


def test_other_tables_go_by_age(where: str, tmp_path: Path) -> None:
    sink = stored(where, tmp_path / "f", [])
    rejection = Rejection(
        "gate", 7, "nothing legible", None, 0, 1, "X1", 0, 1, 2, 1, 0, 0, NOW - 20 * DAY, (0, 0, 1, 1), 0.4, 3, 0
    )
    sink.write(TrackRejected("gate", rejection))
    sink.write(HealthChanged("gate", True))
    rules = KeepConfig(rejections_days=10, health_days=10, audit_days=10)
    report = purge(sink.database, rules, None, clock=clock)
    assert (report["deleted"]["rejections"], report["deleted"]["health"]) == (1, 0)  # health is of this moment
    report = purge(sink.database, rules, None, clock=lambda: micros(NOW + 400 * DAY))
    assert (report["deleted"]["health"], report["deleted"]["audit"]) == (1, 1)
    sink.close()


def test_a_plate_is_erased_and_nothing_of_it_is_left(where: str, tmp_path: Path) -> None:
    sink = stored(where, tmp_path / "f", [aged(1, 1, "AB123"), aged(2, 2, "XY987"), aged(3, 3, "AB123")])
    report = purge(sink.database, KeepConfig(), tmp_path / "f", erase=["AB123"], clock=clock)
    assert (report["deleted"]["passages"], report["plates_erased"]) == (2, 1)
    assert "AB123" not in everything(sink.database)
    if sink.database.is_sqlite:
        sink.close()
        assert not any(b"AB123" in path.read_bytes() for path in tmp_path.glob("plates.db*") if path.is_file())
    sink.close()


def test_reports_are_a_chain(where: str, tmp_path: Path) -> None:
    sink = stored(where, tmp_path / "f", [aged(k, k) for k in range(1, 6)])
    for days in (4.5, 3.5, 2.5):
        purge(sink.database, KeepConfig(passages_days=days), tmp_path / "f", clock=clock)
    assert [*verify(sink.database, tmp_path / "f")] == []
    with sink.database.write() as connection:
        second = connection.execute(select(schema.audit.c.id).order_by(schema.audit.c.id)).scalars().all()[1]
        connection.execute(schema.audit.delete().where(schema.audit.c.id == second))
    [fault] = verify(sink.database, tmp_path / "f")
    assert "does not follow the last one" in fault
    sink.close()


def test_pictures_of_a_server_are_not_left_behind(postgres_where: str, tmp_path: Path) -> None:
    sink = stored(postgres_where, tmp_path / "f", [aged(1, 50)])
    with pytest.raises(ConfigError, match="--files FOLDER"):
        purge(sink.database, KeepConfig(passages_days=1), None, clock=clock)
    assert plates_in(sink.database) == ["P1"]
    sink.close()


@pytest.fixture
def postgres_where(postgres: str) -> str:
    return postgres + "postgres"


def test_a_run_deletes_every_hour_a_part_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import streamer.store.privacy as module

    monkeypatch.setattr(module, "_MOST", 2)
    now = [0.0]
    sink = stored(str(tmp_path / "p.db"), tmp_path / "f", [aged(k, 300 + k) for k in range(5)])
    retention = Retention(sink.database, KeepConfig(passages_days=30), tmp_path / "f", clock=lambda: now[0])
    left = []
    for moment in (0.0, 1.0, 2.0, 3.0, 1800.0):
        now[0] = moment
        retention.step()
        left.append(len(plates_in(sink.database)))
    assert left == [3, 1, 0, 0, 0]
    sink.write(PassageFinal("gate", aged(9, 400)))
    now[0] = 3590.0
    retention.step()
    assert len(plates_in(sink.database)) == 1
    now[0] = 3700.0
    retention.step()
    assert plates_in(sink.database) == []
    sink.close()


def test_a_recording_is_cleaned_at_its_end(where: str, tmp_path: Path) -> None:
    stored(where, tmp_path / "f", [aged(1, 400), aged(2, 401)], keep=KeepConfig(passages_days=30)).close()
    with open_database(where) as database:
        assert count(database, schema.passages) == 0


def test_a_run_goes_on_where_a_purge_took_its_plates(where: str, tmp_path: Path) -> None:
    sink = stored(where, tmp_path / "f", [aged(1, 50, "AB123")])
    with open_database(where) as other:
        purge(other, KeepConfig(passages_days=30), tmp_path / "f", clock=clock)
    sink.write(PassageFinal("gate", aged(2, 1, "AB123")))
    assert plates_in(sink.database) == ["AB123"]
    sink.close()


def private(tmp_path: Path, plates: str = "others") -> HashConfig:
    return HashConfig.model_validate({"plates": plates, "keys": str(tmp_path / "keys.json")})


def test_plates_on_no_list_are_kept_as_hashes(where: str, tmp_path: Path) -> None:
    rows = [aged(1, 1, "SECRET1"), aged(2, 1, "AB123", watch=HIT), aged(3, 2, "SECRET1", watch=())]
    sink = stored(where, tmp_path / "f", rows, hashing=private(tmp_path))
    rejection = Rejection(
        "gate", 7, "nothing legible", None, 0, 1, "SECRET1", 0, 1, 2, 1, 0, 0, NOW, (0, 0, 1, 1), 0.4, 3, 0
    )
    sink.write(TrackRejected("gate", rejection))
    sink.write(PassageProvisional("gate", aged(4, 1, "SECRET2", alternatives=(("SECRET1", 0.1),))))
    sink.waiting("gate", [aged(5, 1, "SECRET2")])
    assert "SECRET" not in everything(sink.database)
    assert [p[0] for p in plates_in(sink.database)] == ["#", "#", "#", "#", "A"]
    assert len({*plates_in(sink.database)}) == 3  # the same plate has the same hash
    assert len([*(tmp_path / "f").rglob("*.png")]) == 1  # of the listed one
    assert count(sink.database, schema.posteriors) == 1
    assert [*verify(sink.database, tmp_path / "f")] == []
    hashes = tuple(Keys(tmp_path / "keys.json", create=False).all_of("SECRET1"))
    found = find(sink.database, Query("SECRET1", "exact", hashes=hashes))
    assert [f.record["event_id"][-1] for f in found] == ["1", "3"]
    for how in ("pattern", "alike", "exact"):
        assert find(sink.database, Query("SECRET1", how)) == []  # type: ignore[arg-type]
    purge(sink.database, KeepConfig(), tmp_path / "f", erase=hashes, clock=clock)
    assert len(plates_in(sink.database)) == 3
    sink.close()


def test_a_row_that_leaves_a_list_is_hashed_with_its_past(where: str, tmp_path: Path) -> None:
    sink = stored(where, tmp_path / "f", [], hashing=private(tmp_path))
    sink.write(PassageProvisional("gate", aged(1, 1, "SECRET1", watch=HIT, posterior=SLOTS)))
    sink.write(PassageProvisional("gate", aged(1, 1, "SECRET7", watch=HIT, posterior=SLOTS)))
    assert "SECRET7" in everything(sink.database)
    sink.write(PassageFinal("gate", aged(1, 1, "SECRET7", watch=())))
    assert "SECRET" not in everything(sink.database)
    assert count(sink.database, schema.revisions) == 2
    sink.close()


def test_a_row_that_waited_when_a_run_was_killed_stays_hashed_as_it_was(where: str, tmp_path: Path) -> None:
    killed = stored(where, tmp_path / "f", [], hashing=private(tmp_path, "all"))
    killed.waiting("gate", [aged(1, 1, "SECRET1")])
    before = plates_in(killed.database)
    killed.database.close()
    sink = stored(where, tmp_path / "f", [], hashing=private(tmp_path, "all"))
    sink.waiting("gate", [])
    assert plates_in(sink.database) == before
    sink.close()


def moving(path: Path, days: list[float], **settings: float) -> Callable[[], Keys]:
    return lambda: Keys(path, clock=lambda: micros(NOW + days[0] * DAY), **settings)


def test_keys_change_and_old_ones_are_deleted(tmp_path: Path) -> None:
    days = [0.0]
    keys = moving(tmp_path / "keys.json", days, rotate_days=30, remember_days=60)
    first = keys().of("AB123")
    assert keys().of("AB123") == first
    assert stat.S_IMODE((tmp_path / "keys.json").stat().st_mode) == 0o600
    running = keys()
    days[0] = 31
    second = running.of("AB123")
    assert second != first
    assert {first, second} == set(keys().all_of("AB123"))  # seen before can still be told
    days[0] = 90
    assert first in keys().all_of("AB123")
    days[0] = 92
    assert first not in keys().all_of("AB123")
    assert not set(first[1:]) & set("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ")  # no pattern finds a part of it


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("{}", "is no file of keys"),
        ('{"keys": []}', "is no file of keys"),
        ('{"keys": [{"since": 1, "key": "ab"}]}', "no file"),
    ],
)
def test_files_that_are_no_keys(tmp_path: Path, content: str, told: str) -> None:
    (tmp_path / "keys.json").write_text(content)
    with pytest.raises(ConfigError, match=told):
        Keys(tmp_path / "keys.json")
    with pytest.raises(ConfigError, match="no such file of keys"):
        Keys(tmp_path / "none.json", create=False)
    with pytest.raises(OutputError, match="cannot be written"):
        Keys(tmp_path / "keys.json" / "x")


def test_hashes_need_a_key() -> None:
    with pytest.raises(ValidationError, match="a hash without a key is no protection"):
        HashConfig(plates="all")


def test_deleted_rows_are_no_longer_in_the_file(tmp_path: Path) -> None:
    sink = stored(str(tmp_path / "p.db"), tmp_path / "f", [aged(k, 50, f"GONE{k}") for k in range(300)])
    with sink.database.write() as connection:
        connection.execute(text("UPDATE runs SET host = 'here'"))
    purge(sink.database, KeepConfig(passages_days=1), tmp_path / "f", clock=clock)
    sink.close()
    assert not any(b"GONE" in path.read_bytes() for path in tmp_path.glob("p.db*") if path.is_file())


def test_a_plate_never_gets_the_number_of_another_that_was_deleted(where: str, tmp_path: Path) -> None:
    sink = stored(where, tmp_path / "f", [aged(1, 50, "AB123")])
    with open_database(where) as other:
        purge(other, KeepConfig(passages_days=30), tmp_path / "f", clock=clock)
    sink.write(PassageFinal("gate", aged(2, 1, "XY987")))
    sink.write(PassageFinal("gate", aged(3, 1, "AB123")))
    assert plates_in(sink.database) == ["AB123", "XY987"]
    sink.close()
