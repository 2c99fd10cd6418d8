"""Tables of the store, for SQLite and PostgreSQL. Changes of them are migrations (migrations/versions).

Times are microseconds since 1970 in UTC (`times.py`); where a row's clock time had an offset, it stands beside it.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Double,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    false,
)

# The schema that this version of the program reads and writes: the last file in migrations/versions.
HEAD = "0006"

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

Id = BigInteger().with_variant(Integer, "sqlite")  # SQLite numbers rows only of an INTEGER key
Micros = BigInteger()
# Compared byte by byte, so that indexes serve ranges and prefixes, and both databases order alike.
Exact = String().with_variant(String(collation="C"), "postgresql")

# Facts about the store itself: the folder of its files, which run is the last, keys' names.
meta = Table("meta", metadata, Column("key", String, primary_key=True), Column("value", Text, nullable=False))

# One for each process that wrote passages. `ended_at` is null while it runs, and where it was killed.
runs = Table(
    "runs",
    metadata,
    Column("id", Id, primary_key=True),
    Column("started_at", Micros, nullable=False),
    Column("ended_at", Micros),
    Column("version", String, nullable=False),
    Column("host", String, nullable=False),
    Column("pid", Integer, nullable=False),
)

cameras = Table(
    "cameras",
    metadata,
    Column("id", Id, primary_key=True),
    Column("name", Exact, nullable=False, unique=True),
    Column("source", String, nullable=False, server_default=""),  # file or address, without a password
    Column("added_at", Micros, nullable=False),
    sqlite_autoincrement=True,
)

# When a camera was connected (`up`), or lost and why.
health = Table(
    "health",
    metadata,
    Column("id", Id, primary_key=True),
    Column("camera_id", Id, ForeignKey("cameras.id", ondelete="CASCADE"), nullable=False),
    Column("at", Micros, nullable=False),
    Column("up", Boolean, nullable=False),
    Column("reason", String, nullable=False, server_default=""),
    Index(None, "camera_id", "at"),
)

# Of cameras, plates and passages a number is never used again: a process that remembers one must not mean another row.
# Distinct texts. `folded`: look-alikes as one (plates/look_alikes.py). `hashed`: the text is a keyed hash.
plates = Table(
    "plates",
    metadata,
    Column("id", Id, primary_key=True),
    Column("text", Exact, nullable=False, unique=True),
    Column("folded", Exact, nullable=False, index=True),
    Column("hashed", Boolean, nullable=False, server_default=false()),
    sqlite_autoincrement=True,
)

# Copies of the texts of successive plates, for searches (plate_blocks.py).
plate_blocks = Table(
    "plate_blocks",
    metadata,
    Column("block", Id, primary_key=True, autoincrement=False),
    Column("texts", LargeBinary, nullable=False),
)

# One for each event id, with its newest values; earlier ones are in `revisions`.
#
# `status`: "final", "provisional" (the track goes on), "waiting" (ended; may be joined with another: of cameras),
# "withdrawn" (no row came of it), "merged" (part of another row). `at`: when first seen, or stored where the clock is
# unknown; then `last_at` is null. `offset_s`: of its clock from UTC. `details`: JSON of what is never searched for.
passages = Table(
    "passages",
    metadata,
    Column("id", Id, primary_key=True),
    Column("event_id", Exact, nullable=False, unique=True),
    Column("revision", Integer, nullable=False),
    Column("status", String, nullable=False),
    Column("camera_id", Id, ForeignKey("cameras.id"), nullable=False),
    Column("plate_id", Id, ForeignKey("plates.id"), nullable=False),
    Column("at", Micros, nullable=False),
    Column("last_at", Micros),
    Column("offset_s", Integer, nullable=False, server_default="0"),
    Column("stored_at", Micros, nullable=False),
    Column("run_id", Id),
    Column("time_source", String, nullable=False),
    Column("confidence", Double, nullable=False),
    Column("track_id", Integer, nullable=False),
    Column("first_frame", BigInteger, nullable=False),
    Column("last_frame", BigInteger, nullable=False),
    Column("best_frame", BigInteger, nullable=False),
    Column("first_s", Double, nullable=False),
    Column("last_s", Double, nullable=False),
    Column("dwell_s", Double, nullable=False),
    Column("n_reads", Integer, nullable=False),
    Column("score", Double, nullable=False),
    Column("zone", String),
    Column("flags", String),  # comma-separated
    Column("direction_deg", Integer),
    Column("movement", String),
    Column("region", String),
    Column("colour", String),
    Column("rows", Integer),
    Column("details", Text, nullable=False),
    Index(None, "plate_id", "at", postgresql_include=["id"]),  # SQLite's have it anyway
    Index(None, "camera_id", "at"),
    Index(None, "at"),
    sqlite_autoincrement=True,
)

# Earlier values of a passage, as the JSON of its row (provisional rows and amendments).
revisions = Table(
    "revisions",
    metadata,
    Column("passage_id", Id, ForeignKey("passages.id", ondelete="CASCADE"), primary_key=True),
    Column("revision", Integer, primary_key=True),
    Column("stored_at", Micros, nullable=False),
    Column("row", Text, nullable=False),
)

# The track's fused distributions over characters, packed (posteriors.py).
posteriors = Table(
    "posteriors",
    metadata,
    Column("passage_id", Id, ForeignKey("passages.id", ondelete="CASCADE"), primary_key=True, autoincrement=False),
    Column("slots", LargeBinary, nullable=False),
)

# Tracks that gave no row, where asked for.
rejections = Table(
    "rejections",
    metadata,
    Column("id", Id, primary_key=True),
    Column("camera_id", Id, ForeignKey("cameras.id", ondelete="CASCADE"), nullable=False),
    Column("run_id", Id),
    Column("at", Micros, nullable=False),
    Column("reason", String, nullable=False),
    Column("text", String, nullable=False),
    Column("confidence", Double, nullable=False),
    Column("details", Text, nullable=False),
    Index(None, "camera_id", "at"),
    Index(None, "at"),
)

# Crops of some of them, the newest of each camera and reason: PNG.
rejection_crops = Table(
    "rejection_crops",
    metadata,
    Column("rejection_id", Id, ForeignKey("rejections.id", ondelete="CASCADE"), primary_key=True, autoincrement=False),
    Column("png", LargeBinary, nullable=False),
)

# Texts that a person put in place of what was read, or confirmed (`before` is `after`): the passage has the last one.
corrections = Table(
    "corrections",
    metadata,
    Column("id", Id, primary_key=True),
    Column("passage_id", Id, ForeignKey("passages.id", ondelete="CASCADE"), nullable=False),
    Column("at", Micros, nullable=False),
    Column("who", String, nullable=False),
    Column("before", Exact, nullable=False),
    Column("after", Exact, nullable=False),
    Index(None, "passage_id", "id"),
    Index(None, "before"),
)

# Pictures in the folder beside the database. `kind`: "crop" or "snapshot"; `path`: relative to that folder.
files = Table(
    "files",
    metadata,
    Column("id", Id, primary_key=True),
    Column("passage_id", Id, ForeignKey("passages.id", ondelete="CASCADE"), nullable=False),
    Column("kind", String, nullable=False),
    Column("path", String, nullable=False, unique=True),
    Column("sha256", String, nullable=False),
    Column("bytes", BigInteger, nullable=False),
    Column("at", Micros, nullable=False),
    UniqueConstraint("passage_id", "kind"),
    Index(None, "at"),
)

# Passages that a list of plates reports (`WatchMatch`). `entry`: the plate on it, empty where a list of allowed ones
# has none; `how` it was compared.
hits = Table(
    "hits",
    metadata,
    Column("id", Id, primary_key=True),
    Column("passage_id", Id, ForeignKey("passages.id", ondelete="CASCADE"), nullable=False),
    Column("revision", Integer, nullable=False),
    Column("watchlist", Exact, nullable=False),
    Column("entry", Exact, nullable=False),
    Column("how", String, nullable=False),
    Column("score", Double),
    Column("at", Micros, nullable=False),
    Column("details", Text, nullable=False, server_default="{}"),
    UniqueConstraint("passage_id", "watchlist", "entry"),
    Index(None, "watchlist", "at"),
)

# What is to be delivered to a target: written in the transaction of its passage, and kept until the target has it.
# `state`: "pending", "sent", "dead". `payload`: the JSON of the row.
outbox = Table(
    "outbox",
    metadata,
    Column("id", Id, primary_key=True),
    Column("target", Exact, nullable=False),
    Column("camera", Exact, nullable=False),
    Column("event_id", Exact, nullable=False),
    Column("revision", Integer, nullable=False),
    Column("payload", Text, nullable=False),
    Column("created_at", Micros, nullable=False),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("next_try_at", Micros, nullable=False),
    Column("state", String, nullable=False, server_default="pending"),
    Column("last_error", Text, nullable=False, server_default=""),
    UniqueConstraint("target", "event_id", "revision"),
    Index(None, "target", "state", "next_try_at"),
    Index(None, "target", "camera", "state", "id"),
)

# Who searched, exported, purged or imported what. Never plates in clear where they are kept hashed.
audit = Table(
    "audit",
    metadata,
    Column("id", Id, primary_key=True),
    Column("at", Micros, nullable=False),
    Column("who", String, nullable=False),
    Column("action", String, nullable=False),
    Column("details", Text, nullable=False, server_default="{}"),
    Column("rows", BigInteger),
    Index(None, "at"),
)

# Who may use the page. `password`: its hash, with the parameters of the hashing; `cameras`: JSON of the names of those
# the user may see, null for all.
users = Table(
    "users",
    metadata,
    Column("id", Id, primary_key=True),
    Column("name", Exact, nullable=False, unique=True),
    Column("password", String, nullable=False),
    Column("role", String, nullable=False),
    Column("cameras", Text),
    Column("added_at", Micros, nullable=False),
    sqlite_autoincrement=True,
)

# Logins that go on. `hash`: SHA-256 of the token that the browser keeps.
sessions = Table(
    "sessions",
    metadata,
    Column("id", Id, primary_key=True),
    Column("user_id", Id, ForeignKey("users.id", ondelete="CASCADE"), nullable=False),
    Column("hash", Exact, nullable=False, unique=True),
    Column("began_at", Micros, nullable=False),
    Column("seen_at", Micros, nullable=False),
    Column("address", String, nullable=False, server_default=""),
    Column("browser", String, nullable=False, server_default=""),
    Index(None, "user_id"),
)

# Tokens of programs. `role`: the most that the token may do; `hash`: as of sessions.
tokens = Table(
    "tokens",
    metadata,
    Column("id", Id, primary_key=True),
    Column("user_id", Id, ForeignKey("users.id", ondelete="CASCADE"), nullable=False),
    Column("name", String, nullable=False),
    Column("hash", Exact, nullable=False, unique=True),
    Column("role", String, nullable=False),
    Column("added_at", Micros, nullable=False),
    Column("expires_at", Micros),
    Column("used_at", Micros),
    Index(None, "user_id"),
)

# Who may read a camera of a fleet, and who might before: the highest token counts (leases.py). An empty camera is the
# right to supervise. `ended_at`: where it was given up.
leases = Table(
    "leases",
    metadata,
    Column("camera", Exact, primary_key=True),
    Column("token", BigInteger, primary_key=True, autoincrement=False),
    Column("holder", String, nullable=False),
    Column("granted_at", Micros, nullable=False),
    Column("expires_at", Micros, nullable=False),
    Column("ended_at", Micros),
)

# The nodes of a fleet as its supervisor saw them last. `draining`: they are to give up their cameras; `details`: JSON.
nodes = Table(
    "nodes",
    metadata,
    Column("name", Exact, primary_key=True),
    Column("seen_at", Micros, nullable=False),
    Column("draining", Boolean, nullable=False, server_default=false()),
    Column("details", Text, nullable=False, server_default="{}"),
)
