"""A store's database: opening it, transactions for reading and writing, and their errors in one line.

SQLite: a write-ahead log, so that searches do not wait for a run, and every commit on the disk before it counts
(`synchronous=FULL`). One run at a time writes a file; commands beside it wait for one another.
"""

from __future__ import annotations

import errno
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import IO, Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, inspect, make_url, text
from sqlalchemy.exc import ArgumentError, DBAPIError, IntegrityError, SQLAlchemyError

from streamer.config.urls import redact
from streamer.errors import AlprError, ConfigError, OutputError
from streamer.store.extras import extra
from streamer.store.place import Place, check_file_system
from streamer.store.schema import HEAD

try:
    import fcntl
except ModuleNotFoundError:  # Windows
    fcntl = None  # type: ignore[assignment]

BUSY_S = 30.0  # how long a write waits for another process's
_IN_THE_WAY = ("40001", "40P01")  # PostgreSQL gave up one of two transactions that waited for each other
_WRITE, _OUTSIDE = "alpr_write", "alpr_outside"
BINARY = "alpr_binary"  # option of a statement whose rows hold many bytes


class ConflictError(OutputError):
    """Another process deleted or added what a transaction relied on: it may succeed when it is done again."""


class Database:
    """An open store. `read` and `write` are transactions; each may be used from several threads."""

    def __init__(self, place: Place, engine: Engine, lock: IO[bytes] | None = None) -> None:
        self.place, self.name, self.engine, self._lock = place, place.name, engine, lock
        self._writing = engine.execution_options(**{_WRITE: True})

    @property
    def is_sqlite(self) -> bool:
        return self.place.path is not None

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A transaction that sees one state of the store."""
        with self.errors(), self.engine.connect() as connection:
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A transaction that is on the disk when the context ends, and leaves nothing where it fails (OutputError)."""
        with self.errors(), self._writing.begin() as connection:
            yield connection

    @contextmanager
    def outside_transactions(self) -> Iterator[Connection]:
        """A connection for what cannot be part of a transaction."""
        alone = self.engine.execution_options(isolation_level="AUTOCOMMIT", **{_OUTSIDE: True})
        with self.errors(), alone.connect() as connection:
            yield connection

    def forget(self) -> None:
        """Takes deleted rows out of SQLite's log as well; another process that reads just then keeps them there until
        the log is written anew."""
        if self.is_sqlite:
            with self.outside_transactions() as connection:
                connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")

    @contextmanager
    def errors(self) -> Iterator[None]:
        """Turns errors of the database into an OutputError that names the store and a remedy."""
        try:
            yield
        except DBAPIError as error:
            # What a failed write left open must not be used again: a full disk may have broken its connection.
            if error.connection_invalidated or isinstance(error.orig, sqlite3.OperationalError):
                with suppress(SQLAlchemyError):
                    self.engine.dispose()
            in_the_way = getattr(error.orig, "sqlstate", None) in _IN_THE_WAY
            kind = ConflictError if in_the_way or isinstance(error, IntegrityError) else OutputError
            raise kind(_told(self.name, error), at=self.name) from None

    def close(self) -> None:
        """Closes all connections. May be called twice."""
        self.engine.dispose()
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def __enter__(self) -> Database:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def open_database(where: str | Path | Place, *, create: bool = False, run: bool = False) -> Database:
    """Opens a store; ConfigError where it is none, or of another version. `create`: makes it where there is none;
    `run`: as the one process that may write passages to an SQLite file for long."""
    database = connect(where, create=create, run=run)
    try:
        _check_version(database, create=create)
    except BaseException:
        database.close()
        raise
    return database


def connect(where: str | Path | Place, *, create: bool = False, run: bool = False) -> Database:
    """The database as it is, of whatever version (see `open_database`)."""
    place = where if isinstance(where, Place) else Place.of(where)
    if place.path is None:
        return Database(place, _postgres(place))
    path = place.path
    check_file_system(path)
    _check_file(path, create=create)
    lock = _locked(path) if run else None
    engine = create_engine(
        URL.create("sqlite", database=str(path)), connect_args={"timeout": BUSY_S}, pool_reset_on_return="rollback"
    )
    event.listen(engine, "connect", _prepare)
    event.listen(engine, "begin", _begin)
    return Database(place, engine, lock)


def _check_file(path: Path, *, create: bool) -> None:
    try:
        if path.is_dir():
            raise ConfigError(f"{path}: is a folder: give the name of a file, like {path / 'plates.db'}", at=path)
        if not path.exists() and not create:
            raise ConfigError(f"{path}: no such store: alpr run SOURCE --store {path} begins one", at=path)
        if create:
            path.parent.mkdir(parents=True, exist_ok=True)
        # An existing file is not opened here: this process may have it open already, and closing a second descriptor
        # would give up SQLite's locks, so that another process could take its log away.
        if not path.exists():
            with suppress(FileExistsError):  # another process was quicker
                os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o666))
        elif not os.access(path, os.R_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else str(error)
        kind = OutputError if create else ConfigError
        raise kind(f"{path}: cannot be opened ({reason}): give a path in a folder you may write to", at=path) from None
    if not _is_sqlite(path):
        raise ConfigError(
            f"{path}: is no SQLite file: give the store another name (alpr store import reads CSV)", at=path
        )


def _is_sqlite(path: Path) -> bool:
    """Whether SQLite takes it for one of its files; also an empty one, and one that cannot be read just now."""
    try:
        with closing(sqlite3.connect(path.absolute().as_uri() + "?mode=rw", uri=True, timeout=0)) as connection:
            connection.execute("PRAGMA schema_version").fetchone()
    except sqlite3.OperationalError:
        return True  # whoever opens it next is told why
    except sqlite3.DatabaseError as error:
        if "not a database" in str(error):
            with path.open("rb") as stream:  # nobody has it open as a database
                return stream.read(16) == b"SQLite format 3\0"  # a damaged one: as above
    return True


def _prepare(connection: Any, _: object) -> None:
    """Settings of a new connection to SQLite. Transactions begin where we say (`_begin`)."""
    connection.isolation_level = None
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=FULL")
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.execute("PRAGMA secure_delete=ON")  # what is deleted is overwritten
    cursor.execute("PRAGMA temp_store=MEMORY")
    cursor.execute("PRAGMA cache_size=-32768")
    cursor.close()


def _begin(connection: Connection) -> None:
    """A write takes its lock at once: one that began by reading would fail where another wrote since."""
    options = connection.get_execution_options()
    if not options.get(_OUTSIDE):
        connection.exec_driver_sql("BEGIN IMMEDIATE" if options.get(_WRITE) else "BEGIN")


def _postgres(place: Place) -> Engine:
    extra("psycopg", "postgres")
    try:
        url = make_url(place.address)
        engine = create_engine(url, pool_pre_ping=True, connect_args={"connect_timeout": 10})
    except (ArgumentError, ValueError):
        raise ConfigError(
            f"{place.name}: malformed address: expected postgresql://USER:PASSWORD@HOST:PORT/DATABASE; in a password "
            "write @ as %40, / as %2F, : as %3A, % as %25",
            at=place.name,
        ) from None
    event.listen(engine, "before_cursor_execute", _format)
    return engine


def _format(_: object, cursor: Any, statement: str, parameters: object, context: Any, many: bool) -> None:
    """Rows with many bytes come as they are, not as hexadecimal text of twice the size."""
    if context is not None and context.execution_options.get(BINARY):
        cursor.format = 1


def _locked(path: Path) -> IO[bytes] | None:
    """The lock of the one run that may write the file: on a file beside it, as closing the database's own would give
    up SQLite's locks."""
    if fcntl is None:
        return None
    lock = path.with_name(path.name + ".lock")
    try:
        stream = lock.open("ab+")
    except OSError as error:
        raise OutputError(
            f"{lock}: cannot be opened ({os.strerror(error.errno or 0)}): check its folder", at=lock
        ) from None
    try:
        fcntl.flock(stream.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        stream.close()
        if error.errno not in (errno.EWOULDBLOCK, errno.EACCES):
            return None  # no locks there; SQLite's own keep transactions apart
        raise OutputError(
            f"{path}: another run is writing to it: give each run a store of its own, or use PostgreSQL, which several "
            "may write to",
            at=path,
        ) from None
    return stream


def _check_version(database: Database, *, create: bool) -> None:
    """The tables are there, of this version; `create` makes them in a database without any."""
    version = version_of(database)
    if version is None and create:
        from streamer.store.migrate import migrate

        migrate(database)
    elif version is None:
        raise ConfigError(f"{database.name}: holds no store: alpr run SOURCE --store {database.name} begins one")
    elif version > HEAD:
        raise ConfigError(f"{database.name}: was written by a newer version of this program: install that")
    elif version < HEAD:
        raise ConfigError(
            f"{database.name}: is of an earlier version ({version}, this one has {HEAD}): alpr store migrate "
            f"{database.name}"
        )


def version_of(database: Database) -> str | None:
    """The schema's version; None for an empty database. ConfigError for one with other tables, or none that answers."""
    try:
        with database.engine.connect() as connection:
            tables = set(inspect(connection).get_table_names())
            if "alembic_version" not in tables:
                if tables and not tables.isdisjoint({"passages", "plates"}):
                    raise ConfigError(
                        f"{database.name}: holds tables of another program: give the store its own database"
                    )
                return None
            found = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
            return None if found is None else str(found)
    except DBAPIError as error:
        raise ConfigError(_told(database.name, error)) from None


def _told(name: str, error: DBAPIError) -> str:
    """An error of a database in one line, without the statement and its values, and with a remedy."""
    reason = " ".join(redact(str(error.orig)).split())
    low = reason.lower()
    remedies = {
        ("disk is full", "no space left", "disk i/o error"): "free some space; what was acknowledged is there",
        ("readonly", "read-only", "unable to open", "permission denied for"): "check that you may write to it",
        ("is locked",): f"another process has been writing to it for {BUSY_S:.0f} s; wait for that one",
        ("malformed", "not a database"): "the file is damaged: restore a copy, or take what is left (sqlite3 .recover)",
        ("authentication", "no password"): "check user and password of the address",
        ("connection", "could not translate", "timeout", "terminating"): "check that the database server is running",
    }
    remedy = next((r for words, r in remedies.items() if any(w in low for w in words)), "see the database's log")
    return f"{name}: cannot be used ({reason}): {remedy}"


def is_expected(error: BaseException) -> bool:
    """Whether an error needs no traceback."""
    return isinstance(error, AlprError | SQLAlchemyError)
