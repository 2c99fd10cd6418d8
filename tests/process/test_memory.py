"""What glibc is asked for, and that nothing is asked for elsewhere."""

from __future__ import annotations

import ctypes
import subprocess
import sys

import pytest

from streamer.process import memory

FREED = """
import resource
from pathlib import Path
from streamer.process.memory import trim_heaps, keep_memory_small
def resident():
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize() / 1e6
keep_memory_small()
kept = [bytes(3000) for _ in range(60_000)]
full = resident()
kept = kept[::100]
trim_heaps()
print(full - resident())
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="glibc's")
def test_what_is_free_between_what_stays_goes_back() -> None:
    if memory._glibc("malloc_trim") is None:
        pytest.skip("no glibc here")
    done = subprocess.run([sys.executable, "-c", FREED], capture_output=True, text=True, check=True)
    assert float(done.stdout) > 60  # of 180 MB, most pages of which hold a piece that stays


@pytest.mark.parametrize("platform", ["darwin", "win32", "linux"])
def test_elsewhere_nothing_is_done(platform: str, monkeypatch: pytest.MonkeyPatch) -> None:
    class Without:
        def __init__(self, name: object) -> None:
            pass

    monkeypatch.setattr(sys, "platform", platform)
    monkeypatch.setattr(ctypes, "CDLL", Without)
    memory._glibc.cache_clear()
    try:
        memory.keep_memory_small()
        memory.trim_heaps()
        assert memory._glibc("mallopt") is None
    finally:
        memory._glibc.cache_clear()
