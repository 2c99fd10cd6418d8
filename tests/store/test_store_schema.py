"""Opening stores: new ones, of other versions, none at all; and migrations."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import inspect, text

from streamer.errors import ConfigError, OutputError
from streamer.store.database import connect, open_database, version_of
from streamer.store.migrate import migrate
from streamer.store.place import Place, check_file_system, file_system_of
from streamer.store.schema import HEAD, metadata


def test_migrations_make_the_tables_of_the_schema(where: str) -> None:
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    with connect(where, create=True) as database:
        assert version_of(database) is None
        assert migrate(database) == (None, HEAD)
        assert migrate(database) == (HEAD, HEAD)
        with database.engine.connect() as connection:
            found = {t: {i["name"] for i in inspect(connection).get_indexes(t)} for t in metadata.tables}
            assert compare_metadata(MigrationContext.configure(connection), metadata) == []
    for table in metadata.tables.values():
        assert {index.name for index in table.indexes} <= found[table.name]


def test_a_new_store_opens_again(where: str) -> None:
    open_database(where, create=True).close()
    with open_database(where) as database:
        assert version_of(database) == HEAD


def test_what_a_failed_migration_did_is_undone(where: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from alembic import command

    before = command.upgrade

    def fails(*arguments: object) -> None:
        before(*arguments)  # type: ignore[arg-type]
        raise RuntimeError("power failure")

    monkeypatch.setattr(command, "upgrade", fails)
    with connect(where, create=True) as database:
        with pytest.raises(RuntimeError):
            migrate(database)
        assert version_of(database) is None


@pytest.mark.parametrize(("version", "told"), [("0000", "alpr store migrate"), ("9999", "newer version")])
def test_other_versions_are_refused(where: str, version: str, told: str) -> None:
    with open_database(where, create=True) as database, database.write() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = :v"), {"v": version})
    with pytest.raises(ConfigError, match=told):
        open_database(where, create=True)


def test_tables_of_another_program_are_left_alone(where: str) -> None:
    with connect(where, create=True) as database, database.write() as connection:
        connection.execute(text("CREATE TABLE plates (x TEXT)"))
    with pytest.raises(ConfigError, match="another program"):
        open_database(where, create=True)


def test_paths_that_are_no_stores(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"no such store: alpr run SOURCE --store"):
        open_database(tmp_path / "none.db")
    with pytest.raises(ConfigError, match="is a folder"):
        open_database(tmp_path, create=True)
    (tmp_path / "rows.csv").write_text("camera,track_id,plate\n")
    with pytest.raises(ConfigError, match="no SQLite file"):
        open_database(tmp_path / "rows.csv", create=True)
    (tmp_path / "torn.db").write_bytes(b"SQLite format 3\0" + b"x" * 5000)
    with pytest.raises(ConfigError, match="damaged: restore a copy"):
        open_database(tmp_path / "torn.db", create=True)
    (tmp_path / "empty.db").touch()
    with pytest.raises(ConfigError, match="holds no store"):
        open_database(tmp_path / "empty.db")


@pytest.mark.parametrize(
    ("address", "told"),
    [
        ("mysql://u:hunter22@host/db", "no address of a store"),
        ("postgresql://u:hunter22@127.0.0.1:1/db", "check that the database server is running"),
        ("postgresql://u:hunter22@host:port/db", "malformed"),
        ("postgresql://", "names no database"),
        ("postgresql://u:${ALPR_NOT_SET}@host/db", "ALPR_NOT_SET"),
        ("", "empty"),
    ],
)
def test_addresses_that_do_not_work_show_no_password(address: str, told: str) -> None:
    with pytest.raises(ConfigError, match=told) as raised:
        open_database(address, create=True)
    assert "hunter22" not in str(raised.value)
    assert "\n" not in str(raised.value)


def test_a_password_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALPR_DB_PASSWORD", "p%40ss")
    place = Place.of("postgres://u:${ALPR_DB_PASSWORD}@host/db")
    assert place.address == "postgresql+psycopg://u:p%40ss@host/db"
    assert "p%40ss" not in place.name


def test_network_file_systems_are_refused(tmp_path: Path) -> None:
    mounts = tmp_path / "mountinfo"
    share = tmp_path / "my share"
    share.mkdir()
    escaped = str(share).replace(" ", "\\040")
    mounts.write_text(f"21 1 8:1 / / rw - ext4 /dev/sda1 rw\n40 21 0:50 / {escaped} rw shared:1 - nfs4 nas:/x rw\n")
    check_file_system(tmp_path / "plates.db", mounts)
    with pytest.raises(ConfigError, match=r"network file system \(nfs4\).*PostgreSQL"):
        check_file_system(share / "plates.db", mounts)
    assert file_system_of(tmp_path / "plates.db", tmp_path / "absent") is None


def test_one_run_at_a_time_writes_a_file(tmp_path: Path) -> None:
    path = tmp_path / "plates.db"
    with open_database(path, create=True, run=True):
        with pytest.raises(OutputError, match=r"another run is writing to it.*PostgreSQL"):
            open_database(path, create=True, run=True)
        open_database(path).close()  # searches go on
    open_database(path, run=True).close()


def test_what_to_install_where_the_extra_is_missing() -> None:
    code = (
        "import sys; sys.modules['sqlalchemy'] = None\n"
        "from streamer.errors import ConfigError\n"
        "try:\n    import streamer.store.database\n"
        "except ConfigError as error:\n    print(error)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip().startswith("sqlalchemy is not installed: pip install 'alpr-streamer[store]'")
