"""Both databases: an SQLite file, and a PostgreSQL server of the tests' own."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from streamer.chaos.clip_camera import free_port

_MISSING = "no PostgreSQL server here: apt-get install postgresql"
_SETTINGS = (
    "fsync = off\nfull_page_writes = off\nsynchronous_commit = off\nmax_connections = 40\nshared_buffers = 32MB\n"
    "max_wal_senders = 0\nwal_level = minimal\nlisten_addresses = '127.0.0.1'\n"
)


def _programs() -> Path | None:
    """The folder of the server's programs: Debian keeps them out of PATH."""
    if found := shutil.which("pg_ctl"):
        return Path(found).parent
    return max(Path("/usr/lib/postgresql").glob("*/bin"), default=None, key=lambda p: int(p.parent.name))


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """The address of a server without a database's name. `make test` installs it where it may; CI must have it."""
    programs = _programs()
    if programs is None or not (programs / "initdb").exists():
        if os.environ.get("CI") == "true" or os.environ.get("ALPR_REQUIRE_DATA") == "1":
            pytest.fail(_MISSING)
        pytest.skip(_MISSING)
    user = "postgres" if os.getuid() == 0 else None  # the server refuses to run as root
    folder = Path(tempfile.mkdtemp(prefix="alpr-pg-"))
    if user:
        shutil.chown(folder, user)
    data, port = folder / "data", free_port()

    def call(*command: str) -> None:
        done = subprocess.run(command, user=user, cwd=folder, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr

    try:
        call(str(programs / "initdb"), "-D", str(data), "-A", "trust", "-U", "alpr", "-N", "-E", "UTF8", "--locale=C")
        with (data / "postgresql.conf").open("a") as stream:
            stream.write(f"{_SETTINGS}port = {port}\nunix_socket_directories = '{folder}'\n")
        control = [str(programs / "pg_ctl"), "-D", str(data), "-w", "-l", str(folder / "log")]
        call(*control, "start")
        try:
            yield f"postgresql://alpr:hunter22@127.0.0.1:{port}/"
        finally:
            call(*control, "-m", "immediate", "stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


_made = 0


@pytest.fixture(params=["sqlite", "postgresql"])
def where(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A new, empty place for a store in each database."""
    if request.param == "sqlite":
        return str(tmp_path / "plates.db")
    return new_database(request.getfixturevalue("postgres"))


def new_database(server: str) -> str:
    import psycopg

    global _made
    _made += 1
    name = f"t{os.getpid()}_{_made}"
    with psycopg.connect(server + "postgres", autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    return server + name
