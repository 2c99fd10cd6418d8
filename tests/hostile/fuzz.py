"""Clips with wrong bytes through whole runs, in a process with little memory: `python tests/hostile/fuzz.py --help`.

Each input is made from a number alone, so that one which crashed can be made again.
"""

from __future__ import annotations

import argparse
import queue
import random
import resource
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

CORPUS = Path(__file__).parent / "corpus"
MEMORY = 3_000_000_000
HANGS_S = 30.0  # an input takes a tenth of a second
A_PROCESS = 250  # inputs
_SKIPPED = 50  # of a process, before its memory counts


@dataclass
class Report:
    """What became of the inputs: results, clear errors, and the numbers of those that ended otherwise."""

    results: int = 0
    errors: int = 0
    crashes: list[int] = field(default_factory=list)
    hangs: list[int] = field(default_factory=list)
    bad: list[str] = field(default_factory=list)  # torn rows, or an error that names no file
    growth_mb: float = 0.0  # the most that a process grew by, its first inputs aside

    def __str__(self) -> str:
        tried = self.results + self.errors + len(self.crashes) + len(self.hangs)
        return (
            f"{tried} inputs: {self.results} results, {self.errors} clear errors, {len(self.bad)} bad "
            f"{self.bad[:5]}, {len(self.crashes)} crashes {self.crashes[:10]}, {len(self.hangs)} hangs "
            f"{self.hangs[:10]}, memory grew by {self.growth_mb:.1f} MB at most"
        )


def mutated(number: int, clips: list[Path]) -> tuple[str, bytes]:
    """The input of that number: the suffix of the clip that it was, and its bytes."""
    rng = random.Random(number)
    clip = rng.choice(clips)
    data = bytearray(clip.read_bytes())
    for _ in range(rng.choice((1, 1, 2, 4))):
        _MUTATIONS[rng.randrange(len(_MUTATIONS))](data, rng)
    return clip.suffix, bytes(data)


def _flip(data: bytearray, rng: random.Random) -> None:
    for _ in range(rng.choice((1, 8, 64, 512))):
        if data:
            data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)


def _header(data: bytearray, rng: random.Random) -> None:
    """Where the boxes, the parameter sets and the tables are."""
    for _ in range(rng.choice((1, 4, 16))):
        if data:
            data[rng.randrange(min(len(data), 1024))] = rng.choice((0, 1, 0x7F, 0x80, 0xFF, rng.randrange(256)))


def _number(data: bytearray, rng: random.Random) -> None:
    """Four bytes become a size or count that is a lie."""
    at = rng.randrange(max(1, len(data) - 4))
    value = rng.choice((0, 1, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, rng.getrandbits(32)))
    data[at : at + 4] = value.to_bytes(4, rng.choice(("big", "little")))


def _cut(data: bytearray, rng: random.Random) -> None:
    del data[rng.randrange(max(1, len(data))) :]


def _lose(data: bytearray, rng: random.Random) -> None:
    at = rng.randrange(max(1, len(data)))
    del data[at : at + rng.choice((1, 4, 188, 4096))]


def _repeat(data: bytearray, rng: random.Random) -> None:
    at, size = rng.randrange(max(1, len(data))), rng.choice((1, 4, 188, 4096))
    data[at:at] = data[at : at + size]


def _noise(data: bytearray, rng: random.Random) -> None:
    at, size = rng.randrange(max(1, len(data))), rng.choice((16, 256, 2048))
    data[at : at + size] = rng.choice((bytes(size), rng.randbytes(size)))


_MUTATIONS = (_flip, _flip, _header, _number, _cut, _lose, _repeat, _noise)


def clips() -> list[Path]:
    """The whole files of the corpus: what every mutation starts from."""
    return sorted(p for p in CORPUS.iterdir() if not any(word in p.stem for word in ("cut", "flips", "zeros", "empty")))


def fuzz(first: int, inputs: int) -> Report:
    """Tries so many inputs from that number on, a process for each few hundred, and after each crash or hang."""
    report, number, end = Report(), first, first + inputs
    while number < end:
        number = _one_process(number, min(end, number + A_PROCESS), report)
    return report


def _one_process(number: int, end: int, report: Report) -> int:
    command = [sys.executable, __file__, "--worker", str(number), str(end)]
    with tempfile.TemporaryFile() as told:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=told, text=True)
        sizes: list[float] = []
        try:
            for line in _lines(process):
                if line is None:
                    report.hangs.append(number)
                    return number + 1
                how, megabytes, text = line.rstrip("\n").split("|", 2)
                sizes.append(float(megabytes))
                report.results += how == "result"
                report.errors += how == "error"
                if how == "bad":
                    report.bad.append(f"{number}: {text}")
                number += 1
        finally:
            process.kill()
            process.wait()
    if len(sizes) > 2 * _SKIPPED:
        report.growth_mb = max(report.growth_mb, sizes[-1] - sizes[_SKIPPED])
    if number < end:
        report.crashes.append(number)
        return number + 1
    return end


def _lines(process: subprocess.Popen[str]) -> Iterator[str | None]:
    """What the process prints, None once it has been silent for too long."""
    lines: queue.Queue[str] = queue.Queue()

    def pump() -> None:
        assert process.stdout is not None
        for line in process.stdout:
            lines.put(line)
        lines.put("")

    threading.Thread(target=pump, daemon=True).start()
    while True:
        try:
            line = lines.get(timeout=HANGS_S)
        except queue.Empty:
            yield None
            return
        if not line:
            return
        yield line


def _work(first: int, end: int) -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    sys.path.insert(0, str(Path(__file__).parents[1]))
    whole = clips()
    with tempfile.TemporaryDirectory(prefix="alpr-fuzz-") as folder:
        for number in range(first, end):
            suffix, data = mutated(number, whole)
            path, rows = Path(folder) / f"input{suffix}", Path(folder) / "rows.csv"
            path.write_bytes(data)
            rows.unlink(missing_ok=True)
            how, text = _tried(path, rows)
            print(how, f"{_resident_mb():.1f}", text.replace("\n", " "), sep="|", flush=True)


def _tried(path: Path, rows: Path) -> tuple[str, str]:
    from streamkit import FakeDetector, FakeReader

    from streamer.errors import InputError
    from streamer.pipeline.runner import run_stream
    from streamer.sink.csv import CsvSink

    try:
        summary = run_stream(path, [CsvSink(rows)], detector=FakeDetector(), reader=FakeReader())
        how, text = "result", f"{summary.frames} frames"
    except InputError as error:
        how, text = "error", str(error)
        if path.name not in text:
            how = "bad"
    return (how, text) if rows.read_bytes().endswith(b"\n") else ("bad", f"torn rows after: {text}")


def _resident_mb() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 1e6


def main() -> int:
    parser = argparse.ArgumentParser(description="Clips with wrong bytes through whole runs.")
    parser.add_argument("--first", type=int, default=0, help="number of the first input")
    parser.add_argument("--inputs", type=int, default=2000, help="how many")
    parser.add_argument("--write", type=Path, help="only write the input FIRST there, its suffix added")
    parser.add_argument("--worker", type=int, nargs=2, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.worker:
        _work(*given.worker)
        return 0
    if given.write:
        suffix, data = mutated(given.first, clips())
        given.write.with_suffix(suffix).write_bytes(data)
        return 0
    report = fuzz(given.first, given.inputs)
    print(report)
    return int(bool(report.crashes or report.hangs or report.bad))


if __name__ == "__main__":
    sys.exit(main())
