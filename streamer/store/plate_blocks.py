"""The texts of all distinct plates, packed: a search reads them in a few dozen milliseconds, where an index of plates
takes some hundreds.

A block has the plates of so many successive numbers: a line for each, empty where there is no such plate. Blocks are
copies: whoever deletes plates deletes theirs (`drop_blocks`), and the next search makes them anew.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from sqlalchemy import Connection, delete, func, select, text

from streamer.store.database import BINARY, Database
from streamer.store.schema import plate_blocks, plates

BLOCK = 4096
_AT_ONCE = 64  # blocks made in one transaction, so that a run does not wait for long


def blocks(connection: Connection) -> Iterator[tuple[int, bytes]]:
    """Of each block the number of its first line, and its lines, each with a line feed before and after it. Also of
    plates that are in no block yet."""
    missing = set(range(_highest(connection) // BLOCK + 1))
    stored = select(plate_blocks.c.block, plate_blocks.c.texts).order_by(plate_blocks.c.block)
    for block, lines in connection.execute(stored, execution_options={BINARY: True}):
        missing.discard(block)
        yield block * BLOCK, lines
    for block in sorted(missing):
        yield block * BLOCK, _made(connection, block)


def keep_blocks(database: Database) -> int:
    """Stores the blocks that are full and not stored; gives how many."""
    with database.read() as connection:
        missing = _missing(connection)
    for k in range(0, len(missing), _AT_ONCE):
        with database.write() as connection:
            if not database.is_sqlite:  # a lower number than the highest must not come later
                connection.execute(text("LOCK TABLE plates IN SHARE ROW EXCLUSIVE MODE"))
            still = set(missing[k : k + _AT_ONCE]).intersection(_missing(connection))
            for block in sorted(still):
                connection.execute(plate_blocks.insert(), {"block": block, "texts": _made(connection, block)})
    return len(missing)


def drop_blocks(connection: Connection, numbers: Iterable[int]) -> None:
    """Deletes the copies of deleted plates, in the transaction that deletes these."""
    gone = sorted({number // BLOCK for number in numbers})
    for k in range(0, len(gone), 1000):
        connection.execute(delete(plate_blocks).where(plate_blocks.c.block.in_(gone[k : k + 1000])))


def faults_of_blocks(connection: Connection) -> Iterator[str]:
    """The blocks that have not the texts of their plates."""
    for block in connection.execute(select(plate_blocks.c.block)).scalars().all():
        stored = select(plate_blocks.c.texts).where(plate_blocks.c.block == block)
        lines, made = connection.execute(stored).scalar(), _made(connection, block)
        if lines != made and lines is not None and lines == connection.execute(stored).scalar():  # nobody changes it
            yield f"block {block} of plates: is not what the table of plates has: alpr store vacuum makes it anew"


def _highest(connection: Connection) -> int:
    return int(connection.execute(select(func.coalesce(func.max(plates.c.id), 0))).scalar_one())


def _missing(connection: Connection) -> list[int]:
    full = range((_highest(connection) + 1) // BLOCK)
    stored = set(connection.execute(select(plate_blocks.c.block)).scalars())
    return [block for block in full if block not in stored]


def _made(connection: Connection, block: int) -> bytes:
    first = block * BLOCK
    lines = [b""] * BLOCK
    some = select(plates.c.id, plates.c.text).where(plates.c.id.between(first, first + BLOCK - 1))
    for number, plate in connection.execute(some):
        lines[number - first] = encoded(plate)
    return b"\n" + b"\n".join(lines) + b"\n"


def encoded(plate: str) -> bytes:
    """A plate as it stands in a block."""
    return plate.encode("utf-8", "surrogatepass").replace(b"\n", b"\x1f")
