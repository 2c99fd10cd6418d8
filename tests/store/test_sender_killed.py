"""A run that is killed while it takes rows and sends them: no acknowledged row is lost, none arrives twice by its key,
and those of a camera arrive in their order, wherever the outbox is.

ALPR_KILLS=200 kills more often."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

from notifykit import Receiver, output_of, receiver

from streamer.config.outputs import as_output
from streamer.sink.registry import OutputPlace, open_outputs
from streamer.store.database import open_database
from streamer.store.verify import verify

KILLS = int(os.environ.get("ALPR_KILLS", "4"))
CAMERAS = ("gate", "yard", "lane")

# Forks runs that tell each row that their output took; kills each at a random moment, the first ones as they open.
RUNS = """
import json, os, random, select, signal, sys, time
from pathlib import Path
sys.path[:0] = json.loads(sys.argv[5])
from notifykit import output_of, row
from streamer.config.outputs import as_output
from streamer.sink.registry import OutputPlace, open_outputs

where, entry, kills, cameras = sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4].split()

def run(number, pipe):
    outputs = [as_output({"type": "store", "path": where})] if where else []
    sinks = open_outputs([*outputs, output_of(entry)], OutputPlace(live=True))
    while True:
        event = row(number, cameras[number % len(cameras)])
        for sink in sinks:
            if sink.wants.matches(event):
                sink.write(event)
        os.write(pipe, b"%d\\n" % number)
        time.sleep(0.004)  # or rows come faster than they are sent
        number += 1

chance, acknowledged = random.Random(11), []
for kill in range(kills):
    reading, writing = os.pipe()
    process = os.fork()
    if process == 0:
        try:
            run(acknowledged[-1] + 1 if acknowledged else 0, writing)
        finally:
            os._exit(1)
    os.close(writing)
    if kill % 5:
        select.select([reading], [], [])
    time.sleep(chance.uniform(0.0, 0.15))
    os.kill(process, signal.SIGKILL)
    os.waitpid(process, 0)
    with os.fdopen(reading, "rb") as stream:
        acknowledged += [int(n) for n in stream.read().split(b"\\n")[:-1]]
print(json.dumps(acknowledged))
"""


def entry_of(server: Receiver, more: str = "") -> str:
    attempts = "attempts: {timeout_s: 20, first_s: 0.01, most_s: 0.05, drain_s: 600}"
    return f"{{type: webhook, name: hook, url: '{server.url}', {attempts}{more}}}"


def test_kills_of_a_run_with_an_outbox_file(tmp_path: Path) -> None:
    kills(tmp_path)


def test_kills_of_a_run_with_its_outbox_in_the_store(where: str, tmp_path: Path) -> None:
    kills(tmp_path, where)


def kills(tmp_path: Path, where: str = "") -> None:
    more = "" if where else f", outbox: {tmp_path / 'hook.db'}"
    with receiver() as server:
        # Not all goes well: a server that is away for a moment, and one that breaks off.
        server.answers = [
            (503, {}) if n % 17 == 5 else "reset" if n % 29 == 7 else (200, {}) for n in range(50 * KILLS)
        ]
        command = [sys.executable, "-c", RUNS, where, entry_of(server, more), str(KILLS), " ".join(CAMERAS)]
        done = subprocess.run([*command, json.dumps(sys.path)], capture_output=True, text=True, check=True)
        acknowledged = json.loads(done.stdout)
        server.answers = [(200, {})]
        outputs = [as_output({"type": "store", "path": where})] if where else []
        for sink in reversed(open_outputs([*outputs, output_of(entry_of(server, more))], OutputPlace(live=True))):
            sink.close()  # sends what is left
        ids = server.ids()
        bodies: dict[str, set[bytes]] = {}
        for taken in server.taken:
            bodies.setdefault(taken.headers["Idempotency-Key"], set()).add(taken.body)
    once = list(dict.fromkeys(ids))
    numbers = {camera: [int(key[4:].partition(".")[0]) for key in once if key.startswith(camera)] for camera in CAMERAS}
    assert len(acknowledged) > KILLS // 2
    assert not {f"{CAMERAS[n % 3]}{n}.final" for n in acknowledged} - set(once)
    assert len(once) - len(acknowledged) <= KILLS  # taken by a run that was killed before it could tell
    assert all(found == sorted(found) for found in numbers.values())
    differing = [sorted(found) for found in bodies.values() if len(found) > 1]
    assert differing == []  # a message that is sent again is the same
    doubles = sum(count - 1 for count in Counter(ids).values())
    assert doubles <= 2 * KILLS  # by runs that were killed before the answer came, or was noted
    if where:
        with open_database(where) as database:
            assert [*verify(database, None)] == []
    print(f"{KILLS} kills, {len(acknowledged)} acknowledged, {len(once)} arrived, {doubles} of them again")
