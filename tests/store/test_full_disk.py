"""A disk that is really full, for the store and for outboxes: what was taken stays, what was not is told in one line,
and is taken once there is room."""

from __future__ import annotations

import os
import resource
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from notifykit import FakeTarget, down, output_of, row

from streamer.errors import OutputError
from streamer.notify.outbox import Outbox
from streamer.notify.queue import FileBox
from streamer.notify.sink import NotifySink
from streamer.sink.sink import Sink
from streamer.store.database import open_database
from streamer.store.outbox import StoreQueue
from streamer.store.sink import StoreSink
from streamer.store.transfer import Selection, final_records
from streamer.store.verify import verify

_BALLAST = 700_000
_MOST = 20_000  # rows


@dataclass
class Disk:
    """A small one; `free` makes room on it."""

    folder: Path
    free: Callable[[], None]


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    """A file system of 3 MB where one can be mounted, otherwise a limit to the size of files."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=3m", "alpr-test", str(folder)]
    mounted = os.getuid() == 0 and subprocess.run(mount, capture_output=True, check=False).returncode == 0
    if mounted:
        ballast = folder / "ballast"
        ballast.write_bytes(bytes(_BALLAST))
        try:
            yield Disk(folder, ballast.unlink)
        finally:
            subprocess.run(["umount", "-l", str(folder)], check=True)
        return
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_500_000, before[1]))
    try:
        yield Disk(folder, lambda: resource.setrlimit(resource.RLIMIT_FSIZE, before))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def fill(sink: Sink) -> tuple[int, str]:
    """Rows until one is refused: its number, and what is told."""
    for number in range(_MOST):
        try:
            sink.write(row(number))
        except OutputError as error:
            return number, str(error)
    raise AssertionError("the disk was never full")


def target(folder: Path) -> NotifySink:
    output = output_of("{type: webhook, name: hook, url: 'http://127.0.0.1:9/', attempts: {drain_s: 0.01}}")
    return NotifySink("hook", output, FileBox(folder / "hook.db"), "id", FakeTarget(down), live=True)


def check_refused(sink: Sink, refused: int, told: str, disk: Disk) -> None:
    assert refused > 3
    assert str(disk.folder) in told
    assert "\n" not in told
    assert "free" in told
    with pytest.raises(OutputError):
        sink.write(row(refused))
    disk.free()
    for number in range(refused, refused + 5):  # as its delivery does
        sink.write(row(number))


@pytest.mark.parametrize("sends", [False, True])
def test_a_store_on_a_full_disk(disk: Disk, sends: bool) -> None:
    where = str(disk.folder / "plates.db")
    sink = StoreSink(where)
    hook = target(disk.folder)
    if sends:
        sink.take_targets([hook])
        hook.begin_sending()
    refused, told = fill(sink)
    check_refused(sink, refused, told, disk)
    sink.close()
    expected = [f"gate{number}" for number in range(refused + 5)]
    with open_database(where) as database:
        assert [one["event_id"] for one in final_records(database, Selection())] == expected
        assert [*verify(database, None)] == []
        waiting = [one.message.key for one in StoreQueue(database, "hook").listed("waiting")]
    assert waiting == ([f"{event}.final" for event in expected] if sends else [])


def test_an_outbox_file_on_a_full_disk(disk: Disk) -> None:
    hook = target(disk.folder)
    hook.begin_sending()
    refused, told = fill(hook)
    check_refused(hook, refused, told, disk)
    hook.close()
    keys = [one.message.key for one in Outbox(disk.folder / "hook.db").listed("waiting")]
    assert keys == [f"gate{number}.final" for number in range(refused + 5)]
